package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// The document is made of objects, lists (of any), texts, bools and ints; the
// writers know no others.

// object is a JSON object that keeps its order.
type object []member

type member struct {
	name  string
	value any
}

// m makes an object of names and values by turns.
func m(pairs ...any) object {
	o := make(object, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		o = append(o, member{pairs[i].(string), pairs[i+1]})
	}
	return o
}

// list makes a list.
func list[T any](items ...T) []any {
	l := make([]any, len(items))
	for i, x := range items {
		l[i] = x
	}
	return l
}

// with returns o and one more member, unless that is empty.
func (o object) with(name string, value any) object {
	switch v := value.(type) {
	case string:
		if v == "" {
			return o
		}
	case int:
		if v == 0 {
			return o
		}
	case object:
		if len(v) == 0 {
			return o
		}
	case []any:
		if len(v) == 0 {
			return o
		}
	}
	return append(slices.Clip(o), member{name, value})
}

func (o object) get(name string) any {
	for _, x := range o {
		if x.name == name {
			return x.value
		}
	}
	return nil
}

// appendJSON writes a value as JSON.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case object:
		b = append(b, '{')
		for i, x := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, x.name)
			b = append(b, ':')
			b = appendJSON(b, x.value)
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, x := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, x)
		}
		return append(b, ']')
	case string:
		if simple(v) {
			return append(append(append(b, '"'), v...), '"')
		}
		return appendEncoded(b, v)
	case bool, int, float64:
		return appendEncoded(b, v)
	}
	panic(fmt.Sprintf("openapi: a %T in the document", v))
}

// simple reports whether a text needs no escapes.
func simple(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func appendEncoded(b []byte, v any) []byte {
	var w bytes.Buffer
	enc := json.NewEncoder(&w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // such as infinity, which no table holds
	}
	return append(b, bytes.TrimSuffix(w.Bytes(), []byte("\n"))...)
}

func ref(name string) object { return m("$ref", "#/components/schemas/"+name) }

func text(description string) object { return m("type", "string").with("description", description) }

func boolean(description string) object {
	return m("type", "boolean").with("description", description)
}

func array(items object) object { return m("type", "array", "items", items) }

// one is a value that is always the same.
func one[T any](v T) object {
	kind := "string"
	switch any(v).(type) {
	case bool:
		kind = "boolean"
	case int:
		kind = "integer"
	}
	return m("type", kind, "enum", list(v))
}

// property is a member of a record.
type property struct {
	name     string
	schema   object
	optional bool
}

func must(name string, schema object) property { return property{name, schema, false} }

func may(name string, schema object) property { return property{name, schema, true} }

// record is the schema of an object.
func record(description string, properties ...property) object {
	var all object
	var required []any
	for _, p := range properties {
		if p.name == "" {
			continue // not on this site
		}
		all = append(all, member{p.name, p.schema})
		if !p.optional {
			required = append(required, p.name)
		}
	}
	return m("type", "object").with("description", description).with("properties", all).with("required", required)
}

// when is a property of sites of some kind only.
func when(on bool, p property) property {
	if !on {
		return property{}
	}
	return p
}
