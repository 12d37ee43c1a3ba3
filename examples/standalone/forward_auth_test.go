package main

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestForwardAuth(t *testing.T) {
	t.Parallel()
	ask := func(t *testing.T, more string) (int, string) {
		s, err := load(configFile(t, more))
		if err != nil {
			t.Fatal(err)
		}
		s.Logger = slog.New(slog.DiscardHandler)
		db, err := s.openDatabase(t.Context(), s.Logger)
		if err != nil {
			t.Fatal(err)
		}
		auth, err := s.auth(db)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/ask", nil)
		for name, value := range map[string]string{
			"X-Forwarded-Method": "GET", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "wiki.example.org", "X-Forwarded-Uri": "/a", "Accept": "text/html",
		} {
			r.Header.Set(name, value)
		}
		rec := httptest.NewRecorder()
		s.routes(auth, new(atomic.Bool)).ServeHTTP(rec, r)
		return rec.Code, rec.Header().Get("Location")
	}
	if status, _ := ask(t, ""); status != 404 {
		t.Errorf("off: got %d", status)
	}
	if status, _ := ask(t, `, "forward_auth_path": "/ask"`); status != 401 {
		t.Errorf("on: got %d", status)
	}
	status, location := ask(t, `, "forward_auth_path": "/ask", "forward_auth_require": ["mfa"],
		"forward_auth": {"apps": ["https://wiki.example.org"], "login_page": "/login?next={next}"}`)
	if status != 302 || !strings.HasSuffix(location, "/login?next=https%3A%2F%2Fwiki.example.org%2Fa") {
		t.Errorf("with a login page: got %d %s", status, location)
	}
}
