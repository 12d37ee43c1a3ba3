package providers

import "github.com/headless-auth/headless/socialaccount"

// DingTalk is dingtalk.com.
func DingTalk(c Client) socialaccount.Provider { return dingTalk.Provider(c) }

var dingTalk = Spec{
	ID: "dingtalk", Name: "DingTalk",
	AuthorizeURL: "https://login.dingtalk.com/oauth2/auth",
	TokenURL:     "https://api.dingtalk.com/v1.0/oauth2/userAccessToken",
	Scopes:       []string{"openid", "corpid"},
	NoPKCE:       true,
	CodeParam:    "authCode",
	Token: TokenRequest{
		JSON: true,
		Names: map[string]string{
			"client_id": "clientId", "client_secret": "clientSecret", "grant_type": "grantType",
			"refresh_token": "refreshToken", "redirect_uri": "",
		},
		Answer: map[string]string{"accessToken": "access_token", "refreshToken": "refresh_token", "expireIn": "expires_in"},
	},
	Profile: []Call{{URL: "https://api.dingtalk.com/v1.0/contact/users/me", Auth: Auth{Header: "x-acs-dingtalk-access-token"}}},
	Map:     Mapping{UID: "openId", Username: "nick", Name: "nick", Display: "nick"},
}
