// Package redirect judges where a browser may be sent back to, reading targets
// as a browser would. spec: socialaccount.md §3.5; requirement REQ-4.
package redirect

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxLength bounds a target.
const maxLength = 2048

// dangerous are schemes that run or show what a stranger wrote.
var dangerous = []string{"javascript", "data", "vbscript", "blob", "file", "filesystem", "about", "view-source", "ws", "wss", "ftp", "intent", "content", "chrome", "mailto"}

// Targets are the places that a browser may be sent to: paths of the site
// itself, and the origins that were listed.
type Targets struct {
	allowed []origin
}

type origin struct{ scheme, host, port string }

// New returns the targets for a site at own and further origins, such as
// "https://spa.example.org", "http://localhost:3000" or, for native apps,
// "com.example.app:" and "myapp://auth". An error names what is wrong.
func New(own string, allowed []string) (*Targets, error) {
	t := &Targets{}
	for _, s := range slices.Concat([]string{own}, allowed) {
		o, err := parseOrigin(s)
		if err != nil {
			return nil, err
		}
		t.allowed = append(t.allowed, o)
	}
	return t, nil
}

func parseOrigin(s string) (o origin, err error) {
	u, ok := parse(s)
	if ok {
		o, ok = originOf(u)
	}
	if !ok || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" || strings.Contains(o.host, "*") {
		return o, fmt.Errorf(`%q is no origin; write "https://spa.example.org" or, for an app's own scheme, "com.example.app:"`, s)
	}
	if slices.Contains(dangerous, o.scheme) {
		return o, fmt.Errorf("%q is no scheme to send anybody to", o.scheme)
	}
	return o, nil
}

// parse reads an absolute URL of which every browser makes the same.
func parse(s string) (*url.URL, bool) {
	if s == "" || len(s) > maxLength || !utf8.ValidString(s) {
		return nil, false
	}
	// Browsers drop some of these and take a backslash for a slash.
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f || !unicode.IsPrint(r) }) {
		return nil, false
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil {
		return nil, false
	}
	if u.Scheme != "" {
		rest := s[len(u.Scheme)+1:]
		authority, found := strings.CutPrefix(rest, "//")
		if i := strings.IndexAny(authority, "/?#"); i >= 0 {
			authority = authority[:i]
		}
		web := u.Scheme == "http" || u.Scheme == "https"
		if found && strings.ContainsAny(authority, "@%") || web && (!found || authority == "") {
			return nil, false
		}
	}
	return u, true
}

// originOf is the canonical origin of an absolute URL. The host of u is made
// canonical as well.
func originOf(u *url.URL) (o origin, ok bool) {
	o = origin{strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()}
	if o.scheme == "" {
		return o, false
	}
	if o.scheme != "http" && o.scheme != "https" {
		return o, true
	}
	for i := 0; i < len(o.host); i++ {
		if o.host[i] >= utf8.RuneSelf {
			ascii, err := idna.Lookup.ToASCII(o.host)
			if err != nil {
				return o, false
			}
			o.host = ascii
			break
		}
	}
	o.port = strings.TrimLeft(o.port, "0")
	if o.scheme == "http" && o.port == "80" || o.scheme == "https" && o.port == "443" {
		o.port = ""
	}
	if strings.HasSuffix(u.Host, ":") {
		return o, false
	}
	host := o.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if o.port != "" {
		host += ":" + o.port
	}
	u.Host = host
	return o, o.host != ""
}

// Clean returns a target in a form that browsers agree upon, or false if it is
// none of the places that they may be sent to.
func (t *Targets) Clean(target string) (string, bool) {
	u, ok := parse(target)
	if !ok {
		return "", false
	}
	if u.Scheme == "" {
		// A path of our own. "//host" would be another site.
		if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || u.Host != "" {
			return "", false
		}
		return bounded(u.String())
	}
	o, ok := originOf(u)
	if !ok || !slices.Contains(t.allowed, o) {
		return "", false
	}
	return bounded(u.String())
}

// bounded is a clean target, unless escaping has made it too long, or another
// site of a path.
func bounded(s string) (string, bool) {
	if len(s) > maxLength || strings.HasPrefix(s, "//") {
		return "", false
	}
	return s, true
}

// With adds parameters to a target, in pairs of name and value, in place of
// those of the same name. Everything else stays as it is.
func With(target string, params ...string) string {
	rest, fragment, hash := strings.Cut(target, "#")
	path, query, _ := strings.Cut(rest, "?")
	var parts []string
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		replaced := false
		for i := 0; i < len(params); i += 2 {
			replaced = replaced || name == params[i]
		}
		if part != "" && !replaced {
			parts = append(parts, part)
		}
	}
	for i := 0; i+1 < len(params); i += 2 {
		parts = append(parts, url.QueryEscape(params[i])+"="+url.QueryEscape(params[i+1]))
	}
	s := path + "?" + strings.Join(parts, "&")
	if hash {
		s += "#" + fragment
	}
	return s
}
