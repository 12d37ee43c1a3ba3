package tokens_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens"
	"github.com/headless-auth/headless/tokens/verify"
)

// steady is a source that gives the same to every process that fuzzes.
type steady struct{}

func (steady) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(7 * i)
	}
	return len(p), nil
}

// What strangers present is nobody's: only the tokens that were given out lead
// to a session, each for its own use.
func FuzzTokens(f *testing.F) {
	j, err := tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Private: ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", 32)))}}, Issuer: "https://app.example.org", Rand: steady{}})
	if err != nil {
		f.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	session := &store.Session{ID: "7", UserID: "1", CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour)}
	g, err := j.Grant(context.Background(), session, &store.User{ID: "1"}, tokens.When{Now: now, Refreshed: now})
	if err != nil || g.AccessToken == "" || g.RefreshToken == "" {
		f.Fatalf("got %+v, %v", g, err)
	}
	verifier := j.Verifier(func() time.Time { return now }, 0)
	for _, s := range []string{g.AccessToken, g.RefreshToken, g.AccessToken + "=", strings.ToLower(g.AccessToken), "eyJhbGciOiJub25lIn0.e30.", "a.b.c", "..", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		r := &http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}}
		ref, err := j.Locate(r, now)
		if err != nil || (ref.SessionID == "7" && ref.UserID == "1") != (strings.TrimSpace(token) == g.AccessToken) || ref.TokenHash != nil {
			t.Fatalf("%q leads to %+v, %v", token, ref, err)
		}
		if c, err := verifier.Verify(t.Context(), token); (err == nil) != (token == g.AccessToken) || err != nil && !errors.Is(err, verify.ErrInvalid) {
			t.Fatalf("%q says %+v, %v", token, c, err)
		}
		if x, err := j.Refresh(token, now); (err == nil) != (token == g.RefreshToken) || err != nil && !errors.Is(err, tokens.ErrRefused) {
			t.Fatalf("%q is traded for %+v, %v", token, x, err)
		}
		r.Header.Set(tokens.SessionHeader, token)
		for _, s := range []tokens.Strategy{j, tokens.Opaque{}} {
			if ref, err := s.Locate(r, now); err != nil || token != "" && (ref.SessionID != "" || len(ref.TokenHash) != 32) {
				t.Fatalf("session token %q leads to %+v, %v", token, ref, err)
			}
		}
	})
}
