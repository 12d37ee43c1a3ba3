package api

import (
	"bytes"
	"encoding/json"
	"iter"
)

// Elements are the elements of a list as a body has it, one after another: who
// refuses one looks at no other, however many there are. It reports false if
// raw, which is valid JSON, is no list.
func Elements(raw json.RawMessage) (iter.Seq[json.RawMessage], bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	return func(yield func(json.RawMessage) bool) {
		rest := bytes.TrimSpace(raw[1 : len(raw)-1])
		for len(rest) > 0 {
			n := element(rest)
			if !yield(bytes.TrimSpace(rest[:n])) {
				return
			}
			rest = rest[min(n+1, len(rest)):]
		}
	}, true
}

// element is how long the first of several elements is.
func element(b []byte) int {
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case c == ',' && depth == 0:
			return i
		}
	}
	return len(b)
}
