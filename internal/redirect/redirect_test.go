package redirect_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/headless-auth/headless/internal/redirect"
)

func targets(t testing.TB) *redirect.Targets {
	t.Helper()
	l, err := redirect.New("https://app.example.org", []string{
		"https://spa.example.org", "http://localhost:3000", "https://bücher.example", "com.example.app:", "myapp://auth", "http://[::1]:8080",
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestClean(t *testing.T) {
	t.Parallel()
	l := targets(t)
	for target, want := range map[string]string{
		"/":                                    "/",
		"/done?x=1#top":                        "/done?x=1#top",
		"https://app.example.org":              "https://app.example.org",
		"https://spa.example.org/callback":     "https://spa.example.org/callback",
		"HTTPS://SPA.Example.ORG/Callback?a=b": "https://spa.example.org/Callback?a=b",
		"https://spa.example.org:443/":         "https://spa.example.org/",
		"https://spa.example.org:0443/":        "https://spa.example.org/",
		"http://localhost:3000/x":              "http://localhost:3000/x",
		"http://[::1]:8080/":                   "http://[::1]:8080/",
		"https://bücher.example/":              "https://xn--bcher-kva.example/",
		"https://xn--bcher-kva.example/":       "https://xn--bcher-kva.example/",
		"com.example.app:/cb":                  "com.example.app:/cb",
		"myapp://auth/cb?x=1":                  "myapp://auth/cb?x=1",
		"https://spa.example.org/a@b":          "https://spa.example.org/a@b",
		"https://spa.example.org?@evil":        "https://spa.example.org?@evil",
	} {
		if got, ok := l.Clean(target); !ok || got != want {
			t.Errorf("%q: got %q, %v, want %q", target, got, ok, want)
		}
	}
}

// TestOpenRedirect holds what browsers read in another way than it looks.
func TestOpenRedirect(t *testing.T) {
	t.Parallel()
	l := targets(t)
	for _, target := range []string{
		"", "relative", "?x", "#x", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
		"\thttps://spa.example.org", " https://spa.example.org", "https://spa.example.org\n", "https:evil.example", "https:/evil.example",
		"https:///evil.example", "https:\\\\evil.example", "https://evil.example", "https://evil.example/https://spa.example.org",
		"https://spa.example.org@evil.example", "https://spa.example.org:x@evil.example", "https://evil.example\\@spa.example.org",
		"https://spa.example.org.evil.example", "https://evilspa.example.org", "https://sub.spa.example.org", "https://spa.example.org:8443",
		"http://spa.example.org", "http://app.example.org", "http://localhost", "http://localhost:3001", "https://localhost:3000",
		"https://spa.example.org.", "https://spa.example.org:", "https://spa.example.org%2eevil.example", "https://spa%2eexample.org",
		"https://@spa.example.org", "https://:@spa.example.org", "javascript:alert(1)", "JavaScript:alert(1)", "java\nscript:alert(1)",
		"data:text/html,x", "myapp://other/cb", "myapp:cb", "other.app:/cb", "com.example.app://host/cb", "\x00https://spa.example.org",
		"https://spa.example.org\x00.evil.example", "https://spa。example。org.evil.example", "https://evil.example#@spa.example.org",
		"https://evil.example?@spa.example.org", "blob:https://spa.example.org/x", "/\u2028/evil", "https://xn--/", "https://\xff",
		"/" + strings.Repeat("x", 3000),
	} {
		if got, ok := l.Clean(target); ok {
			t.Errorf("%q: got %q, want it refused", target, got)
		}
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "*", "spa.example.org", "https://*.example.org", "https://", "https://spa.example.org/path", "https://spa.example.org?x",
		"https://u@spa.example.org", "javascript:", "data:", "file:///", "//spa.example.org",
	} {
		if _, err := redirect.New("https://app.example.org", []string{bad}); err == nil {
			t.Errorf("%q is taken for an origin", bad)
		}
	}
}

func TestWith(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"https://spa.example.org/cb":              "https://spa.example.org/cb?error=unknown&error_process=login",
		"/cb?b=2&a=1#top":                         "/cb?b=2&a=1&error=unknown&error_process=login#top",
		"/cb?error=old&x=%20&%65rror_process=old": "/cb?x=%20&error=unknown&error_process=login",
		"/cb?": "/cb?error=unknown&error_process=login",
	} {
		if got := redirect.With(target, "error", "unknown", "error_process", "login"); got != want {
			t.Errorf("%q: got %q, want %q", target, got, want)
		}
	}
}

// browse reads a target as the URL standard does, roughly: that is where a
// browser would end up.
func browse(target string) string {
	target = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, strings.TrimFunc(target, func(r rune) bool { return r <= ' ' }))
	scheme, rest, ok := strings.Cut(target, ":")
	scheme = strings.ToLower(scheme)
	switch {
	case !ok || strings.ContainsAny(scheme, "/\\?#"):
		scheme, rest = "https", target
		if len(rest) < 2 || !strings.ContainsRune("/\\", rune(rest[0])) || !strings.ContainsRune("/\\", rune(rest[1])) {
			return "https://app.example.org"
		}
	case scheme != "http" && scheme != "https":
		return scheme + ":"
	}
	rest = strings.TrimLeft(rest, "/\\")
	if i := strings.IndexAny(rest, "/\\?#"); i >= 0 {
		rest = rest[:i]
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	if plain, err := url.PathUnescape(rest); err == nil {
		rest = plain
	}
	rest = strings.ToLower(rest)
	if scheme == "https" {
		rest = strings.TrimSuffix(rest, ":443")
	} else {
		rest = strings.TrimSuffix(rest, ":80")
	}
	return scheme + "://" + rest
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{
		"/x", "//evil", "/\\evil", "https://spa.example.org/cb", "https://spa.example.org@evil", "HTTPS:/\\evil", "com.example.app:/x", "http://localhost:3000",
		"https://spa.example.org:443#x", "https:\t//evil", "https://BÜCHER.example",
	} {
		f.Add(s)
	}
	l := targets(f)
	good := map[string]bool{
		"https://app.example.org": true, "https://spa.example.org": true, "http://localhost:3000": true, "https://xn--bcher-kva.example": true,
		"com.example.app:": true, "myapp:": true, "http://[::1]:8080": true,
	}
	f.Fuzz(func(t *testing.T, target string) {
		clean, ok := l.Clean(target)
		if !ok {
			return
		}
		if at := browse(clean); !good[at] {
			t.Fatalf("%q became %q, where a browser goes to %q", target, clean, at)
		}
		if again, ok := l.Clean(clean); !ok || again != clean {
			t.Fatalf("%q became %q and then %q, %v", target, clean, again, ok)
		}
		if at := browse(redirect.With(clean, "error", "unknown")); !good[at] {
			t.Fatalf("with an error %q goes to %q", clean, at)
		}
	})
}
