package providers

import "github.com/headless-auth/headless/socialaccount"

// Wahoo is Wahoo Fitness.
func Wahoo(c Client) socialaccount.Provider { return wahoo.Provider(c) }

var wahoo = Spec{
	ID: "wahoo", Name: "Wahoo",
	AuthorizeURL: "https://api.wahooligan.com/oauth/authorize",
	TokenURL:     "https://api.wahooligan.com/oauth/token",
	Scopes:       []string{"user_read"},
	EmailScopes:  []string{"email"},
	Profile:      []Call{{URL: "https://api.wahooligan.com/v1/user"}},
	Map:          Mapping{UID: "id", Email: "email", FirstName: "first", LastName: "last"},
}
