package providers

import "github.com/headless-auth/headless/socialaccount"

// Drip is drip.com. It tells no id, so the address in lower case is the uid.
func Drip(c Client) socialaccount.Provider { return drip.Provider(c) }

var drip = Spec{
	ID: "drip", Name: "Drip",
	AuthorizeURL: "https://www.getdrip.com/oauth/authorize",
	TokenURL:     "https://www.getdrip.com/oauth/token",
	Profile:      []Call{{URL: "https://api.getdrip.com/v2/user", Unwrap: "users[0]"}},
	Map:          Mapping{UID: "{email:lower}", Email: "email", EmailVerified: Assumed, Name: "name"},
}
