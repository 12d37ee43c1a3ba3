package verify

import (
	"context"
	"errors"
	"net/http"

	"github.com/headless-auth/headless/internal/jwt"
)

type contextKey struct{}

// NewContext returns a context that carries claims.
func NewContext(ctx context.Context, c *Claims) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// FromContext returns the claims that a context carries, or nil.
func FromContext(ctx context.Context) *Claims {
	c, _ := ctx.Value(contextKey{}).(*Claims)
	return c
}

// Require lets requests with a good access token pass, with the claims in
// their context. Others are answered 401 with a WWW-Authenticate header (RFC
// 6750 §3) or, if the keys can't be had, 503.
func (v *Verifier) Require(next http.Handler) http.Handler {
	return v.check(next, func(w http.ResponseWriter, r *http.Request, presented bool) {
		challenge := v.scheme
		if presented {
			challenge += ` error="invalid_token"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
		answer(w, r, http.StatusUnauthorized, `{"status":401}`)
	})
}

// Load is Require that lets everybody pass. A token that is not good counts as
// none.
func (v *Verifier) Load(next http.Handler) http.Handler {
	return v.check(next, func(w http.ResponseWriter, r *http.Request, _ bool) { next.ServeHTTP(w, r) })
}

func (v *Verifier) check(next http.Handler, otherwise func(w http.ResponseWriter, r *http.Request, presented bool)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := jwt.Bearer(r.Header.Get("Authorization"), v.scheme)
		if token == "" {
			otherwise(w, r, false)
			return
		}
		switch c, err := v.Verify(r.Context(), token); {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), c)))
		case errors.Is(err, ErrUnavailable):
			w.Header().Set("Retry-After", "1")
			answer(w, r, http.StatusServiceUnavailable, `{"status":503}`)
		default:
			otherwise(w, r, true)
		}
	})
}

// answer sends an envelope like those of the API.
func answer(w http.ResponseWriter, r *http.Request, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body))
	}
}
