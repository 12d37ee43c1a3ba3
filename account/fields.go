package account

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/pattern"
)

// Field is a signup field of the host's own. Its value is checked, stored with
// the user and handed to [Hooks].InSignup.
type Field struct {
	// Name on the wire: letters, digits and underscores.
	Name string
	// Type is "string" (default), "integer", "number", "boolean", "date",
	// "date-time", "email" or "uri".
	Type string
	// Required fields must be given; a required boolean must be true.
	Required bool
	// MinLength and MaxLength of texts, in characters. Zero: MaxLength is
	// 1000, and there is no least length.
	MinLength, MaxLength int
	// Choices are the values a text may have; empty means any.
	Choices []string
	// Description is shown in the API's description.
	Description string
	// Check may refuse a value with [Reject]. It gets a string, an int64, a
	// float64 or a bool.
	Check func(ctx context.Context, value any) error
}

const codeInvalidChoice api.Code = "invalid_choice"

const fieldMaxLength = 1000

var (
	fieldName  = pattern.New(`^[a-zA-Z][a-zA-Z0-9_]*$`)
	fieldTypes = []string{"string", "integer", "number", "boolean", "date", "date-time", "email", "uri"}
)

// FieldProblems returns what is wrong with fields, by index and member, and
// fills in the defaults. None may have a name that is taken.
func FieldProblems(fields []Field, taken ...string) map[string]string {
	seen, p := map[string]bool{}, map[string]string{}
	for _, name := range taken {
		seen[name] = true
	}
	for i := range fields {
		fields[i].problems(fmt.Sprintf("[%d]", i), seen, p)
	}
	return p
}

func (f *Field) problems(path string, taken map[string]bool, p map[string]string) {
	def(&f.Type, "string")
	def(&f.MaxLength, fieldMaxLength)
	switch {
	case !fieldName.MatchString(f.Name):
		p[path+".Name"] = fmt.Sprintf("%q is no field name; use letters, digits and _", f.Name)
	case taken[f.Name] || f.Name == "password":
		p[path+".Name"] = fmt.Sprintf("%q is taken; choose another name", f.Name)
	}
	taken[f.Name] = true
	if !slices.Contains(fieldTypes, f.Type) {
		p[path+".Type"] = fmt.Sprintf("%q is no type; write one of %s", f.Type, strings.Join(fieldTypes, ", "))
	}
	if f.MinLength < 0 || f.MaxLength < f.MinLength {
		p[path+".MaxLength"] = "must not be less than MinLength"
	}
}

func (f *Field) input() api.Field {
	in := api.Field{Name: f.Name, Required: f.Required, Type: f.Type, Choices: f.Choices, Description: f.Description}
	switch f.Type {
	case "boolean":
		in.Kind = api.Bool
	case "integer", "number":
		in.Kind = api.Number
	default:
		in.MinLength, in.MaxLength = f.MinLength, f.MaxLength
	}
	return in
}

// readFields reads and checks the host's fields. Those not given are absent.
func (a *Account) readFields(ctx context.Context, in *api.Input) (map[string]any, error) {
	values := map[string]any{}
	for i := range a.config.Fields {
		f := &a.config.Fields[i]
		if !in.OK(f.Name) || len(in.Raw(f.Name)) == 0 || string(in.Raw(f.Name)) == "null" {
			continue
		}
		v, code := f.value(in)
		if code != "" {
			in.Fail(f.Name, code)
			continue
		}
		if v == "" {
			continue
		}
		if f.Check != nil {
			if err := f.Check(ctx, v); err != nil {
				if err = note(in, f.Name, err); err != nil {
					return nil, err
				}
				continue
			}
		}
		values[f.Name] = v
	}
	return values, nil
}

// kept reads a value that was judged before and marshalled.
func (f *Field) kept(b []byte) (v any) {
	if f.Type == "integer" {
		var n int64
		if json.Unmarshal(b, &n) != nil {
			return nil
		}
		return n
	}
	_ = json.Unmarshal(b, &v)
	return v
}

func (f *Field) value(in *api.Input) (any, api.Code) {
	switch f.Type {
	case "boolean":
		return in.Bool(f.Name), ""
	case "integer":
		var n int64
		if json.Unmarshal(in.Raw(f.Name), &n) != nil {
			return nil, api.CodeInvalid
		}
		return n, ""
	case "number":
		var n float64
		if json.Unmarshal(in.Raw(f.Name), &n) != nil {
			return nil, api.CodeInvalid
		}
		return n, ""
	}
	s := in.Text(f.Name)
	if s == "" {
		return "", ""
	}
	if len(f.Choices) > 0 && !slices.Contains(f.Choices, s) {
		return nil, codeInvalidChoice
	}
	if !f.wellFormed(s) {
		return nil, api.CodeInvalid
	}
	return s, ""
}

func (f *Field) wellFormed(s string) bool {
	switch f.Type {
	case "date":
		_, err := time.Parse(time.DateOnly, s)
		return err == nil
	case "date-time":
		_, err := time.Parse(time.RFC3339, s)
		return err == nil
	case "email":
		_, ok := CleanEmail(s)
		return ok
	case "uri":
		u, err := url.Parse(s)
		return err == nil && u.IsAbs() && u.Host != ""
	}
	return utf8.ValidString(s)
}
