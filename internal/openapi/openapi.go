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
	"slices"
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

func (s *Site) introduction() (string, error) {
	t, err := template.New("").Parse(introductionText)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, struct {
		*Site
		Browser, App, Both, MFA bool
	}{s, s.serves(api.Browser), s.serves(api.App), len(s.Clients) == 2, s.has("/v1/auth/2fa/authenticate")})
	return b.String(), err
}
