package store_test

import (
	"strings"
	"testing"

	"github.com/headless-auth/headless/store"
)

func TestFoldUsername(t *testing.T) {
	t.Parallel()
	names := []string{"", "ada", "Ada", "ADA", "straße", "STRASSE", "STRAẞE", "ſtrasse", "K", "k", "\u212A", "σ", "ς", "Σ",
		"İ", "i", "I", "ı", "µ", "μ", "Ω", "\u2126", "ǅ", "ǆ", "Ǆ", "é", "e\u0301", "Å", "\u212B", "1", "日本"}
	for _, a := range names {
		for _, b := range names {
			if got, want := store.FoldUsername(a) == store.FoldUsername(b), strings.EqualFold(a, b); got != want {
				t.Errorf("%q and %q fold together: got %v, want %v", a, b, got, want)
			}
		}
	}
	for name, want := range map[string]string{"ada": "ADA", "a\xffb": "A\xffB", "ß": "ß"} {
		if got := store.FoldUsername(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func FuzzFoldUsername(f *testing.F) {
	f.Add("Ada", "aDA")
	f.Add("\u212A", "k")
	f.Add("ſ", "S")
	f.Fuzz(func(t *testing.T, a, b string) {
		folded := store.FoldUsername(a)
		if store.FoldUsername(folded) != folded {
			t.Errorf("%q folds to %q and then to %q", a, folded, store.FoldUsername(folded))
		}
		a, b = strings.ToValidUTF8(a, ""), strings.ToValidUTF8(b, "")
		if got, want := store.FoldUsername(a) == store.FoldUsername(b), strings.EqualFold(a, b); got != want {
			t.Errorf("%q and %q fold together: got %v, want %v", a, b, got, want)
		}
	})
}
