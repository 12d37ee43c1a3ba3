package providers

import (
	"strings"

	"github.com/headless-auth/headless/socialaccount"
)

// TikTok is tiktok.com.
func TikTok(c Client) socialaccount.Provider { return tikTok.Provider(c) }

var tikTok = Spec{
	ID: "tiktok", Name: "TikTok",
	AuthorizeURL:   "https://www.tiktok.com/v2/auth/authorize/",
	TokenURL:       "https://open.tiktokapis.com/v2/oauth/token/",
	Scopes:         []string{"user.info.basic", "user.info.profile"},
	ScopeDelimiter: ",",
	AuthNames:      map[string]string{"client_id": "client_key"},
	NoPKCE:         true, // its challenge is in hexadecimal, against RFC 7636
	Token:          TokenRequest{Names: map[string]string{"client_id": "client_key"}},
	Profile: []Call{{
		URL: "https://open.tiktokapis.com/v2/user/info/", Headers: map[string]string{"Client-ID": "{client_id}"},
		Sign: tikTokFields, Unwrap: "data.user",
	}},
	Map: Mapping{UID: "open_id", Username: "username|display_name", Name: "display_name"},
}

// tikTokFields asks for what the scopes allow; more would be an error.
func tikTokFields(x *Exchange, params map[string][]string) {
	var fields []string
	for _, scope := range x.Scopes {
		switch scope {
		case "user.info.basic":
			fields = append(fields, "open_id", "display_name", "avatar_url")
		case "user.info.profile":
			fields = append(fields, "username", "profile_deep_link")
		}
	}
	params["fields"] = []string{strings.Join(fields, ",")}
}
