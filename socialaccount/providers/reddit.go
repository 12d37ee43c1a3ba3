package providers

import "github.com/headless-auth/headless/socialaccount"

// Reddit is reddit.com. Its uid is the username.
func Reddit(c Client) socialaccount.Provider { return reddit.Provider(c) }

var reddit = Spec{
	ID: "reddit", Name: "Reddit",
	Settings:     []Setting{{Name: "USER_AGENT", Default: userAgent, Help: "Reddit slows down names that many share"}},
	AuthorizeURL: "https://www.reddit.com/api/v1/authorize",
	TokenURL:     "https://www.reddit.com/api/v1/access_token",
	Scopes:       []string{"identity"},
	Token:        TokenRequest{Basic: true, Headers: map[string]string{"User-Agent": "{USER_AGENT}"}},
	Profile: []Call{{
		URL:  "https://oauth.reddit.com/api/v1/me",
		Auth: Auth{Scheme: "bearer"}, Headers: map[string]string{"User-Agent": "{USER_AGENT}"},
	}},
	Map: Mapping{UID: "name", Username: "name"},
}
