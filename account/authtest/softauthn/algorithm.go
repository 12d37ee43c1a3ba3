package softauthn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/go-webauthn/x/crypto/secp256k1"
	secp "github.com/go-webauthn/x/crypto/secp256k1/ecdsa"
)

// Algorithm is a COSE signature algorithm. RFC 9053, RFC 8812.
type Algorithm int

// The algorithms.
const (
	ES256  Algorithm = -7
	EdDSA  Algorithm = -8
	ES384  Algorithm = -35
	ES512  Algorithm = -36
	PS256  Algorithm = -37
	RS256  Algorithm = -257
	ES256K Algorithm = -47
)

// Algorithms are all of them.
var Algorithms = []Algorithm{ES256, EdDSA, ES384, ES512, PS256, RS256, ES256K}

// curves by algorithm, with the curve's COSE number.
var curves = map[Algorithm]struct {
	elliptic.Curve
	number int
	hash   crypto.Hash
}{
	ES256: {elliptic.P256(), 1, crypto.SHA256},
	ES384: {elliptic.P384(), 2, crypto.SHA384},
	ES512: {elliptic.P521(), 3, crypto.SHA512},
}

func (alg Algorithm) generate() crypto.Signer {
	var key crypto.Signer
	var err error
	switch alg {
	case EdDSA:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case ES256K:
		k, fail := secp256k1.GeneratePrivateKey()
		key, err = koblitz{k}, fail
	case PS256, RS256:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		key, err = ecdsa.GenerateKey(curves[alg].Curve, rand.Reader)
	}
	if err != nil {
		panic(fmt.Sprintf("softauthn: generate key: %v", err))
	}
	return key
}

func (alg Algorithm) sign(key crypto.Signer, message []byte) []byte {
	digest, opts := message, crypto.SignerOpts(crypto.Hash(0))
	if alg != EdDSA {
		hash := crypto.SHA256
		if c, ok := curves[alg]; ok {
			hash = c.hash
		}
		h := hash.New()
		h.Write(message)
		digest, opts = h.Sum(nil), hash
	}
	if alg == PS256 {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	}
	sig, err := key.Sign(rand.Reader, digest, opts)
	if err != nil {
		panic(fmt.Sprintf("softauthn: sign: %v", err))
	}
	return sig
}

// cose writes a public key as COSE_Key. RFC 9052 §7.
func (alg Algorithm) cose(public crypto.PublicKey) []byte {
	pairs := [][2]any{{3, int(alg)}}
	switch k := public.(type) {
	case ed25519.PublicKey:
		pairs = append([][2]any{{1, 1}}, append(pairs, [][2]any{{-1, 6}, {-2, []byte(k)}}...)...)
	case *rsa.PublicKey:
		e := binary.BigEndian.AppendUint32(nil, uint32(k.E))[1:]
		pairs = append([][2]any{{1, 3}}, append(pairs, [][2]any{{-1, k.N.Bytes()}, {-2, e}}...)...)
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			panic(fmt.Sprintf("softauthn: public key: %v", err))
		}
		pairs = elliptical(pairs, curves[alg].number, point)
	case *secp256k1.PublicKey:
		pairs = elliptical(pairs, 8, k.SerializeUncompressed())
	}
	b := cborMap(len(pairs))
	for _, p := range pairs {
		b = append(b, cborInt(p[0].(int))...)
		switch v := p[1].(type) {
		case int:
			b = append(b, cborInt(v)...)
		case []byte:
			b = append(b, cborBytes(v)...)
		}
	}
	return b
}

// elliptical adds the parts of an uncompressed point.
func elliptical(pairs [][2]any, curve int, point []byte) [][2]any {
	half := len(point) / 2
	return append([][2]any{{1, 2}}, append(pairs, [][2]any{{-1, curve}, {-2, point[1 : half+1]}, {-3, point[half+1:]}}...)...)
}

// koblitz is a key on the curve of ES256K.
type koblitz struct{ *secp256k1.PrivateKey }

// Public implements [crypto.Signer].
func (k koblitz) Public() crypto.PublicKey { return k.PubKey() }

// Sign implements [crypto.Signer].
func (k koblitz) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	return secp.Sign(k.PrivateKey, digest).Serialize(), nil
}

// cborHead writes a type and an argument. RFC 8949 §3.
func cborHead(major byte, n int) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	default:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	}
}

func cborInt(n int) []byte {
	if n < 0 {
		return cborHead(1, -1-n)
	}
	return cborHead(0, n)
}

func cborBytes(b []byte) []byte { return append(cborHead(2, len(b)), b...) }
func cborText(s string) []byte  { return append(cborHead(3, len(s)), s...) }
func cborMap(pairs int) []byte  { return cborHead(5, pairs) }
