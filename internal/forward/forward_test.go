package forward_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
)

const (
	address  = "ada@example.org"
	password = "Correct-Horse-9-Battery"
)

type nobody struct{}

func (nobody) Send(context.Context, account.Message) error { return nil }

// world is a site and an app behind a real nginx, which asks the site about
// each request to the app.
type world struct {
	*testing.T
	auth   *headless.Auth
	store  store.Store
	user   string
	front  string // of the app
	login  string // of the site
	seen   chan *http.Request
	client *http.Client
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// conf is what docs/forward-auth.md tells operators to write.
const conf = `
	server {
		listen FRONT;
		location /_allauth/ {
			proxy_pass http://AUTH;
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		}
		location / {
			auth_request /_forward_auth;
			auth_request_set $auth_user $upstream_http_x_auth_user;
			auth_request_set $auth_email $upstream_http_x_auth_email;
			auth_request_set $auth_name $upstream_http_x_auth_name;
			auth_request_set $auth_redirect $upstream_http_x_auth_redirect;
			auth_request_set $auth_cookie $upstream_http_set_cookie;
			add_header Set-Cookie $auth_cookie;
			error_page 401 = @login;
			proxy_set_header X-Auth-User $auth_user;
			proxy_set_header X-Auth-Email $auth_email;
			proxy_set_header X-Auth-Name $auth_name;
			proxy_pass http://APP;
		}
		location = /_forward_auth {
			internal;
			proxy_pass http://AUTH/forward-auth;
			proxy_pass_request_body off;
			proxy_set_header Content-Length "";
			proxy_set_header Host $http_host;
			proxy_set_header X-Original-Method $request_method;
			proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		}
		location @login {
			if ($auth_redirect) { return 302 $auth_redirect; }
			return 401;
		}
	}`

func setup(t *testing.T, change func(*headless.Config), requirements ...headless.Requirement) *world {
	t.Helper()
	front := freeAddr(t)
	w := &world{T: t, store: memory.New(), front: "http://" + front, login: "http://" + front, seen: make(chan *http.Request, 10)}
	c := headless.Config{
		URL: w.front, Secret: []byte("fJ4uQk0zYb1vWm9TzRk2sXo7LpHn6cEd"), Store: w.store, Mailer: nobody{}, TrustedProxies: 1, NoLimits: true,
		Frontend:    headless.Frontend{VerifyEmail: "/v/{key}", ResetPassword: "/r/{key}"},
		Account:     account.Config{EmailVerification: account.None, Password: account.PasswordConfig{Argon2Memory: 64, Argon2Time: 1}},
		ForwardAuth: headless.ForwardAuthConfig{LoginPage: "/login?next={next}&why={reason}"},
		Logger:      slog.New(slog.DiscardHandler),
		Hooks:       account.Hooks{Display: func(context.Context, *store.User) string { return "Zoë 100%\r\nX-Auth-User: 0" }},
	}
	if change != nil {
		change(&c)
	}
	var err error
	if w.auth, err = headless.New(c); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/_allauth/", w.auth.Handler())
	mux.Handle("/forward-auth", w.auth.ForwardAuth(requirements...))
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	app := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.seen <- r
		_, _ = fmt.Fprintf(rw, "the app has got %q", body)
	}))
	t.Cleanup(app.Close)

	testenv.Nginx(t, front, strings.NewReplacer("FRONT", front, "AUTH", site.Listener.Addr().String(), "APP", app.Listener.Addr().String()).Replace(conf))
	p, err := w.auth.Users().Create(t.Context(), account.NewUser{Email: address, EmailVerified: true, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	w.user = p.ID
	w.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	w.client.Jar, _ = cookiejar.New(nil)
	return w
}

type answer struct {
	status   int
	location string
	body     string
}

// send makes a request, with headers "Name: value".
func (w *world) send(method, target, body string, headers ...string) answer {
	w.Helper()
	rq, err := http.NewRequestWithContext(w.Context(), method, target, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if rq.Header.Set(name, value); name == "Host" {
			rq.Host = value
		}
	}
	resp, err := w.client.Do(rq)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header.Get("Location"), string(b)}
}

// cookie is one that the browser has.
func (w *world) cookie(name string) string {
	u, _ := url.Parse(w.front)
	for _, c := range w.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (w *world) token() string { return "X-CSRFToken: " + w.cookie("csrftoken") }

// logIn does so with the browser.
func (w *world) logIn() {
	w.Helper()
	w.send("GET", w.login+"/_allauth/browser/v1/auth/session", "")
	body, _ := json.Marshal(map[string]string{"email": address, "password": password})
	if a := w.send("POST", w.login+"/_allauth/browser/v1/auth/login", string(body), "Content-Type: application/json", w.token(), "Origin: "+w.login); a.status != 200 {
		w.Fatalf("login: %+v", a)
	}
}

// arrived is the request that the app has got.
func (w *world) arrived() *http.Request {
	w.Helper()
	select {
	case r := <-w.seen:
		return r
	default:
		w.Fatal("nothing has come to the app")
		return nil
	}
}

func (w *world) nothingArrived() {
	w.Helper()
	select {
	case r := <-w.seen:
		w.Errorf("%s %s has come to the app", r.Method, r.URL)
	default:
	}
}

func TestForwardAuth(t *testing.T) {
	t.Parallel()
	t.Run("a stranger's browser is sent to log in, and back", func(t *testing.T) {
		t.Parallel()
		w := setup(t, nil)
		a := w.send("GET", w.front+"/wiki?page=1&x=%2F", "", "Accept: text/html")
		if want := w.front + "/login?next=" + url.QueryEscape(w.front+"/wiki?page=1&x=%2F") + "&why=login"; a.status != 302 || a.location != want {
			t.Errorf("got %+v, want %s", a, want)
		}
		w.nothingArrived()
	})
	t.Run("a stranger's script is answered 401", func(t *testing.T) {
		t.Parallel()
		w := setup(t, nil)
		for _, headers := range [][]string{{"Accept: application/json"}, {"Accept: text/html", "Sec-Fetch-Mode: cors"}} {
			if a := w.send("GET", w.front+"/api", "", headers...); a.status != 401 {
				t.Errorf("got %+v", a)
			}
		}
		if a := w.send("POST", w.front+"/api", "x", "Accept: text/html"); a.status != 401 {
			t.Errorf("got %+v", a)
		}
		w.nothingArrived()
	})
	t.Run("the app is told who it is, and no client can say otherwise", func(t *testing.T) {
		t.Parallel()
		w := setup(t, nil)
		w.logIn()
		forged := []string{"X-Auth-User: 1000", "X-Auth-Email: root@example.org", "X-Auth-Name: root"}
		if a := w.send("GET", w.front+"/wiki", "", forged...); a.status != 200 || a.body != `the app has got ""` {
			t.Fatalf("got %+v", a)
		}
		r := w.arrived()
		for name, want := range map[string]string{"X-Auth-User": w.user, "X-Auth-Email": address, "X-Auth-Name": "Zo%C3%AB 100%25%0D%0AX-Auth-User: 0"} {
			if got := r.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if name, err := url.PathUnescape(r.Header.Get("X-Auth-Name")); err != nil || name != "Zoë 100%\r\nX-Auth-User: 0" {
			t.Errorf("the name is %q, %v", name, err)
		}
	})
	t.Run("an address that is not verified is not told, nor one that the client makes up", func(t *testing.T) {
		t.Parallel()
		w := setup(t, nil)
		w.logIn()
		l, err := w.store.EmailsOf(t.Context(), w.user)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.store.DeleteEmail(t.Context(), l[0].ID); err != nil {
			t.Fatal(err)
		}
		if err := w.store.CreateEmail(t.Context(), &store.EmailAddress{UserID: w.user, Email: address, Primary: true}); err != nil {
			t.Fatal(err)
		}
		w.send("GET", w.front+"/wiki", "", "X-Auth-Email: root@example.org")
		if got := w.arrived().Header.Values("X-Auth-Email"); len(got) != 0 {
			t.Errorf("got %q", got)
		}
	})
	t.Run("forged requests stay away", func(t *testing.T) {
		t.Parallel()
		w := setup(t, nil)
		w.logIn()
		for name, headers := range map[string][]string{
			"no token":         {"Origin: " + w.front},
			"another token":    {"Origin: " + w.front, "X-CSRFToken: " + strings.Repeat("a", 64)},
			"another origin":   {"Origin: https://evil.example", w.token()},
			"a method made up": {"Origin: https://evil.example", "X-Original-Method: GET", "X-Forwarded-Method: GET"},
		} {
			for _, method := range []string{"POST", "DELETE", "PATCH"} {
				if a := w.send(method, w.front+"/wiki", "x", headers...); a.status != 403 {
					t.Errorf("%s with %s: got %+v", method, name, a)
				}
			}
		}
		w.nothingArrived()
		if a := w.send("POST", w.front+"/wiki", "hello", "Origin: "+w.front, w.token()); a.status != 200 || a.body != `the app has got "hello"` {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("pages of strangers open no web socket", func(t *testing.T) {
		t.Parallel()
		w := setup(t, nil)
		w.logIn()
		if a := w.send("GET", w.front+"/live", "", "Sec-WebSocket-Version: 13", "Origin: https://evil.example"); a.status != 403 {
			t.Errorf("got %+v", a)
		}
		w.nothingArrived()
		for _, headers := range [][]string{{"Sec-WebSocket-Version: 13", "Origin: " + w.front}, {"Sec-WebSocket-Version: 13"}} {
			if a := w.send("GET", w.front+"/live", "", headers...); a.status != 200 {
				t.Errorf("got %+v", a)
			}
		}
	})
	t.Run("apps may check that themselves", func(t *testing.T) {
		t.Parallel()
		w := setup(t, func(c *headless.Config) { c.ForwardAuth.AppsCheckCSRF = true })
		w.logIn()
		if a := w.send("POST", w.front+"/wiki", "hello"); a.status != 200 || a.body != `the app has got "hello"` {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("a session that is used is renewed", func(t *testing.T) {
		t.Parallel()
		var late atomic.Int64
		w := setup(t, func(c *headless.Config) {
			c.Session.Sliding = true
			c.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
		})
		w.logIn()
		token, csrf := w.cookie("sessionid"), w.cookie("csrftoken")
		late.Store(int64(time.Hour))
		rq, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.front+"/wiki", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := w.client.Do(rq)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		set := resp.Cookies()
		if len(set) != 1 || set[0].Name != "sessionid" || set[0].Value != token || set[0].Expires.Before(time.Now().Add(14*24*time.Hour+50*time.Minute)) {
			t.Errorf("got %v", resp.Header.Values("Set-Cookie"))
		}
		if w.cookie("csrftoken") != csrf {
			t.Error("the CSRF token has changed")
		}
	})
	t.Run("what is required has to be there", func(t *testing.T) {
		t.Parallel()
		w := setup(t, nil, headless.MFA)
		w.logIn()
		if a := w.send("GET", w.front+"/", "", "Accept: text/html"); a.status != 302 || !strings.HasSuffix(a.location, "&why=mfa_required") {
			t.Errorf("got %+v", a)
		}
		w.nothingArrived()
	})
	t.Run("an app with a token needs no cookie, and a dead token is 401", func(t *testing.T) {
		t.Parallel()
		w := setup(t, nil)
		body, _ := json.Marshal(map[string]string{"email": address, "password": password})
		a := w.send("POST", w.login+"/_allauth/app/v1/auth/login", string(body), "Content-Type: application/json")
		var out struct {
			Meta struct {
				Token string `json:"session_token"`
			} `json:"meta"`
		}
		if err := json.Unmarshal([]byte(a.body), &out); err != nil || out.Meta.Token == "" {
			t.Fatalf("got %+v", a)
		}
		if a := w.send("POST", w.front+"/wiki", "hello", "X-Session-Token: "+out.Meta.Token); a.status != 200 {
			t.Errorf("got %+v", a)
		}
		if got := w.arrived().Header.Get("X-Auth-User"); got != w.user {
			t.Errorf("got %q", got)
		}
		if err := w.auth.Users().EndSessions(t.Context(), w.user); err != nil {
			t.Fatal(err)
		}
		if a := w.send("GET", w.front+"/wiki", "", "X-Session-Token: "+out.Meta.Token, "Accept: text/html"); a.status != 401 {
			t.Errorf("got %+v", a)
		}
		w.nothingArrived()
	})
	t.Run("nobody is sent anywhere else", func(t *testing.T) {
		t.Parallel()
		w := setup(t, nil)
		a := w.send("GET", w.front+"/wiki", "", "Accept: text/html", "Host: evil.example")
		if want := w.front + "/login?next=" + url.QueryEscape(w.front+"/") + "&why=login"; a.status != 302 || a.location != want {
			t.Errorf("got %+v, want %s", a, want)
		}
	})
}

// TestLookalikes: apps that read headers as CGI does take X_Auth_User for
// X-Auth-User, and proxies other than nginx pass it on.
func TestLookalikes(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.logIn()
	for name, want := range map[string]int{
		"X-Auth-User": 204, "X-Auth-Userx": 204, "X_Auth_Users": 204, // the first is overwritten
		"X_Auth_User": 403, "x-auth_user": 403, "X.Auth.Email": 403, "X_AUTH-NAME": 403,
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/forward-auth", nil)
		r.Header.Set("X-Forwarded-Method", "GET")
		r.Header.Set(name, "1")
		r.AddCookie(&http.Cookie{Name: "sessionid", Value: w.cookie("sessionid")})
		rec := httptest.NewRecorder()
		w.auth.ForwardAuth().ServeHTTP(rec, r)
		if rec.Code != want {
			t.Errorf("%s: got %d, want %d", name, rec.Code, want)
		}
	}
}

// Traefik and Caddy pass on what they are answered, and say what they are asked
// for in X-Forwarded headers.
func TestForwardedHeaders(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *headless.Config) { c.ForwardAuth.Apps = []string{"https://wiki.example.org"} })
	w.logIn()
	h := w.auth.ForwardAuth()
	ask := func(cookie bool, headers map[string]string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/forward-auth", nil)
		for name, value := range headers {
			r.Header.Set(name, value)
		}
		if cookie {
			for _, name := range []string{"sessionid", "csrftoken"} {
				r.AddCookie(&http.Cookie{Name: name, Value: w.cookie(name)})
			}
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		return rec
	}
	page := func(host, proto, uri string) map[string]string {
		return map[string]string{"X-Forwarded-Method": "GET", "X-Forwarded-Host": host, "X-Forwarded-Proto": proto, "X-Forwarded-Uri": uri, "Accept": "text/html"}
	}
	for _, test := range []struct {
		name, host, proto, uri, next string
	}{
		{"an app's page", "wiki.example.org", "https", "/a?b=c", "https://wiki.example.org/a?b=c"},
		{"a page of nobody's", "evil.example", "https", "/a", w.front + "/"},
		{"a page without TLS", "wiki.example.org", "http", "/a", w.front + "/"},
		{"a host in the path", "wiki.example.org", "https", "@evil.example/", "https://wiki.example.org/"},
		{"a user in the host", "wiki.example.org@evil.example", "https", "/", w.front + "/"},
		{"another scheme", "", "javascript:alert(1)//", "/", w.front + "/"},
	} {
		rec := ask(false, page(test.host, test.proto, test.uri))
		if want := w.front + "/login?next=" + url.QueryEscape(test.next) + "&why=login"; rec.Code != 302 || rec.Header().Get("Location") != want {
			t.Errorf("%s: got %d %s, want %s", test.name, rec.Code, rec.Header().Get("Location"), want)
		}
	}
	if rec := ask(true, page("wiki.example.org", "https", "/")); rec.Code != 204 || rec.Header().Get("X-Auth-User") != w.user || rec.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %v", rec.Code, rec.Header())
	}
	post := map[string]string{"X-Forwarded-Method": "POST", "Origin": "https://wiki.example.org"}
	if rec := ask(true, post); rec.Code != 403 {
		t.Errorf("without a token: got %d", rec.Code)
	}
	post["X-CSRFToken"] = w.cookie("csrftoken")
	if rec := ask(true, post); rec.Code != 204 {
		t.Errorf("from an app: got %d %s", rec.Code, rec.Body)
	}
	post["Origin"] = "https://evil.example"
	if rec := ask(true, post); rec.Code != 403 {
		t.Errorf("from elsewhere: got %d", rec.Code)
	}
	if rec := ask(true, nil); rec.Code != 403 || !strings.Contains(rec.Body.String(), "X-Original-Method") {
		t.Errorf("a proxy that does not tell the method: got %d %s", rec.Code, rec.Body)
	}
	if rec := ask(false, map[string]string{"X-Auth-User": w.user, "X-Auth-Email": address}); rec.Code != 401 || rec.Header().Get("X-Auth-User") != "" {
		t.Errorf("who only says that they are somebody: got %d %v", rec.Code, rec.Header())
	}
	// Behind another handler that knows the caller of a GET, it judges anew.
	inner := w.auth.Load(h)
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/forward-auth", nil)
	r.Header.Set("X-Original-Method", "POST")
	for _, name := range []string{"sessionid", "csrftoken"} {
		r.AddCookie(&http.Cookie{Name: name, Value: w.cookie(name)})
	}
	rec := httptest.NewRecorder()
	if inner.ServeHTTP(rec, r); rec.Code != 403 {
		t.Errorf("behind Load: got %d", rec.Code)
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		c    headless.ForwardAuthConfig
		want string
	}{
		{headless.ForwardAuthConfig{Apps: []string{"https://*.example.org"}}, "ForwardAuth.Apps[0]: "},
		{headless.ForwardAuthConfig{Apps: []string{"https://a.example.org", "wiki"}}, "ForwardAuth.Apps[1]: "},
		{headless.ForwardAuthConfig{LoginPage: "/login"}, "ForwardAuth.LoginPage: "},
		{headless.ForwardAuthConfig{LoginPage: "login?next={next}"}, "ForwardAuth.LoginPage: "},
		{headless.ForwardAuthConfig{LoginPage: "javascript:alert({next})"}, "ForwardAuth.LoginPage: "},
		{headless.ForwardAuthConfig{LoginPage: "https://app.example.org/login?next={next}", Apps: []string{"https://a.example.org"}}, ""},
	} {
		_, err := headless.New(headless.Config{
			URL: "https://www.example.org", Secret: make([]byte, 32), Store: memory.New(), Mailer: nobody{}, ForwardAuth: test.c,
			Frontend: headless.Frontend{VerifyEmail: "/v/{key}", ResetPassword: "/r/{key}"},
		})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: got %v, want %s", test.c, err, test.want)
		}
	}
}
