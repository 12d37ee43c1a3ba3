package providers

import "github.com/headless-auth/headless/socialaccount"

// Dropbox is dropbox.com.
func Dropbox(c Client) socialaccount.Provider { return dropbox.Provider(c) }

var dropbox = Spec{
	ID: "dropbox", Name: "Dropbox",
	AuthorizeURL: "https://www.dropbox.com/oauth2/authorize",
	TokenURL:     "https://api.dropbox.com/oauth2/token",
	Profile:      []Call{{URL: "https://api.dropbox.com/2/users/get_current_account", Method: "POST"}},
	Map:          Mapping{UID: "account_id", Email: "email", Name: "name.display_name"},
}
