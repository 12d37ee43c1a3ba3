package providers

import "github.com/headless-auth/headless/socialaccount"

// Figma is figma.com.
func Figma(c Client) socialaccount.Provider { return figma.Provider(c) }

var figma = Spec{
	ID: "figma", Name: "Figma",
	AuthorizeURL: "https://www.figma.com/oauth",
	TokenURL:     "https://www.figma.com/api/oauth/token",
	Profile:      []Call{{URL: "https://api.figma.com/v1/me"}},
	Map:          Mapping{UID: "id", Email: "email", Name: "handle"},
}
