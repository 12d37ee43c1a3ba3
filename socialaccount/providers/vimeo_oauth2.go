package providers

import "github.com/headless-auth/headless/socialaccount"

// Vimeo is vimeo.com.
func Vimeo(c Client) socialaccount.Provider { return vimeoOAuth2.Provider(c) }

var vimeoOAuth2 = Spec{
	ID: "vimeo_oauth2", Name: "Vimeo",
	AuthorizeURL: "https://api.vimeo.com/oauth/authorize",
	TokenURL:     "https://api.vimeo.com/oauth/access_token",
	Scopes:       []string{"public", "private"},
	Profile:      []Call{{URL: "https://api.vimeo.com/me/"}},
	Map:          Mapping{UID: "{uri:base}", Name: "name"},
}
