package providers

import "github.com/headless-auth/headless/socialaccount"

// PayPal is paypal.com. By default it is the sandbox.
func PayPal(c Client) socialaccount.Provider { return paypal.Provider(c) }

var paypal = Spec{
	ID: "paypal", Name: "Paypal",
	Settings: []Setting{{Name: "MODE", Default: "sandbox", Help: `"live" for real accounts`, Choices: map[string]map[string]string{
		"live":    {"host": "paypal.com"},
		"sandbox": {"host": "sandbox.paypal.com"},
	}}},
	AuthorizeURL: "https://www.{host}/webapps/auth/protocol/openidconnect/v1/authorize",
	TokenURL:     "https://api.{host}/v1/identity/openidconnect/tokenservice",
	Scopes:       []string{"openid", "email"},
	Profile: []Call{{
		URL:    "https://api.{host}/v1/identity/openidconnect/userinfo?schema=openid",
		Method: "POST", Auth: Auth{Query: "access_token"},
	}},
	Map: Mapping{UID: "user_id", Email: "email", FirstName: "given_name", LastName: "family_name"},
}
