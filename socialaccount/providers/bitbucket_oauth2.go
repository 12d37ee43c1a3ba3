package providers

import "github.com/headless-auth/headless/socialaccount"

// Bitbucket is bitbucket.org. Its uid is the username, which people can change.
func Bitbucket(c Client) socialaccount.Provider { return bitbucketOAuth2.Provider(c) }

var bitbucketOAuth2 = Spec{
	ID: "bitbucket_oauth2", Name: "Bitbucket",
	AuthorizeURL: "https://bitbucket.org/site/oauth2/authorize",
	TokenURL:     "https://bitbucket.org/site/oauth2/access_token",
	Profile: []Call{
		{URL: "https://api.bitbucket.org/2.0/user", Auth: Auth{Query: "access_token"}},
		{URL: "https://api.bitbucket.org/2.0/user/emails", Auth: Auth{Query: "access_token"}, When: ForEmail, Unwrap: "values", Into: "emails"},
	},
	Private: []string{"emails"},
	Map: Mapping{
		UID: "username", Email: "email", Username: "username", Name: "display_name",
		Emails: &EmailList{List: "emails", Email: "email", Verified: "is_confirmed", Primary: "is_primary"},
	},
}
