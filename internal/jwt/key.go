// Package jwt makes and reads signed tokens (RFC 7515, RFC 7519) of the few
// kinds that we issue. What a token says of itself selects nothing but one of
// the keys that it is checked against, and each key has one algorithm.
package jwt

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
)

// The names of algorithms, as in RFC 7518 §3.1 and RFC 8037.
const (
	RS256 = "RS256"
	ES256 = "ES256"
	EdDSA = "EdDSA"
	HS256 = "HS256"
)

type family int

const (
	familyHMAC family = iota
	familyRSA
	familyECDSA
	familyEd25519
)

var algorithms = map[string]struct {
	family family
	hash   crypto.Hash
}{
	HS256: {familyHMAC, crypto.SHA256}, "HS384": {familyHMAC, crypto.SHA384}, "HS512": {familyHMAC, crypto.SHA512},
	RS256: {familyRSA, crypto.SHA256}, "RS384": {familyRSA, crypto.SHA384}, "RS512": {familyRSA, crypto.SHA512},
	ES256: {familyECDSA, crypto.SHA256},
	EdDSA: {familyEd25519, 0},
}

// Key checks signatures, and makes them if it has its private part. It is
// pinned to one algorithm.
type Key struct {
	// ID is the token's "kid": the thumbprint of a public key (RFC 7638). A
	// shared secret has none, as anything derived from it would tell of it.
	ID string
	// Algorithm is the only one that the key is used with.
	Algorithm string

	family family
	hash   crypto.Hash
	secret []byte
	public crypto.PublicKey
	signer crypto.Signer
	head   string // the encoded header of what it signs
}

// NewSecret returns a key of a shared secret. An empty algorithm means HS256.
func NewSecret(secret []byte, algorithm string) (*Key, error) {
	k := &Key{Algorithm: algorithm, secret: bytes.Clone(secret)}
	return k, k.ready()
}

// NewKey returns a key of a private key ([crypto.Signer]) or a public one. An
// empty algorithm means the usual one of its kind: RS256, ES256 or EdDSA.
func NewKey(material any, algorithm string) (*Key, error) {
	k := &Key{Algorithm: algorithm, public: material}
	if s, ok := material.(crypto.Signer); ok {
		k.signer, k.public = s, s.Public()
	}
	if k.public == nil {
		return nil, errors.New("has no key")
	}
	return k, k.ready()
}

func (k *Key) ready() error {
	if err := k.choose(); err != nil {
		return err
	}
	if k.public != nil {
		k.ID = k.thumbprint()
	}
	head, err := json.Marshal(header{Algorithm: k.Algorithm, KeyID: k.ID, Type: "JWT"})
	k.head = encode(head)
	return err
}

// choose finds the family of the key and refuses what is too weak.
func (k *Key) choose() error {
	usual := ""
	switch p := k.public.(type) {
	case nil:
		usual, k.family = HS256, familyHMAC
		if len(k.secret) < 32 {
			return fmt.Errorf("is a secret of %d bytes; at least 32 are needed", len(k.secret))
		}
	case *rsa.PublicKey:
		usual, k.family = RS256, familyRSA
		if p.N.BitLen() < 2048 {
			return fmt.Errorf("is an RSA key of %d bits; at least 2048 are needed", p.N.BitLen())
		}
	case *ecdsa.PublicKey:
		usual, k.family = ES256, familyECDSA
		if p.Curve != elliptic.P256() {
			return errors.New("is an ECDSA key of another curve than P-256")
		}
	case ed25519.PublicKey:
		usual, k.family = EdDSA, familyEd25519
	default:
		return fmt.Errorf("is a %T; use an RSA, ECDSA (P-256) or Ed25519 key, or a secret of bytes", p)
	}
	if k.Algorithm == "" {
		k.Algorithm = usual
	}
	a, ok := algorithms[k.Algorithm]
	if !ok || a.family != k.family {
		return fmt.Errorf("can't be used with %q; leave the algorithm out, or write %q", k.Algorithm, usual)
	}
	k.hash = a.hash
	return nil
}

// ParsePEM reads an unencrypted private or public key: PKCS #8, PKCS #1, SEC 1
// or PKIX.
func ParsePEM(text []byte) (any, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "PRIVATE KEY":
			return x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			return x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			return x509.ParseECPrivateKey(block.Bytes)
		case "PUBLIC KEY":
			return x509.ParsePKIXPublicKey(block.Bytes)
		case "RSA PUBLIC KEY":
			return x509.ParsePKCS1PublicKey(block.Bytes)
		}
	}
	return nil, errors.New("is no PEM of an unencrypted key")
}

// Signs reports whether the key has what signing needs.
func (k *Key) Signs() bool { return k.signer != nil || k.secret != nil }

// Public reports whether the key may be published.
func (k *Key) Public() bool { return k.public != nil }

// String names the key.
func (k Key) String() string { return k.Algorithm + " key " + k.ID }

// Format writes String whatever the verb: no formatting shows a secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalText is String. What is published of a key is its [JWK].
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

func (k *Key) digest(signed []byte) []byte {
	if k.hash == 0 {
		return signed
	}
	h := k.hash.New()
	h.Write(signed)
	return h.Sum(nil)
}

// sign makes the signature of what is to be signed. The same input has the
// same signature, but for signers in hardware.
func (k *Key) sign(signed []byte) ([]byte, error) {
	if k.family == familyHMAC {
		m := hmac.New(k.hash.New, k.secret)
		m.Write(signed)
		return m.Sum(nil), nil
	}
	if k.signer == nil {
		return nil, errors.New("the key has no private part")
	}
	random := rand.Reader
	if _, ok := k.signer.(*ecdsa.PrivateKey); ok {
		random = nil // RFC 6979: a nonce made of key and message
	}
	sig, err := k.signer.Sign(random, k.digest(signed), k.hash)
	if err != nil || k.family != familyECDSA {
		return sig, err
	}
	var point struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &point); err != nil {
		return nil, err
	}
	b := make([]byte, 64) // RFC 7518 §3.4
	point.R.FillBytes(b[:32])
	point.S.FillBytes(b[32:])
	return b, nil
}

// verify reports whether sig is the signature of signed.
func (k *Key) verify(signed, sig []byte) bool {
	switch p := k.public.(type) {
	case nil:
		m := hmac.New(k.hash.New, k.secret)
		m.Write(signed)
		return hmac.Equal(sig, m.Sum(nil))
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(p, k.hash, k.digest(signed), sig) == nil
	case *ecdsa.PublicKey:
		if len(sig) != 64 {
			return false
		}
		r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
		return ecdsa.Verify(p, k.digest(signed), r, s)
	case ed25519.PublicKey:
		// A message has one signature by a key (RFC 8032 §5.1.6), and who can
		// make it does so in half the time that it takes to check one.
		if private, ok := k.signer.(ed25519.PrivateKey); ok {
			return hmac.Equal(sig, ed25519.Sign(private, signed))
		}
		return ed25519.Verify(p, signed, sig)
	}
	return false
}

// Find returns the keys that a token with this header may be signed by: the
// one with its id and algorithm or, if it has no id, those of its algorithm.
func Find(keys []*Key, keyID, algorithm string) []*Key {
	fits := func(k *Key) bool { return k.Algorithm == algorithm && (keyID == "" || keyID == k.ID) }
	if i := slices.IndexFunc(keys, fits); i >= 0 && keyID != "" {
		return keys[i : i+1]
	}
	var l []*Key
	for _, k := range keys {
		if fits(k) {
			l = append(l, k)
		}
	}
	return l
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

var strict = base64.RawURLEncoding.Strict()
