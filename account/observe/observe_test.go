package observe_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/account/observe"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/sqlite"
)

// seen keeps observations.
type seen struct {
	mu  sync.Mutex
	all []observe.Observation
}

func (s *seen) observe(_ context.Context, o observe.Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, o)
}

func (s *seen) take(kind observe.Kind) (l []observe.Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rest []observe.Observation
	for _, o := range s.all {
		if o.Kind == kind {
			l = append(l, o)
		} else {
			rest = append(rest, o)
		}
	}
	s.all = rest
	return l
}

// one is the only observation of a kind since the last time.
func (s *seen) one(t *testing.T, kind observe.Kind) observe.Observation {
	t.Helper()
	l := s.take(kind)
	if len(l) != 1 {
		t.Fatalf("got %d observations of a %s, want one: %+v", len(l), kind, l)
	}
	return l[0]
}

func TestRequests(t *testing.T) {
	t.Parallel()
	s := &seen{}
	site := authtest.New(t, headless.Config{Observe: s.observe, Account: account.Config{LoginByCode: true}})
	alice := authtest.Login(t, site, "alice", authtest.AsApp())
	s.take(observe.Request)

	alice.Get(alice.API("/auth/session?next=secret")).Is(200)
	o := s.one(t, observe.Request)
	if o.Name != "/_allauth/app/v1/auth/session" || o.Method != "GET" || o.Client != "app" || o.Status != 200 || o.UserID != alice.Person.ID || o.Duration <= 0 || o.Start.IsZero() || o.Outcome() != "ok" {
		t.Errorf("got %+v", o)
	}

	c := site.Client(t, authtest.Browser)
	c.Raw("POST", c.API("/auth/login"), nil).Is(403) // without CSRF token: not even a flow
	if o := s.one(t, observe.Request); o.Status != 403 || o.Client != "browser" || o.UserID != "" {
		t.Errorf("got %+v", o)
	}
	c.Raw("BREW", c.API("/auth/login"), nil)
	if o := s.one(t, observe.Request); o.Method != "_OTHER" {
		t.Errorf("got %+v", o)
	}
	// A path that is none of ours is anybody's guess, and no label.
	c.Get("/_allauth/browser/v1/no/such/path").Is(404)
	if l := s.take(observe.Request); len(l) != 0 {
		t.Errorf("got %+v", l)
	}
}

func TestWhatARequestIsMadeOf(t *testing.T) {
	t.Parallel()
	s := &seen{}
	site := authtest.New(t, headless.Config{Observe: s.observe, Account: account.Config{LoginByCode: true}})
	c := site.Client(t, authtest.App)
	credentials := authtest.M{"email": "alice@example.org", "password": authtest.Password}

	c.Post(c.API("/auth/login"), credentials).Is(400)
	if o := s.one(t, observe.Hash); o.Outcome() != "ok" || o.Duration <= 0 {
		t.Errorf("a hash for nobody: got %+v", o)
	}
	s.take(observe.Limit)
	s.take(observe.Transaction)

	alice := authtest.Login(t, site, "alice", authtest.AsApp())
	c.Post(c.API("/auth/code/request"), authtest.M{"email": alice.Person.Email}).Is(401)
	site.Mail.Wait(t, alice.Person.Email)
	if err := site.Auth.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if o := s.one(t, observe.Delivery); o.Name != "login_code" || o.Outcome() != "ok" {
		t.Errorf("got %+v", o)
	}
	for _, o := range s.take(observe.Transaction) {
		if o.Outcome() != "ok" || o.Count != 1 || o.Duration <= 0 {
			t.Errorf("got %+v", o)
		}
	}
	if l := s.take(observe.Limit); len(l) == 0 || l[0].Name != "request_login_code+mail" && l[0].Name != "login" || l[0].Refused {
		t.Errorf("got %+v", l)
	}
	c.Post(c.API("/auth/code/confirm"), authtest.M{"code": "wrong"}).Is(400)

	for range 40 {
		c.Post(c.API("/auth/login"), credentials)
	}
	refused := 0
	for _, o := range s.take(observe.Limit) {
		if o.Outcome() == "refused" && o.Name != "" {
			refused++
		}
	}
	if refused == 0 {
		t.Error("no decision of the limiter was a refusal")
	}
}

func TestBacklog(t *testing.T) {
	t.Parallel()
	s := &seen{}
	site := authtest.New(t, headless.Config{Observe: s.observe, Account: account.Config{LoginByCode: true}})
	site.Mail.Fail(errors.New("the mail server is down"))
	alice := authtest.Login(t, site, "alice", authtest.AsApp())
	c := site.Client(t, authtest.App)
	c.Post(c.API("/auth/code/request"), authtest.M{"email": alice.Person.Email}).Is(401)
	if err := site.Auth.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if o := s.one(t, observe.Delivery); o.Outcome() != "error" {
		t.Errorf("got %+v", o)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	heard := make(chan struct{})
	var once sync.Once
	config := site.Config
	config.Observe = func(_ context.Context, o observe.Observation) {
		if o.Kind == observe.Backlog && o.Count == 1 {
			once.Do(func() { close(heard) })
		}
	}
	auth, err := headless.New(config)
	if err != nil {
		t.Fatal(err)
	}
	go func() { done <- auth.Run(ctx) }()
	<-heard
	cancel()
	<-done
}

func TestProviderCalls(t *testing.T) {
	t.Parallel()
	s := &seen{}
	p := authtest.NewProvider("example")
	site := authtest.New(t, headless.Config{Observe: s.observe}, p)
	site.Client(t, authtest.Browser).LoginAt(p, authtest.Identity{Subject: "1", Email: "ada@example.org", EmailVerified: true}).LoggedIn()
	calls := s.take(observe.Call)
	if len(calls) < 3 {
		t.Fatalf("got %d calls", len(calls))
	}
	for _, o := range calls {
		if o.Name != "example" || o.Status != 200 || o.Outcome() != "ok" {
			t.Errorf("got %+v", o)
		}
	}
	p.Fail(authtest.TokenPath, http.StatusBadGateway)
	site.Client(t, authtest.Browser).LoginAt(p, authtest.Identity{Subject: "1"}).NothingPending()
	if l := s.take(observe.Call); len(l) == 0 || l[len(l)-1].Outcome() != "error" {
		t.Errorf("got %+v", l)
	}
	var back bool
	for _, o := range s.take(observe.Request) {
		back = back || o.Name == "/accounts/oidc/example/login/callback/"
	}
	if !back {
		t.Error("the way back from the provider was not seen")
	}
}

// A transaction that breaks is an error, one whose flow refuses is not.
func TestTransactionsThatFail(t *testing.T) {
	t.Parallel()
	s := &seen{}
	st := authtest.NewFaultyStore(t, memory.New())
	site := authtest.New(t, headless.Config{Observe: s.observe, Store: st})
	st.Inject(authtest.Fault{Method: authtest.Commit, Times: -1})
	c := site.Client(t, authtest.App)
	c.Post(c.API("/auth/signup"), authtest.M{"email": "ada@example.org", "password": authtest.Password}).Is(503)
	l := s.take(observe.Transaction)
	if len(l) == 0 || l[len(l)-1].Outcome() != "error" {
		t.Errorf("got %+v", l)
	}
	if o := s.one(t, observe.Request); o.Status != 503 || o.Outcome() != "error" {
		t.Errorf("got %+v", o)
	}
}

// Whatever an observer does, requests are answered.
func TestAnObserverThatPanics(t *testing.T) {
	t.Parallel()
	site := authtest.New(t, headless.Config{Observe: func(context.Context, observe.Observation) { panic("oh dear") }})
	authtest.Login(t, site, "alice", authtest.WithPassword()).Session().LoggedIn()
}

func TestLog(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" {
			return slog.Attr{}
		}
		return a
	}}))
	site := authtest.New(t, headless.Config{Observe: observe.Join(observe.Log(log), func(context.Context, observe.Observation) {})})
	alice := authtest.Login(t, site, "alice", authtest.AsApp())
	b.Reset()
	alice.Get(alice.API("/auth/session?code=secret"))
	want := "level=INFO msg=request method=GET route=/_allauth/app/v1/auth/session status=200 client=app user=" + alice.Person.ID + "\n"
	if b.String() != want {
		t.Errorf("got  %swant %s", &b, want)
	}
	alice.Post(alice.API("/auth/login"), authtest.M{"email": "alice@example.org", "password": "hunter2-secret"})
	if got := b.String(); strings.Contains(got, "secret") || strings.Contains(got, alice.Token) {
		t.Errorf("a secret is in the log: %s", got)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, nil))
	ask := func(checks ...func(context.Context) error) (int, string) {
		w := httptest.NewRecorder()
		observe.Health(log, checks...).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
		return w.Code, w.Body.String()
	}
	if code, body := ask(); code != 200 || body != "ok\n" {
		t.Errorf("got %d %s", code, body)
	}

	db, err := sqlite.Open(t.Context(), t.TempDir()+"/auth.db")
	if err != nil {
		t.Fatal(err)
	}
	st := authtest.NewFaultyStore(t, db)
	ready := func(s *authtest.Site) (int, string) { return ask(s.Auth.Ready) }
	if code, body := ready(authtest.New(t, headless.Config{Store: db})); code != 503 || body != "not ready\n" {
		t.Errorf("without tables: got %d %s", code, body)
	}
	if got := b.String(); !strings.Contains(got, "migrations are missing: 0001_initial") {
		t.Errorf("the log says %s", got)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, body := ready(authtest.New(t, headless.Config{Store: db})); code != 200 {
		t.Errorf("got %d %s", code, body)
	}
	site := authtest.New(t, headless.Config{Store: st})
	st.Inject(authtest.Fault{Method: "Ping"})
	if code, _ := ready(site); code != 503 {
		t.Errorf("a store that does not answer: got %d", code)
	}
	if code, _ := ready(site); code != 200 {
		t.Errorf("a store that answers again: got %d", code)
	}
	other := memory.New()
	broken := authtest.NewFaultyStore(t, other)
	broken.Inject(authtest.Fault{Method: "Ping"})
	if code, _ := ready(authtest.New(t, headless.Config{SessionStore: broken})); code != 503 {
		t.Errorf("sessions that are elsewhere, and gone: got %d", code)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if code, _ := ready(authtest.New(t, headless.Config{Store: db})); code != 503 {
		t.Error("a closed database is ready")
	}
}

// Nothing is measured where nobody looks.
func BenchmarkSession(b *testing.B) {
	for name, fn := range map[string]func(context.Context, observe.Observation){"nil": nil, "observed": func(context.Context, observe.Observation) {}} {
		b.Run(name, func(b *testing.B) {
			site := authtest.New(b, headless.Config{Observe: fn})
			c := authtest.Login(b, site, "alice", authtest.AsApp())
			r := httptest.NewRequest(http.MethodGet, c.API("/auth/session"), http.NoBody)
			r.Header.Set("X-Session-Token", c.Token)
			b.ReportAllocs()
			for b.Loop() {
				site.Handler.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
