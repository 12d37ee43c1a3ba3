package providers

import "github.com/headless-auth/headless/socialaccount"

// Lichess is lichess.org, or a Lichess of one's own.
func Lichess(c Client) socialaccount.Provider { return lichess.Provider(c) }

var lichess = Spec{
	ID: "lichess", Name: "Lichess",
	Settings:     []Setting{{Name: "API_URL", Kind: URL, Default: "https://lichess.org"}},
	AuthorizeURL: "{API_URL}/oauth",
	TokenURL:     "{API_URL}/api/token",
	EmailScopes:  []string{"email:read"},
	Profile: []Call{
		{URL: "{API_URL}/api/account"},
		{URL: "{API_URL}/api/account/email", When: ForEmail, Merge: true},
	},
	Map: Mapping{
		UID: "id", Email: "email", Username: "username",
		FirstName: "profile.firstName", LastName: "profile.lastName",
	},
}
