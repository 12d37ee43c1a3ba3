package providers

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// An answer of a token endpoint is an object, of JSON or of a form, whatever it
// is called; else there is none.
func FuzzParseToken(f *testing.F) {
	for _, s := range []string{
		``, `{}`, `{"access_token":"x","expires_in":3600}`, `{"access_token":"x"} {}`, `[]`, `null`, `"x"`, `access_token=x&expires=1`, `oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=true`, `%zz=1`, `a=1;b=2`, `{"a":1e999}`, " \n", "\xff", `<html>`,
	} {
		f.Add("application/json", []byte(s))
		f.Add("application/x-www-form-urlencoded; charset=utf-8", []byte(s))
		f.Add("text/plain", []byte(s))
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		m, err := parseToken(http.Header{"Content-Type": {kind}}, body)
		if (err == nil) != (m != nil) {
			t.Fatalf("%q: got %v, %v", body, m, err)
		}
		if err != nil {
			// It may hold tokens, so no error repeats it.
			if len(body) > 8 && strings.Contains(err.Error(), string(body)) {
				t.Fatalf("%q is repeated: %v", body, err)
			}
			return
		}
		if _, err := json.Marshal(m); err != nil {
			t.Fatalf("%q became %v, which can't be kept: %v", body, m, err)
		}
	})
}

// Encoded texts have nothing in them that means something, and can be read.
func FuzzPercent(f *testing.F) {
	for _, s := range []string{"a b", "ä", "\x00\xff", "a=b&c", "%41", "-._~", `"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := percent(s)
		if again, err := url.PathUnescape(p); err != nil || again != s || strings.ContainsAny(p, " \"&=+,\r\n\x00") {
			t.Fatalf("%q became %q: %q, %v", s, p, again, err)
		}
	})
}

// Keys that a provider publishes are read or passed over.
func FuzzPublishedKey(f *testing.F) {
	for _, s := range []string{
		`{"kty":"RSA","n":"AQAB","e":"AQAB"}`, `{"kty":"oct","k":"AAAA"}`, `{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, `{"kty":"OKP","crv":"Ed25519","x":"AA"}`, `{"kty":"RSA","x5c":["AA"]}`, `null`, `[]`, `{}`, `{"kty":"RSA","n":"","e":""}`,
	} {
		f.Add([]byte(s), "eyJhbGciOiJSUzI1NiJ9.e30.AAAA")
	}
	algorithms := []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA, jose.PS256}
	f.Fuzz(func(t *testing.T, raw []byte, token string) {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) != nil || !key.IsPublic() {
			return
		}
		x, err := jose.ParseSignedCompact(token, algorithms)
		if err != nil {
			return
		}
		if _, err := x.Verify(key); err == nil && len(x.Signatures) == 0 {
			t.Fatalf("%q is signed by nobody", token)
		}
	})
}
