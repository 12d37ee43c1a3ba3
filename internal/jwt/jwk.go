package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// JWK is the public part of a key as it is published (RFC 7517).
type JWK struct {
	Type      string `json:"kty"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	KeyID     string `json:"kid,omitempty"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
}

// JWKS is a set of published keys.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// Publish returns the public parts of keys; shared secrets are left out.
func Publish(keys []*Key) JWKS {
	s := JWKS{Keys: []JWK{}}
	for _, k := range keys {
		if k.Public() {
			j := k.jwk()
			j.Use, j.Algorithm, j.KeyID = "sig", k.Algorithm, k.ID
			s.Keys = append(s.Keys, j)
		}
	}
	return s
}

// jwk has only the members that make up the key.
func (k *Key) jwk() JWK {
	switch p := k.public.(type) {
	case *rsa.PublicKey:
		return JWK{Type: "RSA", N: encode(p.N.Bytes()), E: encode(big.NewInt(int64(p.E)).Bytes())}
	case *ecdsa.PublicKey:
		b, err := p.Bytes() // 4, x, y
		if err != nil {
			panic(err) // the curve was checked
		}
		return JWK{Type: "EC", Curve: "P-256", X: encode(b[1:33]), Y: encode(b[33:])}
	case ed25519.PublicKey:
		return JWK{Type: "OKP", Curve: "Ed25519", X: encode(p)}
	}
	return JWK{}
}

// thumbprint is the key's name by its content (RFC 7638 §3): the hash of its
// members in the order of their names.
func (k *Key) thumbprint() string {
	j := k.jwk()
	var members any
	switch j.Type {
	case "RSA":
		members = struct {
			E   string `json:"e"`
			Kty string `json:"kty"`
			N   string `json:"n"`
		}{j.E, j.Type, j.N}
	case "EC":
		members = struct {
			Crv string `json:"crv"`
			Kty string `json:"kty"`
			X   string `json:"x"`
			Y   string `json:"y"`
		}{j.Curve, j.Type, j.X, j.Y}
	default:
		members = struct {
			Crv string `json:"crv"`
			Kty string `json:"kty"`
			X   string `json:"x"`
		}{j.Curve, j.Type, j.X}
	}
	b, err := json.Marshal(members)
	if err != nil {
		panic(err) // strings only
	}
	sum := sha256.Sum256(b)
	return encode(sum[:])
}

// ParseJWKS reads the keys of a set that can check signatures of ours. Others
// are passed over, as RFC 7517 §5 wants it; a shared secret is never taken from
// a published set.
func ParseJWKS(b []byte) ([]*Key, error) {
	var set JWKS
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	var keys []*Key
	for _, j := range set.Keys {
		if j.Use != "" && j.Use != "sig" {
			continue
		}
		public, err := j.public()
		if err != nil {
			continue
		}
		k, err := NewKey(public, j.Algorithm)
		if err != nil {
			continue
		}
		if j.KeyID != "" {
			k.ID = j.KeyID
		}
		keys = append(keys, k)
	}
	return keys, nil
}

var errJWK = errors.New("no key that can be used here")

func (j *JWK) public() (any, error) {
	switch {
	case j.Type == "RSA":
		n, err1 := strict.DecodeString(j.N)
		e, err2 := strict.DecodeString(j.E)
		if err1 != nil || err2 != nil || len(n) > 2048 || len(e) > 4 {
			return nil, errJWK
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
	case j.Type == "EC" && j.Curve == "P-256":
		x, err1 := strict.DecodeString(j.X)
		y, err2 := strict.DecodeString(j.Y)
		if err1 != nil || err2 != nil || len(x) != 32 || len(y) != 32 {
			return nil, errJWK
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	case j.Type == "OKP" && j.Curve == "Ed25519":
		x, err := strict.DecodeString(j.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, errJWK
		}
		return ed25519.PublicKey(x), nil
	}
	return nil, errJWK
}
