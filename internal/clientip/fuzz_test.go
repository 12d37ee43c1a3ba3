package clientip_test

import (
	"errors"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/headless-auth/headless/internal/clientip"
)

// What proxies and strangers write into headers is an address in one spelling,
// or none.
func FuzzResolve(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "192.0.2.1:80", "::1", "[::1]:443", "[2001:db8::1%eth0]:1", "::ffff:192.0.2.1", "6.6.6.6, 192.0.2.1", "", ",", "unknown", "192.0.2.1 ,", "fe80::1%25x", "0x7f.1", "127.1", "2130706433", "[", "]:80", "::% ]", "::%<b>", "fe80::1%" + strings.Repeat("x", 33)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := httptest.NewRequest("GET", "http://x/", nil)
		r.RemoteAddr = "198.51.100.7:1234"
		r.Header["X-Forwarded-For"] = []string{s}
		r.Header["X-Real-Ip"] = []string{s}
		peer, err := clientip.Resolver{}.Resolve(r)
		if err != nil || peer != netip.MustParseAddr("198.51.100.7") {
			t.Fatalf("without a proxy %q counts: %v, %v", s, peer, err)
		}
		for _, c := range []clientip.Resolver{{Header: "X-Real-IP"}, {Proxies: 1}, {Proxies: 2}} {
			a, err := c.Resolve(r)
			if err != nil {
				if !errors.Is(err, clientip.ErrUnknown) {
					t.Fatalf("%q: got %v", s, err)
				}
				continue
			}
			if !a.IsValid() || a.Is4In6() || strings.ContainsAny(a.String(), " <>\"'&\x00\r\n") || len(a.String()) > 80 {
				t.Fatalf("%q: got %v", s, a)
			}
			// It is in what was said, or it is the peer's where too few were named.
			if c.Proxies == 2 && strings.Count(s, ",") == 0 && a != peer {
				t.Fatalf("%q: got %v for a proxy that was passed by", s, a)
			}
			r.Header["X-Real-Ip"] = []string{a.String()}
			if again, err := (clientip.Resolver{Header: "X-Real-IP"}).Resolve(r); err != nil || again != a {
				t.Fatalf("%q became %v and then %v, %v", s, a, again, err)
			}
			r.Header["X-Real-Ip"] = []string{s}
			g := clientip.Group(a)
			if a.Is4() && g != a.String() || a.Is6() && !strings.HasSuffix(g, "/64") {
				t.Fatalf("%v is in group %q", a, g)
			}
		}
	})
}
