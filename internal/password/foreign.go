package password

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"  // #nosec G501 -- what phpass is made of
	"crypto/sha1" // #nosec G505 -- what old PBKDF2 hashes are made of
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	gohash "hash"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// A tag of a few bytes would fit many a text; a long one is work for nothing.
const minTag, maxTag = 16, 128

// unpadded reads base64 as PHC strings have it, or as Passlib does, with "."
// for "+". Padding is no matter.
func unpadded(s string) ([]byte, bool) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(strings.ReplaceAll(strings.TrimRight(s, "="), ".", "+"))
	return b, err == nil
}

// digests are the hash functions that PBKDF2 is made with, by their name there.
var digests = map[string]func() gohash.Hash{
	"pbkdf2": sha1.New, "pbkdf2-sha1": sha1.New, "pbkdf2-sha256": sha256.New, "pbkdf2-sha512": sha512.New,
}

// decodePHCPBKDF2 reads pbkdf2-sha256$i=29000,l=32$salt$tag, or Passlib's
// pbkdf2-sha256$29000$salt$tag.
func decodePHCPBKDF2(s string) hash {
	f := strings.Split(s, "$")
	if len(f) != 4 {
		return nil
	}
	rounds, size, sized := strings.Cut(f[1], ",l=")
	n, ok := number(strings.TrimPrefix(rounds, "i="), 1, maxIterations)
	salt, okSalt := unpadded(f[2])
	tag, okTag := unpadded(f[3])
	if !ok || !okSalt || !okTag || sized && size != fmt.Sprint(len(tag)) {
		return nil
	}
	p := &pbkdf2Hash{digest: digests[f[0]], iterations: n, salt: salt, tag: tag}
	if !p.bearable() {
		return nil
	}
	return p
}

// bearable judges the work that a hash asks for: the iterations, for each
// digest that goes into the tag. RFC 8018 §5.2.
func (p *pbkdf2Hash) bearable() bool {
	size := p.digest().Size()
	return len(p.tag) >= minTag && len(p.tag) <= maxTag && p.iterations*((len(p.tag)+size-1)/size) <= maxIterations
}

// decodePHCScrypt reads scrypt$ln=16,r=8,p=1$salt$tag.
func decodePHCScrypt(s string) hash {
	f := strings.Split(s, "$")
	if len(f) != 4 {
		return nil
	}
	cost := map[string]int{}
	for _, c := range strings.Split(f[1], ",") {
		name, v, _ := strings.Cut(c, "=")
		if n, ok := number(v, 1, maxScryptBlocks); ok {
			cost[name] = n
		}
	}
	salt, okSalt := unpadded(f[2])
	tag, okTag := unpadded(f[3])
	if len(cost) != 3 || cost["ln"] < 1 || cost["ln"] > 24 || cost["r"] == 0 || cost["p"] == 0 || !okSalt || !okTag || len(tag) < minTag || len(tag) > maxTag {
		return nil
	}
	h := &scryptHash{n: 1 << cost["ln"], r: cost["r"], p: cost["p"], salt: salt, tag: tag}
	if !h.bearable() {
		return nil
	}
	return h
}

// firebaseHash is Firebase's scrypt: the key that scrypt derives encrypts the
// project's signer key, AES-256 in counter mode from zero. The key stream is
// all that tells of the password, so it is what is stored, without the signer
// key.
type firebaseHash struct {
	scryptHash // its tag is the key stream
}

// decodeFirebase reads memory cost$rounds$salt$key stream. The salt ends with
// the project's separator.
func decodeFirebase(s string) hash {
	f := strings.Split(s, "$")
	if len(f) != 4 {
		return nil
	}
	ln, okN := number(f[0], 1, 24)
	r, okR := number(f[1], 1, maxScryptBlocks)
	salt, okSalt := unpadded(f[2])
	stream, okStream := unpadded(f[3])
	h := &firebaseHash{scryptHash{n: 1 << ln, r: r, p: 1, salt: salt, tag: stream}}
	if !okN || !okR || !okSalt || !okStream || !h.bearable() || len(stream) < minTag || len(stream) > maxTag {
		return nil
	}
	return h
}

func (f *firebaseHash) fits(text []byte) (bool, error) {
	key, err := scrypt.Key(text, f.salt, f.n, f.r, f.p, 32)
	if err != nil {
		return false, err
	}
	stream, err := keyStream(key, len(f.tag))
	return equal(stream, f.tag), err
}

func keyStream(key []byte, size int) ([]byte, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	stream := make([]byte, size)
	cipher.NewCTR(b, make([]byte, aes.BlockSize)).XORKeyStream(stream, stream) // #nosec G407 -- Firebase's own way, each key used once
	return stream, nil
}

// wordPressHash is WordPress's since 6.8: bcrypt of a keyed hash of the
// password, so that more than 72 bytes count.
type wordPressHash struct{ *bcryptHash }

// decodeWordPress reads wp$2y$cost$ and 53 characters.
func decodeWordPress(s string) hash {
	b, ok := decodeBcrypt(strings.TrimPrefix(s, "wp"), false).(*bcryptHash)
	if !ok {
		return nil
	}
	return &wordPressHash{b}
}

func (w *wordPressHash) fits(text []byte) (bool, error) {
	h := hmac.New(sha512.New384, []byte("wp-sha384"))
	h.Write(text)
	return w.bcryptHash.fits([]byte(base64.StdEncoding.EncodeToString(h.Sum(nil))))
}

// pepperedHash is Devise's bcrypt of the password and the site's pepper, which
// [Hasher.Verify] has.
type pepperedHash struct{ *bcryptHash }

// decodePeppered reads $2a$cost$ and 53 characters.
func decodePeppered(s string) hash {
	b, ok := decodeBcrypt(s, false).(*bcryptHash)
	if !ok {
		return nil
	}
	return &pepperedHash{b}
}

// phpass is how a portable hash of phpass is made: MD5, many times.
type phpass struct {
	count int // as a power of two
	salt  string
}

// phpassHash is one with the digest.
type phpassHash struct {
	phpass
	tag []byte
}

const phpassAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// decodePHPass reads P$, a character for the count, eight of salt, and
// twenty-two of the digest.
func decodePHPass(s string) hash {
	if len(s) != 33 {
		return nil
	}
	p, ok := readPHPass(s[2:11])
	tag, okTag := phpassBytes(s[11:])
	if !ok || !okTag {
		return nil
	}
	return &phpassHash{p, tag}
}

// readPHPass reads the count and the salt.
func readPHPass(s string) (p phpass, ok bool) {
	if len(s) != 9 || strings.Trim(s, phpassAlphabet) != "" {
		return p, false
	}
	p = phpass{count: strings.IndexByte(phpassAlphabet, s[0]), salt: s[1:]}
	return p, p.count >= 7 && p.count <= maxPHPassCount
}

func (p phpass) derive(text []byte) []byte {
	sum := md5.Sum(append([]byte(p.salt), text...)) // #nosec G401 -- as others have stored it
	again := make([]byte, md5.Size+len(text))
	copy(again[md5.Size:], text)
	for range 1 << p.count {
		copy(again, sum[:])
		sum = md5.Sum(again) // #nosec G401 -- as above
	}
	return sum[:]
}

func (p phpass) encode() string { return "phpass," + string(phpassAlphabet[p.count]) + p.salt }

func (p *phpassHash) fits(text []byte) (bool, error) { return equal(p.derive(text), p.tag), nil }

// phpassBytes reads phpass's own base64 of a digest: three bytes are four
// characters, the least first.
func phpassBytes(s string) ([]byte, bool) {
	var b []byte
	for len(s) > 0 {
		group := s[:min(4, len(s))]
		s = s[len(group):]
		var v, bits int
		for _, c := range []byte(group) {
			i := strings.IndexByte(phpassAlphabet, c)
			if i < 0 {
				return nil, false
			}
			v |= i << bits
			bits += 6
		}
		for ; bits >= 8; bits -= 8 {
			b = append(b, byte(v))
			v >>= 8
		}
		if v != 0 {
			return nil, false // two spellings of one digest
		}
	}
	return b, len(b) == md5.Size
}
