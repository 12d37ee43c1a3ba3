// Package outbound makes HTTP clients for calling strangers: bounded in time,
// size and redirects, and kept away from internal addresses.
// Requirement SOC-6.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Options bound a client.
type Options struct {
	// Timeout is for a call with all that belongs to it.
	Timeout time.Duration
	// MaxBytes of an answer.
	MaxBytes int64
	// Internal are the internal places that may be called, over http too:
	// addresses, networks ("10.1.0.0/16") and host names.
	Internal []string
	// Transport takes the place of our own, which guards addresses. It is
	// trusted to.
	Transport http.RoundTripper
}

// The ways in which a call is refused.
var (
	ErrInternal = errors.New("the address is internal")
	ErrInsecure = errors.New("the URL is not https")
	ErrTooLarge = errors.New("the answer is too large")
	ErrRedirect = errors.New("the answer is a redirect that is not followed")
)

const (
	maxRedirects = 3
	maxHeader    = 64 << 10
)

// guard knows the internal places that may be called.
type guard struct {
	networks []netip.Prefix
	names    []string
}

// New returns a client. An error names what is wrong with Internal.
func New(o Options) (*http.Client, error) {
	g := &guard{}
	for _, s := range o.Internal {
		if p, err := netip.ParsePrefix(s); err == nil {
			g.networks = append(g.networks, p.Masked())
		} else if a, err := netip.ParseAddr(s); err == nil {
			g.networks = append(g.networks, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		} else if s == "" || strings.ContainsAny(s, "/:*@ ") {
			return nil, fmt.Errorf(`%q is no internal place; write "127.0.0.1", "10.1.0.0/16" or "id.internal"`, s)
		} else {
			g.names = append(g.names, strings.ToLower(s))
		}
	}
	transport := o.Transport
	if transport == nil {
		transport = &http.Transport{
			DialContext: g.dial, ForceAttemptHTTP2: true, MaxIdleConns: 100, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second,
			TLSHandshakeTimeout: o.Timeout, ResponseHeaderTimeout: o.Timeout, MaxResponseHeaderBytes: maxHeader,
		}
	}
	return &http.Client{
		Transport: &bounded{transport, g, o.MaxBytes}, Timeout: o.Timeout, CheckRedirect: follow,
	}, nil
}

// follow lets a GET be redirected within the same origin. Anywhere else our
// secrets have no business.
func follow(rq *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > maxRedirects || first.Method != http.MethodGet || rq.URL.Scheme != first.URL.Scheme || !strings.EqualFold(rq.URL.Host, first.URL.Host) {
		return ErrRedirect
	}
	return nil
}

// bounded limits what comes back.
type bounded struct {
	next http.RoundTripper
	g    *guard
	most int64
}

// RoundTrip implements [http.RoundTripper].
func (b *bounded) RoundTrip(rq *http.Request) (*http.Response, error) {
	if !b.g.secure(rq.URL) {
		return nil, ErrInsecure
	}
	resp, err := b.next.RoundTrip(rq)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength > b.most {
		_ = resp.Body.Close()
		return nil, ErrTooLarge
	}
	resp.Body = &body{resp.Body, b.most}
	return resp, nil
}

type body struct {
	io.ReadCloser
	left int64
}

// Read implements [io.Reader]; it fails where an answer goes on too long.
func (b *body) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n + int(b.left), ErrTooLarge
	}
	return n, err
}

// secure reports whether a URL is https, or that of an internal place.
func (g *guard) secure(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && g.named(u.Hostname())
}

// named reports whether a host is listed, by name or as an address.
func (g *guard) named(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return g.listed(a.Unmap())
	}
	return slices.Contains(g.names, strings.ToLower(host))
}

func (g *guard) listed(a netip.Addr) bool {
	return slices.ContainsFunc(g.networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// dial connects, and looks at the address once more when it is final: a name
// may lead to another one from one moment to the next.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	d := &net.Dialer{Timeout: 5 * time.Second}
	if !g.named(host) {
		d.Control = g.control
	}
	return d.DialContext(ctx, network, address)
}

func (g *guard) control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if ip := a.Addr().Unmap(); !Public(ip) && !g.listed(ip) {
		return ErrInternal
	}
	return nil
}

// reserved are networks that are not the public internet, besides those that
// package netip knows. IANA's special-purpose registries; RFC 6890.
var reserved = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
)

func prefixes(l ...string) (p []netip.Prefix) {
	for _, s := range l {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

// Public reports whether an address is one of the public internet.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(a) })
}
