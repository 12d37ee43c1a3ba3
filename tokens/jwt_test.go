package tokens_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens"
	"github.com/headless-auth/headless/tokens/verify"
)

var (
	now    = time.Date(2026, 3, 1, 12, 0, 0, 500_000_000, time.UTC)
	person = &store.User{ID: "7"}
	secret = bytes.Repeat([]byte("s"), 32)
	rsaKey = sync.OnceValue(func() crypto.Signer {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return k
	})
)

func edKey(t *testing.T) crypto.Signer {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func session() *store.Session {
	return &store.Session{ID: "12", UserID: "7", Epoch: 3, Generation: 2, CreatedAt: now.Add(-time.Hour)}
}

func newJWT(t *testing.T, c tokens.JWTConfig) *tokens.JWT {
	t.Helper()
	if c.Keys == nil {
		c.Keys = []tokens.Key{{Secret: secret}}
	}
	j, err := tokens.NewJWT(c)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func grant(t *testing.T, j *tokens.JWT, s *store.Session, at time.Time) tokens.Grant {
	t.Helper()
	g, err := j.Grant(t.Context(), s, person, tokens.When{Now: at, Refreshed: at})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func request(header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func TestGrant(t *testing.T) {
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	for name, k := range map[string]tokens.Key{"HS256": {Secret: secret}, "RS256": {Private: rsaKey()}, "ES256": {Private: ec}, "EdDSA": {Private: edKey(t)}} {
		t.Run(name, func(t *testing.T) {
			j := newJWT(t, tokens.JWTConfig{Keys: []tokens.Key{k}, Issuer: "us", Audience: "you"})
			g := grant(t, j, session(), now)
			t.Run("the access token leads to the session", func(t *testing.T) {
				ref, err := j.Locate(request("Authorization", "Bearer "+g.AccessToken), now)
				if err != nil || ref.SessionID != "12" || ref.UserID != "7" || ref.TokenHash != nil || ref.Lenient {
					t.Errorf("got %+v, %v", ref, err)
				}
			})
			t.Run("the refresh token tells what it was made for", func(t *testing.T) {
				r, err := j.Refresh(g.RefreshToken, now)
				if err != nil || r != (tokens.Refresh{SessionID: "12", UserID: "7", Epoch: 3, Generation: 2, Grace: 10 * time.Second}) {
					t.Errorf("got %+v, %v", r, err)
				}
			})
			t.Run("asked for again, the refresh token is the same and the access token another", func(t *testing.T) {
				again, err := j.Grant(t.Context(), session(), person, tokens.When{Now: now.Add(time.Second), Refreshed: now})
				if err != nil || again.RefreshToken != g.RefreshToken || again.AccessToken == g.AccessToken {
					t.Errorf("got %+v, then %+v, %v", g, again, err)
				}
			})
			// JWT-3.
			t.Run("neither is taken for the other", func(t *testing.T) {
				if ref, err := j.Locate(request("Authorization", "Bearer "+g.RefreshToken), now); err != nil || ref.SessionID != "" {
					t.Errorf("got %+v, %v", ref, err)
				}
				if _, err := j.Refresh(g.AccessToken, now); !errors.Is(err, tokens.ErrRefused) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestLifetimes(t *testing.T) {
	j := newJWT(t, tokens.JWTConfig{AccessLifetime: time.Minute, RefreshLifetime: time.Hour, AbsoluteLifetime: 90 * time.Minute})
	s := session() // an hour old
	g := grant(t, j, s, now)
	located := func(after time.Duration) bool {
		ref, err := j.Locate(request("Authorization", "Bearer "+g.AccessToken), now.Add(after))
		return err == nil && ref.SessionID != ""
	}
	if !located(59*time.Second) || located(time.Minute) {
		t.Error("the access token does not live for a minute")
	}
	for after, good := range map[time.Duration]bool{29 * time.Minute: true, 30 * time.Minute: false} {
		if _, err := j.Refresh(g.RefreshToken, now.Add(after)); (err == nil) != good {
			t.Errorf("refresh after %v: got %v; its family ends 90 minutes after login", after, err)
		}
	}
}

func TestLocate(t *testing.T) {
	j := newJWT(t, tokens.JWTConfig{Scheme: "JWT", Stateful: true})
	g := grant(t, j, session(), now)
	ref, err := j.Locate(request("Authorization", "jwt "+g.AccessToken), now)
	if err != nil || ref.SessionID != "12" || !ref.Lenient {
		t.Errorf("got %+v, %v", ref, err)
	}
	ref, err = j.Locate(request("Authorization", "jwt "+g.AccessToken, tokens.SessionHeader, "x"), now)
	if err != nil || ref.TokenHash == nil || ref.SessionID != "" {
		t.Errorf("with a session token: got %+v, %v; it comes first", ref, err)
	}
	other := newJWT(t, tokens.JWTConfig{Keys: []tokens.Key{{Secret: bytes.Repeat([]byte("x"), 32)}}, Scheme: "JWT"})
	for _, header := range []string{"", "jwt", "Bearer " + g.AccessToken, "jwt " + g.AccessToken + " x", "jwt x.y.z", "jwt " + grant(t, other, session(), now).AccessToken} {
		if ref, err := j.Locate(request("Authorization", header), now); err != nil || ref.TokenHash != nil || ref.SessionID != "" {
			t.Errorf("%q: got %+v, %v", header, ref, err)
		}
	}
}

func TestRefreshIsRefused(t *testing.T) {
	j := newJWT(t, tokens.JWTConfig{})
	for _, bad := range []string{"", "x", "a.b.c", grant(t, newJWT(t, tokens.JWTConfig{Issuer: "x", Keys: []tokens.Key{{Secret: bytes.Repeat([]byte("x"), 32)}}}), session(), now).RefreshToken} {
		if _, err := j.Refresh(bad, now); !errors.Is(err, tokens.ErrRefused) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
	if _, err := (tokens.Opaque{}).Refresh("x", now); !errors.Is(err, tokens.ErrRefused) {
		t.Errorf("opaque: got %v", err)
	}
}

func TestClaimsHook(t *testing.T) {
	j := newJWT(t, tokens.JWTConfig{Claims: func(_ context.Context, u *store.User) (map[string]any, error) {
		return map[string]any{"plan": "gold", "sub": "1", "SID": "1", "token_use": "refresh", "exp": 9e12, "iss": "x"}, nil
	}})
	g := grant(t, j, session(), now)
	c, err := j.Verifier(func() time.Time { return now }, 0).Verify(t.Context(), g.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	var own struct{ Plan string }
	if err := c.Decode(&own); err != nil || own.Plan != "gold" || c.Subject != "7" || c.SessionID != "12" || c.Issuer != "" || !c.ExpiresAt.Equal(now.Truncate(time.Second).Add(5*time.Minute)) {
		t.Errorf("got %+v %+v, %v", c, own, err)
	}
	t.Run("does not touch refresh tokens", func(t *testing.T) {
		if r, err := j.Refresh(g.RefreshToken, now); err != nil || r.UserID != "7" {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	t.Run("its failure grants nothing", func(t *testing.T) {
		j := newJWT(t, tokens.JWTConfig{Claims: func(context.Context, *store.User) (map[string]any, error) { return nil, errors.New("down") }})
		if g, err := j.Grant(t.Context(), session(), person, tokens.When{Now: now, Refreshed: now}); err == nil || g.AccessToken != "" || g.RefreshToken != "" {
			t.Errorf("got %+v, %v", g, err)
		}
	})
	t.Run("what is no JSON grants nothing", func(t *testing.T) {
		j := newJWT(t, tokens.JWTConfig{Claims: func(context.Context, *store.User) (map[string]any, error) {
			return map[string]any{"x": make(chan int)}, nil
		}})
		if _, err := j.Grant(t.Context(), session(), person, tokens.When{Now: now}); err == nil {
			t.Error("got no error")
		}
	})
}

func TestKeysTakeTurns(t *testing.T) {
	first, second := edKey(t), edKey(t)
	j := newJWT(t, tokens.JWTConfig{Keys: []tokens.Key{{Private: first}, {Private: second, SignsFrom: now}}})
	keyID := func(token string) string {
		head, _, _ := strings.Cut(token, ".")
		return head
	}
	before, after := grant(t, j, session(), now.Add(-time.Microsecond)), grant(t, j, session(), now)
	if keyID(before.AccessToken) == keyID(after.AccessToken) {
		t.Error("the second key has not taken over")
	}
	for _, g := range []tokens.Grant{before, after} {
		if ref, err := j.Locate(request("Authorization", "Bearer "+g.AccessToken), now); err != nil || ref.SessionID == "" {
			t.Errorf("got %+v, %v", ref, err)
		}
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(j.PublicKeys(), &set); err != nil || len(set.Keys) != 2 {
		t.Errorf("got %s, %v; both are published at any time", j.PublicKeys(), err)
	}
	t.Run("an old key that can only check is enough to accept", func(t *testing.T) {
		j := newJWT(t, tokens.JWTConfig{Keys: []tokens.Key{{Private: second}, {Public: first.Public()}}})
		if ref, err := j.Locate(request("Authorization", "Bearer "+before.AccessToken), now); err != nil || ref.SessionID == "" {
			t.Errorf("got %+v, %v", ref, err)
		}
	})
	t.Run("a key that is gone is not accepted", func(t *testing.T) {
		j := newJWT(t, tokens.JWTConfig{Keys: []tokens.Key{{Private: second}}})
		if ref, err := j.Locate(request("Authorization", "Bearer "+before.AccessToken), now); err != nil || ref.SessionID != "" {
			t.Errorf("got %+v, %v", ref, err)
		}
	})
	t.Run("before the first one's time nothing is granted", func(t *testing.T) {
		j := newJWT(t, tokens.JWTConfig{Keys: []tokens.Key{{Private: second, SignsFrom: now}}})
		if _, err := j.Grant(t.Context(), session(), person, tokens.When{Now: now.Add(-time.Second)}); err == nil {
			t.Error("got no error")
		}
	})
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	old, next := now.Add(-400*24*time.Hour), now.Add(time.Hour)
	j := newJWT(t, tokens.JWTConfig{AccessLifetime: time.Hour, KeepRefreshToken: true, Keys: []tokens.Key{
		{Secret: secret, SignsFrom: old}, {Secret: bytes.Repeat([]byte("t"), 32), SignsFrom: next}, {Public: edKey(t).Public(), SignsFrom: now},
	}})
	for at, since := range map[time.Time]time.Time{now: old, next: next, old.Add(-1): {}} {
		if got, want := j.Policy(at), (tokens.Policy{AccessLifetime: time.Hour, KeepRefreshToken: true, SignsSince: since}); got != want {
			t.Errorf("at %v: got %+v, want %+v", at, got, want)
		}
	}
}

func TestConfigProblems(t *testing.T) {
	_, err := tokens.NewJWT(tokens.JWTConfig{
		Keys:           []tokens.Key{{}, {Secret: secret, Private: edKey(t)}, {Secret: []byte("short")}, {Private: rsaKey(), Algorithm: "HS256"}},
		AccessLifetime: -1, RefreshLifetime: time.Millisecond, AbsoluteLifetime: -1, Grace: time.Hour, Leeway: time.Hour, Scheme: "a b",
	})
	for _, field := range []string{"Keys[0]", "Keys[1]", "Keys[2]", "Keys[3]", "AccessLifetime", "RefreshLifetime", "AbsoluteLifetime", "Grace", "Leeway", "Scheme"} {
		if err == nil || !strings.Contains(err.Error(), "tokens: "+field+": ") {
			t.Errorf("%s is not named in %v", field, err)
		}
	}
	if _, err := tokens.NewJWT(tokens.JWTConfig{}); err == nil {
		t.Error("no keys: got no error")
	}
	if _, err := tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Public: rsaKey().Public()}}}); err == nil {
		t.Error("nothing that signs: got no error")
	}
	if r, err := newJWT(t, tokens.JWTConfig{Grace: -1, KeepRefreshToken: true}).Refresh(grant(t, newJWT(t, tokens.JWTConfig{}), session(), now).RefreshToken, now); err != nil || r.Grace != 0 || !r.Keep {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestRandomSourceFails(t *testing.T) {
	j := newJWT(t, tokens.JWTConfig{Rand: strings.NewReader("")})
	if g, err := j.Grant(t.Context(), session(), person, tokens.When{Now: now}); err == nil || g.AccessToken != "" {
		t.Errorf("got %+v, %v", g, err)
	}
}

func TestParseKey(t *testing.T) {
	der, _ := x509.MarshalPKCS8PrivateKey(rsaKey())
	if k, err := tokens.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil || k == nil {
		t.Errorf("got %v, %v", k, err)
	}
	der, _ = x509.MarshalPKIXPublicKey(rsaKey().Public())
	if _, err := tokens.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})); err == nil {
		t.Error("a public key was taken for a private one")
	}
	if _, err := tokens.ParseKey([]byte("nonsense")); err == nil {
		t.Error("nonsense was taken for a key")
	}
}

func TestServeKeys(t *testing.T) {
	j := newJWT(t, tokens.JWTConfig{Keys: []tokens.Key{{Private: rsaKey()}, {Secret: secret}}})
	h := tokens.ServeKeys(j.PublicKeys())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), j.PublicKeys()) || bytes.Contains(w.Body.Bytes(), []byte("oct")) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", http.NoBody))
	if w.Code != 405 || w.Header().Get("Allow") == "" {
		t.Errorf("POST: got %d %v", w.Code, w.Header())
	}
	if set := newJWT(t, tokens.JWTConfig{}).PublicKeys(); set != nil {
		t.Errorf("a secret has something to publish: %s", set)
	}
}

func TestOpaque(t *testing.T) {
	ref, err := tokens.Opaque{}.Locate(request(tokens.SessionHeader, "x"), now)
	if err != nil || len(ref.TokenHash) != 32 {
		t.Errorf("got %+v, %v", ref, err)
	}
	if ref, err = (tokens.Opaque{}).Locate(request("Authorization", "Bearer x"), now); err != nil || ref.TokenHash != nil {
		t.Errorf("got %+v, %v", ref, err)
	}
	if g, err := (tokens.Opaque{}).Grant(t.Context(), session(), person, tokens.When{Now: now}); err != nil || g.AccessToken != "" {
		t.Errorf("got %+v, %v", g, err)
	}
}

func TestVerifierOfEveryKind(t *testing.T) {
	j := newJWT(t, tokens.JWTConfig{Keys: []tokens.Key{{Private: rsaKey()}, {Public: edKey(t).Public()}, {Secret: secret}}, Scheme: "JWT"})
	v := j.Verifier(func() time.Time { return now }, 10)
	h := v.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(verify.FromContext(r.Context()).Subject))
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request("Authorization", "JWT "+grant(t, j, session(), now).AccessToken))
	if w.Code != 200 || w.Body.String() != "7" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
