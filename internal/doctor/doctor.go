// Package doctor examines a site that is configured, and perhaps running: what
// is wrong with it that no type and no unit test can see, because it lies
// between cookies, domains, proxies, providers and servers.
//
// [Examine] takes plain [Facts] and gives a [Report]. The root package collects
// the facts. [Probe] is how a running site says what arrives there.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Facts are what is known of a site. What is nil or empty is unknown, or does
// not apply, and is passed over.
type Facts struct {
	// URL is where the site is reached; Path is where the API is below it.
	URL  *url.URL
	Path string
	// Browser and App are the kinds of clients served.
	Browser, App bool
	// Pages are the front end's, absolute, by the setting that names them.
	Pages map[string]string
	// TrustedOrigins may have wildcards. Apps are those that a proxy asks for.
	TrustedOrigins, Apps []string
	Cookies              Cookies

	// Proxies and IPHeader say where the client's address is taken from.
	Proxies  int
	IPHeader string

	// Redirects are where identity providers send browsers back to.
	Redirects []Redirect
	Passkeys  *Passkeys
	// Keys is the path of the published keys, "" if there are none.
	Keys string

	Mail  *Mail
	Store Store

	Settings Settings
	Tokens   *Tokens

	// Replicas is how many instances run; 0 is unknown.
	Replicas int

	// Ticket makes the value of [Header] that a running site answers with what
	// it sees.
	Ticket func() string
	// HTTP calls the site through its URL. Offline: nothing is called.
	HTTP    *http.Client
	Offline bool
	// Resolver looks up the sender's domain.
	Resolver Resolver
	Now      func() time.Time
}

// Cookies are the session and the CSRF cookie.
type Cookies struct {
	Session, CSRF    string
	Domain, SameSite string
	// Insecure leaves out Secure on an https site.
	Insecure bool
}

// Redirect is where a provider sends browsers back to.
type Redirect struct{ Provider, URI string }

// Passkeys are a relying party's.
type Passkeys struct {
	RPID             string
	Origins, Related []string
}

// Resolver looks names up, as [net.Resolver] does.
type Resolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Severity says how bad a finding is.
type Severity string

// The severities, worst first.
const (
	// Problem: something does not work, or is not safe.
	Problem Severity = "problem"
	// Warning: it works, and may not be what was meant, or may not last.
	Warning Severity = "warning"
	// Note: to know, or to do elsewhere.
	Note Severity = "note"
)

var order = []Severity{Problem, Warning, Note}

// Finding is one thing that was found.
type Finding struct {
	// Check is the examination that found it, such as "cookies".
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	// What is the case, Why it matters, and how to Mend it.
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
	Mend string `json:"mend,omitempty"`
}

// Skip is an examination, or a part of one, that could not be made.
type Skip struct {
	Check string `json:"check"`
	Why   string `json:"why"`
}

// Report is what an examination has found, the worst first.
type Report struct {
	Findings []Finding `json:"findings"`
	// Checked are the examinations that were made, Skipped those that were not.
	Checked []string `json:"checked"`
	Skipped []Skip   `json:"skipped"`
}

// Count returns how many findings there are of a severity.
func (r *Report) Count(s Severity) (n int) {
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Healthy reports whether there is no problem.
func (r *Report) Healthy() bool { return r.Count(Problem) == 0 }

// exam is one examination of a site.
type exam struct {
	Facts
	check  string
	report *Report
	seen   *answer // of the running site, nil if it was not reached
}

// checks are the examinations, in order: what is seen early is used later.
var checks = []struct {
	name string
	do   func(e *exam, ctx context.Context)
}{
	{"site", (*exam).site},
	{"cookies", (*exam).cookies},
	{"origins", (*exam).origins},
	{"reachability", (*exam).reachability},
	{"cors", (*exam).cors},
	{"client-address", (*exam).clientAddress},
	{"redirect-uris", (*exam).redirects},
	{"passkeys", (*exam).passkeys},
	{"well-known", (*exam).wellKnown},
	{"mail", (*exam).mail},
	{"mail-domain", (*exam).mailDomain},
	{"clock", (*exam).clocks},
	{"migrations", (*exam).migrations},
	{"outbox", (*exam).outbox},
	{"replicas", (*exam).replicas},
	{"secret", (*exam).secret},
	{"tokens", (*exam).tokens},
	{"settings", (*exam).settings},
}

// patience bounds each examination.
const patience = 30 * time.Second

// Examine makes all examinations.
func Examine(ctx context.Context, f Facts) *Report {
	e := &exam{Facts: f, report: &Report{Findings: []Finding{}, Skipped: []Skip{}}}
	if e.Now == nil {
		e.Now = time.Now
	}
	for _, c := range checks {
		e.check = c.name
		own, cancel := context.WithTimeout(ctx, patience)
		c.do(e, own)
		cancel()
		if !slices.ContainsFunc(e.report.Skipped, func(s Skip) bool { return s.Check == c.name }) {
			e.report.Checked = append(e.report.Checked, c.name)
		}
	}
	slices.SortStableFunc(e.report.Findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(order, a.Severity), slices.Index(order, b.Severity))
	})
	return e.report
}

// add notes a finding. what may have verbs for args.
func (e *exam) add(s Severity, why, mend, what string, args ...any) {
	e.report.Findings = append(e.report.Findings, Finding{e.check, s, fmt.Sprintf(what, args...), why, mend})
}

func (e *exam) skip(why string) {
	e.report.Skipped = append(e.report.Skipped, Skip{e.check, why})
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
