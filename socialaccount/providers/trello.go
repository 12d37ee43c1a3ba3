package providers

import "github.com/headless-auth/headless/socialaccount"

// Trello is trello.com. Key is the key for its API.
func Trello(c Client) socialaccount.Provider { return trello.Provider(c) }

var trello = Spec{
	ID: "trello", Name: "Trello",
	Settings: []Setting{
		{Name: "key", Required: true, Help: "write the key for the API"},
		{Name: "APP_NAME", Help: "your name, for the page where people consent"},
	},
	AuthorizeURL:    "https://trello.com/1/OAuthAuthorizeToken",
	RequestTokenURL: "https://trello.com/1/OAuthGetRequestToken",
	TokenURL:        "https://trello.com/1/OAuthGetAccessToken",
	Scopes:          []string{"read"},
	AuthParams:      map[string]string{"type": "web_server", "name": "{APP_NAME}", "expiration": "never"},
	Profile:         []Call{{URL: "https://api.trello.com/1/members/me?key={key}&token={access_token}", Auth: Auth{None: true}}},
	Map:             Mapping{UID: "id", Email: "email", Username: "username", Name: "name|fullName"},
}
