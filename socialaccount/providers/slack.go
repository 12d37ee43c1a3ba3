package providers

import "github.com/headless-auth/headless/socialaccount"

// Slack is Sign in with Slack. An account here is a user together with a
// workspace.
func Slack(c Client) socialaccount.Provider { return slack.Provider(c) }

var slack = Spec{
	ID: "slack", Name: "Slack",
	AuthorizeURL: "https://slack.com/openid/connect/authorize",
	TokenURL:     "https://slack.com/api/openid.connect.token",
	Scopes:       []string{"openid", "profile", "email"},
	NoPKCE:       true, // it is for apps that Slack counts as public
	Profile:      []Call{{URL: "https://slack.com/api/openid.connect.userInfo", Expect: map[string]string{"ok": "true"}}},
	Map: Mapping{
		UID:   "{['https://slack.com/team_id']}_{['https://slack.com/user_id']}|{team.id}_{user.id}",
		Email: "email|user.email", EmailVerified: "email_verified", Name: "user.name|name",
		FirstName: "given_name", LastName: "family_name",
	},
}
