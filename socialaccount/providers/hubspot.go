package providers

import "github.com/headless-auth/headless/socialaccount"

// HubSpot is hubspot.com.
func HubSpot(c Client) socialaccount.Provider { return hubSpot.Provider(c) }

var hubSpot = Spec{
	ID: "hubspot", Name: "Hubspot",
	AuthorizeURL: "https://app.hubspot.com/oauth/authorize",
	TokenURL:     "https://api.hubapi.com/oauth/v1/token",
	Scopes:       []string{"oauth"},
	Profile:      []Call{{URL: "https://api.hubapi.com/oauth/v1/access-tokens/{access_token}", Auth: Auth{None: true}}},
	Private:      []string{"token"}, // the access token again
	Map:          Mapping{UID: "user_id", Email: "user", EmailVerified: Assumed, Display: "user"},
}
