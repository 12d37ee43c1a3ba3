package providers

import "github.com/headless-auth/headless/socialaccount"

// Auth0 is a tenant of Auth0.
func Auth0(c Client) socialaccount.Provider { return auth0.Provider(c) }

var auth0 = Spec{
	ID: "auth0", Name: "Auth0",
	Settings:     []Setting{{Name: "AUTH0_URL", Kind: URL, Required: true, Help: `write the tenant's URL, such as "https://example.eu.auth0.com"`}},
	AuthorizeURL: "{AUTH0_URL}/authorize",
	TokenURL:     "{AUTH0_URL}/oauth/token",
	Scopes:       []string{"openid", "profile", "email"},
	Profile:      []Call{{URL: "{AUTH0_URL}/userinfo", Auth: Auth{Query: "access_token"}}},
	Map:          Mapping{UID: "sub", Email: "email", EmailVerified: "email_verified", Username: "username", Name: "name"},
}
