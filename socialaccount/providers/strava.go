package providers

import "github.com/headless-auth/headless/socialaccount"

// Strava is strava.com.
func Strava(c Client) socialaccount.Provider { return strava.Provider(c) }

var strava = Spec{
	ID: "strava", Name: "Strava",
	AuthorizeURL:   "https://www.strava.com/oauth/authorize",
	TokenURL:       "https://www.strava.com/oauth/token",
	Scopes:         []string{"read", "activity:read"},
	ScopeDelimiter: ",",
	Profile:        []Call{{URL: "https://www.strava.com/api/v3/athlete"}},
	Map: Mapping{
		UID: "id", Email: "email", Username: "username", Name: "{firstname} {lastname}",
		FirstName: "firstname", LastName: "lastname",
	},
}
