package providers

import "github.com/headless-auth/headless/socialaccount"

// Stripe is Stripe Connect.
func Stripe(c Client) socialaccount.Provider { return stripe.Provider(c) }

var stripe = Spec{
	ID: "stripe", Name: "Stripe",
	AuthorizeURL: "https://connect.stripe.com/oauth/authorize",
	TokenURL:     "https://connect.stripe.com/oauth/token",
	Scopes:       []string{"read_only"},
	NoPKCE:       true,
	Profile:      []Call{{URL: "https://api.stripe.com/v1/accounts/{token.stripe_user_id}"}},
	Map:          Mapping{UID: "id", Email: "email", Name: "display_name", Display: "{email} ({business_name})|email"},
}
