package providers

import "github.com/headless-auth/headless/socialaccount"

// Disqus is disqus.com.
func Disqus(c Client) socialaccount.Provider { return disqus.Provider(c) }

var disqus = Spec{
	ID: "disqus", Name: "Disqus",
	AuthorizeURL:   "https://disqus.com/api/oauth/2.0/authorize/",
	TokenURL:       "https://disqus.com/api/oauth/2.0/access_token/",
	Scopes:         []string{"read"},
	EmailScopes:    []string{"email"},
	ScopeDelimiter: ",",
	Profile: []Call{{
		URL:  "https://disqus.com/api/3.0/users/details.json?api_key={client_id}&api_secret={secret}",
		Auth: Auth{Query: "access_token"}, Unwrap: "response",
	}},
	Map: Mapping{UID: "id", Email: "email", EmailVerified: Assumed, Username: "username", Name: "name"},
}
