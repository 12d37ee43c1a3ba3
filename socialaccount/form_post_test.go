package socialaccount_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount/providers"
)

// postman is a provider that has the browser return by a cross-site POST.
func postman(t *testing.T) (*World, *Client, *IDP) {
	t.Helper()
	p := wiretest.NewIDP(t)
	w, c := site(t, func(c *Config) {
		c.Social.Providers = append(c.Social.Providers, providers.Spec{
			ID: "postman", Name: "Postman", Discovery: p.URL, Scopes: []string{"openid"}, FormPost: true, IDToken: &providers.IDToken{Profile: true},
			AuthParams: map[string]string{"response_mode": "form_post"}, Map: providers.Mapping{UID: "sub", Email: "email", EmailVerified: "email_verified"},
		}.Provider(providers.Client{ID: wiretest.IDPClient, Secret: wiretest.IDPSecret, ProviderID: "idp"}))
	})
	p.Now = w.Clock.Now
	return w, c, p
}

const formPath = "//accounts/idp/login/callback/"

// crossSite is what a browser sends when another site's page posts a form: no
// session cookie, and the other site as its origin.
func crossSite(c *Client, form url.Values) *Reply {
	d := c.Other()
	d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	d.Header.Set("Origin", "https://idp.test")
	d.Header.Set("Sec-Fetch-Site", "cross-site")
	return d.Raw(http.MethodPost, formPath, form.Encode())
}

func TestFormPost(t *testing.T) {
	t.Parallel()
	w, c, p := postman(t)
	arrive := func(c *Client, r *Reply) string {
		t.Helper()
		if got := r.Is(303).Header.Get("Location"); got != "/accounts/idp/login/callback/finish/" {
			t.Fatalf("got %s", got)
		}
		for _, k := range r.Cookies {
			d := c.Clone()
			d.Header.Set("Cookie", k.Name+"="+k.Value)
			return d.Raw("GET", formPath+"finish/", nil).Is(302).Header.Get("Location")
		}
		t.Fatal("got no cookie")
		return ""
	}
	lost := errorPage + "?error=unknown&error_process=login"
	t.Run("comes back logged in", func(t *testing.T) {
		c := c.Other()
		back := p.Consent(t, begin(t, c, "idp", "login"), M{"sub": "1"})
		r := crossSite(c, back.Query())
		if len(r.Cookies) != 1 {
			t.Fatalf("got cookies %v", r.Cookies)
		}
		k := r.Cookies[0]
		if k.Path != "/accounts/idp/login/callback/finish/" || !k.HttpOnly || k.MaxAge != 300 || k.SameSite != http.SameSiteLaxMode || strings.Contains(k.Value, "code-") {
			t.Errorf("got cookie %v", k)
		}
		if got := arrive(c, r); got != callbackURL {
			t.Errorf("got %s", got)
		}
		c.Session().Pending("provider_signup")
		before := p.Seen("")
		if got := arrive(c, r); got != lost || p.Seen("") != before {
			t.Errorf("the answer has worked twice: %s", got)
		}
	})
	t.Run("says no", func(t *testing.T) {
		c := c.Other()
		back := p.Consent(t, begin(t, c, "idp", "login"), nil)
		r := crossSite(c, url.Values{"state": back.Query()["state"], "error": {"access_denied"}})
		if got := arrive(c, r); got != callbackURL+"?error=cancelled&error_process=login" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("works for five minutes, with its own cookie only", func(t *testing.T) {
		c := c.Other()
		back := p.Consent(t, begin(t, c, "idp", "login"), M{"sub": "1"})
		r := crossSite(c, back.Query())
		before := p.Seen("")
		if got := c.Raw("GET", formPath+"finish/?"+back.RawQuery, nil).Is(302).Header.Get("Location"); got != lost {
			t.Errorf("got %s", got)
		}
		for _, value := range []string{"", "x", strings.Repeat("A", 60), r.Cookies[0].Value[1:]} {
			d := c.Clone()
			d.Header.Set("Cookie", r.Cookies[0].Name+"="+value)
			if got := d.Raw("GET", formPath+"finish/", nil).Is(302).Header.Get("Location"); got != lost {
				t.Errorf("%q: got %s", value, got)
			}
		}
		w.Clock.Advance(5 * time.Minute)
		if got := arrive(c, r); got != lost || p.Seen("") != before {
			t.Errorf("got %s", got)
		}
	})
	t.Run("is of no use to another browser", func(t *testing.T) {
		back := p.Consent(t, begin(t, c.Other(), "idp", "login"), M{"sub": "1"})
		before := p.Seen("")
		if got := arrive(c.Other(), crossSite(c, back.Query())); got != lost || p.Seen("") != before {
			t.Errorf("got %s", got)
		}
	})
	t.Run("makes no session", func(t *testing.T) {
		r := crossSite(c, url.Values{"state": {"x"}, "code": {"y"}})
		for _, k := range r.Cookies {
			if k.Name == "sessionid" {
				t.Errorf("got cookie %v", k)
			}
		}
	})
	t.Run("is bounded", func(t *testing.T) {
		big := strings.Repeat("x", 3000)
		if r := crossSite(c, url.Values{"state": {"x"}, "id_token": {big}, "user": {big}}).Is(303); len(r.Cookies[0].Value) > 3900 {
			t.Error("the cookie is too large")
		}
		crossSite(c, url.Values{"state": {big}}).Is(400)
		crossSite(c, url.Values{"state": {strings.Repeat(big, 100)}}).Is(400)
		c.Raw("GET", formPath, nil).Is(405)
	})
}
