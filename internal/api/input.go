package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind is the type of an input field.
type Kind int

// The kinds of fields.
const (
	Text   Kind = iota // string; a number is taken as its text
	Bool               // true or false; the words count in any case
	Number             // JSON number
	Any                // any JSON value
)

// Field declares one input of an endpoint: how it is read, cleaned and, in the
// served description of the API, documented.
type Field struct {
	Name     string
	Kind     Kind
	Required bool
	// Verbatim text is not trimmed: passwords count as they were sent.
	Verbatim bool
	// MinLength and MaxLength are in characters; zero means no bound.
	MinLength, MaxLength int
	// Header names the header that carries the value in a GET.
	Header string
	// Invalid is the code for what is no text. Default [CodeInvalid].
	Invalid Code
	// Clean brings a text into canonical form, or says what is wrong.
	Clean func(ctx context.Context, text string) (string, []Item)
	// Type and Choices are for the description of a host's own field: what it
	// holds, as package account has it, and the texts that are allowed.
	Type    string
	Choices []string
	// Description is for people.
	Description string
}

func (f *Field) invalid() Code {
	if f.Invalid != "" {
		return f.Invalid
	}
	return CodeInvalid
}

// Input holds what a client sent, read by the rules of the endpoint's fields.
// What is wrong is collected, so that one answer names everything.
type Input struct {
	fields []Field
	raw    map[string]json.RawMessage
	text   map[string]string
	errs   map[string][]Item
	form   []Item
}

// Has reports whether the client sent the field at all, even as null.
func (in *Input) Has(name string) bool { _, ok := in.raw[name]; return ok }

// Text returns the cleaned text of a field, or "" if there is none or it is
// wrong.
func (in *Input) Text(name string) string { return in.text[name] }

// Bool returns a field's truth: false are false, null, 0, what is empty, and
// the word. spec: mfa.md §8.1.
func (in *Input) Bool(name string) bool {
	var v any
	if raw := in.raw[name]; len(raw) == 0 || json.Unmarshal(raw, &v) != nil {
		return len(raw) > 0 // a number out of range is one
	}
	switch v := v.(type) {
	case bool:
		return v
	case float64:
		return v != 0
	case string:
		return v != "" && !strings.EqualFold(v, "false")
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return false
}

// Raw returns the JSON of a field, nil if it was not sent.
func (in *Input) Raw(name string) json.RawMessage { return in.raw[name] }

// OK reports whether nothing is wrong with a field so far.
func (in *Input) OK(name string) bool { return len(in.errs[name]) == 0 }

// Fail notes that a field is wrong.
func (in *Input) Fail(name string, codes ...Code) {
	for _, c := range codes {
		in.Add(Item{Param: name, Code: c})
	}
}

// FailForm notes that the input as a whole is wrong.
func (in *Input) FailForm(code Code) { in.form = append(in.form, Item{Code: code}) }

// Add notes an item as it is.
func (in *Input) Add(i Item) {
	if i.Param == "" {
		in.form = append(in.form, i)
		return
	}
	if in.errs == nil {
		in.errs = map[string][]Item{}
	}
	in.errs[i.Param] = append(in.errs[i.Param], i)
}

// Err returns what is wrong, by field in the fields' order, then the rest; nil
// if nothing is.
func (in *Input) Err() error {
	var items []Item
	for _, f := range in.fields {
		items = append(items, in.errs[f.Name]...)
	}
	for name, l := range in.errs {
		if !slices.ContainsFunc(in.fields, func(f Field) bool { return f.Name == name }) {
			items = append(items, l...)
		}
	}
	items = append(items, in.form...)
	if len(items) == 0 {
		return nil
	}
	return &Error{Status: http.StatusBadRequest, Items: items}
}

// decode reads and judges a request by the fields. An error means that it
// could not be read at all.
func decode(ctx context.Context, r *http.Request, maxBody int64, fields []Field) (*Input, error) {
	in := &Input{fields: fields}
	if len(fields) > 0 {
		in.text = map[string]string{}
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if len(fields) > 0 {
			in.raw = map[string]json.RawMessage{}
		}
		for _, f := range fields {
			if v := r.Header.Get(f.Header); f.Header != "" && v != "" {
				// Header bytes outside ASCII never are part of a key.
				b, err := json.Marshal(strings.ToValidUTF8(v, "\uFFFD"))
				if err != nil {
					return nil, err
				}
				in.raw[f.Name] = b
			}
		}
	} else {
		var err error
		if in.raw, err = readObject(r, maxBody, len(fields) == 0); err != nil {
			return nil, err
		}
	}
	in.read(ctx)
	return in, nil
}

// ReadInput reads and judges by the fields what did not come over HTTP.
func ReadInput(ctx context.Context, fields []Field, raw map[string]json.RawMessage) *Input {
	in := &Input{fields: fields, raw: raw, text: map[string]string{}}
	in.read(ctx)
	return in
}

func (in *Input) read(ctx context.Context) {
	for i := range in.fields {
		if f := &in.fields[i]; f.Kind == Text {
			in.readText(ctx, f)
		} else if f.Required && (in.raw[f.Name] == nil || f.Kind == Bool && !in.Bool(f.Name)) {
			in.Fail(f.Name, CodeRequired)
		}
	}
}

// Unknown lists what was sent that no field declares.
func (in *Input) Unknown() []string {
	var l []string
	for _, name := range slices.Sorted(maps.Keys(in.raw)) {
		if !slices.ContainsFunc(in.fields, func(f Field) bool { return f.Name == name }) {
			l = append(l, name)
		}
	}
	return l
}

func (in *Input) readText(ctx context.Context, f *Field) {
	raw := in.raw[f.Name]
	var s string
	switch {
	case len(raw) == 0 || string(raw) == "null":
	case raw[0] == '"':
		if json.Unmarshal(raw, &s) != nil {
			in.Fail(f.Name, f.invalid())
			return
		}
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		s = string(raw)
	default:
		in.Fail(f.Name, f.invalid())
		return
	}
	trimmed := strings.TrimSpace(s)
	if !f.Verbatim || trimmed == "" {
		s = trimmed
	}
	if s == "" {
		if f.Required {
			in.Fail(f.Name, CodeRequired)
		}
		return
	}
	var items []Item
	if f.Clean != nil {
		clean, wrong := f.Clean(ctx, s)
		items = append(items, wrong...)
		if len(wrong) == 0 {
			s = clean
		}
	}
	n := utf8.RuneCountInString(s)
	if f.MaxLength > 0 && n > f.MaxLength {
		items = append(items, Item{Code: CodeMaxLength})
	}
	if n < f.MinLength {
		items = append(items, Item{Code: CodeMinLength})
	}
	if strings.ContainsRune(s, 0) {
		items = append(items, Item{Code: CodeNullCharacters})
	}
	for _, i := range items {
		i.Param = f.Name
		in.Add(i)
	}
	if len(items) == 0 {
		in.text[f.Name] = s
	}
}

// maxDepth bounds how deep JSON may nest.
const maxDepth = 32

// readObject reads a body; where nothing in it counts, any JSON will do.
func readObject(r *http.Request, maxBody int64, any bool) (map[string]json.RawMessage, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		var tooBig *http.MaxBytesError
		if errors.As(err, &tooBig) {
			return nil, &Error{Status: http.StatusRequestEntityTooLarge, Items: []Item{{Code: CodeTooLarge}}}
		}
		return nil, &Error{Status: http.StatusBadRequest, Items: []Item{{Code: CodeInvalidJSON}}, Cause: err}
	}
	raw := map[string]json.RawMessage{}
	body = bytes.Trim(body, " \t\r\n") // and no other blanks: RFC 8259 §2
	if len(body) == 0 || string(body) == "null" {
		return raw, nil
	}
	if !utf8.Valid(body) || !sane(body) || json.Unmarshal(body, &raw) != nil && !(any && json.Valid(body)) {
		return nil, &Error{Status: http.StatusBadRequest, Items: []Item{{Code: CodeInvalidJSON}}}
	}
	return raw, nil
}

// sane refuses what a JSON decoder would let pass: nesting without bound, and
// escapes of half a surrogate pair, which are no characters.
func sane(b []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++
			if i >= len(b) || b[i] != 'u' {
				continue
			}
			u, ok := hex4(b, i+1)
			i += 4
			if !ok {
				return false
			}
			switch {
			case u >= 0xDC00 && u < 0xE000:
				return false
			case u >= 0xD800 && u < 0xDC00:
				if i+2 >= len(b) || b[i+1] != '\\' || b[i+2] != 'u' {
					return false
				}
				low, ok := hex4(b, i+3)
				if !ok || low < 0xDC00 || low >= 0xE000 {
					return false
				}
				i += 6
			}
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

func hex4(b []byte, at int) (v int, ok bool) {
	if at+4 > len(b) {
		return 0, false
	}
	for _, c := range b[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | int(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | int(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// SetText replaces the cleaned text of a field.
func (in *Input) SetText(name, text string) { in.text[name] = text }
