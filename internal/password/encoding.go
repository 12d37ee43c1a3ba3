package password

import (
	"crypto/fips140"
	"crypto/pbkdf2"
	"crypto/sha1" // #nosec G505 -- what old PBKDF2 hashes are made of
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	gohash "hash"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// What a stored encoding may ask for, so that a hostile row can exhaust
// neither memory nor patience: 1 GiB and about five seconds of a core for each
// hash at once. That is several times what Django has ever used.
const (
	maxEncoded      = 512        // bytes of the encoding
	maxIterations   = 10_000_000 // of PBKDF2
	maxMemory       = 1 << 20    // KiB of Argon2
	maxMemoryPasses = 4 << 20    // KiB of Argon2, times its passes
	maxThreads      = 64         // of Argon2
	maxBcryptCost   = 16         // as a power of two
	maxScryptWork   = 1 << 23    // N·r·p of scrypt, each worth 128 bytes
	maxScryptBlocks = 64         // r and p of scrypt, each
	maxPHPassCount  = 20         // of phpass, as a power of two
)

// hash is a stored encoding, taken apart.
type hash interface {
	// fits tells whether the hash is of this text. How long it takes depends
	// on neither the text's content nor the hash's.
	fits(text []byte) (bool, error)
}

// schemes are Django's, by the name before the first "$". Each reads the rest,
// and returns nil for what it can't read. spec: config-openapi.md §5.
var schemes = map[string]func(string) hash{
	"pbkdf2_sha256": func(s string) hash { return decodePBKDF2(s, sha256.New, sha256.Size) },
	"pbkdf2_sha1":   func(s string) hash { return decodePBKDF2(s, sha1.New, sha1.Size) },
	"argon2":        decodeArgon2,
	"bcrypt_sha256": func(s string) hash { return decodeBcrypt(s, true) },
	"bcrypt":        func(s string) hash { return decodeBcrypt(s, false) },
	"scrypt":        decodeScrypt,
}

// own are the encodings that have no text of their own elsewhere, see
// [Convert], by the name before the first "$".
var own = map[string]func(string) hash{
	"firebase":        decodeFirebase,
	"bcrypt_peppered": decodePeppered,
	"wrapped":         decodeWrapped,
}

// crypts are those that begin with "$", by the name after it.
var crypts = map[string]func(string) hash{
	argon2id:        decodeArgon2,
	argon2i:         decodeArgon2,
	"2a":            func(s string) hash { return decodeBcrypt("$"+s, false) },
	"2b":            func(s string) hash { return decodeBcrypt("$"+s, false) },
	"2y":            func(s string) hash { return decodeBcrypt("$"+s, false) },
	"wp":            decodeWordPress,
	"P":             decodePHPass,
	"H":             decodePHPass,
	"pbkdf2":        decodePHCPBKDF2,
	"pbkdf2-sha1":   decodePHCPBKDF2,
	"pbkdf2-sha256": decodePHCPBKDF2,
	"pbkdf2-sha512": decodePHCPBKDF2,
	"scrypt":        decodePHCScrypt,
}

// decode takes an encoding apart and tells whether it is laid out as Django
// does. The hash is nil if there is nothing to compare with.
func decode(encoded string) (h hash, django bool) {
	h, django = takeApart(encoded)
	if h != nil && fips140.Enforced() && !approved(h) {
		return nil, django
	}
	return h, django
}

// approved reports whether FIPS 140-only mode lets us compute a hash: MD5 and
// SHA-1 panic there, and PBKDF2 fails with a short salt.
func approved(h hash) bool {
	switch h := h.(type) {
	case *pbkdf2Hash:
		return len(h.salt) >= 16 && h.digest().Size() > sha1.Size
	case *phpassHash:
		return false
	case *wrappedHash:
		d, ok := h.inner.(plainDigest)
		return ok && d.name != "md5" && d.name != "sha1"
	}
	return true
}

func takeApart(encoded string) (h hash, django bool) {
	name, rest, found := strings.Cut(encoded, "$")
	if !found || len(encoded) > maxEncoded {
		return nil, false
	}
	if name == "" {
		name, _, _ = strings.Cut(rest, "$")
		if crypt := crypts[name]; crypt != nil {
			return crypt(rest), false
		}
		return nil, false
	}
	if scheme := schemes[name]; scheme != nil {
		return scheme(rest), true
	}
	if scheme := own[name]; scheme != nil {
		return scheme(rest), false
	}
	return nil, false
}

// number reads a parameter, and reports false outside its bounds.
func number(s string, lowest, highest uint64) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return int(n), err == nil && lowest <= n && n <= highest
}

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

type pbkdf2Hash struct {
	digest     func() gohash.Hash
	iterations int
	salt, tag  []byte
}

// decodePBKDF2 reads iterations$salt$tag. The salt counts as it is written.
func decodePBKDF2(s string, digest func() gohash.Hash, size int) hash {
	f := strings.Split(s, "$")
	if len(f) != 3 || f[1] == "" {
		return nil
	}
	n, ok := number(f[0], 1, maxIterations)
	tag, err := base64.StdEncoding.DecodeString(f[2])
	if !ok || err != nil || len(tag) != size {
		return nil
	}
	return &pbkdf2Hash{digest: digest, iterations: n, salt: []byte(f[1]), tag: tag}
}

func (p *pbkdf2Hash) fits(text []byte) (bool, error) {
	tag, err := pbkdf2.Key(p.digest, string(text), p.salt, p.iterations, len(p.tag))
	return equal(tag, p.tag), err
}

type bcryptHash struct {
	crypt   []byte // $2b$cost$salt and tag
	prehash bool
}

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// decodeBcrypt reads $2b$cost$ and 53 characters of salt and tag. prehash:
// they are of the hexadecimal SHA-256 of the text.
func decodeBcrypt(s string, prehash bool) hash {
	f := strings.Split(s, "$")
	if len(f) != 4 || f[0] != "" || f[1] != "2a" && f[1] != "2b" && f[1] != "2y" {
		return nil
	}
	if _, ok := number(f[2], uint64(bcrypt.MinCost), maxBcryptCost); !ok || len(f[2]) != 2 || len(f[3]) != 53 || strings.Trim(f[3], bcryptAlphabet) != "" {
		return nil
	}
	return &bcryptHash{crypt: []byte(s), prehash: prehash}
}

func (b *bcryptHash) fits(text []byte) (bool, error) {
	if b.prehash {
		sum := sha256.Sum256(text)
		text = []byte(hex.EncodeToString(sum[:]))
	}
	err := bcrypt.CompareHashAndPassword(b.crypt, text)
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	return err == nil, err
}

type scryptHash struct {
	n, r, p   int
	salt, tag []byte
}

// decodeScrypt reads N$salt$r$p$tag. The salt counts as it is written.
func decodeScrypt(s string) hash {
	f := strings.Split(s, "$")
	if len(f) != 5 || f[1] == "" {
		return nil
	}
	n, okN := number(f[0], 2, maxScryptWork)
	r, okR := number(f[2], 1, maxScryptBlocks)
	p, okP := number(f[3], 1, maxScryptBlocks)
	tag, err := base64.StdEncoding.DecodeString(f[4])
	sh := &scryptHash{n: n, r: r, p: p, salt: []byte(f[1]), tag: tag}
	if !okN || !okR || !okP || !sh.bearable() || err != nil || len(tag) != 64 {
		return nil
	}
	return sh
}

// bearable judges the work that a hash asks for.
func (s *scryptHash) bearable() bool {
	return s.n >= 2 && s.n&(s.n-1) == 0 && s.n*s.r*s.p <= maxScryptWork
}

func (s *scryptHash) fits(text []byte) (bool, error) {
	tag, err := scrypt.Key(text, s.salt, s.n, s.r, s.p, len(s.tag))
	return equal(tag, s.tag), err
}
