package providers

import "github.com/headless-auth/headless/socialaccount"

// Instagram is Instagram by its Basic Display API, which ended in 2024.
func Instagram(c Client) socialaccount.Provider { return instagram.Provider(c) }

var instagram = Spec{
	ID: "instagram", Name: "Instagram",
	AuthorizeURL: "https://api.instagram.com/oauth/authorize",
	TokenURL:     "https://api.instagram.com/oauth/access_token",
	Scopes:       []string{"user_profile"},
	Profile:      []Call{{URL: "https://graph.instagram.com/me?fields=id&fields=username", Auth: Auth{Query: "access_token"}}},
	Map:          Mapping{UID: "id", Username: "username"},
}
