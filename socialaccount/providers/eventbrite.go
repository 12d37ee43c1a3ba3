package providers

import "github.com/headless-auth/headless/socialaccount"

// Eventbrite is eventbrite.com.
func Eventbrite(c Client) socialaccount.Provider { return eventbrite.Provider(c) }

var eventbrite = Spec{
	ID: "eventbrite", Name: "Eventbrite",
	AuthorizeURL: "https://www.eventbrite.com/oauth/authorize",
	TokenURL:     "https://www.eventbrite.com/oauth/token",
	Profile:      []Call{{URL: "https://www.eventbriteapi.com/v3/users/me/", Auth: Auth{Query: "token"}}},
	Map: Mapping{
		UID: "id", Name: "name", FirstName: "first_name", LastName: "last_name", Display: "emails[0].email",
		Emails: &EmailList{List: "emails", Email: "email", Verified: "verified", Primary: "primary"},
	},
}
