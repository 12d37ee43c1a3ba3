package providers

import "github.com/headless-auth/headless/socialaccount"

// Spotify is spotify.com, which does not prove addresses.
func Spotify(c Client) socialaccount.Provider { return spotify.Provider(c) }

var spotify = Spec{
	ID: "spotify", Name: "Spotify",
	AuthorizeURL: "https://accounts.spotify.com/authorize",
	TokenURL:     "https://accounts.spotify.com/api/token",
	EmailScopes:  []string{"user-read-email"},
	Profile:      []Call{{URL: "https://api.spotify.com/v1/me", Auth: Auth{Query: "access_token"}}},
	Map:          Mapping{UID: "id", Email: "email", Name: "display_name"},
}
