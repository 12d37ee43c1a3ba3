package providers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/headless-auth/headless/socialaccount"
)

// userAgent is what we call ourselves; some providers refuse who has no name.
const userAgent = "headless-auth"

// Exchange is one identification under way, for the hooks of a [Spec].
type Exchange struct {
	socialaccount.Tools
	Client Client
	// Scopes are those that are asked for.
	Scopes []string
	// Query are the URL's parameters of the request that began it; Callback is
	// what the browser brought back. Both are what anybody likes.
	Query, Callback url.Values
	// Kept is what Begin notes for later.
	Kept map[string]string
	// Token is the answer to the token request.
	Token map[string]any
	// AccessToken and, for OAuth 1.0a, its secret.
	AccessToken, TokenSecret string
	// Grant is what is kept to call the provider with later; nil for nothing.
	Grant *oauth2.Token
	// Profile is what is known so far: what encoding/json makes of JSON, with
	// [json.Number].
	Profile any
	// Stored takes the place of Profile in what is stored.
	Stored any

	p                  *provider
	state, redirectURI string
	verifier, nonce    string
	set                map[string]string
}

// Set gives a placeholder of templates a value.
func (x *Exchange) Set(name, value string) {
	if x.set == nil {
		x.set = map[string]string{}
	}
	x.set[name] = value
}

// Get returns what a placeholder stands for, or "".
func (x *Exchange) Get(name string) string {
	if v, ok := x.set[name]; ok {
		return v
	}
	switch name {
	case "client_id":
		return x.Client.ID
	case "secret":
		return x.Client.Secret
	case "access_token":
		return x.AccessToken
	case "redirect_uri":
		return x.redirectURI
	case "state":
		return x.state
	}
	if from, rest, ok := strings.Cut(name, "."); ok {
		switch from {
		case "callback":
			return x.Callback.Get(rest)
		case "kept":
			return x.Kept[rest]
		case "token":
			return textAt(x.Token, rest)
		case "profile":
			return textAt(x.Profile, rest)
		}
	}
	return x.p.setting(name)
}

// Text returns what is at a path of the profile, as text.
func (x *Exchange) Text(path string) string { return textAt(x.Profile, path) }

func textAt(doc any, s string) string {
	p, err := parsePath(s, func(string) string { return "" })
	if err != nil {
		return ""
	}
	return p.text(doc)
}

// statusError reports an answer that is no success.
type statusError struct {
	host   string
	status int
}

func (e *statusError) Error() string { return fmt.Sprintf("%s answered %d", e.host, e.status) }

// do sends a request and reads the answer. Errors name the host only: URLs may
// hold tokens.
func do(client *http.Client, rq *http.Request) (status int, header http.Header, body []byte, err error) {
	if rq.Header.Get("User-Agent") == "" {
		rq.Header.Set("User-Agent", userAgent)
	}
	resp, err := client.Do(rq)
	if err == nil {
		defer resp.Body.Close()
		body, err = io.ReadAll(resp.Body)
	}
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return 0, nil, nil, fmt.Errorf("%s: %w", rq.URL.Host, err)
	}
	return resp.StatusCode, resp.Header, body, nil
}

// decodeJSON reads a document, with its numbers as they are written.
func decodeJSON(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, errors.New("the answer is no JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the answer is no JSON")
	}
	return v, nil
}

// Call makes a call and returns what counts in the answer, nil for a status
// that is tolerated.
func (x *Exchange) Call(ctx context.Context, c Call) (any, error) {
	rq, err := x.request(ctx, &c)
	if err != nil {
		return nil, err
	}
	status, _, body, err := do(x.HTTP, rq)
	switch {
	case err != nil:
		return nil, err
	case slices.Contains(c.Tolerate, status):
		return nil, nil
	case status < 200 || status > 299:
		return nil, &statusError{rq.URL.Host, status}
	}
	doc, err := decodeJSON(body)
	if err == nil {
		err = x.expect(c.Expect, doc)
	}
	if err == nil && c.Unwrap != "" {
		if doc = valueAt(doc, c.Unwrap); doc == nil {
			err = fmt.Errorf("there is no %s in the answer", c.Unwrap)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", rq.URL.Host, err)
	}
	return doc, nil
}

func valueAt(doc any, s string) any {
	p, err := parsePath(s, func(string) string { return "" })
	if err != nil {
		return nil
	}
	return p.value(doc)
}

// expect checks what an answer must say.
func (x *Exchange) expect(want map[string]string, doc any) error {
	for where, template := range want {
		value, err := expand(template, x.Get)
		if err != nil {
			return err
		}
		if got := textAt(doc, where); got != value {
			return fmt.Errorf("%s is not as it must be", where)
		}
	}
	return nil
}

// request makes the request of a call.
func (x *Exchange) request(ctx context.Context, c *Call) (*http.Request, error) {
	address, err := expandURL(c.URL, x.Get)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, errors.New("the URL is wrong")
	}
	if len(c.Hosts) > 0 && !goodHost(u, c.Hosts) {
		return nil, fmt.Errorf("the host %q is none of the provider's", u.Host)
	}
	form, body, contentType, err := x.body(c)
	if err != nil {
		return nil, err
	}
	params := form
	if form == nil {
		params = u.Query()
	}
	if c.Sign != nil {
		c.Sign(x, params)
	}
	auth := c.Auth
	if auth.Form != "" && form != nil {
		form.Set(auth.Form, x.AccessToken)
	}
	query := u.Query()
	if form == nil && c.Sign != nil {
		query = params
	}
	if auth.Query != "" {
		query.Set(auth.Query, x.AccessToken)
	}
	if auth.Query != "" || form == nil && c.Sign != nil {
		u.RawQuery = query.Encode()
	}
	method := c.Method
	if method == "" {
		method = http.MethodGet
		if form != nil || c.Body != "" {
			method = http.MethodPost
		}
	}
	if form != nil {
		body = form.Encode()
	}
	rq, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(body))
	if err != nil {
		return nil, errors.New("the request can't be made")
	}
	rq.Header.Set("Accept", "application/json")
	if contentType != "" {
		rq.Header.Set("Content-Type", contentType)
	}
	for name, template := range c.Headers {
		v, err := expand(template, x.Get)
		if err != nil {
			return nil, err
		}
		rq.Header.Set(name, v)
	}
	switch {
	case auth.None:
	case x.p.spec.RequestTokenURL != "":
		return rq, x.p.sign(x, rq, form, nil)
	case auth.Header != "":
		rq.Header.Set(auth.Header, x.AccessToken)
	case auth.Query == "" && auth.Form == "":
		scheme, err := expand(auth.Scheme, x.Get)
		if err != nil {
			return nil, err
		}
		if scheme == "" {
			scheme = "Bearer"
		}
		rq.Header.Set("Authorization", scheme+" "+x.AccessToken)
	}
	return rq, nil
}

func (x *Exchange) body(c *Call) (form url.Values, body, contentType string, err error) {
	if c.Body != "" {
		body, err = expand(c.Body, x.Get)
		return nil, body, "application/json", err
	}
	if c.Form == nil && c.Auth.Form == "" {
		return nil, "", "", nil
	}
	form = url.Values{}
	for name, template := range c.Form {
		v, err := expand(template, x.Get)
		if err != nil {
			return nil, "", "", err
		}
		form.Set(name, v)
	}
	return form, "", "application/x-www-form-urlencoded", nil
}

func goodHost(u *url.URL, hosts []string) bool {
	return u.Scheme == "https" && slices.ContainsFunc(hosts, func(h string) bool {
		if below, ok := strings.CutPrefix(h, "*"); ok {
			return strings.HasSuffix(strings.ToLower(u.Hostname()), below)
		}
		return strings.EqualFold(u.Host, h)
	})
}

// readProfile makes the calls of the Spec.
func (x *Exchange) readProfile(ctx context.Context, calls []Call) error {
	for i := range calls {
		c := &calls[i]
		if c.When == ForEmail && !x.QueryEmail || c.When == NoEmail && x.p.email.text(x.Profile) != "" {
			continue
		}
		doc, err := x.Call(ctx, *c)
		switch {
		case err != nil && c.Optional && ctx.Err() == nil:
			continue
		case err != nil:
			return err
		case doc == nil:
			continue
		}
		switch m, object := doc.(map[string]any); {
		case c.Into != "":
			x.put(c.Into, doc)
		case c.Merge && object:
			for name, v := range m {
				x.put(name, v)
			}
		default:
			x.Profile = doc
		}
	}
	return nil
}

// put sets a member of the profile.
func (x *Exchange) put(name string, v any) {
	m, ok := x.Profile.(map[string]any)
	if !ok {
		m = map[string]any{}
		x.Profile = m
	}
	m[name] = v
}

// isForm reports whether an answer is a form rather than JSON.
func isForm(header http.Header, body []byte) bool {
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return media != "application/json" && !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{"))
}
