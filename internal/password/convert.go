package password

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Foreign is a hash as another system keeps it.
type Foreign struct {
	// Format is "" for a text that tells by itself what it is, else "md5",
	// "sha1", "sha256", "sha512", "aspnet", "devise" or "firebase".
	Format string
	Hash   string
	// SaltBefore and SaltAfter are what was put around the password for one of
	// the plain digests. SaltBefore is the salt of firebase.
	SaltBefore, SaltAfter []byte
	// Firebase has the parameters of its hashes.
	Firebase *Firebase
}

// Firebase is what the hashes of a project have in common.
type Firebase struct {
	SignerKey, SaltSeparator []byte
	Rounds, MemCost          int
}

// Converted is a hash of another system that was understood.
type Converted struct {
	encoded string
	inner   derivation
	digest  []byte
}

// Weak tells whether the hash is so fast to compute that whoever has it soon
// has the password. It should be put into [Hasher.Wrap].
func (c *Converted) Weak() bool { return c.inner != nil }

// Encoded is what [Hasher.Verify] reads. It is empty for what it does not read
// unwrapped.
func (c *Converted) Encoded() string { return c.encoded }

// errUnread tells nothing of the hash itself: it goes into reports.
var errUnread = errors.New("is in no known format, or asks for unreasonable work")

// Convert reads a hash of another system.
func Convert(f Foreign) (*Converted, error) {
	var c *Converted
	switch f.Format {
	case "":
		c = convertText(f.Hash)
	case "md5", "sha1", "sha256", "sha512":
		c = convertDigest(f.Format, f.Hash, f.SaltBefore, f.SaltAfter)
	case "aspnet":
		c = convertASPNET(f.Hash)
	case "devise":
		c = encodedAs("bcrypt_peppered$" + f.Hash)
	case "firebase":
		if f.Firebase == nil {
			return nil, errors.New("needs the project's hash parameters")
		}
		c = f.Firebase.convert(f.Hash, f.SaltBefore)
	default:
		return nil, fmt.Errorf("has the format %q, which is not known", f.Format)
	}
	if c == nil {
		return nil, errUnread
	}
	return c, nil
}

// encodedAs is an encoding, if it is one that is read.
func encodedAs(encoded string) *Converted {
	stored, _ := decode(encoded)
	switch stored := stored.(type) {
	case nil:
		return nil
	case *phpassHash:
		return &Converted{encoded: encoded, inner: stored.phpass, digest: stored.tag}
	}
	return &Converted{encoded: encoded}
}

func convertText(s string) *Converted {
	if c := encodedAs(s); c != nil {
		return c
	}
	f := strings.Split(s, "$")
	switch {
	case strings.HasPrefix(s, "{"):
		return convertLDAP(s)
	case len(f) == 3 && (f[0] == "md5" || f[0] == "sha1"): // Django's
		return convertDigest(f[0], f[2], []byte(f[1]), nil)
	case len(f) == 3:
		return convertWerkzeug(f)
	}
	return nil
}

// convertDigest reads a digest in hexadecimal or base64.
func convertDigest(name, text string, before, after []byte) *Converted {
	size := weak[name]().Size()
	digest, err := hex.DecodeString(text)
	if err != nil {
		digest, _ = unpadded(text)
	}
	if len(digest) != size || len(before)+len(after) > 128 {
		return nil
	}
	return &Converted{inner: plainDigest{name, before, after}, digest: digest}
}

var ldap = map[string]string{
	"MD5": "md5", "SMD5": "md5", "SHA": "sha1", "SSHA": "sha1",
	"SHA256": "sha256", "SSHA256": "sha256", "SHA512": "sha512", "SSHA512": "sha512",
}

// convertLDAP reads {SSHA}base64 of digest and salt, and its relatives.
// RFC 2307 §5.3.
func convertLDAP(s string) *Converted {
	name, rest, _ := strings.Cut(s[1:], "}")
	if name == "CRYPT" {
		return encodedAs(rest)
	}
	digest := ldap[strings.ToUpper(name)]
	b, ok := unpadded(rest)
	if digest == "" || !ok {
		return nil
	}
	size := weak[digest]().Size()
	salted := strings.HasPrefix(strings.ToUpper(name), "SS") || strings.EqualFold(name, "SMD5")
	if len(b) < size || len(b) > size+128 || (len(b) > size) != salted {
		return nil
	}
	return &Converted{inner: plainDigest{name: digest, after: b[size:]}, digest: b[:size]}
}

// convertWerkzeug reads what Flask's usual helper makes: pbkdf2:sha256:rounds
// or scrypt:N:r:p, salt, and the tag in hexadecimal.
func convertWerkzeug(f []string) *Converted {
	tag, err := hex.DecodeString(f[2])
	if err != nil {
		return nil
	}
	b64 := base64.RawStdEncoding.EncodeToString
	p := strings.Split(f[0], ":")
	switch {
	case p[0] == "pbkdf2" && len(p) == 3:
		return encodedAs(fmt.Sprintf("$pbkdf2-%s$i=%s$%s$%s", p[1], p[2], b64([]byte(f[1])), b64(tag)))
	case p[0] == "scrypt" && len(p) == 4:
		n, _ := number(p[1], 2, maxScryptWork)
		ln := 0
		for n > 1 && n%2 == 0 {
			n /= 2
			ln++
		}
		if n != 1 {
			return nil
		}
		return encodedAs(fmt.Sprintf("$scrypt$ln=%d,r=%s,p=%s$%s$%s", ln, p[2], p[3], b64([]byte(f[1])), b64(tag)))
	}
	return nil
}

// convertASPNET reads the blobs of ASP.NET Identity: version 2 is 0, 16 bytes
// of salt, and 32 of PBKDF2-HMAC-SHA-1 in 1000 rounds; version 3 is 1, the hash
// function, the rounds and the length of the salt as big-endian 32 bits, salt
// and tag.
func convertASPNET(text string) *Converted {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil
	}
	b64 := base64.RawStdEncoding.EncodeToString
	switch {
	case b[0] == 0 && len(b) == 1+16+32:
		return encodedAs("$pbkdf2-sha1$i=1000$" + b64(b[1:17]) + "$" + b64(b[17:]))
	case b[0] == 1 && len(b) > 13:
		prf, rounds, salt := binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:]), binary.BigEndian.Uint32(b[9:])
		names := []string{"sha1", "sha256", "sha512"}
		if int64(prf) >= int64(len(names)) || salt < 8 || int64(salt) > int64(len(b)-13) {
			return nil
		}
		end := 13 + int(salt)
		return encodedAs(fmt.Sprintf("$pbkdf2-%s$i=%d$%s$%s", names[prf], rounds, b64(b[13:end]), b64(b[end:])))
	}
	return nil
}

// convert takes the signer key off a hash: see firebaseHash.
func (p *Firebase) convert(text string, salt []byte) *Converted {
	stream, ok := unpadded(urlSafe.Replace(text))
	if !ok || len(stream) != len(p.SignerKey) {
		return nil
	}
	for i, k := range p.SignerKey {
		stream[i] ^= k
	}
	b64 := base64.RawStdEncoding.EncodeToString
	return encodedAs(fmt.Sprintf("firebase$%d$%d$%s$%s", p.MemCost, p.Rounds, b64(append(salt[:len(salt):len(salt)], p.SaltSeparator...)), b64(stream)))
}

// urlSafe turns the base64 of URLs into the usual one.
var urlSafe = strings.NewReplacer("-", "+", "_", "/")
