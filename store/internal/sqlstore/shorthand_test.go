package sqlstore

import (
	"strings"
	"testing"
)

func TestPhrases(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range phrases {
		if len(p.code) != 1 || p.code[0] == 0 || p.code[0] >= asItIs || seen[p.code] {
			t.Errorf("%q can't stand for %q", p.code, p.phrase)
		}
		seen[p.code] = true
		for i := range len(p.phrase) {
			if p.phrase[i] <= lastControl {
				t.Errorf("%q has a control character", p.phrase)
			}
		}
	}
	for text, size := range map[string]int{
		`[{"method":"password","at":1772366400.123456,"email":"somebody@example.com"}]`:                                   35,
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36": 6,
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0":                                14,
		"okhttp/5.1.0": 6,
	} {
		if got := short(text); len(got) != size {
			t.Errorf("%s: is kept as %q, %d bytes", text, got, len(got))
		}
	}
}

// Whatever a text holds, it comes back.
func FuzzShorthand(f *testing.F) {
	for _, p := range phrases {
		f.Add(p.phrase + p.code)
		f.Add(strings.Repeat(p.phrase, 2))
	}
	for _, s := range []string{"", "x", "\x1f", "\x1f\x1f", "a\tb", "\x00", "ü", "\x1e", "\x0d\x0a", `[{"method":"password","at":1.5}]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kept := short(text)
		if got := long(kept); got != text {
			t.Errorf("%q became %q and then %q", text, kept, got)
		}
		if got := string(long([]byte(kept))); got != text {
			t.Errorf("%q became %q and then %q, as bytes", text, kept, got)
		}
	})
}
