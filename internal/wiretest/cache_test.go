package wiretest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/redis"
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

// remember has instances remember sessions.
func remember(moment time.Duration) func(*headless.Config) {
	return func(c *headless.Config) { c.Session.CacheFor, c.Session.List = moment, true }
}

// instances are two of one site, each with a memory and a store of its own, and
// with a route of the host's own.
func instances(t *testing.T, first, second store.Store, change func(*headless.Config)) (one, other *World) {
	t.Helper()
	one = wiretest.New(t, first, change)
	other = wiretest.New(t, second, func(c *headless.Config) {
		change(c)
		c.Now = one.Clock.Now
		c.URL = one.URL
	})
	for _, w := range []*World{one, other} {
		w.Mux.Handle("/mine", w.Auth.RequireUser(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	}
	return one, other
}

// show presents a credential to an instance.
func show(w *World, kind, credential, path string) (status int, body string) {
	rq := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	if kind == "app" {
		rq.Header.Set("X-Session-Token", credential)
	} else {
		rq.AddCookie(&http.Cookie{Name: "sessionid", Value: credential})
	}
	rec := httptest.NewRecorder()
	w.Mux.ServeHTTP(rec, rq)
	return rec.Code, rec.Body.String()
}

// dead is how an instance answers a credential that counts no more.
func dead(kind string) int {
	if kind == "app" {
		return http.StatusGone
	}
	return http.StatusUnauthorized
}

// Two instances on one store, each with a memory of its own.
func TestSessionCache(t *testing.T) {
	t.Parallel()
	const moment = 5 * time.Second
	for _, kind := range []string{"browser", "app"} {
		t.Run(kind, func(t *testing.T) {
			st := &asked{Store: memory.New()}
			one, other := instances(t, st, st, func(c *headless.Config) {
				remember(moment)(c)
				c.Account.EmailVerification, c.Account.ChangeEmail = "none", true
			})
			ask := func(credential, path string) int {
				code, _ := show(other, kind, credential, path)
				return code
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

			t.Run("what an operator changes here is seen here at once", func(t *testing.T) {
				p := one.Make(Person{Unverified: true})
				email := one.AddEmail(p, wiretest.FreshEmail(), false)
				c := one.Client(kind)
				c.LogIn(p)
				for range 2 {
					c.Session().LoggedIn()
				}
				if err := one.Auth.Users().VerifyEmail(t.Context(), p.ID, email); err != nil {
					t.Fatal(err)
				}
				if _, body := show(one, kind, c.Credential(), session); !strings.Contains(body, email) {
					t.Errorf("got %s, want the address %s", body, email)
				}
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
				for _, path := range []string{"/mine", session} {
					if code := ask(credential, path); code != dead(kind) {
						t.Errorf("after the moment: got %d, want %d", code, dead(kind))
					}
				}
			})
		})
	}
}

// slow is a store that keeps an answer back for once.
type slow struct {
	*memory.Store
	armed         atomic.Bool
	read, goAhead chan struct{}
}

func (s *slow) SessionAndUser(ctx context.Context, hash []byte) (*store.Session, *store.User, error) {
	x, u, err := s.Store.SessionAndUser(ctx, hash)
	if s.armed.CompareAndSwap(true, false) {
		s.read <- struct{}{}
		<-s.goAhead
	}
	return x, u, err
}

// An answer of the store that was under way while the session ended is not
// remembered.
func TestSessionCacheLateAnswer(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"browser", "app"} {
		t.Run(kind, func(t *testing.T) {
			st := &slow{Store: memory.New(), read: make(chan struct{}), goAhead: make(chan struct{})}
			w := wiretest.New(t, st, remember(time.Minute))
			session := "/_allauth/" + kind + "/v1/auth/session"
			c := w.Client(kind)
			c.LogIn(w.Make(Person{}))
			credential := c.Credential()
			st.armed.Store(true)
			answer := make(chan int)
			go func() {
				code, _ := show(w, kind, credential, session)
				answer <- code
			}()
			<-st.read // what is under way says that the session is alive
			c.Delete("/auth/session", nil).Is(401)
			st.goAhead <- struct{}{}
			if code := <-answer; code != 200 {
				t.Errorf("asked before the logout: got %d", code)
			}
			if code, _ := show(w, kind, credential, session); code != dead(kind) {
				t.Errorf("asked after the logout: got %d, want %d", code, dead(kind))
			}
		})
	}
}

// A session that is touched is remembered for no longer: nobody has asked
// whether it goes on.
func TestSessionCacheWithActivity(t *testing.T) {
	t.Parallel()
	const moment = 5 * time.Second
	one, other := func() (*World, *World) {
		st := memory.New()
		return instances(t, st, st, func(c *headless.Config) {
			remember(moment)(c)
			c.Session.TrackActivity, c.Session.Sliding, c.Session.TouchEvery = true, true, time.Second
		})
	}()
	c := one.Client("app")
	c.LogIn(one.Make(Person{}))
	credential := c.Credential()
	show(other, "app", credential, "/mine")
	c.Delete("/auth/session", nil).Is(401)
	for range moment / time.Second {
		one.Clock.Advance(time.Second)
		show(other, "app", credential, "/mine")
	}
	if code, _ := show(other, "app", credential, "/mine"); code != 410 {
		t.Errorf("got %d, want 410", code)
	}
}

// eventually waits for what happens in the background.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	late, tick := time.After(20*time.Second), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("it does not happen: " + what)
		}
	}
}

// running runs instances, and returns once they hear of each other.
func running(t *testing.T, watching int64, l ...*World) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	t.Cleanup(func() { stop(); all.Wait() })
	for _, w := range l {
		all.Go(func() { _ = w.Auth.Run(ctx) })
		eventually(t, "an instance hears of the others", func() bool { return w.Auth.Stats().Cache.Watching == watching })
	}
}

// What one instance changes, the other forgets. The clock stands still, so it
// is not that the moment is over.
func TestSessionCacheOfManyInstances(t *testing.T) {
	t.Parallel()
	pgTwice := func(t *testing.T) (first, second store.Store) {
		url := testenv.Postgres(t)
		open := func() *postgres.Store {
			st, err := postgres.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			return st
		}
		a := open()
		if err := a.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return a, open()
	}
	for name, open := range map[string]func(t *testing.T) (one, other *World, stores int64){
		"memory": func(t *testing.T) (*World, *World, int64) {
			st := memory.New()
			one, other := instances(t, st, st, remember(time.Minute))
			return one, other, 1
		},
		"postgres": func(t *testing.T) (*World, *World, int64) {
			a, b := pgTwice(t)
			one, other := instances(t, a, b, remember(time.Minute))
			return one, other, 1
		},
		"sessions in redis": func(t *testing.T) (*World, *World, int64) {
			a, b := pgTwice(t)
			url, prefix := testenv.Redis(t), t.Name()+":"
			one, other := instances(t, a, b, func(c *headless.Config) {
				remember(time.Minute)(c)
				o, err := goredis.ParseURL(url)
				if err != nil {
					t.Fatal(err)
				}
				client := goredis.NewClient(o)
				t.Cleanup(func() { _ = client.Close() })
				c.SessionStore = redis.New(client, redis.Options{Prefix: prefix})
			})
			return one, other, 2
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other, stores := open(t)
			running(t, stores, one, other)
			for _, kind := range []string{"browser", "app"} {
				session := "/_allauth/" + kind + "/v1/auth/session"
				// known is somebody whom the other instance remembers.
				known := func(t *testing.T) (*wiretest.Person, *Client, string) {
					t.Helper()
					p := one.Make(Person{})
					c := one.Client(kind)
					c.LogIn(p)
					credential := c.Credential()
					// What the login has changed is heard as well, maybe later
					// than this.
					eventually(t, "it is remembered", func() bool {
						code, _ := show(other, kind, credential, session)
						return code == 200 && other.Auth.Stats().Cache.Sessions > 0
					})
					return p, c, credential
				}
				user := func(t *testing.T, p *wiretest.Person, change func(*store.User)) {
					t.Helper()
					u := one.User(p.ID)
					change(u)
					if err := one.Store.UpdateUser(t.Context(), u); err != nil {
						t.Fatal(err)
					}
				}
				for what, end := range map[string]func(t *testing.T, p *wiretest.Person, c *Client){
					"logout": func(_ *testing.T, _ *wiretest.Person, c *Client) { c.Delete("/auth/session", nil).Is(401) },
					"ended in the list": func(_ *testing.T, p *wiretest.Person, c *Client) {
						id := sessionIDs(sessionRows(c.Get("/auth/sessions")))
						second := c.Other()
						second.LogIn(p)
						second.Delete("/auth/sessions", M{"sessions": id}).Is(200)
					},
					"another password": func(_ *testing.T, p *wiretest.Person, c *Client) {
						second := c.Other()
						second.LogIn(p)
						second.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": "amber-Falcon-77"}).LoggedIn()
					},
					"user logged out everywhere": func(t *testing.T, p *wiretest.Person, _ *Client) {
						user(t, p, func(u *store.User) { u.Epoch++ })
					},
					"user deleted": func(t *testing.T, p *wiretest.Person, _ *Client) {
						if err := one.Store.DeleteUser(t.Context(), p.ID); err != nil {
							t.Fatal(err)
						}
					},
				} {
					t.Run(kind+": "+what, func(t *testing.T) {
						p, c, credential := known(t)
						end(t, p, c)
						for _, path := range []string{session, "/mine"} {
							eventually(t, "the session is over", func() bool {
								code, _ := show(other, kind, credential, path)
								return code == dead(kind)
							})
						}
					})
				}
				t.Run(kind+": user disabled", func(t *testing.T) {
					p, _, credential := known(t)
					user(t, p, func(u *store.User) { u.Disabled = true })
					eventually(t, "nobody is logged in", func() bool {
						code, _ := show(other, kind, credential, "/mine")
						return code == 401
					})
				})
				t.Run(kind+": another name and address", func(t *testing.T) {
					p, _, credential := known(t)
					user(t, p, func(u *store.User) { u.Username = "renamed" + p.ID })
					e := &store.EmailAddress{UserID: p.ID, Email: wiretest.FreshEmail(), Verified: true}
					if err := one.Store.CreateEmail(t.Context(), e); err != nil {
						t.Fatal(err)
					}
					if err := one.Store.MakePrimaryEmail(t.Context(), p.ID, e.ID); err != nil {
						t.Fatal(err)
					}
					eventually(t, "they are seen", func() bool {
						_, body := show(other, kind, credential, session)
						return strings.Contains(body, "renamed"+p.ID) && strings.Contains(body, e.Email)
					})
				})
			}
		})
	}
}

// shaky is a store that may not be heard.
type shaky struct {
	asked
	down atomic.Bool
	cut  chan struct{}
}

func (s *shaky) WatchSessions(ctx context.Context, changed func(string)) error {
	if s.down.Load() {
		return store.ErrUnavailable
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.cut:
			cancel()
		case <-ctx.Done():
		}
	}()
	return s.Store.WatchSessions(ctx, changed)
}

// An instance that has heard of changes, and does not any more, remembers
// nothing until it does again.
func TestSessionCacheThatIsCutOff(t *testing.T) {
	t.Parallel()
	st := &shaky{asked: asked{Store: memory.New()}, cut: make(chan struct{})}
	st.down.Store(true)
	w := wiretest.New(t, st, remember(time.Minute))
	c := w.Client("app")
	c.LogIn(w.Make(Person{}))
	credential := c.Credential()
	// questions is how many the store gets for five requests.
	questions := func() int64 {
		t.Helper()
		before := st.n.Load()
		for range 5 {
			if code, _ := show(w, "app", credential, "/_allauth/app/v1/auth/session"); code != 200 {
				t.Fatalf("got %d", code)
			}
		}
		return st.n.Load() - before
	}
	hears := func(n int64) func() bool { return func() bool { return w.Auth.Stats().Cache.Watching == n } }

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Auth.Run(ctx) }()
	if n := questions(); n != 1 {
		t.Errorf("before it has heard anything, within the bound: %d questions, want 1", n)
	}
	st.down.Store(false)
	eventually(t, "it hears", hears(1))
	if n := questions(); n != 1 {
		t.Errorf("hearing: %d questions, want 1", n)
	}
	st.down.Store(true)
	st.cut <- struct{}{}
	eventually(t, "it is cut off", hears(0))
	if n := questions(); n != 5 {
		t.Errorf("cut off: %d questions, want 5", n)
	}
	st.down.Store(false)
	eventually(t, "it hears again", hears(1))
	if n := questions(); n != 1 {
		t.Errorf("hearing again: %d questions, want 1", n)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := questions(); n != 1 {
		t.Errorf("no longer run: %d questions, want 1", n)
	}
}
