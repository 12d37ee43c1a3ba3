package password_test

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/headless-auth/headless/internal/password"
)

// What other systems stored. Those of "correct horse" are in
// config-openapi.md §5.
var vectors = []struct{ name, text, encoded string }{
	{"pbkdf2_sha256", "correct horse", "pbkdf2_sha256$1000$saltsaltsaltsaltsalt12$7kQnvik2EF+ZgxuPgZDCIKdNYs3JKaGATJCvSjVHMpY="},
	{"pbkdf2_sha256 beyond ASCII", "lètmein", "pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c="},
	{"pbkdf2_sha1", "correct horse", "pbkdf2_sha1$1000$saltsaltsaltsaltsalt12$W1zR0lX3SSnxjJJFq7BirlR/5qo="},
	{"scrypt", "correct horse", "scrypt$16384$saltsaltsaltsaltsalt12$8$1$IkLPABwQi2bMaNC/nwmkOtdhKQBqN1gxT82fptJ64D7xmztjAAvqryJzUFGpDmDwMLuorliclxjx2QvICXzCNQ=="},
	{"argon2id", "correct horse", "argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHRzYWx0c2FsdHNhbHQxMg$A/RahqAODdL9cG4UICUqOw"},
	{"argon2id with a short salt", "secret", "argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw"},
	{"argon2i", "secret", "argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q"},
	{"argon2i without version", "secret", "argon2$argon2i$m=8,t=1,p=1$c29tZXNhbHQ$gwQOXSNhxiOxPOA0+PY10P9QFO4NAYysnqRt1GSQLE55m+2GYDt9FEjPMHhP2Cuf0nOEXXMocVrsJAtNSsKyfg"},
	{"bcrypt_sha256", "correct horse", "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuIvyWZlBcE3WoQXKqRnwrLYJ6nenE0Bq"},
	{"bcrypt", "correct horse", "bcrypt$$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"},

	{"plain bcrypt 2b", "correct horse", "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"},
	{"plain bcrypt 2a", "correct horse", "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"},
	{"plain bcrypt 2y", "correct horse", "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"},
	{"plain argon2id", "correct horse", "$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHRzYWx0c2FsdHNhbHQxMg$A/RahqAODdL9cG4UICUqOw"},

	// The reference implementation's own, of versions 1.3 and 1.0.
	{"plain argon2i of 1.3", "password", "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQAAAAAAAAAAA$rqnbEp1/jFDUEKZZmw+z14amDsFqMDC53dIe57ZHD38"},
	{"plain argon2i of 1.0", "password", "$argon2i$m=256,t=2,p=1$c29tZXNhbHQAAAAAAAAAAA$40ax4ap8pYybuGLiI7pWBAZDmNQ5TknpCXLGtUzvQ+0"},
	{"plain argon2i of 1.0 with two lanes", "password", "$argon2i$m=256,t=2,p=2$c29tZXNhbHQAAAAAAAAAAA$UkF5zlzJYIIovd1MK3jjlO+j+wBocDOQq72K+x+oY2g"},
	{"plain argon2i of 1.0 with one pass", "password", "$argon2i$m=65536,t=1,p=1$c29tZXNhbHQAAAAAAAAAAA$tJGZ5Oyw9mWeaUf5ReORyUCxcQbh0LCpiIAGx/h6eJs"},
	{"plain argon2i of 1.0 with four passes", "password", "$argon2i$v=16$m=65536,t=4,p=1$c29tZXNhbHQAAAAAAAAAAA$ciB7MxLXmZX757MGZIN64SRvmpjgfqw0g1yjSY5wX4U"},
}

func TestVerifyStoredElsewhere(t *testing.T) {
	t.Parallel()
	h := hasher(t, cheap)
	for _, tt := range vectors {
		t.Run(tt.name, func(t *testing.T) {
			if ok, upgrade := verify(t, h, tt.text, tt.encoded); !ok || !upgrade {
				t.Errorf("got %v, %v; want true, true", ok, upgrade)
			}
			if ok, upgrade := verify(t, h, tt.text+"!", tt.encoded); ok || upgrade {
				t.Errorf("wrong password: got %v, %v; want false, false", ok, upgrade)
			}
		})
	}

	t.Run("Django's argon2 at our own cost is replaced all the same", func(t *testing.T) {
		encoded, err := h.Hash(t.Context(), "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		if ok, upgrade := verify(t, h, "correct horse", "argon2"+encoded); !ok || !upgrade {
			t.Errorf("got %v, %v; want true, true", ok, upgrade)
		}
	})

	t.Run("bcrypt reads 72 bytes, bcrypt_sha256 all of them", func(t *testing.T) {
		text := strings.Repeat("x", 72)
		sum := sha256.Sum256([]byte(text))
		for scheme, tt := range map[string]struct {
			hashed  string
			cutsOff bool
		}{"bcrypt": {text, true}, "bcrypt_sha256": {hex.EncodeToString(sum[:]), false}} {
			crypt, err := bcrypt.GenerateFromPassword([]byte(tt.hashed), bcrypt.MinCost)
			if err != nil {
				t.Fatal(err)
			}
			encoded := scheme + "$" + string(crypt)
			if ok, _ := verify(t, h, text, encoded); !ok {
				t.Errorf("%s: 72 bytes don't fit", scheme)
			}
			if ok, _ := verify(t, h, text+"more", encoded); ok != tt.cutsOff {
				t.Errorf("%s: 76 bytes: got %v, want %v", scheme, ok, tt.cutsOff)
			}
		}
	})
}

func TestVerifyTrimsForDjangoOnly(t *testing.T) {
	t.Parallel()
	h := hasher(t, cheap)
	const typed = "\t correct horse \n"
	for _, tt := range vectors {
		if tt.text != "correct horse" {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			want := tt.encoded[0] != '$'
			if ok, upgrade := verify(t, h, typed, tt.encoded); ok != want || upgrade {
				t.Errorf("got %v, %v; want %v, false", ok, upgrade, want)
			}
		})
	}
}

// allauth asked again for a password of spaces alone.
func TestVerifyDoesNotTrimToNothing(t *testing.T) {
	t.Parallel()
	h := hasher(t, cheap)
	encoded, err := h.Hash(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := verify(t, h, "  ", "argon2"+encoded); ok {
		t.Error("spaces fit the hash of nothing")
	}
}

// Whatever can't be compared with costs one hash of ours and does not match.
func TestVerifyNothingToCompareWith(t *testing.T) {
	t.Parallel()
	const (
		tag16 = "A/RahqAODdL9cG4UICUqOw"
		tag32 = "7kQnvik2EF+ZgxuPgZDCIKdNYs3JKaGATJCvSjVHMpY="
		tag64 = "IkLPABwQi2bMaNC/nwmkOtdhKQBqN1gxT82fptJ64D7xmztjAAvqryJzUFGpDmDwMLuorliclxjx2QvICXzCNQ=="
		crypt = "abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
	)
	for name, encoded := range map[string]string{
		"empty":                        "",
		"unusable":                     "!WnC5zl1QaMFV4yLpcv9GLtDbuiEqtDPrKHUWyLPj",
		"plain text":                   "correct horse",
		"unknown scheme":               "rot13$salt$pbeerpg ubefr",
		"unknown PHC scheme":           "$argon2d$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$" + tag16,
		"crypt of another kind":        "$5$saltsalt$hash",
		"salted MD5":                   "md5$saltsaltsaltsaltsalt12$a0b2162b9b8dc5ca7e0601bedaf83f43",
		"plain MD5":                    "88a434c88cca4e900f7874cd98123f43",
		"plain MD5, other spelling":    "md5$$88a434c88cca4e900f7874cd98123f43",
		"longer than any encoding":     "pbkdf2_sha256$1000$" + strings.Repeat("s", 512) + "$" + tag32,
		"only the scheme":              "pbkdf2_sha256$",
		"pbkdf2 without salt":          "pbkdf2_sha256$1000$$" + tag32,
		"pbkdf2 with too few parts":    "pbkdf2_sha256$1000$salt",
		"pbkdf2 with no iterations":    "pbkdf2_sha256$0$salt$" + tag32,
		"pbkdf2 with negative":         "pbkdf2_sha256$-1$salt$" + tag32,
		"pbkdf2 without end":           "pbkdf2_sha256$10000001$salt$" + tag32,
		"pbkdf2 beyond 64 bits":        "pbkdf2_sha256$18446744073709551617$salt$" + tag32,
		"pbkdf2 with an empty tag":     "pbkdf2_sha256$1000$salt$",
		"pbkdf2 with the wrong tag":    "pbkdf2_sha1$1000$salt$" + tag32,
		"pbkdf2 with bad base64":       "pbkdf2_sha256$1000$salt$*",
		"argon2 with too few parts":    "argon2$argon2id$v=19$m=8,t=1,p=1",
		"argon2id of version 1.0":      "argon2$argon2id$m=8,t=1,p=1$c2FsdHNhbHQ$" + tag16,
		"argon2 of the future":         "argon2$argon2id$v=20$m=8,t=1,p=1$c2FsdHNhbHQ$" + tag16,
		"argon2 without threads":       "argon2$argon2id$v=19$m=8,t=1$c2FsdHNhbHQ$" + tag16,
		"argon2 in another order":      "argon2$argon2id$v=19$t=1,m=8,p=1$c2FsdHNhbHQ$" + tag16,
		"argon2 with no passes":        "argon2$argon2id$v=19$m=8,t=0,p=1$c2FsdHNhbHQ$" + tag16,
		"argon2 with too little":       "argon2$argon2id$v=19$m=8,t=1,p=2$c2FsdHNhbHQ$" + tag16,
		"argon2 with too much":         "argon2$argon2id$v=19$m=1048577,t=1,p=1$c2FsdHNhbHQ$" + tag16,
		"argon2 with too many passes":  "argon2$argon2id$v=19$m=1048576,t=5,p=1$c2FsdHNhbHQ$" + tag16,
		"argon2 of 1.0 with too much":  "argon2$argon2i$m=1048576,t=2,p=1$c2FsdHNhbHQ$" + tag16,
		"argon2 with too many threads": "argon2$argon2id$v=19$m=1048576,t=1,p=65$c2FsdHNhbHQ$" + tag16,
		"argon2 with a tiny salt":      "argon2$argon2id$v=19$m=8,t=1,p=1$c2FsdA$" + tag16,
		"argon2 with an empty tag":     "argon2$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$",
		"argon2 with bad base64":       "argon2$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ=$" + tag16,
		"bcrypt too costly":            "bcrypt$$2b$17$" + crypt,
		"bcrypt too cheap":             "bcrypt$$2b$03$" + crypt,
		"bcrypt of one digit":          "bcrypt$$2b$4$" + crypt,
		"bcrypt of another kind":       "bcrypt$$2x$04$" + crypt,
		"bcrypt cut short":             "$2b$04$" + crypt[1:],
		"bcrypt with other characters": "$2b$04$" + crypt[:52] + "*",
		"bcrypt without its dollars":   "bcrypt$2b$04$" + crypt,
		"scrypt with too few parts":    "scrypt$16384$salt$8$1",
		"scrypt without salt":          "scrypt$16384$$8$1$" + tag64,
		"scrypt with odd N":            "scrypt$16383$salt$8$1$" + tag64,
		"scrypt with too much memory":  "scrypt$2097152$salt$8$1$" + tag64,
		"scrypt with too much work":    "scrypt$1048576$salt$8$2$" + tag64,
		"scrypt with wide blocks":      "scrypt$16$salt$65$1$" + tag64,
		"scrypt with a short tag":      "scrypt$16384$salt$8$1$" + tag32,
	} {
		t.Run(name, func(t *testing.T) {
			h := hasher(t, cheap)
			for _, text := range []string{"correct horse", "", encoded} {
				if ok, upgrade := verify(t, h, text, encoded); ok || upgrade {
					t.Errorf("%q: got %v, %v; want false, false", text, ok, upgrade)
				}
			}
			if got := h.Stats().Done; got != 3 {
				t.Errorf("%d hashes, want 3", got)
			}
		})
	}

	t.Run("a password beyond the limit", func(t *testing.T) {
		h := hasher(t, cheap)
		for size, want := range map[int]bool{password.MaxBytes: true, password.MaxBytes + 1: false} {
			text := strings.Repeat("x", size)
			tag, err := pbkdf2.Key(sha256.New, text, []byte("saltsaltsaltsalt"), 1, sha256.Size)
			if err != nil {
				t.Fatal(err)
			}
			encoded := "pbkdf2_sha256$1$saltsaltsaltsalt$" + base64.StdEncoding.EncodeToString(tag)
			if ok, _ := verify(t, h, text, encoded); ok != want {
				t.Errorf("%d bytes: got %v, want %v", size, ok, want)
			}
		}
	})
}
