package wiretest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens"
	"github.com/headless-auth/headless/tokens/verify"
)

// Tokens are signed by keys of every kind, checked by services that have no
// store, and good for no other key. spec: sessions-tokens.md §7, §8;
// requirements JWT-1 to JWT-3.
func TestTokenKeys(t *testing.T) {
	pemOf := func(t *testing.T, k any) []byte {
		t.Helper()
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parsed := func(t *testing.T, k any) tokens.Key {
		t.Helper()
		s, err := tokens.ParseKey(pemOf(t, k))
		if err != nil {
			t.Fatal(err)
		}
		return tokens.Key{Private: s}
	}
	shared := tokens.Key{Secret: []byte("a secret of at least thirty-two bytes")}

	for _, tt := range []struct {
		name      string
		keys      []tokens.Key
		published int
	}{
		{"RSA", []tokens.Key{parsed(t, rsaKey)}, 1},
		{"ECDSA, with an RSA key that has had its time", []tokens.Key{parsed(t, ecKey), {Public: rsaKey.Public()}}, 2},
		{"a secret, with a key that is yet to sign", []tokens.Key{shared, {Private: rsaKey, SignsFrom: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}}, 1},
		{"a secret alone", []tokens.Key{shared}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j, err := tokens.NewJWT(tokens.JWTConfig{
				Keys: tt.keys, Issuer: "https://app.example.org", Audience: "things",
				Claims: func(_ context.Context, u *store.User) (map[string]any, error) {
					if strings.HasPrefix(u.Username, "Broken") {
						return nil, errors.New("no roles to be had")
					}
					return map[string]any{"role": "reader", "sub": "somebody else", "exp": 1}, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			wiretest.Each(t, func(c *Config) { c.Tokens = j }, func(t *testing.T, w *World, c *Client) {
				if c.Kind == "browser" {
					if r := c.LogIn(w.Make(Person{})); r.Meta["access_token"] != nil {
						t.Errorf("a browser got %v", r.Meta)
					}
					return
				}
				p := w.Make(Person{})
				access := granted(c.LogIn(p)).access
				service := j.Verifier(w.Clock.Now, 10).Require(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					claims := verify.FromContext(r.Context())
					var more struct{ Role string }
					if err := claims.Decode(&more); err != nil {
						t.Error(err)
					}
					_, _ = fmt.Fprintf(rw, "%s %s %s", claims.Subject, more.Role, claims.Issuer)
				}))
				ask := func(token string) *httptest.ResponseRecorder {
					r := httptest.NewRequest("GET", "/things", nil)
					r.Header.Set("Authorization", "Bearer "+token)
					rec := httptest.NewRecorder()
					service.ServeHTTP(rec, r)
					return rec
				}
				// What the host adds replaces nothing that tokens always have.
				if rec := ask(access); rec.Body.String() != p.ID+" reader https://app.example.org" {
					t.Errorf("got %d %s", rec.Code, rec.Body)
				}
				other, err := tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Secret: []byte("another secret of thirty-two bytes!")}}})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := other.Verifier(w.Clock.Now, 0).Verify(t.Context(), access); err == nil {
					t.Error("a token is good for another key")
				}
				w.Clock.Advance(5 * time.Minute)
				if rec := ask(access); rec.Code != 401 || !strings.Contains(rec.Header().Get("WWW-Authenticate"), "invalid_token") {
					t.Errorf("an old token: got %d %v", rec.Code, rec.Header())
				}
				// The keys are published, without what signs.
				r := c.Other().Get("//_allauth/.well-known/jwks.json")
				if tt.published == 0 {
					r.Is(404)
				} else {
					var set struct{ Keys []map[string]any }
					if err := json.Unmarshal(r.Is(200).Raw, &set); err != nil || len(set.Keys) != tt.published {
						t.Errorf("got %s, %v", r.Raw, err)
					}
					for _, k := range set.Keys {
						if k["d"] != nil || k["k"] != nil || k["kty"] == "oct" {
							t.Errorf("published %v", k)
						}
					}
				}
				// Claims that can't be had log nobody in with half a token.
				q := w.Make(Person{Username: "Broken" + wiretest.FreshName()})
				c.Other().Post("/auth/login", M{"email": q.Email, "password": wiretest.Password}).Is(500)
			})
		})
	}

	t.Run("that are wrong are refused, all at once", func(t *testing.T) {
		public, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range [][]byte{nil, []byte("nonsense"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})} {
			if k, err := tokens.ParseKey(bad); err == nil {
				t.Errorf("%q became %v", bad, k)
			}
		}
		small, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			config tokens.JWTConfig
			want   string
		}{
			{tokens.JWTConfig{}, "tokens: Keys: is missing; make a key with: openssl genpkey -algorithm ed25519"},
			{tokens.JWTConfig{Keys: []tokens.Key{{Public: rsaKey.Public()}}}, "tokens: Keys: has none that signs"},
			{tokens.JWTConfig{Keys: []tokens.Key{{}}}, "tokens: Keys[0]: needs exactly one of Private, Public and Secret"},
			{tokens.JWTConfig{Keys: []tokens.Key{shared, {Private: rsaKey, Secret: shared.Secret}}}, "tokens: Keys[1]: needs exactly one of Private, Public and Secret"},
			{tokens.JWTConfig{Keys: []tokens.Key{{Private: small}}}, "tokens: Keys[0]: "},
			{tokens.JWTConfig{Keys: []tokens.Key{{Secret: []byte("hunter2")}}}, "tokens: Keys[0]: "},
			{tokens.JWTConfig{Keys: []tokens.Key{{Private: rsaKey, Algorithm: "none"}}}, "tokens: Keys[0]: "},
			{tokens.JWTConfig{Keys: []tokens.Key{{Private: rsaKey, Algorithm: "HS256"}}}, "tokens: Keys[0]: "},
			{tokens.JWTConfig{Keys: []tokens.Key{shared}, AccessLifetime: time.Millisecond, Scheme: "a b"},
				"tokens: AccessLifetime: 1ms is too short; write a duration such as \"5m0s\"\ntokens: Scheme: \"a b\" is no scheme; write one word such as Bearer"},
			{tokens.JWTConfig{Keys: []tokens.Key{shared}, Grace: 2 * time.Minute, Leeway: 2 * time.Minute},
				"tokens: Grace: 2m0s is too long to notice a thief; use at most 1m\ntokens: Leeway: is 2m0s; use at most 1m"},
		} {
			_, err := tokens.NewJWT(tt.config)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || !strings.HasSuffix(tt.want, " ") && err.Error() != tt.want || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		}
	})
}
