package providers

import "github.com/headless-auth/headless/socialaccount"

// Bitly is Bitly by its API v3, which Bitly has retired. Its uid is the login,
// which people can change.
func Bitly(c Client) socialaccount.Provider { return bitly.Provider(c) }

var bitly = Spec{
	ID: "bitly", Name: "Bitly",
	AuthorizeURL: "https://bitly.com/oauth/authorize",
	TokenURL:     "https://api-ssl.bitly.com/oauth/access_token",
	Profile:      []Call{{URL: "https://api-ssl.bitly.com/v3/user/info", Auth: Auth{Query: "access_token"}, Unwrap: "data"}},
	Map:          Mapping{UID: "login", Username: "login", Name: "full_name"},
}
