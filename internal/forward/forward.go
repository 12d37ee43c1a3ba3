// Package forward answers proxies that ask, for each request to an app behind
// them, who is calling: nginx by auth_request, Traefik by forwardAuth, Caddy by
// forward_auth.
package forward

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/csrf"
	"github.com/headless-auth/headless/internal/redirect"
)

// What a proxy is told of the user, and of where to send a browser.
const (
	UserHeader     = "X-Auth-User"
	EmailHeader    = "X-Auth-Email"
	NameHeader     = "X-Auth-Name"
	RedirectHeader = "X-Auth-Redirect"
)

// Options say how apps are treated.
type Options struct {
	// Site is the site's own origin, Trusted are further front ends, Apps the
	// origins of the apps.
	Site          string
	Trusted, Apps []string
	// LoginPage is absolute and has {next}, perhaps {reason}. "": browsers are
	// not sent anywhere.
	LoginPage string
	// AppsCheckCSRF: they see to it themselves that unsafe requests are meant.
	AppsCheckCSRF bool
	// Require refuses callers.
	Require func(*api.Request) error
}

// Problems returns what is wrong with options, by field.
func (o Options) Problems() map[string]string {
	p := map[string]string{}
	for i, app := range o.Apps {
		if _, err := csrf.NewOrigins(app, nil); err != nil {
			p[fmt.Sprintf("Apps[%d]", i)] = err.Error()
		} else if _, err := redirect.New(app, nil); err != nil {
			p[fmt.Sprintf("Apps[%d]", i)] = err.Error()
		}
	}
	if o.LoginPage == "" {
		return p
	}
	u, err := url.Parse(o.loginPage("x", "x"))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || !strings.Contains(o.LoginPage, "{next}") {
		p["LoginPage"] = fmt.Sprintf(`%q is no page with {next}; write "/login?next={next}"`, o.LoginPage)
	}
	return p
}

func (o Options) loginPage(next, reason string) string {
	return strings.NewReplacer("{next}", url.QueryEscape(next), "{reason}", url.QueryEscape(reason)).Replace(o.LoginPage)
}

// Handler answers a proxy.
type Handler struct {
	Options
	env     *api.Env
	origins *csrf.Origins
	targets *redirect.Targets
}

// New returns a handler. An error names the origin that is none.
func New(env *api.Env, o Options) (*Handler, error) {
	h := &Handler{Options: o, env: env}
	var err error
	// Wildcards may act, but nobody is sent there.
	if h.targets, err = redirect.New(o.Site, slices.Concat(o.Apps, slices.DeleteFunc(slices.Clone(o.Trusted), wild))); err != nil {
		return nil, err
	}
	if h.origins, err = csrf.NewOrigins(o.Site, slices.Concat(o.Trusted, o.Apps)); err != nil {
		return nil, err
	}
	return h, nil
}

func wild(origin string) bool { return strings.Contains(origin, "*") }

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if name := lookalike(r.Header); name != "" {
		http.Error(w, "the header "+plain(name)+" may be taken for one of ours", http.StatusForbidden)
		return
	}
	method, known := original(r)
	judged := r.Clone(r.Context())
	judged.Body = http.NoBody // it is the proxy's, and has none
	if judged.Method = method; h.AppsCheckCSRF {
		judged.Method, known = http.MethodGet, true
	}
	rq, err := h.env.Caller(w, judged, h.origins, h.Require)
	if err != nil {
		h.refuse(w, judged, rq, err)
		return
	}
	if !known && rq.Client == api.Browser {
		// Else a proxy that forgets to say would let every forged request pass.
		http.Error(w, "the proxy does not tell the request's method in X-Original-Method or X-Forwarded-Method", http.StatusForbidden)
		return
	}
	if rq.Client == api.Browser && !h.AppsCheckCSRF && socketOfStranger(r, h.origins) {
		http.Error(w, "pages of that origin may open no web socket", http.StatusForbidden)
		return
	}
	if err := h.vouch(w.Header(), rq); err != nil {
		rq.Refuse(w, judged, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// lookalike is the name of a header that an app may take for one of ours: those
// that get them as CGI does can't tell X_Auth_User from X-Auth-User, and not all
// proxies keep it away. RFC 3875 §4.1.18.
func lookalike(h http.Header) string {
	for name := range h {
		dashed := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
				return r
			}
			return '-'
		}, name)
		for _, own := range []string{UserHeader, EmailHeader, NameHeader} {
			if name != own && strings.EqualFold(dashed, own) {
				return name
			}
		}
	}
	return ""
}

// socketOfStranger reports whether a browser opens a web socket for another
// site's page. It is a GET, but whoever has opened it can do anything with it,
// and reads the answers. RFC 6455 §10.2.
func socketOfStranger(r *http.Request, origins *csrf.Origins) bool {
	return r.Header.Get("Sec-WebSocket-Version") != "" && r.Header.Get("Origin") != "" && !origins.Allows(r)
}

// original is the method of the request that the proxy asks about. Of several
// that are named, an unsafe one counts.
func original(r *http.Request) (method string, known bool) {
	named := append(slices.Clone(r.Header.Values("X-Original-Method")), r.Header.Values("X-Forwarded-Method")...)
	for _, m := range append(named, r.Method) {
		if !csrf.Safe(m) {
			return m, true
		}
	}
	return http.MethodGet, len(named) > 0
}

// vouch says who the user is.
func (h *Handler) vouch(header http.Header, rq *api.Request) error {
	ctx, cancel := context.WithTimeout(api.NewContext(rq.HTTP.Context(), rq), h.env.Timeout)
	defer cancel()
	l, err := rq.Store().EmailsOf(ctx, rq.User.ID)
	if err != nil {
		return err
	}
	header.Set(UserHeader, plain(rq.User.ID))
	header.Set(NameHeader, plain(h.env.Display(ctx, rq.User)))
	for _, e := range l {
		if e.Primary && e.Verified {
			header.Set(EmailHeader, plain(e.Email))
		}
	}
	return nil
}

// plain makes a header's value of any text: whatever is not printable ASCII,
// and the percent sign, is percent-encoded. RFC 9110 §5.5; RFC 3986 §2.1.
func plain(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// refuse answers 401, 403 or 5xx, all that nginx understands; a browser that is
// on its way to a page is sent to log in.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, rq *api.Request, err error) {
	var e *api.Error
	if errors.As(err, &e) && e.Status == http.StatusGone {
		e = api.Unauthenticated() // the dead token of an app
		err = e
	}
	if e == nil || e.Status != http.StatusUnauthorized || h.LoginPage == "" || rq.Client != api.Browser || !navigates(r) {
		rq.Refuse(w, r, err)
		return
	}
	page := h.loginPage(h.wayBack(r), reason(e))
	if r.Header.Get("X-Original-Method") != "" { // nginx understands no redirect
		w.Header().Set(RedirectHeader, page)
		rq.Refuse(w, r, err)
		return
	}
	w.Header().Set("Location", page)
	w.WriteHeader(http.StatusFound)
}

// navigates reports whether a browser wants a page rather than data.
func navigates(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// wayBack is where the browser was going, if that is one of our places.
func (h *Handler) wayBack(r *http.Request) string {
	if target, ok := h.targets.Clean(wanted(r)); ok {
		return target
	}
	return h.Site + "/"
}

// reason is what is missing.
func reason(e *api.Error) string {
	if len(e.Items) > 0 {
		return string(e.Items[0].Code)
	}
	return "login"
}

// wanted is the URL that the browser asked for, as the proxy says.
func wanted(r *http.Request) string {
	if u := r.Header.Get("X-Original-URL"); u != "" {
		return u
	}
	path := r.Header.Get("X-Forwarded-Uri")
	if !strings.HasPrefix(path, "/") {
		path = "/"
	}
	return r.Header.Get("X-Forwarded-Proto") + "://" + r.Header.Get("X-Forwarded-Host") + path
}
