package csrf_test

import (
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/headless-auth/headless/internal/csrf"
	"github.com/headless-auth/headless/internal/secret"
)

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func masked(token, mask string) string {
	b := []byte(mask)
	for i := range token {
		b = append(b, letters[(strings.IndexByte(letters, token[i])+strings.IndexByte(letters, mask[i]))%62])
	}
	return string(b)
}

// steady is a source that gives the same to every process that fuzzes.
type steady struct{}

func (steady) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(7 * i)
	}
	return len(p), nil
}

// Tokens come from strangers: a token fits the session that it was made for,
// and no other text does.
func FuzzToken(f *testing.F) {
	tokens := &csrf.Tokens{Keys: secret.NewKeys([]byte("0123456789abcdef0123456789abcdef")), Rand: steady{}}
	genuine, err := tokens.New("session/user")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{genuine, masked(genuine, strings.Repeat("q7", 16)), "", "x", strings.Repeat("a", 32), strings.Repeat("a", 64), strings.Repeat("\u00e9", 16), genuine[:31], genuine + "a"} {
		f.Add(s, "session/user")
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, s, bind string) {
		plain, ok := csrf.Secret(s)
		if ok && (len(plain) != 32 || strings.Trim(plain, letters) != "") {
			t.Fatalf("%q became %q", s, plain)
		}
		if ok != (len(s) == 32 || len(s) == 64) && strings.Trim(s, letters) == "" {
			t.Fatalf("%q: got %v", s, ok)
		}
		if again, ok2 := csrf.Secret(plain); ok && (!ok2 || again != plain) {
			t.Fatalf("%q became %q and then %q", s, plain, again)
		}
		if csrf.Equal(s, s) != ok || csrf.Equal(genuine, s) != (ok && plain == genuine) {
			t.Fatalf("%q is compared wrongly", s)
		}
		if ok && !csrf.Equal(plain, masked(plain, strings.Repeat("Zz09", 8))) {
			t.Fatalf("%q is not its own masked form", plain)
		}
		if tokens.Bound(s, bind) && (s != genuine || bind != "session/user") {
			t.Fatalf("%q fits %q", s, bind)
		}
	})
}

// An origin is the site's own, a trusted one, or refused.
func FuzzOrigin(f *testing.F) {
	own := "https://app.example.org"
	origins, err := csrf.NewOrigins(own, []string{"https://spa.example.net", "https://*.trusted.example", "http://localhost:3000"})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{own, "https://spa.example.net", "https://a.trusted.example", "null", "", "https://evil.example", "https://app.example.org.evil.example", "https://app.example.org@evil.example", "http://app.example.org",
		"https://evil.example/.trusted.example", "https://evil.example?.trusted.example", "https://evil.example#.trusted.example", "https://x.trusted.example:8443", "HTTPS://A.TRUSTED.EXAMPLE", "https://.trusted.example", "https://a..trusted.example", "https://.a.trusted.example", "https://:443", "https:\\\\evil.trusted.example"} {
		f.Add(s, "")
		f.Add("", s+"/page")
	}
	good := func(s string) bool {
		u, err := url.Parse(s)
		if err != nil || u.User != nil {
			return false
		}
		if slices.Contains(strings.Split(strings.TrimSuffix(u.Hostname(), "."), "."), "") {
			return false // of an empty label
		}
		o := strings.ToLower(u.Scheme + "://" + u.Host)
		return o == own || o == own+":443" || o == "https://spa.example.net" || o == "https://spa.example.net:443" || o == "http://localhost:3000" ||
			strings.EqualFold(u.Scheme, "https") && strings.HasSuffix(strings.ToLower(u.Host), ".trusted.example") && !strings.ContainsAny(u.Host, `\/?#@:`) ||
			strings.EqualFold(u.Scheme, "https") && strings.HasSuffix(strings.ToLower(u.Hostname()), ".trusted.example") && u.Port() == "443"
	}
	f.Fuzz(func(t *testing.T, origin, referer string) {
		r := httptest.NewRequest("POST", own+"/", nil)
		if origin != "" {
			r.Header["Origin"] = []string{origin}
		}
		r.Header["Referer"] = []string{referer}
		if origins.Allows(r) && !good(origin) && !(origin == "" && good(referer)) {
			t.Fatalf("origin %q, referer %q are allowed", origin, referer)
		}
	})
}
