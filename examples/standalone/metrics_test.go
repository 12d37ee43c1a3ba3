package main

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// TestMetrics: what requests leave behind is read at a door of its own, and
// nowhere else.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, secretEnv, serverArgs(t, `, "metrics_listen": "127.0.0.1:0"`)...)
	s.signUp(t)
	_, rest, ok := strings.Cut(s.log.String(), `msg="listening for Prometheus" addr=`)
	if !ok {
		t.Fatalf("it does not say where:\n%v", s.log)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+strings.Fields(rest)[0]+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	status, text := answerOf(t, r)
	want := `headless_request_duration_seconds_count{client="app",method="POST",route="/_allauth/app/v1/auth/signup",status="200"} 1`
	if status != http.StatusOK || !strings.Contains(text, want) {
		t.Errorf("got %d, and no %s in\n%s", status, want, text)
	}
	if status, _, _ := s.call(t, "GET", "/metrics", "", ""); status != http.StatusNotFound {
		t.Errorf("strangers: got %d, want 404", status)
	}
	s.stop(t, syscall.SIGTERM)
}

// TestReady: a database without its tables is no reason to end, and none to
// send requests.
func TestReady(t *testing.T) {
	t.Parallel()
	s := start(t, secretEnv, append([]string{"serve", "-migrate=false"}, serverArgs(t)...)...)
	if status, _, text := s.call(t, "GET", "/healthz", "", ""); status != http.StatusOK {
		t.Errorf("/healthz: got %d %s", status, text)
	}
	if status, _, text := s.call(t, "GET", "/readyz", "", ""); status != http.StatusServiceUnavailable || text != "not ready\n" {
		t.Errorf("/readyz: got %d %s", status, text)
	}
	s.stop(t, syscall.SIGTERM)
}
