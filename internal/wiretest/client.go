package wiretest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/headless-auth/headless/account/authtest"
)

// M is a JSON object.
type M = authtest.M

// Reply is an answer, Error an entry of its errors.
type (
	Reply = authtest.Reply
	Error = authtest.Error
)

// Client is a front end whose paths are those of the API, and whose answers
// are compared with its description.
type Client struct {
	*authtest.Client

	t    *testing.T
	said *described
	site *authtest.Site
}

// Client returns a new client of a kind.
func (w *World) Client(kind string) *Client {
	return &Client{w.site.Client(w.T, kind), w.T, w.said, w.site}
}

// Other returns a new client of the same kind, with nothing kept.
func (c *Client) Other() *Client {
	return &Client{c.site.Client(c.t, c.Kind), c.t, c.said, c.site}
}

// Clone returns a client that holds the same credentials, for requests at the
// same time.
func (c *Client) Clone() *Client {
	d := *c
	d.Client = c.Client.Clone()
	return &d
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
	return c.call(c.Client.Do, method, path, body)
}

// Raw is Do that fetches no CSRF token first.
func (c *Client) Raw(method, path string, body any) *Reply {
	c.t.Helper()
	return c.call(c.Client.Raw, method, path, body)
}

func (c *Client) call(do func(method, path string, body any) *Reply, method, path string, body any) *Reply {
	c.t.Helper()
	at := c.API(path)
	if own, ok := strings.CutPrefix(path, "//"); ok {
		at = "/" + own
	}
	r := do(method, at, body)
	r.What = method + " " + path
	c.said.check(c.t, c.Kind, method, path, r.Sent, r)
	return r
}
