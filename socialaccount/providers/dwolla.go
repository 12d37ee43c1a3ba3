package providers

import "github.com/headless-auth/headless/socialaccount"

// Dwolla is Dwolla, which takes no new clients of this kind.
func Dwolla(c Client) socialaccount.Provider { return dwolla.Provider(c) }

var dwolla = Spec{
	ID: "dwolla", Name: "Dwolla",
	Settings: []Setting{{Name: "ENVIRONMENT", Default: "production", Help: `"production" or "sandbox"`, Choices: map[string]map[string]string{
		"production": {"host": "www.dwolla.com"},
		"sandbox":    {"host": "uat.dwolla.com"},
	}}},
	AuthorizeURL:   "https://{host}/oauth/v2/authenticate",
	TokenURL:       "https://{host}/oauth/v2/token",
	ScopeDelimiter: "|",
	Profile: []Call{{
		URL: "{token._links.account.href}", Hosts: []string{"*.dwolla.com"},
		Headers: map[string]string{"Accept": "application/vnd.dwolla.v1.hal+json"},
	}},
	Map: Mapping{UID: "id", Name: "name"},
}
