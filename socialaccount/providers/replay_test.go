package providers_test

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the only signature that these providers know
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	gocmp "github.com/google/go-cmp/cmp"
)

// replay plays the provider of a recording. It fails the test when it is asked
// otherwise than the recording says.
type replay struct {
	t *testing.T
	r *recording
	n int
	// answer replaces the n-th answer, if it is not nil.
	answer func(n int) *http.Response
	// lenient: whatever is asked is answered, in order. After another answer
	// than the recording's, what is asked may be something else too.
	lenient bool

	tokenSecret string // the last one that was given out by OAuth 1.0a
}

// RoundTrip implements [http.RoundTripper].
func (p *replay) RoundTrip(rq *http.Request) (*http.Response, error) {
	got := rq.Method + " " + rq.URL.String()
	if p.r.Keys != "" && got == "GET "+p.r.Keys {
		return response(rq, http.StatusOK, "application/json", publicKeys()), nil
	}
	if p.n >= len(p.r.Calls) {
		if !p.lenient {
			p.t.Errorf("got a further request %s", got)
		}
		return nil, errors.New("no more")
	}
	c := p.r.Calls[p.n]
	p.n++
	if !p.lenient {
		p.check(rq, c)
	}
	if p.answer != nil {
		if resp := p.answer(p.n); resp != nil {
			resp.Request = rq
			return resp, nil
		}
	}
	body := []byte(c.Answer)
	if c.Text != "" {
		body = []byte(c.Text)
		if form, err := url.ParseQuery(c.Text); err == nil && form.Has("oauth_token") {
			p.tokenSecret = form.Get("oauth_token_secret")
		}
	}
	if p.r.IDToken != nil && bytes.Contains(body, []byte("{id_token}")) {
		body = bytes.ReplaceAll(body, []byte("{id_token}"), []byte(signed(p.t, p.r.IDToken)))
	}
	return response(rq, cmp.Or(c.Status, http.StatusOK), cmp.Or(c.Type, "application/json"), body), nil
}

// check checks that a request is as the recording has it.
func (p *replay) check(rq *http.Request, c call) {
	got := rq.Method + " " + rq.URL.String()
	if got != c.Request {
		p.t.Errorf("request %d: got  %s\n want %s", p.n, got, c.Request)
	}
	for name, want := range c.Headers {
		if v := rq.Header.Get(name); !matches(v, want) {
			p.t.Errorf("request %d: got %s %q, want %q", p.n, name, v, want)
		}
	}
	p.checkBody(rq, c)
}

func response(rq *http.Request, status int, kind string, body []byte) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(bytes.NewReader(body)), Request: rq,
	}
}

// matches compares with what is expected, of which only the beginning counts
// if it ends with "…".
func matches(got, want string) bool {
	if start, ok := strings.CutSuffix(want, "…"); ok {
		return strings.HasPrefix(got, start)
	}
	return got == want
}

func (p *replay) checkBody(rq *http.Request, c call) {
	var body []byte
	if rq.Body != nil {
		var err error
		if body, err = io.ReadAll(rq.Body); err != nil {
			p.t.Error(err)
		}
	}
	form := url.Values{}
	switch {
	case c.JSON != nil:
		sameJSON(p.t, "body", body, c.JSON)
	case c.Form != nil:
		var err error
		if form, err = url.ParseQuery(string(body)); err != nil {
			p.t.Errorf("request %d: the body is no form: %s", p.n, body)
		}
		got := map[string]string{}
		for name := range form {
			if got[name] = form.Get(name); matches(got[name], c.Form[name]) {
				got[name] = c.Form[name]
			}
		}
		if diff := gocmp.Diff(c.Form, got); diff != "" {
			p.t.Errorf("request %d: form (-want +got)\n%s", p.n, diff)
		}
	case len(body) > 0:
		p.t.Errorf("request %d: got the body %s, want none", p.n, body)
	}
	if header, ok := strings.CutPrefix(rq.Header.Get("Authorization"), "OAuth oauth_"); ok {
		p.checkSignature(rq, "oauth_"+header, form)
	}
}

// checkSignature verifies a request of OAuth 1.0a. RFC 5849 §3.4.
func (p *replay) checkSignature(rq *http.Request, header string, form url.Values) {
	all, signature := url.Values{}, ""
	for _, part := range strings.Split(header, ", ") {
		name, quoted, _ := strings.Cut(part, "=")
		v, err := url.PathUnescape(strings.Trim(quoted, `"`))
		if err != nil {
			p.t.Errorf("request %d: %v", p.n, err)
		}
		if name == "oauth_signature" {
			signature = v
			continue
		}
		all.Add(name, v)
	}
	for _, values := range []url.Values{rq.URL.Query(), form} {
		for name, l := range values {
			all[name] = append(all[name], l...)
		}
	}
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	var pairs []string
	for name, l := range all {
		for _, v := range l {
			pairs = append(pairs, escape(name)+"="+escape(v))
		}
	}
	slices.Sort(pairs)
	address, _, _ := strings.Cut(rq.URL.String(), "?")
	mac := hmac.New(sha1.New, []byte("s3cret&"+escape(p.tokenSecret)))
	mac.Write([]byte(rq.Method + "&" + escape(address) + "&" + escape(strings.Join(pairs, "&"))))
	if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); signature != want {
		p.t.Errorf("request %d: got signature %q, want %q", p.n, signature, want)
	}
	if all.Get("oauth_consumer_key") != "client id" || all.Get("oauth_nonce") == "" || all.Get("oauth_timestamp") == "" {
		p.t.Errorf("request %d: the header %s is not complete", p.n, header)
	}
}

// sameJSON compares documents, with their numbers as they are written.
func sameJSON(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if diff := gocmp.Diff(decoded(t, want), decoded(t, got)); diff != "" {
		t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

func decoded(t *testing.T, b []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Errorf("%s: %v", b, err)
	}
	return v
}

// providerKey signs ID tokens.
var providerKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func publicKeys() []byte {
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: providerKey().Public(), KeyID: "1", Use: "sig", Algorithm: "RS256"}}})
	if err != nil {
		panic(err)
	}
	return b
}

var tokens sync.Map // ID tokens by their claims: signing takes its time

func signed(t *testing.T, claims []byte) string {
	t.Helper()
	if s, ok := tokens.Load(string(claims)); ok {
		return s.(string)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: providerKey(), KeyID: "1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	s, err := token.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	tokens.Store(string(claims), s)
	return s
}
