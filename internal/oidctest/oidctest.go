// Package oidctest is an OpenID Connect provider for examples and tests. It
// speaks the protocol in full, over HTTP, and believes whoever signs in to be
// who they say they are.
//
//	srv := httptest.NewUnstartedServer(nil)
//	id := oidctest.New(oidctest.Options{Issuer: "http://" + srv.Listener.Addr().String(), Clients: …})
//	srv.Config.Handler = id
package oidctest

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options are what a [Provider] is made of.
type Options struct {
	// Issuer is the provider's URL, without a slash at its end.
	Issuer string
	// Name is shown to people. Default "Example ID".
	Name string
	// Clients are who may send people here.
	Clients []Client
	// Now is the clock. Default [time.Now].
	Now func() time.Time
	// ChangeClaims, if set, may change what an ID token says before it is
	// signed, so that tests see what becomes of a wrong one.
	ChangeClaims func(claims map[string]any)
}

// Client is a site that is registered here.
type Client struct {
	ID, Secret string
	// RedirectURIs are compared exactly.
	RedirectURIs []string
}

// Person is somebody who signs in.
type Person struct {
	// Subject never changes. The sign-in page makes it from the address.
	Subject string
	Email   string
	// EmailVerified is what the provider says of Email.
	EmailVerified bool
	Name          string
}

const (
	codeLifetime  = time.Minute
	tokenLifetime = 10 * time.Minute
)

// Provider is an OpenID Connect provider. It is an [http.Handler] and safe for
// use by several goroutines.
type Provider struct {
	Options
	mux *http.ServeMux

	mu     sync.Mutex
	keys   []signingKey     // the first one signs; nil: there is none yet
	codes  map[string]grant // each is taken once
	tokens map[string]grant
}

// grant is what somebody has agreed to.
type grant struct {
	person      Person
	client      string
	redirectURI string
	scopes      []string
	nonce       string
	challenge   string
	at          time.Time
}

// New returns a provider. It makes its first signing key when it needs one.
func New(o Options) *Provider {
	o.Name = cmp.Or(o.Name, "Example ID")
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Provider{Options: o, mux: http.NewServeMux(), codes: map[string]grant{}, tokens: map[string]grant{}}
	p.mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	p.mux.HandleFunc("GET /jwks.json", p.jwks)
	p.mux.HandleFunc("GET /authorize", p.ask)
	p.mux.HandleFunc("POST /authorize", p.answer)
	p.mux.HandleFunc("POST /token", p.token)
	p.mux.HandleFunc("GET /userinfo", p.userinfo)
	return p
}

// ServeHTTP implements [http.Handler].
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	p.mux.ServeHTTP(w, r)
}

// Rotate begins to sign with a new key. The one before stays published, so
// that what it has signed can still be verified.
func (p *Provider) Rotate() {
	key := newSigningKey()
	p.published()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = []signingKey{key, p.keys[0]}
}

// published are the keys that are good, that which signs first.
func (p *Provider) published() []signingKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys == nil {
		p.keys = []signingKey{newSigningKey()}
	}
	return p.keys
}

// IDToken returns an ID token about a person for a client, such as an app gets
// from the provider's own library.
func (p *Provider) IDToken(client string, who Person) (string, error) {
	return p.sign(grant{person: who, client: client, at: p.Now()}, "")
}

// Credential is an IDToken as the provider's script for web pages gets it: it
// has the page's nonce.
func (p *Provider) Credential(client, nonce string, who Person) (string, error) {
	return p.sign(grant{person: who, client: client, nonce: nonce, at: p.Now()}, "")
}

func (p *Provider) client(id string) (Client, bool) {
	i := slices.IndexFunc(p.Clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		return Client{}, false
	}
	return p.Clients[i], true
}

// keep keeps a grant under a random name. What has expired goes.
func (p *Provider) keep(in map[string]grant, g grant, lifetime time.Duration) (name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, old := range in {
		if p.Now().Sub(old.at) > lifetime {
			delete(in, k)
		}
	}
	name = rand.Text()
	in[name] = g
	return name
}
