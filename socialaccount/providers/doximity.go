package providers

import "github.com/headless-auth/headless/socialaccount"

// Doximity is doximity.com, for medical staff.
func Doximity(c Client) socialaccount.Provider { return doximity.Provider(c) }

var doximity = Spec{
	ID: "doximity", Name: "Doximity",
	AuthorizeURL: "https://auth.doximity.com/oauth/authorize",
	TokenURL:     "https://auth.doximity.com/oauth/token",
	Scopes:       []string{"basic", "email"},
	Profile:      []Call{{URL: "https://www.doximity.com/api/v1/users/current"}},
	Map:          Mapping{UID: "id", Email: "email", Username: "email", Name: "full_name", FirstName: "firstname", LastName: "lastname"},
}
