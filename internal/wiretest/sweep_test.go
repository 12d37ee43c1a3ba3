package wiretest

import (
	"bufio"
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
	"flag"
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
	"github.com/headless-auth/headless/tokens"
)

// Whatever strangers and users send to whatever path, by whatever method: the
// answer is a described one, tells nothing of what is inside, must not be
// stored, and a refusal has changed nothing. Requirements INP-1, INP-2, DIS-1
// and DIS-2.
func TestSweep(t *testing.T) {
	t.Parallel()
	for _, name := range every {
		for _, v := range []variant{{name, authtest.Browser, false}, {name, authtest.App, false}, {name, authtest.App, true}} {
			t.Run(v.String(), func(t *testing.T) {
				t.Parallel()
				s := newSweep(t, v)
				t.Run("bodies", func(t *testing.T) { s.bodies(t) })
				t.Run("headers", func(t *testing.T) { s.headers(t) })
				t.Run("targets", func(t *testing.T) { s.targets(t) })
				s.end(t)
			})
		}
	}
}

// All of it takes an hour:
//
//	go run ./internal/testenv go test ./internal/wiretest -run TestSweep -v -timeout 5h -sweep.full
var sweepFull = flag.Bool("sweep.full", false, "sweep everything on every store, not only what a store could do differently")

// variant is a site of those that are swept.
type variant struct {
	store, client string
	jwt           bool // apps present access tokens
}

func (v variant) String() string {
	if v.jwt {
		return v.store + "/" + v.client + " with JWT"
	}
	return v.store + "/" + v.client
}

// full: all is sent there; otherwise what might reach the store.
func (v variant) full() bool {
	return *sweepFull || v.store == "memory" && (v.client == authtest.Browser || v.jwt)
}

// sweep is a site with everything switched on, and what was seen of it.
type sweep struct {
	*World
	variant
	idp *IDP
	log *lines

	seen     map[string]bool // answers that were judged already
	statuses map[int]int
	took     []time.Duration // by refusals
	worst    time.Duration   // the most work for one
	dearest  string          // which that was
	problems int
}

// prompt is how soon a refusal has to be there. How long it takes depends on who
// else uses the machine; what it makes a processor do does not.
const prompt = 50 * time.Millisecond

type cost struct{ took, work time.Duration }

// costs runs a request.
func costs(do func()) (c cost) {
	start := time.Now()
	c.work = work(do)
	c.took = time.Since(start)
	return c
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

func newSweep(t *testing.T, v variant) *sweep {
	t.Helper()
	s := &sweep{variant: v, idp: NewIDP(t), log: &lines{}, seen: map[string]bool{}, statuses: map[int]int{}}
	s.World = New(t, Stores[v.store](t), func(c *headless.Config) { s.everything(t, c) })
	s.kind, s.idp.Now = v.client, s.Clock.Now
	return s
}

func (s *sweep) everything(t *testing.T, c *headless.Config) {
	c.TrustedOrigins, c.CORSOrigins = []string{"https://spa.test"}, []string{"https://spa.test"}
	c.Timeout = time.Minute // what a busy machine does not do in time is no defect
	a := &c.Account
	a.LoginMethods = []string{"email", "username", "phone"}
	a.SignupFields = []string{"username*", "email*", "phone*", "password1*"}
	a.Fields = []account.Field{{Name: "plan"}, {Name: "seats", Type: "integer"}, {Name: "share", Type: "number"}, {Name: "born", Type: "date"}, {Name: "met_at", Type: "date-time"}, {Name: "page", Type: "uri"}}
	a.EmailVerification, a.EmailVerificationByCode = account.Mandatory, true
	a.LoginByCode, a.Closing, a.EmailNotifications = true, true, true
	a.PasswordResetByCode = s.client == authtest.Browser // the app is sent a key
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
	if s.jwt {
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
func (s *sweep) send(t *testing.T, c *Client, q *call) (*Reply, cost) {
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
	} else if s.jwt && c.AccessToken != "" {
		r.Header.Set("Authorization", "Bearer "+c.AccessToken)
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
	spent := costs(func() { s.Auth.Handler().ServeHTTP(w, r) })
	reply := authtest.ReplyOf(t, w.Result())
	reply.Sent = []byte(q.body)
	return reply, spent
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
		r, spent := s.send(t, c, q)
		what := fmt.Sprintf("%s %s as %s, %s", q.method, q.path, st.name, q.name)
		s.statuses[r.Status]++
		reader := ""
		if slices.Equal(q.header["Origin"], []string{"https://spa.test"}) {
			reader = "https://spa.test"
		}
		if told := r.Header.Values("Access-Control-Allow-Origin"); strings.Join(told, ",") != reader {
			s.report(t, "%s: pages of %q may read the answer", what, told)
		}
		// What was accepted is checked against what was sent; refusals alike need no second look.
		key := fmt.Sprintf("%s %s %d %s", q.method, q.path, r.Status, r.Raw)
		fresh := r.Status < 400 || !s.seen[key]
		if fresh {
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
		s.refused(t, what, spent)
		if fresh || i == len(calls)-1 { // the last one speaks for those before
			if after := s.holdings(t); after != before {
				s.report(t, "%s: got %d, and yet this became of\n%s\n%s", what, r.Status, before, after)
				before = after
			}
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

// refused notes what a refusal has cost.
func (s *sweep) refused(t *testing.T, what string, c cost) {
	t.Helper()
	s.took = append(s.took, c.took)
	if c.work > s.worst {
		s.worst, s.dearest = c.work, what
	}
	if c.work > prompt {
		s.report(t, "%s: is refused after %v of work, %v in all", what, c.work, c.took)
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

// sweepMethods are all that may be in a request line.
var sweepMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "CONNECT", "get", "Post", "pOST", "GET ", "QUERY", "X"}

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
					case !s.full() && (op == nil || bodyOf(op) == nil):
					case op == nil:
						calls = append(calls, call{method: method, path: path, name: "a method not offered", body: `{"email":[`})
					case bodyOf(op) == nil:
						for j, body := range malformed[:12] {
							calls = append(calls, call{method: method, path: path, name: fmt.Sprint("malformed ", j), body: body})
						}
					default:
						values := awkward
						if s.full() {
							values = slices.Concat(awkward, hostile)
							for j, body := range malformed {
								calls = append(calls, call{method: method, path: path, name: fmt.Sprint("malformed ", j), body: body})
							}
						}
						for _, body := range wrong(bodyOf(op), values) {
							calls = append(calls, call{method: method, path: path, name: "a hostile member", body: body})
						}
						if st.name == "member" && s.full() {
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

// awkward are values for any member that a store could trip over.
var awkward = []string{
	`"\u0000"`, `"a\u0000@example.org"`, `["\u0000"]`, `{"\u0000":1}`, `-1`, `-0`, `1e999`, `1.7976931348623157e308`, `123456789012345678901234567890`, `9223372036854775808`, `"9223372036854775807"`, `0.1e-400`, `"' OR 1=1 --"`,
	`"\ud83d\ude00\u202e\u2028\ufeff"`, `"ﬀ\u0130ſK"`, `"` + strings.Repeat("e\u0301", 500) + `"`, `"` + strings.Repeat("a", 20_000) + `"`, `"a@` + strings.Repeat("b.", 5_000) + `org"`, `"+` + strings.Repeat("1", 10_000) + `"`,
	`"0000-00-00"`, `"2026-02-30"`, `"9999-12-31"`, `"99999-01-01"`, `"-infinity"`, `"9999-12-31T23:59:59.9999999999Z"`, `"2026-03-14T15:09:60+24:00"`, `"0001-01-01T00:00:00+23:59"`, strings.Repeat(`{"a":`, 30) + `0` + strings.Repeat(`}`, 30), strings.Repeat(`[`, 30) + strings.Repeat(`]`, 30),
}

// hostile are further ones.
var hostile = []string{
	`null`, `true`, `0`, `1.5`, `""`, `" "`, `[]`, `{}`, `[null]`, `[[[[null]]]]`, `{"a":{"b":[1]}}`,
	`{"__proto__":{"a":1}}`, `"1;DROP TABLE auth_users"`, `"*)(uid=*))(|(uid=*"`, `"%s%n%d%00"`, `"{{7*7}}${7*7}<%=7*7%>"`, `"{{.}}{{template \"x\"}}"`, `"a@example.org\r\nBcc: b@example.org"`, `"\r\n\r\nHTTP/1.1 200 OK"`,
	`"../../../etc/passwd"`, `"..\\..\\windows"`, `"<script>alert(1)</script>"`, `"\"><img src=x onerror=alert(1)>"`, `"\u200b"`,
	`"javascript:alert(1)"`, `"//evil.test"`, `"https://evil.test/"`, `"https://spa.test@evil.test"`, `"file:///etc/passwd"`, `"` + strings.Repeat("a.", 5_000) + `@example.org"`,
	`"+31612345678"`, `"a.b.c"`, `"eyJhbGciOiJub25lIn0.e30."`, `"-"`, `"0"`, `"999999999999"`, `"AAAAAAAA"`, `"login"`, `"connect"`, `"idp"`, `"dummy"`,
}

// wrong are bodies that are as described but for one member.
func wrong(schema *openapi3.Schema, values []string) (l []string) {
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
		for _, value := range values {
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
	if !s.full() {
		values = []string{"\xff\xfe", "\u00e9\u202e", "x\x00y", strings.Repeat("A", 100_000), "a.b.c", "%00"}
	}
	names := []string{
		"X-Session-Token", "X-Email-Verification-Key", "X-Password-Reset-Key", "Authorization", "User-Agent", "X-Csrftoken", "Referer", "Origin", "Host",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-Ip", "Content-Type", "Content-Encoding", "Accept", "Accept-Language", "X-Http-Method-Override", "X-Requested-With", "Sec-Fetch-Site", "Range", "If-None-Match", "Expect",
	}
	if !s.full() {
		names = []string{"X-Session-Token", "X-Email-Verification-Key", "X-Password-Reset-Key", "Authorization", "User-Agent", "X-Forwarded-For", "Accept-Language"}
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
		call{name: "ever so many headers", body: "{}", change: func(r *http.Request) {
			for i := range 20_000 {
				r.Header[fmt.Sprintf("X-%d", i)] = []string{"x"}
			}
		}},
		call{name: "a header ever so often", body: "{}", header: http.Header{"X-Forwarded-For": slices.Repeat([]string{"192.0.2.1"}, 20_000), "Accept-Language": slices.Repeat([]string{"de"}, 20_000), "Origin": {"https://spa.test", "https://evil.test"}}},
		call{name: "encodings of the transfer", body: "{}", change: func(r *http.Request) {
			r.TransferEncoding, r.ContentLength = []string{"gzip", "chunked", "identity"}, -1
			r.Header.Set("Transfer-Encoding", "gzip, chunked")
		}},
		call{name: "an ancient version", body: "{}", change: func(r *http.Request) { r.Proto, r.ProtoMajor, r.ProtoMinor, r.Host = "HTTP/1.0", 1, 0, "" }},
		call{name: "one version more", body: "{}", change: func(r *http.Request) { r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/9.9", 9, 9 }},
		call{name: "a front end's origin", body: "{}", header: http.Header{"Origin": {"https://spa.test"}}},
		call{name: "origin null", body: "{}", header: http.Header{"Origin": {"null"}, "Sec-Fetch-Site": {"cross-site"}}},
		call{name: "a foreign origin", body: "{}", header: http.Header{"Origin": {"https://spa.test.evil.test"}, "Access-Control-Request-Method": {"POST"}}},
	)
	s.preflights(t)
	for i := range states[:2] {
		st := &states[i]
		t.Run(st.name, func(t *testing.T) {
			n := 0
			for _, path := range s.paths(t) {
				if !s.full() && !slices.Contains([]string{"/auth/session", "/auth/login", "/auth/email/verify", "/auth/password/reset", "/account/email"}, path) {
					continue
				}
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

// preflights ask what a front end may do. Nothing is done for them.
func (s *sweep) preflights(t *testing.T) {
	for _, path := range s.paths(t) {
		for _, asked := range []string{"POST", "DELETE", "\xff", "x\r\nX: y", strings.Repeat("A", 100_000)} {
			for _, origin := range []string{"https://spa.test", "https://spa.test.evil.test", "https://spa.test\x00"} {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, s.URL+s.target(path), strings.NewReader("{"))
				r.Header["Origin"], r.Header["Access-Control-Request-Method"], r.Header["Access-Control-Request-Headers"] = []string{origin}, []string{asked}, []string{asked}
				w := httptest.NewRecorder()
				s.Auth.Handler().ServeHTTP(w, r)
				s.statuses[w.Code]++
				if h := w.Header(); (origin == "https://spa.test") != (h.Get("Access-Control-Allow-Origin") == origin && w.Code == http.StatusNoContent && w.Body.Len() == 0) || w.Code >= 500 || strings.Contains(fmt.Sprint(h), asked) && len(asked) > 6 {
					s.report(t, "%s: %q asks for %.50q: got %d %v", path, origin, asked, w.Code, h)
				}
			}
		}
	}
}

// targets are paths that are not quite ours, as they are in a request line. They
// are nobody's, or are read as the path that they are another spelling of.
func (s *sweep) targets(t *testing.T) {
	if s.store != "memory" {
		return // none gets as far as a store that the plain one does not
	}
	long := strings.Repeat("x", 100_000)
	n := 0
	for _, path := range s.paths(t) {
		whole := s.target(path)
		dir, last, _ := strings.Cut(strings.TrimPrefix(whole, "/_allauth/"), "/")
		for _, target := range []string{
			whole, whole + "/", whole + "//", "/" + whole, "//evil.test" + whole, whole + "/.", whole + "/..", whole + "/../" + last, "/_allauth/./" + dir + "/" + last, "/_allauth/x/../" + dir + "/" + last, whole + "%2f", whole + "%2F..", strings.ReplaceAll(whole, "/", "%2f"), "/" + strings.ReplaceAll(whole[1:], "/", "%2F"), strings.ReplaceAll(whole, "/", `\`), strings.ReplaceAll(whole, "/", "%5c"),
			whole + "%00", whole + "%0d%0aX:%20y", whole + "%ff", whole + ";x=y", whole + ".json", strings.ToUpper(whole), strings.ReplaceAll(whole, "a", "%61"), whole + "%252f", whole + "?", whole + "?%zz", whole + "?" + long, whole + "/" + long, whole + "?a=%00&" + strings.Repeat("&", 50_000), whole + strings.Repeat("/..", 10_000), whole + strings.Repeat("%2e%2e/", 10_000),
			"http://evil.test" + whole, s.URL + whole, "https://user:password@evil.test" + whole, "*",
		} {
			for _, method := range []string{"GET", "POST", "OPTIONS"} {
				if target == "*" && method != "OPTIONS" {
					continue
				}
				r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")))
				if err != nil {
					continue // the server refuses it before us
				}
				n++
				r.RemoteAddr = "192.0.2.1:1"
				w := httptest.NewRecorder()
				s.refused(t, fmt.Sprintf("%s %.200q", method, target), costs(func() { s.Auth.Handler().ServeHTTP(w, r.WithContext(t.Context())) }))
				s.statuses[w.Code]++
				if r.URL.Path != whole && w.Code != http.StatusNotFound {
					s.report(t, "%s %.200q: got %d", method, target, w.Code)
				}
				if w.Code >= 500 || w.Header().Get("Location") != "" && w.Code != http.StatusFound || w.Header().Get("Content-Type") != "application/json" && w.Code != http.StatusFound {
					s.report(t, "%s %.200q: got %d %v %.200q", method, target, w.Code, w.Header(), w.Body)
				}
			}
		}
	}
	if n < 3_000 {
		t.Errorf("only %d requests", n)
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
	at := func(share float64) time.Duration { return s.took[int(share*float64(len(s.took)-1))] }
	t.Logf("%d requests, answered %v; of %d refusals half took up to %v, 99 of 100 up to %v, all up to %v", n, s.statuses, len(s.took), at(0.5), at(0.99), at(1))
	t.Logf("the most work for a refusal was %v (%s)", s.worst, s.dearest)
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
