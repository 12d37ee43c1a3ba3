package jwt_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/headless-auth/headless/internal/jwt"
)

var material = sync.OnceValue(func() map[string]any {
	r, err1 := rsa.GenerateKey(rand.Reader, 2048)
	e, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, d, err3 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		panic(err)
	}
	return map[string]any{"RS": r, "ES": e, "Ed": d, "HS": bytes.Repeat([]byte("s"), 64)}
})

// newKey returns a key of the algorithm and its counterpart for golang-jwt.
func newKey(t testing.TB, algorithm string) (*jwt.Key, any) {
	t.Helper()
	m := material()[algorithm[:2]]
	var k *jwt.Key
	var err error
	if s, ok := m.([]byte); ok {
		k, err = jwt.NewSecret(s, algorithm)
	} else {
		k, err = jwt.NewKey(m, algorithm)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k, m
}

var algorithms = []string{"RS256", "RS384", "RS512", "ES256", "EdDSA", "HS256", "HS384", "HS512"}

func claims(now time.Time) jwt.Claims {
	return jwt.Claims{
		Issuer: "us", Audience: jwt.Audience{"you"}, Subject: "7", SessionID: "12", ID: "x", Use: jwt.Access,
		IssuedAt: jwt.Seconds(now), ExpiresAt: jwt.Seconds(now.Add(time.Minute)),
	}
}

func finder(keys ...*jwt.Key) func(string, string) ([]*jwt.Key, error) {
	return func(id, algorithm string) ([]*jwt.Key, error) { return jwt.Find(keys, id, algorithm), nil }
}

func TestTokens(t *testing.T) {
	now := time.Now()
	for _, algorithm := range algorithms {
		t.Run(algorithm, func(t *testing.T) {
			k, m := newKey(t, algorithm)
			token, err := k.Sign(claims(now), map[string]any{"role": "admin", "sub": "1", "SUB": "1", "Exp": 9e12})
			if err != nil {
				t.Fatal(err)
			}
			t.Run("is read again", func(t *testing.T) {
				payload, err := jwt.Open(token, finder(k))
				if err != nil {
					t.Fatal(err)
				}
				c, err := (&jwt.Rules{Issuer: "us", Audience: "you"}).Read(payload, jwt.Access, now)
				if err != nil {
					t.Fatal(err)
				}
				if c.Subject != "7" || c.SessionID != "12" || c.ExpiresAt != jwt.Seconds(now.Add(time.Minute)) {
					t.Errorf("got %+v", c)
				}
				var own struct{ Role string }
				if err := json.Unmarshal(payload, &own); err != nil || own.Role != "admin" {
					t.Errorf("got %+v, %v", own, err)
				}
			})
			t.Run("is made alike each time", func(t *testing.T) {
				again, err := k.Sign(claims(now), map[string]any{"role": "admin"})
				if err != nil || again != token {
					t.Errorf("got %s, then %s, %v", token, again, err)
				}
			})
			t.Run("is read by another library", func(t *testing.T) {
				if s, ok := m.(crypto.Signer); ok {
					m = s.Public()
				}
				parsed, err := gojwt.Parse(token, func(*gojwt.Token) (any, error) { return m, nil }, gojwt.WithValidMethods([]string{algorithm}))
				if err != nil {
					t.Fatal(err)
				}
				if sub, _ := parsed.Claims.GetSubject(); sub != "7" || parsed.Header["kid"] != nil && parsed.Header["kid"] != k.ID {
					t.Errorf("got %v %v", parsed.Header, parsed.Claims)
				}
			})
			t.Run("tampering", func(t *testing.T) {
				parts := strings.Split(token, ".")
				sig, _ := base64.RawURLEncoding.DecodeString(parts[2])
				sig[0] ^= 1
				for name, bad := range map[string]string{
					"other claims":                parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"8"}`)) + "." + parts[2],
					"other signature":             parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(sig),
					"no signature":                parts[0] + "." + parts[1] + ".",
					"two parts":                   parts[0] + "." + parts[1],
					"five parts, as if encrypted": token + ".a.b",
					"padding":                     token + "=",
					"a blank":                     " " + token,
					"a line break":                parts[0] + "." + parts[1] + ".\n" + parts[2],
					"nothing":                     "",
					"dots":                        "..",
					"very long":                   token + strings.Repeat("A", jwt.MaxLength),
				} {
					if _, err := jwt.Open(bad, finder(k)); !errors.Is(err, jwt.ErrInvalid) {
						t.Errorf("%s: got %v", name, err)
					}
				}
			})
		})
	}
}

// forge signs with golang-jwt a token that has this header.
func forge(t *testing.T, method gojwt.SigningMethod, key any, header map[string]any) string {
	t.Helper()
	token := gojwt.NewWithClaims(method, gojwt.MapClaims{"sub": "7", "sid": "1", "jti": "x", "token_use": "access", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
	for k, v := range header {
		if token.Header[k] = v; v == nil {
			delete(token.Header, k)
		}
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// JWT-1.
func TestHeaderSelectsNothing(t *testing.T) {
	k, m := newKey(t, "RS256")
	private := m.(*rsa.PrivateKey)
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	other, _ := rsa.GenerateKey(rand.Reader, 2048)
	theirs, _ := jwt.NewKey(other, "")
	for _, tt := range []struct {
		name, token string
		good        bool
	}{
		{"the key's own", forge(t, gojwt.SigningMethodRS256, private, map[string]any{"kid": k.ID}), true},
		{"no key id", forge(t, gojwt.SigningMethodRS256, private, nil), true},
		{"type of RFC 9068", forge(t, gojwt.SigningMethodRS256, private, map[string]any{"typ": "at+jwt"}), true},
		{"unsigned", forge(t, gojwt.SigningMethodNone, gojwt.UnsafeAllowNoneSignatureType, map[string]any{"kid": k.ID}), false},
		{"public key as secret", forge(t, gojwt.SigningMethodHS256, public, map[string]any{"kid": k.ID}), false},
		{"public key as secret, no key id", forge(t, gojwt.SigningMethodHS256, public, nil), false},
		{"other hash", forge(t, gojwt.SigningMethodRS512, private, map[string]any{"kid": k.ID}), false},
		{"other padding", forge(t, gojwt.SigningMethodPS256, private, map[string]any{"kid": k.ID}), false},
		{"somebody else's key under our id", forge(t, gojwt.SigningMethodRS256, other, map[string]any{"kid": k.ID}), false},
		{"key in the header", forge(t, gojwt.SigningMethodRS256, other, map[string]any{"jwk": jwt.Publish([]*jwt.Key{theirs}).Keys[0]}), false},
		{"address in the header", forge(t, gojwt.SigningMethodRS256, other, map[string]any{"jku": "https://evil.example/"}), false},
		{"unknown key id", forge(t, gojwt.SigningMethodRS256, private, map[string]any{"kid": "../../dev/null"}), false},
		{"critical extension", forge(t, gojwt.SigningMethodRS256, private, map[string]any{"kid": k.ID, "crit": []string{"b64"}, "b64": false}), false},
		{"empty critical extensions", forge(t, gojwt.SigningMethodRS256, private, map[string]any{"kid": k.ID, "crit": []string{}}), false},
		{"another type", forge(t, gojwt.SigningMethodRS256, private, map[string]any{"kid": k.ID, "typ": "dpop+jwt"}), false},
		{"key id that is no text", forge(t, gojwt.SigningMethodRS256, private, map[string]any{"kid": 7}), false},
	} {
		if _, err := jwt.Open(tt.token, finder(k)); (err == nil) != tt.good || err != nil && !errors.Is(err, jwt.ErrInvalid) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

// JWT-2.
func TestRules(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	full := `"sub":"7","sid":"1","jti":"x","token_use":"access"`
	times := `,"iat":1800000000,"exp":1800000300`
	for _, tt := range []struct {
		name, payload string
		rules         jwt.Rules
		after         time.Duration
		good          bool
	}{
		{name: "good", payload: full + times, good: true},
		{name: "good until the last moment", payload: full + times, after: 300*time.Second - time.Microsecond, good: true},
		{name: "over", payload: full + times, after: 300 * time.Second},
		{name: "within the leeway", payload: full + times, rules: jwt.Rules{Leeway: time.Minute}, after: 359 * time.Second, good: true},
		{name: "after the leeway", payload: full + times, rules: jwt.Rules{Leeway: time.Minute}, after: 360 * time.Second},
		{name: "clocks differ", payload: full + times, after: -time.Minute, good: true},
		{name: "from the future", payload: full + times, after: -61 * time.Second},
		{name: "not before", payload: full + times + `,"nbf":1800000100`},
		{name: "not before, and it is after", payload: full + times + `,"nbf":1800000100`, after: 100 * time.Second, good: true},
		{name: "no end", payload: full + `,"iat":1800000000`},
		{name: "no beginning", payload: full + `,"exp":1800000300`},
		{name: "an end in words", payload: full + `,"iat":1800000000,"exp":"1800000300"`},
		{name: "an end beyond all numbers", payload: full + `,"iat":1800000000,"exp":1e999`},
		{name: "fractions", payload: full + `,"iat":1800000000.5,"exp":1800000300.25`, good: true},
		{name: "no subject", payload: `"sid":"1","jti":"x","token_use":"access"` + times},
		{name: "no session", payload: `"sub":"7","jti":"x","token_use":"access"` + times},
		{name: "no id", payload: `"sub":"7","sid":"1","token_use":"access"` + times},
		{name: "a numeric subject", payload: `"sub":7,"sid":"1","jti":"x","token_use":"access"` + times},
		{name: "for refreshing", payload: `"sub":"7","sid":"1","jti":"x","token_use":"refresh"` + times},
		{name: "for nothing", payload: `"sub":"7","sid":"1","jti":"x"` + times},
		{name: "right issuer", payload: full + times + `,"iss":"us"`, rules: jwt.Rules{Issuer: "us"}, good: true},
		{name: "wrong issuer", payload: full + times + `,"iss":"them"`, rules: jwt.Rules{Issuer: "us"}},
		{name: "no issuer", payload: full + times, rules: jwt.Rules{Issuer: "us"}},
		{name: "right audience", payload: full + times + `,"aud":"you"`, rules: jwt.Rules{Audience: "you"}, good: true},
		{name: "right audience among others", payload: full + times + `,"aud":["me","you"]`, rules: jwt.Rules{Audience: "you"}, good: true},
		{name: "wrong audience", payload: full + times + `,"aud":["yours"]`, rules: jwt.Rules{Audience: "you"}},
		{name: "no audience", payload: full + times, rules: jwt.Rules{Audience: "you"}},
		{name: "no object", payload: `1`},
	} {
		payload := "{" + tt.payload + "}"
		_, err := tt.rules.Read([]byte(payload), jwt.Access, now.Add(tt.after))
		if (err == nil) != tt.good || err != nil && !errors.Is(err, jwt.ErrInvalid) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

// The example of RFC 7638 §3.1.
func TestThumbprint(t *testing.T) {
	const set = `{"keys":[{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256"}]}`
	keys, err := jwt.ParseJWKS([]byte(set))
	if err != nil || len(keys) != 1 {
		t.Fatalf("got %v, %v", keys, err)
	}
	if want := "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"; keys[0].ID != want {
		t.Errorf("got %s, want %s", keys[0].ID, want)
	}
}

func TestKeySets(t *testing.T) {
	var all []*jwt.Key
	for _, algorithm := range algorithms {
		k, _ := newKey(t, algorithm)
		all = append(all, k)
	}
	b, err := json.Marshal(jwt.Publish(all))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("oct")) || bytes.Contains(b, []byte(`"k"`)) || bytes.Contains(b, []byte(`"d"`)) {
		t.Fatalf("a secret is published: %s", b)
	}
	keys, err := jwt.ParseJWKS(b)
	if err != nil || len(keys) != 5 {
		t.Fatalf("got %v, %v", keys, err)
	}
	for i, k := range keys {
		if k.ID != all[i].ID || k.Algorithm != all[i].Algorithm || k.Signs() {
			t.Errorf("got %v, want %v", k, all[i])
		}
		token, err := all[i].Sign(claims(time.Now()), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jwt.Open(token, finder(k)); err != nil {
			t.Errorf("%s: %v", k.Algorithm, err)
		}
		if _, err := k.Sign(claims(time.Now()), nil); err == nil {
			t.Errorf("%s: a public key has signed", k.Algorithm)
		}
	}
	t.Run("what is of no use is passed over", func(t *testing.T) {
		for _, j := range []string{
			`{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0","alg":"HS256"}`,
			`{"kty":"RSA","n":"AQAB","e":"AQAB"}`,
			`{"kty":"RSA","n":"!","e":"AQAB"}`,
			`{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}`,
			`{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}`,
			`{"kty":"EC","crv":"P-521","x":"AAAA","y":"AAAA"}`,
			`{"kty":"OKP","crv":"Ed25519","x":"AAAA"}`,
			`{"kty":"OKP","crv":"X25519","x":"AAAA"}`,
			`{"kty":"new","use":"enc"}`,
			`{}`,
		} {
			if keys, err := jwt.ParseJWKS([]byte(`{"keys":[` + j + `]}`)); err != nil || len(keys) != 0 {
				t.Errorf("%s: got %v, %v", j, keys, err)
			}
		}
		if _, err := jwt.ParseJWKS([]byte("<html>")); err == nil {
			t.Error("a page was taken for a key set")
		}
	})
}

func TestKeys(t *testing.T) {
	weak, _ := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // to be refused
	curve, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	for name, make := range map[string]func() (*jwt.Key, error){
		"short secret":      func() (*jwt.Key, error) { return jwt.NewSecret(make([]byte, 31), "") },
		"weak RSA key":      func() (*jwt.Key, error) { return jwt.NewKey(weak, "") },
		"other curve":       func() (*jwt.Key, error) { return jwt.NewKey(curve, "") },
		"nothing":           func() (*jwt.Key, error) { return jwt.NewKey(nil, "") },
		"bytes":             func() (*jwt.Key, error) { return jwt.NewKey(make([]byte, 64), "") },
		"other algorithm":   func() (*jwt.Key, error) { return jwt.NewKey(material()["RS"], "HS256") },
		"unknown algorithm": func() (*jwt.Key, error) { return jwt.NewKey(material()["RS"], "PS256") },
		"secret as RSA":     func() (*jwt.Key, error) { return jwt.NewSecret(make([]byte, 32), "RS256") },
		"no algorithm":      func() (*jwt.Key, error) { return jwt.NewSecret(make([]byte, 32), "none") },
	} {
		if k, err := make(); err == nil {
			t.Errorf("%s: got %v", name, k)
		}
	}
	t.Run("no formatting shows a secret", func(t *testing.T) {
		k, _ := newKey(t, "HS256")
		j, _ := json.Marshal(k)
		for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %s %v", k, k, k, *k), string(j)} {
			if strings.Contains(s, "sss") || strings.Contains(s, "115 115") {
				t.Errorf("got %s", s)
			}
		}
	})
	t.Run("PEM of every usual form", func(t *testing.T) {
		r, e := material()["RS"].(*rsa.PrivateKey), material()["ES"].(*ecdsa.PrivateKey)
		p8, _ := x509.MarshalPKCS8PrivateKey(material()["Ed"])
		sec1, _ := x509.MarshalECPrivateKey(e)
		pkix, _ := x509.MarshalPKIXPublicKey(&e.PublicKey)
		for kind, der := range map[string][]byte{
			"PRIVATE KEY": p8, "RSA PRIVATE KEY": x509.MarshalPKCS1PrivateKey(r), "EC PRIVATE KEY": sec1,
			"PUBLIC KEY": pkix, "RSA PUBLIC KEY": x509.MarshalPKCS1PublicKey(&r.PublicKey),
		} {
			text := append([]byte("a comment\n"), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
			m, err := jwt.ParsePEM(text)
			if err != nil {
				t.Errorf("%s: %v", kind, err)
				continue
			}
			if k, err := jwt.NewKey(m, ""); err != nil || k.Signs() != strings.Contains(kind, "PRIVATE") {
				t.Errorf("%s: got %v, %v", kind, k, err)
			}
		}
		for _, bad := range []string{"", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
			if k, err := jwt.ParsePEM([]byte(bad)); err == nil {
				t.Errorf("%q: got %v", bad, k)
			}
		}
	})
}

func TestBearer(t *testing.T) {
	for header, want := range map[string]string{
		"Bearer x": "x", "bearer x": "x", "BEARER  x": "x", " Bearer x ": "x",
		"": "", "Bearer": "", "Bearer ": "", "Token x": "", "Bearer x y": "", "Bearerx": "", "x": "",
	} {
		if got := jwt.Bearer(header, "Bearer"); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
}

func FuzzOpen(f *testing.F) {
	k, _ := newKey(f, "HS256")
	good, _ := k.Sign(claims(time.Unix(1_800_000_000, 0)), nil) // the same in each process that fuzzes
	f.Add(good)
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		payload, err := jwt.Open(token, finder(k))
		if err == nil && token != good {
			t.Errorf("%q was taken, with %q", token, payload)
		}
		if err != nil && !errors.Is(err, jwt.ErrInvalid) {
			t.Errorf("%q: %v", token, err)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add(`{"sub":"7","sid":"1","jti":"x","token_use":"access","iat":1,"exp":2,"aud":["a"]}`)
	f.Add(`{"exp":1e308,"iat":-1}`)
	f.Fuzz(func(t *testing.T, payload string) {
		now := time.Unix(1_800_000_000, 0)
		c, err := (&jwt.Rules{}).Read([]byte(payload), jwt.Access, now)
		if err == nil && (c.Subject == "" || c.Use != jwt.Access || !(float64(c.ExpiresAt) > float64(now.Unix()))) {
			t.Errorf("%q was taken: %+v", payload, c)
		}
		if err != nil && !errors.Is(err, jwt.ErrInvalid) {
			t.Errorf("%q: %v", payload, err)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA", "HS256"} {
		k, m := newKey(b, algorithm)
		now := time.Now()
		token, err := k.Sign(claims(now), map[string]any{"role": "admin"})
		if err != nil {
			b.Fatal(err)
		}
		if s, ok := m.(crypto.Signer); ok {
			m = s.Public()
		}
		ours := func(k *jwt.Key) func(b *testing.B) {
			return func(b *testing.B) {
				b.ReportAllocs()
				rules := jwt.Rules{Issuer: "us", Audience: "you"}
				for b.Loop() {
					p, err := jwt.Open(token, finder(k))
					if err == nil {
						_, err = rules.Read(p, jwt.Access, now)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		}
		b.Run(algorithm+"/ours", ours(k))
		if k.Public() { // as other services have it
			others, err := jwt.NewKey(m, algorithm)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(algorithm+"/ours, by the public key", ours(others))
		}
		b.Run(algorithm+"/golang-jwt", func(b *testing.B) {
			b.ReportAllocs()
			p := gojwt.NewParser(gojwt.WithValidMethods([]string{algorithm}), gojwt.WithIssuer("us"), gojwt.WithAudience("you"), gojwt.WithExpirationRequired())
			for b.Loop() {
				var c struct {
					gojwt.RegisteredClaims
					SessionID string `json:"sid"`
					Use       string `json:"token_use"`
				}
				if _, err := p.ParseWithClaims(token, &c, func(*gojwt.Token) (any, error) { return m, nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
