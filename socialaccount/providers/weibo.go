package providers

import "github.com/headless-auth/headless/socialaccount"

// Weibo is Sina Weibo.
func Weibo(c Client) socialaccount.Provider { return weibo.Provider(c) }

var weibo = Spec{
	ID: "weibo", Name: "Weibo",
	AuthorizeURL: "https://api.weibo.com/oauth2/authorize",
	TokenURL:     "https://api.weibo.com/oauth2/access_token",
	Profile:      []Call{{URL: "https://api.weibo.com/2/users/show.json?uid={token.uid}", Auth: Auth{Query: "access_token"}}},
	Map:          Mapping{UID: "idstr", Username: "screen_name", Name: "name"},
}
