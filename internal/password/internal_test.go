package password

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The search in the list needs its order, and looks for lower case.
func TestCommonListIsSorted(t *testing.T) {
	t.Parallel()
	if !strings.HasSuffix(commonList, "\n") {
		t.Error("the last line has no end")
	}
	lines := strings.Split(strings.TrimSuffix(commonList, "\n"), "\n")
	if len(lines) < 20_000 {
		t.Errorf("only %d lines", len(lines))
	}
	for i, line := range lines {
		if line == "" || line != strings.ToLower(strings.TrimSpace(line)) {
			t.Errorf("line %d: %q is not in lower case and trimmed", i+1, line)
		}
		if i > 0 && lines[i-1] >= line {
			t.Errorf("line %d: %q is out of order", i+1, line)
		}
		if !common(line) {
			t.Errorf("line %d: %q is not found", i+1, line)
		}
		if next := line + "\x00"; common(next) && !slices.Contains(lines, next) {
			t.Errorf("line %d: %q is found", i+1, next)
		}
	}
}

// work estimates a hash's cost in bytes of memory and in units of about a
// microsecond, from what its fields say.
func work(h hash) (bytes, microseconds int) {
	switch h := h.(type) {
	case *pbkdf2Hash:
		size := h.digest().Size()
		return len(h.tag), h.iterations * ((len(h.tag) + size - 1) / size) / 2
	case *argon2Hash:
		speed := 1
		if h.version == version10 {
			speed = 4
		}
		return h.memory << 10, h.memory * h.time * speed
	case *bcryptHash:
		cost, _ := strconv.Atoi(string(h.crypt[4:6]))
		return 4 << 10, 50 << cost
	case *wordPressHash:
		return work(h.bcryptHash)
	case *pepperedHash:
		return work(h.bcryptHash)
	case *phpassHash:
		return 0, 1 << h.count / 4
	case *wrappedHash:
		bytes, microseconds = work(h.outer)
		if p, ok := h.inner.(phpass); ok {
			microseconds += 1 << p.count / 4
		}
		return bytes, microseconds
	case *firebaseHash:
		return work(&h.scryptHash)
	case *scryptHash:
		return 128 * h.r * (h.n + h.p), h.n * h.r * h.p / 3
	}
	panic(fmt.Sprintf("no estimate for %T", h))
}

// Whatever stands in a row of passwords, verifying it neither panics nor takes
// more memory or time than the bounds say, counts as one hash, and matches
// only what it should.
func FuzzVerify(f *testing.F) {
	h, err := New(Params{Memory: 8, Time: 1, Threads: 1})
	if err != nil {
		f.Fatal(err)
	}
	ours, err := h.Hash(f.Context(), "secret")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("secret", ours)
	f.Add(" secret ", "argon2"+ours)
	f.Add("secret", "argon2$argon2i$m=8,t=1,p=1$c29tZXNhbHQ$gwQOXSNhxiOxPOA0+PY10P9QFO4NAYysnqRt1GSQLE55m+2GYDt9FEjPMHhP2Cuf0nOEXXMocVrsJAtNSsKyfg")
	f.Add("x", "$argon2id$v=19$m=1048576,t=4,p=64$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q")
	f.Add("x", "$argon2id$v=19$m=4294967295,t=4294967295,p=255$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q")
	f.Add("correct horse", "pbkdf2_sha256$1000$saltsaltsaltsaltsalt12$7kQnvik2EF+ZgxuPgZDCIKdNYs3JKaGATJCvSjVHMpY=")
	f.Add("x", "pbkdf2_sha1$4294967295$s$W1zR0lX3SSnxjJJFq7BirlR/5qo=")
	f.Add("x", "scrypt$2$s$1$1$IkLPABwQi2bMaNC/nwmkOtdhKQBqN1gxT82fptJ64D7xmztjAAvqryJzUFGpDmDwMLuorliclxjx2QvICXzCNQ==")
	f.Add("x", "scrypt$1073741824$s$1073741823$1$IkLPABwQi2bMaNC/nwmkOtdhKQBqN1gxT82fptJ64D7xmztjAAvqryJzUFGpDmDwMLuorliclxjx2QvICXzCNQ==")
	f.Add("correct horse", "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuIvyWZlBcE3WoQXKqRnwrLYJ6nenE0Bq")
	f.Add("correct horse", "$2y$31$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e")
	f.Add("test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0")
	f.Add("x", "$pbkdf2-sha512$i=1212,l=64$RHY0Fr3IDMSVO/RSZyb5ow$eNLfBK.eVozomMr.1gYa17k9B7KIK25NOEshvhrSX.esqY3s.FvWZViXz4KoLlQI.BzY/YTNJOiKc5gBYFYGww")
	f.Add("x", "$scrypt$ln=4,r=8,p=1$MTIzNDU2Nzg$NuB+vs2zc0fb2UzIRwwAV6ZWb3St8+X9IedYI1gQsoo")
	f.Add("x", "firebase$4$8$42xEC+ixf3L2lwc$NuB+vs2zc0fb2UzIRwwAV6ZWb3St8+X9IedYI1gQsoo")
	f.Add("x", "bcrypt_peppered$$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e")
	f.Add("x", "$wp$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e")
	f.Add("x", "wrapped$md5,,$argon2id$v=19$m=8,t=1,p=1$2wD/nCwyx9iY/wt2HVDe3A$mPaMioH4hkux/oC7w1HcT2snEM5H/Ivajw19mvku2Wo")
	f.Add("x", "wrapped$phpass,912345678$argon2id$v=19$m=8,t=1,p=1$2wD/nCwyx9iY/wt2HVDe3A$mPaMioH4hkux/oC7w1HcT2snEM5H/Ivajw19mvku2Wo")
	f.Add("", "!")
	f.Add("", "$$$$$$")
	f.Fuzz(func(t *testing.T, text, encoded string) {
		stored, _ := decode(encoded)
		if stored != nil {
			bytes, microseconds := work(stored)
			if bytes > 1<<30+1<<20 || microseconds > 5_000_000 {
				t.Fatalf("%d bytes, about %d µs", bytes, microseconds)
			}
			if bytes > 1<<20 || microseconds > 10_000 {
				t.Skip("within the bounds, but too long for a fuzzer")
			}
		}
		before := h.Stats().Done
		ok, upgrade, err := h.Verify(t.Context(), text, encoded)
		if err != nil {
			t.Fatal(err)
		}
		if h.Stats().Done != before+1 {
			t.Error("did not take one turn")
		}
		if upgrade && !ok || ok && stored == nil {
			t.Errorf("got %v, %v", ok, upgrade)
		}
		if ok {
			if other, _, _ := h.Verify(t.Context(), "?"+text, encoded); other {
				t.Error("another password fits as well")
			}
		}
	})
}

// Whatever another system has kept, reading it does not panic, and what comes
// of it is either read back or wrapped.
func FuzzConvert(f *testing.F) {
	f.Add("", "{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr", []byte(nil))
	f.Add("", "md5$salt$a0b2162b9b8dc5ca7e0601bedaf83f43", []byte(nil))
	f.Add("", "pbkdf2:sha256:1000$salt$a0b2162b9b8dc5ca7e0601bedaf83f43", []byte(nil))
	f.Add("", "scrypt:1024:8:1$salt$a0b2162b9b8dc5ca7e0601bedaf83f43", []byte(nil))
	f.Add("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d", []byte("salt"))
	f.Add("aspnet", "AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==", []byte(nil))
	f.Add("devise", "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", []byte(nil))
	f.Add("firebase", "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==", []byte("salt"))
	h, err := New(Params{Memory: 8, Time: 1, Threads: 1})
	if err != nil {
		f.Fatal(err)
	}
	project := &Firebase{SignerKey: make([]byte, 64), SaltSeparator: []byte{7}, Rounds: 8, MemCost: 4}
	f.Fuzz(func(t *testing.T, format, text string, salt []byte) {
		c, err := Convert(Foreign{Format: format, Hash: text, SaltBefore: salt, Firebase: project})
		if err != nil {
			return
		}
		stored, err := h.Wrap(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		for _, encoded := range []string{stored, c.encoded} {
			if read, _ := decode(encoded); read == nil && (encoded != "" || !c.Weak()) {
				t.Errorf("%q is not read", encoded)
			}
		}
	})
}

// Encodings at the bounds, which no fuzzer should try.
func BenchmarkVerifyAtTheBounds(b *testing.B) {
	h, err := New(Params{})
	if err != nil {
		b.Fatal(err)
	}
	const tag = "IkLPABwQi2bMaNC/nwmkOtdhKQBqN1gxT82fptJ64D7xmztjAAvqryJzUFGpDmDwMLuorliclxjx2QvICXzCNQ=="
	for name, encoded := range map[string]string{
		"pbkdf2":     "pbkdf2_sha256$10000000$salt$7kQnvik2EF+ZgxuPgZDCIKdNYs3JKaGATJCvSjVHMpY=",
		"argon2":     "$argon2id$v=19$m=1048576,t=4,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q",
		"argon2-1.0": "$argon2i$m=1048576,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q",
		"bcrypt":     "$2b$16$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
		"scrypt":     "scrypt$1048576$salt$8$1$" + tag,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := h.Verify(b.Context(), "correct horse", encoded); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
