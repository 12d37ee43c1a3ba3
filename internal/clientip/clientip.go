// Package clientip tells a request's client address, believing proxies only as
// far as configured. spec: core.md §9.1.
package clientip

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Resolver tells client addresses. The zero Resolver uses the peer's.
type Resolver struct {
	// Header, if set, is the only source: a proxy in front always sets it.
	Header string
	// Proxies is the number of proxies in front, each of which appends the
	// address it was called from to X-Forwarded-For.
	Proxies int
}

// ErrUnknown reports that the address can't be told.
var ErrUnknown = errors.New("client address can't be determined")

// Resolve returns the canonical client address. ErrUnknown.
func (c Resolver) Resolve(r *http.Request) (netip.Addr, error) {
	if c.Header != "" {
		return parse(r.Header.Get(c.Header))
	}
	if c.Proxies > 0 {
		hops := Hops(r)
		// Fewer hops than proxies: the request came around them, and what it
		// says of itself is worth nothing.
		if len(hops) >= c.Proxies {
			return parse(hops[len(hops)-c.Proxies])
		}
	}
	return parse(r.RemoteAddr)
}

// Hops are what proxies say, or a client has made up, in X-Forwarded-For.
func Hops(r *http.Request) (hops []string) {
	for _, h := range r.Header.Values("X-Forwarded-For") {
		hops = append(hops, strings.Split(h, ",")...)
	}
	return hops
}

// A zone (RFC 4007 §11) is the name of a network interface. The standard library
// takes any text for one, and addresses end up in mails and logs.
const (
	maxZone     = 32
	zoneLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
)

func parse(s string) (netip.Addr, error) {
	s = strings.TrimSpace(s)
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil || len(a.Zone()) > maxZone || strings.Trim(a.Zone(), zoneLetters) != "" {
		return netip.Addr{}, ErrUnknown
	}
	return a.Unmap(), nil
}

// Group is the text under which limits count an address: IPv6 clients usually
// own a whole /64, so all of it counts as one.
func Group(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
