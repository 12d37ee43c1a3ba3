package main

import (
	"embed"
	"io"
	"io/fs"
	"net/http"
	"path"

	"github.com/headless-auth/headless/mfa"
)

//go:embed web
var web embed.FS

// files are the front end.
func files() fs.FS {
	dir, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // it is embedded
	}
	return dir
}

// pages serves the front end. What is no file is one of its pages, which it
// tells apart itself.
func pages(idURL string) http.Handler {
	// Nothing runs or is shown that does not come from here. Forms go to the
	// site itself, which sends them on to the identity provider.
	policy := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"form-action 'self' " + idURL + "; base-uri 'none'; frame-ancestors 'none'"
	server := http.FileServerFS(files())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		// With "no-referrer", browsers would hide the origin of forms from the
		// CSRF check as well.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		if path.Ext(r.URL.Path) == "" || !isFile(r.URL.Path[1:]) {
			r.URL.Path = "/"
		}
		server.ServeHTTP(w, r)
	})
}

func isFile(name string) bool {
	info, err := fs.Stat(files(), name)
	return err == nil && !info.IsDir()
}

// qr draws what is posted. It is posted, and by users only, because it holds a
// secret of theirs: in a URL it would be logged.
func qr(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
	if err != nil {
		http.Error(w, "too long", http.StatusRequestEntityTooLarge)
		return
	}
	svg, err := mfa.QR(string(text))
	if err != nil {
		http.Error(w, "too long", http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, svg) // the client may be gone
}
