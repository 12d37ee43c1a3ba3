package faults_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/internal/faultproxy"
	"github.com/headless-auth/headless/internal/invariants"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/postgres"
)

var full = flag.Bool("faults.full", false, "every fault at every statement")

type m = authtest.M

const (
	// timeout is Config.Timeout.
	timeout = 2 * time.Second
	// slack is what a busy machine may add to it.
	slack = 2 * time.Second
	// recovery is how soon service has to be back.
	recovery = 5 * time.Second
)

// config is that of every site here.
func config() headless.Config {
	return headless.Config{
		NoLimits: true, Timeout: timeout, Name: "Example",
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		MFA:    &mfa.Config{SupportedTypes: []string{store.TOTP, store.RecoveryCodes, store.WebAuthn}, PasskeyLogin: true},
	}
}

// world is a site that is reached over the network.
type world struct {
	t    *testing.T
	site *authtest.Site
	// direct leads to the store by another way than the site's.
	direct store.Store
	// mails is where mails arrive, and text messages.
	mails  inbox
	people atomic.Int64
	// overlook, if set, tells which broken rules are known, and do no harm.
	overlook func(invariants.Violation) bool
	// longest is how long the slowest request took.
	longest atomic.Int64
	// patience is how long an answer may take. Default: timeout.
	patience time.Duration
	// provider is who flows log in at.
	provider interface {
		IDToken(who authtest.Identity) (string, error)
		Consent(location string, who authtest.Identity) (back string, err error)
	}
}

// inbox has the mails to addresses, and the text messages to numbers.
type inbox interface {
	Take(to string) []authtest.Mail
	Wait(t testing.TB, to string) authtest.Mail
}

// boxes are those of a site in this process.
type boxes struct{ *authtest.Site }

// Take implements [inbox].
func (b boxes) Take(to string) []authtest.Mail {
	found := b.Mail.Take(to)
	for _, sms := range b.Phones.Take(to) {
		found = append(found, asMail(sms))
	}
	return found
}

// Wait implements [inbox].
func (b boxes) Wait(t testing.TB, to string) authtest.Mail {
	t.Helper()
	if strings.HasPrefix(to, "+") {
		return asMail(b.Phones.Wait(t, to))
	}
	return b.Mail.Wait(t, to)
}

func asMail(sms account.SMS) authtest.Mail {
	return authtest.Mail{Message: account.Message{To: sms.To, Text: sms.Text, Data: map[string]string{"code": sms.Code}}}
}

// serve starts a site with a configuration, and has clients call it over the
// network.
func serve(t *testing.T, c headless.Config, ps ...*authtest.Provider) *authtest.Site {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(srv.Listener.Addr().String(), ":")
	c.URL = "http://localhost:" + port // passkeys need a name
	site := authtest.New(t, c, ps...)
	mux := http.NewServeMux()
	mux.Handle("/", site.Handler)
	mux.Handle("/_admin/", site.Auth.Admin())
	srv.Config.Handler = mux
	site.Handler = nil
	srv.Start()
	t.Cleanup(srv.Close)
	return site
}

// behind starts a site on a PostgreSQL that is reached through a proxy, by a
// few connections.
func behind(t *testing.T, change func(*headless.Config), conns int) (*world, *faultproxy.Proxy) {
	t.Helper()
	straight := testenv.Postgres(t)
	direct := opened(t, straight+"&pool_max_conns=2")
	if err := direct.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	proxy, url := faultproxy.Postgres(t, straight)
	c := config()
	c.Store = opened(t, fmt.Sprint(url, "&connect_timeout=2&pool_max_conns=", conns))
	if change != nil {
		change(&c)
	}
	var ps []*authtest.Provider
	if c.Social != nil {
		ps = append(ps, authtest.NewProvider("example"))
	}
	w := &world{t: t, site: serve(t, c, ps...), direct: direct}
	w.mails = boxes{w.site}
	for _, p := range ps {
		w.provider = p
	}
	return w, proxy
}

func opened(t *testing.T, url string) *postgres.Store {
	t.Helper()
	st, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// sound checks that no rule about the data is broken.
func (w *world) sound(what string) {
	w.t.Helper()
	c := invariants.Check{Store: w.direct}
	if w.site != nil {
		c.Sessions = w.site.Config.SessionStore
	}
	_, err := c.Run(context.WithoutCancel(w.t.Context()), func(v invariants.Violation) {
		if w.overlook == nil || !w.overlook(v) {
			w.t.Errorf("%s: %s", what, v)
		}
	})
	if err != nil {
		w.t.Errorf("%s: %v", what, err)
	}
}

// trip is one person's way through a flow, as far as it gets.
type trip struct {
	*world
	c *authtest.Client
	// late is what took too long.
	late error
	// stubborn: a request that is answered with 500 is sent once more, as it
	// is; second is the answer to that.
	stubborn bool
	second   int
	// again: an attempt before was cut short, and nobody knows where.
	again bool
	person
}

// person is what somebody knows.
type person struct {
	email        string
	login        string   // the name for authtest.Login
	passwords    []string // one of them is right; more than one after a lost answer
	next         string   // what is changed to
	session      string   // the token that is to be ended
	refreshToken string
	apps         []*authtest.TOTP // one of them is right, as with passwords
	codes        []string         // recovery codes that are left
	keys         []key
	ends         []string         // sessions that are to be ended
	trusted      *authtest.Client // a browser that was trusted
	phone        string
	told         map[string]bool // what was acknowledged
	owed         []string        // whom a mail was promised to
}

// loser takes a request that nobody answers for a lost one, not for the end of
// the test.
type loser struct{ testing.TB }

// Fatal implements [testing.TB].
func (l loser) Fatal(args ...any) { panic(fmt.Errorf("%s: %w", fmt.Sprint(args...), errLost)) }

func (w *world) client() *authtest.Client { return w.site.Client(loser{w.t}, authtest.App) }

func (w *world) newTrip() *trip {
	n := w.people.Add(1)
	name := fmt.Sprint("person", n)
	return &trip{world: w, c: w.client(), person: person{
		login: name, email: name + "@example.org", phone: fmt.Sprintf("+316%08d", n), passwords: []string{authtest.Password}, next: "amber-Falcon-77", told: map[string]bool{},
	}}
}

// anew is the same person with another client.
func (tr *trip) anew() {
	tr.c, tr.again = tr.client(), true
}

var (
	// errLost: there was no answer that tells how it went.
	errLost = errors.New("no answer that tells how it went")
	// errAstray: the answer is none that may come.
	errAstray = errors.New("unexpected answer")
)

// goes runs a flow to its end, or to where an answer is lost.
func (tr *trip) goes(flow func(*trip)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(error)
			if !ok || !errors.Is(e, errLost) && !errors.Is(e, errAstray) {
				panic(p)
			}
			err = e
		}
	}()
	flow(tr)
	return nil
}

// inTime checks that nothing took too long.
func (tr *trip) inTime(what string) {
	tr.t.Helper()
	if tr.late != nil {
		tr.t.Errorf("%s: %v", what, tr.late)
	}
}

// do calls the API, and ends the flow where there is no answer in time, or
// another than those that may come.
func (tr *trip) do(method, path string, body any, want ...int) *authtest.Reply {
	tr.t.Helper()
	return tr.call(method, tr.c.API(path), body, want...)
}

// call is do with any path of the site.
func (tr *trip) call(method, path string, body any, want ...int) *authtest.Reply {
	tr.t.Helper()
	start := time.Now()
	r := tr.c.Do(method, path, body)
	if r.Status == http.StatusInternalServerError && tr.stubborn {
		r = tr.c.Do(method, path, body)
		if tr.second = r.Status; r.Status < 500 && !slices.Contains(want, r.Status) {
			panic(fmt.Errorf("%s %s: 500, and then %d %s: %w", method, path, r.Status, r.Raw, errLost))
		}
	}
	patience := max(timeout, tr.patience) + slack
	if strings.Contains(path, "/auth/provider/") || strings.Contains(path, "/callback/") {
		patience += 5 * time.Second // which the provider may take
	}
	took := time.Since(start)
	for l := tr.longest.Load(); int64(took) > l && !tr.longest.CompareAndSwap(l, int64(took)); {
		l = tr.longest.Load()
	}
	if took > patience {
		tr.late = fmt.Errorf("%s %s: %d after %v", method, path, r.Status, took)
	}
	if r.Status >= 500 {
		if r.Status == http.StatusServiceUnavailable && r.Header.Get("Retry-After") == "" {
			tr.t.Errorf("%s %s: 503 without Retry-After", method, path)
		}
		panic(fmt.Errorf("%s %s: %d: %w", method, path, r.Status, errLost))
	}
	if !slices.Contains(want, r.Status) {
		panic(fmt.Errorf("%s %s: %d %s: %w", method, path, r.Status, r.Raw, errAstray))
	}
	return r
}

func (tr *trip) post(path string, body any, want ...int) *authtest.Reply {
	tr.t.Helper()
	return tr.do(http.MethodPost, path, body, want...)
}

func (tr *trip) astray(format string, args ...any) {
	panic(fmt.Errorf(format+": %w", append(args, errAstray)...))
}

// forget takes out what has come by mail so far.
func (tr *trip) forget(email string) { tr.mails.Take(email) }

// mail is the next mail to somebody. Whoever was told that it is on its way
// gets it.
func (tr *trip) mail(email string) authtest.Mail {
	tr.t.Helper()
	tr.owed = append(tr.owed, email)
	return tr.mails.Wait(tr.t, email)
}
