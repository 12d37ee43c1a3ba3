package secret_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/headless-auth/headless/internal/secret"
)

func TestSealText(t *testing.T) {
	t.Parallel()
	old, next := bytes.Repeat([]byte("a"), 32), bytes.Repeat([]byte("b"), 32)
	before, after, dropped := secret.NewKeys(old), secret.NewKeys(next, old), secret.NewKeys(next)
	sealed := before.SealText([]byte("plain"), "p", "row 1")

	opens := func(k *secret.Keys, purpose, bound string) bool {
		t.Helper()
		b, err := k.OpenText(sealed, purpose, bound)
		if err != nil && !errors.Is(err, secret.ErrSealed) {
			t.Fatalf("got %v, want ErrSealed", err)
		}
		return err == nil && string(b) == "plain"
	}
	if !opens(before, "p", "row 1") || !opens(after, "p", "row 1") {
		t.Error("a value does not open with the key it was made with")
	}
	if opens(dropped, "p", "row 1") || opens(before, "q", "row 1") || opens(before, "p", "row 2") {
		t.Error("a value opens without its key, for another purpose, or for another row")
	}
	if !before.SealedNow(sealed, "p") || after.SealedNow(sealed, "p") {
		t.Error("the key of a value is not told")
	}
	if again := after.SealText([]byte("plain"), "p", "row 1"); again[:8] == sealed[:8] || bytes.Contains([]byte(again), []byte("plain")) {
		t.Errorf("got %q after the rotation of %q", again, sealed)
	}
	for _, junk := range []string{"", ".", "x", sealed[:9], sealed + "A", "00000000" + sealed[8:]} {
		if b, err := before.OpenText(junk, "p", "row 1"); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("%q: got %q, %v", junk, b, err)
		}
	}
}
