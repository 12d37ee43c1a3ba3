package password_test

import (
	"crypto/fips140"
	"crypto/rand"
	"os"
	"os/exec"
	"testing"

	"github.com/headless-auth/headless/internal/password"
)

// In FIPS 140-only mode what it forbids matches nothing, and what it allows
// goes on working.
func TestFIPS(t *testing.T) {
	if !fips140.Enforced() {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFIPS$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	h, err := password.New(password.Params{Memory: 64, Time: 1, Threads: 1, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	own, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		text, encoded string
		ok            bool
	}{
		"Argon2id":           {"correct horse", own, true},
		"PBKDF2 and SHA-256": {"password", "pbkdf2_sha256$1$saltsaltsaltsalt$sT1ml+mc1tF0XaCX7gPkvlATQedv6RYaeI3j1M0L4hk=", true},
		"a short salt":       {"password", "pbkdf2_sha256$1$salt$EgPkL3cQ6kDIrKxBFBWcvK7cxCcPHkbmBXMyz3bGcwg=", false},
		"PBKDF2 and SHA-1":   {"\t correct horse \n", "pbkdf2_sha1$1000$saltsaltsaltsaltsalt12$W1zR0lX3SSnxjJJFq7BirlR/5qo=", false},
		"phpass":             {"test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", false},
	} {
		t.Run(name, func(t *testing.T) {
			ok, _, err := h.Verify(t.Context(), tt.text, tt.encoded)
			if ok != tt.ok || err != nil {
				t.Errorf("got %v, %v; want %v", ok, err, tt.ok)
			}
		})
	}
}
