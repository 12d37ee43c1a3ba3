package socialaccount_test

import (
	"strings"
	"testing"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

func TestProblems(t *testing.T) {
	t.Parallel()
	gh := func(c providers.Client) socialaccount.Provider { return providers.GitHub(c) }
	for name, x := range map[string]struct {
		change func(c *Config)
		want   string
	}{
		"dummy without development": {func(c *Config) { c.Social.Development = false }, "Social.Providers[0]: dummy believes whatever it is told"},
		"nothing":                   {func(c *Config) { c.Social.Providers = append(c.Social.Providers, nil) }, "Social.Providers[1]: is nil"},
		"no client id":              {func(c *Config) { c.Social.Providers = append(c.Social.Providers, gh(providers.Client{})) }, "Social.Providers[1].ID: is missing"},
		"twice": {func(c *Config) {
			c.Social.Providers = []socialaccount.Provider{gh(providers.Client{ID: "a"}), gh(providers.Client{ID: "b"})}
		}, `Social.Providers[1].ProviderID: "github" is taken`},
		"no server": {func(c *Config) {
			c.Social.Providers = append(c.Social.Providers, providers.OpenIDConnect(providers.Client{ID: "a", ProviderID: "idp"}))
		}, `Social.Providers[1].Settings["server_url"]: is missing`},
		"unknown setting": {func(c *Config) {
			c.Social.Providers = append(c.Social.Providers, gh(providers.Client{ID: "a", Settings: map[string]string{"GITLAB_URL": "x"}}))
		}, `Social.Providers[1].Settings["gitlab_url"]: is no setting of github`},
		"bad URL": {func(c *Config) {
			c.Social.Providers = append(c.Social.Providers, gh(providers.Client{ID: "a", Settings: map[string]string{"GITHUB_URL": "git.example.org"}}))
		}, `Social.Providers[1].Settings["GITHUB_URL"]: "git.example.org" is no good URL`},
		"reserved parameter": {func(c *Config) {
			c.Social.Providers = append(c.Social.Providers, gh(providers.Client{ID: "a", AuthParams: map[string]string{"redirect_uri": "x"}}))
		}, `Social.Providers[1].AuthParams["redirect_uri"]: is not for you to set`},
		"callback":            {func(c *Config) { c.Social.CallbackURLs = []string{"https://a.test", "javascript:"} }, "Social.CallbackURLs[1]:"},
		"callback path":       {func(c *Config) { c.Social.CallbackPath = "accounts" }, "Social.CallbackPath:"},
		"OpenID Connect path": {func(c *Config) { c.Social.OpenIDConnectPath = "a b" }, "Social.OpenIDConnectPath:"},
		"verification":        {func(c *Config) { c.Social.EmailVerification = "maybe" }, `Social.EmailVerification: "maybe"`},
		"internal":            {func(c *Config) { c.Social.Internal = []string{"http://x"} }, "Social.Internal[0]:"},
		"timeout":             {func(c *Config) { c.Social.Timeout = -1 }, "Social.Timeout:"},
		"size":                {func(c *Config) { c.Social.MaxAnswerBytes = -1 }, "Social.MaxAnswerBytes:"},
		"nothing to connect":  {func(c *Config) { c.Social.AutoConnect = true }, "Social.AutoConnect:"},
		"only with mails":     {func(c *Config) { c.Social.Only = true }, "Social.Only:"},
		"only with codes": {func(c *Config) {
			c.Social.Only, c.Account.EmailVerification, c.Account.LoginByCode = true, account.None, true
		}, "Social.Only: contradicts Account.LoginByCode"},
		"only with MFA":       {func(c *Config) { c.Social.Only, c.Account.EmailVerification, c.MFA = true, account.None, &mfa.Config{} }, "Social.Only: contradicts MFA"},
		"no error page":       {func(c *Config) { c.Frontend.SocialLoginError = "" }, "Frontend.SocialLoginError: is missing"},
		"a bad error page":    {func(c *Config) { c.Frontend.SocialLoginError = "mailto:x" }, "Frontend.SocialLoginError:"},
		"secrets do not show": {func(c *Config) { c.Social.Providers = append(c.Social.Providers, gh(providers.Client{Secret: "hush"})) }, "Social.Providers[1].ID"},
		"a key that is none": {func(c *Config) {
			c.Social.Providers = append(c.Social.Providers, providers.Apple(providers.Client{ID: "a", Secret: "b", Key: "c", Settings: map[string]string{"certificate_key": "hush"}}))
		}, "Social.Providers[1].Settings: certificate_key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := wiretest.Config()
			c.URL, c.Store, c.Mailer = "https://app.example.org", wiretest.Stores["memory"](t), &wiretest.Inbox{}
			with(nil)(&c)
			if _, err := headless.New(c); err != nil {
				t.Fatal(err)
			}
			x.change(&c)
			if _, err := headless.New(c); err == nil || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("got %v, want %s", err, x.want)
			}
		})
	}
}

func TestCallbacksWithoutProviders(t *testing.T) {
	t.Parallel()
	w := wiretest.New(t, wiretest.Stores["memory"](t), nil)
	c := w.Client("browser")
	c.Raw("GET", "//accounts/dummy/authenticate/", nil).Is(404)
	c.Raw("GET", "/account/providers", nil).Is(404)
}

func TestConfigData(t *testing.T) {
	t.Parallel()
	w, c := site(t, func(c *Config) {
		c.Social.Providers = append(c.Social.Providers,
			providers.Google(providers.Client{ID: "web", Secret: "x", OtherIDs: []string{"ios"}}),
			providers.GitHub(providers.Client{ID: "gh", Secret: "x"}),
			providers.Google(providers.Client{ID: "tv", Secret: "x", ProviderID: "google-tv", Name: "Google TV", Hidden: true}))
	})
	names := func(c *Client) string {
		var d struct {
			Socialaccount struct {
				Providers []struct {
					ID       string
					ClientID string `json:"client_id"`
				}
			}
		}
		c.Get("/config").Is(200).Into(&d)
		var l []string
		for _, p := range d.Socialaccount.Providers {
			l = append(l, p.ID+":"+p.ClientID)
		}
		return strings.Join(l, " ")
	}
	if got := names(c); got != "dummy: github:gh google:web" {
		t.Errorf("got %s", got)
	}
	if got := names(w.Client("app")); got != "dummy: google:web google:ios google-tv:tv" {
		t.Errorf("got %s", got)
	}
	if got := strings.Join(c.Session().Flows(), " "); got != "login signup provider_redirect provider_token" {
		t.Errorf("got %s", got)
	}
	if got := strings.Join(w.Client("app").Session().Flows(), " "); got != "login signup provider_token" {
		t.Errorf("got %s", got)
	}
}
