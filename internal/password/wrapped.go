package password

import (
	"context"
	"crypto/md5"  // #nosec G501 -- what is wrapped is weak, that is why
	"crypto/sha1" // #nosec G505 -- as above
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	gohash "hash"
	"io"
	"strings"
)

// derivation is how a weak hash is made of a text.
type derivation interface {
	derive(text []byte) []byte
	// encode is the text that readDerivation reads, without "$".
	encode() string
}

// weak are the hash functions that are no password hashes, by name.
var weak = map[string]func() gohash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

// plainDigest is one of them, once, with a salt before or after the text.
type plainDigest struct {
	name          string
	before, after []byte
}

func (d plainDigest) derive(text []byte) []byte {
	h := weak[d.name]()
	h.Write(d.before)
	h.Write(text)
	h.Write(d.after)
	return h.Sum(nil)
}

func (d plainDigest) encode() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("%s,%s,%s", d.name, b64(d.before), b64(d.after))
}

// readDerivation reads md5,salt before,salt after or phpass,count and salt.
func readDerivation(s string) (derivation, bool) {
	f := strings.Split(s, ",")
	if f[0] == "phpass" && len(f) == 2 {
		return readPHPass(f[1])
	}
	if weak[f[0]] == nil || len(f) != 3 {
		return nil, false
	}
	before, okBefore := unpadded(f[1])
	after, okAfter := unpadded(f[2])
	return plainDigest{f[0], before, after}, okBefore && okAfter
}

// wrappedHash is Argon2id over a weak hash: what lies at rest is as hard to
// guess as any hash of ours, without anybody having to log in first.
type wrappedHash struct {
	inner derivation
	outer *argon2Hash
}

// decodeWrapped reads derivation$argon2id$v=19$m=19456,t=2,p=1$salt$tag.
func decodeWrapped(s string) hash {
	inner, outer, _ := strings.Cut(s, "$")
	d, ok := readDerivation(inner)
	a, isArgon2 := decodeArgon2(outer).(*argon2Hash)
	if !ok || !isArgon2 {
		return nil
	}
	return &wrappedHash{d, a}
}

func (w *wrappedHash) fits(text []byte) (bool, error) { return w.outer.fits(w.inner.derive(text)) }

// Wrap puts a hash of ours around a weak one, and returns what to store.
// [Hasher.Verify] goes through both. It fails as [Hasher.Hash] does.
func (h *Hasher) Wrap(ctx context.Context, c *Converted) (string, error) {
	if !c.Weak() {
		return c.encoded, nil
	}
	since, err := h.take(ctx)
	if err != nil {
		return "", err
	}
	defer h.give(ctx, since)
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(h.rand, salt); err != nil {
		return "", fmt.Errorf("random source: %w", err)
	}
	a := &argon2Hash{argon2Cost: h.cost, salt: salt}
	a.tag = a.derive(c.digest, tagBytes)
	return "wrapped$" + c.inner.encode() + a.encode(), nil
}

// Current tells whether a stored encoding is as [Hasher.Hash] would make it.
func (h *Hasher) Current(encoded string) bool {
	stored, django := decode(encoded)
	return stored != nil && !django && h.current(stored)
}
