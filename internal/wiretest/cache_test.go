package wiretest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
)

// asked counts how often the store is asked who a token is.
type asked struct {
	*memory.Store
	n atomic.Int64
}

func (a *asked) SessionAndUser(ctx context.Context, hash []byte) (*store.Session, *store.User, error) {
	a.n.Add(1)
	return a.Store.SessionAndUser(ctx, hash)
}

// Two instances on one store, each with a memory of its own.
func TestSessionCache(t *testing.T) {
	t.Parallel()
	const moment = 5 * time.Second
	for _, kind := range []string{"browser", "app"} {
		t.Run(kind, func(t *testing.T) {
			st := &asked{Store: memory.New()}
			remember := func(c *headless.Config) { c.Session.CacheFor, c.Session.List = moment, true }
			one := wiretest.New(t, st, remember)
			other := wiretest.New(t, st, func(c *headless.Config) {
				remember(c)
				c.Now = one.Clock.Now
				c.URL = one.URL // one site
			})
			for _, w := range []*World{one, other} {
				w.Mux.Handle("/mine", w.Auth.RequireUser(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
			}
			// ask shows a credential to the other instance.
			ask := func(credential, path string) int {
				t.Helper()
				rq := httptest.NewRequest(http.MethodGet, path, http.NoBody)
				if kind == "app" {
					rq.Header.Set("X-Session-Token", credential)
				} else {
					rq.AddCookie(&http.Cookie{Name: "sessionid", Value: credential})
				}
				w := httptest.NewRecorder()
				other.Mux.ServeHTTP(w, rq)
				return w.Code
			}
			at := func(c *Client, path string) int { t.Helper(); return ask(c.Credential(), path) }
			session := "/_allauth/" + kind + "/v1/auth/session"
			p := one.Make(Person{})
			c := one.Client(kind)
			c.LogIn(p)

			t.Run("the store is asked once a moment", func(t *testing.T) {
				before := st.n.Load()
				for range 5 {
					if code := at(c, session); code != 200 {
						t.Fatalf("got %d", code)
					}
					if code := at(c, "/mine"); code != 200 {
						t.Fatalf("got %d", code)
					}
				}
				if n := st.n.Load() - before; n != 1 {
					t.Errorf("the store was asked %d times", n)
				}
				one.Clock.Advance(moment)
				at(c, session)
				if n := st.n.Load() - before; n != 2 {
					t.Errorf("the store was asked %d times after a moment", n)
				}
			})

			t.Run("what is changed here is seen here at once", func(t *testing.T) {
				c.Session().LoggedIn()
				c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": "amber-Falcon-77"}).LoggedIn()
				c.Session().LoggedIn()
				old := c.Credential()
				c.Delete("/auth/session", nil).Is(401)
				c.Dead(old)
				c = c.Other()
				c.LogIn(one.Make(Person{}))
			})

			t.Run("a session that ends elsewhere counts for a moment, and no longer", func(t *testing.T) {
				if code := at(c, "/mine"); code != 200 {
					t.Fatalf("got %d", code)
				}
				credential := c.Credential()
				c.Delete("/auth/session", nil).Is(401)
				one.Clock.Advance(moment - time.Microsecond)
				if code := ask(credential, "/mine"); code != 200 {
					t.Errorf("within the moment: got %d", code)
				}
				one.Clock.Advance(time.Microsecond)
				want := 401
				if kind == "app" {
					want = 410
				}
				for _, path := range []string{"/mine", session} {
					if code := ask(credential, path); code != want {
						t.Errorf("after the moment: got %d, want %d", code, want)
					}
				}
			})
		})
	}
}
