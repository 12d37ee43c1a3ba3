package jwt_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/headless-auth/headless/internal/jwt"
)

// Of a published set only keys for signatures are taken, never a secret; what
// was taken can be published again, as the same.
func FuzzParseJWKS(f *testing.F) {
	var all []*jwt.Key
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
		k, _ := newKey(f, algorithm)
		all = append(all, k)
	}
	good, err := json.Marshal(jwt.Publish(all))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, s := range []string{
		``, `null`, `[]`, `{"keys":null}`, `{"keys":[null]}`, `{"keys":[{"kty":"oct","k":"AAAA","alg":"HS256"}]}`, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`, `{"keys":[{"kty":"RSA","n":"","e":"AA"}]}`,
		`{"keys":[{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","alg":"none"}]}`, `{"keys":[{"kty":"RSA","use":"enc"}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		keys, err := jwt.ParseJWKS(b)
		if err != nil {
			return
		}
		for _, k := range keys {
			if !k.Public() || k.Signs() || strings.HasPrefix(k.Algorithm, "HS") {
				t.Fatalf("took %v of %q", k, b)
			}
		}
		again, err := json.Marshal(jwt.Publish(keys))
		if err != nil {
			t.Fatal(err)
		}
		if l, err := jwt.ParseJWKS(again); err != nil || len(l) != len(keys) {
			t.Fatalf("%q became %q: got %d keys, %v, want %d", b, again, len(l), err, len(keys))
		}
		// No signature that nobody has made.
		for _, token := range []string{"eyJhbGciOiJSUzI1NiJ9.e30.", "eyJhbGciOiJFUzI1NiJ9.e30.AAAA", "eyJhbGciOiJFUzI1NiJ9.e30." + strings.Repeat("A", 86)} {
			if _, err := jwt.Open(token, func(string, string) ([]*jwt.Key, error) { return keys, nil }); err == nil {
				t.Fatalf("%q is signed by a key of %q", token, b)
			}
		}
	})
}

// An Authorization header holds one token of the scheme, or none.
func FuzzBearer(f *testing.F) {
	for _, s := range []string{"Bearer x", "bearer  x", "Bearer", "Bearer x y", "Basic eDp5", "Bearer\tx", "Bearer \x00", "\u212aearer x", "BEARER\u00a0x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		token := jwt.Bearer(header, "Bearer")
		if token == "" {
			return
		}
		if strings.ContainsAny(token, " \t\r\n") || len(strings.Fields(header)) != 2 || !strings.HasSuffix(strings.TrimSpace(header), token) {
			t.Fatalf("%q: got %q", header, token)
		}
		if again := jwt.Bearer("Bearer "+token, "Bearer"); again != token {
			t.Fatalf("%q: got %q, and then %q", header, token, again)
		}
	})
}

// A key in PEM is one that can be used, or an error that shows nothing of it.
func FuzzParsePEM(f *testing.F) {
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
		_, m := newKey(f, algorithm)
		der, err := x509.MarshalPKCS8PrivateKey(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		f.Add(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	for _, s := range []string{"", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n", "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		material, err := jwt.ParsePEM(text)
		if err != nil {
			if len(text) > 60 && strings.Contains(err.Error(), string(text)) {
				t.Fatalf("%q is repeated: %v", text, err)
			}
			return
		}
		k, err := jwt.NewKey(material, "")
		if err == nil && (k.ID == "" || !k.Public()) {
			t.Fatalf("%q is %v", text, k)
		}
	})
}
