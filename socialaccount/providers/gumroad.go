package providers

import "github.com/headless-auth/headless/socialaccount"

// Gumroad is gumroad.com.
func Gumroad(c Client) socialaccount.Provider { return gumroad.Provider(c) }

var gumroad = Spec{
	ID: "gumroad", Name: "Gumroad",
	Settings:     []Setting{{Name: "GUMROAD_URL", Kind: URL, Required: true, Help: `write "https://gumroad.com"`}},
	AuthorizeURL: "{GUMROAD_URL}/oauth/authorize",
	TokenURL:     "{GUMROAD_URL}/oauth/token",
	Scopes:       []string{"edit_products"},
	Profile:      []Call{{URL: "https://api.gumroad.com/v2/user", Auth: Auth{Query: "access_token"}, Unwrap: "user"}},
	Map:          Mapping{UID: "user_id", Email: "email", Username: "{url:base}", Name: "name"},
}
