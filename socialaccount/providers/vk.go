package providers

import (
	"strings"

	"github.com/headless-auth/headless/socialaccount"
)

// VK is VK ID.
func VK(c Client) socialaccount.Provider { return vk.Provider(c) }

var vk = Spec{
	ID: "vk", Name: "VK",
	AuthorizeURL: "https://id.vk.ru/authorize",
	TokenURL:     "https://id.vk.ru/oauth2/auth",
	EmailScopes:  []string{"email"},
	Token: TokenRequest{
		Extra:    map[string]string{"device_id": "{callback.device_id}", "state": "{state}"},
		Remember: []string{"device_id"},
	},
	Profile: []Call{{
		URL: "https://id.vk.ru/oauth2/user_info", Form: map[string]string{"client_id": "{client_id}"},
		Auth: Auth{Form: "access_token"}, Unwrap: "user",
	}},
	Map: Mapping{
		UID: "user_id", Email: "email", Username: "screen_name", FirstName: "first_name", LastName: "last_name",
		Phone: "phone",
	},
	Identified: func(_ *Exchange, id *socialaccount.Identity) error {
		if id.Phone != "" && !strings.HasPrefix(id.Phone, "+") {
			id.Phone = "+" + id.Phone // it comes as "79991234567"
		}
		return nil
	},
}
