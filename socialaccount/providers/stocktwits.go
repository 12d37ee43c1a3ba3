package providers

import "github.com/headless-auth/headless/socialaccount"

// StockTwits is StockTwits, which has closed its API to new clients.
func StockTwits(c Client) socialaccount.Provider { return stockTwits.Provider(c) }

var stockTwits = Spec{
	ID: "stocktwits", Name: "Stocktwits",
	AuthorizeURL:   "https://api.stocktwits.com/api/2/oauth/authorize",
	TokenURL:       "https://api.stocktwits.com/api/2/oauth/token",
	ScopeDelimiter: ",",
	Profile:        []Call{{URL: "https://api.stocktwits.com/api/2/streams/user/{token.user_id}.json", Auth: Auth{None: true}}},
	Map:            Mapping{UID: "user.id", Username: "user.username", Name: "user.name", DisplayIn: "user"},
}
