package wiretest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/account/authtest"
)

// The same for what is mounted besides the API: where identity providers send
// browsers, operators' calls, proxies' questions, and public documents.
func TestSweepElsewhere(t *testing.T) {
	t.Parallel()
	for _, name := range every {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newSweep(t, variant{name, authtest.App, true}).elsewhere(t)
		})
	}
}

func (s *sweep) elsewhere(t *testing.T) {
	p := s.Make(Person{Username: FreshName(), Phone: FreshPhone()})
	before := s.holdings(t)
	n := 0
	for _, place := range s.places(t, p.ID) {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"} {
			for i, odd := range place.requests() {
				if method != http.MethodGet && method != http.MethodPost && i%16 != 0 {
					continue // the rest is refused for its method
				}
				if n++; !s.full() && n%7 != 0 {
					continue
				}
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/", strings.NewReader(odd.body))
				r.Method, r.URL.Path, r.URL.RawQuery = method, place.path, odd.query
				r.Header.Set("Content-Type", odd.kind)
				if place.token != "" {
					r.Header.Set("Authorization", "Bearer "+place.token)
				}
				for name, values := range odd.header {
					r.Header[name] = values
				}
				w := httptest.NewRecorder()
				place.handler.ServeHTTP(w, r)
				for _, problem := range place.judge(method, w) {
					key := fmt.Sprint(method, place.path, place.token, w.Code, problem)
					if s.seen[key] {
						continue
					}
					s.seen[key] = true
					s.report(t, "%s %q, case %d: got %d: %s\nquery %.200q, body %.200q\ngot %.300q", method, place.path, i, w.Code, problem, odd.query, odd.body, w.Body)
				}
				if after := s.holdings(t); w.Code >= 300 && after != before {
					s.report(t, "%s %q, case %d: got %d, and yet something was changed", method, place.path, i, w.Code)
					before = after
				}
			}
		}
	}
	if n < 3_000 {
		t.Errorf("only %d requests", n)
	}
	t.Logf("%d requests", n)
	s.logged(t)
}

// place is a path of a handler, and what it may answer with.
type place struct {
	handler     http.Handler
	path, token string
	// kinds are the types of its good answers, public those that may be kept.
	kinds  []string
	public bool
	// param is where what a stranger writes is read from.
	params []string
	header []string
}

func (s *sweep) places(t *testing.T, id string) (l []place) {
	t.Helper()
	document := []string{"application/json", "application/vnd.oai.openapi+json", "application/yaml", "application/vnd.oai.openapi", "application/jwk-set+json", "text/html; charset=utf-8", "text/css; charset=utf-8", "text/javascript; charset=utf-8", "text/plain; charset=utf-8", ""}
	for _, path := range s.Auth.Handler().(interface{ Paths() []string }).Paths() {
		if !strings.HasPrefix(path, "/_allauth/app/") && !strings.HasPrefix(path, "/_allauth/browser/") {
			l = append(l, place{handler: s.Auth.Handler(), path: path, kinds: document, public: true})
		}
	}
	l = append(l, place{handler: s.Auth.WellKnown(), path: "/.well-known/webauthn", kinds: document, public: true})
	for _, path := range []string{
		"/accounts/dummy/login/callback/", "/accounts/dummy/authenticate/", "/accounts/steam/login/callback/", "/accounts/telegram/login/callback/", "/accounts/oidc/idp/login/callback/", "/accounts/idp/login/callback/",
		"/accounts/saml/acme/acs/", "/accounts/saml/acme/acs/finish/", "/accounts/saml/acme/sls/", "/accounts/saml/acme/sls/finish/", "/accounts/saml/acme/metadata/", "/accounts/nowhere/", "/accounts/../x", "/accounts//", "/accounts/%2e%2e/\x00",
	} {
		l = append(l, place{
			handler: s.Auth.Callbacks(), path: path, kinds: []string{"application/json", "text/html; charset=utf-8", "application/samlmetadata+xml", ""}, public: strings.HasSuffix(path, "/metadata/"),
			params: []string{"state", "code", "error", "SAMLResponse", "SAMLRequest", "RelayState", "openid.mode", "id", "credential"},
		})
	}
	for _, token := range []string{"", "x", sweepAdminToken} {
		for _, who := range []string{id, "0", "-1", "..", "x\x00", "' OR 1=1 --", "99999999999999999999", "\xff", strings.Repeat("9", 5_000), "%2e%2e%2f", ""} {
			for _, deed := range []string{"", "/export", "/nothing", "/verify-email", "/set-password", "//"} {
				if who == id && deed != "/nothing" && deed != "//" {
					continue // which would be done
				}
				l = append(l, place{handler: s.Auth.Admin(), path: "/_admin/v1/users/" + who + deed, token: token, kinds: []string{"application/json"}})
			}
		}
		l = append(l, place{handler: s.Auth.Admin(), path: "/_admin/v1/users", token: token, kinds: []string{"application/json"}, params: []string{"email", "cursor", "limit", "x"}})
	}
	return append(l, place{
		handler: s.Auth.ForwardAuth(), path: "/auth", kinds: []string{"application/json", "text/plain; charset=utf-8", ""},
		header: []string{"X-Original-Url", "X-Original-Method", "X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri", "Cookie", "X-Session-Token", "Accept", "Authorization"},
	})
}

// odd is what is sent somewhere.
type odd struct {
	query, kind, body string
	header            http.Header
}

func (p *place) requests() (l []odd) {
	values := []string{
		"", "x", "\x00", "\xff\xfe", "\r\nSet-Cookie: a=b", "' OR 1=1 --", "../../etc/passwd", "<script>alert(1)</script>", "//evil.test", "https://evil.test/", "%", "{{7*7}}", strings.Repeat("A", 20_000), "PD94bWwgdmVyc2lvbj0iMS4wIj8+PCFET0NUWVBFIGEgWzwhRU5USVRZIGIgU1lTVEVNICJmaWxlOi8vL2V0Yy9wYXNzd2QiPl0+PGE+JmI7PC9hPg==", "PGE+", "eJwDAAAAAAE=",
	}
	for _, value := range values {
		for _, name := range p.params {
			pair := url.QueryEscape(name) + "=" + url.QueryEscape(value)
			l = append(l, odd{query: pair}, odd{kind: "application/x-www-form-urlencoded", body: pair})
		}
		for _, name := range p.header {
			l = append(l, odd{header: http.Header{name: {value}, "Accept": {"text/html"}}})
		}
	}
	if len(p.params) > 2 {
		for _, body := range malformed {
			l = append(l, odd{kind: "application/json", body: body})
		}
	}
	return append(l, odd{query: "%zz=%&;=&=", body: "{"}, odd{kind: "application/x-www-form-urlencoded", body: "%zz&;"}, odd{kind: "multipart/form-data; boundary=x", body: "--x\r\n"}, odd{query: strings.Repeat("a=b&", 5_000)})
}

// judge says what is wrong with an answer.
func (p *place) judge(method string, w *httptest.ResponseRecorder) (l []string) {
	h := w.Header()
	if w.Code >= 500 {
		l = append(l, "it is a defect")
	}
	if !p.public && !strings.Contains(h.Get("Cache-Control"), "no-store") {
		l = append(l, fmt.Sprintf("it may be stored: %v", h))
	}
	kind := h.Get("Content-Type")
	if !slices.Contains(p.kinds, kind) || kind != "" && h.Get("X-Content-Type-Options") != "nosniff" || kind == "" && method != http.MethodHead && w.Body.Len() > 0 {
		l = append(l, fmt.Sprintf("its type is %q: %v", kind, h))
	}
	if to := h.Get("Location"); to != "" && !strings.HasPrefix(to, "https://spa.test/") && !strings.HasPrefix(to, "/accounts/") {
		l = append(l, fmt.Sprintf("it sends people to %q", to))
	}
	if w.Code >= 400 {
		if word := internals.Find(w.Body.Bytes()); word != nil {
			l = append(l, fmt.Sprintf("it tells %q", word))
		}
	}
	for name, values := range h {
		if strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") || strings.ContainsAny(name, "\r\n ") {
			l = append(l, fmt.Sprintf("header %s: %q", name, values))
		}
	}
	return l
}

// What is no HTTP, or could be read in two ways, is refused before it gets to
// us, or by us, and the server goes on.
func TestSweepConnections(t *testing.T) {
	t.Parallel()
	s := newSweep(t, variant{"memory", authtest.App, true})
	address := strings.TrimPrefix(s.URL, "http://")
	const path = "/_allauth/app/v1/auth/login"
	post := func(headers, body string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n" + body
	}
	for i, text := range []string{
		"", "\r\n\r\n", "\x00\x01\x02\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET " + path + "\r\n\r\n", "GET " + path + " HTTP/9.9\r\nHost: x\r\n\r\n", "get " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"GET " + path + " HTTP/1.1\r\n\r\n", "GET " + path + " HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET " + path + " HTTP/1.1\r\nHost: a/b@c\r\nConnection: close\r\n\r\n", "GET http://evil.test" + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		post("Content-Length: -1\r\n", ""), post("Content-Length: 5\r\nContent-Length: 6\r\n", "{}   x"), post("Content-Length: +2\r\n", "{}"), post("Content-Length: 0x2\r\n", "{}"), post("Content-Length: 99999999999999999999\r\n", "{}"), post("Content-Length: 10\r\n", "{}"), post("Content-Length: 2000000\r\n", "{}"),
		post("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "2\r\n{}\r\n0\r\n\r\n"), post("Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"), post("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\n{}"), post("Transfer-Encoding: chunked\r\n", "2\r\n{}"), post("Transfer-Encoding: chunked\r\n", "2;"+strings.Repeat("x", 10_000)+"\r\n{}\r\n0\r\n\r\n"),
		post("Transfer-Encoding: identity\r\n", "{}"), post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"), post("X: a\r\n folded\r\nContent-Length: 2\r\n", "{}"), post("X Y: a\r\n", ""), post(": a\r\n", ""), post("X: a\x00b\r\n", ""), post("X: a\rb\r\n", ""),
		post("X: "+strings.Repeat("a", 2<<20)+"\r\n", ""), post(strings.Repeat("X: a\r\n", 20_000), ""), post("Expect: 100-continue\r\nContent-Length: 2\r\n", "{}"), post("Expect: nonsense\r\nContent-Length: 2\r\n", "{}"), post("Content-Length: 2\r\n", "{}GET / HTTP/1.1\r\n\r\n"), post("Trailer: X-Session-Token\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\nX-Session-Token: x\r\n\r\n"),
		post("Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n", "{}"), "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\nConnection: close\r\n\r\n",
	} {
		for _, answer := range exchange(t, address, text) {
			if answer >= 500 && answer != http.StatusNotImplemented && answer != http.StatusHTTPVersionNotSupported { // which net/http says of what it can't read
				t.Errorf("case %d, %.120q: got %d", i, text, answer)
			}
			if answer < 300 && strings.HasPrefix(text, "POST") {
				t.Errorf("case %d, %.120q: got %d", i, text, answer)
			}
		}
	}
	s.Client(authtest.App).Get("/config").Is(200)
	s.logged(t)
}

// exchange sends bytes, and returns the statuses of what is answered.
func exchange(t *testing.T, address, text string) (l []int) {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, text) // the server may have hung up already
	_ = c.(*net.TCPConn).CloseWrite()
	for r := bufio.NewReader(c); ; {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return l
		}
		if resp.StatusCode >= 200 {
			l = append(l, resp.StatusCode)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}
