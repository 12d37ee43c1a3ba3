package providers

import "github.com/headless-auth/headless/socialaccount"

// Feedly is feedly.com.
func Feedly(c Client) socialaccount.Provider { return feedly.Provider(c) }

var feedly = Spec{
	ID: "feedly", Name: "Feedly",
	Settings:     []Setting{{Name: "HOST", Kind: Host, Default: "cloud.feedly.com", Help: `"sandbox7.feedly.com" or the like for tests`}},
	AuthorizeURL: "https://{HOST}/v3/auth/auth",
	TokenURL:     "https://{HOST}/v3/auth/token",
	Scopes:       []string{"https://cloud.feedly.com/subscriptions"},
	Profile:      []Call{{URL: "https://{HOST}/v3/profile", Auth: Auth{Scheme: "OAuth"}}},
	Map:          Mapping{UID: "id", Email: "email", FirstName: "givenName", LastName: "familyName"},
}
