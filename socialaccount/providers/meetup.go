package providers

import "github.com/headless-auth/headless/socialaccount"

// Meetup is Meetup by its REST API, which Meetup has removed.
func Meetup(c Client) socialaccount.Provider { return meetup.Provider(c) }

var meetup = Spec{
	ID: "meetup", Name: "Meetup",
	AuthorizeURL: "https://secure.meetup.com/oauth2/authorize",
	TokenURL:     "https://secure.meetup.com/oauth2/access",
	Profile:      []Call{{URL: "https://api.meetup.com/2/member/self", Auth: Auth{Query: "access_token"}}},
	Map:          Mapping{UID: "id", Email: "email", Name: "name"},
}
