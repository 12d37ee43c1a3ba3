// Package cors lets pages of other origins read answers, by the headers that
// browsers ask for. Fetch Standard §3.3.
package cors

import (
	"net/http"
	"strings"
)

// maxAge is how many seconds a browser may remember what it was told.
const maxAge = "600"

// Rule says which origins may read, and what they may send.
type Rule struct {
	origins map[string]bool
	headers string
}

// New returns the rule for origins as browsers write them, such as
// "https://app.example.org", whose pages may send these headers.
func New(origins, headers []string) *Rule {
	r := &Rule{origins: make(map[string]bool, len(origins)), headers: strings.Join(headers, ", ")}
	for _, o := range origins {
		r.origins[o] = true
	}
	return r
}

// Wrap answers the questions that browsers ask before a call, and lets pages of
// the origins read what next answers. Others are told nothing.
func (r *Rule) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, rq *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := rq.Header.Values("Origin")
		if len(origin) != 1 || !r.origins[origin[0]] {
			next.ServeHTTP(w, rq)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin[0])
		h.Set("Access-Control-Allow-Credentials", "true")
		if rq.Method != http.MethodOptions || rq.Header.Get("Access-Control-Request-Method") == "" {
			h.Set("Access-Control-Expose-Headers", "Retry-After")
			next.ServeHTTP(w, rq)
			return
		}
		h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
		h.Set("Access-Control-Allow-Headers", r.headers)
		h.Set("Access-Control-Max-Age", maxAge)
		w.WriteHeader(http.StatusNoContent)
	})
}
