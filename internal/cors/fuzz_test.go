package cors_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/headless-auth/headless/internal/cors"
)

// No origin but those that are listed is told anything, however it is written.
func FuzzOrigin(f *testing.F) {
	listed := []string{"https://app.example.org", "http://localhost:3000"}
	rule := cors.New(listed, []string{"Content-Type"}).Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for _, s := range append(listed, "null", "", "*", "https://app.example.org.evil.example", "HTTPS://APP.EXAMPLE.ORG", "https://app.example.org:443", "https://app.example.org/", "https://app.example.org\x00", "https://app.example.org, null") {
		f.Add(s, "POST", "x")
		f.Add(s, "", "OPTIONS")
	}
	f.Fuzz(func(t *testing.T, origin, asked, method string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/", http.NoBody)
		if method != http.MethodOptions {
			r.Method = http.MethodPost
		}
		r.Header["Origin"], r.Header["Access-Control-Request-Method"] = []string{origin}, []string{asked}
		w := httptest.NewRecorder()
		rule.ServeHTTP(w, r)
		h, good := w.Header(), slices.Contains(listed, origin)
		if got := h.Values("Access-Control-Allow-Origin"); good != slices.Equal(got, []string{origin}) || !good && len(h) != 1 {
			t.Fatalf("origin %q was told %v", origin, h)
		}
		if preflight := good && r.Method == http.MethodOptions && asked != ""; preflight != (w.Code == http.StatusNoContent) {
			t.Fatalf("origin %q, %s for %q: got %d", origin, r.Method, asked, w.Code)
		}
	})
}
