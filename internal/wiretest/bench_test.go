package wiretest_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/password"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/sqlite"
)

// statements counts what a PostgreSQL pool is asked.
type statements struct{ n atomic.Int64 }

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.n.Add(1)
	return ctx
}
func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// onStores runs a benchmark on every store. count tells how many statements
// PostgreSQL was asked so far; elsewhere it is nil.
func onStores(b *testing.B, run func(b *testing.B, st store.Store, count *statements)) {
	b.Run("memory", func(b *testing.B) { run(b, memory.New(), nil) })
	b.Run("sqlite", func(b *testing.B) {
		st, err := sqlite.Open(b.Context(), b.TempDir()+"/auth.db")
		if err == nil {
			b.Cleanup(func() { _ = st.Close() })
			err = st.Migrate(b.Context())
		}
		if err != nil {
			b.Fatal(err)
		}
		run(b, st, nil)
	})
	b.Run("postgres", func(b *testing.B) {
		url := os.Getenv("HEADLESS_TEST_POSTGRES")
		if url == "" {
			b.Skip("HEADLESS_TEST_POSTGRES is not set; run it by: go run ./internal/testenv go test -bench . ./internal/wiretest")
		}
		c, err := pgxpool.ParseConfig(url)
		if err != nil {
			b.Fatal(err)
		}
		count := &statements{}
		c.ConnConfig.Tracer = count
		pool, err := pgxpool.NewWithConfig(b.Context(), c)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(pool.Close)
		st := postgres.New(pool)
		if err := st.Migrate(b.Context()); err != nil {
			b.Fatal(err)
		}
		run(b, st, count)
	})
}

// site is an instance whose addresses need no verification.
func site(b *testing.B, st store.Store, pw account.PasswordConfig) *headless.Auth {
	b.Helper()
	c := wiretest.Config()
	c.URL, c.Store, c.Mailer = "http://127.0.0.1", st, &wiretest.Inbox{}
	c.Account.EmailVerification, c.Account.Password = account.None, pw
	auth, err := headless.New(c)
	if err != nil {
		b.Fatal(err)
	}
	return auth
}

func call(b *testing.B, h http.Handler, method, path, token, body string) *httptest.ResponseRecorder {
	rq := httptest.NewRequest(method, path, bytes.NewReader([]byte(body)))
	if token != "" {
		rq.Header.Set("X-Session-Token", token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, rq)
	if w.Code != http.StatusOK {
		b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w
}

var people atomic.Int64

// member signs somebody up and returns their address and session token.
func member(b *testing.B, auth *headless.Auth) (email, token string) {
	b.Helper()
	email = fmt.Sprintf("bench%d-%d@example.org", os.Getpid(), people.Add(1))
	w := call(b, auth.Handler(), "POST", "/_allauth/app/v1/auth/signup", "", fmt.Sprintf(`{"email":%q,"password":"Correct-Horse-9"}`, email))
	_, rest, _ := bytes.Cut(w.Body.Bytes(), []byte(`"session_token":"`))
	t, _, _ := bytes.Cut(rest, []byte(`"`))
	return email, string(t)
}

// nowhere is where answers go that are not looked at.
type nowhere struct {
	header http.Header
	status int
}

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) WriteHeader(status int)      { w.status = status }
func (w *nowhere) Write(b []byte) (int, error) { return len(b), nil }

// measure repeats one request, so that little is measured but the handler.
func measure(b *testing.B, h http.Handler, path, token string, count *statements) {
	call(b, h, http.MethodGet, path, token, "")
	rq := httptest.NewRequest(http.MethodGet, path, nil)
	rq.Header.Set("X-Session-Token", token)
	before := int64(0)
	if count != nil {
		before = count.n.Load()
	}
	repeat(b, h, rq)
	if count != nil {
		b.ReportMetric(float64(count.n.Load()-before)/float64(b.N), "statements/op")
	}
}

func repeat(b *testing.B, h http.Handler, rq *http.Request) {
	ctx, cancel := context.WithCancel(rq.Context()) // as net/http has it
	defer cancel()
	rq = rq.WithContext(ctx)
	w := &nowhere{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, rq)
	}
	if w.status != http.StatusOK {
		b.Errorf("answered %d", w.status)
	}
}

// BenchmarkRequireUser is a logged-in request to a route of the host's own.
func BenchmarkRequireUser(b *testing.B) {
	onStores(b, func(b *testing.B, st store.Store, count *statements) {
		auth := site(b, st, wiretest.Config().Account.Password)
		_, token := member(b, auth)
		measure(b, auth.RequireUser(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })), "/me", token, count)
	})
}

// BenchmarkSession is GET auth/session of a logged-in app.
func BenchmarkSession(b *testing.B) {
	onStores(b, func(b *testing.B, st store.Store, count *statements) {
		auth := site(b, st, wiretest.Config().Account.Password)
		_, token := member(b, auth)
		measure(b, auth.Handler(), "/_allauth/app/v1/auth/session", token, count)
	})
}

// BenchmarkSessionRemembered is BenchmarkSession with [sessions.Config].CacheFor.
func BenchmarkSessionRemembered(b *testing.B) {
	c := wiretest.Config()
	c.URL, c.Store, c.Mailer, c.Account.EmailVerification = "http://127.0.0.1", memory.New(), &wiretest.Inbox{}, account.None
	c.Session.CacheFor = time.Minute
	auth, err := headless.New(c)
	if err != nil {
		b.Fatal(err)
	}
	_, token := member(b, auth)
	measure(b, auth.Handler(), "/_allauth/app/v1/auth/session", token, nil)
}

// BenchmarkSessionOfBrowser is GET auth/session with a browser's cookies.
func BenchmarkSessionOfBrowser(b *testing.B) {
	auth := site(b, memory.New(), wiretest.Config().Account.Password)
	const path = "/_allauth/browser/v1/auth/"
	do := func(method, what, body string, cookies []*http.Cookie) []*http.Cookie {
		rq := httptest.NewRequest(method, path+what, strings.NewReader(body))
		rq.Header.Set("Origin", "http://127.0.0.1")
		for _, c := range cookies {
			rq.AddCookie(c)
			if c.Name == "csrftoken" {
				rq.Header.Set("X-CSRFToken", c.Value)
			}
		}
		w := httptest.NewRecorder()
		auth.Handler().ServeHTTP(w, rq)
		return w.Result().Cookies()
	}
	cookies := do(http.MethodGet, "session", "", nil)
	cookies = do(http.MethodPost, "signup", `{"email":"browser@example.org","password":"Correct-Horse-9"}`, cookies)
	rq := httptest.NewRequest(http.MethodGet, path+"session", nil)
	for _, c := range cookies {
		rq.AddCookie(c)
	}
	repeat(b, auth.Handler(), rq)
}

// BenchmarkLogin is POST auth/login by 64 clients at once, at the default cost
// of a password, beside nothing but the hash.
func BenchmarkLogin(b *testing.B) {
	parallel := (64 + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	b.Run("hash", func(b *testing.B) {
		h, err := password.New(password.Params{})
		if err != nil {
			b.Fatal(err)
		}
		encoded, err := h.Hash(b.Context(), "Correct-Horse-9")
		if err != nil {
			b.Fatal(err)
		}
		b.SetParallelism(parallel)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if ok, _, err := h.Verify(b.Context(), "Correct-Horse-9", encoded); !ok || err != nil {
					b.Error(ok, err)
				}
			}
		})
	})
	onStores(b, func(b *testing.B, st store.Store, count *statements) {
		auth := site(b, st, account.PasswordConfig{})
		email, _ := member(b, auth)
		body := fmt.Sprintf(`{"email":%q,"password":"Correct-Horse-9"}`, email)
		before := int64(0)
		if count != nil {
			before = count.n.Load()
		}
		b.SetParallelism(parallel)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				call(b, auth.Handler(), "POST", "/_allauth/app/v1/auth/login", "", body)
			}
		})
		if count != nil {
			b.ReportMetric(float64(count.n.Load()-before)/float64(b.N), "statements/op")
		}
	})
}
