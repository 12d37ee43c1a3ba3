package doctor

import (
	"context"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// site judges the site's own address and that of its pages.
func (e *exam) site(context.Context) {
	if e.URL.Scheme == "http" && !loopback(e.URL.Hostname()) {
		e.add(Problem, "everybody on the way can read passwords and cookies, and cookies are not Secure",
			`serve the site over https and set URL to "https://`+e.URL.Host+`"`,
			"URL is %s, without TLS", e.URL)
	}
	for _, setting := range slices.Sorted(maps.Keys(e.Pages)) {
		u, err := url.Parse(e.Pages[setting])
		if err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
			e.add(Problem, "mails link there, with keys that let whoever reads them into the account",
				"serve the page over https, and say so in "+setting, "%s is at http://%s, without TLS", setting, u.Host)
		}
	}
}

// cookies judges whether browsers keep the cookies, and to whom they send them.
func (e *exam) cookies(context.Context) {
	if !e.Browser {
		return
	}
	host, c := strings.ToLower(e.URL.Hostname()), e.Cookies
	domain := strings.ToLower(strings.TrimPrefix(c.Domain, "."))
	const dropped = "browsers drop such cookies, so nobody stays logged in"
	switch {
	case domain == "":
	case net.ParseIP(host) != nil || net.ParseIP(domain) != nil:
		e.add(Problem, dropped+" (RFC 6265 §5.1.3: an address has no parent)", "leave Session.CookieDomain empty",
			"Session.CookieDomain is %q, and URL is at an IP address", c.Domain)
	case suffix(domain) && domain != host:
		e.add(Problem, "strangers have sites below it, so "+dropped, "write the domain that is yours, or leave Session.CookieDomain empty",
			"Session.CookieDomain %q is a public suffix", c.Domain)
	case !within(host, domain):
		e.add(Problem, dropped, "set Session.CookieDomain to a domain that "+host+" is in, or leave it empty",
			"Session.CookieDomain is %q, and URL is at %s, which is not in it", c.Domain, host)
	case len(e.elsewhere(func(o *url.URL) bool { return within(o.Hostname(), domain) })) == 0 && len(e.Apps) == 0:
		e.add(Warning, "every host below "+domain+" gets the session, and can set it, for nothing",
			"leave Session.CookieDomain empty", "Session.CookieDomain is %q, and no front end is on another host there", c.Domain)
	}
	if c.Insecure && e.URL.Scheme == "https" {
		e.add(Problem, "the cookies are sent over http as well, where anybody on the way can read them",
			"leave out Session.InsecureCookies", "Session.InsecureCookies is on, and URL is https")
	}
	for setting, name := range map[string]string{"Session.CookieName": c.Session, "Session.CSRFCookieName": c.CSRF} {
		secure := e.URL.Scheme == "https" && !c.Insecure
		switch {
		case strings.HasPrefix(name, "__Host-") && (domain != "" || !secure):
			e.add(Problem, dropped, "rename it, or use it with https and without Session.CookieDomain",
				"%s is %q, which browsers take only if it is Secure and has no domain", setting, name)
		case strings.HasPrefix(name, "__Secure-") && !secure:
			e.add(Problem, dropped, "rename it, or use it with https", "%s is %q, which browsers take only if it is Secure", setting, name)
		}
	}
}

// origins judges each origin that front ends come from against the site's.
func (e *exam) origins(context.Context) {
	for _, o := range e.TrustedOrigins {
		e.trusted(o)
	}
	if !e.Browser {
		return
	}
	domain := strings.ToLower(strings.TrimPrefix(e.Cookies.Domain, "."))
	for _, app := range e.Apps {
		u, err := url.Parse(strings.ToLower(app))
		if err != nil || u.Hostname() == strings.ToLower(e.URL.Hostname()) || domain != "" && within(u.Hostname(), domain) {
			continue
		}
		e.add(Problem, "browsers send no session cookie there, so everybody is sent to log in, again and again",
			"set Session.CookieDomain to a domain that both are in; an app on another site can't be had in this way",
			"the app at %s (ForwardAuth.Apps) is not in the cookie's domain", app)
	}
	for _, o := range e.elsewhere(func(*url.URL) bool { return true }) {
		origin := o.Scheme + "://" + o.Host
		if !e.trusts(o) {
			e.add(Warning, "if the page calls the API with cookies, its unsafe requests are answered 403 csrf_failed",
				"add "+origin+" to TrustedOrigins, if it is a front end that calls the API as a browser",
				"there is a page at %s, which is not a trusted origin", origin)
			continue // it may just be a page that mails link to
		}
		switch {
		case !sameSite(e.URL, o) && e.Cookies.SameSite != "none":
			e.add(Problem, "browsers send "+e.Cookies.SameSite+" cookies to their own site only, so nobody logs in from there; and no script there can read the CSRF cookie",
				"let "+o.Host+" pass "+e.Path+"/ on to the API and make it URL, or use the routes for apps there: docs/frontends-and-cookies.md",
				"the front end %s and the API %s://%s are two sites", origin, e.URL.Scheme, e.URL.Host)
		case !sameSite(e.URL, o):
			e.add(Problem, "no script there can read the CSRF cookie, and browsers block cookies of other sites more and more",
				"let "+o.Host+" pass "+e.Path+"/ on to the API and make it URL, or use the routes for apps there: docs/frontends-and-cookies.md",
				"the front end %s and the API %s://%s are two sites; CookieSameSite \"none\" does not make them one", origin, e.URL.Scheme, e.URL.Host)
		case o.Hostname() != e.URL.Hostname() && (domain == "" || !within(o.Hostname(), domain)):
			e.add(Problem, "scripts at "+origin+" can't read the CSRF cookie "+e.Cookies.CSRF+", so their unsafe requests are answered 403",
				"set Session.CookieDomain to a domain that both are in, such as "+registrable(e.URL.Hostname()),
				"the front end is at %s, the API at %s, and Session.CookieDomain does not span both", o.Hostname(), e.URL.Hostname())
		}
	}
}

// trusted judges one origin that may act with cookies.
func (e *exam) trusted(origin string) {
	scheme, host, _ := strings.Cut(strings.ToLower(origin), "://")
	below, wild := strings.CutPrefix(host, "*.")
	name, _, _ := strings.Cut(below, ":")
	switch {
	case wild && suffix(name):
		e.add(Problem, "anybody can have a site below "+below+" and act for users of yours from there",
			"write the hosts out that are yours", "TrustedOrigins has %q, below a public suffix", origin)
	case scheme == "http" && e.URL.Scheme == "https" && !loopback(name):
		e.add(Problem, "whoever is on the way can put a script into a page without TLS, and act for its user",
			"serve that front end over https", "TrustedOrigins has %q, without TLS", origin)
	case scheme == "http" && e.URL.Scheme == "https":
		e.add(Warning, "whatever runs on a user's own machine can act for them", "leave it out in production",
			"TrustedOrigins has %q, which is for development", origin)
	case wild:
		e.add(Warning, "every host below "+below+", also one that is taken over or given to customers, can act for users",
			"write the hosts out", "TrustedOrigins has the wildcard %q", origin)
	}
}

// trusts reports whether an origin is listed.
func (e *exam) trusts(o *url.URL) bool {
	return slices.ContainsFunc(e.TrustedOrigins, func(t string) bool {
		scheme, host, _ := strings.Cut(strings.ToLower(strings.TrimRight(t, "/")), "://")
		if below, wild := strings.CutPrefix(host, "*"); wild {
			return o.Scheme == scheme && strings.HasSuffix(o.Host, below)
		}
		return o.Scheme == scheme && o.Host == host
	})
}

// elsewhere lists the web origins of front ends that are not the site's own,
// without wildcards.
func (e *exam) elsewhere(want func(*url.URL) bool) (l []*url.URL) {
	seen := map[string]bool{e.URL.Scheme + "://" + strings.ToLower(e.URL.Host): true}
	for _, text := range append(slices.Clone(e.TrustedOrigins), slices.Sorted(maps.Values(e.Pages))...) {
		u, err := url.Parse(strings.ToLower(text))
		if err != nil || u.Host == "" || strings.Contains(u.Host, "*") || seen[u.Scheme+"://"+u.Host] {
			continue
		}
		seen[u.Scheme+"://"+u.Host] = true
		if want(u) {
			l = append(l, u)
		}
	}
	return l
}

// within reports whether a host is a domain or below it.
func within(host, domain string) bool {
	return host == domain || net.ParseIP(host) == nil && strings.HasSuffix(host, "."+domain)
}

// suffix reports whether strangers can have names below a domain.
func suffix(domain string) bool {
	if net.ParseIP(domain) != nil || domain == "localhost" {
		return false
	}
	s, _ := publicsuffix.PublicSuffix(domain)
	return s == domain
}

// registrable is the domain that somebody has registered; the host itself
// where there is none, such as for an address.
func registrable(host string) string {
	if net.ParseIP(host) == nil {
		if d, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
			return d
		}
	}
	return host
}

// sameSite reports whether browsers take two origins for one site: same scheme
// and registrable domain.
func sameSite(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && registrable(strings.ToLower(a.Hostname())) == registrable(strings.ToLower(b.Hostname()))
}
