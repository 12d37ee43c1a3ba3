package providers

import "github.com/headless-auth/headless/socialaccount"

// Zoom is zoom.us.
func Zoom(c Client) socialaccount.Provider { return zoom.Provider(c) }

var zoom = Spec{
	ID: "zoom", Name: "Zoom",
	AuthorizeURL: "https://zoom.us/oauth/authorize",
	TokenURL:     "https://zoom.us/oauth/token",
	Profile:      []Call{{URL: "https://api.zoom.us/v2/users/me"}},
	// The flag is a number.
	Map: Mapping{UID: "id", Email: "email", EmailVerified: "verified=1", FirstName: "first_name", LastName: "last_name"},
}
