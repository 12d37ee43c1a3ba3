package providers_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
	// Query is the query of the request that begins it.
	Query map[string]string
	// Authorize is the URL that the browser is sent to, without what differs
	// each time (state, nonce and code challenge).
	Authorize string
	// PKCE: a code challenge is sent. Default true.
	PKCE *bool
	// Callback is what the browser brings back, besides state and code; those
	// which are empty it does not bring.
	Callback map[string]string
	// IDToken are the claims of "{id_token}" in the answers, and Keys is the URL
	// of the keys to verify it with.
	IDToken json.RawMessage `json:"id_token"`
	Keys    string
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
	// Headers are those that count, "" for one that must not be there. Form and
	// JSON are the body.
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
	// Profile is what is stored; a text is its place in what the last call
	// answered. Left out: all of it.
	Profile json.RawMessage
}

var start = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

const redirectURI = "https://app.example.org/accounts/x/login/callback/"

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
	for _, id := range ids() {
		if !seen[id] {
			without = append(without, id)
		}
	}
	t.Logf("%d providers proven by %d recordings", len(seen), len(files))
	if len(without) > 0 {
		t.Errorf("providers without recording: %s", strings.Join(without, ", "))
	}
}

// ids lists every provider.
func ids() []string {
	l := []string{"dummy"}
	for _, s := range providers.Specs() {
		l = append(l, s.ID)
	}
	slices.Sort(l)
	return l
}

func (r *recording) play(t *testing.T, id string) {
	p := r.provider(t, id)
	fake := &replay{t: t, r: r}
	who, err := r.login(t, p, fake, nil)
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

func (r *recording) provider(t *testing.T, id string) socialaccount.Provider {
	t.Helper()
	settings := maps.Clone(r.Settings)
	if settings["certificate_key"] != "" {
		settings["certificate_key"] = applePEM
	}
	p := constructors[id](providers.Client{
		ID: "client id", Secret: "s3cret", Key: r.Key, Settings: settings, Scopes: r.Scopes, AuthParams: r.AuthParams,
	})
	if c, ok := p.(socialaccount.Checker); ok && len(c.Problems()) > 0 {
		t.Fatal(c.Problems())
	}
	return p
}

// login goes to the provider and back. What the browser brings back is further
// rather than what the recording says, if there is any.
func (r *recording) login(t *testing.T, p socialaccount.Provider, fake *replay, further map[string]string) (*socialaccount.Identity, error) {
	t.Helper()
	a := &socialaccount.AuthRequest{
		Tools: tools(fake), State: "the state", RedirectURI: redirectURI, Verifier: strings.Repeat("v", 43), Nonce: "the nonce",
		Query: url.Values{},
	}
	a.QueryEmail = !r.NoEmail
	for name, v := range r.Query {
		a.Query.Set(name, v)
	}
	redirector := p.(socialaccount.Redirector)
	location, err := redirector.Begin(t.Context(), a)
	if err != nil {
		return nil, err
	}
	if !fake.lenient {
		r.checkAuthorize(t, location)
	}
	callback := url.Values{"code": {"the code"}, "state": {a.State}}
	for _, params := range []map[string]string{r.Callback, further} {
		for name, v := range params {
			if callback.Set(name, v); v == "" {
				callback.Del(name)
			}
		}
	}
	if got := redirector.StateOf(callback); got != a.State {
		if !fake.lenient {
			t.Errorf("got state %q, want %q", got, a.State)
		}
		return nil, errors.New("the state is another's")
	}
	return redirector.Finish(t.Context(), a, callback)
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
	profile := r.storedProfile(t)
	want.Profile = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("identity (-want +got)\n%s", diff)
	}
	sameJSON(t, "stored profile", who.Profile, profile)
	if who.Token != nil {
		for _, secret := range []string{who.Token.AccessToken, who.Token.RefreshToken} {
			if secret != "" && bytes.Contains(who.Profile, []byte(`"`+secret+`"`)) {
				t.Errorf("the stored profile has the token: %s", who.Profile)
			}
		}
	}
	if got := display(p, who.Profile); got != r.Display {
		t.Errorf("got display %q, want %q", got, r.Display)
	}
}

// storedProfile is what is to be stored.
func (r *recording) storedProfile(t *testing.T) []byte {
	t.Helper()
	want := r.Identity.Profile
	var place string
	if want != nil && json.Unmarshal(want, &place) != nil {
		return want
	}
	doc := decoded(t, r.Calls[len(r.Calls)-1].Answer)
	for _, name := range strings.FieldsFunc(place, func(c rune) bool { return strings.ContainsRune(".[]", c) }) {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[name]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil {
				t.Fatal(err)
			}
			doc = v[n]
		}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return b
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
			case x.Name == "key" && x.Kind == providers.URL:
				key = "https://id.example.org"
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
