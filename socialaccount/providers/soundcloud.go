package providers

import "github.com/headless-auth/headless/socialaccount"

// SoundCloud is soundcloud.com.
func SoundCloud(c Client) socialaccount.Provider { return soundCloud.Provider(c) }

var soundCloud = Spec{
	ID: "soundcloud", Name: "SoundCloud",
	AuthorizeURL: "https://soundcloud.com/connect",
	TokenURL:     "https://api.soundcloud.com/oauth2/token",
	Profile:      []Call{{URL: "https://api.soundcloud.com/me.json", Auth: Auth{Query: "oauth_token"}}},
	Map:          Mapping{UID: "urn", Email: "email", Username: "username", Name: "full_name"},
}
