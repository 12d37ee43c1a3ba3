package wiretest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/i18n"
)

// described judges every answer by two descriptions of the API: the one that
// the site serves, and the reference's.
type described struct{ own, reference *openapi3.T }

// documents are the descriptions that were read, by what is in them: many
// worlds are alike.
var documents sync.Map // of func() (*openapi3.T, error), by hash

// describedBy reads what a site says about itself. Nil: nothing.
func describedBy(t *testing.T, auth *headless.Auth, url string) *described {
	t.Helper()
	w := httptest.NewRecorder()
	auth.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/_allauth/openapi.json", http.NoBody))
	if w.Code != http.StatusOK {
		return nil
	}
	body := bytes.ReplaceAll(w.Body.Bytes(), []byte(url), []byte("https://site.test"))
	read, _ := documents.LoadOrStore(sha256.Sum256(body), sync.OnceValues(func() (*openapi3.T, error) { return load(body) }))
	own, err := read.(func() (*openapi3.T, error))()
	if err != nil {
		t.Fatalf("the site's description of its API: %v", err)
	}
	reference, err := referenceDocument()
	if err != nil {
		t.Fatalf("the reference's description of its API: %v", err)
	}
	return &described{own, reference}
}

func load(body []byte) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(body)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(loader.Context, openapi3.EnableExamplesValidation(), openapi3.EnableMultiError())
}

// anywhere are statuses that any call may be answered with, whatever is said
// of it: before it got to its endpoint, or because of trouble of the site's.
var anywhere = []int{
	http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
	http.StatusInternalServerError, http.StatusServiceUnavailable,
}

// check judges an answer, and the body that got it.
func (d *described) check(t *testing.T, client, method, path string, sent []byte, r *Reply) {
	t.Helper()
	path, _, _ = strings.Cut(path, "?")
	if d == nil || strings.HasPrefix(path, "//") {
		return
	}
	where := "/v1" + path
	if ext, ok := strings.CutPrefix(path, "/ext/"); ok {
		where = "/ext/v1/" + ext
	}
	what := fmt.Sprintf("%s %s answered %d", method, where, r.Status)
	op := operation(d.own, client, method, where)
	if op == nil {
		// Who may not call at all is told that first.
		if r.Status < 400 && method != http.MethodOptions {
			t.Errorf("%s, and is not in the description", what)
		}
		return
	}
	var value any
	if method != http.MethodHead {
		if err := json.Unmarshal(r.Raw, &value); err != nil && r.Status != http.StatusFound {
			t.Errorf("%s with no JSON: %v", what, err)
			return
		}
	}
	if body := bodyOf(op); r.Status < 300 && body != nil {
		var input any
		_ = json.Unmarshal(sent, &input)
		if err := body.VisitJSON(input, openapi3.VisitAsRequest(), openapi3.MultiErrors(), openapi3.DisableSchemaErrorDetails()); err != nil && !ofType(err) {
			t.Errorf("%s to what is not as described: %v\n%s", what, err, sent)
		}
	}
	response := op.Responses.Status(r.Status)
	if response == nil {
		if !slices.Contains(anywhere, r.Status) {
			t.Errorf("%s, which is not described", what)
		}
		response = op.Responses.Default()
	}
	if schema := schemaOf(response); schema != nil && value != nil {
		if err := schema.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.MultiErrors(), openapi3.DisableSchemaErrorDetails()); err != nil {
			t.Errorf("%s with what is not as described: %v\n%s", what, err, r.Raw)
		}
		for _, name := range undescribed([]*openapi3.Schema{schema}, value, "") {
			t.Errorf("%s with %s, which is not described\n%s", what, name, r.Raw)
		}
	}
	if r.Status == http.StatusBadRequest {
		for _, e := range r.Errors {
			if !slices.Contains(explained(response), e.Param+":"+e.Code) && !everywhere(e.Code) {
				t.Errorf("%s with the error %s:%s, which is not described", what, e.Param, e.Code)
			}
		}
	}
	d.checkReference(t, method, where, what, r, value)
}

// operation finds a method of a path, nil if it is not described.
func operation(doc *openapi3.T, client, method, where string) *openapi3.Operation {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, prefix := range []string{"/_allauth/{client}", "/_allauth/" + client} {
		if item := doc.Paths.Value(prefix + where); item != nil {
			return item.GetOperation(method)
		}
	}
	return nil
}

// ofType reports whether nothing is wrong with an input but types: values of
// other types often do, such as a number's text. Descriptions name one.
func ofType(err error) bool {
	var many openapi3.MultiError
	if errors.As(err, &many) {
		return !slices.ContainsFunc(many, func(err error) bool { return !ofType(err) })
	}
	var e *openapi3.SchemaError
	if !errors.As(err, &e) {
		return false
	}
	return slices.Contains([]string{"type", "enum", "nullable"}, e.SchemaField) || e.Origin != nil && ofType(e.Origin)
}

// bodyOf is the schema of the bodies that an operation takes, nil for none.
func bodyOf(op *openapi3.Operation) *openapi3.Schema {
	if op.RequestBody == nil {
		return nil
	}
	media := op.RequestBody.Value.Content.Get("application/json")
	if media == nil {
		return nil
	}
	return media.Schema.Value
}

func schemaOf(r *openapi3.ResponseRef) *openapi3.Schema {
	if r == nil || r.Value == nil {
		return nil
	}
	media := r.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return nil
	}
	return media.Schema.Value
}

// explained are the errors among the examples of a response.
func explained(r *openapi3.ResponseRef) (l []string) {
	media := r.Value.Content.Get("application/json")
	for _, example := range media.Examples {
		b, err := json.Marshal(example.Value.Value)
		if err != nil {
			continue
		}
		var answer struct{ Errors []Error }
		_ = json.Unmarshal(b, &answer)
		for _, e := range answer.Errors {
			l = append(l, e.Param+":"+e.Code)
		}
	}
	return l
}

// everywhere reports whether any input may be answered with a code; or, as
// there is no sentence for it, it is a host's own.
func everywhere(code string) bool {
	return slices.Contains([]string{"invalid_json", "null_characters_not_allowed"}, code) || i18n.Message("", code) == i18n.Message("", "other")
}

// undescribed lists the members of a value that none of the schemas for it
// knows.
func undescribed(schemas []*openapi3.Schema, value any, at string) (l []string) {
	// What a value may be made of: the schemas, and all that they consist of.
	var parts []*openapi3.Schema
	var add func(s *openapi3.Schema)
	add = func(s *openapi3.Schema) {
		parts = append(parts, s)
		for _, refs := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
			for _, r := range refs {
				add(r.Value)
			}
		}
	}
	for _, s := range schemas {
		add(s)
	}
	switch v := value.(type) {
	case []any:
		var items []*openapi3.Schema
		for _, s := range parts {
			if s.Items != nil {
				items = append(items, s.Items.Value)
			}
		}
		for _, x := range v {
			l = append(l, undescribed(items, x, at+"[]")...)
		}
	case map[string]any:
		if slices.ContainsFunc(parts, func(s *openapi3.Schema) bool { return s.AdditionalProperties.Has != nil && *s.AdditionalProperties.Has }) {
			return nil
		}
		for name, x := range v {
			var known []*openapi3.Schema
			for _, s := range parts {
				if p := s.Properties[name]; p != nil {
					known = append(known, p.Value)
				}
			}
			if len(known) == 0 {
				l = append(l, at+"."+name)
				continue
			}
			l = append(l, undescribed(known, x, at+"."+name)...)
		}
	}
	return l
}

// checkReference judges an answer by the reference's description, where that
// knows it.
func (d *described) checkReference(t *testing.T, method, where, what string, r *Reply, value any) {
	t.Helper()
	op := operation(d.reference, "", method, where)
	for _, client := range []string{"app", "browser"} {
		if op == nil {
			op = operation(d.reference, client, method, where)
		}
	}
	if op == nil {
		if !strings.HasPrefix(where, "/ext/") {
			t.Errorf("%s, and is not in the reference's description", what)
		}
		return
	}
	response := op.Responses.Status(r.Status)
	if response == nil {
		name, ok := unmentioned[r.Status]
		if !ok && unmentionedHere[method+" "+where] != r.Status {
			t.Errorf("%s, which the reference does not describe", what)
		}
		response = d.reference.Components.Responses[name]
	}
	if schema := schemaOf(response); schema != nil && value != nil {
		if err := schema.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.MultiErrors(), openapi3.DisableSchemaErrorDetails()); err != nil {
			t.Errorf("%s with what is not as the reference describes it: %v\n%s", what, err, r.Raw)
		}
	}
}

// unmentioned are statuses that the reference does not list wherever it answers
// them, with what it answers then: what its component of that name describes.
var unmentioned = map[int]string{
	http.StatusBadRequest:            "Error",                            // what is no JSON, or no input at all
	http.StatusUnauthorized:          "AuthenticationOrReauthentication", // where one must be logged in
	http.StatusForbidden:             "Forbidden",                        // a browser's call without CSRF token
	http.StatusGone:                  "SessionGone",                      // an app's call with a dead token
	http.StatusTooManyRequests:       "TooManyRequests",                  // every limited call; account.md §17
	http.StatusConflict:              "",                                 // where another request was quicker; ours
	http.StatusMethodNotAllowed:      "",
	http.StatusRequestEntityTooLarge: "", // ours
	http.StatusInternalServerError:   "",
	http.StatusServiceUnavailable:    "", // ours
}

// unmentionedHere are statuses of single operations that it does not list.
var unmentionedHere = map[string]int{
	"POST /v1/account/password/change":               http.StatusOK,
	"POST /v1/account/authenticators/recovery-codes": http.StatusOK,
	"POST /v1/auth/code/request":                     http.StatusOK,       // when logged in; account.md §17
	"POST /v1/auth/webauthn/login":                   http.StatusConflict, // when logged in
}

// amendments are where the reference's description contradicts what it does,
// or what we do more.
var amendments = []struct {
	why   string
	apply func(c *openapi3.T)
}{
	{"people log in by phone too, and the login methods are in one word only where there is one; config-openapi.md §1", func(c *openapi3.T) {
		s := c.Components.Schemas["AccountConfiguration"].Value
		s.Properties["login_methods"].Value.Items.Value.Enum = []any{"email", "username", "phone"}
		s.Required = without(s.Required, "authentication_method")
	}},
	{"flows are missing; account.md §17. Hosts add their own", func(c *openapi3.T) {
		c.Components.Schemas["Flow"].Value.Properties["id"].Value.Enum = nil
	}},
	{"a password reset by code tells that it is not pending; account.md §17", func(c *openapi3.T) {
		c.Components.Schemas["Flow"].Value.Properties["is_pending"].Value.Enum = nil
	}},
	{"a password that was repeated is by password, too; a reset by link has no address, account.md §17; a first login through a provider is no reauthentication", func(c *openapi3.T) {
		s := c.Components.Schemas["AuthenticationMethod"].Value
		s.AnyOf, s.OneOf = s.OneOf, nil
		for _, kind := range s.AnyOf {
			switch kind.Value.Properties["method"].Value.Enum[0] {
			case "password_reset":
				kind.Value.Required = without(kind.Value.Required, "email")
			case "socialaccount":
				kind.Value.Required = without(kind.Value.Required, "reauthenticated")
			}
		}
	}},
	{"what asks to reauthenticate fits what asks to log in, too", func(c *openapi3.T) {
		s := c.Components.Responses["AuthenticationOrReauthentication"].Value.Content["application/json"].Schema.Value
		s.AnyOf, s.OneOf = s.OneOf, nil
	}},
	{"who has to be logged in recently has to be logged in", func(c *openapi3.T) {
		media := c.Components.Responses["ReauthenticationRequired"].Value.Content["application/json"]
		media.Schema = openapi3.NewSchemaRef("", &openapi3.Schema{AnyOf: openapi3.SchemaRefs{media.Schema, c.Components.Schemas["AuthenticationResponse"]}})
	}},
	{"signing up with a passkey takes creation options; mfa.md §14", func(c *openapi3.T) {
		get := c.Paths.Value("/_allauth/{client}/v1/auth/webauthn/signup").Get
		get.Responses.Set("200", c.Components.Responses["WebAuthnCreationOptionsResponse"])
	}},
	{"nullable stands beside a $ref, where it does not count: never used is null", func(c *openapi3.T) {
		s := *c.Components.Schemas["OptionalTimestamp"].Value
		s.Nullable = true
		c.Components.Schemas["BaseAuthenticator"].Value.Properties["last_used_at"].Value = &s
	}},
	{"ids are texts where the store's are, as those of users are", func(c *openapi3.T) {
		for _, s := range []*openapi3.Schema{c.Components.Schemas["AuthenticatorID"].Value, c.Components.Schemas["Session"].Value.Properties["id"].Value} {
			s.Type = &openapi3.Types{"integer", "string"}
		}
	}},
	{"recovery codes are not shown again where they are shown once; ours", func(c *openapi3.T) {
		s := c.Components.Schemas["SensitiveRecoveryCodesAuthenticator"].Value.AllOf[1].Value
		s.Required = without(s.Required, "unused_codes")
	}},
}

func without(l []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(l), func(s string) bool { return s == name })
}

// referenceDocument is the reference's description, amended.
var referenceDocument = sync.OnceValues(func() (*openapi3.T, error) {
	_, here, _, _ := runtime.Caller(0)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(here), "../openapi/testdata/openapi-reference.yaml"))
	if err != nil {
		return nil, err
	}
	text = bytes.Replace(text, []byte("description:\n    $ref: \"./description.md\""), []byte("description: none"), 1)
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	for _, a := range amendments {
		a.apply(doc)
	}
	return doc, nil
})
