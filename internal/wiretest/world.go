// Package wiretest runs scenarios against the whole library as its clients see
// it: over HTTP, as a browser and as an app, on every store, with a clock that
// stands still until it is moved and a mailbox that keeps what was sent.
package wiretest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/sqlite"
)

// World is a running site.
type World struct {
	T      *testing.T
	Auth   *headless.Auth
	Store  store.Store
	Clock  *Clock
	Inbox  *Inbox
	Events *Events
	// URL is where the site is reached, without a slash at the end.
	URL string
	// Mux serves the site; scenarios may add routes of the host's own.
	Mux *http.ServeMux

	kind string // of the clients of parts
	said *described
	site *authtest.Site // as clients call it
}

// Secret is the secret of every world.
var Secret = []byte("0123456789abcdef0123456789abcdef")

// Config is a configuration that scenarios change to their needs. Hashes are
// cheap, so that scenarios are fast.
func Config() headless.Config {
	return headless.Config{
		Secret: Secret,
		Name:   "Example",
		Frontend: headless.Frontend{
			VerifyEmail: "https://spa.test/verify-email/{key}", ResetPassword: "https://spa.test/reset/{key}",
			RequestPasswordReset: "https://spa.test/reset", Signup: "https://spa.test/signup",
		},
		Account:  account.Config{Password: account.PasswordConfig{Argon2Memory: 64, Argon2Time: 1, Argon2Threads: 1}},
		NoLimits: true,
		Logger:   slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// New starts a site on a store with the configuration that change leaves
// behind. It is stopped when the test ends.
func New(t *testing.T, st store.Store, change func(*headless.Config)) *World {
	t.Helper()
	w := &World{T: t, Store: st, Clock: &Clock{}, Inbox: &Inbox{}, Events: &Events{}, Mux: http.NewServeMux()}
	srv := httptest.NewUnstartedServer(w.Mux)
	w.URL = "http://" + srv.Listener.Addr().String()
	c := Config()
	c.OpenAPI = &headless.OpenAPIConfig{}
	c.URL, c.Store, c.Mailer, c.SMS, c.Now, c.OnEvent = w.URL, st, w.Inbox, w.Inbox, w.Clock.Now, w.Events.Hear
	if change != nil {
		change(&c)
	}
	auth, err := headless.New(c)
	if err != nil {
		t.Fatal(err)
	}
	w.Auth, w.Inbox.flush = auth, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := auth.Flush(ctx); err != nil {
			t.Errorf("deliveries did not end: %v", err)
		}
	}
	w.said = describedBy(t, auth, w.URL)
	w.site = &authtest.Site{URL: w.URL, Store: st, Clock: w.Clock}
	w.Mux.Handle("/_allauth/", auth.Handler())
	w.Mux.Handle("/accounts/", auth.Callbacks())
	srv.Start()
	t.Cleanup(func() { srv.Close(); w.Inbox.flush() })
	return w
}

// Stores are the stores that scenarios run on, by name.
var Stores = map[string]func(t *testing.T) store.Store{
	"memory":   func(*testing.T) store.Store { return memory.New() },
	"sqlite":   openSQLite,
	"postgres": openPostgres,
}

func openSQLite(t *testing.T) store.Store {
	st, err := sqlite.Open(t.Context(), t.TempDir()+"/auth.db")
	if err == nil {
		t.Cleanup(func() { _ = st.Close() })
		err = st.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func openPostgres(t *testing.T) store.Store {
	st, err := postgres.Open(t.Context(), testenv.Postgres(t))
	if err == nil {
		t.Cleanup(func() { _ = st.Close() })
		err = st.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// every is every store that scenarios run on.
var every = []string{"memory", "sqlite", "postgres"}

// Each runs a scenario on every store, for both kinds of clients.
func Each(t *testing.T, change func(*headless.Config), scenario func(t *testing.T, w *World, c *Client)) {
	t.Helper()
	EachOn(t, every, change, scenario)
}

// EachOn is Each for what no store could do differently.
func EachOn(t *testing.T, stores []string, change func(*headless.Config), scenario func(t *testing.T, w *World, c *Client)) {
	t.Helper()
	on(t, stores, change, func(t *testing.T, w *World) {
		for _, kind := range []string{"browser", "app"} {
			t.Run(kind, func(t *testing.T) {
				one := *w
				one.T, one.kind = t, kind
				scenario(t, &one, one.Client(kind))
			})
		}
	})
}

// Browsers is Each for browsers alone.
func Browsers(t *testing.T, change func(*headless.Config), scenario func(t *testing.T, w *World, c *Client)) {
	t.Helper()
	on(t, every, change, func(t *testing.T, w *World) {
		w.kind = "browser"
		scenario(t, w, w.Client("browser"))
	})
}

// EachStore runs a scenario on every store.
func EachStore(t *testing.T, change func(*headless.Config), scenario func(t *testing.T, w *World)) {
	t.Helper()
	on(t, every, change, scenario)
}

func on(t *testing.T, stores []string, change func(*headless.Config), scenario func(t *testing.T, w *World)) {
	t.Helper()
	t.Parallel()
	for _, name := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, New(t, Stores[name](t), change))
		})
	}
}

// Clock is a clock that stands still, Events keeps what happened.
type (
	Clock  = authtest.Clock
	Events = authtest.Events
)
