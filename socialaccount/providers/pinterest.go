package providers

import "github.com/headless-auth/headless/socialaccount"

// Pinterest is pinterest.com. With API v5 the uid is the username, which people
// can change.
func Pinterest(c Client) socialaccount.Provider { return pinterest.Provider(c) }

var pinterest = Spec{
	ID: "pinterest", Name: "Pinterest",
	Settings: []Setting{
		{Name: "PINTEREST_URL", Kind: Host, Default: "api.pinterest.com"},
		// The reference takes v1 by default, which Pinterest has removed.
		{Name: "API_VERSION", Default: "v5", Help: "v1 and v3 are older", Choices: map[string]map[string]string{
			"v1": {}, "v3": {}, "v5": {},
		}},
	},
	AuthorizeURL: "https://www.pinterest.com/oauth/",
	TokenURL:     "https://{PINTEREST_URL}/{API_VERSION}/oauth/token",
	Scopes:       []string{"user_accounts:read"},
	Token:        TokenRequest{Basic: true},
	Profile:      []Call{{URL: "https://{PINTEREST_URL}/v5/user_account"}},
	Map:          Mapping{UID: "username", Username: "username"},
	Adjust: func(s *Spec, c Client) error {
		older := Mapping{UID: "id", FirstName: "first_name", LastName: "last_name"}
		switch c.setting("API_VERSION") {
		case "v1":
			s.Scopes, s.Map = []string{"read_public"}, older
			s.Profile = []Call{{URL: "https://{PINTEREST_URL}/v1/me", Unwrap: "data"}}
		case "v3":
			s.Scopes, s.Map = []string{"read_users"}, older
			s.Profile = []Call{{URL: "https://{PINTEREST_URL}/v3/users/me", Unwrap: "data"}}
			s.Token.Method = "PUT"
		}
		return nil
	},
}
