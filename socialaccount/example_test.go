package socialaccount_test

import (
	"context"
	"os"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
	"github.com/headless-auth/headless/store"
)

// Logging in with GitHub, and with a company's own OpenID Connect provider, which
// nobody from elsewhere gets through.
func ExampleConfig() {
	_ = socialaccount.Config{
		Providers: []socialaccount.Provider{
			providers.GitHub(providers.Client{ID: os.Getenv("GITHUB_ID"), Secret: os.Getenv("GITHUB_SECRET")}),
			providers.OpenIDConnect(providers.Client{
				ProviderID: "work", Name: "Work", ID: os.Getenv("WORK_ID"), Secret: os.Getenv("WORK_SECRET"),
				Settings:        map[string]string{"server_url": "https://id.example.org"},
				VerifiedDomains: []string{"example.org"}, // it has proven these addresses
			}),
		},
		CallbackURLs: []string{"https://spa.example.org"}, // besides the site's own pages
		Hooks: socialaccount.Hooks{
			BeforeLogin: func(_ context.Context, u *store.User, p socialaccount.Info, id *socialaccount.Identity) error {
				if p.ID == "work" && id.Email == "" {
					return headless.Reject("", "no_address", "Your account at work has no address.")
				}
				return nil
			},
		},
	}
}
