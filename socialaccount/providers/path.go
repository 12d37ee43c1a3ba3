package providers

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A path says where in a JSON document something is: member names joined by
// dots, [0] for the n-th element of an array, and ['…'] for a name that itself
// has dots or brackets: "data.emails[0]['@value']". Alternatives stand
// between "|"; the first that is filled counts. An alternative with braces is
// a text made of paths, "{first_name} {last_name}", and counts only if each of
// them is filled. In braces a path may be followed by filters:
//
//	:lower  in lower case
//	:local  what stands before the "@"
//	:base   what stands behind the last "/"
//	:first  what stands before the first space
//	:rest   what stands behind it
//
// An alternative "$NAME" is the path that the setting NAME holds.
type path struct{ alternatives []alternative }

type alternative struct {
	text  []string // before, between and behind the parts
	parts []part
}

type part struct {
	steps   []any // string or int
	filters []string
}

var filters = map[string]func(string) string{
	"lower": strings.ToLower,
	"local": func(s string) string { s, _, _ = strings.Cut(s, "@"); return s },
	"base": func(s string) string {
		s = strings.TrimRight(s, "/")
		return s[strings.LastIndexByte(s, '/')+1:]
	},
	"first": func(s string) string { s, _, _ = strings.Cut(strings.TrimSpace(s), " "); return s },
	"rest":  func(s string) string { _, s, _ = strings.Cut(strings.TrimSpace(s), " "); return strings.TrimSpace(s) },
}

// parsePath reads a path; setting resolves "$NAME".
func parsePath(s string, setting lookup) (p path, err error) {
	if s == "" {
		return p, nil
	}
	for _, a := range splitOutside(s, '|') {
		a = strings.TrimSpace(a)
		if name, ok := strings.CutPrefix(a, "$"); ok {
			a = setting(name)
		}
		alt, err := parseAlternative(a)
		if err != nil {
			return p, fmt.Errorf("%q is no path: %w", s, err)
		}
		p.alternatives = append(p.alternatives, alt)
	}
	return p, nil
}

func parseAlternative(s string) (a alternative, err error) {
	if !strings.Contains(s, "{") {
		p, err := parsePart(s)
		return alternative{text: []string{"", ""}, parts: []part{p}}, err
	}
	for {
		before, rest, ok := strings.Cut(s, "{")
		a.text = append(a.text, before)
		if !ok {
			return a, nil
		}
		inside, behind, ok := cutOutside(rest, '}')
		if !ok {
			return a, fmt.Errorf("a brace is not closed")
		}
		l := splitOutside(inside, ':')
		p, err := parsePart(l[0])
		if err != nil {
			return a, err
		}
		for _, f := range l[1:] {
			if filters[f] == nil {
				return a, fmt.Errorf("%q is no filter", f)
			}
		}
		p.filters = l[1:]
		a.parts = append(a.parts, p)
		s = behind
	}
}

func parsePart(s string) (p part, err error) {
	whole := s
	if s == "." { // the document itself
		return p, nil
	}
	for s != "" {
		switch {
		case strings.HasPrefix(s, "['"):
			name, rest, ok := strings.Cut(s[2:], "']")
			if !ok {
				return p, fmt.Errorf("a bracket is not closed")
			}
			p.steps, s = append(p.steps, name), rest
		case s[0] == '[':
			number, rest, ok := strings.Cut(s[1:], "]")
			n, err := strconv.Atoi(number)
			if !ok || err != nil || n < 0 {
				return p, fmt.Errorf("%q is no index", number)
			}
			p.steps, s = append(p.steps, n), rest
		default:
			end := strings.IndexAny(s, ".[")
			if end < 0 {
				end = len(s)
			}
			if end == 0 {
				return p, fmt.Errorf("a name is missing")
			}
			p.steps, s = append(p.steps, s[:end]), s[end:]
		}
		if s, err = strings.TrimPrefix(s, "."), nil; s == "" && strings.HasSuffix(whole, ".") {
			return p, fmt.Errorf("a name is missing")
		}
	}
	if len(p.steps) == 0 {
		return p, fmt.Errorf("a name is missing")
	}
	return p, nil
}

// splitOutside splits at sep, but not within ['…'].
func splitOutside(s string, sep byte) (l []string) {
	for {
		part, rest, ok := cutOutside(s, sep)
		l = append(l, part)
		if !ok {
			return l
		}
		s = rest
	}
}

func cutOutside(s string, sep byte) (before, behind string, ok bool) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case !quoted && strings.HasPrefix(s[i:], "['"):
			quoted = true
		case quoted && strings.HasPrefix(s[i:], "']"):
			quoted = false
		case !quoted && s[i] == sep:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// value returns what is at the path, nil for nothing. Texts made of several
// parts are not values.
func (p path) value(doc any) any {
	for _, a := range p.alternatives {
		if len(a.parts) == 1 && len(a.text[0]) == 0 {
			if v := a.parts[0].value(doc); v != nil {
				return v
			}
		}
	}
	return nil
}

// text returns the first alternative that is filled, or "".
func (p path) text(doc any) string {
	for _, a := range p.alternatives {
		if s := strings.TrimSpace(a.fill(doc)); s != "" {
			return s
		}
	}
	return ""
}

// id is text for what tells people apart: as the provider has it, blanks and
// all, and nothing that many have alike, such as a flag.
func (p path) id(doc any) string {
	for _, a := range p.alternatives {
		if s := a.join(doc, idOf); s != "" {
			return s
		}
	}
	return ""
}

func idOf(v any) string {
	s := textOf(v)
	if _, flag := v.(bool); flag || strings.TrimSpace(s) == "" {
		return ""
	}
	return s
}

func (a alternative) fill(doc any) string {
	return a.join(doc, func(v any) string { return strings.TrimSpace(textOf(v)) })
}

// join makes one text of the parts, "" if one of them is missing.
func (a alternative) join(doc any, text func(any) string) string {
	var b strings.Builder
	for i, p := range a.parts {
		s := text(p.value(doc))
		for _, f := range p.filters {
			s = filters[f](s)
		}
		if s == "" {
			return ""
		}
		b.WriteString(a.text[i])
		b.WriteString(s)
	}
	b.WriteString(a.text[len(a.parts)])
	return b.String()
}

func (p part) value(doc any) any {
	for _, step := range p.steps {
		switch step := step.(type) {
		case string:
			m, _ := doc.(map[string]any)
			doc = m[step]
		case int:
			l, _ := doc.([]any)
			if step >= len(l) {
				return nil
			}
			doc = l[step]
		}
	}
	return doc
}

// textOf is a JSON value as text. Integers are written exactly: ids may be
// larger than what a float holds.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		s := v.String()
		if !strings.ContainsAny(s, ".eE") {
			return s
		}
		if f, err := v.Float64(); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return strconv.FormatInt(int64(f), 10)
		}
		return s
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// isTrue reads a flag strictly: JSON true. Requirement SOC-4.
func isTrue(v any) bool {
	b, _ := v.(bool)
	return b
}

// child returns a member of a document that is an object.
func child(doc any, name string) any {
	m, _ := doc.(map[string]any)
	return m[name]
}
