package verify_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens"
	"github.com/headless-auth/headless/tokens/verify"
)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// issuer publishes keys and counts how often they are asked for.
type issuer struct {
	t     *testing.T
	clock *clock
	url   string
	asked atomic.Int32
	mu    sync.Mutex
	jwt   *tokens.JWT
	serve http.HandlerFunc // instead of the keys
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{t: t, clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	i.rotate()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		i.mu.Lock()
		serve, j := i.serve, i.jwt
		i.mu.Unlock()
		if serve != nil {
			serve(w, r)
			return
		}
		tokens.ServeKeys(j.PublicKeys()).ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	i.url = srv.URL
	return i
}

// rotate gives the issuer another key.
func (i *issuer) rotate() {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	j, err := tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Private: k}}, Issuer: "us", Audience: "orders"})
	if err != nil {
		i.t.Fatal(err)
	}
	i.mu.Lock()
	i.jwt = j
	i.mu.Unlock()
}

func (i *issuer) answer(h http.HandlerFunc) {
	i.mu.Lock()
	i.serve = h
	i.mu.Unlock()
}

func (i *issuer) token() string {
	i.t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	g, err := i.jwt.Grant(context.Background(), &store.Session{ID: "12", UserID: "7"}, &store.User{ID: "7"}, tokens.When{Now: i.clock.Now()})
	if err != nil {
		i.t.Fatal(err)
	}
	return g.AccessToken
}

func (i *issuer) verifier(change func(*verify.Config)) *verify.Verifier {
	i.t.Helper()
	c := verify.Config{JWKS: i.url, Issuer: "us", Audience: "orders", Now: i.clock.Now}
	if change != nil {
		change(&c)
	}
	v, err := verify.New(c)
	if err != nil {
		i.t.Fatal(err)
	}
	return v
}

func (i *issuer) wasAsked(times int32) {
	i.t.Helper()
	if n := i.asked.Load(); n != times {
		i.t.Errorf("the keys were asked for %d times, want %d", n, times)
	}
}

func TestKeysAreFetchedAndKept(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(nil)
	i.wasAsked(0)
	for range 5 {
		c, err := v.Verify(t.Context(), i.token())
		if err != nil || c.Subject != "7" || c.SessionID != "12" || c.Issuer != "us" || len(c.Audience) != 1 || !c.IssuedAt.Equal(i.clock.Now()) {
			t.Fatalf("got %+v, %v", c, err)
		}
	}
	i.wasAsked(1)
}

func TestManyAtOnceAskOnce(t *testing.T) {
	i := newIssuer(t)
	v, token := i.verifier(nil), i.token()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	i.wasAsked(1)
}

func TestNewKeyIsNoticed(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(nil)
	old := i.token()
	if _, err := v.Verify(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	i.rotate()
	i.clock.advance(11 * time.Second)
	if _, err := v.Verify(t.Context(), i.token()); err != nil {
		t.Errorf("the new key: got %v", err)
	}
	if _, err := v.Verify(t.Context(), old); !errors.Is(err, verify.ErrInvalid) {
		t.Errorf("the old key: got %v", err)
	}
}

func TestMadeUpKeyIDsCauseFewRequests(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(nil)
	if _, err := v.Verify(t.Context(), i.token()); err != nil {
		t.Fatal(err)
	}
	stranger := newIssuer(t)
	for range 20 {
		stranger.rotate()
		if _, err := v.Verify(t.Context(), stranger.token()); !errors.Is(err, verify.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	}
	i.wasAsked(1)
	i.clock.advance(11 * time.Second)
	for range 20 {
		if _, err := v.Verify(t.Context(), stranger.token()); !errors.Is(err, verify.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	}
	i.wasAsked(2)
}

func TestIssuerIsDown(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(nil)
	broken := map[string]http.HandlerFunc{
		"an error":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"no key set":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"an empty set":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
		"too much":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) },
		"another place":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, i.url+"/other", http.StatusFound) },
		"a lost request": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	for name, h := range broken {
		t.Run(name+" at first", func(t *testing.T) {
			i.answer(h)
			i.clock.advance(11 * time.Second)
			if _, err := v.Verify(t.Context(), i.token()); !errors.Is(err, verify.ErrUnavailable) || errors.Is(err, verify.ErrInvalid) {
				t.Errorf("got %v", err)
			}
			asked := i.asked.Load()
			if _, err := v.Verify(t.Context(), i.token()); !errors.Is(err, verify.ErrUnavailable) {
				t.Errorf("at once again: got %v", err)
			}
			i.wasAsked(asked)
		})
	}
	i.answer(nil)
	i.clock.advance(11 * time.Second)
	if _, err := v.Verify(t.Context(), i.token()); err != nil {
		t.Errorf("it is up again: got %v", err)
	}
	t.Run("known keys outlive it for a day", func(t *testing.T) {
		i.answer(broken["an error"])
		i.clock.advance(23 * time.Hour)
		if _, err := v.Verify(t.Context(), i.token()); err != nil {
			t.Errorf("got %v", err)
		}
		i.clock.advance(2 * time.Hour)
		if _, err := v.Verify(t.Context(), i.token()); !errors.Is(err, verify.ErrUnavailable) {
			t.Errorf("after a day: got %v", err)
		}
	})
}

func TestCallerGoesAway(t *testing.T) {
	i := newIssuer(t)
	release := make(chan struct{})
	i.answer(func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := i.verifier(nil).Verify(ctx, i.token()); !errors.Is(err, context.Canceled) || !errors.Is(err, verify.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestFreshness(t *testing.T) {
	i := newIssuer(t)
	for header, want := range map[string]time.Duration{
		"":                           5 * time.Minute,
		"public, max-age=3600":       time.Hour,
		"max-age=0":                  30 * time.Second,
		"max-age=99999999":           24 * time.Hour,
		"no-store, max-age=nonsense": 5 * time.Minute,
	} {
		i.answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", header)
			_, _ = w.Write(i.jwt.PublicKeys())
		})
		v := i.verifier(nil)
		verified := func() {
			t.Helper()
			if _, err := v.Verify(t.Context(), i.token()); err != nil {
				t.Errorf("%q: %v", header, err)
			}
		}
		verified()
		asked := i.asked.Load()
		i.clock.advance(want - time.Second)
		verified()
		i.wasAsked(asked)
		i.clock.advance(time.Second)
		verified() // with the keys it has, while it asks
		for range 1000 {
			if i.asked.Load() > asked {
				break
			}
			time.Sleep(time.Millisecond) // the request is on its way in the background
		}
		i.wasAsked(asked + 1)
	}
}

func TestRemembered(t *testing.T) {
	i := newIssuer(t)
	v, token := i.verifier(func(c *verify.Config) { c.Remember = 4 }), i.token()
	first, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := v.Verify(t.Context(), token); err != nil || again != first {
		t.Errorf("got %p, %v, want %p", again, err, first)
	}
	t.Run("until it expires", func(t *testing.T) {
		i.clock.advance(5 * time.Minute)
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, verify.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("not without bound", func(t *testing.T) {
		kept := i.token()
		first, _ := v.Verify(t.Context(), kept)
		for range 10 {
			if _, err := v.Verify(t.Context(), i.token()); err != nil {
				t.Fatal(err)
			}
		}
		if again, err := v.Verify(t.Context(), kept); err != nil || again == first {
			t.Errorf("got %p, %v, want another than %p", again, err, first)
		}
	})
}

func TestMiddleware(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(nil)
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := verify.FromContext(r.Context()); c != nil {
			_, _ = w.Write([]byte(c.Subject))
		}
	})
	ask := func(h http.Handler, authorization string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for _, tt := range []struct {
		name, authorization, challenge string
		require                        int
		load                           string
	}{
		{"a good token", "Bearer " + i.token(), "", 200, "7"},
		{"none", "", "Bearer", 401, ""},
		{"another scheme", "Basic eDp5", "Bearer", 401, ""},
		{"a bad token", "Bearer x.y.z", `Bearer error="invalid_token"`, 401, ""},
	} {
		w := ask(v.Require(show), tt.authorization)
		if w.Code != tt.require || w.Header().Get("WWW-Authenticate") != tt.challenge {
			t.Errorf("%s: got %d %v %s", tt.name, w.Code, w.Header(), w.Body)
		}
		if w := ask(v.Load(show), tt.authorization); w.Code != 200 || w.Body.String() != tt.load {
			t.Errorf("%s, optional: got %d %s", tt.name, w.Code, w.Body)
		}
	}
	i.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	for name, h := range map[string]http.Handler{"required": i.verifier(nil).Require(show), "optional": i.verifier(nil).Load(show)} {
		if w := ask(h, "Bearer "+i.token()); w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s, without keys: got %d", name, w.Code)
		}
	}
}

func TestConfigProblems(t *testing.T) {
	_, err := verify.New(verify.Config{JWKS: "http://example.org/", Keys: []verify.Key{{}, {Public: []byte("secret"), Secret: []byte("secret")}, {Secret: []byte("short")}, {Public: 7}}, Leeway: time.Hour, Scheme: "a b", Remember: -1})
	for _, field := range []string{"JWKS", "Keys[0]", "Keys[1]", "Keys[2]", "Keys[3]", "Leeway", "Scheme", "Remember"} {
		if err == nil || !strings.Contains(err.Error(), "verify: "+field+": ") {
			t.Errorf("%s is not named in %v", field, err)
		}
	}
	for text, good := range map[string]bool{
		"": false, "https://example.org/keys": true, "http://127.0.0.1:1/": true, "http://localhost/": true, "http://[::1]/": true,
		"ftp://example.org/": false, "https://user:pw@example.org/": false, "keys": false, "http://example.org/": false, "http://10.0.0.1/": false,
	} {
		if _, err := verify.New(verify.Config{JWKS: text}); (err == nil) != good {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if _, err := verify.New(verify.Config{JWKS: "http://keys.internal/", AllowHTTP: true}); err != nil {
		t.Error(err)
	}
}

func TestParseKey(t *testing.T) {
	const text = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
	k, err := verify.ParseKey([]byte(text))
	if _, ok := k.(ed25519.PublicKey); err != nil || !ok {
		t.Errorf("got %T, %v", k, err)
	}
	const private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n"
	k, err = verify.ParseKey([]byte(private))
	if _, ok := k.(crypto.Signer); err != nil || ok {
		t.Errorf("of a private key: got %T, %v", k, err)
	}
	if _, err := verify.ParseKey([]byte("nonsense")); err == nil {
		t.Error("nonsense was taken for a key")
	}
}

func BenchmarkVerifyRemembered(b *testing.B) {
	_, k, _ := ed25519.GenerateKey(rand.Reader)
	j, err := tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Private: k}}})
	if err != nil {
		b.Fatal(err)
	}
	g, _ := j.Grant(b.Context(), &store.Session{ID: "12", UserID: "7"}, &store.User{ID: "7"}, tokens.When{Now: time.Now()})
	v := j.Verifier(nil, 100)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), g.AccessToken); err != nil {
			b.Fatal(err)
		}
	}
}
