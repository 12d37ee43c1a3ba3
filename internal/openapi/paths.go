package openapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/headless-auth/headless/internal/api"
)

// draft is a document that is being made.
type draft struct {
	*Site
	schemas, responses, examples map[string]object
	flows                        []string
	used                         map[string]bool // tags
}

// each calls fn for every method of every mounted route.
func (s *Site) each(fn func(rt api.Route, method string, ep api.Endpoint) error) error {
	for _, rt := range s.Routes {
		if len(s.of(rt)) == 0 {
			continue
		}
		for _, method := range methods {
			if ep, ok := rt.Methods[method]; ok {
				if err := fn(rt, method, ep); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// methods, in the order in which they are listed.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// mountedFlows are the ids of the flows that can occur: those that a mounted
// route completes.
func (s *Site) mountedFlows() []string {
	var l []string
	_ = s.each(func(rt api.Route, method string, _ api.Endpoint) error {
		if id := operations()[method+" "+rt.URL()].Completes; id != "" && !slices.Contains(l, id) {
			l = append(l, id)
		}
		return nil
	})
	slices.Sort(l)
	return append(l, s.Stages...)
}

func (d *draft) paths() (object, error) {
	items := map[string]object{}
	var order []string
	err := d.each(func(rt api.Route, method string, ep api.Endpoint) error {
		key := method + " " + rt.URL()
		op, ok := operations()[key]
		if !ok {
			return fmt.Errorf("openapi: nothing is known of %s", key)
		}
		d.used[op.Tag] = true
		path, clients := d.Path+"/{client}"+rt.URL(), d.of(rt)
		if len(clients) == 1 {
			path = d.Path + "/" + string(clients[0]) + rt.URL()
		}
		described, err := d.operation(&op, rt, method, ep)
		if err != nil {
			return fmt.Errorf("openapi: %s: %w", key, err)
		}
		if items[path] == nil {
			order = append(order, path)
		}
		items[path] = append(items[path], member{strings.ToLower(method), described})
		return nil
	})
	var paths object
	for _, path := range order {
		paths = append(paths, member{path, items[path]})
	}
	return paths, err
}

// call is an operation as one site offers it.
type call struct {
	*operation
	method  string
	fields  []api.Field
	clients []api.Client
	ep      api.Endpoint
}

func (c *call) reads(field string) bool {
	return slices.ContainsFunc(c.fields, func(f api.Field) bool { return f.Name == field })
}

func (c *call) safe() bool { return c.method == http.MethodGet }

func (d *draft) operation(op *operation, rt api.Route, method string, ep api.Endpoint) (object, error) {
	c := &call{op, method, ep.Input, d.of(rt), ep}
	answers, err := d.answers(c)
	if err != nil {
		return nil, err
	}
	o := m("operationId", op.ID, "tags", list(op.Tag), "summary", op.Summary).
		with("description", op.Description).
		with("parameters", d.parameters(c))
	if !c.safe() && len(c.fields) > 0 || c.Form {
		body, err := d.body(c)
		if err != nil {
			return nil, err
		}
		o = o.with("requestBody", body)
	}
	o = o.with("responses", answers)
	if rt.Extension {
		o = o.with("x-extension", true)
	}
	if slices.Contains(d.flows, op.Completes) {
		o = o.with("x-flow", op.Completes)
	}
	return o, nil
}

func parameter(name string) object { return m("$ref", "#/components/parameters/"+name) }

func (d *draft) parameters(c *call) []any {
	var l []any
	if len(c.clients) > 1 {
		l = append(l, parameter("Client"))
	}
	if slices.Contains(c.clients, api.App) {
		l = append(l, parameter("SessionToken"))
	}
	if slices.Contains(c.clients, api.Browser) && !c.safe() && !c.Form {
		l = append(l, parameter("CSRFToken"))
	}
	for _, q := range c.Query {
		l = append(l, q)
	}
	if c.safe() {
		for _, f := range c.fields {
			if f.Header != "" {
				l = append(l, m("in", "header", "name", f.Header, "required", f.Required, "description", f.Description, "schema", text("")))
			}
		}
	}
	return l
}
