package providers

import "github.com/headless-auth/headless/socialaccount"

// Foursquare is Foursquare by its API v2, which is restricted by now.
func Foursquare(c Client) socialaccount.Provider { return foursquare.Provider(c) }

var foursquare = Spec{
	ID: "foursquare", Name: "Foursquare",
	AuthorizeURL: "https://foursquare.com/oauth2/authenticate",
	TokenURL:     "https://foursquare.com/oauth2/access_token",
	Profile:      []Call{{URL: "https://api.foursquare.com/v2/users/self?v=20140116", Auth: Auth{Query: "oauth_token"}, Unwrap: "response.user"}},
	Map: Mapping{
		UID: "id", Email: "contact.email", FirstName: "firstname|firstName", LastName: "lastname|lastName",
		Display: "contact.email",
	},
}
