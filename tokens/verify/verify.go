// Package verify checks access tokens in services that have nothing but the
// issuer's public keys: no session store, no database, no request to the issuer
// but for its keys.
//
//	v, err := verify.New(verify.Config{
//		JWKS:   "https://app.example.org/_allauth/.well-known/jwks.json",
//		Issuer: "https://app.example.org", Audience: "orders",
//	})
//	mux.Handle("/orders", v.Require(orders))
//
// Behind it, [FromContext] tells who is calling. A token is good until it
// expires; whoever was logged out in the meantime is only noticed by services
// that can ask for the session.
package verify

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/jwt"
)

// ErrInvalid reports that a token is not good, whatever the reason.
var ErrInvalid = jwt.ErrInvalid

// ErrUnavailable reports that the keys could not be had.
var ErrUnavailable = errors.New("the issuer's keys are not available")

// Config says whose tokens are good. JWKS or Keys is required.
type Config struct {
	// JWKS is the URL of the issuer's public keys. It must be https, but for
	// loopback addresses or with AllowHTTP.
	JWKS string
	// AllowHTTP permits an http URL, for networks that encrypt by themselves.
	AllowHTTP bool
	// Keys are known beforehand.
	Keys []Key
	// Issuer and Audience must be the token's, if they are set here.
	Issuer, Audience string
	// Scheme of the Authorization header. Default "Bearer".
	Scheme string
	// Leeway is how long tokens count after their time; at most a minute.
	Leeway time.Duration
	// Remember is how many tokens are remembered as good until they expire, so
	// that they needn't be checked again. Only their hashes are kept. Default 0:
	// none.
	Remember int
	// Client makes the requests for the keys. Default: one that gives up after
	// 5 seconds and follows no redirects.
	Client *http.Client
	// Now is the clock. Default [time.Now].
	Now func() time.Time
}

// Key is a key of the issuer's. Either Public or Secret is set.
type Key struct {
	// Public is an RSA, ECDSA P-256 or Ed25519 key. [ParseKey] reads one.
	Public crypto.PublicKey
	// Secret is shared with the issuer. Whoever has it can also issue tokens.
	Secret []byte
	// Algorithm is the only one accepted with the key. Default: RS256, ES256,
	// EdDSA or HS256, as the key is.
	Algorithm string
}

// Format shows nothing but the algorithm, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "{%s [redacted]}", k.Algorithm) }

// MarshalText is Format.
func (k Key) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(k)), nil }

func (k *Key) key() (*jwt.Key, error) {
	switch {
	case k.Public != nil && k.Secret != nil:
		return nil, errors.New("has both a public key and a secret")
	case k.Public != nil:
		return jwt.NewKey(k.Public, k.Algorithm)
	case k.Secret != nil:
		return jwt.NewSecret(k.Secret, k.Algorithm)
	}
	return nil, errors.New("has no key")
}

// Claims are what a good token says.
type Claims struct {
	// Subject is the user's id.
	Subject string
	// SessionID is the public id of the session that the token belongs to.
	SessionID string
	// ID names the token.
	ID       string
	Issuer   string
	Audience []string
	IssuedAt time.Time
	// ExpiresAt is when the token stops being good.
	ExpiresAt time.Time

	raw []byte
}

// Decode decodes all claims into v, as [json.Unmarshal] does: for the claims
// that the issuer adds.
func (c *Claims) Decode(v any) error { return json.Unmarshal(c.raw, v) }

// Verifier checks tokens. It is safe for use by several goroutines.
type Verifier struct {
	rules  jwt.Rules
	scheme string
	now    func() time.Time
	static []*jwt.Key
	remote *keySet // nil: only the static ones
	known  *memory // nil: nothing is remembered
}

// New returns a verifier. It fetches nothing yet. All mistakes of the
// configuration are in the one error.
func New(c Config) (*Verifier, error) {
	v := &Verifier{rules: jwt.Rules{Issuer: c.Issuer, Audience: c.Audience, Leeway: c.Leeway}, scheme: c.Scheme, now: c.Now}
	if v.scheme == "" {
		v.scheme = "Bearer"
	}
	if v.now == nil {
		v.now = time.Now
	}
	var problems []error
	add := func(field string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("verify: %s: %w", field, err))
		}
	}
	for i, own := range c.Keys {
		k, err := own.key()
		add(fmt.Sprintf("Keys[%d]", i), err)
		v.static = append(v.static, k)
	}
	if c.JWKS != "" {
		var err error
		v.remote, err = newKeySet(c.JWKS, c.AllowHTTP, c.Client, v.now)
		add("JWKS", err)
	} else if len(v.static) == 0 {
		add("JWKS", errors.New("is missing, and there are no Keys"))
	}
	if c.Leeway < 0 || c.Leeway > time.Minute {
		add("Leeway", fmt.Errorf("is %v; use at most 1m", c.Leeway))
	}
	if strings.ContainsAny(v.scheme, " \t,") {
		add("Scheme", fmt.Errorf("%q is no scheme; write one word such as Bearer", c.Scheme))
	}
	switch {
	case c.Remember < 0:
		add("Remember", errors.New("can't be negative"))
	case c.Remember > 0:
		v.known = newMemory(c.Remember)
	}
	return v, errors.Join(problems...)
}

// ParseKey reads a public key in PEM, for Config.Keys.
func ParseKey(pem []byte) (crypto.PublicKey, error) {
	k, err := jwt.ParsePEM(pem)
	if s, ok := k.(crypto.Signer); ok && err == nil {
		return s.Public(), nil
	}
	return k, err
}

// Verify returns what a good access token says. [ErrInvalid]: it is not good.
// [ErrUnavailable]: that can't be told, as the keys can't be had.
func (v *Verifier) Verify(ctx context.Context, token string) (*Claims, error) {
	return v.VerifyAt(ctx, token, v.now())
}

// VerifyAt is Verify at a time.
func (v *Verifier) VerifyAt(ctx context.Context, token string, now time.Time) (*Claims, error) {
	if v.known != nil {
		if c := v.known.get(token, now); c != nil {
			return c, nil
		}
	}
	payload, err := jwt.Open(token, func(id, algorithm string) ([]*jwt.Key, error) {
		if l := jwt.Find(v.static, id, algorithm); len(l) > 0 || v.remote == nil {
			return l, nil
		}
		return v.remote.find(ctx, id, algorithm)
	})
	if err != nil {
		return nil, err
	}
	x, err := v.rules.Read(payload, jwt.Access, now)
	if err != nil {
		return nil, err
	}
	c := &Claims{
		Subject: x.Subject, SessionID: x.SessionID, ID: x.ID, Issuer: x.Issuer, Audience: x.Audience,
		IssuedAt: x.IssuedAt.At(), ExpiresAt: x.ExpiresAt.At(), raw: payload,
	}
	if v.known != nil {
		v.known.put(token, c, c.ExpiresAt.Add(v.rules.Leeway))
	}
	return c, nil
}
