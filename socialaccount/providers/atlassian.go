package providers

import "github.com/headless-auth/headless/socialaccount"

// Atlassian is an Atlassian account, as used with Jira and Confluence.
func Atlassian(c Client) socialaccount.Provider { return atlassian.Provider(c) }

var atlassian = Spec{
	ID: "atlassian", Name: "Atlassian",
	AuthorizeURL: "https://auth.atlassian.com/authorize",
	TokenURL:     "https://api.atlassian.com/oauth/token",
	Scopes:       []string{"read:me"},
	AuthParams:   map[string]string{"audience": "api.atlassian.com", "prompt": "consent"},
	Profile:      []Call{{URL: "https://api.atlassian.com/me"}},
	Map:          Mapping{UID: "account_id", Email: "email", EmailVerified: "email_verified", Username: "nickname", Name: "name"},
}
