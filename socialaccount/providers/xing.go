package providers

import "github.com/headless-auth/headless/socialaccount"

// Xing is XING, which has closed its API to new clients.
func Xing(c Client) socialaccount.Provider { return xing.Provider(c) }

var xing = Spec{
	ID: "xing", Name: "Xing",
	AuthorizeURL:    "https://www.xing.com/v1/authorize",
	RequestTokenURL: "https://api.xing.com/v1/request_token",
	TokenURL:        "https://api.xing.com/v1/access_token",
	Profile:         []Call{{URL: "https://api.xing.com/v1/users/me.json", Unwrap: "users[0]"}},
	Map: Mapping{
		UID: "id", Email: "active_email", Username: "page_name", FirstName: "first_name", LastName: "last_name",
		Display: "active_email",
	},
}
