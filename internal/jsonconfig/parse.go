package jsonconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

type kind string

const (
	object  kind = "an object"
	list    kind = "a list"
	text    kind = "text"
	number  kind = "a number"
	boolean kind = "true or false"
	null    kind = "null"
)

// node is a JSON value as written, with its keys in order.
type node struct {
	kind  kind
	text  string
	keys  []string // of an object, one for each item
	items []*node
}

// maxDepth bounds how deep values nest. No configuration comes near it.
const maxDepth = 64

// parse reads one JSON value.
func parse(data []byte) (*node, *Problem) {
	if !utf8.Valid(data) {
		return nil, &Problem{Text: "is not UTF-8"}
	}
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line, column := position(data, int(syntax.Offset))
			return nil, &Problem{Text: fmt.Sprintf("line %d, column %d: %v", line, column, err)}
		}
		return nil, &Problem{Text: err.Error()}
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return read(d, 0)
}

// position tells where an offset is: the offset that the parser reports is
// that behind the culprit.
func position(data []byte, offset int) (line, column int) {
	before := data[:max(0, min(offset, len(data))-1)]
	return 1 + bytes.Count(before, []byte("\n")), utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
}

// read takes the next value from d, which is known to be well-formed.
func read(d *json.Decoder, depth int) (*node, *Problem) {
	if depth > maxDepth {
		return nil, &Problem{Text: fmt.Sprintf("nests deeper than %d levels", maxDepth)}
	}
	t, err := d.Token()
	if err != nil {
		return nil, &Problem{Text: err.Error()}
	}
	switch t := t.(type) {
	case json.Delim:
		n := &node{kind: list}
		if t == '{' {
			n.kind = object
		}
		for d.More() {
			if n.kind == object {
				key, _ := d.Token()
				n.keys = append(n.keys, key.(string))
			}
			item, problem := read(d, depth+1)
			if problem != nil {
				return nil, problem
			}
			n.items = append(n.items, item)
		}
		_, _ = d.Token() // the bracket that closes it
		return n, nil
	case string:
		return &node{kind: text, text: t}, nil
	case json.Number:
		return &node{kind: number, text: t.String()}, nil
	case bool:
		return &node{kind: boolean, text: fmt.Sprint(t)}, nil
	default:
		return &node{kind: null}, nil
	}
}
