package providers

import "github.com/headless-auth/headless/socialaccount"

// GitLab is gitlab.com, or a GitLab of one's own.
func GitLab(c Client) socialaccount.Provider { return gitlab.Provider(c) }

var gitlab = Spec{
	ID: "gitlab", Name: "GitLab",
	Settings:     []Setting{{Name: "GITLAB_URL", Kind: URL, Default: "https://gitlab.com"}},
	AuthorizeURL: "{GITLAB_URL}/oauth/authorize",
	TokenURL:     "{GITLAB_URL}/oauth/token",
	Scopes:       []string{"read_user"},
	Profile:      []Call{{URL: "{GITLAB_URL}/api/v4/user", Auth: Auth{Query: "access_token"}}},
	Map:          Mapping{UID: "id", Email: "email", Username: "username", Name: "name"},
}
