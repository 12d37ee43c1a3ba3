package providers

import "github.com/headless-auth/headless/socialaccount"

// Miro is miro.com.
func Miro(c Client) socialaccount.Provider { return miro.Provider(c) }

var miro = Spec{
	ID: "miro", Name: "Miro",
	AuthorizeURL: "https://miro.com/oauth/authorize",
	TokenURL:     "https://api.miro.com/v1/oauth/token",
	Scopes:       []string{"identity:read"},
	Profile:      []Call{{URL: "https://api.miro.com/v1/users/me"}},
	Map:          Mapping{UID: "id", Email: "email", EmailVerified: "state=registered", Name: "name"},
}
