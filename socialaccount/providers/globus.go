package providers

import "github.com/headless-auth/headless/socialaccount"

// Globus is globus.org.
func Globus(c Client) socialaccount.Provider { return globus.Provider(c) }

var globus = Spec{
	ID: "globus", Name: "Globus",
	AuthorizeURL: "https://auth.globus.org/v2/oauth2/authorize",
	TokenURL:     "https://auth.globus.org/v2/oauth2/token",
	Scopes:       []string{"openid", "profile", "offline_access"},
	EmailScopes:  []string{"email"},
	Profile:      []Call{{URL: "https://auth.globus.org/v2/oauth2/userinfo"}},
	Map:          Mapping{UID: "sub", Email: "email", Username: "preferred_username", Name: "name"},
}
