// Package authtest is a kit for the tests of programs that use headless: a site
// in memory, people who are logged in, a clock to move, a mailbox to read, an
// authenticator and an identity provider in software, a store that fails on
// request. Nothing in it listens, waits or calls out.
//
//	func TestOrders(t *testing.T) {
//		site := authtest.New(t, app.Config())      // your headless.Config
//		site.Handler = app.Routes(site.Auth)       // your handler
//		alice := authtest.Login(t, site, "alice")  // a browser
//		alice.Get("/orders").Is(200)
//	}
//
// [New] replaces what a test must not have of a configuration: mail server,
// clock, expensive hashes. [Login] makes people as they are needed and logs
// them in, by default without any ceremony, or by the one that its options
// name, such as [WithPasskey]. docs/testing.md has more.
package authtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
)

// Site is what clients of a test call. [New] makes one. For a server that runs
// already, a literal with URL and Store will do.
type Site struct {
	// URL is where the site is reached. Default "https://site.test".
	URL string
	// Path is where the API is mounted. Default "/_allauth".
	Path string
	// Handler serves the whole site. Clients call it directly; with nil, they
	// call URL over the network.
	Handler http.Handler
	// Store keeps everything. People are made in it.
	Store store.Store

	// Config is what the site was made of.
	Config headless.Config
	// Auth was made of Config. A program that makes its own may do so, of
	// Config.
	Auth *headless.Auth
	// Clock is the site's; nil stands for the machine's.
	Clock *Clock
	// Mail and Phones have what the site has sent, Events what has happened.
	Mail   *Mailbox
	Phones *Phones
	Events *Events

	mu     sync.Mutex
	people map[string]*Person
}

// New returns a site with a configuration, in which it replaces Mailer, SMS
// and Now by its own, and the cost of password hashes by next to none. What is
// missing it adds: URL, Secret, Store, Frontend, Logger. Providers become part
// of the site; with them, it calls nobody else.
//
// The handler of the site serves the API, and nothing of the host's own; set
// [Site.Handler] to one that does.
func New(t testing.TB, c headless.Config, ps ...*Provider) *Site {
	t.Helper()
	s := &Site{Clock: &Clock{}, Mail: &Mailbox{}, Phones: &Phones{}, Events: &Events{}}
	c.URL = cmp.Or(c.URL, "https://site.test")
	c.Path = cmp.Or(c.Path, "/_allauth")
	if c.Secret == nil {
		c.Secret = []byte(rand.Text() + rand.Text())
	}
	if c.Store == nil {
		c.Store = memory.New()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	c.Mailer, c.SMS, c.Now = s.Mail, s.Phones, s.Clock.Now
	c.OnEvent = s.Events.before(c.OnEvent)
	p := &c.Account.Password
	p.Argon2Memory, p.Argon2Time, p.Argon2Threads = cheap.memory, cheap.time, cheap.threads
	if len(ps) > 0 {
		c.Social = withProviders(c.Social, ps, s.Clock)
	}
	f := &c.Frontend
	f.VerifyEmail = cmp.Or(f.VerifyEmail, "/verify-email/{key}")
	f.ResetPassword = cmp.Or(f.ResetPassword, "/reset-password/{key}")
	f.SocialLoginError = cmp.Or(f.SocialLoginError, "/login-error")
	auth, err := headless.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.URL, s.Path, s.Store, s.Config, s.Auth = c.URL, c.Path, c.Store, c, auth

	mux := http.NewServeMux()
	mux.Handle(c.Path+"/", auth.Handler())
	if c.Social != nil {
		mux.Handle(cmp.Or(c.Social.CallbackPath, "/accounts")+"/", auth.Callbacks())
	}
	mux.Handle("/.well-known/webauthn", auth.WellKnown())
	s.Handler = mux

	flush := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := auth.Flush(ctx); err != nil {
			t.Errorf("deliveries did not end: %v", err)
		}
	}
	s.Mail.box.flush, s.Phones.box.flush = flush, flush
	t.Cleanup(flush)
	return s
}

// withProviders adds providers to a configuration, which stays as it is.
func withProviders(c *socialaccount.Config, ps []*Provider, clock *Clock) *socialaccount.Config {
	own := socialaccount.Config{}
	if c != nil {
		own = *c
		own.Providers = append([]socialaccount.Provider(nil), c.Providers...)
	}
	for _, p := range ps {
		p.oidc.Now = clock.Now
		own.Providers = append(own.Providers, p.config())
	}
	own.Transport = transport{ps, own.Transport}
	return &own
}

// now is the time on the site's clock.
func (s *Site) now() time.Time {
	if s.Clock != nil {
		return s.Clock.Now()
	}
	return time.Now().UTC()
}

func (s *Site) csrfCookie() string { return cmp.Or(s.Config.Session.CSRFCookieName, "csrftoken") }
func (s *Site) csrfHeader() string { return cmp.Or(s.Config.Session.CSRFHeader, "X-CSRFToken") }
func (s *Site) sessionCookie() string {
	return cmp.Or(s.Config.Session.CookieName, "sessionid")
}

// Events keeps what has happened.
type Events struct {
	mu  sync.Mutex
	all []account.Event
}

// Hear keeps an event. It fits into Config.OnEvent.
func (e *Events) Hear(_ context.Context, event account.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
}

// before is Hear, and then what the host does with events.
func (e *Events) before(next func(context.Context, account.Event)) func(context.Context, account.Event) {
	return func(ctx context.Context, event account.Event) {
		e.Hear(ctx, event)
		if next != nil {
			next(ctx, event)
		}
	}
}

// Take takes out the names of the events since the last time.
func (e *Events) Take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	names := []string{}
	for _, x := range e.all {
		names = append(names, x.Name())
	}
	e.all = nil
	return names
}
