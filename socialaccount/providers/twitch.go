package providers

import "github.com/headless-auth/headless/socialaccount"

// Twitch is twitch.tv.
func Twitch(c Client) socialaccount.Provider { return twitch.Provider(c) }

var twitch = Spec{
	ID: "twitch", Name: "Twitch",
	AuthorizeURL: "https://id.twitch.tv/oauth2/authorize",
	TokenURL:     "https://id.twitch.tv/oauth2/token",
	Scopes:       []string{"user:read:email"},
	Profile: []Call{{
		URL: "https://api.twitch.tv/helix/users", Headers: map[string]string{"Client-ID": "{client_id}"}, Unwrap: "data[0]",
	}},
	Map: Mapping{UID: "id", Email: "email", Username: "login", Name: "display_name", Display: "login"},
}
