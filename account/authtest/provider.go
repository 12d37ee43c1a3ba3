package authtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/headless-auth/headless/internal/oidctest"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

// Paths of a [Provider], for [Provider.Lie].
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/jwks.json"
	TokenPath     = "/token"
	UserInfoPath  = "/userinfo"
)

// Provider is an OpenID Connect provider in this process, that tells the truth
// until it is told otherwise. Give it to [New].
type Provider struct {
	// ID is how the API calls it.
	ID string
	// URL is its issuer. Nothing but a site made with it reaches it there.
	URL string

	client oidctest.Client

	mu    sync.Mutex
	oidc  *oidctest.Provider
	lies  map[string]func(answer M)
	fails map[string]int
	seen  map[string]int
}

// Identity is somebody as a [Provider] knows them.
type Identity struct {
	// Subject is who they are, for ever.
	Subject string
	Email   string
	// EmailVerified is what the provider says of Email.
	EmailVerified bool
	Name          string
}

// NewProvider returns a provider with an id such as "example".
func NewProvider(id string) *Provider {
	p := &Provider{ID: id, URL: "https://" + id + ".test", lies: map[string]func(M){}, fails: map[string]int{}, seen: map[string]int{}}
	p.client = oidctest.Client{ID: "authtest", Secret: "authtest-secret"}
	p.oidc = oidctest.New(oidctest.Options{Issuer: p.URL, Name: id, Clients: []oidctest.Client{p.client}})
	return p
}

// config is the provider as a site knows it.
func (p *Provider) config() socialaccount.Provider {
	return providers.OpenIDConnect(providers.Client{
		ID: p.client.ID, Secret: p.client.Secret, ProviderID: p.ID, Name: p.ID, Settings: map[string]string{"server_url": p.URL},
	})
}

// Claims changes what ID tokens say before they are signed; nil changes
// nothing. A claim that is deleted is missing.
func (p *Provider) Claims(change func(claims M)) { p.oidc.ChangeClaims = change }

// Lie changes the answers of a path, such as [UserInfoPath]; nil ends that. With
// the keys of [KeysPath] deleted, for example, every signature is wrong.
func (p *Provider) Lie(path string, change func(answer M)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lies[path] = change
}

// Fail answers a path with nothing but a status from now on; 0 ends that.
func (p *Provider) Fail(path string, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fails[path] = status
}

// Rotate begins to sign with a new key.
func (p *Provider) Rotate() { p.oidc.Rotate() }

// Seen is how many requests there were for a path.
func (p *Provider) Seen(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[path]
}

// IDToken is an ID token about somebody, such as an app gets from a provider's
// own library.
func (p *Provider) IDToken(who Identity) (string, error) {
	return p.oidc.IDToken(p.client.ID, oidctest.Person(who))
}

// Consent takes the URL that a site has sent a browser to, signs somebody in,
// and returns where the browser is sent back to.
func (p *Provider) Consent(location string, who Identity) (string, error) {
	u, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(location, p.URL+"/authorize?") {
		return "", errors.Join(fmt.Errorf("authtest: %q is no authorization request to %s", location, p.URL), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	// Whoever sends people here is registered.
	if to := u.Query().Get("redirect_uri"); !slices.Contains(p.oidc.Clients[0].RedirectURIs, to) {
		p.oidc.Clients[0].RedirectURIs = append(p.oidc.Clients[0].RedirectURIs, to)
	}
	back, err := p.oidc.Consent(location, oidctest.Person(who))
	if err != nil {
		return "", fmt.Errorf("authtest: %w", err)
	}
	return back.String(), nil
}

// ServeHTTP implements [http.Handler].
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.seen[r.URL.Path]++
	lie, status := p.lies[r.URL.Path], p.fails[r.URL.Path]
	p.mu.Unlock()
	switch {
	case status != 0:
		w.WriteHeader(status)
	case lie == nil:
		p.oidc.ServeHTTP(w, r)
	default:
		truth := httptest.NewRecorder()
		p.oidc.ServeHTTP(truth, r)
		body, answer := truth.Body.Bytes(), M{}
		if json.NewDecoder(bytes.NewReader(body)).Decode(&answer) == nil {
			lie(answer)
			body, _ = json.Marshal(answer) // it came from JSON
		}
		maps.Copy(w.Header(), truth.Header())
		w.WriteHeader(truth.Code)
		_, _ = w.Write(body) // the client may be gone
	}
}

// transport reaches providers in this process, and nobody else but by next.
type transport struct {
	providers []*Provider
	next      http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (tr transport) RoundTrip(rq *http.Request) (*http.Response, error) {
	for _, p := range tr.providers {
		if rq.URL.Scheme+"://"+rq.URL.Host == p.URL {
			return handled{p}.RoundTrip(rq)
		}
	}
	if tr.next == nil {
		return nil, fmt.Errorf("authtest: a test calls nobody outside, and %s is none of its providers", rq.URL.Host)
	}
	return tr.next.RoundTrip(rq)
}
