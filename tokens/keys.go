package tokens

import (
	"crypto"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/headless-auth/headless/internal/jwt"
)

// Key signs tokens, or is still accepted. Exactly one of Private, Public and
// Secret is set.
type Key struct {
	// Private signs: an RSA (2048 bits or more), ECDSA P-256 or Ed25519 key, from
	// [ParseKey] or in hardware.
	Private crypto.Signer
	// Public is what is left of a key that no longer signs.
	Public crypto.PublicKey
	// Secret is shared with whoever checks tokens, at least 32 random bytes.
	// Whoever can check them can also make them.
	Secret []byte
	// Algorithm: RS256 (default for RSA), RS384, RS512, ES256, EdDSA, HS256
	// (default for secrets), HS384 or HS512.
	Algorithm string
	// SignsFrom is when the key takes over. Of the keys whose time has come, the
	// latest signs; all of them are accepted, and published, at any time. So a
	// new key is set with a time some days ahead, and everybody knows it before
	// it is used. Default: always.
	SignsFrom time.Time
}

// Format shows nothing but the algorithm, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "{%s [redacted]}", k.Algorithm) }

// MarshalText is Format.
func (k Key) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(k)), nil }

// ParseKey reads an unencrypted private key in PEM: PKCS #8, PKCS #1 or SEC 1.
func ParseKey(pem []byte) (crypto.Signer, error) {
	k, err := jwt.ParsePEM(pem)
	if err != nil {
		return nil, err
	}
	s, ok := k.(crypto.Signer)
	if !ok {
		return nil, errPublicOnly
	}
	return s, nil
}

// Publisher is an optional ability of a [Strategy]: others may know its public
// keys.
type Publisher interface {
	// PublicKeys is a JWK Set (RFC 7517), nil if there is nothing to publish.
	PublicKeys() []byte
}

// ServeKeys serves a JWK Set to whoever asks.
func ServeKeys(set []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		h.Set("Content-Type", "application/jwk-set+json")
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("Access-Control-Allow-Origin", "*") // public indeed
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Length", strconv.Itoa(len(set)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(set)
		}
	})
}

// key is a Key that was judged.
type key struct {
	*jwt.Key
	from time.Time
}

func newKey(k Key) (key, error) {
	var j *jwt.Key
	var err error
	switch {
	case k.Private != nil && k.Public == nil && k.Secret == nil:
		j, err = jwt.NewKey(k.Private, k.Algorithm)
	case k.Public != nil && k.Private == nil && k.Secret == nil:
		j, err = jwt.NewKey(k.Public, k.Algorithm)
	case k.Secret != nil && k.Private == nil && k.Public == nil:
		j, err = jwt.NewSecret(k.Secret, k.Algorithm)
	default:
		err = errOneKey
	}
	return key{j, k.SignsFrom}, err
}

// signer is the key that signs at a time, nil if there is none yet.
func signer(keys []key, now time.Time) *jwt.Key {
	if k := signing(keys, now); k != nil {
		return k.Key
	}
	return nil
}

func signing(keys []key, now time.Time) (best *key) {
	for i, k := range keys {
		if k.Signs() && !k.from.After(now) && (best == nil || k.from.After(best.from)) {
			best = &keys[i]
		}
	}
	return best
}
