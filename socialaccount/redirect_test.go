package socialaccount_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

func TestRedirect(t *testing.T) {
	t.Parallel()
	w, c, p := withIDP(t, nil)
	t.Run("a stranger comes back logged in", func(t *testing.T) {
		c := c.Other()
		email := wiretest.FreshEmail()
		got := through(t, c, p, "login", M{"sub": "abc", "email": email, "email_verified": true, "preferred_username": "ada", "name": "Ada Lovelace"})
		if got != callbackURL {
			t.Errorf("got %s", got)
		}
		r := c.Session()
		r.LoggedIn()
		if u := w.User(userID(r)); u.Username != "ada" || u.FirstName != "Ada" || u.LastName != "Lovelace" || u.Email != email {
			t.Errorf("got %v", u)
		}
		if f := p.LastTokenRequest(); f.Get("redirect_uri") != w.URL+"/accounts/oidc/idp/login/callback/" || f.Get("grant_type") != "authorization_code" {
			t.Errorf("got token request %v", f)
		}
	})
	t.Run("the answer is not stored anywhere", func(t *testing.T) {
		r := c.Raw("GET", "//accounts/oidc/idp/login/callback/?code=x&state=y", nil).Is(302)
		if !strings.Contains(r.Header.Get("Cache-Control"), "no-store") || r.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("got %v", r.Header)
		}
	})
	t.Run("says no at the provider", func(t *testing.T) {
		back := p.Consent(t, begin(t, c, "idp", "login"), nil)
		q := back.Query()
		back.RawQuery = url.Values{"state": q["state"], "error": {"access_denied"}}.Encode()
		if got := comeBack(c, back); got != callbackURL+"?error=cancelled&error_process=login" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("another error of the provider", func(t *testing.T) {
		back := p.Consent(t, begin(t, c, "idp", "connect"), nil)
		q := back.Query()
		back.RawQuery = url.Values{"state": q["state"], "error": {"server_error"}, "error_description": {"<script>"}}.Encode()
		if got := comeBack(c, back); got != callbackURL+"?error=unknown&error_process=connect" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("methods", func(t *testing.T) {
		before := p.Seen("")
		back := p.Consent(t, begin(t, c, "idp", "login"), M{"sub": "abc"})
		c.Raw(http.MethodHead, "/"+back.RequestURI(), nil).Is(405)
		c.Raw(http.MethodPost, "/"+back.RequestURI(), nil).Is(405)
		if comeBack(c, back) != callbackURL || p.Seen("") == before {
			t.Error("a HEAD has used up the state")
		}
		c.Raw("GET", "//accounts/nobody/login/callback/", nil).Is(404)
		c.Raw("GET", "//accounts/", nil).Is(404)
	})
	t.Run("apps are not redirected", func(t *testing.T) {
		w.Client("app").Post("/auth/provider/redirect", M{}).Is(404)
	})
}

// A front end gets back what it asked for, with errors added to it.
func TestCallbackURL(t *testing.T) {
	t.Parallel()
	w, c := site(t, func(c *Config) { c.TrustedOrigins = []string{"https://trusted.test:8443", "https://*.wild.test"} })
	for target, want := range map[string]string{
		"/done?x=1#top":                   "/done?x=1&error=cancelled&error_process=login#top",
		"https://spa.test/?error=old&a=b": "https://spa.test/?a=b&error=cancelled&error_process=login",
		"https://trusted.test:8443/x":     "https://trusted.test:8443/x?error=cancelled&error_process=login",
		w.URL + "/own":                    w.URL + "/own?error=cancelled&error_process=login",
	} {
		r := post(c, "/auth/provider/redirect", url.Values{"provider": {"dummy"}, "process": {"login"}, "callback_url": {target}})
		if got := post(c, "/"+r.Is(302).Header.Get("Location"), url.Values{"action": {"cancel"}}).Is(302).Header.Get("Location"); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
	for _, target := range []string{
		"", "https://evil.test/", "//evil.test", "/\\evil.test", "https://spa.test@evil.test", "https://spa.test.evil.test", "http://spa.test/",
		"https://trusted.test/", "https://a.wild.test/", "javascript:alert(1)", "myapp://x", "https://spa.test\\@evil.test",
	} {
		r := post(c, "/auth/provider/redirect", url.Values{"provider": {"dummy"}, "process": {"login"}, "callback_url": {target}})
		if got := r.Is(302).Header.Get("Location"); got != errorPage+"?error=unknown&error_process=login" {
			t.Errorf("%q: got %s", target, got)
		}
	}
}

// A redirect URI comes from the configuration, whatever a request says.
func TestRedirectURIIsConfigured(t *testing.T) {
	t.Parallel()
	w, c, _ := withIDP(t, nil)
	c.Get("/config")
	c.Header.Set("X-Forwarded-Host", "evil.test")
	c.Header.Set("X-Forwarded-Proto", "https")
	c.Header.Set("Forwarded", "host=evil.test")
	got := parse(t, begin(t, c, "idp", "login")).Query().Get("redirect_uri")
	if got != w.URL+"/accounts/oidc/idp/login/callback/" {
		t.Errorf("got %s", got)
	}
}

// Parameters of the request reach the provider only if we made them.
func TestParameterInjection(t *testing.T) {
	t.Parallel()
	_, c, _ := withIDP(t, nil)
	r := post(c, "/auth/provider/redirect?scope=admin&redirect_uri=https://evil.test&client_id=x&prompt=none", url.Values{
		"provider": {"idp"}, "process": {"login"}, "callback_url": {callbackURL}, "scope": {"admin"}, "auth_params": {"prompt=none"}, "state": {"mine"},
	})
	q := parse(t, r.Is(302).Header.Get("Location")).Query()
	if q.Get("scope") != "openid profile email" || q.Has("prompt") || q.Get("state") == "mine" || q.Get("client_id") != wiretest.IDPClient || strings.Contains(q.Get("redirect_uri"), "evil") {
		t.Errorf("got %v", q)
	}
}

// Without the CSRF token nobody is sent anywhere: a stranger can't log others
// in. Requirement SOC-1.
func TestLoginCSRF(t *testing.T) {
	t.Parallel()
	_, c, p := withIDP(t, nil)
	c.Header.Set("X-CSRFToken", strings.Repeat("a", 32))
	c.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	c.Raw("POST", "/auth/provider/redirect", "provider=idp&process=login&callback_url="+url.QueryEscape(callbackURL)).Is(403)

	// The attacker goes to the provider, and has the victim come back.
	attacker, victim := c.Other(), c.Other()
	back := p.Consent(t, begin(t, attacker, "idp", "login"), M{"sub": "attacker"})
	before := p.Seen("")
	for _, v := range []*Client{victim, started(t, victim.Other())} {
		if got := comeBack(v, back); got != errorPage+"?error=unknown&error_process=login" {
			t.Errorf("got %s", got)
		}
		v.Session().NothingPending()
	}
	if p.Seen("") != before {
		t.Error("the provider was called for a browser that nobody sent there")
	}
}

// started is a browser on its own way to a provider.
func started(t *testing.T, c *Client) *Client {
	begin(t, c, "idp", "login")
	return c
}

// A state works once, for its session, its provider and its time.
func TestState(t *testing.T) {
	t.Parallel()
	w, c, p := withIDP(t, func(c *Config) {
		second := providers.OpenIDConnect(providers.Client{
			ID: wiretest.IDPClient, Secret: wiretest.IDPSecret, ProviderID: "second",
			Settings: map[string]string{"server_url": infoOf(c, "idp").DiscoveryURL},
		})
		c.Social.Providers = append(c.Social.Providers, second)
	})
	lost := errorPage + "?error=unknown&error_process=login"
	calls := func(t *testing.T, do func()) {
		t.Helper()
		before := p.Seen("")
		do()
		if p.Seen("") != before {
			t.Error("the provider was called")
		}
	}
	t.Run("once", func(t *testing.T) {
		c := c.Other()
		back := p.Consent(t, begin(t, c, "idp", "login"), M{"sub": "1", "email": wiretest.FreshEmail(), "email_verified": true})
		if got := comeBack(c, back); got != callbackURL {
			t.Errorf("got %s", got)
		}
		calls(t, func() {
			if got := comeBack(c, back); got != lost {
				t.Errorf("got %s", got)
			}
		})
	})
	t.Run("once, also after a failure", func(t *testing.T) {
		c := c.Other()
		back := p.Consent(t, begin(t, c, "idp", "login"), M{"sub": "1"})
		bad := *back
		bad.RawQuery = strings.Replace(bad.RawQuery, "code-", "wrong-", 1)
		if got := comeBack(c, &bad); got != callbackURL+"?error=unknown&error_process=login" {
			t.Errorf("got %s", got)
		}
		calls(t, func() {
			if got := comeBack(c, back); got != lost {
				t.Errorf("got %s", got)
			}
		})
	})
	t.Run("of requests at once one gets it", func(t *testing.T) {
		c := c.Other()
		back := p.Consent(t, begin(t, c, "idp", "login"), M{"sub": "race", "email": wiretest.FreshEmail(), "email_verified": true})
		before := p.Seen("/token")
		done := make(chan string, 4)
		for range cap(done) {
			d := c.Clone()
			go func() { done <- d.Raw("GET", "/"+back.RequestURI(), nil).Header.Get("Location") }()
		}
		won := 0
		for range cap(done) {
			if got := <-done; got == callbackURL {
				won++
			} else if got != lost {
				t.Errorf("got %s", got)
			}
		}
		if won != 1 || p.Seen("/token") != before+1 {
			t.Errorf("%d requests got it, with %d calls", won, p.Seen("/token")-before)
		}
	})
	t.Run("not at another provider's path", func(t *testing.T) {
		c := c.Other()
		back := p.Consent(t, begin(t, c, "idp", "login"), M{"sub": "1"})
		other := *back
		other.Path = strings.Replace(other.Path, "/idp/", "/second/", 1)
		calls(t, func() {
			if got := comeBack(c, &other); got != lost {
				t.Errorf("got %s", got)
			}
		})
	})
	t.Run("not for whoever else is logged in", func(t *testing.T) {
		c := c.Other()
		one, two := w.Make(Person{}), w.Make(Person{})
		c.LogIn(one)
		back := p.Consent(t, begin(t, c, "idp", "connect"), M{"sub": "2"})
		c.Delete("/auth/session", nil)
		c.LogIn(two)
		comeBack(c, back)
		if accounts(t, w, one.ID)+accounts(t, w, two.ID) != "" {
			t.Error("an account was linked")
		}
	})
	t.Run("ten minutes", func(t *testing.T) {
		c := c.Other()
		back := p.Consent(t, begin(t, c, "idp", "login"), M{"sub": "1"})
		w.Clock.Advance(10 * time.Minute)
		begin(t, c, "idp", "login") // a younger one keeps it from being swept
		calls(t, func() {
			if got := comeBack(c, back); got != lost {
				t.Errorf("got %s", got)
			}
		})
	})
	t.Run("ten of a session", func(t *testing.T) {
		c := c.Other()
		var all []*url.URL
		for range 11 {
			all = append(all, p.Consent(t, begin(t, c, "idp", "login"), M{"sub": "1"}))
			w.Clock.Advance(time.Second)
		}
		if got := comeBack(c, all[0]); got != lost {
			t.Errorf("got %s", got)
		}
		if got := comeBack(c, all[1]); got == lost {
			t.Errorf("got %s", got)
		}
	})
	t.Run("junk", func(t *testing.T) {
		calls(t, func() {
			for _, state := range []string{"", "x", strings.Repeat("x", 5000), "\x00", "%"} {
				back := parse(t, "/accounts/oidc/idp/login/callback/")
				back.RawQuery = url.Values{"code": {"x"}, "state": {state}}.Encode()
				if got := comeBack(c, back); got != lost {
					t.Errorf("%q: got %s", state, got)
				}
			}
		})
	})
}

func infoOf(c *Config, id string) socialaccount.Info {
	for _, p := range c.Social.Providers {
		if p.Info().ID == id {
			return p.Info()
		}
	}
	return socialaccount.Info{}
}

// A strict session cookie does not come along from another site: a page of our
// own fetches it.
func TestStrictCookie(t *testing.T) {
	t.Parallel()
	_, c, p := withIDP(t, func(c *Config) { c.Session.CookieSameSite = "strict" })
	back := p.Consent(t, begin(t, c, "idp", "login"), M{"sub": "1", "email": wiretest.FreshEmail(), "email_verified": true})
	r := c.Other().Raw("GET", "/"+back.RequestURI(), nil).Is(200)
	html := string(r.Raw)
	_, rest, _ := strings.Cut(html, `content="0;url=`)
	target, _, _ := strings.Cut(rest, `"`)
	again := parse(t, strings.ReplaceAll(target, "&amp;", "&"))
	if !again.Query().Has("_redir") || again.Query().Get("state") != back.Query().Get("state") || r.Header.Get("Content-Security-Policy") == "" {
		t.Fatalf("got %s", html)
	}
	if got := comeBack(c.Other(), again); got != errorPage+"?error=unknown&error_process=login" {
		t.Errorf("got %s", got)
	}
	if got := comeBack(c, again); got != callbackURL {
		t.Errorf("got %s", got)
	}
	evil := c.Other().Raw("GET", `//accounts/oidc/idp/login/callback/?state="><script>`, nil).Is(200)
	if strings.Count(string(evil.Raw), "<script") != 1 { // our own
		t.Errorf("got %s", evil.Raw)
	}
}

func TestDummyPage(t *testing.T) {
	t.Parallel()
	_, c := site(t, nil)
	location := begin(t, c, "dummy", "login")
	page := c.Raw("GET", "/"+location, nil).Is(200)
	if !strings.Contains(string(page.Raw), `name="csrfmiddlewaretoken" value="`+c.Cookie("csrftoken")+`"`) {
		t.Errorf("got %s", page.Raw)
	}
	again := post(c, "/"+location, url.Values{"id": {"x"}}).Is(200)
	if !strings.Contains(string(again.Raw), `role="alert"`) {
		t.Errorf("got %s", again.Raw)
	}
	if got := post(c, "/"+location, url.Values{"id": {"1"}, "email": {wiretest.FreshEmail()}, "email_verified": {"on"}}).Is(302).Header.Get("Location"); got != callbackURL {
		t.Errorf("got %s", got)
	}
	c.Session().LoggedIn()
	lost := errorPage + "?error=unknown&error_process=login"
	for _, r := range []*Reply{c.Raw("GET", "/"+location, nil), post(c, "/"+location, url.Values{"id": {"1"}}), post(c, "//accounts/dummy/authenticate/", url.Values{"id": {"1"}})} {
		if got := r.Is(302).Header.Get("Location"); got != lost {
			t.Errorf("got %s", got)
		}
	}
	d := c.Other()
	location = begin(t, d, "dummy", "login")
	d.Header.Set("X-CSRFToken", strings.Repeat("a", 32))
	post(d, "/"+location, url.Values{"id": {"1"}}).Is(403)
}

// Telegram's answer is behind "#", which only a script can carry over to the
// page where the cookie comes along.
func TestStrictCookieTelegram(t *testing.T) {
	t.Parallel()
	_, c := site(t, func(c *Config) {
		c.Session.CookieSameSite = "strict"
		c.Social.Providers = append(c.Social.Providers, providers.Telegram(providers.Client{ID: "1", Secret: "x"}))
	})
	back := parse(t, parse(t, begin(t, c, "telegram", "login")).Query().Get("return_to"))
	r := c.Other().Raw("GET", "/"+back.RequestURI(), nil).Is(200)
	_, script, _ := strings.Cut(string(r.Raw), "<script>")
	script, _, _ = strings.Cut(script, "</script>")
	sum := sha256.Sum256([]byte(script))
	if !strings.Contains(script, "location.hash") || !strings.Contains(r.Header.Get("Content-Security-Policy"), "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Fatalf("got %s", r.Raw)
	}
	_, target, _ := strings.Cut(string(r.Raw), `<a href="`)
	target, _, _ = strings.Cut(target, `"`)
	again := "/" + strings.ReplaceAll(target, "&amp;", "&")
	if r := c.Raw("GET", again, nil).Is(200); !strings.Contains(string(r.Raw), "tgAuthResult") {
		t.Errorf("got %s", r.Raw)
	}
	if r := c.Other().Raw("GET", again, nil).Is(302); r.Header.Get("Location") != errorPage+"?error=unknown&error_process=login" {
		t.Errorf("got %s", r.Header.Get("Location"))
	}
}

// Nobody sees the answer to a navigation: refusals are told by the error page,
// but for those that are for programs.
func TestRefusedNavigation(t *testing.T) {
	t.Parallel()
	const lost = errorPage + "?error=unknown&error_process=login"
	_, c := site(t, func(c *Config) {
		c.ClientIPHeader, c.NoLimits, c.Limits = "X-Real-IP", false, map[string]string{"login": "1/m/ip"}
	})
	form := url.Values{"provider": {"dummy"}, "process": {"login"}, "callback_url": {callbackURL}}
	c.Header.Set("X-Real-IP", "192.0.2.1")
	c.Get("/config")
	for name, tt := range map[string]struct {
		path   string
		status int
	}{
		"the redirect endpoint": {"/auth/provider/redirect", 302}, "a callback": {"//accounts/dummy/authenticate/", 302}, "a call": {"/auth/login", 403},
	} {
		d := c.Clone()
		d.Header.Set("X-Real-IP", "nowhere")
		r := post(d, tt.path, form).Is(tt.status)
		if got := r.Header.Get("Location"); tt.status == 302 && got != lost {
			t.Errorf("%s: got %s", name, got)
		}
		d.Header.Set("X-CSRFToken", "")
		if r := post(d, tt.path, form).Is(403); !strings.Contains(string(r.Raw), "csrf_failed") {
			t.Errorf("%s: got %s", name, r.Raw)
		}
	}
	post(c, "/auth/provider/redirect", form).Is(302)
	post(c, "/auth/provider/redirect", form).Is(429)
	c.Raw(http.MethodGet, "/auth/provider/redirect", nil).Is(405)
}
