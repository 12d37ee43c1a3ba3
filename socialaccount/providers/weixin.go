package providers

import "github.com/headless-auth/headless/socialaccount"

// Weixin is WeChat.
func Weixin(c Client) socialaccount.Provider { return weixin.Provider(c) }

var weixin = Spec{
	ID: "weixin", Name: "Weixin",
	Settings: []Setting{
		{
			Name: "AUTHORIZE_URL", Kind: URL, Default: "https://open.weixin.qq.com/connect/qrconnect",
			Help: `"https://open.weixin.qq.com/connect/oauth2/authorize" for the media platform, with the scope "snsapi_userinfo"`,
		},
		{Name: "uid_field", Default: "openid", Help: `"unionid" is the same for all apps of an owner`},
	},
	AuthorizeURL: "{AUTHORIZE_URL}#wechat_redirect",
	TokenURL:     "https://api.weixin.qq.com/sns/oauth2/access_token",
	Scopes:       []string{"snsapi_login"},
	AuthNames:    map[string]string{"client_id": "appid"},
	NoPKCE:       true, // exactly these parameters, in alphabetical order
	Token: TokenRequest{
		Names:      map[string]string{"client_id": "appid", "client_secret": "secret", "redirect_uri": ""},
		RefreshURL: "https://api.weixin.qq.com/sns/oauth2/refresh_token",
	},
	Profile: []Call{{URL: "https://api.weixin.qq.com/sns/userinfo?openid={token.openid}", Auth: Auth{Query: "access_token"}}},
	Map:     Mapping{UID: "$uid_field", Username: "nickname", Name: "nickname", Display: "nickname"},
}
