package wiretest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

// M is a JSON object.
type M = map[string]any

// Client is a front end: a browser, which keeps cookies and repeats the CSRF
// token, or an app, which keeps its session token.
type Client struct {
	// Kind is "browser" or "app".
	Kind string
	// Token is an app's session token.
	Token string
	// Header is sent along with every request.
	Header http.Header

	t    *testing.T
	base string
	said *described
	http *http.Client
}

// Client returns a new client of a kind.
func (w *World) Client(kind string) *Client {
	c := &Client{Kind: kind, Header: http.Header{}, t: w.T, base: w.URL, said: w.said, http: &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if kind == "browser" {
		c.http.Jar, _ = cookiejar.New(nil)
	}
	return c
}

// Other returns a new client of the same kind, with nothing kept.
func (c *Client) Other() *Client {
	w := World{T: c.t, URL: c.base, said: c.said}
	return w.Client(c.Kind)
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
	u, _ := url.Parse(c.base)
	for _, k := range c.http.Jar.Cookies(u) {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

// SetCookie gives a browser a cookie.
func (c *Client) SetCookie(name, value string) {
	u, _ := url.Parse(c.base)
	c.http.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// Get, Post, Put, Patch and Delete call the API. The path is below the
// client's prefix, such as "/auth/session".
func (c *Client) Get(path string) *Reply              { return c.Do(http.MethodGet, path, nil) }
func (c *Client) Post(path string, body any) *Reply   { return c.Do(http.MethodPost, path, body) }
func (c *Client) Put(path string, body any) *Reply    { return c.Do(http.MethodPut, path, body) }
func (c *Client) Patch(path string, body any) *Reply  { return c.Do(http.MethodPatch, path, body) }
func (c *Client) Delete(path string, body any) *Reply { return c.Do(http.MethodDelete, path, body) }

// Do calls the API. The body is sent as JSON, or as it is if it is a string;
// nil is no body. A path that begins with "//" is below the site instead.
func (c *Client) Do(method, path string, body any) *Reply {
	c.t.Helper()
	if c.Kind == "browser" && method != http.MethodGet && method != http.MethodHead && c.Cookie("csrftoken") == "" {
		c.Get("/config")
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
	target := c.base + "/_allauth/" + c.Kind + "/v1" + path
	if ext, ok := strings.CutPrefix(path, "/ext/"); ok {
		target = c.base + "/_allauth/" + c.Kind + "/ext/v1/" + ext
	} else if own, ok := strings.CutPrefix(path, "//"); ok {
		target = c.base + "/" + own
	}
	rq, err := http.NewRequestWithContext(c.t.Context(), method, target, bytes.NewReader(b))
	if err != nil {
		c.t.Fatal(err)
	}
	for k, v := range c.Header {
		rq.Header[k] = v
	}
	if body != nil && rq.Header.Get("Content-Type") == "" {
		rq.Header.Set("Content-Type", "application/json")
	}
	if c.Kind == "browser" {
		if t := c.Cookie("csrftoken"); t != "" && rq.Header.Values("X-CSRFToken") == nil {
			rq.Header.Set("X-CSRFToken", t)
		}
	} else if c.Token != "" && rq.Header.Values("X-Session-Token") == nil {
		rq.Header.Set("X-Session-Token", c.Token)
	}
	resp, err := c.http.Do(rq)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	r := &Reply{t: c.t, What: method + " " + path, Status: resp.StatusCode, Header: resp.Header, Cookies: resp.Cookies()}
	if r.Raw, err = io.ReadAll(resp.Body); err != nil {
		c.t.Fatal(err)
	}
	r.decode()
	c.said.check(c.t, c.Kind, method, path, b, r)
	switch token, _ := r.Meta["session_token"].(string); {
	case c.Kind != "app":
	case token != "":
		c.Token = token
	case r.Status == http.StatusGone:
		c.Token = ""
	}
	return r
}

// Reply is an answer.
type Reply struct {
	What    string
	Status  int
	Header  http.Header
	Cookies []*http.Cookie
	Raw     []byte
	Data    json.RawMessage
	Meta    M
	Errors  []Error

	t *testing.T
}

// Error is an entry of an answer's errors.
type Error struct{ Message, Code, Param string }

func (r *Reply) decode() {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") || len(r.Raw) == 0 {
		return
	}
	var env struct {
		Status int
		Data   json.RawMessage
		Meta   M
		Errors []Error
	}
	if err := json.Unmarshal(r.Raw, &env); err != nil {
		return // an answer of the host's own
	}
	if env.Status != 0 && env.Status != r.Status {
		r.t.Errorf("%s: the envelope says %d, the answer %d", r.What, env.Status, r.Status)
	}
	r.Data, r.Meta, r.Errors = env.Data, env.Meta, env.Errors
}

// Is checks the status.
func (r *Reply) Is(status int) *Reply {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("%s: got %d %s, want %d", r.What, r.Status, r.Raw, status)
	}
	return r
}

// Fails checks that the answer is a 400 with exactly these errors, each
// written as "param:code", or ":code" for the input as a whole.
func (r *Reply) Fails(want ...string) *Reply {
	r.t.Helper()
	r.Is(http.StatusBadRequest)
	var got []string
	for _, e := range r.Errors {
		got = append(got, e.Param+":"+e.Code)
		if e.Message == "" {
			r.t.Errorf("%s: error %s:%s has no message", r.What, e.Param, e.Code)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		r.t.Fatalf("%s: got errors %v, want %v", r.What, got, want)
	}
	return r
}

// Flows are the ids of the flows, with "*" behind those that are pending.
func (r *Reply) Flows() []string {
	var d struct {
		Flows []struct {
			ID      string `json:"id"`
			Pending bool   `json:"is_pending"`
		} `json:"flows"`
	}
	_ = json.Unmarshal(r.Data, &d)
	l := []string{}
	for _, f := range d.Flows {
		if f.Pending {
			f.ID += "*"
		}
		l = append(l, f.ID)
	}
	return l
}

// Pending checks that the answer is a 401 in which the flow is pending.
func (r *Reply) Pending(flow string) *Reply {
	r.t.Helper()
	r.Is(http.StatusUnauthorized)
	if !strings.Contains(" "+strings.Join(r.Flows(), " ")+" ", " "+flow+"* ") {
		r.t.Fatalf("%s: got flows %v, want %s pending", r.What, r.Flows(), flow)
	}
	return r
}

// NothingPending checks that the answer is a 401 in which no flow is pending.
func (r *Reply) NothingPending() *Reply {
	r.t.Helper()
	r.Is(http.StatusUnauthorized)
	if strings.Contains(strings.Join(r.Flows(), " "), "*") {
		r.t.Fatalf("%s: got flows %v, want nothing pending", r.What, r.Flows())
	}
	return r
}

// LoggedIn checks that the answer is a 200 with a user, and returns them.
func (r *Reply) LoggedIn() M {
	r.t.Helper()
	r.Is(http.StatusOK)
	var d struct{ User M }
	_ = json.Unmarshal(r.Data, &d)
	if d.User["id"] == nil || r.Meta["is_authenticated"] != true {
		r.t.Fatalf("%s: got %s, want a user", r.What, r.Raw)
	}
	return d.User
}

// Methods are the authentication records, each without its time.
func (r *Reply) Methods() []M {
	r.t.Helper()
	var d struct{ Methods []M }
	_ = json.Unmarshal(r.Data, &d)
	for _, m := range d.Methods {
		if at, ok := m["at"].(float64); !ok || at < 1e9 {
			r.t.Errorf("%s: record %v has no time", r.What, m)
		}
		delete(m, "at")
	}
	return d.Methods
}

// Into decodes the answer's data.
func (r *Reply) Into(v any) *Reply {
	r.t.Helper()
	if err := json.Unmarshal(r.Data, v); err != nil {
		r.t.Fatalf("%s: %v in %s", r.What, err, r.Raw)
	}
	return r
}
