package providers

import "github.com/headless-auth/headless/socialaccount"

// Yandex is yandex.com.
func Yandex(c Client) socialaccount.Provider { return yandex.Provider(c) }

var yandex = Spec{
	ID: "yandex", Name: "Yandex",
	AuthorizeURL: "https://oauth.yandex.com/authorize",
	TokenURL:     "https://oauth.yandex.ru/token",
	Scopes:       []string{"login:info"},
	EmailScopes:  []string{"login:email"},
	Profile:      []Call{{URL: "https://login.yandex.ru/info?format=json", Auth: Auth{Scheme: "OAuth"}}},
	Map: Mapping{
		UID: "id", Email: "default_email|emails[0]", EmailVerified: Assumed, Username: "display_name",
		FirstName: "first_name", LastName: "last_name", Display: "default_email",
	},
}
