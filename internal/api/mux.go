package api

import (
	"maps"
	"net/http"
	"slices"
)

// Mux tells who answers, by path. It looks at the path alone, so that it works
// on whatever router it is mounted.
type Mux map[string]http.Handler

// ServeHTTP implements [http.Handler].
func (m Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h, ok := m[r.URL.Path]; ok {
		h.ServeHTTP(w, r)
		return
	}
	WriteStatus(w, r, http.StatusNotFound)
}

// Paths lists the paths that are served, for tests that nothing is forgotten.
func (m Mux) Paths() []string { return slices.Sorted(maps.Keys(m)) }

// Behind is a handler that has the routes behind it, and still lists them.
func (m Mux) Behind(h http.Handler) http.Handler { return behind{m, h} }

type behind struct {
	Mux
	front http.Handler
}

// ServeHTTP implements [http.Handler].
func (b behind) ServeHTTP(w http.ResponseWriter, r *http.Request) { b.front.ServeHTTP(w, r) }

// Mount adds routes for a kind of front end, below a path.
func (m Mux) Mount(e *Env, path string, client Client, table []Route) {
	for _, rt := range table {
		if rt.Client == "" || rt.Client == client {
			m[path+"/"+string(client)+rt.URL()] = e.Handler(client, rt)
		}
	}
}
