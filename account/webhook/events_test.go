package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/webhook"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/sqlite"
)

const (
	whsec  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	older  = "whsec_b2xkZXJvbGRlcm9sZGVyb2xkZXJvbGRlcg=="
	word   = "Correct-Horse-9-Battery"
	signup = "user_signed_up"
)

// verify is what a receiver does, written from the text of Standard Webhooks
// 1.0.0 alone.
func verify(secret string, h http.Header, body []byte, now time.Time) error {
	id, at := h.Get("webhook-id"), h.Get("webhook-timestamp")
	seconds, err := strconv.Atoi(at)
	if err != nil || id == "" || strings.Contains(id, ".") {
		return fmt.Errorf("id %q, timestamp %q", id, at)
	}
	if off := now.Unix() - int64(seconds); off < -300 || off > 300 {
		return fmt.Errorf("the timestamp is off by %d s", off)
	}
	key, err := base64.StdEncoding.DecodeString(secret[len("whsec_"):])
	if err != nil {
		return err
	}
	h256 := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(h256, "%s.%s.%s", id, at, body)
	want := h256.Sum(nil)
	for _, one := range strings.Split(h.Get("webhook-signature"), " ") {
		version, text, _ := strings.Cut(one, ",")
		if sum, err := base64.StdEncoding.DecodeString(text); err == nil && version == "v1" && hmac.Equal(sum, want) {
			return nil
		}
	}
	return errors.New("no signature is right")
}

// event is what a receiver reads.
type event struct {
	id        string
	Type      string         `json:"type"`
	Timestamp time.Time      `json:"timestamp"`
	Data      map[string]any `json:"data"`
	raw       string
}

// receiver keeps what it is sent.
type receiver struct {
	*httptest.Server
	clock *clock

	mu     sync.Mutex
	status int // of answers; 0 is 204
	later  string
	calls  []event
	taken  []event
	wrong  []error
	hang   chan struct{}
}

func newReceiver(t *testing.T, c *clock, secrets ...string) *receiver {
	t.Helper()
	r := &receiver{clock: c}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, rq *http.Request) {
		body, _ := io.ReadAll(rq.Body)
		e := event{id: rq.Header.Get("webhook-id"), raw: string(body)}
		err := json.Unmarshal(body, &e)
		for _, secret := range secrets {
			err = errors.Join(err, verify(secret, rq.Header, body, c.Now()))
		}
		r.mu.Lock()
		if err != nil || rq.Method != http.MethodPost || rq.Header.Get("Content-Type") != "application/json" {
			r.wrong = append(r.wrong, fmt.Errorf("%s %s: %w", rq.Method, rq.Header, err))
		}
		r.calls = append(r.calls, e)
		status, hang := r.status, r.hang
		if r.later != "" {
			w.Header().Set("Retry-After", r.later)
		}
		if status == 0 {
			r.taken = append(r.taken, e)
			status = http.StatusNoContent
		}
		r.mu.Unlock()
		if hang != nil {
			<-hang
		}
		if status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(func() {
		r.Close()
		for _, err := range r.wrong {
			t.Error(err)
		}
	})
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) seen() (calls, taken []event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls), slices.Clone(r.taken)
}

func types(l []event) (out []string) {
	for _, e := range l {
		out = append(out, e.Type)
	}
	return out
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) forward(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// mails says when a mail has come.
type mails chan account.Message

func (m mails) Send(_ context.Context, msg account.Message) error { m <- msg; return nil }

// place is a site whose front end is an app.
type place struct {
	*testing.T
	auth  *headless.Auth
	clock *clock
	mails mails
}

func settings(st store.Store, now func() time.Time, m account.Mailer, hooks ...account.Webhook) headless.Config {
	return headless.Config{
		URL: "https://app.example.org", Secret: []byte("fJ4uQk0zYb1vWm9TzRk2sXo7LpHn6cEd"), Store: st, Mailer: m, NoLimits: true, Now: now,
		Frontend: headless.Frontend{VerifyEmail: "/v/{key}", ResetPassword: "/r/{key}"},
		Account:  account.Config{EmailVerification: account.Optional, Password: account.PasswordConfig{Argon2Memory: 64, Argon2Time: 1}},
		Logger:   slog.New(slog.DiscardHandler), Webhooks: hooks,
	}
}

func (p *place) start(st store.Store, hooks ...account.Webhook) *place {
	p.Helper()
	return p.with(settings(st, p.clock.Now, p.mails, hooks...))
}

func (p *place) with(c headless.Config) *place {
	p.Helper()
	auth, err := headless.New(c)
	if err != nil {
		p.Fatal(err)
	}
	return &place{p.T, auth, p.clock, p.mails}
}

func begin(t *testing.T) *place {
	t.Helper()
	return &place{T: t, clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, mails: make(mails, 100)}
}

func (p *place) hook(url string, o webhook.EndpointOptions) *webhook.Endpoint {
	p.Helper()
	if o.Secrets == nil {
		o.Secrets = []string{whsec}
	}
	if o.Internal == nil {
		o.Internal = []string{"127.0.0.1"}
	}
	o.Now = p.clock.Now
	e, err := webhook.NewEndpoint(url, o)
	if err != nil {
		p.Fatal(err)
	}
	return e
}

func post(h http.Handler, path string, body map[string]string) int {
	b, _ := json.Marshal(body)
	r := httptest.NewRequest(http.MethodPost, "/_allauth/app/v1"+path, bytes.NewReader(b))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Code
}

func (p *place) signUp(email string) {
	p.Helper()
	if status := post(p.auth.Handler(), "/auth/signup", map[string]string{"email": email, "password": word}); status != 200 {
		p.Fatalf("signup: got %d", status)
	}
}

// logIn tries to, and returns the status.
func (p *place) logIn(email, password string) int {
	return post(p.auth.Handler(), "/auth/login", map[string]string{"email": email, "password": password})
}

// flush waits for what was promised just now.
func (p *place) flush() {
	p.Helper()
	if err := p.auth.Flush(p.Context()); err != nil {
		p.Fatal(err)
	}
}

// run delivers what is due.
func (p *place) run(until func() bool) {
	p.Helper()
	ctx, stop := context.WithTimeout(p.Context(), 20*time.Second)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- p.auth.Run(ctx) }()
	for !until() && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		p.Fatalf("it took too long: %v", err)
	}
}

func open(t *testing.T, file string) *sqlite.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), file)
	if err == nil {
		err = st.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

func waiting(t *testing.T, st store.Outbox) int {
	t.Helper()
	n, err := st.CountMessages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestVector: the example of the specification's own libraries.
func TestVector(t *testing.T) {
	t.Parallel()
	var got http.Header
	e, err := webhook.NewEndpoint("https://hooks.example.org", webhook.EndpointOptions{
		Secrets: []string{whsec}, Now: func() time.Time { return time.Unix(1614265330, 0) },
		Transport: roundTrip(func(rq *http.Request) (*http.Response, error) {
			got = rq.Header
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Post(t.Context(), account.WebhookMessage{ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Body: []byte(`{"test": 2432232314}`)}); err != nil {
		t.Fatal(err)
	}
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got.Get("webhook-signature") != want {
		t.Errorf("got %q, want %q", got.Get("webhook-signature"), want)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(rq *http.Request) (*http.Response, error) { return f(rq) }

func TestEvents(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) (store.Store, store.Sessions){
		"memory": func(*testing.T) (store.Store, store.Sessions) { return memory.New(), nil },
		"sqlite": func(t *testing.T) (store.Store, store.Sessions) {
			return open(t, filepath.Join(t.TempDir(), "auth.db")), nil
		},
		"postgres": func(t *testing.T) (store.Store, store.Sessions) {
			st, err := postgres.Open(t.Context(), testenv.Postgres(t))
			if err == nil {
				err = st.Migrate(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			return st, nil
		},
		"sessions elsewhere": func(*testing.T) (store.Store, store.Sessions) { return memory.New(), memory.New() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := begin(t)
			all, some := newReceiver(t, p.clock, whsec, older), newReceiver(t, p.clock, whsec)
			st, sessions := open(t)
			c := settings(st, p.clock.Now, p.mails,
				p.hook(all.URL, webhook.EndpointOptions{Secrets: []string{whsec, older}}),
				p.hook(some.URL, webhook.EndpointOptions{Events: []string{"login_*", signup}}))
			c.SessionStore = sessions
			c.Hooks.InSignup = func(_ context.Context, _ store.Store, u *store.User, _ map[string]any) error {
				if strings.HasPrefix(u.Email, "eve") {
					return headless.Reject("", "no", "no")
				}
				return nil
			}
			p = p.with(c)
			p.signUp("ada@example.org")
			p.flush() // so that they come in order
			if status := p.logIn("ada@example.org", "wrong-"+word); status != 400 {
				t.Errorf("got %d", status)
			}
			p.flush()
			if status := post(p.auth.Handler(), "/auth/signup", map[string]string{"email": "eve@example.org", "password": word}); status != 400 {
				t.Errorf("got %d", status)
			}
			p.flush()
			_, got := some.seen()
			if want := []string{signup, "login_failed"}; !slices.Equal(types(got), want) {
				t.Fatalf("got %v, want %v", types(got), want)
			}
			l, err := st.EmailsByAddress(t.Context(), "ada@example.org")
			if err != nil {
				t.Fatal(err)
			}
			id, _ := strconv.Atoi(l[0].UserID)
			for _, e := range got {
				if !e.Timestamp.Equal(p.clock.Now()) || e.Data["user_id"] != float64(id) {
					t.Errorf("got %s", e.raw)
				}
			}
			if len(got[0].Data) != 1 || len(got[1].Data) != 2 || got[1].Data["identifier"] == nil {
				t.Errorf("got %v", got)
			}
			_, every := all.seen()
			if !slices.Contains(types(every), "user_logged_in") || !slices.Contains(types(every), "email_confirmation_sent") {
				t.Errorf("got %v", types(every))
			}
			ids := map[string]bool{}
			for _, e := range every {
				if ids[e.id] || len(e.id) < 20 {
					t.Errorf("%q is the id of two events, or short", e.id)
				}
				ids[e.id] = true
				if strings.Contains(e.raw, word) || e.Data["user_id"] == nil {
					t.Errorf("got %s", e.raw)
				}
			}
			if !ids[got[0].id] {
				t.Error("one event has two ids")
			}
			if n := waiting(t, st); n != 0 {
				t.Errorf("%d messages are left", n)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	p := begin(t)
	for _, knows := range []string{whsec, older} {
		r := newReceiver(t, p.clock, knows)
		p := p.start(memory.New(), p.hook(r.URL, webhook.EndpointOptions{Secrets: []string{whsec, older}, Events: []string{signup}}))
		p.signUp("ada@example.org")
		p.flush()
		if _, taken := r.seen(); len(taken) != 1 {
			t.Errorf("got %v", taken)
		}
	}
}

// A receiver that is down for a while gets everything once, each event under
// the id that it had all along, and is left alone meanwhile.
func TestReceiverDownThenUp(t *testing.T) {
	t.Parallel()
	p, st := begin(t), memory.New()
	r := newReceiver(t, p.clock, whsec)
	p = p.start(st, p.hook(r.URL, webhook.EndpointOptions{Events: []string{signup}}))
	r.answer(http.StatusServiceUnavailable)
	p.signUp("a@example.org")
	p.flush()
	calls, _ := r.seen()
	if len(calls) != 1 {
		t.Fatalf("got %d calls", len(calls))
	}
	first := calls[0].id
	for _, name := range []string{"b", "c", "d"} {
		p.signUp(name + "@example.org")
	}
	p.flush()
	if calls, _ := r.seen(); len(calls) != 1 {
		t.Errorf("an endpoint that fails was called %d times", len(calls))
	}
	if n := waiting(t, st); n != 4 {
		t.Errorf("%d events wait, want 4", n)
	}
	p.clock.forward(time.Minute)
	p.run(func() bool { calls, _ := r.seen(); return len(calls) == 2 }) // one tries
	if n := waiting(t, st); n != 4 {
		t.Errorf("%d events wait, want 4", n)
	}
	r.answer(0)
	for _, left := range []int{3, 0} { // again one tries, and then all the others
		p.clock.forward(10 * time.Minute)
		p.run(func() bool { return waiting(t, st) <= left })
	}
	calls, taken := r.seen()
	ids := map[string]int{}
	for _, e := range taken {
		ids[e.id]++
	}
	if len(taken) != 4 || len(ids) != 4 || ids[first] != 1 || waiting(t, st) != 0 {
		t.Errorf("got %d events, %d ids, the first %d times; %d wait", len(taken), len(ids), ids[first], waiting(t, st))
	}
	for _, e := range calls {
		if ids[e.id] == 0 {
			t.Errorf("%s was tried under another id", e.id)
		}
	}
}

// A receiver that is not even there.
func TestReceiverGone(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	p, st := begin(t), memory.New()
	p = p.start(st, p.hook("http://"+addr, webhook.EndpointOptions{Events: []string{signup}}))
	p.signUp("a@example.org")
	p.flush()
	if n := waiting(t, st); n != 1 {
		t.Errorf("%d events wait, want 1", n)
	}
	p.clock.forward(73 * time.Hour)
	p.run(func() bool { return waiting(t, st) == 0 }) // given up
}

// While instances are replaced one by one, an old one leaves alone what it does
// not know.
func TestUnknownEndpoint(t *testing.T) {
	t.Parallel()
	p, st := begin(t), memory.New()
	r := newReceiver(t, p.clock, whsec)
	hook := p.hook(r.URL, webhook.EndpointOptions{Events: []string{signup}})
	r.answer(http.StatusServiceUnavailable)
	present := p.start(st, hook)
	present.signUp("a@example.org")
	present.flush()
	r.answer(0)
	p.clock.forward(time.Hour)
	var due []*store.OutboxMessage
	p.start(st).run(func() bool {
		var err error
		due, err = st.ClaimMessages(t.Context(), p.clock.Now(), p.clock.Now(), 10)
		return err != nil || len(due) == 0
	})
	if n := waiting(t, st); n != 1 {
		t.Fatalf("%d events wait, want 1", n)
	}
	p.clock.forward(time.Hour)
	present.run(func() bool { return waiting(t, st) == 0 })
	if _, taken := r.seen(); len(taken) != 1 {
		t.Errorf("got %d events", len(taken))
	}
}

// TestNamesKeepSecrets: many services have a token in the URL, and the name of
// an endpoint is in the log. Requirement SEC-5.
func TestNamesKeepSecrets(t *testing.T) {
	t.Parallel()
	name := func(url string) string {
		e, err := webhook.NewEndpoint(url, webhook.EndpointOptions{Secrets: []string{whsec}})
		if err != nil {
			t.Fatal(err)
		}
		return e.Name()
	}
	const at = "https://ada:hush@hooks.example.org/T0/hush?key=hush"
	if got := name(at); strings.Contains(got, "hush") || !strings.HasPrefix(got, "hooks.example.org") || got != name(at) || got == name(at+"2") {
		t.Errorf("got %q", got)
	}
}

// What an endpoint does to itself is not done to others.
func TestHangingReceiver(t *testing.T) {
	t.Parallel()
	p := begin(t)
	slow, quick := newReceiver(t, p.clock, whsec), newReceiver(t, p.clock, whsec)
	slow.hang = make(chan struct{})
	p = p.start(memory.New(), p.hook(slow.URL, webhook.EndpointOptions{}), p.hook(quick.URL, webhook.EndpointOptions{Events: []string{signup}}))
	for i := range 30 {
		p.signUp(fmt.Sprintf("a%d@example.org", i))
	}
	for range 30 { // mails have workers of their own
		select {
		case <-p.mails:
		case <-time.After(20 * time.Second):
			t.Fatal("mails wait for a webhook")
		}
	}
	close(slow.hang)
	p.flush()
	if _, taken := quick.seen(); len(taken) != 30 {
		t.Errorf("got %d events", len(taken))
	}
}

func TestEndpointAnswers(t *testing.T) {
	t.Parallel()
	for status, left := range map[int]int{204: 0, 299: 0, 302: 1, 400: 1, 404: 1, 410: 0, 429: 1, 500: 1} {
		p, st := begin(t), memory.New()
		r := newReceiver(t, p.clock, whsec)
		if status != 204 {
			r.answer(status)
		}
		p = p.start(st, p.hook(r.URL, webhook.EndpointOptions{Events: []string{signup}}))
		p.signUp("a@example.org")
		p.flush()
		if calls, _ := r.seen(); len(calls) != 1 || waiting(t, st) != left {
			t.Errorf("%d: %d calls, %d left, want 1 and %d", status, len(calls), waiting(t, st), left)
		}
	}
}

// An endpoint that says when to come again is left alone until then, with all
// that waits for it.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		status int
		later  string
		want   time.Duration
	}{
		{429, "3600", time.Hour},
		{503, "3600", time.Hour},
		{503, noon.Add(2 * time.Hour).Format(http.TimeFormat), 2 * time.Hour},
		{429, "9999999", 24 * time.Hour}, // and no longer
		{429, "1", 30 * time.Second},     // nor shorter than otherwise
		{429, noon.Add(-time.Hour).Format(http.TimeFormat), 30 * time.Second},
		{429, "-1", 30 * time.Second},
		{429, "soon", 30 * time.Second},
		{429, "", 30 * time.Second},
		{500, "3600", 30 * time.Second}, // where it has no meaning
	} {
		p, st := begin(t), memory.New()
		r := newReceiver(t, p.clock, whsec)
		r.status, r.later = tt.status, tt.later
		p = p.start(st, p.hook(r.URL, webhook.EndpointOptions{Events: []string{signup}}))
		p.signUp("a@example.org")
		p.flush()
		for _, at := range []time.Duration{tt.want - time.Second, tt.want} {
			l, err := st.ClaimMessages(t.Context(), noon.Add(at), noon.Add(at), 10)
			if err != nil || (len(l) == 1) != (at == tt.want) {
				t.Errorf("%d, %q: %d messages are due after %v, %v", tt.status, tt.later, len(l), at, err)
			}
		}
		p.signUp("b@example.org") // which meets an endpoint that rests
		p.flush()
		if calls, _ := r.seen(); len(calls) != 1 {
			t.Errorf("%d, %q: called %d times", tt.status, tt.later, len(calls))
		}
	}
}

// A filter for no event is a mistake that nobody would notice.
func TestUnknownEvents(t *testing.T) {
	t.Parallel()
	p := begin(t)
	for pattern, good := range map[string]bool{
		signup: true, "email_*": true, "*": true, "mfa_enrollment_due": true, "social_account_added": true, "session_ended": true,
		"user_signedup": false, "mails_*": false, "User_Signed_Up": false,
	} {
		c := settings(memory.New(), p.clock.Now, p.mails, p.hook("https://crm.example.org", webhook.EndpointOptions{Name: "crm", Events: []string{signup, pattern}}))
		_, err := headless.New(c)
		if good != (err == nil) || !good && !strings.Contains(err.Error(), "Webhooks[0]") || !good && !strings.Contains(err.Error(), strconv.Quote(pattern)) {
			t.Errorf("%q: got %v", pattern, err)
		}
	}
}

// An endpoint that leads into our own network is not called.
func TestInternalAddresses(t *testing.T) {
	t.Parallel()
	p := begin(t)
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was called") }))
	defer srv.Close()
	e := p.hook(srv.URL, webhook.EndpointOptions{Internal: []string{}})
	err := e.Post(t.Context(), account.WebhookMessage{ID: "msg_x", Body: []byte("{}")})
	if err == nil || !strings.Contains(err.Error(), "internal") || strings.Contains(err.Error(), srv.URL) {
		t.Errorf("got %v", err)
	}
}

func TestNewEndpoint(t *testing.T) {
	t.Parallel()
	good := []string{whsec}
	for _, test := range []struct {
		url  string
		o    webhook.EndpointOptions
		want string
	}{
		{"https://hooks.example.org/x?token=hush", webhook.EndpointOptions{Secrets: good}, ""},
		{"http://127.0.0.1:1", webhook.EndpointOptions{Secrets: good, Internal: []string{"127.0.0.1"}}, ""},
		{"http://hooks.example.org/hush", webhook.EndpointOptions{Secrets: good}, "in clear"},
		{"hooks.example.org/hush", webhook.EndpointOptions{Secrets: good}, "malformed"},
		{"ftp://hush@hooks.example.org", webhook.EndpointOptions{Secrets: good}, "malformed"},
		{"https://hooks.example.org", webhook.EndpointOptions{}, "Secrets is missing"},
		{"https://hooks.example.org", webhook.EndpointOptions{Secrets: []string{whsec, "hush-hush-hush-hush-hush-hush-hush"}}, "Secrets[1]"},
		{"https://hooks.example.org", webhook.EndpointOptions{Secrets: []string{"whsec_aHVzaGh1c2g="}}, "24 to 64 bytes"},
		{"https://hooks.example.org", webhook.EndpointOptions{Secrets: good, Events: []string{"*_in"}}, "Events[0]"},
		{"https://hooks.example.org", webhook.EndpointOptions{Secrets: good, Internal: []string{"http://x"}}, "Internal"},
		{"https://hooks.example.org", webhook.EndpointOptions{Secrets: good, Timeout: -1}, "Timeout"},
	} {
		e, err := webhook.NewEndpoint(test.url, test.o)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hush")) {
			t.Errorf("%s: got %v, want %q", test.url, err, test.want)
		}
		if shown := fmt.Sprintf("%v %+v %#v %s", e, e, test.o, test.o); e != nil && (strings.Contains(shown, "hush") || strings.Contains(shown, whsec)) {
			t.Errorf("it shows %s", shown)
		}
	}
	p := begin(t)
	a := p.hook("https://hooks.example.org", webhook.EndpointOptions{})
	for _, l := range [][]account.Webhook{{a, a}, {nil}} {
		if _, err := headless.New(settings(memory.New(), nil, p.mails, l...)); err == nil || !strings.Contains(err.Error(), "Webhooks[") {
			t.Errorf("%v: got %v", l, err)
		}
	}
}

// The process of TestCrash that crashes.
const crashing = "HEADLESS_TEST_CRASH"

func TestMain(m *testing.M) {
	if how, file, ok := strings.Cut(os.Getenv(crashing), ":"); ok {
		crash(how, file)
	}
	os.Exit(m.Run())
}

// dying ends the process when the account is committed, before anybody knows.
type dying struct {
	*sqlite.Store
	now bool
}

// InTx implements [store.Store].
func (d dying) InTx(ctx context.Context, fn func(store.Store) error) error {
	err := d.Store.InTx(ctx, fn)
	if l, _ := d.ListUsers(ctx, "", 1); d.now && len(l) > 0 {
		os.Exit(77)
	}
	return err
}

// crash signs somebody up, and ends the process at a bad moment.
func crash(how, file string) {
	end := func() { os.Exit(77) }
	ctx := context.Background()
	st, err := sqlite.Open(ctx, file)
	if err == nil {
		err = st.Migrate(ctx)
	}
	if err != nil {
		panic(err)
	}
	hook, err := webhook.NewEndpoint("https://hooks.example.org", webhook.EndpointOptions{
		Secrets: []string{whsec}, Name: "crm", Events: []string{signup},
		Transport: roundTrip(func(*http.Request) (*http.Response, error) { end(); return nil, nil }),
	})
	if err != nil {
		panic(err)
	}
	c := settings(dying{st, how == "right after"}, nil, make(mails, 9), hook)
	if how == "before" {
		c.Hooks.InSignup = func(context.Context, store.Store, *store.User, map[string]any) error { end(); return nil }
	}
	auth, err := headless.New(c)
	if err != nil {
		panic(err)
	}
	post(auth.Handler(), "/auth/signup", map[string]string{"email": "ada@example.org", "password": word})
	_ = auth.Flush(ctx)
	os.Exit(0)
}

// A process that ends between the commit and the delivery loses no event; one
// that ends before the commit tells none.
func TestCrash(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]int{"right after": 1, "some time after": 1, "before": 0} {
		t.Run(how+" the commit", func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "auth.db")
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), crashing+"="+how+":"+file)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 77 {
				t.Fatalf("it was to crash: %v\n%s", err, out)
			}
			st := open(t, file)
			l, err := st.EmailsByAddress(t.Context(), "ada@example.org")
			if err != nil || len(l) != want {
				t.Fatalf("%d accounts, want %d; %v", len(l), want, err)
			}
			p := begin(t)
			p.clock.now = time.Now().Add(5 * time.Minute) // when others may take over
			r := newReceiver(t, p.clock, whsec)
			p = p.start(st, p.hook(r.URL, webhook.EndpointOptions{Name: "crm", Events: []string{signup}}))
			p.run(func() bool { return waiting(t, st) == 0 })
			if _, taken := r.seen(); len(taken) != want || want == 1 && (taken[0].Type != signup || fmt.Sprint(taken[0].Data["user_id"]) != l[0].UserID) {
				t.Errorf("got %+v", taken)
			}
		})
	}
}
