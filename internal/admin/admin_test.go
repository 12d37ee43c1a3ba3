package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/observe"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store"
)

const (
	token      = "back-office-token-0123456789abcdef"
	otherToken = "night-shift-token-0123456789abcdef"
)

// office is a site whose operators have tokens.
func office(c *headless.Config) {
	c.Account.LoginMethods = []string{"email", "username", "phone"}
	c.Account.Fields = []account.Field{{Name: "plan"}, {Name: "seats", Type: "integer"}}
	c.MFA = &mfa.Config{Trust: true}
	c.AuditLog = c.Store.(store.AuditLog)
	c.Admin = &headless.AdminConfig{Tokens: map[string][]byte{"back-office": []byte(token), "night": []byte(otherToken)}}
}

// desk is where an operator's program calls from.
type desk struct {
	*testing.T
	*wiretest.World
	token string
	doc   *openapi3.T
	done  map[string]bool // operations that were answered 200, by id
}

func open(t *testing.T, w *wiretest.World) *desk {
	t.Helper()
	w.Mux.Handle("/_admin/", w.Auth.Admin())
	d := &desk{T: t, World: w, token: token, done: map[string]bool{}}
	r, body := d.send(http.MethodGet, "/openapi.json", nil)
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "application/vnd.oai.openapi+json" {
		t.Fatalf("the description: got %d %s", r.StatusCode, body)
	}
	doc, err := load(string(body))
	if err != nil {
		t.Fatalf("the description: %v", err)
	}
	d.doc = doc
	return d
}

var documents sync.Map

func load(body string) (*openapi3.T, error) {
	read, _ := documents.LoadOrStore(body, sync.OnceValues(func() (*openapi3.T, error) {
		loader := openapi3.NewLoader()
		doc, err := loader.LoadFromData([]byte(body))
		if err == nil {
			err = doc.Validate(loader.Context)
		}
		return doc, err
	}))
	return read.(func() (*openapi3.T, error))()
}

func (d *desk) send(method, path string, body []byte, change ...func(*http.Request)) (*http.Response, []byte) {
	d.Helper()
	r, err := http.NewRequestWithContext(d.Context(), method, d.URL+"/_admin"+path, bytes.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	if d.token != "" {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	for _, c := range change {
		c(r)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		d.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.Fatal(err)
	}
	return resp, b
}

// answer is what every call is answered with.
type answer struct {
	Status int
	Data   json.RawMessage
	Errors []struct{ Code, Param, Message string }
	raw    []byte
	head   http.Header
}

// person reads the data as a user.
func (a *answer) person(t *testing.T) *account.Person {
	t.Helper()
	var p account.Person
	if err := json.Unmarshal(a.Data, &p); err != nil {
		t.Fatalf("%v: %s", err, a.raw)
	}
	return &p
}

// call sends a request, and judges the answer by the description.
func (d *desk) call(method, path string, body any, want int, change ...func(*http.Request)) *answer {
	d.Helper()
	var b []byte
	switch body := body.(type) {
	case nil:
	case string:
		b = []byte(body)
	default:
		b, _ = json.Marshal(body)
	}
	resp, text := d.send(method, path, b, change...)
	a := &answer{raw: text, head: resp.Header}
	if err := json.Unmarshal(text, a); err != nil {
		d.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
	if resp.StatusCode != want || a.Status != want {
		d.Errorf("%s %s: got %d %s, want %d", method, path, resp.StatusCode, text, want)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "X-Content-Type-Options": "nosniff"} {
		if got := resp.Header.Get(name); got != value {
			d.Errorf("%s %s: got %s %q", method, path, name, got)
		}
	}
	if !strings.Contains(resp.Header.Get("Cache-Control"), "no-store") || len(resp.Header["Set-Cookie"]) > 0 || resp.Header.Get("Access-Control-Allow-Origin") != "" {
		d.Errorf("%s %s: got headers %v", method, path, resp.Header)
	}
	d.judge(method, path, want, text)
	return a
}

// judge compares an answer with the description.
func (d *desk) judge(method, path string, status int, text []byte) {
	d.Helper()
	path, _, _ = strings.Cut(path, "?")
	f := strings.Split(path, "/")
	if len(f) > 3 {
		f[3] = "{user}"
	}
	item := d.doc.Paths.Value(strings.Join(f, "/"))
	if item == nil || item.GetOperation(method) == nil {
		if status < 400 {
			d.Errorf("%s %s is not described", method, path)
		}
		return
	}
	if status == http.StatusOK {
		d.done[item.GetOperation(method).OperationID] = true
	}
	response := item.GetOperation(method).Responses.Status(status)
	if response == nil {
		if !slices.Contains([]int{http.StatusRequestEntityTooLarge, http.StatusInternalServerError}, status) {
			d.Errorf("%s %s is not described to answer %d", method, path, status)
		}
		return
	}
	var value any
	_ = json.Unmarshal(text, &value)
	if err := response.Value.Content.Get("application/json").Schema.Value.VisitJSON(value, openapi3.VisitAsResponse()); err != nil {
		d.Errorf("%s %s: %v\n%s", method, path, err, text)
	}
}

type m = map[string]any

func TestOperations(t *testing.T) {
	wiretest.EachStore(t, office, func(t *testing.T, w *wiretest.World) {
		d := open(t, w)
		email, phone := wiretest.FreshEmail(), wiretest.FreshPhone()
		p := d.call("POST", "/v1/users", m{
			"email": email, "username": "Ada", "phone": phone, "email_verified": true, "phone_verified": true, "first_name": "Ada",
			"password": wiretest.Password, "fields": m{"plan": "paid", "seats": 3},
		}, 200).person(t)
		if !p.Emails[0].Verified || p.Username != "Ada" || string(p.Fields) != `{"plan":"paid","seats":3}` {
			t.Errorf("got %+v", p)
		}
		at := "/v1/users/" + p.ID
		for _, query := range []string{"email=" + email, "username=ADA", "phone=%2B" + phone[1:], "", "limit=1"} {
			var page struct{ Users []account.Person }
			a := d.call("GET", "/v1/users?"+query, nil, 200)
			if json.Unmarshal(a.Data, &page) != nil || len(page.Users) != 1 || page.Users[0].ID != p.ID {
				t.Errorf("%s: got %s", query, a.raw)
			}
		}
		d.call("GET", "/v1/users?email=nobody@example.org", nil, 200)
		if again := d.call("GET", at, nil, 200).person(t); again.ID != p.ID || again.Phone == nil || again.Phone.Number != phone {
			t.Errorf("got %+v", again)
		}
		c := w.Client("app")
		c.Post("/auth/login", m{"email": email, "password": wiretest.Password}).LoggedIn()
		d.call("POST", at+"/end-sessions", nil, 200)
		c.Get("/auth/session").Is(410)
		if !d.call("POST", at+"/disable", nil, 200).person(t).Disabled || d.call("POST", at+"/enable", m{}, 200).person(t).Disabled {
			t.Error("disable and enable do nothing")
		}
		d.call("POST", at+"/set-password", m{"password": "other-Quartz-32"}, 200)
		w.Client("app").Post("/auth/login", m{"email": email, "password": "other-Quartz-32"}).LoggedIn()
		d.call("POST", at+"/verify-email", nil, 200)
		d.call("POST", at+"/reset-mfa", nil, 200)
		d.token = otherToken
		x := d.call("GET", at+"/export", nil, 200)
		if !strings.Contains(string(x.Data), `"event":"account_disabled","data":{},"by_operator":true`) || !strings.Contains(string(x.Data), `"event":"data_exported","data":{},"by_operator":true`) || strings.Contains(string(x.Data), "back-office") {
			t.Errorf("got %s", x.raw)
		}
		var actors []string // which are in the log alone
		log, err := w.Store.(store.AuditLog).AuditOf(t.Context(), p.ID, "", 100)
		for _, e := range log {
			actors = append(actors, e.Kind+string(e.Data))
		}
		if err != nil || !slices.Contains(actors, `account_disabled{"actor":"back-office"}`) || !slices.Contains(actors, `data_exported{"actor":"night"}`) {
			t.Errorf("got %q, %v", actors, err)
		}
		if a := d.call("DELETE", at, nil, 200); a.Data != nil {
			t.Errorf("got %s", a.raw)
		}
		d.call("GET", at, nil, 404)
		d.call("DELETE", at, nil, 404)
		for path, item := range d.doc.Paths.Map() {
			for method, op := range item.Operations() {
				if !d.done[op.OperationID] {
					t.Errorf("%s %s was not tried", method, path)
				}
			}
		}
	})
}

func TestPages(t *testing.T) {
	wiretest.EachStore(t, office, func(t *testing.T, w *wiretest.World) {
		d := open(t, w)
		var want, got []string
		for range 5 {
			want = append(want, w.Make(wiretest.Person{}).ID)
		}
		for cursor := ""; ; {
			var page struct {
				Users []account.Person
				Next  string
			}
			_ = json.Unmarshal(d.call("GET", "/v1/users?limit=2&cursor="+cursor, nil, 200).Data, &page)
			for _, p := range page.Users {
				got = append(got, p.ID)
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestHostileInput: whatever is sent, the answer is a 4xx in JSON, and nothing
// has happened. Requirement INP-1.
func TestHostileInput(t *testing.T) {
	wiretest.EachStore(t, office, func(t *testing.T, w *wiretest.World) {
		d := open(t, w)
		p := w.Make(wiretest.Person{})
		at := "/v1/users/" + p.ID
		before := d.call("GET", at, nil, 200).raw
		for _, tt := range []struct {
			method, path string
			body         any
			want         int
			code         string
		}{
			{"POST", "/v1/users", "{", 400, ":invalid_json"},
			{"POST", "/v1/users", "[]", 400, ":invalid_json"},
			{"POST", "/v1/users", "\xff", 400, ":invalid_json"},
			{"POST", "/v1/users", `"` + strings.Repeat("x", 1<<20) + `"`, 413, ":too_large"},
			{"POST", "/v1/users", strings.Repeat(`{"email":`, 50) + "1" + strings.Repeat("}", 50), 400, ":invalid_json"},
			{"POST", "/v1/users", `{"email":"\ud800"}`, 400, ":invalid_json"},
			{"POST", "/v1/users", m{}, 400, "email:required"},
			{"POST", "/v1/users", m{"email": m{}}, 400, "email:invalid"},
			{"POST", "/v1/users", m{"email": "x@"}, 400, "email:invalid"},
			{"POST", "/v1/users", m{"email": p.Email}, 400, "email:email_taken"},
			{"POST", "/v1/users", m{"email": "a@example.org", "verified": true}, 400, "verified:invalid"},
			{"POST", "/v1/users", m{"email": "a@example.org", "id": "7"}, 400, "id:invalid"},
			{"POST", "/v1/users", m{"email": "a@example.org", "email_verified": "no"}, 400, "email_verified:invalid"},
			{"POST", "/v1/users", m{"email": "a@example.org", "fields": []string{"x"}}, 400, "fields:invalid"},
			{"POST", "/v1/users", m{"email": "a@example.org", "fields": m{"seats": "many"}}, 400, "seats:invalid"},
			{"POST", "/v1/users", m{"email": "a@example.org", "fields": m{"colour": 1}}, 400, "colour:invalid"},
			{"POST", "/v1/users", m{"username": "a\x00b"}, 400, "username:null_characters_not_allowed"},
			{"POST", "/v1/users", m{"username": strings.Repeat("a", 151)}, 400, "username:max_length"},
			{"POST", "/v1/users", m{"email": "a@example.org", "first_name": strings.Repeat("a", 151)}, 400, "first_name:max_length"},
			{"POST", "/v1/users", m{"email": "a@example.org", "password": strings.Repeat("a", 4097)}, 400, "password:max_length"},
			{"GET", "/v1/users?email=a@example.org&phone=%2B3161234567", nil, 400, ":invalid"},
			{"GET", "/v1/users?email=a@example.org&email=b@example.org", nil, 400, "email:invalid"},
			{"GET", "/v1/users?email=x", nil, 400, "email:invalid"},
			{"GET", "/v1/users?phone=0", nil, 400, "phone:invalid_phone"},
			{"GET", "/v1/users?limit=0", nil, 400, "limit:invalid"},
			{"GET", "/v1/users?limit=201", nil, 400, "limit:invalid"},
			{"GET", "/v1/users?limit=9999999999999999999999", nil, 400, "limit:invalid"},
			{"GET", "/v1/users?limit=x%00", nil, 400, "limit:invalid"},
			{"GET", "/v1/users?username=%ff", nil, 400, "username:invalid"},
			{"POST", "/v1/users/" + p.ID + "/verify-email", m{"email": ""}, 400, "email:required"},
			{"GET", "/v1/users?email=", nil, 400, "email:invalid"}, // a variable that was not set is not everybody
			{"GET", "/v1/users?cursor=", nil, 200, ""},
			{"GET", "/v1/users?%zz", nil, 400, ":invalid"},
			{"GET", "/v1/users?emial=x", nil, 400, "emial:invalid"},
			{"GET", "/v1/users?cursor=none", nil, 200, ""},
			{"GET", "/v1/users/%00", nil, 404, ""},
			{"GET", "/v1/users/%ff%fe", nil, 404, ""},
			{"GET", "/v1/users/1%2f..%2f2", nil, 404, ""},
			{"GET", "/v1/users/" + strings.Repeat("9", 5000), nil, 404, ""},
			{"GET", "/v1/users/", nil, 404, ""},
			{"GET", "/v1/nothing", nil, 404, ""},
			{"GET", "/", nil, 404, ""},
			{"PATCH", "/v1/users", m{}, 405, ""},
			{"PUT", at, m{}, 405, ""},
			{"GET", at + "/disable", nil, 405, ""},
			{"DELETE", at, "{", 400, ":invalid_json"},
			{"DELETE", at, m{"force": true}, 400, "force:invalid"},
			{"DELETE", at + "?dry_run=1", nil, 400, "dry_run:invalid"},
			{"POST", at + "/set-password", m{}, 400, "password:required"},
			{"POST", at + "/set-password", m{"password": 12345678}, 400, "password:password_too_common"},
			{"POST", at + "/verify-email", m{"email": "other@example.org"}, 400, "email:unknown_email"},
		} {
			a := d.call(tt.method, tt.path, tt.body, tt.want)
			if tt.code == "" {
				continue
			}
			if len(a.Errors) == 0 || a.Errors[0].Param+":"+a.Errors[0].Code != tt.code || a.Errors[0].Message == "" {
				t.Errorf("%s %.80s: got %s, want %s", tt.method, tt.path, a.raw, tt.code)
			}
		}
		if after := d.call("GET", at, nil, 200).raw; !bytes.Equal(after, before) {
			t.Errorf("got %s, had %s", after, before)
		}
	})
}

// TestOnlyTokens: neither a user's credentials nor another place of the token
// let anybody in, and strangers learn nothing of what there is.
func TestOnlyTokens(t *testing.T) {
	t.Parallel()
	w := wiretest.New(t, wiretest.Stores["memory"](t), office)
	d := open(t, w)
	p := w.Make(wiretest.Person{})
	browser, app := w.Client("browser"), w.Client("app")
	for _, c := range []*wiretest.Client{browser, app} {
		c.Post("/auth/login", m{"email": p.Email, "password": wiretest.Password}).LoggedIn()
	}
	set := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = values }
	}
	d.token = ""
	for name, change := range map[string]func(*http.Request){
		"nothing":          func(*http.Request) {},
		"a cookie":         set("Cookie", "sessionid="+browser.Credential()+"; token="+token),
		"a session token":  set("X-Session-Token", app.Credential()),
		"as session token": set("X-Session-Token", token),
		"a user's token":   set("Authorization", "Bearer "+app.Credential()),
		"a wrong token":    set("Authorization", "Bearer "+token[1:]),
		"half a token":     set("Authorization", "Bearer "+token[:20]),
		"a name":           set("Authorization", "Bearer back-office"),
		"an empty token":   set("Authorization", "Bearer "),
		"another scheme":   set("Authorization", "Basic "+token),
		"no scheme":        set("Authorization", token),
		"two":              set("Authorization", "Bearer "+token, "Bearer "+otherToken),
		"in the URL":       func(r *http.Request) { r.URL.RawQuery = "token=" + token + "&access_token=" + token },
		"a preflight":      func(r *http.Request) { r.Method = "OPTIONS"; r.Header.Set("Origin", "https://evil.test") },
	} {
		for _, path := range []string{"/v1/users", "/v1/users/" + p.ID, "/nothing", "/v1/users/0/export", "/openapi.json"} {
			if name == "in the URL" && path == "" {
				continue
			}
			a := d.call("GET", path, nil, 401, change)
			if string(bytes.TrimSpace(a.raw)) != `{"status":401}` || a.head.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s at %s: got %s, %v", name, path, a.raw, a.head)
			}
		}
	}
	for _, scheme := range []string{"bearer ", "BEARER  "} {
		d.call("GET", "/v1/users", nil, 200, set("Authorization", scheme+token))
	}
}

// TestWrongTokensAreLimited: requirement LIM-1.
func TestWrongTokensAreLimited(t *testing.T) {
	wiretest.EachStore(t, func(c *headless.Config) {
		office(c)
		c.NoLimits, c.Limits = false, map[string]string{"admin_failed": "3/m/ip"}
	}, func(t *testing.T, w *wiretest.World) {
		d := open(t, w)
		d.token = "wrong"
		for range 3 {
			d.call("GET", "/v1/users", nil, 401)
		}
		if a := d.call("GET", "/v1/users", nil, 429); a.head.Get("Retry-After") == "" {
			t.Error("it is not said when to try again")
		}
		d.token = token // strangers behind the same proxy keep nobody out
		d.call("GET", "/v1/users", nil, 200)
		d.token = "wrong"
		d.call("GET", "/v1/users", nil, 429)
		w.Clock.Advance(time.Minute)
		d.call("GET", "/v1/users", nil, 401)
	})
}

// TestBesideAProxy: back ends call from inside, without what the proxy adds.
func TestBesideAProxy(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*headless.Config){
		"a header":  func(c *headless.Config) { c.ClientIPHeader = "X-Real-IP" },
		"a counter": func(c *headless.Config) { c.TrustedProxies = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, wiretest.New(t, wiretest.Stores["memory"](t), func(c *headless.Config) {
				office(c)
				change(c)
				c.NoLimits, c.Limits = false, map[string]string{"admin_failed": "1/m/ip"}
			}))
			d.call("GET", "/v1/users", nil, 200)
			d.token = "wrong"
			d.call("GET", "/v1/users", nil, 401)
			// Naming another address is no way around the limit.
			d.call("GET", "/v1/users", nil, 429, func(r *http.Request) {
				r.Header.Set("X-Real-IP", "192.0.2.1")
				r.Header.Set("X-Forwarded-For", "192.0.2.1, 192.0.2.2")
			})
		})
	}
}

// TestRoutesAreObserved: as they are, and not whom they are about. There are as
// many ids as users, and each would be a time series.
func TestRoutesAreObserved(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	d := open(t, wiretest.New(t, wiretest.Stores["memory"](t), func(c *headless.Config) {
		office(c)
		c.Observe = func(_ context.Context, o observe.Observation) {
			if o.Kind == observe.Request {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, o.Name)
			}
		}
	}))
	d.call("GET", "/v1/users", nil, 200)
	d.call("GET", "/v1/users/users", nil, 404)
	d.call("POST", "/v1/users/77/disable", nil, 404)
	d.send("GET", "/v1/anything/else", nil)
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"/_admin/v1/users", "/_admin/v1/users/{user}", "/_admin/v1/users/{user}/disable", "/_admin/"}; !slices.Equal(seen, want) {
		t.Errorf("got %q", seen)
	}
}

// TestLogsKeepTokens: requirement SEC-5.
func TestLogsKeepTokens(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var c headless.Config
	w := wiretest.New(t, wiretest.Stores["memory"](t), func(x *headless.Config) {
		office(x)
		x.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c = *x
	})
	d := open(t, w)
	d.token = "presented-secret"
	d.call("GET", "/v1/users", nil, 401)
	text := log.String() + fmt.Sprintf("%v %+v %#v", c, c, *c.Admin)
	if b, err := json.Marshal(c.Admin); err != nil {
		t.Error(err)
	} else {
		text += string(b)
	}
	if !strings.Contains(log.String(), "a wrong token at the operators' API") || strings.Contains(text, "secret") || strings.Contains(text, "-token-") {
		t.Errorf("got %s", text)
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	c := wiretest.Config()
	c.URL, c.Store, c.Mailer = "https://app.example.org", wiretest.Stores["memory"](t), &wiretest.Inbox{}
	c.Admin = &headless.AdminConfig{Path: "admin/", Tokens: map[string][]byte{
		"a": []byte("short"), "b": []byte(token), "c": []byte(token), "d e": []byte(otherToken), "f": []byte(strings.Repeat("ü", 20)),
	}}
	_, err := headless.New(c)
	for _, want := range []string{
		`Admin.Path: "admin/" can't be mounted; write "/_admin"`, `Admin.Tokens["a"]: needs at least 32 bytes, has 5`,
		`Admin.Tokens["c"]: is the same as that of "b"`, `Admin.Tokens["d e"]: is no name`, `Admin.Tokens["f"]: can't be a header's value`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "token-") {
		t.Errorf("got %v, which shows a token", err)
	}
	c.Admin = &headless.AdminConfig{}
	if _, err := headless.New(c); err == nil || !strings.Contains(err.Error(), "Admin.Tokens: is empty") {
		t.Errorf("got %v", err)
	}
	c.Admin = nil
	auth, err := headless.New(c)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	auth.Admin().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/_admin/v1/users", http.NoBody))
	if rec.Code != http.StatusNotFound {
		t.Errorf("off: got %d", rec.Code)
	}
}

// FuzzRequests: any request with a token gets an answer in JSON that is no
// defect of ours.
func FuzzRequests(f *testing.F) {
	f.Add("POST", "/v1/users", "", `{"email":"a@example.org","fields":{"plan":1}}`)
	f.Add("GET", "/v1/users", "limit=1&cursor=1", "")
	f.Add("POST", "/v1/users/1/verify-email", "", `{"email":"ü@example.org"}`)
	f.Add("POST", "/v1/users/1/set-password", "", `{"password":"\u0000"}`)
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		c := wiretest.Config()
		inbox := &wiretest.Inbox{}
		c.URL, c.Store, c.Mailer, c.SMS = "https://app.example.org", wiretest.Stores["memory"](t), inbox, inbox
		office(&c)
		auth, err := headless.New(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := auth.Users().Create(t.Context(), account.NewUser{Email: "ada@example.org"}); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.Method, r.URL.Path, r.URL.RawQuery = method, "/_admin"+path, query
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		auth.Admin().ServeHTTP(w, r)
		if w.Code >= 500 || method != http.MethodHead && path != "/openapi.json" && !strings.HasPrefix(w.Body.String(), fmt.Sprintf(`{"status":%d`, w.Code)) {
			t.Errorf("%s %s?%s: got %d %s", method, path, query, w.Code, w.Body)
		}
	})
}
