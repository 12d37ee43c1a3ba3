package wiretest_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens"
)

// withJWT switches to signed tokens.
func withJWT(t *testing.T, c tokens.JWTConfig) func(*headless.Config) {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.Keys = []tokens.Key{{Private: k}}
	j, err := tokens.NewJWT(c)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *headless.Config) { c.Tokens, c.Session.List = j, true }
}

// pair is what an app holds.
type pair struct{ access, refresh string }

// granted takes the tokens out of an answer's meta; both or none are there.
func granted(r *wiretest.Reply) (p pair) {
	p.access, _ = r.Meta["access_token"].(string)
	p.refresh, _ = r.Meta["refresh_token"].(string)
	return p
}

// refreshed trades a refresh token in.
func refreshed(c *Client, token string) pair {
	var d struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	c.Post("/tokens/refresh", M{"refresh_token": token}).Is(200).Into(&d)
	return pair{d.Access, d.Refresh}
}

// insistently is refreshed on a store that may be too busy, and says so.
func insistently(c *Client, token string) pair {
	for range 20 {
		if r := c.Post("/tokens/refresh", M{"refresh_token": token}); r.Status != http.StatusServiceUnavailable {
			var d struct {
				Access  string `json:"access_token"`
				Refresh string `json:"refresh_token"`
			}
			r.Is(200).Into(&d)
			return pair{d.Access, d.Refresh}
		}
	}
	return pair{}
}

func refusedRefresh(c *Client, token string) {
	c.Post("/tokens/refresh", M{"refresh_token": token}).Fails()
}

// bearer returns a new app that has nothing but an access token.
func bearer(w *World, access string) *Client {
	c := w.Client("app")
	c.Header.Set("Authorization", "Bearer "+access)
	return c
}

// asApp runs a scenario for an app on every store.
func asApp(t *testing.T, change func(*headless.Config), scenario func(t *testing.T, w *World, c *Client)) {
	t.Helper()
	wiretest.EachStore(t, change, func(t *testing.T, w *World) { scenario(t, w, w.Client("app")) })
}

// spec: sessions-tokens.md §7.
func TestTokens(t *testing.T) {
	t.Run("are granted at login and signup, to apps", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, func(c *headless.Config) {
			withJWT(t, tokens.JWTConfig{})(c)
			c.Account.EmailVerification = "none"
		}, func(t *testing.T, w *World, c *Client) {
			for _, r := range []*wiretest.Reply{
				c.Post("/auth/signup", M{"email": wiretest.FreshEmail(), "password": wiretest.Password}),
				c.Other().LogIn(w.Make(Person{})),
			} {
				if p := granted(r.Is(200)); (c.Kind == "app") != (p.access != "" && p.refresh != "") {
					t.Errorf("%s: got %v", r.What, r.Meta)
				}
			}
			if r := c.Session(); granted(r) != (pair{}) {
				t.Errorf("they are repeated: %v", r.Meta)
			}
			if r := c.Delete("/auth/session", nil); granted(r) != (pair{}) {
				t.Errorf("they are granted at logout: %v", r.Meta)
			}
		})
	})

	t.Run("the access token stands for the session", func(t *testing.T) {
		asApp(t, withJWT(t, tokens.JWTConfig{}), func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			g := granted(c.LogIn(p))
			if got := bearer(w, g.access).Session().LoggedIn()["email"]; got != p.Email {
				t.Errorf("got %v, want %s", got, p.Email)
			}
			bearer(w, g.access).Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(200)
			for _, header := range []string{"bearer " + g.access, "BEARER  " + g.access} {
				d := w.Client("app")
				d.Header.Set("Authorization", header)
				d.Session().LoggedIn()
			}
			for _, header := range []string{"Bearer", "Bearer ", "Token " + g.access, "Bearer " + g.access + " x", "Bearer x.y.z", "Bearer " + g.refresh, g.access} {
				d := w.Client("app")
				d.Header.Set("Authorization", header)
				if r := d.Session().NothingPending(); r.Meta["is_authenticated"] != false {
					t.Errorf("%q: got %v", header, r.Meta)
				}
			}
			d := bearer(w, g.access)
			d.Token = "stale"
			d.Session().Is(410) // a session token comes first, good or not
			w.Clock.Advance(5 * time.Minute)
			bearer(w, g.access).Session().NothingPending()
		})
	})

	t.Run("a session that is over", func(t *testing.T) {
		for _, tt := range []struct {
			name     string
			stateful bool
			status   int
		}{{"is dead", false, 410}, {"makes its token count as none, if stateful", true, 401}} {
			t.Run(tt.name, func(t *testing.T) {
				wiretest.EachStore(t, withJWT(t, tokens.JWTConfig{Stateful: tt.stateful}), func(t *testing.T, w *World) {
					for name, end := range map[string]func(c *Client, p *Person){
						"logout": func(c *Client, _ *Person) { c.Delete("/auth/session", nil).Is(401) },
						"listed": func(c *Client, _ *Person) {
							c.Delete("/auth/sessions", M{"sessions": sessionIDs(sessionRows(c.Get("/auth/sessions")))}).Is(401)
						},
						"deleted": func(_ *Client, p *Person) { _ = w.Store.DeleteUser(t.Context(), p.ID) },
						"password change elsewhere": func(c *Client, p *Person) {
							d := c.Other()
							d.LogIn(p)
							d.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": "amber-Falcon-77"}).LoggedIn()
						},
					} {
						c, p := w.Client("app"), w.Make(Person{})
						g := granted(c.LogIn(p))
						end(c, p)
						if r := bearer(w, g.access).Session(); r.Status != tt.status {
							t.Errorf("%s: got %d %s, want %d", name, r.Status, r.Raw, tt.status)
						}
						refusedRefresh(w.Client("app"), g.refresh)
					}
				})
			})
		}
	})

	t.Run("a disabled user is nobody", func(t *testing.T) {
		asApp(t, withJWT(t, tokens.JWTConfig{}), func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			g := granted(c.LogIn(p))
			u := w.User(p.ID)
			u.Disabled = true
			if err := w.Store.UpdateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			bearer(w, g.access).Session().NothingPending()
			refusedRefresh(w.Client("app"), g.refresh)
		})
	})

	t.Run("a password change grants new ones to the client that makes it", func(t *testing.T) {
		asApp(t, withJWT(t, tokens.JWTConfig{}), func(t *testing.T, w *World, c *Client) {
			old := granted(c.LogIn(w.Make(Person{})))
			r := c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": "amber-Falcon-77"})
			r.LoggedIn()
			g := granted(r)
			bearer(w, g.access).Session().LoggedIn()
			w.Clock.Advance(time.Minute)
			refusedRefresh(w.Client("app"), old.refresh) // which is no theft
			next := refreshed(w.Client("app"), g.refresh)
			refusedRefresh(w.Client("app"), old.refresh)
			bearer(w, next.access).Session().LoggedIn()
			if slices.Contains(w.Events.Take(), "refresh_token_reused") {
				t.Error("a token from before was taken for a stolen one")
			}
		})
	})

	t.Run("the keys are published", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, withJWT(t, tokens.JWTConfig{}), func(t *testing.T, w *World, _ *Client) {
			r := w.Client("app").Do(http.MethodGet, "//_allauth/.well-known/jwks.json", nil)
			var set struct{ Keys []M }
			if err := json.Unmarshal(r.Raw, &set); err != nil || len(set.Keys) != 1 || set.Keys[0]["d"] != nil || set.Keys[0]["kty"] != "OKP" {
				t.Errorf("got %d %s", r.Status, r.Raw)
			}
			w.Client("app").Do(http.MethodPost, "//_allauth/.well-known/jwks.json", nil).Is(405)
		})
	})

	t.Run("without JWT there is nothing to refresh, and no key", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, nil, func(t *testing.T, w *World, c *Client) {
			if c.Kind == "browser" {
				c.Post("/tokens/refresh", M{"refresh_token": "x"}).Is(404)
				return
			}
			refusedRefresh(c, "x")
			c.Get("/tokens/refresh").Is(405)
			c.Do(http.MethodGet, "//_allauth/.well-known/jwks.json", nil).Is(404)
		})
	})
}

// spec: sessions-tokens.md §7.6, §7.7.
func TestRefresh(t *testing.T) {
	jwt := func(t *testing.T) func(*headless.Config) { return withJWT(t, tokens.JWTConfig{}) }

	t.Run("input", func(t *testing.T) {
		asApp(t, jwt(t), func(t *testing.T, w *World, c *Client) {
			for _, missing := range []any{nil, M{}, M{"refresh_token": nil}, M{"refresh_token": ""}, M{"refresh_token": "  "}} {
				c.Post("/tokens/refresh", missing).Fails("refresh_token:required")
			}
			for _, bad := range []any{"garbage", 12345, true, []string{"x"}, M{"a": "b"}, strings.Repeat("x", 1000), "a\nb", "ö"} {
				c.Post("/tokens/refresh", M{"refresh_token": bad}).Fails()
			}
			g := granted(c.LogIn(w.Make(Person{})))
			refusedRefresh(c, g.access)
			stale := w.Client("app")
			stale.Token = "stale"
			stale.Post("/tokens/refresh", M{"refresh_token": g.refresh}).Is(410)
			expired := w.Client("app")
			expired.Header.Set("Authorization", "Bearer x.y.z")
			refreshed(expired, g.refresh)
		})
	})

	t.Run("one token is traded for the next", func(t *testing.T) {
		asApp(t, jwt(t), func(t *testing.T, w *World, c *Client) {
			g := granted(c.LogIn(w.Make(Person{})))
			for range 3 {
				w.Clock.Advance(time.Hour)
				next := refreshed(w.Client("app"), g.refresh)
				if next.refresh == "" || next.refresh == g.refresh || next.access == g.access {
					t.Fatalf("got %v after %v", next, g)
				}
				bearer(w, next.access).Session().LoggedIn()
				g = next
			}
			c.Session().LoggedIn()
		})
	})

	t.Run("used again at once, it leads to the same successor", func(t *testing.T) {
		asApp(t, jwt(t), func(t *testing.T, w *World, c *Client) {
			g := granted(c.LogIn(w.Make(Person{})))
			next := refreshed(c, g.refresh)
			w.Clock.Advance(9999 * time.Millisecond)
			again := refreshed(c, g.refresh)
			if again.refresh != next.refresh || again.access == next.access {
				t.Errorf("got %v, then %v", next, again)
			}
			bearer(w, again.access).Session().LoggedIn()
		})
	})

	t.Run("the successor, used at once, stays", func(t *testing.T) {
		asApp(t, jwt(t), func(t *testing.T, w *World, c *Client) {
			g := granted(c.LogIn(w.Make(Person{})))
			next := refreshed(c, g.refresh)
			if again := refreshed(c, next.refresh); again.refresh != next.refresh || again.access == next.access {
				t.Errorf("got %v", again)
			}
			if again := refreshed(c, g.refresh); again.refresh != next.refresh {
				t.Errorf("a straggler got %v, want %v", again, next)
			}
			w.Clock.Advance(10 * time.Second)
			if after := refreshed(c, next.refresh); after.refresh == "" || after.refresh == next.refresh {
				t.Errorf("got %v", after)
			}
		})
	})

	// JWT-4.
	t.Run("a stolen token that is replayed ends the session", func(t *testing.T) {
		for name, first := range map[string]bool{"the thief was first": true, "the owner was first": false} {
			t.Run(name, func(t *testing.T) {
				asApp(t, jwt(t), func(t *testing.T, w *World, c *Client) {
					p := w.Make(Person{})
					g := granted(c.LogIn(p))
					elsewhere := w.Client("app")
					elsewhere.LogIn(p)
					owner, thief := w.Client("app"), w.Client("app")
					one, other := owner, thief
					if first {
						one, other = thief, owner
					}
					w.Clock.Advance(time.Minute)
					next := refreshed(one, g.refresh)
					w.Clock.Advance(10 * time.Second)
					w.Events.Take()
					refusedRefresh(other, g.refresh)
					same(t, w.Events.Take(), "refresh_token_reused")
					refusedRefresh(one, next.refresh)
					bearer(w, next.access).Session().Is(410)
					c.Dead(c.Credential())
					same(t, w.Events.Take())
					elsewhere.Session().LoggedIn()
				})
			})
		}
	})

	t.Run("a thousand at once", func(t *testing.T) {
		asApp(t, jwt(t), func(t *testing.T, w *World, c *Client) {
			g := granted(c.LogIn(w.Make(Person{})))
			w.Clock.Advance(time.Minute)
			successors := map[string]int{}
			var mu sync.Mutex
			var wg sync.WaitGroup
			start, slots := make(chan struct{}), make(chan struct{}, 32) // connections
			for range 1000 {
				wg.Go(func() {
					<-start
					slots <- struct{}{}
					defer func() { <-slots }()
					p := insistently(c.Clone(), g.refresh)
					mu.Lock()
					successors[p.refresh]++
					mu.Unlock()
				})
			}
			close(start)
			wg.Wait()
			if len(successors) != 1 || successors[g.refresh] != 0 {
				t.Errorf("got %d successors", len(successors))
			}
			c.Session().LoggedIn()
			for next := range successors {
				w.Clock.Advance(time.Minute)
				refreshed(c, next)
			}
		})
	})

	t.Run("ends with the session's lifetime, and renews it", func(t *testing.T) {
		asApp(t, func(c *headless.Config) { jwt(t)(c); c.Session.Lifetime = 2 * time.Hour }, func(t *testing.T, w *World, c *Client) {
			g := granted(c.LogIn(w.Make(Person{})))
			for range 3 {
				w.Clock.Advance(90 * time.Minute)
				g = refreshed(c, g.refresh)
			}
			w.Clock.Advance(2 * time.Hour)
			refusedRefresh(w.Client("app"), g.refresh)
		})
	})

	t.Run("has an absolute end", func(t *testing.T) {
		asApp(t, withJWT(t, tokens.JWTConfig{AbsoluteLifetime: 30 * time.Hour}), func(t *testing.T, w *World, c *Client) {
			g := granted(c.LogIn(w.Make(Person{})))
			w.Clock.Advance(20 * time.Hour)
			g = refreshed(c, g.refresh)
			w.Clock.Advance(10 * time.Hour)
			refusedRefresh(c, g.refresh)
			c.Session().LoggedIn()
		})
	})

	t.Run("without rotation", func(t *testing.T) {
		asApp(t, withJWT(t, tokens.JWTConfig{KeepRefreshToken: true}), func(t *testing.T, w *World, c *Client) {
			g := granted(c.LogIn(w.Make(Person{})))
			for range 3 {
				w.Clock.Advance(time.Hour)
				if next := refreshed(w.Client("app"), g.refresh); next.refresh != "" || next.access == "" {
					t.Errorf("got %v", next)
				}
			}
			w.Clock.Advance(21 * time.Hour)
			refusedRefresh(w.Client("app"), g.refresh)
			c.Delete("/auth/session", nil).Is(401)
		})
	})

	t.Run("another user's session is not reached", func(t *testing.T) {
		asApp(t, jwt(t), func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			g := granted(c.LogIn(p))
			// The store gives the session to somebody else, as no flow would.
			l, err := w.Store.SessionsOf(t.Context(), p.ID)
			if err != nil || len(l) != 1 {
				t.Fatal(l, err)
			}
			l[0].UserID = w.Make(Person{}).ID
			if err := w.Store.UpdateSession(t.Context(), l[0]); err != nil {
				t.Fatal(err)
			}
			bearer(w, g.access).Session().Is(410)
			refusedRefresh(w.Client("app"), g.refresh)
		})
	})
}

func TestStoreThatRefreshesNothing(t *testing.T) {
	c := wiretest.Config()
	withJWT(t, tokens.JWTConfig{})(&c)
	c.SessionStore = struct{ store.Sessions }{}
	if _, err := headless.New(c); err == nil || !strings.Contains(err.Error(), "Tokens: ") {
		t.Errorf("got %v", err)
	}
}
