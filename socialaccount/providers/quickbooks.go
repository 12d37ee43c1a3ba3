package providers

import "github.com/headless-auth/headless/socialaccount"

// QuickBooks is Intuit, as used with QuickBooks.
func QuickBooks(c Client) socialaccount.Provider { return quickBooks.Provider(c) }

var quickBooks = Spec{
	ID: "quickbooks", Name: "QuickBooks",
	Settings: []Setting{{Name: "SANDBOX", Kind: Flag, Default: "false", Help: "true for tests", Choices: map[string]map[string]string{
		"false": {"accounts": "accounts.platform.intuit.com"},
		"true":  {"accounts": "sandbox-accounts.platform.intuit.com"},
	}}},
	AuthorizeURL: "https://appcenter.intuit.com/connect/oauth2",
	TokenURL:     "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
	Scopes:       []string{"openid", "com.intuit.quickbooks.accounting", "profile", "phone"},
	EmailScopes:  []string{"email"},
	Profile:      []Call{{URL: "https://{accounts}/v1/openid_connect/userinfo"}},
	Add:          map[string]string{"realmId": "{callback.realmId}"}, // the company
	Map: Mapping{
		UID: "sub", Email: "email", EmailVerified: "emailVerified",
		FirstName: "givenName", LastName: "familyName",
	},
}
