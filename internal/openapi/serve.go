package openapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"
)

// Handlers returns what to serve, by path below the API's. spec:
// config-openapi.md §2.
func (d *Document) Handlers() map[string]http.Handler {
	return map[string]http.Handler{
		"/openapi.json": file{body: d.JSON(), header: map[string]string{
			"Content-Type": "application/vnd.oai.openapi+json", "Content-Disposition": "inline; filename=allauth-openapi.json",
		}}.handler(),
		"/openapi.yaml": file{body: d.YAML(), header: map[string]string{
			"Content-Type": "application/vnd.oai.openapi", "Content-Disposition": "inline; filename=allauth-openapi.yaml",
		}}.handler(),
		"/openapi.html": viewer().handler(),
	}
}

// file is something that does not change while the program runs.
type file struct {
	body   []byte
	header map[string]string
}

// handler serves a file; who has it already is told so.
func (f file) handler() http.Handler {
	sum := sha256.Sum256(f.body)
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		switch r.Method {
		case http.MethodGet, http.MethodHead:
		case http.MethodOptions:
			h.Set("Allow", "GET, HEAD, OPTIONS")
			return
		default:
			h.Set("Allow", "GET, HEAD, OPTIONS")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		for name, value := range f.header {
			h.Set(name, value)
		}
		h.Set("ETag", etag)
		h.Set("Cache-Control", "no-cache") // ask each time whether it is still the same
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
	})
}
