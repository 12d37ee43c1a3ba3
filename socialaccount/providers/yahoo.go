package providers

import "github.com/headless-auth/headless/socialaccount"

// Yahoo is yahoo.com.
func Yahoo(c Client) socialaccount.Provider { return yahoo.Provider(c) }

var yahoo = Spec{
	ID: "yahoo", Name: "Yahoo",
	AuthorizeURL: "https://api.login.yahoo.com/oauth2/request_auth",
	TokenURL:     "https://api.login.yahoo.com/oauth2/get_token",
	Scopes:       []string{"profile", "email"},
	Profile:      []Call{{URL: "https://api.login.yahoo.com/openid/v1/userinfo"}},
	Map: Mapping{
		UID: "sub", Email: "email", EmailVerified: "email_verified",
		FirstName: "given_name", LastName: "family_name",
	},
}
