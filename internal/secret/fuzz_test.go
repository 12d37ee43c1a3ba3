package secret_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/headless-auth/headless/internal/secret"
)

// What was not sealed here is not opened, and what was is, in its place alone.
func FuzzOpen(f *testing.F) {
	keys := secret.NewKeys([]byte("0123456789abcdef0123456789abcdef"), []byte("fedcba9876543210fedcba9876543210"))
	for _, s := range []string{"", "x", ".", "00000000.AAAA", "a.b.c", keys.SealText([]byte("x"), "test", "here")} {
		f.Add([]byte(s), "here")
	}
	f.Fuzz(func(t *testing.T, b []byte, bound string) {
		// Whoever finds one by chance has found more than a mistake of ours.
		if _, err := keys.Open(b, "test", bound); !errors.Is(err, secret.ErrSealed) {
			t.Fatalf("%q was opened: %v", b, err)
		}
		if p, err := keys.OpenText(string(b), "test", bound); err == nil && (bound != "here" || string(p) != "x") || err != nil && !errors.Is(err, secret.ErrSealed) {
			t.Fatalf("%q was opened: %q, %v", b, p, err)
		}
		text := keys.SealText(b, "test", bound)
		if p, err := keys.OpenText(text, "test", bound); err != nil || !bytes.Equal(p, b) || !keys.SealedNow(text, "test") {
			t.Fatalf("%q became %q, %v", b, p, err)
		}
		if _, err := keys.OpenText(text, "test", bound+"x"); err == nil {
			t.Fatalf("%q was opened elsewhere", b)
		}
		if _, err := keys.OpenText(text, "other", bound); err == nil {
			t.Fatalf("%q was opened for another purpose", b)
		}
	})
}
