// Package openapi describes a site's API as an OpenAPI document, and serves
// it: for programs as JSON and YAML, for people as a page.
//
// The document is made from the routes that the site has mounted, with the
// inputs they declare. What routes don't tell is in the table of operations;
// what bodies look like, in schemas.go and responses.go. spec:
// config-openapi.md §2.
package openapi

import (
	_ "embed"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/headless-auth/headless/internal/api"
)

// Site is what a document tells of a site.
type Site struct {
	// Title and Description, in Markdown, are the host's own words.
	Title, Description string
	// URL is where the site is reached, Path where its API is below that.
	URL, Path string
	// Clients are the kinds of front ends served.
	Clients []api.Client
	// Routes are what is mounted for them.
	Routes []api.Route

	// IntegerIDs: ids are numbers. Usernames: users have one.
	IntegerIDs, Usernames bool
	// UserFields are what the host adds to what is told of users.
	UserFields []api.Field
	// Stages are the flows of the host's own.
	Stages []string
	// SessionCookie, CSRFCookie and CSRFHeader are the names that browsers use.
	SessionCookie, CSRFCookie, CSRFHeader string
	// AccessTokens: apps get some. Scheme is the one of the Authorization
	// header in which the API takes them, if it does.
	AccessTokens bool
	Scheme       string
}

// serves reports whether a kind of front end is served.
func (s *Site) serves(c api.Client) bool { return slices.Contains(s.Clients, c) }

// has reports whether a URL below a client's prefix is mounted.
func (s *Site) has(url string) bool {
	return slices.ContainsFunc(s.Routes, func(rt api.Route) bool { return rt.URL() == url && len(s.of(rt)) > 0 })
}

// of are the front ends that a route is mounted for.
func (s *Site) of(rt api.Route) []api.Client {
	if rt.Client == "" {
		return s.Clients
	}
	if s.serves(rt.Client) {
		return []api.Client{rt.Client}
	}
	return nil
}

// Document is a description of an API.
type Document struct{ root object }

// JSON returns the document as JSON.
func (d *Document) JSON() []byte { return append(appendJSON(nil, d.root), '\n') }

// YAML returns the document as YAML.
func (d *Document) YAML() []byte { return appendYAML(nil, d.root, 0) }

// New describes a site. It fails for routes that the table of operations does
// not know.
func New(s Site) (*Document, error) {
	d := &draft{Site: &s, schemas: map[string]object{}, examples: map[string]object{}, used: map[string]bool{}}
	d.flows = d.mountedFlows()
	d.describeSchemas()
	d.describeExamples()
	d.responses = d.describeResponses()
	paths, err := d.paths()
	if err != nil {
		return nil, err
	}
	var names, groups []any
	var last string
	for _, t := range tags {
		if !d.used[t.name] {
			continue
		}
		names = append(names, m("name", t.name, "description", t.description))
		if t.group != last {
			groups = append(groups, m("name", t.group, "tags", list[string]()))
		}
		last = t.group
		g := groups[len(groups)-1].(object)
		g[1].value = append(g[1].value.([]any), t.name)
	}
	introduction, err := s.introduction()
	if err != nil {
		return nil, err
	}
	return &Document{m(
		"openapi", "3.0.3",
		"info", m("title", s.Title, "version", "1", "description", introduction),
		"servers", list(m("url", s.URL)),
		"tags", names,
		"x-tagGroups", groups,
		"paths", paths,
		"components", d.components(paths),
	)}, nil
}

//go:embed introduction.md
var introductionText string

var introductionTemplate = template.Must(template.New("").Parse(introductionText))

func (s *Site) introduction() (string, error) {
	var b strings.Builder
	err := introductionTemplate.Execute(&b, struct {
		*Site
		Browser, App, Both, MFA bool
	}{s, s.serves(api.Browser), s.serves(api.App), len(s.Clients) == 2, s.has("/v1/auth/2fa/authenticate")})
	return b.String(), err
}

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
		if id := operations[method+" "+rt.URL()].Completes; id != "" && !slices.Contains(l, id) {
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
		op, ok := operations[key]
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
	if !c.safe() && len(c.fields) > 0 {
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

// schemasOf are the schemas of fields by name.
var schemasOf = map[string]string{
	"email": "Email", "email2": "Email", "username": "Username", "phone": "Phone",
	"password": "Password", "current_password": "Password", "new_password": "Password",
	"code": "Code", "refresh_token": "RefreshToken",
	"id": "AuthenticatorID", "authenticators": "AuthenticatorIDs", "credential": "WebAuthnCredential",
	"provider": "ProviderID", "account": "ProviderAccountID", "process": "Process", "token": "ProviderTokens",
}

// field describes an input.
func (d *draft) field(c *call, f *api.Field) (property, error) {
	name := c.Fields[f.Name]
	if name == "" {
		name = schemasOf[f.Name]
	}
	var schema object
	switch {
	case f.Type != "":
		schema = hostField(f)
	case name != "":
		schema = m("allOf", list(ref(name)))
	case f.Kind == api.Bool && f.Required:
		schema = one(true)
	case f.Kind == api.Bool:
		schema = m("type", "boolean")
	case f.Kind == api.Text:
		schema = m("type", "string")
	default:
		return property{}, fmt.Errorf("nothing is known of the field %q", f.Name)
	}
	schema = schema.with("minLength", f.MinLength).with("maxLength", f.MaxLength).with("description", f.Description)
	return property{f.Name, schema, !f.Required && f.Name != c.Needed}, nil
}

// hostField describes a field of the host's own by its type.
func hostField(f *api.Field) object {
	switch f.Type {
	case "boolean":
		if f.Required && f.Kind == api.Bool {
			return one(true) // an input, such as consent
		}
		fallthrough
	case "integer", "number":
		return m("type", f.Type)
	case "string":
		return m("type", "string").with("enum", list(f.Choices...))
	}
	return m("type", "string", "format", f.Type).with("enum", list(f.Choices...))
}

func (d *draft) body(c *call) (object, error) {
	schema, err := d.bodySchema(c)
	if err != nil {
		return nil, err
	}
	if known, ok := d.schemas[c.Body]; ok && !reflect.DeepEqual(known, schema) {
		return nil, fmt.Errorf("another body is called %s", c.Body)
	}
	d.schemas[c.Body] = schema
	required := c.Needed != "" || c.Either != "" || slices.ContainsFunc(c.fields, func(f api.Field) bool { return f.Required })
	kind := "application/json"
	if c.Form {
		kind = "application/x-www-form-urlencoded"
	}
	return m("required", required, "content", m(kind, m("schema", ref(c.Body)))), nil
}

func (d *draft) bodySchema(c *call) (object, error) {
	var all, either, password []property
	for i := range c.fields {
		p, err := d.field(c, &c.fields[i])
		if err != nil {
			return nil, err
		}
		switch {
		case c.Either != "" && p.optional:
			either = append(either, p)
		case c.Base != "" && p.name == "password":
			password = append(password, p)
		default:
			all = append(all, p)
		}
	}
	own := record("", all...)
	switch {
	case len(either) > 0:
		var choices []any
		for _, p := range either {
			p.optional = false
			choices = append(choices, append(m("title", "By "+p.name), record("", p)...))
		}
		if len(all) == 0 {
			return m("anyOf", choices), nil
		}
		return m("allOf", list[any](own, m("anyOf", choices))), nil
	case c.Base != "":
		// Signing up through an identity provider may ask for other fields.
		if base, ok := d.schemas[c.Base]; ok && !reflect.DeepEqual(base, own) {
			return record("", append(all, password...)...), nil
		}
		d.schemas[c.Base] = own
		parts := list(ref(c.Base))
		if len(password) > 0 {
			parts = append(parts, record("", password...))
		}
		return m("allOf", parts), nil
	}
	return own, nil
}

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

// components are what the paths refer to, and what that refers to, by name.
func (d *draft) components(paths object) object {
	kinds := []struct {
		name string
		all  map[string]object
	}{{"schemas", d.schemas}, {"responses", d.responses}, {"parameters", d.describeParameters()}, {"examples", d.examples}}
	reached := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case object:
			for _, x := range v {
				if x.name != "$ref" {
					walk(x.value)
					continue
				}
				path := x.value.(string)
				if reached[path] {
					continue
				}
				reached[path] = true
				for _, k := range kinds {
					if name, ok := strings.CutPrefix(path, "#/components/"+k.name+"/"); ok {
						walk(k.all[name])
					}
				}
			}
		}
	}
	walk(paths)
	var o object
	for _, k := range kinds {
		var all object
		for _, name := range slices.Sorted(maps.Keys(k.all)) {
			if reached["#/components/"+k.name+"/"+name] {
				all = append(all, member{name, k.all[name]})
			}
		}
		o = o.with(k.name, all)
	}
	return o
}

func (d *draft) describeParameters() map[string]object {
	return map[string]object{
		"Client": m("in", "path", "name", "client", "required", true,
			"description", "The kind of front end.", "schema", m("type", "string", "enum", list("app", "browser"))),
		"SessionToken": m("in", "header", "name", "X-Session-Token", "required", false,
			"description", "The session token of an app. Browsers have a cookie.", "schema", text("")),
		"CSRFToken": m("in", "header", "name", d.CSRFHeader, "required", false,
			"description", "For browsers: the value of the cookie `"+d.CSRFCookie+"`. Apps have none.", "schema", text("")),
	}
}
