package providers

import "github.com/headless-auth/headless/socialaccount"

// Mailchimp is mailchimp.com.
func Mailchimp(c Client) socialaccount.Provider { return mailchimp.Provider(c) }

var mailchimp = Spec{
	ID: "mailchimp", Name: "MailChimp",
	AuthorizeURL: "https://login.mailchimp.com/oauth2/authorize",
	TokenURL:     "https://login.mailchimp.com/oauth2/token",
	Profile:      []Call{{URL: "https://login.mailchimp.com/oauth2/metadata", Auth: Auth{Scheme: "OAuth"}}},
	Map: Mapping{
		UID: "user_id", Email: "login.login_email|login.email", Display: "login.login_email|login.email",
	},
}
