package providers

import "github.com/headless-auth/headless/socialaccount"

// Box is box.com.
func Box(c Client) socialaccount.Provider { return box.Provider(c) }

var box = Spec{
	ID: "box", Name: "Box",
	AuthorizeURL: "https://account.box.com/api/oauth2/authorize",
	TokenURL:     "https://api.box.com/oauth2/token",
	Profile:      []Call{{URL: "https://api.box.com/2.0/users/me", Auth: Auth{Query: "access_token"}}},
	// The login is an address.
	Map: Mapping{UID: "id", Email: "email|login", Name: "display_name|name"},
}
