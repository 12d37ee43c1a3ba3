package providers_test

import (
	"cmp"
	"encoding/json"
	"testing"

	"github.com/headless-auth/headless/socialaccount"
)

// TestRefresh renews tokens in the dialects of several providers.
func TestRefresh(t *testing.T) {
	t.Parallel()
	answer := json.RawMessage(`{"access_token": "new", "refresh_token": "newer", "expires_in": 60}`)
	for _, test := range []struct {
		id       string
		old, new string // defaults: "old", "newer"
		settings map[string]string
		calls    []call
	}{
		{id: "discord", calls: []call{{
			Request: "POST https://discord.com/api/oauth2/token", Answer: answer,
			Form: map[string]string{"grant_type": "refresh_token", "refresh_token": "old", "client_id": "client id", "client_secret": "s3cret"},
		}}},
		{id: "reddit", calls: []call{{
			Request: "POST https://www.reddit.com/api/v1/access_token", Answer: answer,
			Headers: map[string]string{"Authorization": "Basic Y2xpZW50K2lkOnMzY3JldA==", "User-Agent": "headless-auth"},
			Form:    map[string]string{"grant_type": "refresh_token", "refresh_token": "old"},
		}}},
		{id: "tiktok", calls: []call{{
			Request: "POST https://open.tiktokapis.com/v2/oauth/token/", Answer: answer,
			Form: map[string]string{"grant_type": "refresh_token", "refresh_token": "old", "client_key": "client id", "client_secret": "s3cret"},
		}}},
		{id: "dingtalk", calls: []call{{
			Request: "POST https://api.dingtalk.com/v1.0/oauth2/userAccessToken",
			JSON:    json.RawMessage(`{"grantType": "refresh_token", "refreshToken": "old", "clientId": "client id", "clientSecret": "s3cret"}`),
			Answer:  json.RawMessage(`{"accessToken": "new", "refreshToken": "newer", "expireIn": 60}`),
		}}},
		{id: "weixin", calls: []call{{
			Request: "POST https://api.weixin.qq.com/sns/oauth2/refresh_token", Answer: answer,
			Form: map[string]string{"grant_type": "refresh_token", "refresh_token": "old", "appid": "client id", "secret": "s3cret"},
		}}},
		{id: "battlenet", settings: map[string]string{"region": "cn"}, calls: []call{{
			Request: "POST https://oauth.battlenet.com.cn/token", Answer: answer,
			Form: map[string]string{"grant_type": "refresh_token", "refresh_token": "old", "client_id": "client id", "client_secret": "s3cret"},
		}}},
		{id: "vk", old: "device_id=device+1&refresh_token=old", new: "device_id=device+1&refresh_token=newer", calls: []call{{
			Request: "POST https://id.vk.ru/oauth2/auth", Answer: answer,
			Form: map[string]string{
				"grant_type": "refresh_token", "refresh_token": "old", "client_id": "client id", "client_secret": "s3cret", "device_id": "device 1",
				"state": "a…",
			},
		}}},
		{id: "vk", old: "from elsewhere", new: "refresh_token=newer", calls: []call{{
			Request: "POST https://id.vk.ru/oauth2/auth", Answer: answer,
			Form: map[string]string{
				"grant_type": "refresh_token", "refresh_token": "from elsewhere", "client_id": "client id", "client_secret": "s3cret", "state": "a…",
			},
		}}},
		{id: "feishu", calls: []call{
			{
				Request: "POST https://open.feishu.cn/open-apis/auth/v3/app_access_token/internal/",
				Form:    map[string]string{"app_id": "client id", "app_secret": "s3cret"},
				Answer:  json.RawMessage(`{"code": 0, "app_access_token": "a-1"}`),
			},
			{
				Request: "POST https://open.feishu.cn/open-apis/authen/v1/refresh_access_token",
				JSON:    json.RawMessage(`{"grant_type": "refresh_token", "refresh_token": "old", "app_access_token": "a-1"}`),
				Answer:  json.RawMessage(`{"code": 0, "data": {"access_token": "new", "refresh_token": "newer", "expires_in": 60}}`),
			},
		}},
	} {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			r := &recording{Settings: test.settings, Calls: test.calls}
			fake := &replay{t: t, r: r}
			token, err := r.provider(t, test.id).(socialaccount.Refresher).Refresh(t.Context(), tools(fake), cmp.Or(test.old, "old"))
			if err != nil {
				t.Fatal(err)
			}
			if token.AccessToken != "new" || token.RefreshToken != cmp.Or(test.new, "newer") || token.Expiry.Sub(start).Seconds() != 60 {
				t.Errorf("got %+v", token)
			}
			if fake.n != len(test.calls) {
				t.Errorf("got %d requests, want %d", fake.n, len(test.calls))
			}
		})
	}
}
