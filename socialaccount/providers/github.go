package providers

import "github.com/headless-auth/headless/socialaccount"

// GitHub is github.com, or a GitHub Enterprise server.
func GitHub(c Client) socialaccount.Provider { return github.Provider(c) }

var github = Spec{
	ID: "github", Name: "GitHub",
	Settings: []Setting{{Name: "GITHUB_URL", Kind: URL, Help: "a GitHub Enterprise server", Choices: map[string]map[string]string{
		"":  {"web": "https://github.com", "api": "https://api.github.com"},
		"*": {"web": "{GITHUB_URL}", "api": "{GITHUB_URL}/api/v3"},
	}}},
	AuthorizeURL: "{web}/login/oauth/authorize",
	TokenURL:     "{web}/login/oauth/access_token",
	EmailScopes:  []string{"user:email"},
	Profile: []Call{
		{URL: "{api}/user", Auth: Auth{Scheme: "token"}},
		{URL: "{api}/user/emails", Auth: Auth{Scheme: "token"}, When: ForEmail, Tolerate: []int{404}, Into: "emails"},
	},
	Private: []string{"emails"},
	Map: Mapping{
		UID: "id", Email: "email", Username: "login", Name: "name",
		Emails: &EmailList{List: "emails", Email: "email", Verified: "verified", Primary: "primary"},
	},
}
