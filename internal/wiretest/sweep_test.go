package wiretest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
	"github.com/headless-auth/headless/socialaccount/saml"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/tokens"
)

// Whatever strangers and users send to whatever path, by whatever method: the
// answer is a described one, tells nothing of what is inside, must not be
// stored, and a refusal has changed nothing. Requirements INP-1, INP-2, DIS-1
// and DIS-2.
func TestSweep(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{authtest.Browser, authtest.App} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSweep(t, kind)
			t.Run("bodies", func(t *testing.T) { s.bodies(t) })
			t.Run("headers", func(t *testing.T) { s.headers(t) })
			s.end(t)
		})
	}
}

// sweep is a site with everything switched on, and what was seen of it.
type sweep struct {
	*World
	idp *IDP
	log *lines

	seen     map[string]bool // answers that were judged already
	statuses map[int]int
	took     []time.Duration // by refusals
	worst    time.Duration
	slowest  string // what that was
	problems int
}

// lines is a log whose every record is a line.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

const sweepAdminToken = "back-office-token-0123456789abcdef"

func newSweep(t *testing.T, kind string) *sweep {
	t.Helper()
	s := &sweep{idp: NewIDP(t), log: &lines{}, seen: map[string]bool{}, statuses: map[int]int{}}
	st := memory.New()
	s.World = New(t, st, func(c *headless.Config) { s.everything(t, kind, c) })
	s.kind, s.idp.Now = kind, s.Clock.Now
	return s
}

func (s *sweep) everything(t *testing.T, kind string, c *headless.Config) {
	a := &c.Account
	a.LoginMethods = []string{"email", "username", "phone"}
	a.SignupFields = []string{"username*", "email*", "phone*", "password1*"}
	a.Fields = []account.Field{{Name: "plan"}, {Name: "seats", Type: "integer"}}
	a.EmailVerification, a.EmailVerificationByCode = account.Mandatory, true
	a.LoginByCode, a.Closing, a.EmailNotifications = true, true, true
	a.PasswordResetByCode = kind == authtest.Browser // the app is sent a key
	c.MFA = &mfa.Config{SupportedTypes: []string{store.TOTP, store.RecoveryCodes, store.WebAuthn}, PasskeyLogin: true, PasskeySignup: true, Trust: true}
	c.Session.List = true
	c.AuditLog = c.Store.(store.AuditLog)
	c.Admin = &headless.AdminConfig{Tokens: map[string][]byte{"office": []byte(sweepAdminToken)}}
	c.ForwardAuth = headless.ForwardAuthConfig{Apps: []string{"https://wiki.example.org"}, LoginPage: "https://spa.test/login?next={next}&reason={reason}"}
	c.Frontend.SocialLoginError = "https://spa.test/provider/error"
	c.Social = &socialaccount.Config{
		Development: true, Internal: []string{"127.0.0.1"}, CallbackURLs: []string{"https://spa.test"},
		Providers: []socialaccount.Provider{
			providers.Dummy(), providers.Steam(providers.Client{ID: "x", Secret: "x"}), providers.Telegram(providers.Client{ID: "1", Secret: "x"}),
			providers.OpenIDConnect(providers.Client{ID: IDPClient, Secret: IDPSecret, ProviderID: "idp", Name: "Our IdP", Settings: map[string]string{"server_url": s.idp.URL}}),
			saml.Provider(saml.Config{
				Slug: "acme", EntityID: "https://idp.test/metadata", SSOURL: "https://idp.test/sso", SLOURL: "https://idp.test/slo", Certificates: []string{certificate(t)},
			}),
		},
	}
	c.Logger = slog.New(slog.NewTextHandler(s.log, nil))
	if kind == authtest.App {
		_, k, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		j, err := tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Private: k}}})
		if err != nil {
			t.Fatal(err)
		}
		c.Tokens = j
	}
}

// certificate is one of an identity provider that says nothing here.
func certificate(t *testing.T) string {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(1e9, 0), NotAfter: time.Unix(4e9, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// state is where a client stands when it sends what it should not.
type state struct {
	name string
	// at are the paths that it is for; empty for all.
	at []string
	// fragile: a wrong guess may end it.
	fragile bool
	enter   func(t *testing.T, s *sweep) *Client
}

var states = []state{
	{name: "anonymous", enter: func(_ *testing.T, s *sweep) *Client { return s.Client(s.kind) }},
	{name: "member", enter: func(_ *testing.T, s *sweep) *Client {
		c := s.Client(s.kind)
		c.LogIn(s.Make(Person{Username: FreshName(), Phone: FreshPhone()}))
		return c
	}},
	{name: "verify_email", fragile: true, at: []string{"/auth/email/verify", "/auth/email/verify/resend", "/auth/session"}, enter: func(_ *testing.T, s *sweep) *Client {
		p, c := s.Make(Person{Email: "-", Phone: FreshPhone()}), s.Client(s.kind)
		p.Email = s.AddEmail(p, FreshEmail(), false)
		c.LogInPending(p, "verify_email")
		return c
	}},
	{name: "verify_phone", fragile: true, at: []string{"/auth/phone/verify", "/auth/phone/verify/resend"}, enter: func(_ *testing.T, s *sweep) *Client {
		c := s.Client(s.kind)
		c.LogInPending(s.Make(Person{Phone: FreshPhone(), Unverified: true}), "verify_phone")
		return c
	}},
	{name: "login_by_code", fragile: true, at: []string{"/auth/code/confirm", "/auth/code/resend", "/auth/code/request"}, enter: func(_ *testing.T, s *sweep) *Client {
		c := s.Client(s.kind)
		c.Post("/auth/code/request", M{"email": s.Make(Person{}).Email}).Pending("login_by_code")
		return c
	}},
	{name: "mfa_authenticate", fragile: true, at: []string{"/auth/2fa/authenticate", "/auth/webauthn/authenticate", "/auth/2fa/trust"}, enter: func(t *testing.T, s *sweep) *Client {
		p, c := s.Make(Person{Phone: FreshPhone()}), s.Client(s.kind)
		c.LogIn(p)
		var url string
		if url, _ = c.Get("/account/authenticators/totp").Is(404).Meta["totp_url"].(string); url == "" {
			t.Fatal("no secret for an authenticator app is told")
		}
		c.Post("/account/authenticators/totp", M{"code": authtest.NewTOTP(t, s.Clock, url).Code()}).Is(200)
		d := s.Client(s.kind)
		d.LogInPending(p, "mfa_authenticate")
		return d
	}},
	{name: "provider_signup", fragile: true, at: []string{"/auth/provider/signup"}, enter: func(_ *testing.T, s *sweep) *Client {
		c := s.Client(s.kind)
		token := s.idp.Token(M{"sub": FreshName()}, nil)
		c.Post("/auth/provider/token", M{"provider": "idp", "process": "login", "token": M{"client_id": IDPClient, "id_token": token}}).Pending("provider_signup")
		return c
	}},
}

// LogInPending logs a person in as far as a stage.
func (c *Client) LogInPending(p *Person, stage string) {
	c.t.Helper()
	c.Post("/auth/login", c.credentials(p)).Pending(stage)
}

// renew removes everybody, and enters a state.
func (s *sweep) renew(t *testing.T, st *state) *Client {
	t.Helper()
	for _, u := range s.everybody(t) {
		if err := s.Store.DeleteUser(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
	}
	one := *s
	w := *s.World
	w.T, one.World = t, &w
	c := st.enter(t, &one)
	if c.Kind == authtest.Browser && c.Cookie("csrftoken") == "" {
		c.Get("/config")
	}
	s.Events.Take()
	return c
}

func (s *sweep) everybody(t *testing.T) []*store.User {
	t.Helper()
	l, err := s.Store.(store.UserLister).ListUsers(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// holdings are all that is kept of everybody, as text. Sessions count by being
// there: a request that is refused may have been counted in one.
func (s *sweep) holdings(t *testing.T) string {
	t.Helper()
	ctx := t.Context()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	keep := func(v any, err error) {
		if err == nil {
			err = enc.Encode(v)
		}
		if err != nil && !strings.Contains(err.Error(), store.ErrNotFound.Error()) {
			t.Fatal(err)
		}
	}
	for _, u := range s.everybody(t) {
		keep(u, nil)
		emails, err := s.Store.EmailsOf(ctx, u.ID)
		keep(emails, err)
		phone, err := s.Store.PhoneOf(ctx, u.ID)
		keep(phone, err)
		factors, err := s.Store.AuthenticatorsOf(ctx, u.ID)
		keep(factors, err)
		links, err := s.Store.SocialAccountsOf(ctx, u.ID)
		keep(links, err)
		browsers, err := s.Store.TrustedBrowsersOf(ctx, u.ID)
		keep(browsers, err)
		sessions, err := s.Store.SessionsOf(ctx, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range sessions {
			keep(x.ID, nil)
		}
	}
	return b.String()
}

// call is a request, and by what it is told from others.
type call struct {
	method, path, name string
	body               string
	header             http.Header
	change             func(r *http.Request)
}

// target is where a client has a path, and how the description calls it.
func (s *sweep) target(path string) string {
	if ext, ok := strings.CutPrefix(path, "/ext/"); ok {
		return "/_allauth/" + s.kind + "/ext/v1/" + ext
	}
	return "/_allauth/" + s.kind + "/v1" + path
}

// send calls the handler without a network between.
func (s *sweep) send(t *testing.T, c *Client, q *call) (*Reply, time.Duration) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+s.target(q.path), strings.NewReader(q.body))
	r.Method = q.method
	r.Header.Set("Content-Type", "application/json")
	if c.Kind == authtest.Browser {
		csrf := c.Cookie("csrftoken")
		r.Header.Set("X-CSRFToken", csrf)
		cookies := "csrftoken=" + csrf
		if v := c.Cookie("sessionid"); v != "" {
			cookies += "; sessionid=" + v
		}
		r.Header.Set("Cookie", cookies)
	} else if c.Token != "" {
		r.Header.Set("X-Session-Token", c.Token)
	}
	for name, values := range q.header {
		r.Header[name] = values
	}
	if q.change != nil {
		q.change(r)
	}
	w := httptest.NewRecorder()
	start := time.Now()
	s.Auth.Handler().ServeHTTP(w, r)
	took := time.Since(start)
	reply := authtest.ReplyOf(t, w.Result())
	reply.Sent = []byte(q.body)
	return reply, took
}

// internals are words that no answer may have: of databases, of Go, of files.
var internals = regexp.MustCompile(`(?i)goroutine |panic|runtime error|\.go:\d|\bsqlite|\bpgx|\bSQLSTATE|insert into |select .* from |duplicate key|constraint|/home/|/tmp/|/usr/|/root/|cannot unmarshal|invalid character|unexpected end|strconv\.|json: |x509|asn1|xml:|\bEOF\b|0xc0|github\.com|map\[|%!|<nil>`)

// judge says what is wrong with an answer.
func (s *sweep) judge(method, path string, r *Reply) (l []string) {
	found := func(format string, a ...any) { l = append(l, fmt.Sprintf(format, a...)) }
	kind := r.Header.Get("Content-Type")
	if r.Status >= 500 {
		found("it is a defect")
	}
	if !strings.Contains(r.Header.Get("Cache-Control"), "no-store") || r.Header.Get("X-Content-Type-Options") != "nosniff" {
		found("headers %v", r.Header)
	}
	switch {
	case r.Status == http.StatusFound:
		if !strings.HasPrefix(r.Header.Get("Location"), "https://spa.test/") && !strings.HasPrefix(r.Header.Get("Location"), "https://") {
			found("sent to %q", r.Header.Get("Location"))
		}
	case kind != "application/json" || method != http.MethodHead && !json.Valid(r.Raw):
		found("content type %q", kind)
	}
	if r.Status >= 400 {
		if word := internals.Find(r.Raw); word != nil {
			found("it tells %q", word)
		}
		for _, e := range r.Errors {
			if e.Code == "" || e.Message == "" || strings.ContainsAny(e.Param+e.Code, " \r\n<>\"'") {
				found("error %+v", e)
			}
		}
	}
	return append(l, s.said.problems(s.kind, method, path, r.Sent, r)...)
}

// waits reports whether a flow is pending.
func waits(r *Reply) bool { return strings.Contains(strings.Join(r.Flows(), " "), "*") }

// refusal reports whether an event tells of what did not happen.
func refusal(event string) bool {
	return strings.HasSuffix(event, "_failed") || strings.HasSuffix(event, "_rejected")
}

// try sends calls in a state, and checks all answers.
func (s *sweep) try(t *testing.T, st *state, calls []call) {
	t.Helper()
	c := s.renew(t, st)
	before := s.holdings(t)
	for i := range calls {
		q := &calls[i]
		r, took := s.send(t, c, q)
		what := fmt.Sprintf("%s %s as %s, %s", q.method, q.path, st.name, q.name)
		s.statuses[r.Status]++
		// What was accepted is checked against what was sent; refusals alike need no second look.
		key := fmt.Sprintf("%s %s %d %s", q.method, q.path, r.Status, r.Raw)
		if r.Status < 400 || !s.seen[key] {
			s.seen[key] = true
			for _, problem := range s.judge(q.method, q.path, r) {
				s.report(t, "%s: got %d: %s\nsent %.300q\ngot  %.500q", what, r.Status, problem, q.body, r.Raw)
			}
		}
		refused := r.Status >= 400 && (r.Status != http.StatusUnauthorized || st.name == "anonymous" && !waits(r))
		if !refused || q.method == http.MethodDelete && q.path == "/auth/session" && r.Status == http.StatusUnauthorized { // which is how that succeeds
			c = s.renew(t, st)
			before = s.holdings(t)
			continue
		}
		if s.took = append(s.took, took); took > s.worst {
			s.worst, s.slowest = took, what
		}
		if after := s.holdings(t); after != before {
			s.report(t, "%s: got %d, and yet this became of\n%s\n%s", what, r.Status, before, after)
			before = after
		}
		for _, event := range s.Events.Take() {
			if !refusal(event) {
				s.report(t, "%s: got %d, and yet %s was told", what, r.Status, event)
			}
		}
		if st.fragile && r.Status == http.StatusBadRequest && len(r.Errors) > 0 && r.Errors[0].Code != "invalid_json" {
			c = s.renew(t, st)
			before = s.holdings(t)
		}
	}
}

// report is Errorf that does not go on for ever.
func (s *sweep) report(t *testing.T, format string, a ...any) {
	t.Helper()
	if s.problems++; s.problems > 50 {
		t.Fatal("and so on")
	}
	t.Errorf(format, a...)
}

// methods are all that may be in a request line.
var sweepMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "CONNECT", "get", "QUERY", "X"}

// paths are those that are mounted for the kind of client.
func (s *sweep) paths(t *testing.T) (l []string) {
	t.Helper()
	for _, path := range s.Auth.Handler().(interface{ Paths() []string }).Paths() {
		if p, ok := strings.CutPrefix(path, "/_allauth/"+s.kind+"/v1"); ok {
			l = append(l, p)
		} else if p, ok := strings.CutPrefix(path, "/_allauth/"+s.kind+"/ext/v1"); ok {
			l = append(l, "/ext"+p)
		}
	}
	if len(l) < 40 {
		t.Fatalf("only %d paths: %v", len(l), l)
	}
	return l
}

// described is the description's operation for a method of a path, or nil.
func (s *sweep) described(method, path string) *openapi3.Operation {
	where := "/v1" + path
	if ext, ok := strings.CutPrefix(path, "/ext/"); ok {
		where = "/ext/v1/" + ext
	}
	return operation(s.said.own, s.kind, method, where)
}

func (s *sweep) bodies(t *testing.T) {
	for i := range states {
		st := &states[i]
		t.Run(st.name, func(t *testing.T) {
			for _, path := range s.paths(t) {
				if len(st.at) > 0 && !slices.Contains(st.at, path) {
					continue
				}
				var calls []call
				for _, method := range sweepMethods {
					op := s.described(method, path)
					switch {
					case op == nil:
						calls = append(calls, call{method: method, path: path, name: "a method not offered", body: `{"email":[`})
					case bodyOf(op) == nil:
						for j, body := range malformed[:12] {
							calls = append(calls, call{method: method, path: path, name: fmt.Sprint("malformed ", j), body: body})
						}
					default:
						for j, body := range malformed {
							calls = append(calls, call{method: method, path: path, name: fmt.Sprint("malformed ", j), body: body})
						}
						for _, body := range wrong(bodyOf(op)) {
							calls = append(calls, call{method: method, path: path, name: "a hostile member", body: body})
						}
						if st.name == "member" {
							for j, body := range large {
								calls = append(calls, call{method: method, path: path, name: fmt.Sprint("large ", j), body: body()})
							}
						}
					}
				}
				s.try(t, st, calls)
			}
		})
	}
}

// malformed are bodies that are no object of JSON, or not in one way only.
var malformed = []string{
	"", "null", "{}", "{", "[]", `"x"`, "NaN", "\x00", "\xef\xbb\xbf{}", "\xff\xfe{\x00}\x00", `{"a":1}{"a":2}`, `{"a":1} trailing`,
	"}", "1", "-0", "1e999", "true", "[{}]", "[[[[[[]]]]]]", `{"a"}`, `{"a":}`, `{a:1}`, `{'a':1}`, `{"a":1,}`, `{,}`, `{"a":NaN}`, `{"a":-Infinity}`, `{"a":01}`, `{"a":+1}`, `{"a":.5}`, `{"a":0x10}`,
	`{"a":"`, `{"a":"\`, `{"a":"\u00`, `{"a":[1,2`, `{"a":tru`, `{"a":"\u12G4"}`, `{"a":"\x41"}`, "{\"a\":\"b\nc\"}", "{\"a\":\"\t\"}", "{}\v", "\u00a0{}", "\u2028{}", "/**/{}", "{}//x", "<x/>", "a=1&b=2", "--x\r\n\r\n",
	`{"email":"\ud800"}`, `{"email":"\udc00\ud800"}`, `{"\ud800":1}`, "{\"email\":\"\xff\"}", "{\"email\":\"\xc0\xaf\"}", "{\"\xed\xa0\x80\":1}",
	`{"__proto__":{"is_admin":true}}`, `{"constructor":{"prototype":{"x":1}}}`, `{"status":200,"data":{},"meta":{"is_authenticated":true}}`, `{"is_staff":true,"is_superuser":true,"id":1,"user_id":1,"verified":true}`,
	`{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, strings.Repeat(`{"a":`, 20_000), strings.Repeat("[", 20_000), strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
	`{` + strings.Repeat(`"a":1,`, 5_000) + `"a":1}`, "\x1f\x8b\x08\x00\x00\x00\x00\x00", strings.Repeat(" ", 10_000) + "x",
}

// large are bodies that take long to look at, were they looked at twice.
var large = []func() string{
	func() string { return `{"email":"` + strings.Repeat("a", 1<<20) + `"}` },
	func() string { return `{"password":"` + strings.Repeat("\u00e9", 1<<18) + `"}` },
	func() string {
		return `{"email":[` + strings.Repeat("1,", 1<<17) + `1],"sessions":[` + strings.Repeat("1,", 1<<17) + `1]}`
	},
	func() string {
		return `{"ids":[` + strings.Repeat(`"x",`, 1<<16) + `""],"authenticators":[` + strings.Repeat(`9,`, 1<<16) + `9]}`
	},
}

// hostile are values for any member.
var hostile = []string{
	`null`, `true`, `0`, `-1`, `1.5`, `1e999`, `-0`, `123456789012345678901234567890`, `9223372036854775808`, `""`, `" "`, `"\u0000"`, `"a\u0000@example.org"`, `[]`, `{}`, `[null]`, `[[[[null]]]]`, `["\u0000"]`, `{"a":{"b":[1]}}`,
	`{"__proto__":{"a":1}}`, `"' OR 1=1 --"`, `"1;DROP TABLE auth_users"`, `"*)(uid=*))(|(uid=*"`, `"%s%n%d%00"`, `"{{7*7}}${7*7}<%=7*7%>"`, `"{{.}}{{template \"x\"}}"`, `"a@example.org\r\nBcc: b@example.org"`, `"\r\n\r\nHTTP/1.1 200 OK"`,
	`"../../../etc/passwd"`, `"..\\..\\windows"`, `"<script>alert(1)</script>"`, `"\"><img src=x onerror=alert(1)>"`, `"\ud83d\ude00\u202e\u2028\ufeff"`, `"\u200b"`, `"ﬀ\u0130ſK"`, `"` + strings.Repeat("e\u0301", 500) + `"`,
	`"javascript:alert(1)"`, `"//evil.test"`, `"https://evil.test/"`, `"https://spa.test@evil.test"`, `"file:///etc/passwd"`, `"` + strings.Repeat("a", 20_000) + `"`, `"` + strings.Repeat("a.", 5_000) + `@example.org"`, `"a@` + strings.Repeat("b.", 5_000) + `org"`,
	`"+` + strings.Repeat("1", 10_000) + `"`, `"+31612345678"`, `"a.b.c"`, `"eyJhbGciOiJub25lIn0.e30."`, `"-"`, `"0"`, `"999999999999"`, `"AAAAAAAA"`, `"login"`, `"connect"`, `"idp"`, `"dummy"`,
}

// wrong are bodies that are as described but for one member.
func wrong(schema *openapi3.Schema) (l []string) {
	members := map[string]string{}
	var collect func(s *openapi3.Schema)
	collect = func(s *openapi3.Schema) {
		for name, p := range s.Properties {
			members[name] = plausible(name, p.Value)
		}
		for _, refs := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
			for _, r := range refs {
				collect(r.Value)
			}
		}
	}
	collect(schema)
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	body := func(with, value string) string {
		var parts []string
		for _, name := range names {
			v := members[name]
			if name == with {
				v = value
			}
			parts = append(parts, fmt.Sprintf("%q:%s", name, v))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	for _, name := range names {
		for _, value := range hostile {
			l = append(l, body(name, value))
		}
		// Twice: no reader may take one and another the other.
		l = append(l, strings.TrimSuffix(body(name, `"a"`), "}")+fmt.Sprintf(",%q:[]}", name), strings.TrimSuffix(body(name, `[]`), "}")+fmt.Sprintf(",%q:%s}", strings.ToUpper(name), members[name]))
	}
	return l
}

// plausible is a value that a member may have.
func plausible(name string, s *openapi3.Schema) string {
	switch {
	case name == "email" || name == "login":
		return `"somebody@example.org"`
	case name == "phone":
		return `"+31612345678"`
	case strings.Contains(name, "password"):
		return `"` + Password + `"`
	case name == "process":
		return `"login"`
	case name == "provider":
		return `"idp"`
	case name == "callback_url":
		return `"https://spa.test/callback"`
	case s.Type.Is("boolean"):
		return `true`
	case s.Type.Is("array"):
		return `[1]`
	case s.Type.Is("integer"), s.Type.Is("number"):
		return `1`
	case s.Type.Is("object"):
		return `{"id":"AA","rawId":"AA","type":"public-key","response":{},"client_id":"our-client","id_token":"a.b.c"}`
	}
	return `"Abc123"`
}

// headers that must not matter, or are answered as they should be.
func (s *sweep) headers(t *testing.T) {
	values := []string{
		"", " ", "\xff\xfe", "\u00e9\u202e", "x\r\nSet-Cookie: a=b", "x\x00y", strings.Repeat("A", 100_000), "' OR 1=1 --", `{"a":1}`, "%00%0d%0a", strings.Repeat("a.", 5_000), "..", "-1", "null", "*", "evil.test", "https://evil.test", "a.b.c", "eyJhbGciOiJub25lIn0.e30.",
	}
	names := []string{
		"X-Session-Token", "X-Email-Verification-Key", "X-Password-Reset-Key", "Authorization", "User-Agent", "X-Csrftoken", "Referer", "Origin", "Host",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-Ip", "Content-Type", "Content-Encoding", "Accept", "Accept-Language", "X-Http-Method-Override", "X-Requested-With", "Sec-Fetch-Site", "Range", "If-None-Match", "Expect",
	}
	var table []call
	for _, name := range names {
		for _, value := range values {
			q := call{name: fmt.Sprintf("%s: %.40q", name, value), header: http.Header{name: {value}}}
			if name == "Host" {
				q.header, q.change = nil, func(r *http.Request) { r.Host = value }
			}
			if name == "Authorization" {
				q.header = http.Header{name: {"Bearer " + value, "Basic eDp5"}}
			}
			table = append(table, q)
		}
	}
	for _, language := range []string{strings.Repeat("de,", 30_000), strings.Repeat("a-", 50_000), "de;q=1e999", "de;q=NaN", "x-" + strings.Repeat("y", 1000), "../../x", "*;q=0.0000000000000000001"} {
		table = append(table, call{name: fmt.Sprintf("language %.40q", language), header: http.Header{"Accept-Language": {language}}})
	}
	for _, cookies := range [][]string{
		{"sessionid"}, {"=x"}, {"sessionid=;sessionid=x"}, {`sessionid="x"`}, {"sessionid=\xff"}, {"sessionid=" + strings.Repeat("x", 100_000)}, {strings.Repeat("a=b;", 5_000)}, {"sessionid=a", "sessionid=b"}, {"csrftoken=a; csrftoken=b"},
		{"sessionid=x\r\n"}, {"sessionid=%00"}, {";;;;"}, {"trusted_browser=x; mfa_trusted=x"},
	} {
		table = append(table, call{name: fmt.Sprintf("cookies %.40q", cookies), header: http.Header{"Cookie": cookies}})
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(`{"email":"a@example.org","password":"x"}`))
	_ = z.Close()
	table = append(table,
		call{name: "gzip", body: zipped.String(), header: http.Header{"Content-Encoding": {"gzip"}}},
		call{name: "gzip that is none", body: "{}", header: http.Header{"Content-Encoding": {"gzip, br"}}},
		call{name: "UTF-16", body: "\xff\xfe{\x00}\x00", header: http.Header{"Content-Type": {"application/json; charset=utf-16"}}},
		call{name: "Latin-1", body: "{\"email\":\"\xe9\"}", header: http.Header{"Content-Type": {"application/json; charset=latin1"}}},
		call{name: "a form", body: "email=x&password=y", header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}},
		call{name: "a form that is malformed", body: "%zz=%&&;=", header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}},
		call{name: "parts", body: "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1", header: http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}},
		call{name: "a length that is not so", body: "{}", change: func(r *http.Request) { r.ContentLength = 1 << 40 }},
		call{name: "a query", body: "{}", change: func(r *http.Request) {
			r.URL.RawQuery = "a=%zz&next=//evil.test&%00=\xff&" + strings.Repeat("x&", 5_000)
		}},
		call{name: "methods in disguise", body: "{}", header: http.Header{"X-Http-Method-Override": {"DELETE"}, "X-Method-Override": {"DELETE"}, "X-Http-Method": {"PUT"}}},
		call{name: "both credentials", body: "{}", header: http.Header{"X-Session-Token": {"x"}, "Cookie": {"sessionid=x"}, "Authorization": {"Bearer x", "Bearer y"}}},
		call{name: "a session token twice", body: "{}", header: http.Header{"X-Session-Token": {"x", "y"}}},
		call{name: "origin null", body: "{}", header: http.Header{"Origin": {"null"}, "Sec-Fetch-Site": {"cross-site"}}},
		call{name: "a foreign origin", body: "{}", header: http.Header{"Origin": {"https://spa.test.evil.test"}, "Access-Control-Request-Method": {"POST"}}},
	)
	for i := range states[:2] {
		st := &states[i]
		t.Run(st.name, func(t *testing.T) {
			n := 0
			for _, path := range s.paths(t) {
				for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
					if s.described(method, path) == nil {
						continue
					}
					var calls []call
					for j, q := range table {
						// The middle of the path is the same for all: each header visits every endpoint with some values.
						if n++; path != "/auth/session" && path != "/auth/login" && j < len(names)*len(values) && n%5 != 0 {
							continue
						}
						q.method, q.path, q.body = method, path, cmp.Or(q.body, `{"email":"`)
						calls = append(calls, q)
					}
					s.try(t, st, calls)
				}
			}
		})
	}
}

// end tells what there was.
func (s *sweep) end(t *testing.T) {
	t.Helper()
	n := 0
	for _, count := range s.statuses {
		n += count
	}
	slices.Sort(s.took)
	median := s.took[len(s.took)/2]
	t.Logf("%d requests, answered %v; refusals took %v in the middle, %v at most (%s)", n, s.statuses, median, s.worst, s.slowest)
	if median > 50*time.Millisecond {
		t.Errorf("half of the refusals took %v", median)
	}
	s.logged(t)
}

// logged looks at the log: one record a line, and none of a defect.
func (s *sweep) logged(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.Auth.Flush(ctx); err != nil {
		t.Error(err)
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for line := range strings.Lines(s.log.b.String()) {
		if !strings.HasPrefix(line, "time=") || strings.Contains(line, "level=ERROR") {
			t.Errorf("the log says %.500q", line)
		}
	}
}
