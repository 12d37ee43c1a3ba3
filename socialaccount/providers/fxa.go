package providers

import "github.com/headless-auth/headless/socialaccount"

// FirefoxAccounts is a Mozilla account.
func FirefoxAccounts(c Client) socialaccount.Provider { return fxa.Provider(c) }

var fxa = Spec{
	ID: "fxa", Name: "Firefox Accounts",
	Settings: []Setting{
		{Name: "OAUTH_ENDPOINT", Kind: URL, Default: "https://oauth.accounts.firefox.com/v1"},
		{Name: "PROFILE_ENDPOINT", Kind: URL, Default: "https://profile.accounts.firefox.com/v1"},
	},
	AuthorizeURL: "{OAUTH_ENDPOINT}/authorization",
	TokenURL:     "{OAUTH_ENDPOINT}/token",
	Scopes:       []string{"profile"},
	Profile:      []Call{{URL: "{PROFILE_ENDPOINT}/profile"}},
	Map:          Mapping{UID: "uid", Email: "email"},
}
