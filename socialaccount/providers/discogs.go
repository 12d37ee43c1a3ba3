package providers

import "github.com/headless-auth/headless/socialaccount"

// Discogs is discogs.com.
func Discogs(c Client) socialaccount.Provider { return discogs.Provider(c) }

var discogs = Spec{
	ID: "discogs", Name: "discogs",
	AuthorizeURL:    "https://discogs.com/oauth/authorize",
	RequestTokenURL: "https://api.discogs.com/oauth/request_token",
	TokenURL:        "https://api.discogs.com/oauth/access_token",
	Profile:         []Call{{URL: "https://api.discogs.com/oauth/identity"}},
	Map:             Mapping{UID: "id", Username: "username"},
}
