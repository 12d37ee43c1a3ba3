package providers

import "github.com/headless-auth/headless/socialaccount"

// Untappd is untappd.com.
func Untappd(c Client) socialaccount.Provider { return untappd.Provider(c) }

var untappd = Spec{
	ID: "untappd", Name: "Untappd",
	Settings:     []Setting{{Name: "USER_AGENT", Default: userAgent, Help: "Untappd asks for a name of one's own"}},
	AuthorizeURL: "https://untappd.com/oauth/authenticate/",
	TokenURL:     "https://untappd.com/oauth/authorize/",
	AuthNames:    map[string]string{"redirect_uri": "redirect_url"},
	Token: TokenRequest{
		Method: "GET", Names: map[string]string{"redirect_uri": "redirect_url"}, Extra: map[string]string{"response_type": "code"},
		Headers: map[string]string{"User-Agent": "{USER_AGENT}"}, Unwrap: "response",
	},
	Profile: []Call{{URL: "https://api.untappd.com/v4/user/info/", Auth: Auth{Query: "access_token"}}},
	Map: Mapping{
		UID: "response.user.uid", Email: "response.user.settings.email_address", EmailVerified: Assumed,
		Username: "response.user.user_name", Name: "{response.user.first_name} {response.user.last_name}",
		DisplayIn: "response.user",
	},
}
