package providers

import "github.com/headless-auth/headless/socialaccount"

// Salesforce is an organization at Salesforce. Key is the URL to log in at.
func Salesforce(c Client) socialaccount.Provider { return salesforce.Provider(c) }

var salesforce = Spec{
	ID: "salesforce", Name: "Salesforce",
	Settings: []Setting{{
		Name: "key", Kind: URL, Required: true,
		Help: `write the URL to log in at: "https://login.salesforce.com", or "https://test.salesforce.com" for a sandbox`,
	}},
	AuthorizeURL: "{key}/services/oauth2/authorize",
	TokenURL:     "{key}/services/oauth2/token",
	Scopes:       []string{"id", "openid"},
	Profile:      []Call{{URL: "{key}/services/oauth2/userinfo", Auth: Auth{Query: "oauth_token"}}},
	Map: Mapping{
		UID: "user_id", Email: "email", EmailVerified: "email_verified", Username: "preferred_username",
		FirstName: "given_name", LastName: "family_name",
	},
}
