package providers

import "github.com/headless-auth/headless/socialaccount"

// Gitea is gitea.com, or a Gitea or Forgejo of one's own.
func Gitea(c Client) socialaccount.Provider { return gitea.Provider(c) }

var gitea = Spec{
	ID: "gitea", Name: "Gitea",
	Settings:     []Setting{{Name: "GITEA_URL", Kind: URL, Default: "https://gitea.com"}},
	AuthorizeURL: "{GITEA_URL}/login/oauth/authorize",
	TokenURL:     "{GITEA_URL}/login/oauth/access_token",
	Profile:      []Call{{URL: "{GITEA_URL}/api/v1/user", Auth: Auth{Scheme: "token"}}},
	Map:          Mapping{UID: "id", Email: "email", Username: "login", Name: "name", Display: "username|login"},
}
