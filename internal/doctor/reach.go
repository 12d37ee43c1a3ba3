package doctor

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	maxAnswer = 1 << 20
	// renewal is how long before its end a certificate should have been renewed.
	renewal = 14 * 24 * time.Hour
)

// reply is what came back, read to its end.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	tls     *tls.ConnectionState
	reached netip.Addr // whom we have called
}

// ask calls a URL, on a connection of its own, so that each call may reach
// another instance. Redirects are not followed.
func (e *exam) ask(ctx context.Context, method, target string, header http.Header) (*reply, error) {
	out := &reply{}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if a, err := netip.ParseAddrPort(c.Conn.RemoteAddr().String()); err == nil {
			out.reached = a.Addr().Unmap()
		}
	}})
	rq, err := http.NewRequestWithContext(ctx, method, target, http.NoBody)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		rq.Header[name] = values
	}
	rq.Close = true
	client := http.Client{Timeout: 10 * time.Second}
	if e.HTTP != nil {
		client = *e.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(rq)
	if err != nil {
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err // we say ourselves what was called
		}
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	out.status, out.header, out.tls = resp.StatusCode, resp.Header, resp.TLS
	out.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return out, err
}

// probe asks the running site what it sees of a call; nil, if something else
// has answered.
func (e *exam) probe(ctx context.Context, target string, header http.Header) (*answer, *reply, error) {
	h := http.Header{}
	if header != nil {
		h = header.Clone()
	}
	h.Set(Header, e.Ticket())
	// What a cache has of the page itself tells nothing.
	r, err := e.ask(ctx, http.MethodGet, target+"?probe="+rand.Text(), h)
	if err != nil {
		return nil, nil, err
	}
	a := &answer{}
	if r.status != http.StatusOK || json.Unmarshal(r.body, a) != nil || a.Instance == "" {
		return nil, r, nil
	}
	return a, r, nil
}

func (e *exam) base() string { return e.URL.Scheme + "://" + e.URL.Host }

// anyPath is a path of the API that every site has.
func (e *exam) anyPath() string {
	if e.Browser {
		return e.base() + e.Path + "/browser/v1/config"
	}
	return e.base() + e.Path + "/app/v1/config"
}

// reachability sees whether URL leads to this site.
func (e *exam) reachability(ctx context.Context) {
	if e.Offline || e.Ticket == nil {
		e.skip("nothing is called")
		return
	}
	before := e.Now()
	a, r, err := e.probe(ctx, e.anyPath(), nil)
	after := e.Now()
	switch {
	case err != nil:
		e.add(Problem, "what can't be reached from here may not be reachable for anybody; mails and providers lead there",
			"start the server, or mend DNS, firewall or certificate; with -offline nothing is called", "%s can't be reached: %v", e.anyPath(), err)
		return
	case a == nil && r.status >= 300 && r.status < 400:
		e.add(Problem, "links, cookies and origins follow from URL, and none of them fits where browsers end up",
			"set URL to where people see the site", "%s redirects to %s", e.anyPath(), r.header.Get("Location"))
		return
	case a == nil:
		e.add(Problem, "front ends that follow URL do not find the API; or the server there has another secret, so that links and cookies made by one are worth nothing to the other",
			"send "+e.Path+"/ of "+e.URL.Host+" to the server, unchanged, and give all instances the same Secret",
			"%s is not answered by a server with this configuration (status %d)", e.anyPath(), r.status)
		return
	}
	e.seen = a
	if off := a.Now.Sub(before.Add(after.Sub(before) / 2)).Abs(); off > skew {
		e.add(Problem, "codes, tokens and sessions expire by the clock", "synchronise the clocks, say with chrony", "the server's clock is off by %v from the one here", off.Round(time.Second))
	}
	if r.tls != nil && len(r.tls.PeerCertificates) > 0 {
		if end := r.tls.PeerCertificates[0].NotAfter; end.Sub(e.Now()) < renewal {
			e.add(Warning, "browsers refuse the site when it has expired", "renew the certificate, and see why that did not happen by itself",
				"the certificate of %s ends on %s", e.URL.Host, end.UTC().Format(time.DateOnly))
		}
	}
}

// The addresses that are made up: of networks that nobody has. RFC 5737.
const forgedHop, forgedHeader = "192.0.2.66", "198.51.100.77"

// clientAddress sees which address the site derives for us, and whether it
// believes what we make up.
func (e *exam) clientAddress(ctx context.Context) {
	if e.seen == nil {
		e.skip("the site was not reached")
		return
	}
	h := http.Header{"X-Forwarded-For": {forgedHop}}
	if e.IPHeader != "" {
		h.Set(e.IPHeader, forgedHeader)
	}
	a, r, err := e.probe(ctx, e.anyPath(), h)
	if err != nil || a == nil {
		e.skip("the site was reached once, and then no more")
		return
	}
	if e.IPHeader != "" {
		e.byHeader(a)
		return
	}
	e.byHops(a, r.reached)
}

const (
	spoofed = "anybody can be at whatever address they like, so that limits by address stop nobody and the audit log tells tales"
	shared  = "everybody is at the same address: limits by address hit all users at once, and the audit log tells nothing"
)

func (e *exam) byHeader(a *answer) {
	switch a.Address {
	case "":
		e.add(Problem, "every request is answered 403 client_ip_unknown", "let the proxy set "+e.IPHeader+" for every request, or leave ClientIPHeader empty",
			"ClientIPHeader is %s, and that header does not arrive", e.IPHeader)
	case forgedHeader:
		e.add(Problem, spoofed, "let the proxy set "+e.IPHeader+" itself, replacing what a client has sent", "the header %s arrives as the client has sent it", e.IPHeader)
	}
}

func (e *exam) byHops(a *answer, reached netip.Addr) {
	hops := slices.Clone(a.Forwarded)
	for i := range hops {
		hops[i] = strings.TrimSpace(hops[i])
	}
	proxies := len(hops)
	if proxies > 0 && hops[0] == forgedHop {
		proxies--
	}
	address, _ := netip.ParseAddr(a.Address)
	mend := fmt.Sprintf("set TrustedProxies to %d", proxies)
	switch {
	case a.Address == forgedHop:
		e.add(Problem, spoofed, mend, "TrustedProxies is %d, and %s to X-Forwarded-For: what a client makes up is believed", e.Proxies, appending(proxies))
	case proxies > e.Proxies:
		e.add(Problem, shared, mend, "TrustedProxies is %d, and %s to X-Forwarded-For: the client's address was taken to be %s, a proxy's", e.Proxies, appending(proxies), a.Address)
	case proxies < e.Proxies:
		e.add(Problem, shared, mend+"; or call the site through its proxies", "TrustedProxies is %d, and only %s to X-Forwarded-For: the client's address was taken to be %s", e.Proxies, appending(proxies), a.Address)
	case address.IsLoopback() && reached.IsValid() && !reached.IsLoopback():
		e.add(Problem, shared, "let the proxy append to X-Forwarded-For and set TrustedProxies to 1",
			"the client's address was taken to be %s, a proxy's on the server's own machine, which does not say for whom it calls", a.Address)
	case address.IsPrivate() && reached.IsValid() && !reached.IsLoopback() && !reached.IsPrivate():
		e.add(Warning, shared, "see that there is no proxy that does not append to X-Forwarded-For",
			"the client's address was taken to be %s, an internal one, while the site is at %s", a.Address, reached)
	}
}

func appending(proxies int) string {
	if proxies == 1 {
		return "1 proxy appends"
	}
	return fmt.Sprintf("%d proxies append", proxies)
}

// stranger is an origin that nobody trusts.
const stranger = "https://stranger.invalid"

// cors sees whether browsers let the pages of other origins call, and those of
// strangers not.
func (e *exam) cors(ctx context.Context) {
	if e.seen == nil || !e.Browser {
		e.skip("the site was not reached, or serves no browsers")
		return
	}
	preflight := func(origin string) (http.Header, bool) {
		r, err := e.ask(ctx, http.MethodOptions, e.base()+e.Path+"/browser/v1/auth/login", http.Header{
			"Origin": {origin}, "Access-Control-Request-Method": {http.MethodPost}, "Access-Control-Request-Headers": {"content-type,x-csrftoken"},
		})
		if err != nil {
			return nil, false
		}
		return r.header, r.status >= 200 && r.status < 300
	}
	if h, _ := preflight(stranger); h.Get("Access-Control-Allow-Origin") == stranger && h.Get("Access-Control-Allow-Credentials") == "true" {
		e.add(Problem, "any page can read the API's answers as the user who visits it", "answer with the origins of your front ends alone: CORSOrigins does; see docs/frontends-and-cookies.md",
			"CORS allows %s, which is nobody's, with credentials", stranger)
	}
	for _, o := range e.elsewhere(func(o *url.URL) bool { return e.trusts(o) && sameSite(e.URL, o) }) {
		origin := o.Scheme + "://" + o.Host
		h, ok := preflight(origin)
		const mend = "add it to CORSOrigins; see docs/frontends-and-cookies.md"
		const why = "browsers let its scripts neither send JSON nor read answers"
		switch allowed := strings.ToLower(h.Get("Access-Control-Allow-Headers")); {
		case !ok || h.Get("Access-Control-Allow-Origin") != origin:
			e.add(Problem, why, mend, "%s is a trusted origin, and CORS does not allow it", origin)
		case h.Get("Access-Control-Allow-Credentials") != "true":
			e.add(Problem, "browsers let its scripts read no answer to a request with cookies", mend, "CORS allows %s without credentials", origin)
		case !strings.Contains(allowed, "content-type") || !strings.Contains(allowed, "x-csrftoken"):
			e.add(Problem, why, mend, "CORS does not allow %s to send Content-Type and X-CSRFToken", origin)
		}
	}
}

// redirects tells what to register with providers, and sees whether it leads
// here.
func (e *exam) redirects(ctx context.Context) {
	for _, r := range e.Redirects {
		e.add(Note, "a provider sends people back to registered URIs only, compared letter by letter", "register it with the provider, as it stands",
			"redirect URI of %s: %s", r.Provider, r.URI)
		u, err := url.Parse(r.URI)
		if err != nil {
			continue
		}
		if u.Scheme == "http" && !loopback(u.Hostname()) {
			e.add(Problem, "providers refuse such URIs, and whoever is on the way can take the code", "serve the site over https",
				"the redirect URI of %s is without TLS: %s", r.Provider, r.URI)
		}
		if e.seen == nil {
			continue
		}
		if a, reply, err := e.probe(ctx, r.URI, nil); err != nil {
			e.add(Problem, "people who come back from the provider see an error", "see what is in the way", "%s can't be reached: %v", r.URI, err)
		} else if a == nil || a.Path != u.Path {
			e.add(Problem, "people who come back from the provider get lost", "mount Auth.Callbacks at Social.CallbackPath, and let the proxy pass that path on unchanged",
				"%s, where %s sends people back to, is answered by something else (status %d)", r.URI, r.Provider, reply.status)
		}
	}
}

// labels is how many names of related origins every browser that has them
// takes into account. WebAuthn Level 3 §5.11.
const labels = 5

// passkeys judges where passkeys can be used.
func (e *exam) passkeys(context.Context) {
	p := e.Passkeys
	if p == nil {
		return
	}
	id := strings.ToLower(p.RPID)
	const mend = "set MFA.RPID to your domain before the first passkey is made: changing it later voids them all"
	switch {
	case net.ParseIP(id) != nil:
		e.add(Problem, "browsers make passkeys for domains only; WebAuthn Level 3 §5.1.3", `use http://localhost for development: URL and MFA.RPID "localhost"`,
			"the RP id of passkeys is the address %s", p.RPID)
	case suffix(id):
		e.add(Problem, "browsers refuse it: strangers have sites there", mend, "the RP id %q is a public suffix", p.RPID)
	case loopback(id) && !loopback(e.URL.Hostname()):
		e.add(Problem, "passkeys belong to a domain, and this one is each user's own machine", mend, "the RP id is %q, and URL is %s", p.RPID, e.URL)
	}
	all := append(slices.Clone(p.Origins), p.Related...)
	for _, origin := range all {
		if u, err := url.Parse(origin); err == nil && net.ParseIP(u.Hostname()) != nil && net.ParseIP(id) == nil {
			e.add(Problem, "browsers have no passkeys at addresses", "use http://localhost in its place", "passkeys are to be used at %s", origin)
		}
	}
	has := func(u *url.URL) bool {
		return slices.ContainsFunc(all, func(o string) bool { return strings.EqualFold(o, u.Scheme+"://"+u.Host) })
	}
	for _, o := range e.elsewhere(func(o *url.URL) bool { return e.trusts(o) && !has(o) }) {
		e.add(Problem, "passkeys that are used there are refused", "add it to MFA.Origins if it is on "+p.RPID+" or below it, else to MFA.RelatedOrigins",
			"%s://%s is a front end, and passkeys can't be used there", o.Scheme, o.Host)
	}
	names := map[string]bool{}
	for _, origin := range p.Related {
		if u, err := url.Parse(origin); err == nil {
			name, _, _ := strings.Cut(registrable(strings.ToLower(u.Hostname())), ".")
			names[name] = true
		}
	}
	if len(names) > labels {
		e.add(Warning, "browsers may stop after five; WebAuthn Level 3 §5.11", "have fewer of them", "MFA.RelatedOrigins has %d different names", len(names))
	}
}

// wellKnown sees whether the documents that others look for are where they
// look.
func (e *exam) wellKnown(ctx context.Context) {
	if e.seen == nil {
		e.skip("the site was not reached")
		return
	}
	if p := e.Passkeys; p != nil && len(p.Related) > 0 {
		e.related(ctx, p)
	}
	if e.Keys == "" {
		return
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	target := e.base() + e.Keys
	const mend = "let the proxy pass that path on, without asking for a login"
	const why = "services that check access tokens do not find the keys, and refuse everybody"
	if r, err := e.ask(ctx, http.MethodGet, target, nil); err != nil {
		e.add(Problem, why, mend, "%s can't be read: %v", target, err)
	} else if r.status != http.StatusOK || json.Unmarshal(r.body, &set) != nil || len(set.Keys) == 0 {
		e.add(Problem, why, mend, "%s has no keys (status %d)", target, r.status)
	}
}

func (e *exam) related(ctx context.Context, p *Passkeys) {
	base := "https://" + p.RPID // where browsers look, whatever the site's port
	if loopback(e.URL.Hostname()) {
		base = e.base()
	}
	target := base + "/.well-known/webauthn"
	const mend = "mount Auth.WellKnown there, on the domain MFA.RPID itself"
	const why = "browsers refuse passkeys at related origins without it; WebAuthn Level 3 §5.11"
	var doc struct {
		Origins []string `json:"origins"`
	}
	r, err := e.ask(ctx, http.MethodGet, target, nil)
	switch {
	case err != nil:
		e.add(Problem, why, mend, "%s can't be read: %v", target, err)
	case r.status != http.StatusOK || json.Unmarshal(r.body, &doc) != nil:
		e.add(Problem, why, mend, "%s is no list of origins (status %d)", target, r.status)
	case !strings.HasPrefix(r.header.Get("Content-Type"), "application/json"):
		e.add(Problem, why, "serve it as application/json", "%s has the Content-Type %q", target, r.header.Get("Content-Type"))
	default:
		for _, origin := range p.Related {
			if !slices.Contains(doc.Origins, origin) {
				e.add(Problem, why, mend, "%s does not list %s", target, origin)
			}
		}
	}
}
