package forward

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/headless-auth/headless/internal/csrf"
	"github.com/headless-auth/headless/internal/redirect"
)

// What a proxy passes on of strangers' requests sends nobody elsewhere, and
// makes no unsafe request look safe.
func FuzzForwarded(f *testing.F) {
	targets, err := redirect.New("https://auth.example.org", []string{"https://wiki.example.org"})
	if err != nil {
		f.Fatal(err)
	}
	h := &Handler{Options: Options{Site: "https://auth.example.org", LoginPage: "https://auth.example.org/login?next={next}&why={reason}"}, targets: targets}
	for _, s := range []string{"/x", "//evil.example", "https://evil.example", "/\\evil.example", "https://wiki.example.org/a?b#c", "\r\nLocation: x", "https://wiki.example.org@evil.example/", "wiki.example.org", "https", "javascript:x"} {
		f.Add("https", "wiki.example.org", s, "", "GET")
		f.Add(s, s, s, s, "POST")
	}
	f.Fuzz(func(t *testing.T, proto, host, uri, whole, method string) {
		r := &http.Request{Method: http.MethodGet, Header: http.Header{
			"X-Forwarded-Proto": {proto}, "X-Forwarded-Host": {host}, "X-Forwarded-Uri": {uri}, "X-Original-Url": {whole}, "X-Forwarded-Method": {method},
		}}
		back := h.wayBack(r)
		u, err := url.Parse(back)
		if err != nil || u.Host != "" && u.Host != "auth.example.org" && u.Host != "wiki.example.org" || u.Host == "" && (!strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//")) || strings.ContainsAny(back, "\r\n\\\x00") {
			t.Fatalf("%v: back to %q, %v", r.Header, back, err)
		}
		page, err := url.Parse(h.loginPage(back, "login"))
		if err != nil || page.Host != "auth.example.org" || page.Query().Get("next") != back || page.Query().Get("why") != "login" {
			t.Fatalf("%q: the page is %v, %v", back, page, err)
		}
		if got, known := original(r); !known || csrf.Safe(got) != csrf.Safe(method) {
			t.Fatalf("method %q was taken for %q, %v", method, got, known)
		}
		if p := plain(uri); strings.ContainsFunc(p, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Fatalf("%q in a header: %q", uri, p)
		} else if again, err := url.PathUnescape(p); err != nil || again != uri {
			t.Fatalf("%q can't be read from %q: %q, %v", uri, p, again, err)
		}
	})
}
