package providers

import "github.com/headless-auth/headless/socialaccount"

// StackExchange is stackexchange.com. Key is the key for its API.
func StackExchange(c Client) socialaccount.Provider { return stackExchange.Provider(c) }

var stackExchange = Spec{
	ID: "stackexchange", Name: "Stack Exchange",
	Settings: []Setting{
		{Name: "key", Required: true, Help: "write the key for the API"},
		{Name: "SITE", Default: "stackoverflow", Help: "whose profile is read"},
	},
	AuthorizeURL: "https://stackexchange.com/oauth",
	TokenURL:     "https://stackexchange.com/oauth/access_token",
	Profile:      []Call{{URL: "https://api.stackexchange.com/2.1/me?key={key}&site={SITE}", Auth: Auth{Query: "access_token"}, Unwrap: "items[0]"}},
	Map:          Mapping{UID: "account_id", Username: "display_name"},
}
