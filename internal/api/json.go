package api

import (
	"encoding/json"
	"strconv"
	"sync"
)

// Answers are written by hand where every request passes, and by
// encoding/json for everything else. Either way "<", ">" and "&" stay as they
// are: what is sent is JSON, never HTML.

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, 1024)} }}

// buffer is the body of an answer.
type buffer struct{ b []byte }

// Write appends.
func (b *buffer) Write(p []byte) (int, error) { b.b = append(b.b, p...); return len(p), nil }

// release gives the buffer back; one that has grown large is left to go.
func (b *buffer) release() {
	if cap(b.b) <= 64<<10 {
		b.b = b.b[:0]
		buffers.Put(b)
	}
}

// value appends any value.
func (b *buffer) value(v any) error {
	start := len(b.b)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		b.b = b.b[:start]
		return err
	}
	b.b = b.b[:len(b.b)-1] // the line break
	return nil
}

// text appends a string.
func (b *buffer) text(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			_ = b.value(s) // a string can always be encoded
			return
		}
	}
	b.b = append(b.b, '"')
	b.b = append(b.b, s...)
	b.b = append(b.b, '"')
}

// key appends the name of a member, with a comma unless it is the first of its
// object. Names need no escaping.
func (b *buffer) key(name string) {
	if b.b[len(b.b)-1] != '{' {
		b.b = append(b.b, ',')
	}
	b.b = append(b.b, '"')
	b.b = append(b.b, name...)
	b.b = append(b.b, '"', ':')
}

func (env *envelope) appendTo(b *buffer) error {
	b.b = append(b.b, `{"status":`...)
	b.b = strconv.AppendInt(b.b, int64(env.Status), 10)
	switch {
	case env.auth:
		b.key("data")
		if err := env.who.appendTo(b, env.authenticated); err != nil {
			return err
		}
	case env.Data != nil:
		b.key("data")
		if err := b.value(env.Data); err != nil {
			return err
		}
	}
	if env.auth || len(env.Meta) > 0 {
		b.key("meta")
		b.b = append(b.b, '{')
		if env.auth {
			b.key("is_authenticated")
			b.b = strconv.AppendBool(b.b, env.authenticated)
		}
		if err := b.members(env.Meta); err != nil {
			return err
		}
		b.b = append(b.b, '}')
	}
	if len(env.Errors) > 0 {
		b.key("errors")
		if err := b.value(env.Errors); err != nil {
			return err
		}
	}
	b.b = append(b.b, '}', '\n')
	return nil
}

// members appends the members of a map, sorted by their names.
func (b *buffer) members(m map[string]any) error {
	if len(m) == 0 {
		return nil
	}
	start := len(b.b)
	if err := b.value(m); err != nil {
		return err
	}
	// An object becomes what is within it.
	within := b.b[start+1 : len(b.b)-1]
	if b.b[start-1] != '{' {
		b.b[start] = ','
		b.b = b.b[:len(b.b)-1]
		return nil
	}
	copy(b.b[start:], within)
	b.b = b.b[:start+len(within)]
	return nil
}

func (d *authData) appendTo(b *buffer, authenticated bool) error {
	b.b = append(b.b, '{')
	if authenticated {
		b.key("user")
		if err := d.User.appendTo(b); err != nil {
			return err
		}
	}
	if d.Methods != nil {
		b.key("methods")
		if len(d.Methods) < 2 || d.Methods[0] != '[' || d.Methods[len(d.Methods)-1] != ']' { // it was encoded by us
			return errMethods
		}
		b.b = append(b.b, d.Methods...)
	}
	if d.Flows != nil {
		b.key("flows")
		if err := b.value(d.Flows); err != nil {
			return err
		}
	}
	b.b = append(b.b, '}')
	return nil
}

func (d userData) appendTo(b *buffer) error {
	b.b = append(b.b, '{')
	if d.ID != "" {
		b.key("id")
		if d.integerID {
			b.b = append(b.b, d.ID...)
		} else {
			b.text(d.ID)
		}
	}
	for _, f := range [...]struct{ name, value string }{{"display", d.Display}, {"email", d.Email}} {
		if f.value != "" {
			b.key(f.name)
			b.text(f.value)
		}
	}
	b.key("has_usable_password")
	b.b = strconv.AppendBool(b.b, d.HasUsablePassword)
	if d.Username != "" {
		b.key("username")
		b.text(d.Username)
	}
	if err := b.members(d.extra); err != nil {
		return err
	}
	b.b = append(b.b, '}')
	return nil
}
