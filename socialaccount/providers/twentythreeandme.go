package providers

import "github.com/headless-auth/headless/socialaccount"

// TwentyThreeAndMe is 23andMe, which has closed its API.
func TwentyThreeAndMe(c Client) socialaccount.Provider { return twentyThreeAndMe.Provider(c) }

var twentyThreeAndMe = Spec{
	ID: "twentythreeandme", Name: "23andMe", Slug: "23andme",
	AuthorizeURL: "https://api.23andme.com/authorize",
	TokenURL:     "https://api.23andme.com/token",
	Scopes:       []string{"basic"},
	Profile:      []Call{{URL: "https://api.23andme.com/1/user/"}},
	Map:          Mapping{UID: "id", Email: "email"},
}
