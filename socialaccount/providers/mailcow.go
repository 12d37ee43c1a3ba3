package providers

import "github.com/headless-auth/headless/socialaccount"

// Mailcow is a mailcow server.
func Mailcow(c Client) socialaccount.Provider { return mailcow.Provider(c) }

var mailcow = Spec{
	ID: "mailcow", Name: "Mailcow",
	Settings:     []Setting{{Name: "SERVER", Kind: URL, Default: "https://hosted.mailcow.de"}},
	AuthorizeURL: "{SERVER}/oauth/authorize",
	TokenURL:     "{SERVER}/oauth/token",
	Scopes:       []string{"profile"},
	Profile:      []Call{{URL: "{SERVER}/oauth/profile?code={callback.code}", Auth: Auth{Query: "access_token"}}},
	Map:          Mapping{UID: "id", Email: "email", Username: "username", Name: "displayName"},
}
