package tokens_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens"
)

// Signed access tokens, with a claim of the host's own. The strategy goes into
// headless.Config.Tokens.
func ExampleNewJWT() {
	_, key, err := ed25519.GenerateKey(nil) // or tokens.ParseKey of a file
	if err != nil {
		return
	}
	jwt, err := tokens.NewJWT(tokens.JWTConfig{
		Keys:   []tokens.Key{{Private: key}},
		Issuer: "https://app.example.org", Audience: "orders",
		Claims: func(_ context.Context, u *store.User) (map[string]any, error) {
			return map[string]any{"name": u.Username}, nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var set struct{ Keys []struct{ Kty, Alg string } }
	_ = json.Unmarshal(jwt.PublicKeys(), &set) // what /_allauth/.well-known/jwks.json serves
	fmt.Println(set.Keys)
	// Output: [{OKP EdDSA}]
}
