package providers

import "github.com/headless-auth/headless/socialaccount"

// Frontier is a Frontier Store account, as used with Elite Dangerous.
func Frontier(c Client) socialaccount.Provider { return frontier.Provider(c) }

var frontier = Spec{
	ID: "frontier", Name: "Frontier",
	AuthorizeURL: "https://auth.frontierstore.net/auth",
	TokenURL:     "https://auth.frontierstore.net/token",
	Scopes:       []string{"auth", "capi"},
	Profile:      []Call{{URL: "https://auth.frontierstore.net/me"}},
	Map: Mapping{
		UID: "customer_id", Email: "email", EmailVerified: Assumed, Username: "email",
		FirstName: "firstname", LastName: "lastname",
	},
}
