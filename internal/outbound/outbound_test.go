package outbound_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/outbound"
)

func client(t *testing.T, o outbound.Options) *http.Client {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 1000
	}
	c, err := outbound.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, c *http.Client, url string) (string, error) {
	t.Helper()
	rq, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(rq)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestPublic(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"1.1.1.1", "140.82.121.3", "2606:4700::1111", "::ffff:8.8.8.8"} {
		if !outbound.Public(netip.MustParseAddr(s)) {
			t.Errorf("%s is taken for internal", s)
		}
	}
	for _, s := range []string{
		"127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1",
		"255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1",
	} {
		if outbound.Public(netip.MustParseAddr(s)) {
			t.Errorf("%s is taken for public", s)
		}
	}
}

func TestInternalAddresses(t *testing.T) {
	t.Parallel()
	called := false
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer srv.Close()
	u, _ := url.Parse(srv.URL)
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "0x7f.0.0.1"} {
		_, err := get(t, client(t, outbound.Options{}), "https://"+host+":"+u.Port())
		var dns interface{ IsNotFound() bool }
		if !errors.Is(err, outbound.ErrInternal) && !errors.As(err, &dns) && !strings.Contains(err.Error(), "lookup") {
			t.Errorf("%s: got %v, want ErrInternal", host, err)
		}
	}
	if called {
		t.Error("an internal address was called")
	}
	if _, err := get(t, client(t, outbound.Options{}), "http://127.0.0.1:"+u.Port()); !errors.Is(err, outbound.ErrInsecure) {
		t.Errorf("got %v, want ErrInsecure", err)
	}
	for _, listed := range []string{"127.0.0.1", "127.0.0.0/8", "localhost"} {
		plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
		target := plain.URL
		if listed == "localhost" {
			target = strings.Replace(target, "127.0.0.1", "localhost", 1)
		}
		if got, err := get(t, client(t, outbound.Options{Internal: []string{listed}}), target); err != nil || got != "hello" {
			t.Errorf("%s: got %q, %v", listed, got, err)
		}
		plain.Close()
	}
	for _, bad := range []string{"", "*", "http://x", "10.0.0.0/99", "a b"} {
		if _, err := outbound.New(outbound.Options{Internal: []string{bad}}); err == nil {
			t.Errorf("%q is taken for a place", bad)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/declared":
			w.Header().Set("Content-Length", "1001")
			_, _ = io.WriteString(w, strings.Repeat("x", 1001))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("x", 4096)); err != nil {
					return
				}
			}
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write(make([]byte, 1<<20))
			_ = z.Close()
		default:
			_, _ = io.WriteString(w, strings.Repeat("x", 1000))
		}
	}))
	defer srv.Close()
	c := client(t, outbound.Options{Internal: []string{"127.0.0.1"}})
	for _, path := range []string{"/declared", "/endless", "/bomb"} {
		if got, err := get(t, c, srv.URL+path); !errors.Is(err, outbound.ErrTooLarge) || len(got) > 1000 {
			t.Errorf("%s: got %d bytes, %v", path, len(got), err)
		}
	}
	if got, err := get(t, c, srv.URL+"/fits"); err != nil || len(got) != 1000 {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestSlowDrip(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()
	_, err := get(t, client(t, outbound.Options{Timeout: 50 * time.Millisecond, Internal: []string{"127.0.0.1"}}), srv.URL)
	var timeout interface{ Timeout() bool }
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %v, want a timeout", err)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer other.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/elsewhere":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/here":
			http.Redirect(w, r, "/there", http.StatusFound)
		default:
			_, _ = io.WriteString(w, "there")
		}
	}))
	defer srv.Close()
	c := client(t, outbound.Options{Internal: []string{"127.0.0.1"}})
	if got, err := get(t, c, srv.URL+"/here"); err != nil || got != "there" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, path := range []string{"/elsewhere", "/loop"} {
		if _, err := get(t, c, srv.URL+path); !errors.Is(err, outbound.ErrRedirect) {
			t.Errorf("%s: got %v, want ErrRedirect", path, err)
		}
	}
	if _, err := c.Post(srv.URL+"/here", "text/plain", strings.NewReader("secret")); !errors.Is(err, outbound.ErrRedirect) {
		t.Errorf("got %v, want ErrRedirect: what was posted stays where it was posted", err)
	}
}
