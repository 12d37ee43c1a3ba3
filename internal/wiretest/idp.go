package wiretest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// The client that an [IDP] knows.
const (
	IDPClient = "our-client"
	IDPSecret = "our-secret"
)

// IDP is an OpenID Connect provider that tells the truth, until it is told
// otherwise.
type IDP struct {
	URL string
	// Now is its clock.
	Now func() time.Time

	// Claims changes the claims of ID tokens before they are signed.
	Claims func(claims M)
	// Sign makes the token, in place of [IDP.SignRS256].
	Sign func(claims M) string
	// UserInfo changes what the userinfo endpoint tells.
	UserInfo func(info M)
	// Answer changes the answer to a token request.
	Answer func(answer M)
	// Metadata changes the discovery document.
	Metadata func(doc M)
	// Serve takes over a path altogether, if it returns true.
	Serve func(w http.ResponseWriter, r *http.Request) bool

	t    *testing.T
	mu   sync.Mutex
	keys []idpKey
	said map[string]grant // by code
	seen map[string]int   // requests by path
	last url.Values       // of the last token request
	n    int
}

type idpKey struct {
	id  string
	key *rsa.PrivateKey
}

type grant struct {
	claims                     M
	nonce, challenge, redirect string
	refresh                    bool
}

// one RSA key is enough for most: making them takes its time.
var rsaKeys = [2]func() *rsa.PrivateKey{sync.OnceValue(newRSA), sync.OnceValue(newRSA)}

func newRSA() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
}

// NewIDP starts a provider. It is stopped when the test ends.
func NewIDP(t *testing.T) *IDP {
	p := &IDP{t: t, Now: time.Now, said: map[string]grant{}, seen: map[string]int{}, keys: []idpKey{{"key-1", rsaKeys[0]()}}}
	srv := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(srv.Close)
	p.URL = srv.URL
	return p
}

// Rotate signs with a new key. The old one is gone.
func (p *IDP) Rotate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = []idpKey{{"key-2", rsaKeys[1]()}}
}

// Seen is how many requests there were at a path; "" is all of them.
func (p *IDP) Seen(path string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, count := range p.seen {
		if path == "" || path == at {
			n += count
		}
	}
	return n
}

// LastTokenRequest is the form of the last token request.
func (p *IDP) LastTokenRequest() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// Consent takes the URL that a browser was sent to, and returns what it brings
// back to the redirect URI: a code for whom claims tell of.
func (p *IDP) Consent(t *testing.T, location string, claims M) (back *url.URL) {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/authorize" || q.Get("client_id") != IDPClient || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" {
		t.Fatalf("got the authorization request %s", location)
	}
	p.mu.Lock()
	p.n++
	code := fmt.Sprintf("code-%d", p.n)
	p.said[code] = grant{claims: claims, nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), redirect: q.Get("redirect_uri")}
	p.mu.Unlock()
	back, err = url.Parse(q.Get("redirect_uri"))
	if err != nil {
		t.Fatal(err)
	}
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
	return back
}

// Token is an ID token about somebody, with what over changes; nil removes.
func (p *IDP) Token(claims M, over M) string {
	now := p.Now().Unix()
	c := M{"iss": p.URL, "aud": IDPClient, "iat": now, "exp": now + 600}
	for _, m := range []M{claims, over} {
		for k, v := range m {
			if c[k] = v; v == nil {
				delete(c, k)
			}
		}
	}
	if p.Claims != nil {
		p.Claims(c)
	}
	if p.Sign != nil {
		return p.Sign(c)
	}
	return p.SignRS256(c)
}

// SignRS256 signs claims with the present key.
func (p *IDP) SignRS256(claims M) string {
	p.mu.Lock()
	k := p.keys[0]
	p.mu.Unlock()
	return SignJWT(M{"alg": "RS256", "typ": "JWT", "kid": k.id}, claims, func(in []byte) []byte {
		d := sha256.Sum256(in)
		sig, err := rsa.SignPKCS1v15(rand.Reader, k.key, crypto.SHA256, d[:])
		if err != nil {
			panic(err)
		}
		return sig
	})
}

// PublicKey is the present key, as JSON Web Key.
func (p *IDP) PublicKey() M { return jwk(p.keys[0]) }

// SignJWT makes a token of a header, claims and a signature.
func SignJWT(header, claims M, sign func(in []byte) []byte) string {
	enc := base64.RawURLEncoding.EncodeToString
	in := enc(mustJSON(header)) + "." + enc(mustJSON(claims))
	return in + "." + enc(sign([]byte(in)))
}

// NewES256 returns a public key, as JSON Web Key, and what signs with it.
func NewES256(id string) (public M, sign func(claims M) string) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	point, err := k.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	enc := base64.RawURLEncoding.EncodeToString
	public = M{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": id,
		"x": enc(point[1:33]), "y": enc(point[33:]),
	}
	return public, func(claims M) string {
		return SignJWT(M{"alg": "ES256", "kid": id}, claims, func(in []byte) []byte {
			d := sha256.Sum256(in)
			r, s, err := ecdsa.Sign(rand.Reader, k, d[:])
			if err != nil {
				panic(err)
			}
			return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		})
	}
}

func jwk(k idpKey) M {
	enc := base64.RawURLEncoding.EncodeToString
	return M{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": k.id,
		"n": enc(k.key.N.Bytes()), "e": enc(big.NewInt(int64(k.key.E)).Bytes()),
	}
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func (p *IDP) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.seen[r.URL.Path]++
	p.mu.Unlock()
	if p.Serve != nil && p.Serve(w, r) {
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		doc := M{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
			"userinfo_endpoint": p.URL + "/userinfo", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "ES256"},
		}
		if p.Metadata != nil {
			p.Metadata(doc)
		}
		reply(w, doc)
	case "/keys":
		p.mu.Lock()
		keys := []M{}
		for _, k := range p.keys {
			keys = append(keys, jwk(k))
		}
		p.mu.Unlock()
		reply(w, M{"keys": keys})
	case "/token":
		p.token(w, r)
	case "/userinfo":
		p.userinfo(w, r)
	default:
		http.NotFound(w, r)
	}
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(mustJSON(v))
}

// token trades a code, once and for whom it was made, or a refresh token.
func (p *IDP) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	p.last = r.PostForm
	key := r.PostForm.Get("code") + r.PostForm.Get("refresh_token")
	g, ok := p.said[key]
	delete(p.said, key)
	p.n++
	access := fmt.Sprintf("access-%d", p.n)
	p.said[access], p.said["refresh-"+access] = g, grant{claims: g.claims, refresh: true}
	p.mu.Unlock()
	challenge := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if !ok || r.PostForm.Get("client_id") != IDPClient || r.PostForm.Get("client_secret") != IDPSecret ||
		!g.refresh && (base64.RawURLEncoding.EncodeToString(challenge[:]) != g.challenge || r.PostForm.Get("redirect_uri") != g.redirect) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(mustJSON(M{"error": "invalid_grant"}))
		return
	}
	answer := M{"access_token": access, "token_type": "Bearer", "expires_in": 300, "refresh_token": "refresh-" + access}
	if !g.refresh {
		sum := sha256.Sum256([]byte(access))
		answer["id_token"] = p.Token(M{"sub": g.claims["sub"], "nonce": g.nonce, "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16])}, nil)
	}
	if p.Answer != nil {
		p.Answer(answer)
	}
	reply(w, answer)
}

func (p *IDP) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	g, ok := p.said[trimBearer(r.Header.Get("Authorization"))]
	p.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	info := M{}
	for k, v := range g.claims {
		info[k] = v
	}
	if p.UserInfo != nil {
		p.UserInfo(info)
	}
	reply(w, info)
}

func trimBearer(s string) string {
	const scheme = "Bearer "
	if len(s) < len(scheme) || s[:len(scheme)] != scheme {
		return ""
	}
	return s[len(scheme):]
}
