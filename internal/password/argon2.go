package password

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The versions of Argon2, as the v parameter has them. A PHC string without v
// is of the older one.
const (
	version10 = 0x10
	version13 = 0x13 // RFC 9106
)

const argon2id, argon2i = "argon2id", "argon2i"

// argon2Cost is what an Argon2 hash is made with.
type argon2Cost struct {
	variant               string
	version               int
	memory, time, threads int // KiB, passes, lanes
}

type argon2Hash struct {
	argon2Cost
	salt, tag []byte
}

// decodeArgon2 reads a PHC string without its leading "$":
// argon2id$v=19$m=19456,t=2,p=1$salt$tag.
func decodeArgon2(s string) hash {
	f := strings.Split(s, "$")
	if len(f) == 4 {
		f = append([]string{f[0], "v=16"}, f[1:]...)
	}
	if len(f) != 5 {
		return nil
	}
	a := &argon2Hash{argon2Cost: argon2Cost{variant: f[0]}}
	switch f[0] + "$" + f[1] {
	case "argon2id$v=19", "argon2i$v=19":
		a.version = version13
	case "argon2i$v=16": // argon2id came later
		a.version = version10
	default:
		return nil
	}
	cost := strings.Split(f[2], ",")
	if len(cost) != 3 {
		return nil
	}
	for i, c := range []struct {
		name    string
		v       *int
		highest uint64
	}{{"m=", &a.memory, maxMemory}, {"t=", &a.time, maxMemoryPasses}, {"p=", &a.threads, maxThreads}} {
		v, ok := strings.CutPrefix(cost[i], c.name)
		if !ok {
			return nil
		}
		if *c.v, ok = number(v, 1, c.highest); !ok {
			return nil
		}
	}
	work := a.memory * a.time
	if a.version == version10 {
		work *= 4 // ours is that much slower
	}
	if a.memory < 8*a.threads || work > maxMemoryPasses {
		return nil
	}
	var err error
	if a.salt, err = base64.RawStdEncoding.DecodeString(f[3]); err != nil || len(a.salt) < 8 {
		return nil
	}
	// A tag of a few bytes would fit many a text.
	if a.tag, err = base64.RawStdEncoding.DecodeString(f[4]); err != nil || len(a.tag) < 16 || len(a.tag) > 64 {
		return nil
	}
	return a
}

func (a *argon2Hash) fits(text []byte) (bool, error) {
	return equal(a.derive(text, len(a.tag)), a.tag), nil
}

func (a *argon2Hash) derive(text []byte, size int) []byte {
	key := argon2.IDKey
	switch {
	case a.version == version10:
		return argon2iV10(text, a.salt, a.time, a.memory, a.threads, size)
	case a.variant == argon2i:
		key = argon2.Key
	}
	return key(text, a.salt, uint32(a.time), uint32(a.memory), uint8(a.threads), uint32(size))
}

// encode is the PHC string.
func (a *argon2Hash) encode() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", a.variant, a.version, a.memory, a.time, a.threads, b64(a.salt), b64(a.tag))
}
