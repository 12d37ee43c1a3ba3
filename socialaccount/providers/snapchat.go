package providers

import "github.com/headless-auth/headless/socialaccount"

// Snapchat is snapchat.com.
func Snapchat(c Client) socialaccount.Provider { return snapchat.Provider(c) }

var snapchat = Spec{
	ID: "snapchat", Name: "Snapchat",
	AuthorizeURL: "https://accounts.snapchat.com/accounts/oauth2/auth",
	TokenURL:     "https://accounts.snapchat.com/accounts/oauth2/token",
	Scopes: []string{
		"https://auth.snapchat.com/oauth2/api/user.external_id",
		"https://auth.snapchat.com/oauth2/api/user.display_name",
	},
	Profile: []Call{{URL: "https://api.snapkit.com/v1/me", Body: `{"query": "{ me { externalId displayName } }"}`}},
	Map:     Mapping{UID: "data.me.externalId", Name: "data.me.displayName", DisplayIn: "data.me"},
}
