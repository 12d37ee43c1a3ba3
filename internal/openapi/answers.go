package openapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/headless-auth/headless/internal/api"
)

// answers describes what an operation answers.
func (d *draft) answers(c *call) (object, error) {
	answers := map[int]string{}
	if slices.Contains(c.clients, api.App) {
		answers[http.StatusGone] = "SessionGone"
	}
	if slices.Contains(c.clients, api.Browser) && !c.safe() {
		answers[http.StatusForbidden] = "Forbidden: The CSRF token is missing or not this session's."
	}
	if !c.safe() {
		answers[http.StatusConflict] = "Conflict: Another request was quicker. See where things are now."
	}
	if c.ep.Limit != "" {
		answers[http.StatusTooManyRequests] = "TooManyRequests"
	}
	errs := d.errors(c)
	if len(errs) > 0 || !c.safe() && !c.ep.NoBody {
		answers[http.StatusBadRequest] = "Error"
	}
	maps.Copy(answers, c.Answers)
	var o object
	for _, status := range slices.Sorted(maps.Keys(answers)) {
		r, err := d.answer(c, answers[status], errs)
		if err != nil {
			return nil, err
		}
		o = append(o, member{strconv.Itoa(status), r})
	}
	return append(o, member{"default", m("$ref", "#/components/responses/Failure")}), nil
}

// answer describes one answer: a response by name, or that with a description
// and examples of its own.
func (d *draft) answer(c *call, text string, errs []any) (object, error) {
	name, description, own := strings.Cut(text, ": ")
	shared, ok := d.responses[name]
	if !ok {
		return nil, fmt.Errorf("there is no response %q", name)
	}
	var examples object
	switch name {
	case "Error":
		for _, e := range errs {
			examples = append(examples, member{e.(string), example(e.(string))})
		}
	case "Authentication":
		examples = d.pendingExamples(c.Pending)
	}
	if !own && len(examples) == 0 {
		return m("$ref", "#/components/responses/"+name), nil
	}
	var o object
	for _, x := range shared {
		switch x.name {
		case "description":
			if own {
				x.value = description
			}
		case "content":
			if len(examples) > 0 {
				schema := x.value.(object).get("application/json").(object).get("schema")
				x.value = m("application/json", m("schema", schema, "examples", examples))
			}
		}
		o = append(o, x)
	}
	return o, nil
}

func example(name string) object { return m("$ref", "#/components/examples/"+name) }

// errors are the names of the examples of what may be wrong with an input, in
// the order of its fields.
func (d *draft) errors(c *call) []any {
	var l []any
	add := func(param string, code api.Code) {
		name := string(code)
		if param != "" {
			name = param + "." + name
		}
		if !slices.Contains(l, any(name)) {
			l = append(l, name)
			d.errorExample(name, param, code)
		}
	}
	further := c.further()
	for _, f := range c.fields {
		if f.Required || f.Name == c.Needed {
			add(f.Name, api.CodeRequired)
		}
		switch {
		case f.Invalid != "":
			add(f.Name, f.Invalid)
		case f.Kind == api.Text || f.Kind == api.Number:
			add(f.Name, api.CodeInvalid)
		}
		if len(f.Choices) > 0 {
			add(f.Name, "invalid_choice")
		}
		if f.MinLength > 1 {
			add(f.Name, api.CodeMinLength)
		}
		if f.MaxLength > 0 {
			add(f.Name, api.CodeMaxLength)
		}
		for _, e := range further {
			if e.Param == f.Name {
				add(e.Param, e.Code)
			}
		}
	}
	for _, e := range further {
		if e.Param == "" || !c.reads(e.Param) {
			add(e.Param, e.Code)
		}
	}
	return l
}

// further reads the errors that an operation's entry names.
func (c *call) further() (l []api.Item) {
	param, errs := "", c.Errors
	if slices.ContainsFunc(c.fields, func(f api.Field) bool { return !f.Required }) {
		errs += " " + c.Either
	}
	for e := range strings.FieldsSeq(errs) {
		if before, after, ok := strings.Cut(e, ":"); ok {
			param, e = before, after
		}
		code, field, conditional := strings.Cut(e, "?")
		if !conditional || c.reads(field) {
			l = append(l, api.Item{Param: param, Code: api.Code(code)})
		}
	}
	return l
}
