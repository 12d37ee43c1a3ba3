package socialaccount_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
)

// limit is what a request may take in these tests.
const limit = 300 * time.Millisecond

// hmacOf signs with a public key as if it were a shared secret.
func hmacOf(p *IDP, secret []byte) func(claims M) string {
	return func(claims M) string {
		return wiretest.SignJWT(M{"alg": "HS256", "typ": "JWT", "kid": p.PublicKey()["kid"]}, claims, func(in []byte) []byte {
			m := hmac.New(sha256.New, secret)
			m.Write(in)
			return m.Sum(nil)
		})
	}
}

// at serves one path.
func at(path string, h http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == path {
			h(w, r)
		}
		return r.URL.Path == path
	}
}

func text(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write([]byte(body))
	}
}

// drip never ends.
func drip(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte(" ")); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-time.After(limit / 20):
		}
	}
}

func large(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte(`{"x":"`))
	_, _ = w.Write(bytes.Repeat([]byte("x"), 10<<20))
	_, _ = w.Write([]byte(`"}`))
}

// lies are what a provider may try. Whatever it is, nobody gets in, nothing is
// linked, and the request ends in time.
func lies(loopback string) map[string]func(p *IDP) {
	claim := func(name string, v any) func(p *IDP) {
		return func(p *IDP) {
			p.Claims = func(c M) {
				if c[name] = v; v == nil {
					delete(c, name)
				}
			}
		}
	}
	serve := func(path string, h http.HandlerFunc) func(p *IDP) { return func(p *IDP) { p.Serve = at(path, h) } }
	endpoint := func(name, url string) func(p *IDP) {
		return func(p *IDP) { p.Metadata = func(doc M) { doc[name] = url } }
	}
	es := func(p *IDP) {
		_, sign := wiretest.NewES256("key-1")
		p.Sign = sign
	}
	l := map[string]func(p *IDP){
		"wrong issuer":                  claim("iss", "https://evil.test"),
		"issuer with a slash":           func(p *IDP) { p.Claims = func(c M) { c["iss"] = p.URL + "/" } },
		"no issuer":                     claim("iss", nil),
		"wrong audience":                claim("aud", "somebody-else"),
		"our audience as a part":        claim("aud", wiretest.IDPClient+"x"),
		"no audience":                   claim("aud", nil),
		"several audiences without azp": claim("aud", []string{wiretest.IDPClient, "somebody-else"}),
		"asked for by somebody else":    claim("azp", "somebody-else"),
		"no expiry":                     claim("exp", nil),
		"expiry is a text":              claim("exp", "tomorrow"),
		"expired":                       func(p *IDP) { p.Claims = func(c M) { c["exp"] = p.Now().Add(-61 * time.Second).Unix() } },
		"issued in the future":          func(p *IDP) { p.Claims = func(c M) { c["iat"] = p.Now().Add(2 * time.Minute).Unix() } },
		"not valid yet":                 func(p *IDP) { p.Claims = func(c M) { c["nbf"] = p.Now().Add(2 * time.Minute).Unix() } },
		"no subject":                    claim("sub", nil),
		"empty subject":                 claim("sub", ""),
		"subject is a number":           claim("sub", 7),
		"endless subject":               claim("sub", strings.Repeat("x", 192)),
		"subject with a null character": claim("sub", "a\x00b"),
		"alg none":                      func(p *IDP) { p.Sign = unsigned("none") },
		"alg None":                      func(p *IDP) { p.Sign = unsigned("None") },
		"no alg":                        func(p *IDP) { p.Sign = unsigned("") },
		"HS256 with the public modulus": func(p *IDP) { p.Sign = hmacOf(p, modulus(p)) },
		"HS256 with our secret":         func(p *IDP) { p.Sign = hmacOf(p, []byte(wiretest.IDPSecret)) },
		"ES256 by a key not its own":    es,
		"another key's signature":       func(p *IDP) { p.Sign = func(c M) string { return flip(p.SignRS256(c)) } },
		"no signature": func(p *IDP) {
			p.Sign = func(c M) string { s := p.SignRS256(c); return s[:strings.LastIndex(s, ".")+1] }
		},
		"key in the header":         func(p *IDP) { p.Sign = ownKey },
		"critical extension":        func(p *IDP) { p.Sign = critical(p) },
		"claims are no object":      func(p *IDP) { p.Sign = func(M) string { return "eyJhbGciOiJSUzI1NiJ9.WzFd.AAAA" } },
		"not a token":               func(p *IDP) { p.Sign = func(M) string { return "garbage" } },
		"endless token":             claim("x", strings.Repeat("x", 40<<10)),
		"keys: 10 MB":               serve("/keys", large),
		"keys: slow drip":           serve("/keys", drip),
		"keys: none":                serve("/keys", text("application/json", `{"keys":[]}`)),
		"keys: junk":                serve("/keys", text("text/html", `<html>`)),
		"keys: symmetric":           serve("/keys", text("application/json", `{"keys":[{"kty":"oct","kid":"key-1","k":"AAAA"}]}`)),
		"keys: weak":                serve("/keys", text("application/json", `{"keys":[{"kty":"RSA","kid":"key-1","n":"AQAB","e":"AQAB"}]}`)),
		"keys: on loopback":         endpoint("jwks_uri", loopback+"/keys"),
		"keys: metadata service":    endpoint("jwks_uri", "http://169.254.169.254/latest/meta-data"),
		"keys: a file":              endpoint("jwks_uri", "file:///etc/passwd"),
		"discovery: 10 MB":          serve("/.well-known/openid-configuration", large),
		"discovery: slow drip":      serve("/.well-known/openid-configuration", drip),
		"discovery: 500":            serve("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }),
		"discovery: another issuer": endpoint("issuer", "https://evil.test"),
		"discovery: redirect":       serve("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, loopback, http.StatusFound) }),
	}
	return l
}

// redirectLies are those for which a browser has to come back.
func redirectLies(loopback string) map[string]func(p *IDP) {
	serve := func(path string, h http.HandlerFunc) func(p *IDP) { return func(p *IDP) { p.Serve = at(path, h) } }
	answer := func(change func(M)) func(p *IDP) { return func(p *IDP) { p.Answer = change } }
	info := func(change func(M)) func(p *IDP) { return func(p *IDP) { p.UserInfo = change } }
	redirects := func(path string) func(p *IDP) {
		return serve(path, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, loopback, http.StatusTemporaryRedirect)
		})
	}
	return map[string]func(p *IDP){
		"wrong nonce":                  func(p *IDP) { p.Claims = func(c M) { c["nonce"] = "another's" } },
		"no nonce":                     func(p *IDP) { p.Claims = func(c M) { delete(c, "nonce") } },
		"hash of another access token": func(p *IDP) { p.Claims = func(c M) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" } },
		"no ID token":                  answer(func(m M) { delete(m, "id_token") }),
		"no access token":              answer(func(m M) { delete(m, "access_token") }),
		"access token is an object":    answer(func(m M) { m["access_token"] = M{} }),
		"error besides a token":        answer(func(m M) { m["error"] = "invalid_grant" }),
		"swapped subject in userinfo":  info(func(m M) { m["sub"] = "victim" }),
		"no subject in userinfo":       info(func(m M) { delete(m, "sub") }),
		"subject of another type":      info(func(m M) { m["sub"] = M{"a": 1} }),
		"token: 10 MB":                 serve("/token", large),
		"token: slow drip":             serve("/token", drip),
		"token: HTML":                  serve("/token", text("text/html", "<html>")),
		"token: a list":                serve("/token", text("application/json", "[]")),
		"token: two documents":         serve("/token", text("application/json", `{"access_token":"x"}{}`)),
		"token: redirect to loopback":  redirects("/token"),
		"token: hangs up":              serve("/token", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"userinfo: 10 MB":              serve("/userinfo", large),
		"userinfo: slow drip":          serve("/userinfo", drip),
		"userinfo: redirect":           redirects("/userinfo"),
		"userinfo: 401":                serve("/userinfo", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }),
		"userinfo: deep nesting":       serve("/userinfo", text("application/json", strings.Repeat("[", 100000))),
		"userinfo: on loopback":        func(p *IDP) { p.Metadata = func(doc M) { doc["userinfo_endpoint"] = loopback + "/userinfo" } },
	}
}

func unsigned(alg string) func(M) string {
	return func(claims M) string {
		header := M{"typ": "JWT", "kid": "key-1"}
		if alg != "" {
			header["alg"] = alg
		}
		return wiretest.SignJWT(header, claims, func([]byte) []byte { return nil })
	}
}

func modulus(p *IDP) []byte {
	b, _ := base64.RawURLEncoding.DecodeString(p.PublicKey()["n"].(string))
	return b
}

func flip(token string) string {
	b := []byte(token)
	b[len(b)-10] ^= 1
	return string(b)
}

func ownKey(claims M) string {
	public, _ := wiretest.NewES256("")
	return wiretest.SignJWT(M{"alg": "RS256", "jwk": public, "jku": "https://evil.test/keys", "x5u": "https://evil.test/cert"}, claims, func([]byte) []byte { return []byte("x") })
}

func critical(p *IDP) func(M) string {
	return func(claims M) string {
		signed := strings.Split(p.SignRS256(claims), ".")
		header, _ := json.Marshal(M{"alg": "RS256", "kid": "key-1", "crit": []string{"b64"}, "b64": false})
		return base64.RawURLEncoding.EncodeToString(header) + "." + signed[1] + "." + signed[2]
	}
}

// hostile is a site whose provider is about to lie, and a listener on another
// address of this machine that nobody may call.
func hostile(t *testing.T) (w *World, c *Client, p *IDP, loopback string) {
	t.Helper()
	inside := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was called inside", r.URL) }))
	t.Cleanup(inside.Close)
	w, c, p = withIDP(t, func(c *Config) {
		c.Social.Timeout = limit
		c.Account.EmailVerification = account.None
		c.Social.EmailAuthentication, c.Social.AutoConnect = true, true
	})
	return w, c, p, strings.Replace(inside.URL, "127.0.0.1", "127.0.0.2", 1)
}

func TestLyingProvider(t *testing.T) {
	t.Parallel()
	_, _, _, loopback := hostile(t)
	check := func(t *testing.T, w *World, c *Client, victim *Person, do func()) {
		t.Helper()
		began := time.Now()
		do()
		if took := time.Since(began); took > 20*limit {
			t.Errorf("it took %v", took)
		}
		if got := accounts(t, w, victim.ID); got != "" {
			t.Errorf("linked %s", got)
		}
		if r := c.Session(); r.Status != 401 {
			t.Errorf("got in: %s", r.Raw)
		}
	}
	all := lies(loopback)
	for name, lie := range redirectLies(loopback) {
		all[name] = lie
	}
	for name, lie := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, c, p, _ := hostile(t)
			victim := w.Make(Person{})
			claims := M{"sub": "s", "email": victim.Email, "email_verified": true}
			lie(p)
			check(t, w, c, victim, func() {
				r := post(c, "/auth/provider/redirect", form("idp", "login")).Is(302)
				location := r.Header.Get("Location")
				if strings.HasPrefix(location, p.URL+"/authorize") {
					location = comeBack(c, p.Consent(t, location, claims))
				}
				if location != callbackURL+"?error=unknown&error_process=login" {
					t.Errorf("got %s", location)
				}
			})
		})
	}
	for name, lie := range lies(loopback) {
		t.Run("token/"+name, func(t *testing.T) {
			t.Parallel()
			w, _, p, _ := hostile(t)
			victim := w.Make(Person{})
			lie(p)
			c := w.Client("app")
			token := p.Token(M{"sub": "s", "email": victim.Email, "email_verified": true}, nil)
			check(t, w, c, victim, func() {
				c.Post("/auth/provider/token", M{"provider": "idp", "process": "login", "token": M{"client_id": wiretest.IDPClient, "id_token": token}}).Fails("token:invalid_token")
			})
		})
	}
}

// A provider that does not answer stops nobody who comes another way.
func TestDeadProvider(t *testing.T) {
	t.Parallel()
	w, c, p, _ := hostile(t)
	dead := make(chan struct{})
	p.Serve = func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-dead:
		case <-r.Context().Done():
		}
		return true
	}
	defer close(dead)
	done := make(chan string, 3)
	for range cap(done) {
		d := c.Other()
		d.Get("/config")
		go func() { done <- post(d, "/auth/provider/redirect", form("idp", "login")).Header.Get("Location") }()
	}
	say(t, c, "login", dummy{"id": "1", "email": wiretest.FreshEmail(), "email_verified": true}).LoggedIn()
	for range cap(done) {
		if got := <-done; got != callbackURL+"?error=unknown&error_process=login" {
			t.Errorf("got %s", got)
		}
	}
	// It is not asked again for each who tries.
	before := p.Seen("")
	post(c, "/auth/provider/redirect", form("idp", "login")).Is(302)
	if p.Seen("") != before {
		t.Error("a dead provider is asked again at once")
	}
	p.Serve = nil
	w.Clock.Advance(time.Minute)
	begin(t, c, "idp", "connect")
}

func form(provider, process string) map[string][]string {
	return map[string][]string{"provider": {provider}, "process": {process}, "callback_url": {callbackURL}}
}

// The issuer that an answer names must be the one that was asked. RFC 9207.
func TestMixUp(t *testing.T) {
	t.Parallel()
	_, c, p := withIDP(t, nil)
	p.Metadata = func(doc M) { doc["authorization_response_iss_parameter_supported"] = true }
	for iss, good := range map[string]bool{"https://evil.test": false, "": false, "own": true} {
		c := c.Other()
		back := p.Consent(t, begin(t, c, "idp", "login"), M{"sub": "1", "email": wiretest.FreshEmail(), "email_verified": true})
		q := back.Query()
		if iss == "own" {
			iss = p.URL
		}
		if q.Set("iss", iss); iss == "" {
			q.Del("iss")
		}
		back.RawQuery = q.Encode()
		before := p.Seen("/token")
		if got := comeBack(c, back); (got == callbackURL) != good || (p.Seen("/token") > before) != good {
			t.Errorf("%q: got %s", iss, got)
		}
	}
}

// A provider may change its keys at any time; strangers can't make us ask for
// them over and over.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	w, c, p := withIDP(t, nil)
	n := 0
	login := func(token string) *Reply {
		n++
		return c.Other().Post("/auth/provider/token", M{"provider": "idp", "process": "login", "token": M{"client_id": wiretest.IDPClient, "id_token": token}})
	}
	claims := M{"sub": "1", "email": wiretest.FreshEmail(), "email_verified": true}
	fresh := func() string { return p.Token(claims, M{"jti": textOf(n)}) }
	old := p.Token(claims, M{"jti": "old"})
	login(fresh()).LoggedIn()
	p.Rotate()
	w.Clock.Advance(2 * time.Minute)
	login(fresh()).LoggedIn()
	if got := p.Seen("/keys"); got != 2 {
		t.Errorf("keys were read %d times, want 2", got)
	}
	login(old).Fails("token:invalid_token")
	_, sign := wiretest.NewES256("unheard-of")
	for range 5 {
		login(sign(M{"iss": p.URL, "aud": wiretest.IDPClient, "sub": "1", "exp": p.Now().Unix() + 60})).Fails("token:invalid_token")
	}
	if got := p.Seen("/keys"); got != 2 {
		t.Errorf("keys were read %d times, want 2", got)
	}
	// What is known will do while the provider is away.
	p.Serve = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true }
	w.Clock.Advance(2 * time.Hour)
	login(fresh()).LoggedIn()
	w.Clock.Advance(24 * time.Hour)
	login(fresh()).Fails("token:invalid_token")
}

func TestES256(t *testing.T) {
	t.Parallel()
	_, c, p := withIDP(t, nil)
	public, sign := wiretest.NewES256("ec")
	p.Serve = at("/keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(M{"keys": []any{M{"kty": "XX"}, public}})
	})
	p.Sign = sign
	if got := through(t, c, p, "login", M{"sub": "1", "email": wiretest.FreshEmail(), "email_verified": true}); got != callbackURL {
		t.Errorf("got %s", got)
	}
}
