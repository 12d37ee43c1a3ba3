package openapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"
)

// Handlers returns what to serve, by path below the API's. spec:
// config-openapi.md §2.
func (d *Document) Handlers() map[string]http.Handler {
	return map[string]http.Handler{
		"/openapi.json": handler(d.JSON, map[string]string{
			"Content-Type": "application/vnd.oai.openapi+json", "Content-Disposition": "inline; filename=allauth-openapi.json",
		}),
		"/openapi.yaml": handler(d.YAML, map[string]string{
			"Content-Type": "application/vnd.oai.openapi", "Content-Disposition": "inline; filename=allauth-openapi.yaml",
		}),
		"/openapi.html": handler(viewer, map[string]string{
			"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": viewerPolicy(),
		}),
	}
}

// handler serves what is made when somebody first asks for it, and stays the
// same from then on. Who has it already is told so.
func handler(make func() []byte, header map[string]string) http.Handler {
	file := sync.OnceValues(func() (body []byte, etag string) {
		body = make()
		sum := sha256.Sum256(body)
		return body, `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	})
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
		for name, value := range header {
			h.Set(name, value)
		}
		body, etag := file()
		h.Set("ETag", etag)
		h.Set("Cache-Control", "no-cache") // ask each time whether it is still the same
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	})
}
