package providers

import "github.com/headless-auth/headless/socialaccount"

// Asana is asana.com.
func Asana(c Client) socialaccount.Provider { return asana.Provider(c) }

var asana = Spec{
	ID: "asana", Name: "Asana",
	AuthorizeURL: "https://app.asana.com/-/oauth_authorize",
	TokenURL:     "https://app.asana.com/-/oauth_token",
	Profile:      []Call{{URL: "https://app.asana.com/api/1.0/users/me", Auth: Auth{Query: "access_token"}, Unwrap: "data"}},
	Map:          Mapping{UID: "gid|id", Email: "email", Name: "name"},
}
