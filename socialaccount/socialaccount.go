// Package socialaccount logs people in through identity providers: browsers by
// redirect, apps by the tokens of the providers' own libraries. It links
// accounts there to users here, and makes new users of strangers.
//
// A host sets [Config] in the root package's, with providers of package
// providers or of its own, and mounts headless.Auth.Callbacks:
//
//	headless.Config{
//		Social: &socialaccount.Config{
//			Providers: []socialaccount.Provider{providers.GitHub(providers.Client{ID: …, Secret: …})},
//		},
//		…
//	}
//	mux.Handle("/accounts/", auth.Callbacks())
//
// Most providers are data: a providers.Spec. What is no OAuth at all implements
// [Redirector], [TokenVerifier] or both. [Social] and [Parts] are for the root
// package. docs/social.md tells how to begin. spec: socialaccount.md.
package socialaccount

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/outbound"
	"github.com/headless-auth/headless/internal/redirect"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store"
)

// Parts is what a [Social] is made of, handed in by the root package.
type Parts struct {
	Config   Config
	Account  *account.Account
	Sessions *sessions.Manager
	// Site is its scheme and host.
	Site string
	// ErrorPage tells of a login that can't be told of elsewhere; absolute.
	ErrorPage string
	// TrustedOrigins are further web origins of the site.
	TrustedOrigins []string
	// Secure: the site is served over https. Strict: its session cookie is not
	// sent with a request that another site leads to.
	Secure, Strict bool
	// LogsInOtherwise reports whether a user can log in without password and
	// provider.
	LogsInOtherwise func(ctx context.Context, rq *api.Request, u *store.User) (bool, error)
}

// Social serves this package's routes.
type Social struct {
	Parts
	targets   *redirect.Targets // where browsers may be sent in the end
	http      *http.Client      // calls providers
	providers []*entry
	refreshes locks
}

// entry is a provider with what it can do.
type entry struct {
	Info
	provider Provider
	redirect Redirector    // or nil
	verify   TokenVerifier // or nil
	logout   LogoutPartner // or nil
	prompt   *entry        // the way back of its script, or nil
}

// New returns a social part. The configuration has been judged.
func New(p Parts) (*Social, error) {
	s := &Social{Parts: p}
	allowed := slices.Clone(p.Config.CallbackURLs)
	for _, origin := range p.TrustedOrigins {
		// Wildcards trust whoever gets hold of a name below; enough to call,
		// not to be sent people.
		if _, err := redirect.New(p.Site, []string{origin}); err == nil {
			allowed = append(allowed, origin)
		}
	}
	var err error
	if s.targets, err = redirect.New(p.Site, allowed); err != nil {
		return nil, err
	}
	s.http, err = outbound.New(outbound.Options{
		Timeout: p.Config.Timeout, MaxBytes: p.Config.MaxAnswerBytes, Internal: p.Config.Internal, Transport: p.Config.Transport,
	})
	if err != nil {
		return nil, err
	}
	for _, provider := range p.Config.Providers {
		e := &entry{Info: provider.Info(), provider: provider}
		e.Kind = cmp.Or(e.Kind, e.ID)
		e.Path = p.Config.path(e.Info)
		e.redirect, _ = provider.(Redirector)
		e.verify, _ = provider.(TokenVerifier)
		e.logout, _ = provider.(LogoutPartner)
		if p, ok := provider.(Prompter); ok {
			own := *e
			own.Path, own.redirect = p.PromptPath(), prompted{p}
			e.prompt = &own
		}
		s.providers = append(s.providers, e)
	}
	return s, nil
}

// Routes is the table of this package's URLs.
func (s *Social) Routes() []api.Route {
	get, post, del := http.MethodGet, http.MethodPost, http.MethodDelete
	patience := s.Config.Timeout
	l := []api.Route{
		{Path: "/auth/provider/redirect", Client: api.Browser, Patience: patience, Astray: s.astray(processLogin), Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {Limit: "login", NoBody: true, Do: s.begin},
		}},
		{Path: "/auth/provider/token", Patience: patience, Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {Limit: "login", Input: tokenInput, Do: s.token},
		}},
		{Path: "/auth/provider/signup", Access: api.Anyone, Methods: map[string]api.Endpoint{
			get:  {Before: s.canSignUp, Do: s.pending},
			post: {Limit: "signup", Before: s.canSignUp, Input: s.Account.ProviderSignupInput(*s.Config.EmailRequired), Do: s.signUp},
		}},
		{Path: "/account/providers", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			get: {Do: s.connections},
			del: {Input: disconnectInput, Do: s.disconnect},
		}},
	}
	if slices.ContainsFunc(s.providers, func(e *entry) bool { return e.prompt != nil }) {
		l = append(l, api.Route{Path: "/auth/provider/prompt", Extension: true, Client: api.Browser, Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {Limit: "login", Input: promptInput, Do: s.prompt},
		}})
	}
	if slices.ContainsFunc(s.providers, func(e *entry) bool { return e.logout != nil }) {
		l = append(l, api.Route{Path: "/auth/provider/logout", Extension: true, Client: api.Browser, Patience: patience, Astray: s.astray(processLogout), Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {NoBody: true, Do: s.logOut},
		}})
	}
	return l
}

// object is what front ends are told of a provider. spec: socialaccount.md
// §2.1.
type object struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Flows        []string `json:"flows"`
	ClientID     string   `json:"client_id,omitempty"`
	DiscoveryURL string   `json:"openid_configuration_url,omitempty"`
}

func (e *entry) object() object {
	o := object{ID: e.ID, Name: e.Name, Flows: []string{}, DiscoveryURL: e.DiscoveryURL}
	if e.redirect != nil {
		o.Flows = append(o.Flows, flowRedirect)
	}
	if e.verify != nil {
		o.Flows = append(o.Flows, flowToken)
	}
	if len(e.ClientIDs) > 0 {
		o.ClientID = e.ClientIDs[0]
	}
	return o
}

// objectOf is that of a provider by its id, which may not be configured any
// more.
func (s *Social) objectOf(id string) object {
	if e := s.byID(id); e != nil {
		return e.object()
	}
	return object{ID: id, Name: id, Flows: []string{}}
}

func (s *Social) byID(id string) *entry {
	for _, e := range s.providers {
		if e.ID == id {
			return e
		}
	}
	return nil
}

// The flows of this package.
const (
	flowRedirect = "provider_redirect"
	flowToken    = "provider_token"
	flowSignup   = "provider_signup"
)

// offered reports whether a kind of client can use a provider.
func (e *entry) offered(client api.Client) bool {
	if client == api.Browser {
		return e.redirect != nil && !e.Hidden
	}
	return e.verify != nil
}

// Flows adds what the caller can do here. spec: socialaccount.md §2.3.
func (s *Social) Flows(_ context.Context, rq *api.Request, l *api.Flows) error {
	if rq.User != nil {
		return nil
	}
	var redirects, tokens []string
	for _, e := range s.providers {
		if !e.offered(rq.Client) {
			continue
		}
		if rq.Client == api.Browser {
			redirects = append(redirects, e.ID)
		}
		if e.verify != nil {
			tokens = append(tokens, e.ID)
		}
	}
	if len(redirects) > 0 {
		l.Put(api.Flow{ID: flowRedirect, Provs: redirects})
	}
	if len(tokens) > 0 {
		l.Put(api.Flow{ID: flowToken, Provs: tokens})
	}
	if p, ok := pendingSignup.get(rq); ok {
		l.Put(api.Flow{ID: flowSignup, Provider: s.objectOf(p.Provider), Pending: api.True()})
	}
	return nil
}

// ConfigData is this package's part of the config endpoint. Apps are told of
// each client id. spec: socialaccount.md §2.2.
func (s *Social) ConfigData(_ context.Context, rq *api.Request) any {
	l := []object{}
	for _, e := range s.providers {
		if !e.offered(rq.Client) {
			continue
		}
		o := e.object()
		if l = append(l, o); rq.Client == api.App {
			for _, id := range e.ClientIDs[min(1, len(e.ClientIDs)):] {
				o.ClientID = id
				l = append(l, o)
			}
		}
	}
	slices.SortStableFunc(l, func(a, b object) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return struct {
		Providers []object `json:"providers"`
	}{l}
}

// tools are what a provider works with.
func (s *Social) tools(e *entry, env *api.Env, now time.Time) Tools {
	client := s.http
	if env.Observe != nil {
		client = outbound.Observed(client, e.ID, env.Observe)
	}
	return Tools{
		HTTP: client, Now: now, Rand: env.Rand, QueryEmail: *s.Config.QueryEmail, KeepsTokens: s.Config.StoreTokens,
		UseOnce: func(ctx context.Context, key string, until time.Time) error {
			return env.Store.UseOnce(ctx, key, now, until)
		},
	}
}
