package providers

import "github.com/headless-auth/headless/socialaccount"

// Nextcloud is a Nextcloud server.
func Nextcloud(c Client) socialaccount.Provider { return nextcloud.Provider(c) }

var nextcloud = Spec{
	ID: "nextcloud", Name: "NextCloud",
	Settings:     []Setting{{Name: "SERVER", Kind: URL, Required: true, Help: `write the server's URL, such as "https://cloud.example.org"`}},
	AuthorizeURL: "{SERVER}/apps/oauth2/authorize",
	TokenURL:     "{SERVER}/apps/oauth2/api/v1/token",
	Scopes:       []string{"read"},
	Profile:      []Call{{URL: "{SERVER}/ocs/v1.php/cloud/users/{token.user_id}?format=json", Unwrap: "ocs.data"}},
	Map:          Mapping{UID: "id", Email: "email", Username: "displayname"},
}
