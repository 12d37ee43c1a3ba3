package providers

import "github.com/headless-auth/headless/socialaccount"

// Tumblr is Tumblr by OAuth 1.0a. Its uid is the name, which people can change.
func Tumblr(c Client) socialaccount.Provider { return tumblr.Provider(c) }

var tumblr = Spec{
	ID: "tumblr", Name: "Tumblr",
	AuthorizeURL:    "https://www.tumblr.com/oauth/authorize",
	RequestTokenURL: "https://www.tumblr.com/oauth/request_token",
	TokenURL:        "https://www.tumblr.com/oauth/access_token",
	Profile:         []Call{{URL: "https://api.tumblr.com/v2/user/info", Unwrap: "response.user"}},
	Map:             Mapping{UID: "name", FirstName: "name"},
}
