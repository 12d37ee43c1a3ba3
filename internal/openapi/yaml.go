package openapi

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/headless-auth/headless/internal/pattern"
)

// plain texts need no quotes in YAML, in any of its versions: they begin with
// a letter, hold nothing that YAML knows, and are no word that it takes for
// something else.
var (
	plain    = pattern.New(`^[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_.,/()-]+)*$`)
	reserved = pattern.New(`^(?i:true|false|yes|no|on|off|y|n|null|nan|inf)$`)
)

// appendYAML writes a value as YAML 1.2, indented by depth steps. Everything
// that isn't plain is written in JSON's way, which YAML reads too, or, for
// texts of several lines, as a block.
func appendYAML(b []byte, v any, depth int) []byte {
	switch v := v.(type) {
	case object:
		if len(v) == 0 {
			return append(b, " {}\n"...)
		}
		if depth > 0 {
			b = append(b, '\n')
		}
		for _, x := range v {
			b = appendMember(indent(b, depth), x, depth)
		}
		return b
	case []any:
		if len(v) == 0 {
			return append(b, " []\n"...)
		}
		b = append(b, '\n')
		for _, x := range v {
			b = append(indent(b, depth), '-')
			if o, ok := x.(object); ok && len(o) > 0 {
				// The first member stands on the dash's line.
				for i, y := range o {
					if i > 0 {
						b = indent(b, depth+1)
					} else {
						b = append(b, ' ')
					}
					b = appendMember(b, y, depth+1)
				}
				continue
			}
			b = appendYAML(b, x, depth+1)
		}
		return b
	case string:
		if lines := strings.TrimSuffix(v, "\n"); strings.Contains(lines, "\n") && blockable(lines) {
			b = append(b, " |"...)
			if lines == v {
				b = append(b, '-')
			}
			b = append(b, '\n')
			for line := range strings.SplitSeq(lines, "\n") {
				if line != "" {
					b = append(indent(b, depth), line...)
				}
				b = append(b, '\n')
			}
			return b
		}
		return append(append(append(b, ' '), scalar(v)...), '\n')
	}
	return append(appendJSON(append(b, ' '), v), '\n')
}

func appendMember(b []byte, x member, depth int) []byte {
	b = append(append(b, scalar(x.name)...), ':')
	return appendYAML(b, x.value, depth+1)
}

func indent(b []byte, depth int) []byte { return append(b, bytes.Repeat([]byte("  "), depth)...) }

func scalar(s string) []byte {
	if plain.MatchString(s) && !reserved.MatchString(s) {
		return []byte(s)
	}
	var b []byte
	for _, r := range string(appendJSON(nil, s)) {
		switch { // YAML forbids some characters that JSON lets pass
		case unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r <= 0xffff:
			b = fmt.Appendf(b, "\\u%04x", r)
		default:
			b = fmt.Appendf(b, "\\U%08x", r)
		}
	}
	return b
}

// blockable reports whether a block keeps a text as it is: its indentation is
// told by the first line, blanks at the ends of lines are easily lost, and
// control characters are not allowed.
func blockable(s string) bool {
	if s[0] == ' ' || s[0] == '\n' || strings.HasSuffix(s, "\n") {
		return false
	}
	for line := range strings.SplitSeq(s, "\n") {
		if strings.TrimRight(line, " ") != line {
			return false
		}
	}
	return strings.IndexFunc(s, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) < 0
}
