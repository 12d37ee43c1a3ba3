package authtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The kinds of clients.
const (
	Browser = "browser"
	App     = "app"
)

// Client is a front end: a browser, which keeps cookies and repeats the CSRF
// token, or an app, which keeps its session token. Both keep to themselves
// what the site has given them, so that the next call is theirs too.
type Client struct {
	// Kind is [Browser] or [App].
	Kind string
	// Token is an app's session token.
	Token string
	// AccessToken and RefreshToken are what an app has got besides, where the
	// site has a strategy that gives them out.
	AccessToken, RefreshToken string
	// Header is sent along with every request.
	Header http.Header
	// Person is who is logged in, where [Login] made the client.
	Person *Person

	t    testing.TB
	site *Site
	http *http.Client
}

// Client returns a client that nobody has logged in with.
func (s *Site) Client(t testing.TB, kind string) *Client {
	c := &Client{Kind: kind, Header: http.Header{}, t: t, site: s, http: &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if s.Handler != nil {
		c.http.Transport, c.http.Timeout = handled{s.Handler}, 0
	}
	if kind == Browser {
		c.http.Jar, _ = cookiejar.New(nil) // it has no options to be wrong
	}
	return c
}

// handled calls a handler in place of the network.
type handled struct{ http.Handler }

// RoundTrip implements [http.RoundTripper].
func (h handled) RoundTrip(rq *http.Request) (*http.Response, error) {
	r := rq.Clone(rq.Context())
	r.RequestURI, r.Host, r.RemoteAddr = rq.URL.RequestURI(), cmp.Or(rq.Host, rq.URL.Host), "127.0.0.1:49152"
	r.URL.Scheme, r.URL.Host = "", "" // as a server sees it
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = rq
	return resp, nil
}

// Clone returns a client that holds the same credentials, for requests at the
// same time.
func (c *Client) Clone() *Client {
	d := *c
	d.Header = c.Header.Clone()
	return &d
}

// Cookie is the value of a cookie that a browser keeps, or "".
func (c *Client) Cookie(name string) string {
	if c.http.Jar == nil {
		return ""
	}
	for _, k := range c.http.Jar.Cookies(c.url("/")) {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

// SetCookie gives a browser a cookie.
func (c *Client) SetCookie(name, value string) {
	u := c.url("/")
	c.http.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: u.Scheme == "https"}})
}

// url is where a path of the site is. A whole URL stays as it is.
func (c *Client) url(path string) *url.URL {
	c.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = strings.TrimRight(c.site.URL, "/") + path
	}
	u, err := url.Parse(path)
	if err != nil {
		c.t.Fatal(err)
	}
	return u
}

// API is where the API has a path for this kind of client: "/auth/session" is
// at "/_allauth/app/v1/auth/session". Paths that begin with "/ext/" are those
// of additions, "/ext/v1".
func (c *Client) API(path string) string {
	prefix := cmp.Or(c.site.Path, "/_allauth") + "/" + c.Kind
	if ext, ok := strings.CutPrefix(path, "/ext/"); ok {
		return prefix + "/ext/v1/" + ext
	}
	return prefix + "/v1" + path
}

// Get, Post, Put, Patch and Delete call a path of the site, such as "/me" or
// c.API("/auth/session").
func (c *Client) Get(path string) *Reply {
	c.t.Helper()
	return c.Do(http.MethodGet, path, nil)
}

// Post is Get with a method and a body; see [Client.Do].
func (c *Client) Post(path string, body any) *Reply {
	c.t.Helper()
	return c.Do(http.MethodPost, path, body)
}

// Put is Post with another method.
func (c *Client) Put(path string, body any) *Reply {
	c.t.Helper()
	return c.Do(http.MethodPut, path, body)
}

// Patch is Post with another method.
func (c *Client) Patch(path string, body any) *Reply {
	c.t.Helper()
	return c.Do(http.MethodPatch, path, body)
}

// Delete is Post with another method.
func (c *Client) Delete(path string, body any) *Reply {
	c.t.Helper()
	return c.Do(http.MethodDelete, path, body)
}

// JSON gets a path and decodes the answer into v: what the API wraps in an
// envelope without it, anything else as it is.
func (c *Client) JSON(path string, v any) {
	c.t.Helper()
	c.Get(path).Is(http.StatusOK).Into(v)
}

// Form posts a form, as a page without scripts does.
func (c *Client) Form(path string, form url.Values) *Reply {
	c.t.Helper()
	d := c.Clone()
	d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r := d.Do(http.MethodPost, path, form.Encode())
	c.Token = d.Token
	return r
}

// Session asks the API where the client stands.
func (c *Client) Session() *Reply { c.t.Helper(); return c.Get(c.API("/auth/session")) }

// Do calls a path of the site. The body is sent as JSON, or as it is if it is a
// string; nil is no body. A browser that is to change something and has no CSRF
// token fetches one first. Redirects are not followed.
func (c *Client) Do(method, path string, body any) *Reply {
	c.t.Helper()
	if c.Kind == Browser && method != http.MethodGet && method != http.MethodHead && c.Cookie(c.site.csrfCookie()) == "" {
		c.Get(c.API("/config"))
	}
	return c.Raw(method, path, body)
}

// Raw is Do that fetches no CSRF token first.
func (c *Client) Raw(method, path string, body any) *Reply {
	c.t.Helper()
	var b []byte
	switch x := body.(type) {
	case nil:
	case string:
		b = []byte(x)
	default:
		var err error
		if b, err = json.Marshal(x); err != nil {
			c.t.Fatal(err)
		}
	}
	u := c.url(path)
	rq, err := http.NewRequestWithContext(c.t.Context(), method, u.String(), bytes.NewReader(b))
	if err != nil {
		c.t.Fatal(err)
	}
	for k, v := range c.Header {
		rq.Header[k] = v
	}
	if body != nil && rq.Header.Get("Content-Type") == "" {
		rq.Header.Set("Content-Type", "application/json")
	}
	c.identify(rq)
	resp, err := c.http.Do(rq)
	if err != nil {
		c.t.Fatal(err)
	}
	r := ReplyOf(c.t, resp)
	r.What, r.Sent = method+" "+path, b
	c.keep(r)
	return r
}

// identify adds what the client is recognised by, unless [Client.Header] has
// something in its place.
func (c *Client) identify(rq *http.Request) {
	if c.Kind == App {
		if c.Token != "" && rq.Header.Values("X-Session-Token") == nil {
			rq.Header.Set("X-Session-Token", c.Token)
		}
		return
	}
	header := c.site.csrfHeader()
	if t := c.Cookie(c.site.csrfCookie()); t != "" && rq.Header.Values(header) == nil {
		rq.Header.Set(header, t)
	}
	// A page of the site's own is what a site on https insists on.
	if rq.URL.Scheme == "https" && rq.Header.Values("Referer") == nil && rq.Header.Values("Origin") == nil {
		rq.Header.Set("Referer", c.url("/").String())
	}
}

// keep keeps what an app is told to.
func (c *Client) keep(r *Reply) {
	if c.Kind != App {
		return
	}
	for name, at := range map[string]*string{"session_token": &c.Token, "access_token": &c.AccessToken, "refresh_token": &c.RefreshToken} {
		if token, _ := r.Meta[name].(string); token != "" {
			*at = token
		}
	}
	if r.Status == http.StatusGone && r.Meta["session_token"] == nil {
		c.Token, c.AccessToken, c.RefreshToken = "", "", ""
	}
}
