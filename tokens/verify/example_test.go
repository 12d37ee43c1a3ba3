package verify_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens"
	"github.com/headless-auth/headless/tokens/verify"
)

// A service that knows nothing but the issuer's keys.
func ExampleVerifier_Require() {
	v, err := verify.New(verify.Config{
		JWKS:   "https://app.example.org/_allauth/.well-known/jwks.json",
		Issuer: "https://app.example.org", Audience: "orders",
	})
	if err != nil {
		return
	}
	orders := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "the orders of user %s", verify.FromContext(r.Context()).Subject)
	}
	mux := http.NewServeMux()
	mux.Handle("/orders", v.Require(http.HandlerFunc(orders)))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/orders", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output: 401 Bearer
}

// What a token says, the host's own claims included.
func ExampleClaims_Decode() {
	public, private, _ := ed25519.GenerateKey(nil)
	jwt, _ := tokens.NewJWT(tokens.JWTConfig{
		Keys: []tokens.Key{{Private: private}},
		Claims: func(_ context.Context, u *store.User) (map[string]any, error) {
			return map[string]any{"name": u.Username}, nil
		},
	})
	ctx, now := context.Background(), time.Now()
	session := &store.Session{ID: "42", UserID: "7", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	grant, err := jwt.Grant(ctx, session, &store.User{ID: "7", Username: "ada"}, tokens.When{Now: now})
	if err != nil {
		fmt.Println(err)
		return
	}

	v, _ := verify.New(verify.Config{Keys: []verify.Key{{Public: public}}})
	claims, err := v.Verify(ctx, grant.AccessToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	var own struct {
		Name string `json:"name"`
	}
	fmt.Println(claims.Subject, claims.SessionID, claims.Decode(&own), own.Name)
	// Output: 7 42 <nil> ada
}
