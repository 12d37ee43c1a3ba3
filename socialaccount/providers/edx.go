package providers

import "github.com/headless-auth/headless/socialaccount"

// EdX is edx.org, or an Open edX of one's own. Its uid is the username.
func EdX(c Client) socialaccount.Provider { return edx.Provider(c) }

var edx = Spec{
	ID: "edx", Name: "Edx",
	Settings:     []Setting{{Name: "EDX_URL", Kind: URL, Default: "https://edx.org"}},
	AuthorizeURL: "{EDX_URL}/oauth2/authorize/",
	TokenURL:     "{EDX_URL}/oauth2/access_token",
	Scopes:       []string{"profile"},
	Profile: []Call{
		{URL: "{EDX_URL}/api/user/v1/me"},
		{URL: "{EDX_URL}/api/user/v1/accounts/{profile.username}", When: NoEmail},
	},
	Map: Mapping{UID: "username", Email: "email", Username: "username", Name: "name"},
}
