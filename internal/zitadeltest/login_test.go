package zitadel_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/browsertest"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

func TestMain(m *testing.M) { os.Exit(browsertest.Main(m)) }

type M = wiretest.M

// site is a site that sends people to the provider. Its clock is the
// provider's, which is the real one, until it is put forward.
type site struct {
	*wiretest.World
	p     *openID
	ahead atomic.Int64
}

func start(t *testing.T) *site {
	t.Helper()
	s := &site{p: newOpenID(t)}
	s.World = wiretest.New(t, wiretest.Stores["memory"](t), func(c *headless.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }
		c.Frontend.SocialLoginError = c.URL + "/lost"
		c.Social = &socialaccount.Config{
			Internal: []string{"localhost", "127.0.0.1", "::1"},
			Providers: []socialaccount.Provider{providers.OpenIDConnect(providers.Client{
				ID: "web", Secret: "web-secret", OtherIDs: []string{"ios"}, ProviderID: "op", Name: "Theirs", Settings: map[string]string{"server_url": s.p.url},
			})},
		}
	})
	s.p.register("web", "web-secret", s.URL+"/accounts/oidc/op/login/callback/")
	for _, app := range []string{"ios", "strangers-app"} {
		s.p.register(app, app+"-secret", "http://127.0.0.1:1/app")
	}
	s.Mux.HandleFunc("GET /front", front)
	return s
}

// front is a front end: a button for each process, and how things stand.
func front(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprint(w, `<!doctype html><html lang="en"><title>Front end</title><link rel="icon" href="data:,"><main><h1>Front end</h1>
<p id="error"></p><p id="user">…</p><form method="post" action="/_allauth/browser/v1/auth/provider/redirect">
<input type="hidden" name="provider" value="op"><input type="hidden" name="callback_url" value="/front"><input type="hidden" name="csrfmiddlewaretoken">
<button name="process" value="login">Log in there</button><button name="process" value="connect">Connect</button></form></main>
<script>
(async () => {
  await fetch("/_allauth/browser/v1/config");
  document.forms[0].csrfmiddlewaretoken.value = document.cookie.match(/csrftoken=([^;]*)/)[1];
  const session = await (await fetch("/_allauth/browser/v1/auth/session")).json();
  const q = new URLSearchParams(location.search);
  error.textContent = q.has("error") ? q.get("error") + " in " + q.get("error_process") : "";
  let text = session.meta.is_authenticated ? "Logged in as " + session.data.user.email : "Nobody is logged in";
  if (session.meta.is_authenticated) {
    const accounts = await (await fetch("/_allauth/browser/v1/account/providers")).json();
    text += ", known there as " + accounts.data.map((a) => a.uid).sort().join(" and ");
  }
  user.textContent = text;
})();
</script></html>`)
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	s := start(t)
	page := browsertest.New(t)
	allow := func(email string) {
		page.Heading("Their login")
		page.Fill("Email", email)
		page.Fill("Name", "Ada Lovelace")
		page.Click("Allow")
		page.Heading("Front end")
	}
	page.Open(s.URL + "/front")
	page.See("Nobody is logged in")

	page.Click("Log in there")
	page.Heading("Their login")
	page.Click("Deny")
	page.See("cancelled in login")
	page.See("Nobody is logged in")

	page.Open(s.URL + "/front")
	page.See("Nobody is logged in")
	page.Click("Log in there")
	allow("ada@example.org")
	page.See("Logged in as ada@example.org, known there as subject-of-ada@example.org")
	if got := page.URL(); got.RawQuery != "" {
		t.Errorf("came back to %s", got)
	}

	page.Click("Connect")
	allow("countess@example.org")
	page.See("known there as subject-of-ada@example.org and subject-of-countess@example.org")

	// Another browser, after the provider's keys have changed.
	s.p.rotate(t)
	s.ahead.Add(int64(2 * time.Minute))
	page = browsertest.New(t)
	page.Open(s.URL + "/front")
	page.See("Nobody is logged in")
	page.Click("Log in there")
	allow("countess@example.org")
	page.See("Logged in as ada@example.org")

	// The provider dies while somebody is about to go there, and the site
	// knows nothing of it any more.
	page = browsertest.New(t)
	page.Open(s.URL + "/front")
	page.See("Nobody is logged in")
	s.p.stop()
	s.ahead.Add(int64(48 * time.Hour))
	page.Reload()
	page.See("Nobody is logged in")
	page.Click("Log in there")
	page.See("unknown in login")
	page.See("Nobody is logged in")
}

// post is what an app sends.
func (s *site) post(c *wiretest.Client, clientID, token string) *wiretest.Reply {
	return c.Post("/auth/provider/token", M{"provider": "op", "process": "login", "token": M{"client_id": clientID, "id_token": token}})
}

func TestToken(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.Client("app")
	t.Run("logs in", func(t *testing.T) {
		email := wiretest.FreshEmail()
		token := s.p.token(t, "ios", email)
		if got := s.post(c, "ios", token).LoggedIn()["email"]; got != email {
			t.Errorf("got %v, want %s", got, email)
		}
		t.Run("once", func(t *testing.T) { s.post(c.Other(), "ios", token).Fails("token:invalid_token") })
		t.Run("as the same person again", func(t *testing.T) {
			s.ahead.Add(int64(time.Second))
			if got := s.post(c.Other(), "ios", s.p.token(t, "ios", email)).LoggedIn()["email"]; got != email {
				t.Errorf("got %v, want %s", got, email)
			}
		})
	})
	t.Run("made for a stranger's app", func(t *testing.T) {
		token := s.p.token(t, "strangers-app", wiretest.FreshEmail())
		for _, id := range []string{"ios", "web", "strangers-app"} {
			s.post(c.Other(), id, token).Fails("token:invalid_token")
		}
	})
	t.Run("made for another app of ours", func(t *testing.T) {
		s.post(c.Other(), "web", s.p.token(t, "ios", wiretest.FreshEmail())).Fails("token:invalid_token")
	})
	t.Run("changed", func(t *testing.T) {
		head, rest, _ := strings.Cut(s.p.token(t, "ios", wiretest.FreshEmail()), ".")
		claims, signature, _ := strings.Cut(rest, ".")
		_, other, _ := strings.Cut(s.p.token(t, "ios", wiretest.FreshEmail()), ".")
		others, _, _ := strings.Cut(other, ".")
		for _, token := range []string{head + "." + others + "." + signature, head + "." + claims + ".", "eyJhbGciOiJub25lIn0." + claims + "."} {
			s.post(c.Other(), "ios", token).Fails("token:invalid_token")
		}
	})
	t.Run("expired", func(t *testing.T) {
		token := s.p.token(t, "ios", wiretest.FreshEmail())
		s.ahead.Add(int64(idTokenLifetime + 5*time.Minute))
		s.post(c.Other(), "ios", token).Fails("token:invalid_token")
		s.ahead.Store(0)
	})
	t.Run("after the keys have changed", func(t *testing.T) {
		old := s.p.token(t, "ios", wiretest.FreshEmail())
		s.p.rotate(t)
		s.ahead.Add(int64(2 * time.Minute))
		s.post(c.Other(), "ios", s.p.token(t, "ios", wiretest.FreshEmail())).LoggedIn()
		s.post(c.Other(), "ios", old).Fails("token:invalid_token")
	})
	t.Run("when the provider is down", func(t *testing.T) {
		s := start(t)
		token := s.p.token(t, "ios", wiretest.FreshEmail())
		s.p.stop()
		c := s.Client("app")
		s.post(c, "ios", token).Fails("token:invalid_token")
		c.Session().NothingPending()
	})
}

// A provider that is down is told to the front end, at either end of the way.
func TestDown(t *testing.T) {
	t.Parallel()
	begin := func(c *wiretest.Client) *url.URL {
		c.Get("/config")
		d := c.Clone()
		d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		location := d.Raw("POST", "/auth/provider/redirect", url.Values{"provider": {"op"}, "process": {"login"}, "callback_url": {"/front"}}.Encode()).Is(302).Header.Get("Location")
		u, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	const unknown = "/front?error=unknown&error_process=login"
	t.Run("before", func(t *testing.T) {
		s := start(t)
		s.p.stop()
		if got := begin(s.Client("browser")).String(); got != unknown {
			t.Errorf("got %s, want %s", got, unknown)
		}
	})
	t.Run("while somebody is there", func(t *testing.T) {
		s := start(t)
		c := s.Client("browser")
		q := begin(c).Query()
		s.p.stop()
		back := "//accounts/oidc/op/login/callback/?" + url.Values{"state": q["state"], "code": {"x"}}.Encode()
		if got := c.Raw("GET", back, nil).Is(302).Header.Get("Location"); got != unknown {
			t.Errorf("got %s, want %s", got, unknown)
		}
		c.Session().NothingPending()
	})
	t.Run("with a code of nobody", func(t *testing.T) {
		s := start(t)
		c := s.Client("browser")
		back := "//accounts/oidc/op/login/callback/?" + url.Values{"state": begin(c).Query()["state"], "code": {"x"}}.Encode()
		if got := c.Raw("GET", back, nil).Is(302).Header.Get("Location"); got != unknown {
			t.Errorf("got %s, want %s", got, unknown)
		}
	})
}
