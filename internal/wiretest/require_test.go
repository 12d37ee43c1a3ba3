package wiretest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens"
)

// onHost adds a route of the host's own.
func onHost(w *World, path string, requirements ...headless.Requirement) {
	w.Mux.Handle(path, w.Auth.Require(requirements...)(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write([]byte(headless.User(r.Context()).ID + " " + headless.Session(r.Context()).ID))
	})))
}

// prove writes a proof into the sessions of a person.
func prove(w *World, p *Person, m store.Method, age time.Duration) {
	w.T.Helper()
	l, err := w.Store.SessionsOf(w.T.Context(), p.ID)
	if err != nil || len(l) == 0 {
		w.T.Fatal(l, err)
	}
	m.At = float64(w.Clock.Now().Add(-age).UnixMicro()) / 1e6
	for _, s := range l {
		s.Methods = s.Methods.With(m)
		if err := w.Store.UpdateSession(w.T.Context(), s); err != nil {
			w.T.Fatal(err)
		}
	}
}

func TestRequire(t *testing.T) {
	t.Run("assurance", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, nil, func(t *testing.T, w *World, c *Client) {
			prefix := "/" + c.Kind
			onHost(w, prefix+"/user")
			onHost(w, prefix+"/mfa", headless.MFA)
			onHost(w, prefix+"/passkey", headless.PhishingResistant)
			onHost(w, prefix+"/recent", headless.Within(5*time.Minute))
			onHost(w, prefix+"/payout", headless.MFA, headless.Within(5*time.Minute))
			onHost(w, prefix+"/vault", headless.PhishingResistant, headless.Within(10*time.Minute), headless.Within(time.Minute))
			onHost(w, prefix+"/email", headless.VerifiedEmail)
			get := func(path string) *wiretest.Reply { t.Helper(); return c.Do(http.MethodGet, "/"+prefix+path, nil) }
			refused := func(path string, status int, code string) {
				t.Helper()
				r := get(path).Is(status)
				if code == "" && len(r.Errors) > 0 || code != "" && (len(r.Errors) != 1 || r.Errors[0].Code != code || r.Errors[0].Message == "") {
					t.Errorf("%s: got errors %v, want %s", path, r.Errors, code)
				}
			}
			for _, path := range []string{"/user", "/mfa", "/passkey", "/recent", "/payout", "/vault", "/email"} {
				refused(path, 401, "")
			}
			p := w.Make(Person{})
			c.LogIn(p)
			for _, path := range []string{"/user", "/recent", "/email"} {
				get(path).Is(200)
			}
			refused("/mfa", 401, "mfa_required")
			refused("/passkey", 401, "phishing_resistant_required")
			refused("/payout", 401, "mfa_required")
			if got := get("/mfa").Flows(); len(got) != 1 || got[0] != "reauthenticate" {
				t.Errorf("got flows %v", got)
			}

			prove(w, p, store.Method{Method: "mfa", ID: 1, Type: store.TOTP}, 4*time.Minute)
			for _, path := range []string{"/mfa", "/payout"} {
				get(path).Is(200)
			}
			refused("/passkey", 401, "phishing_resistant_required")
			prove(w, p, store.Method{Method: "mfa", ID: 1, Type: store.WebAuthn}, 30*time.Second)
			get("/passkey").Is(200)
			get("/vault").Is(200)
			w.Clock.Advance(30 * time.Second)
			refused("/vault", 401, "phishing_resistant_required")
			get("/passkey").Is(200)
			w.Clock.Advance(5 * time.Minute)
			refused("/recent", 401, "reauthentication_required")
			refused("/payout", 401, "mfa_required")
			get("/mfa").Is(200)
			c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).Is(200)
			get("/recent").Is(200)
			refused("/payout", 401, "mfa_required") // a password is no second factor
		})
	})

	t.Run("an address that is not verified", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, func(c *headless.Config) { c.Account.EmailVerification = "none" }, func(t *testing.T, w *World, c *Client) {
			onHost(w, "/"+c.Kind, headless.VerifiedEmail)
			c.LogIn(w.Make(Person{Unverified: true}))
			r := c.Do(http.MethodGet, "//"+c.Kind, nil).Is(403)
			if len(r.Errors) != 1 || r.Errors[0].Code != "verified_email_required" {
				t.Errorf("got %v", r.Errors)
			}
		})
	})

	t.Run("the kind of credential", func(t *testing.T) {
		wiretest.EachStore(t, withJWT(t, tokens.JWTConfig{}), func(t *testing.T, w *World) {
			onHost(w, "/any")
			onHost(w, "/page", headless.ByCookie)
			onHost(w, "/app", headless.BySessionToken)
			onHost(w, "/service", headless.ByAccessToken)
			onHost(w, "/apps", headless.BySessionToken, headless.ByAccessToken)
			p := w.Make(Person{})
			browser, app := w.Client("browser"), w.Client("app")
			browser.LogIn(p)
			access := bearer(w, granted(app.LogIn(p)).access)
			for _, tt := range []struct {
				name string
				c    *Client
				good []string
			}{
				{"cookie", browser, []string{"/page"}},
				{"session_token", app, []string{"/app", "/apps"}},
				{"access_token", access, []string{"/service", "/apps"}},
			} {
				tt.good = append(tt.good, "/any")
				for path, code := range map[string]string{
					"/any": "", "/page": "cookie_required", "/app": "session_token_required",
					"/service": "access_token_required", "/apps": "session_token_required",
				} {
					r := tt.c.Do(http.MethodGet, "/"+path, nil)
					good := false
					for _, g := range tt.good {
						good = good || g == path
					}
					if good && r.Status != 200 || !good && (r.Status != 401 || len(r.Errors) != 1 || r.Errors[0].Code != code) {
						t.Errorf("%s at %s: got %d %s", tt.name, path, r.Status, r.Raw)
					}
				}
			}
			t.Run("two identities never mix", func(t *testing.T) {
				mixed := w.Client("browser")
				mixed.LogIn(p)
				mixed.Header.Set("Authorization", "Bearer x.y.z")
				mixed.Do(http.MethodGet, "//any", nil).Is(401)
				mixed.Header.Set("X-Session-Token", "stale")
				mixed.Do(http.MethodGet, "//any", nil).Is(410)
			})
			t.Run("a proxy's own authorization is none of ours", func(t *testing.T) {
				browser.Header.Set("Authorization", "Basic eDp5")
				browser.Do(http.MethodGet, "//any", nil).Is(200)
				browser.Header.Del("Authorization")
			})
			t.Run("request forgery", func(t *testing.T) {
				forged := browser.Clone()
				forged.Header.Set("X-CSRFToken", "wrong")
				if r := forged.Raw(http.MethodPost, "//any", nil).Is(403); len(r.Errors) != 1 || r.Errors[0].Code != "csrf_failed" {
					t.Errorf("got %s", r.Raw)
				}
				browser.Do(http.MethodPost, "//any", nil).Is(200)
				app.Do(http.MethodPost, "//any", nil).Is(200)
			})
		})
	})

	t.Run("activity at the host's own routes is tracked and told", func(t *testing.T) {
		wiretest.Each(t, func(c *headless.Config) { c.Session.List, c.Session.TrackActivity = true, true }, func(t *testing.T, w *World, c *Client) {
			onHost(w, "/"+c.Kind)
			p := w.Make(Person{})
			c.LogIn(p)
			w.Events.Take()
			w.Clock.Advance(time.Minute)
			c.Header.Set("User-Agent", firefox)
			c.Do(http.MethodGet, "//"+c.Kind, nil).Is(200)
			same(t, w.Events.Take(), "session_client_changed")
			l, err := w.Store.SessionsOf(t.Context(), p.ID)
			if err != nil || len(l) != 1 || l[0].UserAgent != firefox || !l[0].SeenAt.Equal(w.Clock.Now()) {
				t.Errorf("got %+v, %v", l, err)
			}
		})
	})
}
