package providers

import "github.com/headless-auth/headless/socialaccount"

// Baidu is baidu.com.
func Baidu(c Client) socialaccount.Provider { return baidu.Provider(c) }

var baidu = Spec{
	ID: "baidu", Name: "Baidu",
	AuthorizeURL: "https://openapi.baidu.com/oauth/2.0/authorize",
	TokenURL:     "https://openapi.baidu.com/oauth/2.0/token",
	Profile:      []Call{{URL: "https://openapi.baidu.com/rest/2.0/passport/users/getLoggedInUser", Auth: Auth{Query: "access_token"}}},
	Map:          Mapping{UID: "uid", Username: "uid", Name: "uname", Display: "uname"},
}
