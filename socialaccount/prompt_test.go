package socialaccount_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/oidctest"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

const (
	googleClient = "web.apps.googleusercontent.com"
	googleApp    = "ios.apps.googleusercontent.com"
	promptPath   = "/accounts/google/login/token/"
)

// google is Google as far as its script is concerned: it signs, and publishes
// its keys.
type google struct {
	*oidctest.Provider
	claims func(c M)
	calls  int
}

// RoundTrip implements [http.RoundTripper].
func (g *google) RoundTrip(r *http.Request) (*http.Response, error) {
	g.calls++
	w := httptest.NewRecorder()
	if r.URL.String() == "https://www.googleapis.com/oauth2/v3/certs" {
		g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/jwks.json", http.NoBody))
	} else {
		w.WriteHeader(http.StatusNotFound)
	}
	return w.Result(), nil
}

// withGoogle is a site with Google.
func withGoogle(t *testing.T, change func(c *Config)) (*World, *Client, *google) {
	t.Helper()
	g := &google{}
	w, c := site(t, func(c *Config) {
		c.Social.Transport = g
		c.Social.Providers = append(c.Social.Providers, providers.Google(providers.Client{ID: googleClient, Secret: "x", OtherIDs: []string{googleApp}}))
		if change != nil {
			change(c)
		}
	})
	g.Provider = oidctest.New(oidctest.Options{Issuer: "https://accounts.google.com", Now: w.Clock.Now, ChangeClaims: func(c map[string]any) {
		if g.claims != nil {
			g.claims(c)
		}
	}})
	return w, c, g
}

type prompt struct {
	ClientID string `json:"client_id"`
	LoginURI string `json:"login_uri"`
	Nonce    string `json:"nonce"`
}

// asks has a page ask for what to tell Google's script.
func asks(c *Client, process string) (p prompt) {
	c.Get("/config")
	c.Post("/ext/auth/provider/prompt", M{"provider": "google", "process": process, "callback_url": callbackURL}).Is(200).Into(&p)
	return p
}

// taps has somebody agree, and the script post what Google says.
func (g *google) taps(t *testing.T, c *Client, client, nonce string, who oidctest.Person) (location string) {
	t.Helper()
	token, err := g.Credential(client, nonce, who)
	if err != nil {
		t.Fatal(err)
	}
	return deliver(t, c, token)
}

// deliver posts a token as the script does, from Google's site, and follows.
func deliver(t *testing.T, c *Client, token string) (location string) {
	t.Helper()
	r := postPrompt(c, "g_csrf_token=abc", url.Values{"credential": {token}, "g_csrf_token": {"abc"}}).Is(303)
	if location = r.Header.Get("Location"); location != promptPath+"finish/" {
		return location
	}
	if len(r.Cookies) != 1 || !r.Cookies[0].HttpOnly || r.Cookies[0].Path != location {
		t.Fatalf("got cookies %v", r.Cookies)
	}
	d := c.Clone()
	d.Header.Set("Cookie", r.Cookies[0].Name+"="+r.Cookies[0].Value)
	return d.Raw(http.MethodGet, "/"+location, nil).Is(302).Header.Get("Location")
}

// postPrompt is the script's cross-site POST, without session.
func postPrompt(c *Client, cookie string, form url.Values) *Reply {
	d := c.Other()
	d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	d.Header.Set("Origin", "https://accounts.google.com")
	d.Header.Set("Sec-Fetch-Site", "cross-site")
	d.Header.Set("Cookie", cookie)
	return d.Raw(http.MethodPost, "/"+promptPath, form.Encode())
}

func TestOneTap(t *testing.T) {
	t.Parallel()
	w, c, g := withGoogle(t, nil)
	ada := oidctest.Person{Subject: "1001", Email: wiretest.FreshEmail(), EmailVerified: true, Name: "Ada"}
	t.Run("tells the page what the script needs", func(t *testing.T) {
		p := asks(c.Other(), "login")
		if p.ClientID != googleClient || p.LoginURI != w.URL+promptPath || len(p.Nonce) != 32 {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("signs up, and logs in", func(t *testing.T) {
		for range 2 {
			c := c.Other()
			if got := g.taps(t, c, googleClient, asks(c, "login").Nonce, ada); got != callbackURL {
				t.Fatalf("got %s", got)
			}
			u := c.Session().LoggedIn()
			if u["email"] != ada.Email || accounts(t, w, fmt.Sprint(u["id"])) != "google:1001" {
				t.Errorf("got %v", u)
			}
		}
	})
	t.Run("takes tokens for further client ids", func(t *testing.T) {
		c := c.Other()
		if got := g.taps(t, c, googleApp, asks(c, "login").Nonce, ada); got != callbackURL {
			t.Errorf("got %s", got)
		}
	})
	t.Run("connects", func(t *testing.T) {
		p := w.Make(Person{})
		c := c.Other()
		c.LogIn(p).LoggedIn()
		if got := g.taps(t, c, googleClient, asks(c, "connect").Nonce, oidctest.Person{Subject: "1002"}); got != callbackURL {
			t.Fatalf("got %s", got)
		}
		if got := accounts(t, w, p.ID); got != "google:1002" {
			t.Errorf("got %s", got)
		}
		if got := g.taps(t, c, googleClient, asks(c, "connect").Nonce, ada); got != callbackURL+"?error=connected_other&error_process=connect" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("connects nobody who is not logged in", func(t *testing.T) {
		c := c.Other()
		c.Get("/config")
		c.Post("/ext/auth/provider/prompt", M{"provider": "google", "process": "connect", "callback_url": callbackURL}).Is(401)
	})
	t.Run("refuses what can't be", func(t *testing.T) {
		c := c.Other()
		c.Get("/config")
		c.Post("/ext/auth/provider/prompt", M{"provider": "dummy", "process": "x", "callback_url": "https://evil.test"}).
			Fails("provider:invalid_choice", "process:invalid_choice", "callback_url:invalid")
		c.Post("/ext/auth/provider/prompt", M{}).Fails("provider:required", "process:required", "callback_url:required")
	})
	t.Run("is nothing where no provider has it", func(t *testing.T) {
		_, c := site(t, nil)
		c.Get("/config")
		c.Post("/ext/auth/provider/prompt", M{}).Is(404)
		postPrompt(c, "", nil).Is(404)
	})
}

func TestOneTapAttacks(t *testing.T) {
	t.Parallel()
	var why string
	w, c, g := withGoogle(t, func(c *Config) {
		c.Social.Hooks.OnError = func(_ context.Context, _ socialaccount.Info, err error) { why = err.Error() }
	})
	const (
		unknown = callbackURL + "?error=unknown&error_process=login"
		lost    = errorPage + "?error=unknown&error_process=login"
	)
	eve := oidctest.Person{Subject: "666", Email: "eve@example.org", EmailVerified: true}
	token := func(t *testing.T, client, nonce string) string {
		t.Helper()
		s, err := g.Credential(client, nonce, eve)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("another site's page", func(t *testing.T) {
		c := c.Other()
		good := token(t, googleClient, asks(c, "login").Nonce)
		before := g.calls
		for _, tt := range [][2]string{{"", ""}, {"", "abc"}, {"g_csrf_token=abc", ""}, {"g_csrf_token=abc", "abd"}, {"g_csrf_token=", ""}} {
			r := postPrompt(c, tt[0], url.Values{"credential": {good}, "g_csrf_token": {tt[1]}}).Is(403)
			if !strings.Contains(string(r.Raw), "csrf_failed") || len(r.Cookies) != 0 {
				t.Errorf("%v: got %s, %v", tt, r.Raw, r.Cookies)
			}
		}
		if g.calls != before {
			t.Error("the provider was asked")
		}
		if got := deliver(t, c, good); got != callbackURL { // nothing was used up
			t.Errorf("got %s", got)
		}
	})
	t.Run("replay", func(t *testing.T) {
		c := c.Other()
		good := token(t, googleClient, asks(c, "login").Nonce)
		if got := deliver(t, c, good); got != callbackURL {
			t.Fatalf("got %s", got)
		}
		if got := deliver(t, c, good); got != lost {
			t.Errorf("got %s", got)
		}
	})
	t.Run("login CSRF: a token for another browser", func(t *testing.T) {
		mallory, victim := c.Other(), c.Other()
		good := token(t, googleClient, asks(mallory, "login").Nonce)
		asks(victim, "login")
		if got := deliver(t, victim, good); got != lost {
			t.Errorf("got %s", got)
		}
		victim.Session().NothingPending()
	})
	for name, tt := range map[string]struct {
		client string
		claims M
		want   string // of the reason
	}{
		"another audience":         {client: "other.apps.googleusercontent.com", want: "made for"},
		"another issuer":           {claims: M{"iss": "https://accounts.evil.test"}, want: "issued by"},
		"the issuer without https": {claims: M{"iss": "accounts.google.com"}, want: "issued by"},
		"another party":            {claims: M{"azp": "other"}, want: "asked for by"},
		"expired":                  {claims: M{"exp": float64(1)}, want: "expired"},
		"no expiry":                {claims: M{"exp": nil}, want: "expired"},
		"nobody":                   {claims: M{"sub": ""}, want: "no subject"},
	} {
		t.Run(name, func(t *testing.T) {
			why = ""
			c := c.Other()
			nonce := asks(c, "login").Nonce
			client := googleClient
			if tt.client != "" {
				client = tt.client
			}
			g.claims = func(m M) {
				for k, v := range tt.claims {
					if m[k] = v; v == nil {
						delete(m, k)
					}
				}
			}
			bad := token(t, client, nonce)
			g.claims = nil
			if got := deliver(t, c, bad); got != unknown || !strings.Contains(why, tt.want) {
				t.Errorf("got %s, because %s", got, why)
			}
			c.Session().NothingPending()
			if got := deliver(t, c, token(t, googleClient, nonce)); got != lost {
				t.Errorf("the nonce can be used again: %s", got)
			}
		})
	}
	t.Run("a changed token", func(t *testing.T) {
		c := c.Other()
		nonce := asks(c, "login").Nonce
		parts := strings.Split(token(t, googleClient, nonce), ".")
		other := strings.Split(token(t, googleClient, nonce+"x"), ".")
		if got := deliver(t, c, parts[0]+"."+parts[1]+"."+other[2]); got != unknown {
			t.Errorf("got %s", got)
		}
	})
	t.Run("no nonce", func(t *testing.T) {
		c := c.Other()
		asks(c, "login")
		if got := deliver(t, c, token(t, googleClient, "")); got != lost || !strings.Contains(why, "no nonce") {
			t.Errorf("got %s, because %s", got, why)
		}
	})
	t.Run("too late", func(t *testing.T) {
		c := c.Other()
		nonce := asks(c, "login").Nonce
		w.Clock.Advance(11 * time.Minute)
		if got := deliver(t, c, token(t, googleClient, nonce)); got != lost {
			t.Errorf("got %s", got)
		}
	})
	t.Run("the other way back", func(t *testing.T) {
		c := c.Other()
		nonce := asks(c, "login").Nonce
		before := g.calls
		r := c.Raw(http.MethodGet, "//accounts/google/login/callback/?code=x&state="+nonce, nil).Is(302)
		if got := r.Header.Get("Location"); got != lost || g.calls != before {
			t.Errorf("got %s", got)
		}
	})
	for name, junk := range map[string]string{"nothing": "", "no token": "x", "two parts": "a.b", "no JSON": "YQ.YQ.YQ", "long": strings.Repeat("a", 40<<10)} {
		t.Run("junk: "+name, func(t *testing.T) {
			if got := deliver(t, c.Other(), junk); got != lost {
				t.Errorf("got %s", got)
			}
		})
	}
	t.Run("a user who is disabled", func(t *testing.T) {
		p := w.Make(Person{Disabled: true})
		linkedTo(t, w, p.ID, "google", "1003")
		c := c.Other()
		if got := g.taps(t, c, googleClient, asks(c, "login").Nonce, oidctest.Person{Subject: "1003"}); got != unknown {
			t.Errorf("got %s", got)
		}
		c.Session().NothingPending()
	})
}
