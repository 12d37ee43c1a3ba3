package api

import (
	"net/http"
	"strings"
	"testing"
)

// A cookie is what net/http takes it for.
func FuzzCookie(f *testing.F) {
	for _, line := range []string{
		"a=1", "a=1; b=2", "b=2;a=1", "a", "a=", `a="1"`, `a="1 2"`, "a=1 2", "a=é", "a=\x01; a=2", `a=\; a=3`, "a=1=2", " a = 1", "A=1", "aa=1; a=2",
		"", ";", "=1", "a=1,2", "a=1, a=2", "a=\t1", "\ta=1;", `a="; b=2`, "a =1", "a\t=1",
	} {
		f.Add(line, "b=3; a=4")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if strings.Count(first+second, ";") > 2000 {
			t.Skip() // net/http gives up at 3000 cookies; we look for our own
		}
		r := &http.Request{Header: http.Header{"Cookie": {first, second}}}
		for _, name := range []string{"a", "b"} {
			want := ""
			if c, err := r.Cookie(name); err == nil {
				want = c.Value
			}
			if got := CookieValue(r, name); got != want {
				t.Errorf("%q in %q: got %q, want %q", name, r.Header["Cookie"], got, want)
			}
		}
	})
}
