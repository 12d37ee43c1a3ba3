package providers

import "github.com/headless-auth/headless/socialaccount"

// Douban is Douban, which has closed its API to new clients.
func Douban(c Client) socialaccount.Provider { return douban.Provider(c) }

var douban = Spec{
	ID: "douban", Name: "Douban",
	AuthorizeURL: "https://www.douban.com/service/auth2/auth",
	TokenURL:     "https://www.douban.com/service/auth2/token",
	Profile:      []Call{{URL: "https://api.douban.com/v2/user/~me"}},
	Map:          Mapping{UID: "id", Username: "id", FirstName: "name"},
}
