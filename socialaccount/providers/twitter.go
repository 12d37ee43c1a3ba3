package providers

import "github.com/headless-auth/headless/socialaccount"

// Twitter is X by OAuth 1.0a, with which it tells addresses.
func Twitter(c Client) socialaccount.Provider { return twitter.Provider(c) }

var twitter = Spec{
	ID: "twitter", Name: "X",
	AuthorizeURL:    "https://api.x.com/oauth/authenticate",
	RequestTokenURL: "https://api.x.com/oauth/request_token",
	TokenURL:        "https://api.x.com/oauth/access_token",
	Profile: []Call{{
		URL: "https://api.x.com/1.1/account/verify_credentials.json",
		Sign: func(x *Exchange, params map[string][]string) {
			if x.QueryEmail {
				params["include_email"] = []string{"true"}
			}
		},
	}},
	Map: Mapping{UID: "id_str|id", Email: "email", Username: "screen_name", Name: "name", Display: "screen_name"},
}
