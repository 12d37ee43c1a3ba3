package providers

import "github.com/headless-auth/headless/socialaccount"

// Exist is exist.io. Its uid is the username, which people can change.
func Exist(c Client) socialaccount.Provider { return exist.Provider(c) }

var exist = Spec{
	ID: "exist", Name: "Exist.io",
	AuthorizeURL: "https://exist.io/oauth2/authorize",
	TokenURL:     "https://exist.io/oauth2/access_token",
	Scopes:       []string{"mood_read", "health_read", "productivity_read"},
	Profile:      []Call{{URL: "https://exist.io/api/2/accounts/profile/"}},
	Map:          Mapping{UID: "username", Username: "username", FirstName: "first_name", LastName: "last_name"},
}
