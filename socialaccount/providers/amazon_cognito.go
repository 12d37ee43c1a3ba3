package providers

import "github.com/headless-auth/headless/socialaccount"

// AmazonCognito is a user pool of Amazon Cognito.
func AmazonCognito(c Client) socialaccount.Provider { return amazonCognito.Provider(c) }

var amazonCognito = Spec{
	ID: "amazon_cognito", Name: "Amazon Cognito",
	// Cognito takes no redirect URIs with an underscore.
	Slug:         "amazon-cognito",
	Settings:     []Setting{{Name: "DOMAIN", Kind: URL, Required: true, Help: `write the pool's URL, such as "https://example.auth.eu-west-1.amazoncognito.com"`}},
	AuthorizeURL: "{DOMAIN}/oauth2/authorize",
	TokenURL:     "{DOMAIN}/oauth2/token",
	Scopes:       []string{"openid", "profile", "email"},
	Profile:      []Call{{URL: "{DOMAIN}/oauth2/userInfo"}},
	Map: Mapping{
		// Its userinfo endpoint has texts for booleans.
		UID: "sub", Email: "email", EmailVerified: "email_verified=true",
		FirstName: "given_name", LastName: "family_name",
	},
}
