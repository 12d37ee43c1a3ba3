package providers

import "github.com/headless-auth/headless/socialaccount"

// LemonLDAP is a LemonLDAP::NG portal.
func LemonLDAP(c Client) socialaccount.Provider { return lemonLDAP.Provider(c) }

var lemonLDAP = Spec{
	ID: "lemonldap", Name: "LemonLDAP::NG",
	Settings:     []Setting{{Name: "LEMONLDAP_URL", Kind: URL, Required: true, Help: "write the portal's URL"}},
	AuthorizeURL: "{LEMONLDAP_URL}/oauth2/authorize",
	TokenURL:     "{LEMONLDAP_URL}/oauth2/token",
	Scopes:       []string{"openid", "profile", "email"},
	Profile:      []Call{{URL: "{LEMONLDAP_URL}/oauth2/userinfo", Method: "POST"}},
	Map:          Mapping{UID: "sub", Email: "email", Username: "preferred_username", Name: "name"},
}
