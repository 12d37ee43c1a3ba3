package providers

import "github.com/headless-auth/headless/socialaccount"

// OpenStreetMap is OpenStreetMap by OAuth 1.0a, for which it takes no new
// clients. Use [OpenIDConnect] with the server_url
// "https://www.openstreetmap.org/.well-known/oauth-authorization-server" and
// the scopes "openid" and "read_prefs".
func OpenStreetMap(c Client) socialaccount.Provider { return openStreetMap.Provider(c) }

var openStreetMap = Spec{
	ID: "openstreetmap", Name: "OpenStreetMap",
	AuthorizeURL:    "https://www.openstreetmap.org/oauth/authorize",
	RequestTokenURL: "https://www.openstreetmap.org/oauth/request_token",
	TokenURL:        "https://www.openstreetmap.org/oauth/access_token",
	Profile:         []Call{{URL: "https://api.openstreetmap.org/api/0.6/user/details.json", Unwrap: "user"}},
	Map:             Mapping{UID: "id", Username: "display_name"},
}
