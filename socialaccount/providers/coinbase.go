package providers

import "github.com/headless-auth/headless/socialaccount"

// Coinbase is Coinbase by its older OAuth endpoints.
func Coinbase(c Client) socialaccount.Provider { return coinbase.Provider(c) }

var coinbase = Spec{
	ID: "coinbase", Name: "Coinbase",
	AuthorizeURL: "https://www.coinbase.com/oauth/authorize",
	TokenURL:     "https://www.coinbase.com/oauth/token",
	Scopes:       []string{"wallet:user:email"},
	Profile:      []Call{{URL: "https://api.coinbase.com/v2/user", Unwrap: "data"}},
	Map:          Mapping{UID: "id", Email: "email"},
}
