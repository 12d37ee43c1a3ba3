package openapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/openapi"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
	"github.com/headless-auth/headless/socialaccount/saml"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/sqlite"
	"github.com/headless-auth/headless/tokens"
)

// box takes mails and text messages.
type box struct{}

func (box) Send(context.Context, account.Message) error { return nil }
func (box) SendSMS(context.Context, account.SMS) error  { return nil }

// least is a site with nothing on but what is always on.
func least() headless.Config {
	return headless.Config{
		URL: "https://app.example.org", Name: "Example", Secret: make([]byte, 32), Store: memory.New(),
		Mailer: box{}, SMS: box{},
		Frontend: headless.Frontend{VerifyEmail: "/verify/{key}", ResetPassword: "/reset/{key}", SocialLoginError: "/login-error"},
		OpenAPI:  &headless.OpenAPIConfig{},
	}
}

// full is a site with everything on.
func full() headless.Config {
	c := least()
	c.Account = account.Config{
		LoginMethods: []string{"email", "username", "phone"},
		SignupFields: []string{"email*", "email2", "username*", "phone", "password1*", "password2"},
		LoginByCode:  true, Closing: true, EmailVerificationByCode: true, LoginCodeTrust: true,
	}
	c.MFA = &mfa.Config{
		SupportedTypes: []string{"totp", "webauthn", "recovery_codes"}, PasskeyLogin: true, PasskeySignup: true, Trust: true,
		MustEnroll: func(context.Context, *store.User) (bool, time.Time, error) { return false, time.Time{}, nil },
	}
	c.Social = &socialaccount.Config{Development: true, Providers: []socialaccount.Provider{providers.Dummy(), providers.Google(providers.Client{ID: "x"}), saml.Provider(saml.Config{
		Slug: "acme", EntityID: "https://idp.test", MetadataURL: "https://idp.test",
	})}}
	c.Session = sessions.Config{List: true}
	var err error
	if c.Tokens, err = tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Secret: make([]byte, 32)}}}); err != nil {
		panic(err) // it is a good key
	}
	return c
}

// site is a running site, and what it says about itself.
type site struct {
	t   *testing.T
	h   http.Handler
	doc *openapi3.T
}

func serve(t *testing.T, c headless.Config) *site {
	t.Helper()
	auth, err := headless.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, h: auth.Handler()}
	s.doc = s.load("json")
	return s
}

func (s *site) ask(method, path string, header ...string) *httptest.ResponseRecorder {
	rq := httptest.NewRequestWithContext(s.t.Context(), method, path, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		rq.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, rq)
	return w
}

// load reads and judges a description.
func (s *site) load(kind string) *openapi3.T {
	s.t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(s.ask(http.MethodGet, "/_allauth/openapi."+kind).Body.Bytes())
	if err == nil {
		err = doc.Validate(s.t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableMultiError())
	}
	if err != nil {
		s.t.Fatalf("%s: %v", kind, err)
	}
	return doc
}

// operations lists what is described, as "GET /path".
func operations(doc *openapi3.T) (l []string) {
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			l = append(l, method+" "+path)
		}
	}
	slices.Sort(l)
	return l
}

func (s *site) schema(name string) *openapi3.Schema {
	s.t.Helper()
	ref := s.doc.Components.Schemas[name]
	if ref == nil {
		s.t.Fatalf("there is no schema %s", name)
	}
	return ref.Value
}

// variants are sites of all sorts.
var variants = map[string]func(t *testing.T) headless.Config{
	"least":   func(*testing.T) headless.Config { return least() },
	"full":    func(*testing.T) headless.Config { return full() },
	"browser": func(*testing.T) headless.Config { c := full(); c.Clients = []string{"browser"}; return c },
	"app":     func(*testing.T) headless.Config { c := full(); c.Clients = []string{"app"}; return c },
	"elsewhere": func(*testing.T) headless.Config {
		c := full()
		c.Path = "/api/auth"
		return c
	},
	"providers only": func(*testing.T) headless.Config {
		c := least()
		c.Social = full().Social
		c.Social.Only = true
		c.Account.EmailVerification = account.None
		return c
	},
	"phone": func(*testing.T) headless.Config {
		c := least()
		c.Account = account.Config{LoginMethods: []string{"phone"}, SignupFields: []string{"phone*"}, EmailVerification: account.None, LoginByCode: true, NoUsernames: true}
		return c
	},
	"session tokens": func(*testing.T) headless.Config { c := full(); c.Tokens = nil; return c },
	"own": func(t *testing.T) headless.Config {
		c := full()
		st, err := sqlite.Open(t.Context(), t.TempDir()+"/auth.db")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		c.Store = st
		c.Stages = []account.Stage{terms{}}
		c.Account.Fields = ownFields
		c.OpenAPI = &headless.OpenAPIConfig{Title: "Accounts of Example", Description: "Ask **us** for anything.", UserFields: ownFields}
		return c
	},
}

var ownFields = []account.Field{
	{Name: "plan", Required: true, Choices: []string{"free", "pro"}, Description: "What to pay"},
	{Name: "nickname", MinLength: 2, MaxLength: 20},
	{Name: "born_on", Type: "date"}, {Name: "seen_at", Type: "date-time"}, {Name: "homepage", Type: "uri", Required: true},
	{Name: "backup", Type: "email"}, {Name: "seats", Type: "integer", Required: true}, {Name: "ratio", Type: "number", Required: true},
	{Name: "consent", Type: "boolean", Required: true}, {Name: "news", Type: "boolean"},
	{Name: "code"}, // not one of ours, though it is called so
}

type terms struct{}

func (terms) Key() string { return "accept_terms" }
func (terms) Enter(context.Context, *account.Login) (account.Verdict, error) {
	return account.Pass, nil
}

// The mounted routes and the description are the same, whatever is on.
func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	described := map[string]bool{}
	for name, config := range variants {
		t.Run(name, func(t *testing.T) {
			c := config(t)
			if c.Path != "" {
				t.Skip("its description is elsewhere")
			}
			s := serve(t, c)
			var mounted []string
			for _, path := range s.h.(interface{ Paths() []string }).Paths() {
				if !strings.Contains(path, "/v1/") {
					continue
				}
				for method := range strings.SplitSeq(s.ask(http.MethodOptions, path).Header().Get("Allow"), ", ") {
					if method != http.MethodHead && method != http.MethodOptions {
						mounted = append(mounted, method+" "+path)
					}
				}
			}
			var said []string
			for _, op := range operations(s.doc) {
				for _, client := range []string{"app", "browser"} {
					said = append(said, strings.Replace(op, "{client}", client, 1))
				}
				method, path, _ := strings.Cut(op, " ")
				_, path, _ = strings.Cut(strings.TrimPrefix(path, "/_allauth/"), "/")
				described[method+" /"+path] = true
			}
			slices.Sort(said)
			slices.Sort(mounted)
			if said = slices.Compact(said); !slices.Equal(said, mounted) {
				t.Errorf("got described\n%s\nwant what is mounted\n%s", strings.Join(said, "\n"), strings.Join(mounted, "\n"))
			}
		})
	}
	if got, want := slices.Sorted(maps.Keys(described)), openapi.Operations(); !slices.Equal(got, want) {
		t.Errorf("the table of operations knows\n%s\nbut all sites together have\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
}

func TestDescriptions(t *testing.T) {
	t.Parallel()
	for name, config := range variants {
		t.Run(name, func(t *testing.T) {
			c := config(t)
			if c.Path != "" {
				t.Skip("its description is elsewhere")
			}
			s := serve(t, c)
			// In both notations it is the same.
			a, err1 := json.Marshal(s.doc)
			b, err2 := json.Marshal(s.load("yaml"))
			if err1 != nil || err2 != nil || string(a) != string(b) {
				t.Errorf("YAML and JSON differ (%v, %v)", err1, err2)
			}
			if got := s.doc.Info.Description; !strings.HasPrefix(got, "# Introduction\n") || strings.Contains(got, "{{") || strings.Contains(got, "<no value>") {
				t.Errorf("got the introduction %q", got)
			}
			ids, tags := map[string]bool{}, map[string]bool{}
			for _, item := range s.doc.Paths.Map() {
				for _, op := range item.Operations() {
					if ids[op.OperationID] || op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 {
						t.Errorf("operation %q: its id is not its own, or something is missing", op.OperationID)
					}
					ids[op.OperationID], tags[op.Tags[0]] = true, true
				}
			}
			for _, tag := range s.doc.Tags {
				if !tags[tag.Name] || tag.Description == "" {
					t.Errorf("tag %q is not used, or says nothing", tag.Name)
				}
				delete(tags, tag.Name)
			}
			if len(tags) > 0 {
				t.Errorf("unknown tags %v", tags)
			}
		})
	}
}

func TestWhatIsOffIsNotDescribed(t *testing.T) {
	t.Parallel()
	s := serve(t, least())
	for _, word := range []string{"/2fa/", "/webauthn/", "/provider", "/account/providers", "/auth/sessions", "/auth/code/request", "/account/deactivate", "MFAConfiguration", "SocialAccountConfiguration"} {
		if text := s.ask(http.MethodGet, "/_allauth/openapi.json").Body.String(); strings.Contains(text, word) {
			t.Errorf("there is %q", word)
		}
	}
	got := s.schema("Flow").Properties["id"].Value.Enum
	want := []any{"login", "login_by_code", "password_reset_by_code", "reauthenticate", "signup", "verify_email", "verify_phone"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got flows %v, want %v", got, want)
	}
	if got := s.doc.Tags.Get("Account: 2FA"); got != nil {
		t.Errorf("got tag %v", got)
	}
}

func TestOneClientIsPinned(t *testing.T) {
	t.Parallel()
	for client, want := range map[string]struct{ has, hasNot []string }{
		"app":     {[]string{"/_allauth/app/v1/auth/login", "/_allauth/app/v1/tokens/refresh", "X-Session-Token"}, []string{"{client}", "/2fa/trust", "/provider/redirect", "X-CSRFToken", "csrftoken"}},
		"browser": {[]string{"/_allauth/browser/v1/auth/login", "/2fa/trust", "/provider/redirect", "X-CSRFToken"}, []string{"{client}", "tokens/refresh", "X-Session-Token", "session_token"}},
	} {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			text := serve(t, variants[client](t)).ask(http.MethodGet, "/_allauth/openapi.json").Body.String()
			for _, word := range want.has {
				if !strings.Contains(text, word) {
					t.Errorf("there is no %q", word)
				}
			}
			for _, word := range want.hasNot {
				if strings.Contains(text, word) {
					t.Errorf("there is %q", word)
				}
			}
		})
	}
}

func TestMountedElsewhere(t *testing.T) {
	t.Parallel()
	auth, err := headless.New(variants["elsewhere"](t))
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, h: auth.Handler()}
	text := s.ask(http.MethodGet, "/api/auth/openapi.json").Body.String()
	if !strings.Contains(text, `"/api/auth/{client}/v1/auth/login"`) || strings.Contains(text, "/_allauth/") {
		t.Errorf("got %s", text)
	}
}

func TestAccessTokens(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"full": true, "session tokens": false} {
		s := serve(t, variants[name](t))
		if got := s.schema("BaseAuthenticationMeta").Properties["access_token"] != nil; got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		if got := strings.Contains(s.doc.Info.Description, "`Authorization: Bearer"); got != want {
			t.Errorf("%s: the introduction tells of them: got %v, want %v", name, got, want)
		}
	}
}

// What the host asks for, and tells, is described.
func TestTheHostsOwn(t *testing.T) {
	t.Parallel()
	s := serve(t, variants["own"](t))
	if s.doc.Info.Title != "Accounts of Example" || !strings.Contains(s.doc.Info.Description, "Ask **us** for anything.") {
		t.Errorf("got %q: %q", s.doc.Info.Title, s.doc.Info.Description)
	}
	if got := s.schema("Flow").Properties["id"].Value.Enum; !slices.Contains(got, any("accept_terms")) {
		t.Errorf("got flows %v", got)
	}
	signup, user := s.schema("BaseSignup"), s.schema("User")
	if got, want := fmt.Sprint(signup.Required), "[email username plan homepage seats ratio consent]"; got != want {
		t.Errorf("signup: got required %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(user.Required), "[has_usable_password plan homepage seats ratio consent]"; got != want {
		t.Errorf("user: got required %s, want %s", got, want)
	}
	for name, want := range map[string]string{
		"plan":     `{"type":"string","enum":["free","pro"],"maxLength":1000,"description":"What to pay"}`,
		"nickname": `{"type":"string","minLength":2,"maxLength":20}`,
		"born_on":  `{"type":"string","format":"date","maxLength":1000}`,
		"seen_at":  `{"type":"string","format":"date-time","maxLength":1000}`,
		"homepage": `{"type":"string","format":"uri","maxLength":1000}`,
		"backup":   `{"type":"string","format":"email","maxLength":1000}`,
		"seats":    `{"type":"integer"}`, "ratio": `{"type":"number"}`,
		"consent": `{"type":"boolean","enum":[true]}`, "news": `{"type":"boolean"}`,
		"code": `{"type":"string","maxLength":1000}`,
	} {
		same(t, "signup field "+name, signup.Properties[name], want)
	}
	same(t, "user field plan", user.Properties["plan"], `{"type":"string","enum":["free","pro"],"description":"What to pay"}`)
	same(t, "user field consent", user.Properties["consent"], `{"type":"boolean"}`)
	examples := s.doc.Paths.Value("/_allauth/{client}/v1/auth/signup").Post.Responses.Status(400).Value.Content.Get("application/json").Examples
	for _, name := range []string{"plan.invalid_choice", "nickname.min_length", "seats.invalid", "email.required", "password.password_too_common", "phone.invalid_phone"} {
		if examples[name] == nil {
			t.Errorf("there is no example %s", name)
		}
	}
}

func same(t *testing.T, what string, got any, want string) {
	t.Helper()
	b, err := json.Marshal(got)
	var g, w any
	if err != nil || json.Unmarshal(b, &g) != nil || json.Unmarshal([]byte(want), &w) != nil || fmt.Sprint(g) != fmt.Sprint(w) {
		t.Errorf("%s: got %s, want %s", what, b, want)
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"full": "integer", "own": "string"} {
		s := serve(t, variants[name](t))
		if name == "own" {
			want = kindOfIDs(variants[name](t).Store)
		}
		if got := s.schema("ID").Type.Slice(); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got ids that are %v, want %s", name, got, want)
		}
	}
}

func kindOfIDs(st store.Store) string {
	if i, ok := st.(store.IntegerIDs); ok && i.IntegerIDs() {
		return "integer"
	}
	return "string"
}

func TestSignupFields(t *testing.T) {
	t.Parallel()
	s := serve(t, variants["phone"](t))
	if got := s.schema("BaseSignup"); len(got.Properties) != 1 || got.Properties["phone"] == nil || fmt.Sprint(got.Required) != "[phone]" {
		t.Errorf("got %v", got)
	}
	if got := s.schema("Signup").AllOf; len(got) != 1 {
		t.Errorf("got a password among %v", got)
	}
	if got := s.schema("Login"); len(got.AllOf) != 0 || fmt.Sprint(got.Required) != "[phone password]" {
		t.Errorf("got %v", got)
	}
	if s.schema("User").Properties["username"] != nil {
		t.Error("users have a username")
	}
	if got := serve(t, full()).schema("Login").AllOf[1].Value.AnyOf; len(got) != 3 {
		t.Errorf("got %d ways to log in", len(got))
	}
}

func TestServing(t *testing.T) {
	t.Parallel()
	s := serve(t, full())
	for path, want := range map[string]struct{ kind, disposition string }{
		"/_allauth/openapi.json": {"application/vnd.oai.openapi+json", "inline; filename=allauth-openapi.json"},
		"/_allauth/openapi.yaml": {"application/vnd.oai.openapi", "inline; filename=allauth-openapi.yaml"},
		"/_allauth/openapi.html": {"text/html; charset=utf-8", ""},
	} {
		w := s.ask(http.MethodGet, path)
		h := w.Header()
		if w.Code != 200 || h.Get("Content-Type") != want.kind || h.Get("Content-Disposition") != want.disposition ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Set-Cookie") != "" || h.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: got %d %v", path, w.Code, h)
		}
		etag := h.Get("ETag")
		if again := s.ask(http.MethodGet, path, "If-None-Match", etag); etag == "" || again.Code != 304 || again.Body.Len() > 0 {
			t.Errorf("%s: got %d for %s", path, again.Code, etag)
		}
		if other := serve(t, full()).ask(http.MethodGet, path); other.Header().Get("ETag") != etag {
			t.Errorf("%s: another instance of the same site has another", path)
		}
		if w := s.ask(http.MethodHead, path); w.Code != 200 || w.Body.Len() > 0 || w.Header().Get("ETag") != etag {
			t.Errorf("HEAD %s: got %d", path, w.Code)
		}
		if w := s.ask(http.MethodOptions, path); w.Code != 200 || w.Body.Len() > 0 || w.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
			t.Errorf("OPTIONS %s: got %d %v", path, w.Code, w.Header())
		}
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if w := s.ask(method, path); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("%s %s: got %d %v", method, path, w.Code, w.Header())
			}
		}
	}
	if policy := s.ask(http.MethodGet, "/_allauth/openapi.html").Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") {
		t.Errorf("got policy %q", policy)
	}

	c := full()
	c.OpenAPI = nil
	auth, err := headless.New(c)
	if err != nil {
		t.Fatal(err)
	}
	off := &site{t: t, h: auth.Handler()}
	for _, kind := range []string{"json", "yaml", "html"} {
		if w := off.ask(http.MethodGet, "/_allauth/openapi."+kind); w.Code != 404 {
			t.Errorf("where it is off: got %d for %s", w.Code, kind)
		}
	}
}

func TestWrongUserFields(t *testing.T) {
	t.Parallel()
	c := least()
	c.OpenAPI.UserFields = []account.Field{{Name: "email"}, {Name: "plan", Type: "text"}}
	_, err := headless.New(c)
	for _, want := range []string{`OpenAPI.UserFields[0].Name: "email" is taken`, `OpenAPI.UserFields[1].Type: "text" is no type`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// What nobody has described is not served.
func TestUnknownRoutes(t *testing.T) {
	t.Parallel()
	do := map[string]api.Endpoint{http.MethodPost: {}}
	for name, rt := range map[string]api.Route{
		"a path":   {Path: "/auth/unheard-of", Methods: do},
		"a method": {Path: "/auth/session", Methods: do},
		"a field":  {Path: "/auth/login", Methods: map[string]api.Endpoint{http.MethodPost: {Input: []api.Field{{Name: "x", Kind: api.Any}}}}},
	} {
		d, err := openapi.New(openapi.Site{Path: "/_allauth", Clients: []api.Client{api.App}, Routes: []api.Route{rt}})
		if err == nil {
			t.Errorf("%s: got %s", name, d.JSON())
		}
	}
}
