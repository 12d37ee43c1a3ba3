package providers

import "github.com/headless-auth/headless/socialaccount"

// TwitterOAuth2 is X by OAuth 2.0, with which it tells no addresses.
func TwitterOAuth2(c Client) socialaccount.Provider { return twitterOAuth2.Provider(c) }

var twitterOAuth2 = Spec{
	ID: "twitter_oauth2", Name: "X",
	Settings:     []Setting{{Name: "FIELDS", Default: "id,name,username,verified,profile_image_url,created_at", Help: "what to ask of the profile"}},
	AuthorizeURL: "https://x.com/i/oauth2/authorize",
	TokenURL:     "https://api.x.com/2/oauth2/token",
	Scopes:       []string{"users.read", "tweet.read"},
	Token:        TokenRequest{Basic: true},
	Profile:      []Call{{URL: "https://api.x.com/2/users/me?user.fields={FIELDS}", Unwrap: "data"}},
	Map:          Mapping{UID: "id", Username: "username", Name: "name"},
}
