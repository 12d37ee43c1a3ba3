package providers

import "github.com/headless-auth/headless/socialaccount"

// Okta is an Okta organization.
func Okta(c Client) socialaccount.Provider { return okta.Provider(c) }

var okta = Spec{
	ID: "okta", Name: "Okta",
	Settings: []Setting{
		{Name: "OKTA_BASE_URL", Kind: Host, Required: true, Help: `write the organization's host, such as "example.okta.com"`},
		{Name: "uid_field", Default: "sub", Help: "the claim that tells users apart"},
	},
	AuthorizeURL: "https://{OKTA_BASE_URL}/oauth2/v1/authorize",
	TokenURL:     "https://{OKTA_BASE_URL}/oauth2/v1/token",
	Scopes:       []string{"openid", "profile", "email", "offline_access"},
	Profile:      []Call{{URL: "https://{OKTA_BASE_URL}/oauth2/v1/userinfo"}},
	Map: Mapping{
		UID: "$uid_field", Email: "email", EmailVerified: "email_verified", Username: "{preferred_username:local}",
		FirstName: "given_name", LastName: "family_name",
	},
}
