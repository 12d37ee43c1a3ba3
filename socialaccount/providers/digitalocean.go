package providers

import "github.com/headless-auth/headless/socialaccount"

// DigitalOcean is digitalocean.com.
func DigitalOcean(c Client) socialaccount.Provider { return digitalOcean.Provider(c) }

var digitalOcean = Spec{
	ID: "digitalocean", Name: "DigitalOcean",
	AuthorizeURL: "https://cloud.digitalocean.com/v1/oauth/authorize",
	TokenURL:     "https://cloud.digitalocean.com/v1/oauth/token",
	Profile:      []Call{{URL: "https://api.digitalocean.com/v2/account"}},
	Map:          Mapping{UID: "account.uuid", Email: "account.email", DisplayIn: "account"},
}
