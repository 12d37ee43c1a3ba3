package providers

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/headless-auth/headless/internal/pattern"
)

// placeholder is what stands in braces in a template, such as {GITLAB_URL} or
// {token.user_id}.
var placeholder = pattern.New(`\{([A-Za-z_][^{}]*)\}`)

// missingError reports that a template's placeholder has no value.
type missingError struct{ name string }

func (e *missingError) Error() string { return fmt.Sprintf("there is no %s", e.name) }

// lookup finds the value of a placeholder; "" means that there is none.
type lookup func(name string) string

// expand fills the placeholders of a text.
func expand(template string, value lookup) (string, error) {
	return fill(template, value, func(v, _ string) string { return v })
}

// expandURL fills the placeholders of a URL, each escaped for the place where
// it stands. Only up to the host's end values are taken as they are.
func expandURL(template string, value lookup) (string, error) {
	return fill(template, value, func(v, before string) string {
		_, rest, found := strings.Cut(before, "://")
		switch {
		case strings.Contains(before, "?"):
			return url.QueryEscape(v)
		case !found && before != "" || strings.Contains(rest, "/"):
			return url.PathEscape(v)
		}
		return v
	})
}

func fill(template string, value lookup, escape func(v, before string) string) (string, error) {
	if !strings.Contains(template, "{") {
		return template, nil
	}
	var b strings.Builder
	last := 0
	for _, m := range placeholder.Regexp().FindAllStringSubmatchIndex(template, -1) {
		b.WriteString(template[last:m[0]])
		name := template[m[2]:m[3]]
		v := value(name)
		if v == "" {
			return "", &missingError{name}
		}
		b.WriteString(escape(v, b.String()))
		last = m[1]
	}
	b.WriteString(template[last:])
	return b.String(), nil
}

// names lists the placeholders of a template.
func names(template string) (l []string) {
	for _, m := range placeholder.Regexp().FindAllStringSubmatch(template, -1) {
		l = append(l, m[1])
	}
	return l
}
