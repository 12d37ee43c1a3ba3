package wiretest_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store/memory"
)

// Requirement REQ-6.
func TestCORS(t *testing.T) {
	const spa = "https://spa.example.org"
	ask := func(t *testing.T, h http.Handler, method, path string, header map[string]string) http.Header {
		t.Helper()
		r := httptest.NewRequest(method, path, nil)
		for k, v := range header {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result().Header
	}
	const path = "/_allauth/browser/v1/config"
	preflight := map[string]string{"Origin": spa, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-csrftoken"}

	t.Run("there is none by default", func(t *testing.T) {
		w := wiretest.New(t, memory.New(), nil)
		for _, method := range []string{"GET", "OPTIONS"} {
			for name := range ask(t, w.Auth.Handler(), method, path, preflight) {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s got %s", method, name)
				}
			}
		}
		if h := http.NotFoundHandler(); ask(t, w.Auth.CORS(h), "GET", "/", preflight).Get("Vary") != "" {
			t.Error("the host's routes got some")
		}
	})

	t.Run("lets listed origins read, and nobody else", func(t *testing.T) {
		w := wiretest.New(t, memory.New(), func(c *Config) { c.CORSOrigins = []string{"HTTPS://spa.example.org:443/"} })
		for _, h := range []http.Handler{w.Auth.Handler(), w.Auth.CORS(http.NotFoundHandler())} {
			got := ask(t, h, "GET", path, map[string]string{"Origin": spa})
			if got.Get("Access-Control-Allow-Origin") != spa || got.Get("Access-Control-Allow-Credentials") != "true" ||
				got.Get("Access-Control-Expose-Headers") != "Retry-After" || !strings.Contains(strings.Join(got.Values("Vary"), ","), "Origin") {
				t.Errorf("got %v", got)
			}
			got = ask(t, h, "OPTIONS", path, preflight)
			for _, name := range []string{"Content-Type", "Authorization", "X-Session-Token", "X-CSRFToken", "X-Email-Verification-Key", "X-Password-Reset-Key"} {
				if !strings.Contains(strings.ToLower(got.Get("Access-Control-Allow-Headers")), strings.ToLower(name)) {
					t.Errorf("%s is not allowed in %v", name, got)
				}
			}
			for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
				if !strings.Contains(got.Get("Access-Control-Allow-Methods"), method) {
					t.Errorf("%s is not allowed in %v", method, got)
				}
			}
			for _, other := range []string{
				"", "null", "http://spa.example.org", "https://spa.example.org:8443", "https://spa.example.org.evil.example",
				"https://evil.example", "https://a.spa.example.org", "https://SPA.example.org", "https://spa.example.org/", "*",
			} {
				got := ask(t, h, "OPTIONS", path, map[string]string{"Origin": other, "Access-Control-Request-Method": "POST"})
				if got.Get("Access-Control-Allow-Origin") != "" || got.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%q got %v", other, got)
				}
			}
		}
	})

	t.Run("hides no route from who counts them", func(t *testing.T) {
		without := wiretest.New(t, memory.New(), nil)
		with := wiretest.New(t, memory.New(), func(c *Config) { c.CORSOrigins = []string{spa} })
		paths := func(w *World) []string {
			return w.Auth.Handler().(interface{ Paths() []string }).Paths()
		}
		if got, want := paths(with), paths(without); len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})

	t.Run("wildcards and what is no origin are refused at start", func(t *testing.T) {
		for _, o := range []string{"*", "null", "https://*.example.org", "https://.example.org", "spa.example.org", "https://spa.example.org/app", ""} {
			c := wiretest.Config()
			c.URL, c.Store, c.Mailer, c.SMS, c.CORSOrigins = spa, memory.New(), &wiretest.Inbox{}, &wiretest.Inbox{}, []string{spa, o}
			_, err := headless.New(c)
			if err == nil || !strings.Contains(err.Error(), "CORSOrigins[1]") {
				t.Errorf("%q: got %v", o, err)
			}
		}
	})
}
