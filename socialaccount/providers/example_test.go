package providers_test

import (
	"fmt"

	"github.com/headless-auth/headless/socialaccount/providers"
)

// A provider of one's own is one literal.
func ExampleSpec() {
	acme := providers.Spec{
		ID: "acme", Name: "Acme",
		AuthorizeURL: "https://acme.example/oauth/authorize",
		TokenURL:     "https://acme.example/oauth/token",
		Scopes:       []string{"profile"},
		EmailScopes:  []string{"email"},
		Profile:      []providers.Call{{URL: "https://acme.example/api/me"}},
		Map:          providers.Mapping{UID: "user.id", Email: "user.email", EmailVerified: "user.confirmed", Username: "user.login"},
	}
	p := acme.Provider(providers.Client{ID: "the client id", Secret: "the client secret"})
	fmt.Println(p.Info().Name, p.Info().Path)
	// Output: Acme acme/login/callback/
}
