package providers

import "github.com/headless-auth/headless/socialaccount"

// Robinhood is Robinhood by an API that it does not publish.
func Robinhood(c Client) socialaccount.Provider { return robinhood.Provider(c) }

var robinhood = Spec{
	ID: "robinhood", Name: "Robinhood",
	AuthorizeURL: "https://www.robinhood.com/oauth2/authorize/",
	TokenURL:     "https://api.robinhood.com/oauth2/token/",
	Scopes:       []string{"read"},
	Profile:      []Call{{URL: "https://api.robinhood.com/user/id/"}},
	Map:          Mapping{UID: "id", Username: "username"},
}
