package providers

import "github.com/headless-auth/headless/socialaccount"

// CILogon is cilogon.org, a federation of research institutions.
func CILogon(c Client) socialaccount.Provider { return cilogon.Provider(c) }

var cilogon = Spec{
	ID: "cilogon", Name: "CILogon",
	AuthorizeURL: "https://cilogon.org/authorize",
	TokenURL:     "https://cilogon.org/oauth2/token",
	Scopes:       []string{"profile", "org.cilogon.userinfo", "openid"},
	EmailScopes:  []string{"email"},
	Profile:      []Call{{URL: "https://cilogon.org/oauth2/userinfo?alt=json", Auth: Auth{Query: "access_token"}}},
	Map: Mapping{
		UID: "sub", Email: "email", EmailVerified: "verified_email",
		FirstName: "given_name", LastName: "family_name",
	},
}
