package providers_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

// recording is a login at a provider: what we are to ask, what it answers, and
// whom that makes. Files of testdata/<provider>/ hold one each.
type recording struct {
	// Source says where the answers are from.
	Source string
	// Settings, Key, Scopes and AuthParams are the operator's.
	Settings   map[string]string
	Key        string
	Scopes     []string
	AuthParams map[string]string `json:"auth_params"`
	// NoEmail: addresses are not asked for.
	NoEmail bool `json:"no_email"`
	// Authorize is the URL that the browser is sent to, without what differs
	// each time (state, nonce and code challenge).
	Authorize string
	// PKCE: a code challenge is sent. Default true.
	PKCE *bool
	// Callback is what the browser brings back, besides state and code.
	Callback map[string]string
	// Calls are the requests to the provider, in order.
	Calls []call
	// Identity is whom all of this makes.
	Identity identity
	// Display is how the account is shown. Error: this is the end of it.
	Display, Error string
}

type call struct {
	// Request is the method and the URL.
	Request string
	// Headers are those that count. Form and JSON are the body.
	Headers map[string]string
	Form    map[string]string
	JSON    json.RawMessage
	// Status (200) and Type ("application/json") of the answer; Text if it is
	// no JSON.
	Status int
	Type   string
	Answer json.RawMessage
	Text   string
}

type identity struct {
	UID       string `json:"uid"`
	Email     string `json:"email"`
	Emails    []string
	Username  string
	Name      string
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Phone     string
	// Token, Refresh and Expires are what is kept to call the provider with.
	Token, Refresh string
	Expires        int
	// Profile is what is stored; left out: what the last call answered.
	Profile json.RawMessage
}

var start = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

const redirectURI = "https://app.example.org/accounts/x/login/callback/"

// replay plays the provider of a recording.
type replay struct {
	t     *testing.T
	calls []call
	n     int
	keys  func(*http.Request) *http.Response // of its ID tokens
}

// RoundTrip implements [http.RoundTripper].
func (r *replay) RoundTrip(rq *http.Request) (*http.Response, error) {
	if r.keys != nil {
		if resp := r.keys(rq); resp != nil {
			return resp, nil
		}
	}
	got := rq.Method + " " + rq.URL.String()
	if r.n >= len(r.calls) {
		r.t.Errorf("got a further request %s", got)
		return nil, errors.New("no more")
	}
	c := r.calls[r.n]
	r.n++
	if got != c.Request {
		r.t.Errorf("request %d: got  %s\n want %s", r.n, got, c.Request)
	}
	for name, want := range c.Headers {
		if v := rq.Header.Get(name); v != want && !(strings.HasSuffix(want, "…") && strings.HasPrefix(v, strings.TrimSuffix(want, "…"))) {
			r.t.Errorf("request %d: got %s %q, want %q", r.n, name, v, want)
		}
	}
	body, _ := io.ReadAll(rq.Body)
	switch {
	case c.JSON != nil:
		r.equal("body", string(body), string(c.JSON))
	case c.Form != nil:
		form, err := url.ParseQuery(string(body))
		if err != nil {
			r.t.Errorf("request %d: the body is no form: %s", r.n, body)
		}
		flat := map[string]string{}
		for name := range form {
			flat[name] = form.Get(name)
		}
		if diff := cmp.Diff(c.Form, flat); diff != "" {
			r.t.Errorf("request %d: form (-want +got)\n%s", r.n, diff)
		}
	case len(body) > 0:
		r.t.Errorf("request %d: got the body %s, want none", r.n, body)
	}
	status, kind, answer := c.Status, c.Type, []byte(c.Answer)
	if status == 0 {
		status = http.StatusOK
	}
	if kind == "" {
		kind = "application/json"
	}
	if c.Text != "" {
		answer = []byte(c.Text)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(bytes.NewReader(answer)), Request: rq,
	}, nil
}

func (r *replay) equal(what, got, want string) {
	var a, b any
	if json.Unmarshal([]byte(got), &a) != nil || json.Unmarshal([]byte(want), &b) != nil || !cmp.Equal(a, b) {
		r.t.Errorf("request %d: %s: got %s, want %s", r.n, what, got, want)
	}
}

// TestRecordings logs in at every provider of testdata.
func TestRecordings(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings", err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		id := filepath.Base(filepath.Dir(file))
		seen[id] = true
		t.Run(id+"/"+strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			var r recording
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d := json.NewDecoder(bytes.NewReader(b))
			d.DisallowUnknownFields()
			if err := d.Decode(&r); err != nil {
				t.Fatal(err)
			}
			if r.Source == "" {
				t.Error("the source is missing")
			}
			r.play(t, id)
		})
	}
	var without []string
	for _, s := range providers.Specs() {
		if !seen[s.ID] && !provenElsewhere[s.ID] {
			without = append(without, s.ID)
		}
	}
	t.Logf("%d providers proven by %d recordings", len(seen), len(files))
	if len(without) > 0 {
		t.Errorf("providers without recording: %s", strings.Join(without, ", "))
	}
}

// provenElsewhere are providers whose answers are signed: see idtoken_test.go.
var provenElsewhere = map[string]bool{"apple": true, "openid_connect": true}

func (r *recording) play(t *testing.T, id string) {
	p, err := providers.ByID(id, providers.Client{
		ID: "client id", Secret: "s3cret", Key: r.Key, Settings: r.Settings, Scopes: r.Scopes, AuthParams: r.AuthParams,
	})
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := p.(socialaccount.Checker); ok && len(c.Problems()) > 0 {
		t.Fatal(c.Problems())
	}
	fake := &replay{t: t, calls: r.Calls}
	a := &socialaccount.AuthRequest{
		Tools: tools(fake), State: "the state", RedirectURI: redirectURI, Verifier: strings.Repeat("v", 43), Nonce: "the nonce",
	}
	a.QueryEmail = !r.NoEmail
	redirector := p.(socialaccount.Redirector)
	location, err := redirector.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	r.checkAuthorize(t, location)
	callback := url.Values{"code": {"the code"}, "state": {a.State}}
	for name, v := range r.Callback {
		if callback.Set(name, v); v == "" {
			callback.Del(name)
		}
	}
	if got := redirector.StateOf(callback); got != a.State {
		t.Errorf("got state %q, want %q", got, a.State)
	}
	who, err := redirector.Finish(t.Context(), a, callback)
	if fake.n != len(r.Calls) {
		t.Errorf("got %d requests, want %d", fake.n, len(r.Calls))
	}
	if r.Error != "" {
		if err == nil || !strings.Contains(err.Error(), r.Error) {
			t.Fatalf("got error %v, want %q", err, r.Error)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	r.checkIdentity(t, p, who)
}

func tools(rt http.RoundTripper) socialaccount.Tools {
	return socialaccount.Tools{HTTP: &http.Client{Transport: rt}, Now: start, Rand: zeros{}, QueryEmail: true, UseOnce: once()}
}

// checkAuthorize checks the URL that the browser is sent to.
func (r *recording) checkAuthorize(t *testing.T, location string) {
	t.Helper()
	got, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	q := got.Query()
	if pkce := r.PKCE == nil || *r.PKCE; pkce != q.Has("code_challenge") || pkce && q.Get("code_challenge_method") != "S256" {
		t.Errorf("got PKCE %v, want %v", q.Has("code_challenge"), pkce)
	}
	for _, name := range []string{"state", "nonce", "code_challenge", "code_challenge_method"} {
		q.Del(name)
	}
	want, err := url.Parse(r.Authorize)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Query(), q); diff != "" {
		t.Errorf("authorization request (-want +got)\n%s", diff)
	}
	got.RawQuery, want.RawQuery = "", ""
	if got.String() != want.String() {
		t.Errorf("got %s, want %s", got, want)
	}
}

func (r *recording) checkIdentity(t *testing.T, p socialaccount.Provider, who *socialaccount.Identity) {
	t.Helper()
	got := identity{
		UID: who.UID, Email: who.Email, Username: who.Username, Name: who.Name, FirstName: who.FirstName,
		LastName: who.LastName, Phone: who.Phone, Emails: emails(who),
	}
	if who.Token != nil {
		got.Token, got.Refresh = who.Token.AccessToken, who.Token.RefreshToken
		if !who.Token.Expiry.IsZero() {
			got.Expires = int(who.Token.Expiry.Sub(start).Seconds())
		}
	}
	want := r.Identity
	if want.Profile == nil && len(r.Calls) > 0 {
		want.Profile = r.Calls[len(r.Calls)-1].Answer
	}
	profile := want.Profile
	want.Profile = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("identity (-want +got)\n%s", diff)
	}
	if profile != nil {
		(&replay{t: t}).equal("stored profile", string(who.Profile), string(profile))
	}
	for _, secret := range []string{who.Token.AccessToken, who.Token.RefreshToken} {
		if secret != "" && bytes.Contains(who.Profile, []byte(`"`+secret+`"`)) {
			t.Errorf("the stored profile has the token: %s", who.Profile)
		}
	}
	if got := display(p, who.Profile); got != r.Display {
		t.Errorf("got display %q, want %q", got, r.Display)
	}
}

// display is how the engine names an account.
func display(p socialaccount.Provider, profile json.RawMessage) string {
	if d, ok := p.(socialaccount.Displayer); ok {
		if s := d.Display(profile); s != "" {
			return s
		}
	}
	var v any
	if json.Unmarshal(profile, &v) == nil {
		if s := socialaccount.DisplayName(v); s != "" {
			return s
		}
	}
	return p.Info().Name
}

// emails are addresses, with "*" if they are verified, "?" if that is assumed,
// and "!" if they are primary.
func emails(who *socialaccount.Identity) (l []string) {
	for _, e := range who.Emails {
		s := e.Address
		if e.Verified {
			s += "*"
		}
		if e.Assumed {
			s += "?"
		}
		if e.Primary {
			s += "!"
		}
		l = append(l, s)
	}
	return l
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSpecs(t *testing.T) {
	t.Parallel()
	ids, paths := map[string]bool{}, map[string]bool{}
	for _, s := range providers.Specs() {
		settings := map[string]string{}
		key := ""
		for _, x := range s.Settings {
			switch {
			case !x.Required:
			case x.Name == "key":
				key = "key"
			case x.Kind == providers.URL:
				settings[x.Name] = "https://id.example.org"
			case x.Kind == providers.Host:
				settings[x.Name] = "id.example.org"
			case x.Name == "certificate_key":
				settings[x.Name] = applePEM
			default:
				settings[x.Name] = "x"
			}
			if x.Kind != providers.Text && x.Choices != nil && x.Default != "" && x.Choices[x.Default] == nil {
				t.Errorf("%s: the default of %s is none of its choices", s.ID, x.Name)
			}
		}
		p := s.Provider(providers.Client{ID: "a", Secret: "b", Key: key, Settings: settings})
		info := p.Info()
		if ids[info.ID] || paths[info.Path] {
			t.Errorf("%s is there twice", s.ID)
		}
		ids[info.ID], paths[info.Path] = true, true
		if found := p.(socialaccount.Checker).Problems(); len(found) > 0 {
			t.Errorf("%s: %v", s.ID, found)
		}
		if _, ok := p.(socialaccount.Redirector); !ok {
			t.Errorf("%s does not redirect", s.ID)
		}
		if again, err := providers.ByID(s.ID, providers.Client{}); err != nil || again.Info().Kind != s.ID {
			t.Errorf("%s is not found by its id: %v", s.ID, err)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", providers.Client{ID: "a", Secret: "hush"}, providers.Client{Secret: "hush"}, providers.Client{Secret: "hush"}), "hush") {
			t.Error("a secret shows")
		}
	}
}
