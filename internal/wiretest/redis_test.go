package wiretest_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store/redis"
	"github.com/headless-auth/headless/tokens"
)

// line is a line to Redis that can be cut.
type line struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func (l *line) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil, errors.New("the line is cut")
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err == nil {
		l.conns = append(l.conns, c)
	}
	return c, err
}

func (l *line) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	for _, c := range l.conns {
		if cut {
			_ = c.Close()
		}
	}
}

// newRedis returns a store on an empty database, and the line to it.
func newRedis(t *testing.T) (*redis.Store, *line) {
	t.Helper()
	o, err := goredis.ParseURL(testenv.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	l := &line{}
	o.Dialer, o.MaxRetries, o.DialerRetries = l.dial, -1, 1
	c := goredis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return redis.New(c, redis.Options{}), l
}

// Sessions and limits are in Redis, the rest is not.
func TestSessionsElsewhere(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"browser", "app"} {
		t.Run(kind, func(t *testing.T) {
			kept, line := newRedis(t)
			jwt := withJWT(t, tokens.JWTConfig{})
			w := wiretest.New(t, wiretest.Stores["sqlite"](t), func(c *headless.Config) {
				jwt(c)
				c.SessionStore, c.LimitStore, c.NoLimits = kept, kept, false
				c.Account.EmailVerification = "none"
				c.Limits = map[string]string{"signup": "2/m/ip"}
			})
			w.Mux.Handle("/mine", w.Auth.RequireUser(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				_, _ = rw.Write([]byte(headless.Session(r.Context()).ID))
			})))
			c := w.Client(kind)
			signup := M{"email": wiretest.FreshEmail(), "password": wiretest.Password}
			g := granted(c.Post("/auth/signup", signup).Is(200))
			c.Other().Post("/auth/signup", M{"email": wiretest.FreshEmail(), "password": wiretest.Password}).Is(200)
			c.Other().Post("/auth/signup", M{"email": wiretest.FreshEmail(), "password": wiretest.Password}).Is(429)
			c.Do(http.MethodGet, "//mine", nil).Is(200)

			d := c.Other()
			d.Post("/auth/login", signup).LoggedIn()
			l := sessionRows(d.Get("/auth/sessions"))
			if len(l) != 2 || !l[1].IsCurrent {
				t.Fatalf("got %+v", l)
			}
			if kind == "app" {
				w.Clock.Advance(time.Minute)
				g = refreshed(w.Client("app"), g.refresh)
				bearer(w, g.access).Session().LoggedIn()
			}
			old := c.Credential()
			d.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": "amber-Falcon-77"}).LoggedIn()
			c.Dead(old)
			if l := sessionRows(d.Get("/auth/sessions")); len(l) != 1 {
				t.Errorf("got %+v", l)
			}
			if kind == "app" {
				refusedRefresh(w.Client("app"), g.refresh)
			}

			t.Run("Redis is lost, and comes back", func(t *testing.T) {
				line.set(true)
				for _, r := range []*wiretest.Reply{
					d.Raw(http.MethodGet, "/auth/session", nil),
					d.Raw(http.MethodGet, "//mine", nil),
					d.Raw(http.MethodPost, "/auth/login", signup), // the limit can't be counted
					d.Raw(http.MethodDelete, "/auth/session", nil),
				} {
					if r.Status != 503 || r.Header.Get("Retry-After") == "" || len(r.Cookies) > 0 {
						t.Errorf("%s: got %d %s, %v", r.What, r.Status, r.Raw, r.Cookies)
					}
				}
				line.set(false)
				d.Session().LoggedIn()
			})

			t.Run("a deleted user has no session left that counts", func(t *testing.T) {
				u, err := w.Store.EmailsByAddress(t.Context(), signup["email"].(string))
				if err != nil || len(u) != 1 {
					t.Fatal(u, err)
				}
				if err := w.Store.DeleteUser(t.Context(), u[0].UserID); err != nil {
					t.Fatal(err)
				}
				d.Dead(d.Credential())
			})
		})
	}
}
