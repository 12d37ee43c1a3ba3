package providers

import "github.com/headless-auth/headless/socialaccount"

// Basecamp is a 37signals identity.
func Basecamp(c Client) socialaccount.Provider { return basecamp.Provider(c) }

var basecamp = Spec{
	ID: "basecamp", Name: "Basecamp",
	AuthorizeURL: "https://launchpad.37signals.com/authorization/new",
	TokenURL:     "https://launchpad.37signals.com/authorization/token?type=web_server",
	AuthParams:   map[string]string{"type": "web_server"},
	Profile:      []Call{{URL: "https://launchpad.37signals.com/authorization.json"}},
	Map: Mapping{
		UID: "identity.id", Email: "identity.email_address", Username: "identity.email_address",
		Name: "{identity.first_name} {identity.last_name}", FirstName: "identity.first_name", LastName: "identity.last_name",
		DisplayIn: "identity",
	},
}
