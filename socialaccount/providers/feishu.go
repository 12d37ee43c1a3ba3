package providers

import (
	"context"
	"errors"

	"github.com/headless-auth/headless/socialaccount"
)

// Feishu is feishu.cn, which outside China is Lark.
func Feishu(c Client) socialaccount.Provider { return feishu.Provider(c) }

var feishu = Spec{
	ID: "feishu", Name: "feishu",
	Settings:     []Setting{{Name: "AUTHORIZE_URL", Kind: URL, Default: "https://open.feishu.cn/open-apis/authen/v1/index"}},
	AuthorizeURL: "{AUTHORIZE_URL}",
	TokenURL:     "https://open.feishu.cn/open-apis/authen/v1/access_token",
	AuthNames:    map[string]string{"client_id": "app_id"},
	NoPKCE:       true,
	Token: TokenRequest{
		JSON:       true,
		Names:      map[string]string{"client_id": "", "client_secret": "", "redirect_uri": ""},
		Extra:      map[string]string{"app_access_token": "{app_access_token}"},
		RefreshURL: "https://open.feishu.cn/open-apis/authen/v1/refresh_access_token",
		Expect:     map[string]string{"code": "0"},
		Unwrap:     "data",
	},
	Profile: []Call{{
		URL:    "https://open.feishu.cn/open-apis/authen/v1/user_info",
		Expect: map[string]string{"code": "0"}, Unwrap: "data",
	}},
	Map:    Mapping{UID: "open_id", Username: "name", Name: "name"},
	Before: feishuApp,
}

// feishuApp gets a token for ourselves, which stands in for id and secret.
func feishuApp(ctx context.Context, x *Exchange) error {
	answer, err := x.Call(ctx, Call{
		URL:    "https://open.feishu.cn/open-apis/auth/v3/app_access_token/internal/",
		Form:   map[string]string{"app_id": "{client_id}", "app_secret": "{secret}"},
		Auth:   Auth{None: true},
		Expect: map[string]string{"code": "0"},
	})
	if err != nil {
		return err
	}
	token := textOf(child(answer, "app_access_token"))
	if token == "" {
		return errors.New("there is no app access token in the answer")
	}
	x.Set("app_access_token", token)
	return nil
}
