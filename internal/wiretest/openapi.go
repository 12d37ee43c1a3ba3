package wiretest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
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
	for _, problem := range d.problems(client, method, path, sent, r) {
		t.Error(problem)
	}
}

func (d *described) problems(client, method, path string, sent []byte, r *Reply) (l []string) {
	found := func(format string, a ...any) { l = append(l, fmt.Sprintf(format, a...)) }
	path, _, _ = strings.Cut(path, "?")
	if d == nil || strings.HasPrefix(path, "//") {
		return l
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
			found("%s, and is not in the description", what)
		}
		return l
	}
	var value any
	if method != http.MethodHead && !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
		if err := json.Unmarshal(r.Raw, &value); err != nil && r.Status != http.StatusFound {
			found("%s with no JSON: %v", what, err)
			return l
		}
	}
	if body := bodyOf(op); r.Status < 300 && body != nil {
		var input any
		_ = json.Unmarshal(sent, &input)
		if err := body.VisitJSON(input, openapi3.VisitAsRequest(), openapi3.MultiErrors(), openapi3.DisableSchemaErrorDetails()); err != nil && !ofType(err) {
			found("%s to what is not as described: %v\n%s", what, err, sent)
		}
	}
	response := op.Responses.Status(r.Status)
	if response == nil {
		if !slices.Contains(anywhere, r.Status) {
			found("%s, which is not described", what)
		}
		response = op.Responses.Default()
	}
	if schema := schemaOf(response); schema != nil && value != nil {
		if err := schema.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.MultiErrors(), openapi3.DisableSchemaErrorDetails()); err != nil {
			found("%s with what is not as described: %v\n%s", what, err, r.Raw)
		}
		for _, name := range undescribed([]*openapi3.Schema{schema}, value, "") {
			found("%s with %s, which is not described\n%s", what, name, r.Raw)
		}
	}
	if r.Status == http.StatusBadRequest {
		for _, e := range r.Errors {
			if !slices.Contains(explained(response), e.Param+":"+e.Code) && !everywhere(e.Code) {
				found("%s with the error %s:%s, which is not described", what, e.Param, e.Code)
			}
		}
	}
	return append(l, d.referenceProblems(method, where, what, r, value)...)
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
