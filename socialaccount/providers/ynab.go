package providers

import "github.com/headless-auth/headless/socialaccount"

// YNAB is ynab.com.
func YNAB(c Client) socialaccount.Provider { return ynab.Provider(c) }

var ynab = Spec{
	ID: "ynab", Name: "YNAB",
	AuthorizeURL: "https://app.youneedabudget.com/oauth/authorize",
	TokenURL:     "https://app.youneedabudget.com/oauth/token",
	Scopes:       []string{"read-only"},
	Profile:      []Call{{URL: "https://api.youneedabudget.com/v1/user"}},
	Map:          Mapping{UID: "data.user.id"},
}
