package csrf

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Origins says which web origins may send unsafe requests.
type Origins struct {
	own       string // scheme://host[:port] of the site itself
	https     bool
	exact     map[string]bool
	wildcards []wildcard
	std       *http.CrossOriginProtection
}

type wildcard struct{ scheme, suffix string }

// NewOrigins returns the rule for a site at own, with further trusted origins:
// "https://app.example.org" or "https://*.example.org". An error names what
// is wrong with which.
func NewOrigins(own string, trusted []string) (*Origins, error) {
	u, err := ParseOrigin(own)
	if err != nil {
		return nil, err
	}
	o := &Origins{own: u, https: strings.HasPrefix(u, "https://"), exact: map[string]bool{u: true}, std: http.NewCrossOriginProtection()}
	if err := o.std.AddTrustedOrigin(u); err != nil {
		return nil, err
	}
	for _, t := range trusted {
		if scheme, host, ok := strings.Cut(t, "://*."); ok {
			base, err := ParseOrigin(scheme + "://" + host)
			if err != nil || !strings.Contains(strings.TrimSuffix(host, "."), ".") {
				return nil, fmt.Errorf(`%q is no wildcard origin; write "https://*.example.org"`, t)
			}
			scheme, host, _ = strings.Cut(base, "://")
			o.wildcards = append(o.wildcards, wildcard{scheme, "." + host})
			continue
		}
		u, err := ParseOrigin(t)
		if err != nil {
			return nil, err
		}
		o.exact[u] = true
		if err := o.std.AddTrustedOrigin(u); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// ParseOrigin reads a web origin, and returns it as browsers write it.
func ParseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !named(u.Hostname()) || strings.Contains(u.Host, "*") || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf(`%q is no origin; write "https://app.example.org"`, s)
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	} else {
		host = strings.TrimSuffix(host, ":443")
	}
	return u.Scheme + "://" + host, nil
}

// named reports whether a host has a name without an empty label. RFC 1035 §2.3.1
// has none, and before the suffix of a wildcard it would pass for a sub-domain.
func named(host string) bool {
	return host != "" && !strings.HasPrefix(host, ".") && !strings.Contains(host, "..")
}

func (o *Origins) trusts(origin string) bool {
	if o.exact[origin] {
		return true
	}
	// Only what is an origin has a host that could be compared.
	clean, err := ParseOrigin(origin)
	if err != nil {
		return false
	}
	scheme, host, _ := strings.Cut(clean, "://")
	for _, w := range o.wildcards {
		if scheme == w.scheme && strings.HasSuffix(host, w.suffix) {
			return true
		}
	}
	return false
}

// Allows reports whether an unsafe request comes from a permitted origin: its
// Origin is the site's own or a trusted one; without Origin, the browser must
// not call it cross-site, and on an https site the Referer must be permitted.
func (o *Origins) Allows(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		if !o.trusts(origin) {
			return false
		}
		// The standard library knows no wildcards; ours has just matched.
		return !o.exact[origin] || o.std.Check(r) == nil
	}
	if o.std.Check(r) != nil {
		return false
	}
	if !o.https {
		return true
	}
	u, err := url.Parse(r.Referer())
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return false // browsers name no user there
	}
	ref, err := ParseOrigin(u.Scheme + "://" + u.Host)
	return err == nil && o.trusts(ref)
}

// Safe reports whether a method promises to change nothing.
func Safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}
