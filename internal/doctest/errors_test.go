package doctest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/i18n"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
	"github.com/headless-auth/headless/store/memory"
)

type nobody struct{}

func (nobody) Send(context.Context, account.Message) error { return nil }
func (nobody) SendSMS(context.Context, account.SMS) error  { return nil }

// everything is a configuration with all that can be on, by link or by code.
func everything(byCode bool) headless.Config {
	return headless.Config{
		URL: "https://app.example.org", Secret: make([]byte, 32), Store: memory.New(), Mailer: nobody{}, SMS: nobody{},
		Frontend: headless.Frontend{VerifyEmail: "/v/{key}", ResetPassword: "/r/{key}", SocialLoginError: "/e"},
		Account: account.Config{
			LoginMethods: []string{"email", "username", "phone"}, SignupFields: []string{"email*", "email2", "username", "phone", "password1*", "password2"},
			EmailVerificationByCode: byCode, PasswordResetByCode: byCode, LoginByCode: true, Closing: true,
			UsernameMinLength: 3, Fields: []account.Field{{Name: "plan", Choices: []string{"free", "paid"}}},
		},
		Session: sessions.Config{List: true},
		MFA:     &mfa.Config{SupportedTypes: []string{"totp", "recovery_codes", "webauthn"}, PasskeyLogin: true, PasskeySignup: byCode, Trust: true},
		Social: &socialaccount.Config{Development: true, Providers: []socialaccount.Provider{
			providers.Dummy(), providers.Google(providers.Client{ID: "a", Secret: "b"}),
		}},
		OpenAPI: &headless.OpenAPIConfig{},
	}
}

// places says where each code is described to occur: the operations by field.
func places(t *testing.T) map[string]map[string][]string {
	t.Helper()
	all := map[string]map[string][]string{}
	for _, byCode := range []bool{false, true} {
		auth, err := headless.New(everything(byCode))
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		auth.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/_allauth/openapi.json", nil))
		var doc struct {
			Paths map[string]map[string]json.RawMessage
			Parts struct {
				Examples map[string]struct {
					Value struct {
						Errors []struct{ Code, Param string }
					}
				}
			} `json:"components"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
		for path, methods := range doc.Paths {
			for method, raw := range methods {
				var op struct {
					Responses map[string]struct {
						Content map[string]struct {
							Examples map[string]any
						}
					}
				}
				if json.Unmarshal(raw, &op) != nil {
					continue // parameters of all methods
				}
				_, place, _ := strings.Cut(path, "/v1/")
				place = fmt.Sprintf("`%s %s`", strings.ToUpper(method), place)
				for name := range op.Responses["400"].Content["application/json"].Examples {
					for _, e := range doc.Parts.Examples[name].Value.Errors {
						if all[e.Code] == nil {
							all[e.Code] = map[string][]string{}
						}
						if l := all[e.Code][e.Param]; !slices.Contains(l, place) {
							all[e.Code][e.Param] = append(l, place)
						}
					}
				}
			}
		}
	}
	return all
}

// elsewhere is where codes occur that are no answer to an operation's input.
var elsewhere = map[string]string{
	"access_token_required":       "401 of your routes behind `Require(ByAccessToken)`",
	"client_ip_unknown":           "403 of any route, where `ClientIPHeader` is set and missing: the proxy is set up wrongly",
	"cookie_required":             "401 of your routes behind `Require(ByCookie)`",
	"csrf_failed":                 "403 of any unsafe request of a browser: [front ends and cookies](frontends-and-cookies.md#when-it-does-not-work)",
	"invalid_json":                "400 of any operation with a body",
	"mfa_required":                "401 of your routes behind `Require(MFA)`",
	"null_characters_not_allowed": "any text",
	"reauthentication_required":   "401 of your routes behind `Require(Within(…))`",
	"phishing_resistant_required": "401 of your routes behind `Require(PhishingResistant)`",
	"session_token_required":      "401 of your routes behind `Require(BySessionToken)`",
	"too_large":                   "413 of any operation with a body",
	"verified_email_required":     "403 of your routes behind `Require(VerifiedEmail)`",
}

const afterRedirect = "`error` in the URL after [a provider](social.md#what-a-browser-does)"

// everywhere is at how many fields a code is too common to list them.
const everywhere = 7

// codes are the codes of errors in the code: typed constants, and what stands
// where one is meant.
func codes(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, dir := range []string{".", "internal/api", "internal/password", "sessions", "account", "mfa", "socialaccount"} {
		for name, f := range source(t, dir) {
			note := func(e ast.Expr) {
				if lit, ok := e.(*ast.BasicLit); ok && lit.Value[0] == '"' {
					found[text(t, lit)] = filepath.Join(dir, name)
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec: // const codeX api.Code = "x"
					if typ, ok := n.Type.(*ast.SelectorExpr); ok && typ.Sel.Name == "Code" && len(n.Values) > 0 {
						note(n.Values[0])
					} else if id, ok := n.Type.(*ast.Ident); ok && id.Name == "Code" && len(n.Values) > 0 {
						note(n.Values[0])
					}
				case *ast.KeyValueExpr: // Item{Code: "x"}, Requirement{code: "x"}
					if id, ok := n.Key.(*ast.Ident); ok && strings.EqualFold(id.Name, "code") {
						note(n.Value)
					}
				case *ast.CallExpr: // Named("x"), WriteStatus(w, r, status, "x")
					switch f := n.Fun.(type) {
					case *ast.SelectorExpr:
						if f.Sel.Name == "Named" {
							note(n.Args[0])
						}
					case *ast.Ident:
						if f.Name == "WriteStatus" && len(n.Args) == 4 {
							note(n.Args[3])
						}
					}
				}
				return true
			})
		}
	}
	delete(found, "")
	return found
}

func byPath(a, b string) int {
	_, pathA, _ := strings.Cut(a, " ")
	_, pathB, _ := strings.Cut(b, " ")
	return strings.Compare(pathA+a, pathB+b)
}

// TestErrors: docs/errors.md has every code that an answer may carry.
func TestErrors(t *testing.T) {
	t.Parallel()
	at, inCode := places(t), codes(t)
	for _, kind := range []string{"cookie_required", "session_token_required", "access_token_required"} {
		inCode[kind] = "" // made of the credential's name
	}
	for code := range at {
		inCode[code] += ""
	}
	var want strings.Builder
	want.WriteString("| code | the sentence in English | where |\n| --- | --- | --- |\n")
	for _, code := range slices.Sorted(maps.Keys(inCode)) {
		var where []string
		if params := at[code]; len(params) >= everywhere {
			where = append(where, "any field")
		} else {
			for _, param := range slices.Sorted(maps.Keys(params)) {
				what := map[string]string{"": "the whole of ", "plan": "fields of yours in "}[param]
				if what == "" {
					what = "`" + param + "` of "
				}
				slices.SortFunc(params[param], byPath)
				where = append(where, what+strings.Join(params[param], ", "))
			}
		}
		if inCode[code] == "socialaccount/redirect.go" {
			where = append(where, afterRedirect)
		}
		if s := elsewhere[code]; s != "" {
			where = append(where, s)
		}
		if len(where) == 0 {
			t.Errorf("%s of %s is described nowhere: not by the API, and not here", code, inCode[code])
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", code, cell(i18n.Message("en", code)), strings.Join(where, "; "))
	}
	fill(t, "docs/errors.md", "errors", want.String())
}
