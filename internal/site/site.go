// Package site knows where the host's site is: its address, the origins that
// it trusts and the pages of its front end, as configured, and never as a
// request says.
package site

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/headless-auth/headless/internal/csrf"
)

// Site is an address.
type Site struct {
	URL     *url.URL
	Origins *csrf.Origins
}

// Secure reports whether the site is served over https.
func (s Site) Secure() bool { return s.URL.Scheme == "https" }

// Base is its scheme and host.
func (s Site) Base() string { return s.URL.Scheme + "://" + s.URL.Host }

// New reads an address and the origins that may call the site from elsewhere.
// The Site of an address that is none has an empty URL.
func New(p *Problems, address string, trusted []string) Site {
	base, err := url.Parse(address)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" || strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.Fragment != "" || base.User != nil {
		p.Add("URL", fmt.Sprintf(`%q is no site; write "https://app.example.org"`, address))
		return Site{URL: &url.URL{}}
	}
	s := Site{URL: base}
	if s.Origins, err = csrf.NewOrigins(address, nil); err != nil {
		p.Add("URL", err.Error())
		return s
	}
	for i, t := range trusted {
		if _, err := csrf.NewOrigins(address, []string{t}); err != nil {
			p.Add(fmt.Sprintf("TrustedOrigins[%d]", i), err.Error())
		}
	}
	if all, err := csrf.NewOrigins(address, trusted); err == nil {
		s.Origins = all
	}
	return s
}

// Page is a page of the front end as it is configured.
type Page struct {
	// Field of Config.Frontend, and the page's URL or path.
	Field, Text string
	// Like is an example; it has {key} where the page must have it.
	Like     string
	Required bool
}

// Page makes a page absolute; "" for one that is not configured.
func (s Site) Page(p *Problems, page Page) string {
	field, text := "Frontend."+page.Field, page.Text
	if text == "" {
		if page.Required {
			p.Add(field, `is missing; write the page that mails link to, such as "/`+page.Like+`"`)
		}
		return ""
	}
	switch need, has := strings.Contains(page.Like, "{key}"), strings.Contains(text, "{key}"); {
	case has && !need:
		p.Add(field, "takes no {key}")
	case need && !has:
		p.Add(field, "must contain {key}")
	}
	ref, err := url.Parse(strings.ReplaceAll(text, "{key}", "KEY"))
	if err != nil || ref.Opaque != "" || ref.IsAbs() && (ref.Scheme != "https" && ref.Scheme != "http" || ref.Host == "") {
		p.Add(field, fmt.Sprintf(`%q is no page; write "https://app.example.org/%s" or a path`, text, page.Like))
		return ""
	}
	if ref.IsAbs() {
		return text
	}
	return s.Base() + "/" + strings.TrimLeft(text, "/")
}
