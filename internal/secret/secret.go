// Package secret makes and checks what only the server may know: random
// tokens, keyed hashes and sealed values.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"
)

// TokenBytes is the entropy of a token: 256 bits.
const TokenBytes = 32

// Token returns a new random token and the hash to store in its place. It
// fails if the random source does.
func Token(rand io.Reader) (token string, hash []byte, err error) {
	b := make([]byte, TokenBytes)
	if _, err := io.ReadFull(rand, b); err != nil {
		return "", nil, fmt.Errorf("random source: %w", err)
	}
	token = base64.RawURLEncoding.EncodeToString(b)
	return token, HashToken(token), nil
}

// Text returns n random letters of alphabet (at most 256 of them), each as
// likely as any other.
func Text(rand io.Reader, alphabet string, n int) (string, error) {
	b := make([]byte, 0, n)
	buf := make([]byte, 2*n)
	fair := 256 - 256%len(alphabet) // beyond it the first letters were likelier
	for len(b) < n {
		if _, err := io.ReadFull(rand, buf); err != nil {
			return "", fmt.Errorf("random source: %w", err)
		}
		for _, x := range buf {
			if int(x) < fair && len(b) < n {
				b = append(b, alphabet[int(x)%len(alphabet)])
			}
		}
	}
	return string(b), nil
}

// HashToken is the hash under which a token is stored. A token has 256 bits of
// entropy, so a plain hash can't be reversed by guessing.
func HashToken(token string) []byte {
	var b [2 * TokenBytes]byte // room for one of ours: every request has one
	h := sha256.Sum256(append(b[:0], token...))
	return h[:]
}

// Keys derives one key for each purpose from the configured secrets, so that
// a value made for one purpose is worth nothing for another. The first secret
// makes new values; all of them are accepted.
type Keys struct {
	roots [][]byte

	mu      sync.RWMutex
	derived map[string][]*key
}

// key is one of a purpose's. Its hashers are used again: to make one costs as
// much as to use it, and requests need several.
type key struct {
	bytes   []byte
	hashers sync.Pool
}

type hasher struct {
	hash.Hash
	text []byte
	sum  [sha256.Size]byte
}

// NewKeys returns keys of a secret and of those that it replaced.
func NewKeys(current []byte, previous ...[]byte) *Keys {
	return &Keys{roots: append([][]byte{current}, previous...), derived: map[string][]*key{}}
}

func (k *Keys) keys(purpose string) []*key {
	k.mu.RLock()
	l := k.derived[purpose]
	k.mu.RUnlock()
	if l != nil {
		return l
	}
	for _, root := range k.roots {
		d, err := hkdf.Key(sha256.New, root, nil, "headless/"+purpose, 32)
		if err != nil {
			panic(err) // only for lengths beyond the hash's reach
		}
		l = append(l, &key{bytes: d, hashers: sync.Pool{New: func() any { return &hasher{Hash: hmac.New(sha256.New, d)} }}})
	}
	k.mu.Lock()
	k.derived[purpose] = l
	k.mu.Unlock()
	return l
}

func (k *key) mac(parts []string) [sha256.Size]byte {
	h, ok := k.hashers.Get().(*hasher)
	if !ok {
		panic("secret: the pool holds something else")
	}
	defer k.hashers.Put(h)
	h.text = h.text[:0]
	for _, p := range parts { // lengths keep ("ab","c") apart from ("a","bc")
		h.text = binary.BigEndian.AppendUint64(h.text, uint64(len(p)))
		h.text = append(h.text, p...)
	}
	h.Reset()
	h.Write(h.text) // #nosec G104 -- hashes never fail
	h.Sum(h.sum[:0])
	return h.sum
}

// MAC is a keyed hash of the parts, 32 bytes, made with the current secret.
func (k *Keys) MAC(purpose string, parts ...string) []byte {
	m := k.keys(purpose)[0].mac(parts)
	return m[:]
}

// Verify reports in constant time whether sum, or its first bytes if it is
// cut, is the MAC of the parts under any accepted secret. A sum of less than
// 12 bytes never is.
func (k *Keys) Verify(sum []byte, purpose string, parts ...string) bool {
	ok := false
	for _, key := range k.keys(purpose) {
		m := key.mac(parts)
		if len(sum) >= 12 && len(sum) <= len(m) && hmac.Equal(sum, m[:len(sum)]) {
			ok = true
		}
	}
	return ok
}

// ErrSealed reports that a sealed value is not one of ours, was changed, or
// belongs elsewhere.
var ErrSealed = errors.New("sealed value is not readable")

func (k *key) aead() cipher.AEAD {
	b, err := aes.NewCipher(k.bytes)
	if err != nil {
		panic(err) // 32 bytes always
	}
	a, err := cipher.NewGCMWithRandomNonce(b)
	if err != nil {
		panic(err)
	}
	return a
}

// Seal encrypts and authenticates plain (AES-256-GCM), bound to a purpose and
// to the text of what it belongs to.
func (k *Keys) Seal(plain []byte, purpose, bound string) []byte {
	return k.keys(purpose)[0].aead().Seal(nil, nil, plain, []byte(bound))
}

// Open is the inverse of Seal. ErrSealed.
func (k *Keys) Open(sealed []byte, purpose, bound string) ([]byte, error) {
	for _, key := range k.keys(purpose) {
		if p, err := key.aead().Open(nil, nil, sealed, []byte(bound)); err == nil {
			return p, nil
		}
	}
	return nil, ErrSealed
}

// Check reports whether check accepts the MAC of the parts under any accepted
// secret. It is asked about each.
func (k *Keys) Check(check func(mac [sha256.Size]byte) bool, purpose string, parts ...string) bool {
	ok := false
	for _, key := range k.keys(purpose) {
		if check(key.mac(parts)) {
			ok = true
		}
	}
	return ok
}

// id names a key without giving anything of it away.
func (k *key) id() string {
	m := k.mac([]string{"id"})
	return hex.EncodeToString(m[:4])
}

// SealText is Seal as text that begins with the id of the key it was made
// with, so that one can tell which secret a stored value still needs.
func (k *Keys) SealText(plain []byte, purpose, bound string) string {
	key := k.keys(purpose)[0]
	return key.id() + "." + base64.RawURLEncoding.EncodeToString(key.aead().Seal(nil, nil, plain, []byte(bound)))
}

// OpenText is the inverse of SealText. ErrSealed.
func (k *Keys) OpenText(text, purpose, bound string) ([]byte, error) {
	id, sealed, _ := strings.Cut(text, ".")
	b, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil {
		return nil, ErrSealed
	}
	for _, key := range k.keys(purpose) {
		if key.id() != id {
			continue
		}
		if p, err := key.aead().Open(nil, nil, b, []byte(bound)); err == nil {
			return p, nil
		}
	}
	return nil, ErrSealed
}

// SealedNow reports whether a text was sealed with the current key.
func (k *Keys) SealedNow(text, purpose string) bool {
	id, _, _ := strings.Cut(text, ".")
	return id == k.keys(purpose)[0].id()
}
