package providers

import "github.com/headless-auth/headless/socialaccount"

// TumblrOAuth2 is Tumblr by OAuth 2.0. Its uid is the name, which people can
// change.
func TumblrOAuth2(c Client) socialaccount.Provider { return tumblrOAuth2.Provider(c) }

var tumblrOAuth2 = Spec{
	ID: "tumblr_oauth2", Name: "Tumblr",
	AuthorizeURL: "https://www.tumblr.com/oauth2/authorize",
	TokenURL:     "https://api.tumblr.com/v2/oauth2/token",
	Scopes:       []string{"read"},
	Profile:      []Call{{URL: "https://api.tumblr.com/v2/user/info", Unwrap: "response.user"}},
	Map:          Mapping{UID: "name", FirstName: "name"},
}
