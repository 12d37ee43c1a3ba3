package openapi_test

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// deviations are what the reference's description has and ours has not, each
// with its reason.
var deviations = map[string]string{
	"POST /_allauth/browser/v1/auth/2fa/trust parameter X-Session-Token": "browsers have no session token",
}

func reference(t *testing.T) *openapi3.T {
	t.Helper()
	text, err := os.ReadFile("testdata/openapi-reference.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("description:\n    $ref: \"./description.md\""), []byte("description: none"), 1)
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Everything that the reference describes is described here: every path,
// method, parameter and status, every schema with its members, and every tag.
func TestReference(t *testing.T) {
	t.Parallel()
	ours, theirs := serve(t, full()).doc, reference(t)
	excused := map[string]bool{}
	lacks := func(what string) {
		if deviations[what] != "" {
			excused[what] = true
			return
		}
		t.Errorf("the reference describes %s, and we don't", what)
	}
	for path, item := range theirs.Paths.Map() {
		for method, op := range item.Operations() {
			own := ours.Paths.Value(path)
			if own == nil || own.GetOperation(method) == nil {
				lacks(method + " " + path)
				continue
			}
			for status := range op.Responses.Map() {
				if own.GetOperation(method).Responses.Value(status) == nil {
					lacks(method + " " + path + " " + status)
				}
			}
			if got := own.GetOperation(method).Tags; !slices.Equal(got, op.Tags) {
				t.Errorf("%s %s: got tags %q, want %q", method, path, got, op.Tags)
			}
			for _, p := range op.Parameters {
				if p.Value.Name != "client" && own.GetOperation(method).Parameters.GetByInAndName(p.Value.In, p.Value.Name) == nil {
					lacks(method + " " + path + " parameter " + p.Value.Name)
				}
			}
		}
	}
	for name, schema := range theirs.Components.Schemas {
		own := ours.Components.Schemas[name]
		if own == nil {
			lacks("the schema " + name)
			continue
		}
		for member := range members(schema.Value) {
			if !members(own.Value)[member] {
				lacks("the schema " + name + " with " + member)
			}
		}
	}
	for _, tag := range theirs.Tags {
		if ours.Tags.Get(tag.Name) == nil {
			lacks("the tag " + tag.Name)
		}
	}
	for what := range deviations {
		if !excused[what] {
			t.Errorf("%s is excused for nothing", what)
		}
	}
}

// members are the names of what an object may have.
func members(s *openapi3.Schema) map[string]bool {
	names := map[string]bool{}
	for name := range s.Properties {
		names[name] = true
	}
	for _, parts := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
		for _, part := range parts {
			for name := range members(part.Value) {
				names[name] = true
			}
		}
	}
	return names
}
