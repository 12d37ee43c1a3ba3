package providers

import "github.com/headless-auth/headless/socialaccount"

// Questrade is questrade.com.
func Questrade(c Client) socialaccount.Provider { return questrade.Provider(c) }

var questrade = Spec{
	ID: "questrade", Name: "Questrade",
	AuthorizeURL: "https://login.questrade.com/oauth2/authorize",
	TokenURL:     "https://login.questrade.com/oauth2/token",
	Profile:      []Call{{URL: "{token.api_server}v1/accounts", Hosts: []string{"*.iq.questrade.com"}}},
	Map:          Mapping{UID: "userId"},
}
