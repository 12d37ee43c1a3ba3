// Package headless adds accounts to a Go web application: signing up, email
// verification, logging in and out, passwords, sessions, for single-page and
// mobile front ends alike. It speaks the wire contract of django-allauth's
// headless API, so that front ends written for it work unchanged.
//
// # Mounting
//
// Make a [Config], call [New] and mount what it returns:
//
//	auth, err := headless.New(headless.Config{ … })
//	mux.Handle("/_allauth/", auth.Handler())
//	mux.Handle("/me", auth.RequireUser(me))
//	go auth.Run(ctx)
//
// The handler serves browser/v1/… for clients with cookies and app/v1/… for
// clients with an X-Session-Token header. Behind [Auth.RequireUser], [User]
// tells who is calling. With identity providers in Config.Social, the place
// that they send browsers back to is mounted as well:
//
//	mux.Handle("/accounts/", auth.Callbacks())
//
// # What it consists of
//
// This package wires the others, and is the only one that a host has to call.
// The settings of each are fields of [Config]:
//
//   - package account: signing up, logging in, verifying, passwords; hooks,
//     events, mails
//   - package sessions: how long a client stays recognised, and its cookies
//   - package mfa: TOTP, recovery codes, security keys, passkeys
//   - package socialaccount, with socialaccount/providers: logging in through
//     identity providers
//   - package tokens, with tokens/verify: signed access tokens for other
//     services
//   - package store: what is kept, and sqlite, postgres, redis and memory, which
//     keep it
//
// Whoever imports this package gets no database driver and no mail client along:
// those are the host's choice.
//
// # Protecting routes
//
// [Auth.Load] finds out who is calling, [Auth.RequireUser] asks for a login,
// [Auth.RequireRecentAuth] for a fresh proof of identity, and [Auth.Require] for
// whatever else: [MFA], [PhishingResistant], [VerifiedEmail], [Within]. Refusals
// are those of the API, so that a front end treats them alike.
//
// # Extending
//
// What a host may change is a value in [Config]: [account.Hooks] have a say,
// OnEvent hears what happened, Stages ask one more thing at login, Store keeps
// everything elsewhere. Nothing registers itself, nothing is global, and New
// starts nothing.
//
// # Operators
//
// [Auth.Users] finds, makes, disables and deletes users for whoever runs the
// site; [Auth.Admin] serves that to back ends in other languages.
//
// # Running
//
// [Auth.Run] sends again what could not be sent, and removes what has expired;
// run it on every instance. [Auth.Flush] waits for the mails under way, before
// a program ends or a test looks at them. Any number of instances may share a
// store and a secret.
//
// The documents beside the code, in docs, have a page for each task; begin with
// docs/getting-started.md.
package headless

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/observe"
	"github.com/headless-auth/headless/internal/admin"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/clientip"
	"github.com/headless-auth/headless/internal/cors"
	"github.com/headless-auth/headless/internal/csrf"
	"github.com/headless-auth/headless/internal/doctor"
	"github.com/headless-auth/headless/internal/forward"
	"github.com/headless-auth/headless/internal/i18n"
	"github.com/headless-auth/headless/internal/invariants"
	"github.com/headless-auth/headless/internal/mail"
	"github.com/headless-auth/headless/internal/openapi"
	"github.com/headless-auth/headless/internal/password"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/internal/site"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens"
)

// Config is everything an [Auth] is made of. URL, Secret, Store, Mailer and
// two Frontend pages are required; the zero value of everything else is the
// strict default.
type Config struct {
	// URL is where the site is reached, such as "https://app.example.org".
	// Links, cookies and the CSRF origin follow from it, never from a request.
	URL string
	// Path is where the API is mounted. Default "/_allauth".
	Path string
	// Name of the site, for people. Default: the host of URL.
	Name string
	// Secret signs and encrypts; at least 32 random bytes, the same on every
	// instance.
	Secret []byte
	// PreviousSecrets are still accepted while what they made is in use.
	PreviousSecrets [][]byte

	// Store keeps everything. See packages sqlite, postgres and memory.
	Store store.Store
	// SessionStore, LimitStore keep their part elsewhere. Default: Store.
	SessionStore store.Sessions
	LimitStore   store.Limits

	// Clients are the kinds of front ends served: "browser", "app". Default
	// both.
	Clients []string
	// TrustedOrigins are further web origins that may send unsafe requests with
	// cookies: "https://spa.example.org" or "https://*.example.org".
	TrustedOrigins []string
	// CORSOrigins are web origins whose pages may read the API's answers, with
	// cookies: "https://spa.example.org". To act as a user with a cookie they must
	// be TrustedOrigins, too. Default: none, and no CORS headers are sent.
	CORSOrigins []string
	// TrustedProxies is the number of proxies in front that append to
	// X-Forwarded-For. Default 0: the peer is the client.
	TrustedProxies int
	// ClientIPHeader, if set, is the only source of the client's address; a
	// proxy in front must always set it.
	ClientIPHeader string

	// Frontend are the pages that mails link to.
	Frontend Frontend
	// Account says how accounts work.
	Account account.Config
	// Session says how long sessions live and how browsers carry them.
	Session sessions.Config
	// MFA says how further factors and passkeys work. Nil: there are none.
	MFA *mfa.Config
	// Social says through which identity providers people log in. Nil: through
	// none. See [Auth.Callbacks].
	Social *socialaccount.Config
	// Tokens is how apps carry their credentials. Default [tokens.Opaque].
	Tokens tokens.Strategy

	// Mailer sends mails. Package smtp has one.
	Mailer account.Mailer
	// SMS sends text messages. Package webhook has a sender.
	SMS account.SMSSender
	// Mail says what mails look like.
	Mail MailConfig

	// Limits are rate limits by action, such as {"login": "30/m/ip"}; they take
	// the place of the defaults. [NoLimit] switches one off.
	Limits map[string]string
	// NoLimits switches off all of them.
	NoLimits bool

	// Hooks are where the host has its say.
	Hooks account.Hooks
	// Stages ask further things at login, after our own. See
	// [Auth.CompleteStage].
	Stages []account.Stage
	// OnEvent hears what has happened, after it was saved. It is called on the
	// request's path and must not take long.
	OnEvent func(ctx context.Context, e account.Event)

	// Webhooks are told of events over HTTP, whatever crashes meanwhile. Package
	// webhook has them: NewEndpoint.
	Webhooks []account.Webhook

	// AuditLog keeps every event, for [store.AuditLog].AuditOf to list. The
	// stores of this module are one. Default nil: nothing is kept.
	AuditLog store.AuditLog

	// OpenAPI serves a description of the API, made from this configuration: at
	// Path/openapi.html for people, openapi.json and openapi.yaml for programs.
	// Default nil: it is not served.
	OpenAPI *OpenAPIConfig

	// Admin is the API for operators, which [Auth.Admin] serves. Default nil:
	// there is none.
	Admin *AdminConfig

	// ForwardAuth says how apps behind a proxy are treated. See
	// [Auth.ForwardAuth].
	ForwardAuth ForwardAuthConfig

	// MaxBodyBytes bounds a request's body. Default 1 MiB.
	MaxBodyBytes int64
	// Timeout bounds a request. Default 5 s.
	Timeout time.Duration
	// Locale chooses the language of messages and mails, as a BCP 47 tag.
	// Default: by the Accept-Language header.
	Locale func(r *http.Request) string
	// Observe hears of requests, transactions, hashes, calls to providers,
	// limits and deliveries: for logs, metrics and traces. It is called on the
	// request's path and must not take long. See docs/observability.md. Default
	// nil: nothing is measured.
	Observe func(ctx context.Context, o Observation)
	// Logger gets what the operator should know. Default [slog.Default].
	Logger *slog.Logger
	// Now and Rand are the clock and the random source. Defaults: [time.Now]
	// and crypto/rand.
	Now  func() time.Time
	Rand io.Reader
}

// Format shows the site alone, whatever the verb: the rest has secrets in it.
func (c Config) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "{%s [redacted]}", c.URL) }

// MarshalText is Format.
func (c Config) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(c)), nil }

// Frontend are the pages that mails link to: absolute URLs, or paths below
// Config.URL. {key} is where the key goes.
type Frontend struct {
	// VerifyEmail takes a verification {key}.
	VerifyEmail string
	// ResetPassword takes a reset {key} and asks for a new password.
	ResetPassword string
	// RequestPasswordReset asks for an address to send a reset key to.
	RequestPasswordReset string
	// Signup makes a new account.
	Signup string
	// SocialLoginError tells of a login at an identity provider that went
	// wrong. It gets the parameters error and error_process.
	SocialLoginError string
}

// MailConfig says what mails look like.
type MailConfig struct {
	// SubjectPrefix starts every subject. Default "[Name] ".
	SubjectPrefix string
	// NoSubjectPrefix leaves the prefix out.
	NoSubjectPrefix bool
	// Templates override the embedded ones, file by file. See docs/mail.md.
	Templates fs.FS
}

// OpenAPIConfig says what the description of the API tells besides what
// follows from the configuration. See docs/openapi.md.
type OpenAPIConfig struct {
	// Title of the document. Default: Config.Name.
	Title string
	// Description begins the introduction, in Markdown.
	Description string
	// UserFields are what Hooks.UserData adds to a user; Required ones are
	// always there.
	UserFields []account.Field
}

// AdminConfig says who may use the API for operators. See docs/admin.md.
type AdminConfig struct {
	// Path is where it is mounted. Default "/_admin".
	Path string
	// Tokens are what callers present, by the name that the audit log has for
	// them; at least 32 random bytes each.
	Tokens map[string][]byte
}

// Format shows the path alone, whatever the verb.
func (c AdminConfig) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "{%s [redacted]}", c.Path) }

// MarshalText is Format.
func (c AdminConfig) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(c)), nil }

// ForwardAuthConfig says how apps behind a proxy that asks [Auth.ForwardAuth]
// are treated. See docs/forward-auth.md.
type ForwardAuthConfig struct {
	// Apps are the origins of the apps, such as "https://wiki.example.org",
	// besides that of URL and TrustedOrigins. Browsers may be sent back there,
	// and unsafe requests may come from there.
	Apps []string
	// LoginPage is where browsers are sent that have to log in: an absolute
	// URL, or a path below URL. {next} is where they were going; {reason}, if
	// it is there, is "login" or a code such as "mfa_required". Default empty:
	// they are answered 401.
	LoginPage string
	// AppsCheckCSRF leaves it to the apps to see that a browser's unsafe request
	// is meant. By default such a request needs the CSRF token in its header, as
	// in the API.
	AppsCheckCSRF bool
}

// NoLimit switches a rate limit off.
const NoLimit = ""

// Auth is a ready set of handlers. It is safe for use by several goroutines.
type Auth struct {
	env     *api.Env
	account *account.Account
	mfa     *mfa.MFA // nil where it is off
	social  *socialaccount.Social
	outbox  *account.Outbox
	hasher  *password.Hasher
	routes  api.Mux
	cors    *cors.Rule // nil where there is none
	users   *account.Admin
	admin   http.Handler

	sessions *sessions.Manager
	sources  doctor.Sources
	forward  forward.Options
}

// New checks a configuration and wires what it describes. Whatever is wrong
// with it is in the one error, by field name. New opens nothing and starts
// nothing.
func New(c Config) (*Auth, error) {
	var p site.Problems
	at := c.judge(&p)
	rates := c.rates(&p)
	pages := c.pages(&p, at)
	renderer := c.renderer(&p)
	hasher, err := password.New(password.Params{
		Memory: c.Account.Password.Argon2Memory, Time: c.Account.Password.Argon2Time, Threads: c.Account.Password.Argon2Threads,
		MaxConcurrent: c.Account.Password.MaxConcurrent, MaxWait: c.Account.Password.MaxWait, Rand: c.Rand,
		Pepper: string(c.Account.Password.BcryptPepper), Engine: c.Account.Password.Hasher, Observe: c.observe(),
	})
	if err != nil {
		p.Add("Account.Password", err.Error())
	}
	if err := p.Err(); err != nil {
		return nil, err
	}

	keys := secret.NewKeys(c.Secret, c.PreviousSecrets...)
	manager := sessions.New(c.Session, c.Tokens, at.Secure())
	manager.Share(c.Store, c.SessionStore)
	env := &api.Env{
		Store: c.Store, Sessions: manager, SessionStore: c.SessionStore, Limits: c.LimitStore,
		SharedSessions: c.SessionStore == store.Sessions(c.Store), SharedLimits: c.LimitStore == store.Limits(c.Store),
		Keys: keys, Rand: c.Rand, Now: func() time.Time { return c.Now().UTC().Truncate(time.Microsecond) }, Log: c.Logger,
		CSRF: &csrf.Tokens{Keys: keys, Rand: c.Rand}, CSRFCookie: manager.CSRFCookie(), Origins: at.Origins,
		ClientIP: clientip.Resolver{Header: c.ClientIPHeader, Proxies: c.TrustedProxies},
		Rates:    rates, MaxBody: c.MaxBodyBytes, Timeout: c.Timeout,
		Display: account.Display, Extra: c.Hooks.UserData, Locale: c.Locale,
	}
	if c.Hooks.Display != nil {
		env.Display = c.Hooks.Display
	}
	if b, ok := c.Tokens.(tokens.Bearer); ok {
		env.Scheme = b.Scheme()
	}
	if ids, ok := c.Store.(store.IntegerIDs); ok {
		env.IntegerIDs = ids.IntegerIDs()
	}
	env.OnEvent = c.listeners()
	a := &Auth{env: env, sessions: manager, hasher: hasher}
	if len(c.CORSOrigins) > 0 {
		a.cors = cors.New(c.CORSOrigins, []string{
			"Content-Type", "Authorization", tokens.SessionHeader, env.CSRFCookie.Header, "X-Email-Verification-Key", "X-Password-Reset-Key",
		})
	}
	a.forward = c.forward(at)
	a.sources = c.sources(at, pages, doctor.NewProbe(keys, env.ClientIP, env.Now))
	a.outbox = account.NewOutbox(c.Store, keys, c.Mailer, c.SMS, env.Now, c.Logger)
	if len(c.Webhooks) > 0 {
		a.outbox.Endpoints(c.Webhooks)
		env.Promise = a.outbox.Promise
	}
	env.Observe, a.outbox.Observe = c.observe(), c.observe()
	parts := account.Parts{
		Config: c.Account, Hooks: c.Hooks, Frontend: pages, Sessions: manager,
		Mail: renderer, Outbox: a.outbox, Hasher: hasher, Domain: at.URL.Hostname(),
		ProvidersOnly: c.Social != nil && c.Social.Only,
	}
	var factors *mfa.Factors
	if c.MFA != nil {
		factors = mfa.NewFactors(*c.MFA)
		parts.Factors = factors
	}
	a.account = account.New(parts)
	a.account.LogsInOtherwise = a.logsInElsewhere
	// The order of the stages at login. spec: core.md §6.3.
	stages := a.account.Stages()
	// The order of flows on the wire. spec: core.md §8.
	env.Flows = []api.FlowSource{a.account.Flows}
	if c.Social != nil {
		if a.social, err = a.newSocial(&c, at); err != nil {
			return nil, err
		}
		a.sources.Redirects = a.social.Redirects()
		env.Flows = append(env.Flows, a.social.Flows)
	}
	if factors != nil {
		a.mfa = mfa.New(mfa.Parts{
			Factors: factors, Account: a.account, Sessions: manager,
			LoginCodeTrust: c.Account.LoginCodeTrust, Secure: at.Secure() && !c.Session.InsecureCookies,
		})
		stages = append(stages, a.mfa.Stages()...)
		env.Flows = append(env.Flows, a.mfa.Flows)
	}
	a.account.Pipeline.SetStages(append(stages, c.Stages...))
	env.Flows = append(env.Flows, a.account.Pipeline.Flows, a.account.ResetFlow)
	if err := a.mount(&c, a.table()); err != nil {
		return nil, err
	}
	return a, a.operate(&c)
}

// operate wires what operators do.
func (a *Auth) operate(c *Config) (err error) {
	parts := account.AdminParts{AuditLog: c.AuditLog}
	if a.mfa != nil {
		parts.ResetMFA, parts.DescribeFactor = a.mfa.ResetUser, a.mfa.Describe
	}
	a.users = a.account.Admin(a.env, parts)
	if c.Admin != nil {
		a.admin, err = admin.New(admin.Parts{Env: a.env, Users: a.users, Path: c.Admin.Path, Tokens: c.Admin.Tokens, Title: c.Name, MFA: a.mfa != nil})
	}
	return err
}

// Defaults returns the configuration with its defaults filled in, for whoever
// wants to see them. [New] does it by itself, and tells what is wrong.
func (c Config) Defaults() Config {
	c.judge(&site.Problems{})
	return c
}

// judge fills in the defaults and judges each part by itself, and with the
// others.
func (c *Config) judge(p *site.Problems) site.Site {
	c.fill(p)
	p.Take("Account", c.Account.Problems())
	p.Take("Session", c.Session.Problems())
	at := c.checkSite(p)
	c.checkMFA(p, at.URL)
	c.checkSocial(p, at)
	c.checkOpenAPI(p)
	c.checkAdmin(p)
	if at.URL.Host != "" { // else the login page would be wrong too
		p.Take("ForwardAuth", c.forward(at).Problems())
	}
	return at
}

// newSocial wires the identity providers. The configuration has been judged.
func (a *Auth) newSocial(c *Config, at site.Site) (*socialaccount.Social, error) {
	return socialaccount.New(socialaccount.Parts{
		Config: *c.Social, Account: a.account, Sessions: a.sessions, Site: at.Base(), ErrorPage: c.Frontend.SocialLoginError,
		TrustedOrigins: c.TrustedOrigins, Secure: at.Secure() && !c.Session.InsecureCookies,
		Strict: c.Session.CookieSameSite == "strict", LogsInOtherwise: a.logsInOtherwise,
	})
}

// logsInOtherwise reports whether a user can log in without password and
// provider.
func (a *Auth) logsInOtherwise(ctx context.Context, rq *api.Request, u *store.User) (bool, error) {
	if ok, err := a.account.LogsInByCode(ctx, rq, u); ok || err != nil || a.mfa == nil {
		return ok, err
	}
	return a.mfa.LogsInByPasskey(ctx, rq, u.ID)
}

// logsInElsewhere reports whether a user can log in by passkey or provider
// alone.
func (a *Auth) logsInElsewhere(ctx context.Context, rq *api.Request, u *store.User) (ok bool, err error) {
	if a.social != nil {
		if ok, err = a.social.LogsIn(ctx, rq, u.ID); ok || err != nil {
			return ok, err
		}
	}
	if a.mfa == nil {
		return false, nil
	}
	return a.mfa.LogsInByPasskey(ctx, rq, u.ID)
}

// Observation is something that was seen of the library at work.
type Observation = observe.Observation

// observe contains an observer that panics: what it saw has happened.
func (c *Config) observe() observe.Func {
	if c.Observe == nil {
		return nil
	}
	return func(ctx context.Context, o Observation) {
		defer func() {
			if p := recover(); p != nil {
				c.Logger.ErrorContext(ctx, "Config.Observe panicked", "panic", p)
			}
		}()
		c.Observe(ctx, o)
	}
}

// listeners tells events to whoever wants to hear them.
func (c *Config) listeners() func(context.Context, any) {
	return func(ctx context.Context, e any) {
		event := e.(account.Event)
		if c.AuditLog != nil {
			account.Audit(ctx, c.AuditLog, c.Logger, event)
		}
		if c.OnEvent != nil {
			c.OnEvent(ctx, event)
		}
	}
}

// table is every feature's routes.
func (a *Auth) table() []api.Route {
	l := slices.Concat([]api.Route{{
		Path: "/config", Access: api.Anyone,
		Methods: map[string]api.Endpoint{http.MethodGet: {Do: a.config}},
	}}, a.account.Routes(), a.sessions.Routes())
	if a.mfa != nil {
		l = append(l, a.mfa.Routes()...)
	}
	if a.social != nil {
		l = append(l, a.social.Routes()...)
	}
	return l
}

// mount serves routes for every kind of client.
func (a *Auth) mount(c *Config, table []api.Route) error {
	a.routes = api.Mux{}
	for _, client := range c.Clients {
		a.routes.Mount(a.env, c.Path, api.Client(client), table)
	}
	if p, ok := c.Tokens.(tokens.Publisher); ok {
		if set := p.PublicKeys(); set != nil {
			a.routes[c.Path+"/.well-known/jwks.json"] = tokens.ServeKeys(set)
		}
	}
	if c.OpenAPI == nil {
		return nil
	}
	d, err := openapi.New(c.described(a.env, table))
	if err != nil {
		return err
	}
	for path, h := range d.Handlers() {
		a.routes[c.Path+path] = h
	}
	return nil
}

// config tells front ends what is on. spec: config-openapi.md §1.
func (a *Auth) config(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	data := struct {
		Account  any `json:"account"`
		Social   any `json:"socialaccount,omitempty"`
		MFA      any `json:"mfa,omitempty"`
		Sessions any `json:"usersessions,omitempty"`
	}{Account: a.account.ConfigData(ctx, rq), Sessions: a.sessions.ConfigData()}
	if a.mfa != nil {
		data.MFA = a.mfa.ConfigData()
	}
	if a.social != nil {
		data.Social = a.social.ConfigData(ctx, rq)
	}
	return api.Data(data), nil
}

// Handler serves the API below Config.Path. Mount it there, without stripping
// the path, on whatever router: it looks at the request's path alone.
func (a *Auth) Handler() http.Handler {
	return a.routes.Behind(a.CORS(a.sources.Probe.Mux(a.routes)))
}

// CORS lets the pages of Config.CORSOrigins call what is behind it, as they may
// call the API: it is for the host's own routes.
func (a *Auth) CORS(next http.Handler) http.Handler {
	if a.cors == nil {
		return next
	}
	return a.cors.Wrap(next)
}

// Callbacks serves the paths that identity providers send browsers back to.
// Mount it at Config.Social.CallbackPath, without stripping the path.
func (a *Auth) Callbacks() http.Handler {
	if a.social == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { api.WriteStatus(w, r, http.StatusNotFound) })
	}
	return a.sources.Probe.Wrap(a.social.Callbacks(a.env))
}

// ErrNoProviderToken reports that there is no token to call a provider with.
var ErrNoProviderToken = socialaccount.ErrNoToken

// ProviderToken returns a source of tokens to call an identity provider with
// for a user. It renews what has expired. ErrNoProviderToken, also from the
// source: Config.Social.StoreTokens is off, the user has linked no account
// there, or its token has expired for good.
//
// The tokens of OAuth 1.0a have their secret in Extra("oauth_token_secret").
func (a *Auth) ProviderToken(ctx context.Context, userID, provider string) (oauth2.TokenSource, error) {
	if a.social == nil {
		return nil, ErrNoProviderToken
	}
	return a.social.ProviderToken(ctx, a.env, userID, provider)
}

// SetProviderToken keeps a token that the host has got elsewhere, say from
// another system, for [Auth.ProviderToken]: for the account uid at a provider.
// [store.ErrNotFound]: nobody has linked that one.
func (a *Auth) SetProviderToken(ctx context.Context, provider, uid string, t *oauth2.Token) error {
	if a.social == nil {
		return errors.New("headless: Config.Social is not set")
	}
	return a.social.SetProviderToken(ctx, a.env, provider, uid, t)
}

// WellKnown serves /.well-known/webauthn, where browsers look up which other
// origins may use the site's passkeys: Config.MFA.RelatedOrigins. It must be
// reachable on the domain MFA.RPID.
func (a *Auth) WellKnown() http.Handler {
	if a.mfa == nil {
		return http.NotFoundHandler()
	}
	return a.mfa.WellKnown()
}

// Users is what operators do to users: find, make, disable and delete them, end
// their sessions, export what is kept of them. See docs/admin.md.
func (a *Auth) Users() *account.Admin { return a.users }

// Admin serves the same over HTTP, for back ends in other languages. Mount it
// at Config.Admin.Path, without stripping the path, where only they get to.
func (a *Auth) Admin() http.Handler {
	if a.admin == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { api.WriteStatus(w, r, http.StatusNotFound) })
	}
	return a.admin
}

// errNoMFA is the answer to what needs the MFA part.
var errNoMFA = errors.New("headless: Config.MFA is not set")

// ResetMFA removes all further factors and trusted browsers of a user, say
// because they have lost their phone and have shown to an administrator who
// they are. Their sessions go on. [store.ErrNotFound]: there is no such user.
func (a *Auth) ResetMFA(ctx context.Context, userID string) error {
	if a.mfa == nil {
		return errNoMFA
	}
	return a.env.Act(ctx, func(ctx context.Context, rq *api.Request) error { return a.mfa.ResetUser(ctx, rq, userID) })
}

// ReencryptMFA encrypts the secrets of a user's further factors anew with the
// present key. Once that is done for every user, a former secret in
// Config.PreviousSecrets is not needed for them any more.
func (a *Auth) ReencryptMFA(ctx context.Context, userID string) error {
	if a.mfa == nil {
		return errNoMFA
	}
	return a.env.Act(ctx, func(ctx context.Context, rq *api.Request) error { return a.mfa.Reencrypt(ctx, rq, userID) })
}

// Load finds out who is calling, for [User] and [Session] behind it, and lets
// everybody pass. A browser's unsafe request that is logged in must carry its
// CSRF token, as in the API.
func (a *Auth) Load(next http.Handler) http.Handler { return a.env.Guard(next, nil) }

// RequireUser lets logged-in users pass and answers others as the API does:
// 401 with the ways to log in, or 410 for a dead session token.
func (a *Auth) RequireUser(next http.Handler) http.Handler { return a.env.Guard(next, api.LoggedIn) }

// RequireRecentAuth lets users pass who have proven who they are within
// Config.Account.ReauthenticationTimeout, or have nothing to prove it with, and
// answers others with the ways to do so.
func (a *Auth) RequireRecentAuth(next http.Handler) http.Handler {
	return a.env.Guard(next, func(rq *api.Request) error {
		if rq.User == nil {
			return api.Unauthenticated()
		}
		return a.account.RequireRecent(rq.HTTP.Context(), rq)
	})
}

// Requirement is something that [Auth.Require] asks of a caller beyond being
// logged in.
type Requirement struct{ is api.Requirement }

var (
	// MFA asks that the session has seen a second factor, or a passkey that
	// stands for both.
	MFA = Requirement{api.Requirement{Proof: func(m store.Method) bool { return m.Method == "mfa" }, Code: "mfa_required"}}
	// PhishingResistant asks that the session has seen a passkey or security
	// key, which can't be talked out of anybody.
	PhishingResistant = Requirement{api.Requirement{
		Proof: func(m store.Method) bool { return m.Method == "mfa" && m.Type == store.WebAuthn },
		Code:  "phishing_resistant_required",
	}}
	// VerifiedEmail asks that the user's primary address is proven to be theirs.
	VerifiedEmail = Requirement{api.Requirement{VerifiedEmail: true}}

	// ByCookie, BySessionToken and ByAccessToken ask for a kind of credential.
	// Several of them are alternatives.
	ByCookie       = Requirement{api.Requirement{Credential: api.Cookie}}
	BySessionToken = Requirement{api.Requirement{Credential: api.SessionToken}}
	ByAccessToken  = Requirement{api.Requirement{Credential: api.AccessToken}}
)

// Within asks that the user has proven who they are less than d ago. Together
// with [MFA] or [PhishingResistant], that proof is meant.
func Within(d time.Duration) Requirement {
	return Requirement{api.Requirement{Within: d, Code: "reauthentication_required"}}
}

// Require lets logged-in users pass who meet all requirements. Others are
// answered as by the API: 401 with the ways to log in or to prove more, 403
// where no proof helps, 410 for a dead session token. The code of the error
// names what is missing.
//
//	mux.Handle("/payout", auth.Require(headless.MFA, headless.Within(5*time.Minute))(payout))
func (a *Auth) Require(requirements ...Requirement) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return a.env.Guard(next, meet(requirements)) }
}

// ForwardAuth answers a proxy that asks, for each request to an app behind it,
// who is calling: nginx by auth_request, Traefik by forwardAuth, Caddy by
// forward_auth. Whoever meets all requirements is answered 204, with X-Auth-User
// (the id), X-Auth-Name and, if the primary address is verified, X-Auth-Email;
// what is not printable ASCII in them is percent-encoded. Others are answered
// 401 or 403, or sent to log in. See docs/forward-auth.md.
func (a *Auth) ForwardAuth(requirements ...Requirement) http.Handler {
	o := a.forward
	o.Require = meet(requirements)
	h, err := forward.New(a.env, o)
	if err != nil {
		panic(err) // New has judged it
	}
	return h
}

func meet(requirements []Requirement) func(*api.Request) error {
	var l []api.Requirement
	for _, r := range requirements {
		l = append(l, r.is)
	}
	return func(rq *api.Request) error { return rq.Meet(l) }
}

// Waiting tells a host's own handler whose login waits for the client, and at
// which stage: "" if none does. The user is nil while a login is pretended. It
// changes nothing, and nobody is logged in. An unsafe request of a browser must
// carry the CSRF token, as for [Auth.CompleteStage].
func (a *Auth) Waiting(r *http.Request) (u *store.User, stage string, err error) {
	rq, err := a.env.Look(r)
	if err != nil {
		return nil, "", err
	}
	l, stage, err := a.account.Pipeline.Current(api.NewContext(r.Context(), rq), rq)
	if err != nil || l == nil {
		return nil, "", err
	}
	return l.User, stage, nil
}

// CompleteStage reports, from a host's own handler, that the client has done
// what a stage of Config.Stages waited for. The login goes on, and the answer
// is the API's: logged in, or the next stage. 409, if the client's login does
// not wait there; 405 for a GET, which links can make. [Auth.Waiting] tells
// before whom it is about.
func (a *Auth) CompleteStage(w http.ResponseWriter, r *http.Request, stage string) {
	client, method := api.Browser, r.Method
	if r.Header.Get(tokens.SessionHeader) != "" {
		client = api.App
	}
	if csrf.Safe(method) {
		method = http.MethodPost // the only one that there is
	}
	a.env.Handler(client, api.Route{Access: api.Anyone, Methods: map[string]api.Endpoint{
		method: {NoBody: true, Do: func(ctx context.Context, rq *api.Request) (*api.Reply, error) {
			err := rq.InTx(ctx, func(ctx context.Context) error { return a.account.Pipeline.Done(ctx, rq, stage) })
			return api.Authentication(), err
		}},
	}}).ServeHTTP(w, r)
}

// Run delivers what was left undelivered, sweeps out what has expired, and
// hears of sessions that other instances end, until ctx ends; then it waits a
// moment for deliveries under way and returns ctx's error. Every instance may
// run it.
func (a *Auth) Run(ctx context.Context) error {
	const deliverEvery, sweepEvery, grace = 15 * time.Second, 10 * time.Minute, 10 * time.Second
	deliver, sweep := time.NewTicker(deliverEvery), time.NewTicker(sweepEvery)
	defer deliver.Stop()
	defer sweep.Stop()
	work := func(what string, fn func(context.Context) error) {
		if err := fn(ctx); err != nil && ctx.Err() == nil {
			a.env.Log.ErrorContext(ctx, what+" failed and will be tried again", "error", err)
		}
	}
	var watching sync.WaitGroup
	watching.Go(func() { a.sessions.Watch(ctx, a.env.Log) })
	defer watching.Wait()
	work("delivering mail", a.outbox.Deliver)
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
			defer cancel()
			if err := a.outbox.Wait(last); err != nil {
				a.env.Log.Warn("stopped while messages were being delivered; they will be sent again", "error", err)
			}
			return ctx.Err()
		case <-deliver.C:
			work("delivering mail", a.outbox.Deliver)
		case <-sweep.C:
			work("sweeping", a.Sweep)
		}
	}
}

// Flush returns when the mails and text messages under way are delivered, or
// have failed and wait to be tried again, or when ctx ends.
func (a *Auth) Flush(ctx context.Context) error { return a.outbox.Wait(ctx) }

// Ready reports whether requests could be answered now: the stores answer, and
// their tables are up to date. It is what a load balancer may ask; see
// [observe.Health].
func (a *Auth) Ready(ctx context.Context) error { return a.env.Ready(ctx) }

// Stats are counters since [New], for the operator.
type Stats struct {
	// Hashes is how many passwords were hashed or compared, HashesWaiting how
	// many callers wait for their turn now, and HashesRefused how many waited
	// in vain and were answered 503.
	Hashes, HashesWaiting, HashesRefused int64
	// Cache is what Config.Session.CacheFor keeps in memory.
	Cache sessions.CacheStats
}

// Stats returns the counters.
func (a *Auth) Stats() Stats {
	h := a.hasher.Stats()
	return Stats{Hashes: h.Done, HashesWaiting: h.Waiting, HashesRefused: h.Refused, Cache: a.sessions.CacheStats()}
}

// What [Doctor] takes and gives. See docs/doctor.md.
type (
	// DoctorOptions are Replicas, Offline, HTTP and Resolver; the zero ones
	// will do.
	DoctorOptions = doctor.Options
	// DoctorReport has Findings, the worst first, with methods Healthy, Count
	// and Write.
	DoctorReport = doctor.Report
	// DoctorFinding has Check, Severity ("problem", "warning", "note"), What, Why
	// and Mend.
	DoctorFinding = doctor.Finding
)

// Doctor examines what is easily wrong around a configuration, and changes
// nothing: cookies and origins, the site as it is reached through Config.URL
// and its proxies, redirect URIs, passkeys, the mail server and the sender's
// domain, clocks, migrations, messages that wait, weak settings. The site need
// not run in this process: one with the same Secret answers.
func Doctor(ctx context.Context, a *Auth, o DoctorOptions) *DoctorReport {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	return doctor.Examine(ctx, a.sources.Facts(o))
}

// sources is what [Doctor] looks at.
func (c *Config) sources(at site.Site, pages account.Frontend, probe *doctor.Probe) doctor.Sources {
	return doctor.Sources{
		URL: at.URL, Path: c.Path, Clients: c.Clients, Pages: pages, Trusted: c.TrustedOrigins, Apps: c.ForwardAuth.Apps, Proxies: c.TrustedProxies, IPHeader: c.ClientIPHeader,
		Account: c.Account, Session: c.Session, MFA: c.MFA, Social: c.Social, Tokens: c.Tokens, Mailer: c.Mailer,
		Secret: c.Secret, Previous: len(c.PreviousSecrets), Limits: c.Limits, NoLimits: c.NoLimits,
		Store: c.Store, SessionStore: c.SessionStore, LimitStore: c.LimitStore, Probe: probe, Now: probe.Now,
	}
}

// Violation is a rule about what is kept that is broken, and where.
type Violation = invariants.Violation

// CheckData goes through all that is kept, reports what must not be, such as rows
// that belong to nobody, and changes nothing. It returns how many users it has
// seen. The site may go on meanwhile. See docs/schema.md.
func (a *Auth) CheckData(ctx context.Context, report func(Violation)) (users int, err error) {
	c := invariants.Check{Store: a.env.Store, Sessions: a.env.SessionStore}
	if m := a.sources.MFA; m != nil {
		c.ReadFactor = mfa.NewVault(*m, a.env.Keys).Check
	}
	return c.Run(ctx, report)
}

// Sweep removes what has expired, once.
func (a *Auth) Sweep(ctx context.Context) error {
	// A clock that is fast for a while must not have us forget what was used
	// once: when it is right again, that would work a second time.
	const fast = 24 * time.Hour
	now := a.env.Now()
	_, err1 := a.env.SessionStore.DeleteExpiredSessions(ctx, now)
	_, err2 := a.env.Limits.DeleteExpiredLimits(ctx, now)
	_, err3 := a.env.Store.DeleteExpiredNonces(ctx, now.Add(-fast))
	_, err4 := a.env.Store.DeleteExpiredTrustedBrowsers(ctx, now)
	return errors.Join(err1, err2, err3, err4)
}

// User returns who is calling: in handlers behind [Auth.Load], [Auth.RequireUser]
// and its relatives, in hooks and in OnEvent. Nil: nobody is logged in, or the
// context is of no such request. The record is as it was when the request began,
// or a moment before with Session.CacheFor, and then without the password's hash.
func User(ctx context.Context) *store.User {
	if rq := api.FromContext(ctx); rq != nil {
		return rq.User
	}
	return nil
}

// Session returns the caller's session, wherever [User] tells who is calling;
// nil if there is none.
func Session(ctx context.Context) *store.Session {
	if rq := api.FromContext(ctx); rq != nil && rq.Session.ID != "" {
		return rq.Session
	}
	return nil
}

// Reject is an error for the caller, to be returned from a hook: a 400 with a
// code of the host's own, for an input field or, with an empty param, for the
// whole.
func Reject(param, code, message string) error { return account.Reject(param, code, message) }

// fill sets the defaults that need no judgement and checks what must be there.
func (c *Config) fill(p *site.Problems) {
	if c.Path == "" {
		c.Path = "/_allauth"
	}
	if !strings.HasPrefix(c.Path, "/") || strings.HasSuffix(c.Path, "/") || strings.ContainsAny(c.Path, "{}*?# ") {
		p.Add("Path", fmt.Sprintf(`%q can't be mounted; write "/_allauth"`, c.Path))
	}
	if len(c.Secret) < 32 {
		p.Add("Secret", fmt.Sprintf("needs at least 32 bytes, has %d; make one with: openssl rand -base64 32", len(c.Secret)))
	}
	for i, s := range c.PreviousSecrets {
		if len(s) < 32 {
			p.Add(fmt.Sprintf("PreviousSecrets[%d]", i), fmt.Sprintf("needs at least 32 bytes, has %d", len(s)))
		}
	}
	if c.Store == nil {
		p.Add("Store", "is missing; use sqlite.Open, postgres.New or memory.New")
	} else {
		if c.SessionStore == nil {
			c.SessionStore = c.Store
		}
		if c.LimitStore == nil {
			c.LimitStore = c.Store
		}
	}
	if c.Mailer == nil {
		p.Add("Mailer", "is missing; use smtp.New, or a type with the one method Send")
	}
	if c.SMS == nil && c.Account.NeedsSMS() {
		p.Add("SMS", "is missing, and Account has phone numbers; use webhook.New, or a type with the one method SendSMS")
	}
	if len(c.Clients) == 0 {
		c.Clients = []string{string(api.Browser), string(api.App)}
	}
	for i, client := range c.Clients {
		if client != string(api.Browser) && client != string(api.App) {
			p.Add(fmt.Sprintf("Clients[%d]", i), fmt.Sprintf(`%q is no client; write "browser" or "app"`, client))
		}
		if slices.Contains(c.Clients[:i], client) {
			p.Add(fmt.Sprintf("Clients[%d]", i), fmt.Sprintf("%q is listed twice", client))
		}
	}
	if c.TrustedProxies < 0 {
		p.Add("TrustedProxies", "can't be negative; write the number of proxies in front")
	}
	if c.TrustedProxies > 0 && c.ClientIPHeader != "" {
		p.Add("ClientIPHeader", "contradicts TrustedProxies; set one of them")
	}
	if c.Tokens == nil {
		c.Tokens = tokens.Opaque{}
	}
	if _, ok := c.Tokens.(tokens.Opaque); !ok && c.SessionStore != nil {
		if _, ok := c.SessionStore.(store.SessionRefresher); !ok {
			p.Add("Tokens", "needs a session store that is a store.SessionRefresher")
		}
	}
	if c.MaxBodyBytes < 0 {
		p.Add("MaxBodyBytes", "can't be negative")
	} else if c.MaxBodyBytes == 0 {
		c.MaxBodyBytes = 1 << 20
	}
	if c.Timeout < 0 {
		p.Add("Timeout", `can't be negative; write a duration such as "5s"`)
	} else if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Locale == nil {
		c.Locale = func(r *http.Request) string { return i18n.Match(r.Header.Get("Accept-Language")) }
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	events := slices.Concat(account.EventNames(), sessions.EventNames(), mfa.EventNames(), socialaccount.EventNames())
	if i, what := account.WebhookProblem(c.Webhooks, events); what != "" {
		p.Add(fmt.Sprintf("Webhooks[%d]", i), what)
	}
	for field, what := range account.StageProblems(c.Stages) {
		p.Add("Stages"+field, what)
	}
}

// checkSite judges the site's own address and the origins it trusts.
func (c *Config) checkSite(p *site.Problems) site.Site {
	s := site.New(p, c.URL, c.TrustedOrigins)
	if c.Name == "" {
		c.Name = s.URL.Host
	}
	if strings.ContainsAny(c.Name, "\r\n") {
		p.Add("Name", "must be one line")
	}
	c.CORSOrigins = slices.Clone(c.CORSOrigins)
	for i, o := range c.CORSOrigins {
		var err error
		if c.CORSOrigins[i], err = csrf.ParseOrigin(o); err != nil {
			p.Add(fmt.Sprintf("CORSOrigins[%d]", i), err.Error()+"; each has to be written out")
		}
	}
	if c.Session.CookieSameSite == "none" && s.URL.Scheme == "http" {
		p.Add("Session.CookieSameSite", `"none" needs an https URL: browsers drop such cookies otherwise`)
	}
	return s
}

// checkOpenAPI judges what the description is to tell.
func (c *Config) checkOpenAPI(p *site.Problems) {
	if c.OpenAPI == nil {
		return
	}
	own := *c.OpenAPI // the caller's stays as it is
	own.UserFields = slices.Clone(own.UserFields)
	c.OpenAPI = &own
	if own.Title == "" {
		own.Title = c.Name
	}
	for field, what := range account.FieldProblems(own.UserFields, "id", "display", "email", "has_usable_password", "username") {
		p.Add("OpenAPI.UserFields"+field, what)
	}
}

// checkAdmin judges who may use the API for operators.
func (c *Config) checkAdmin(p *site.Problems) {
	if c.Admin == nil {
		return
	}
	own := *c.Admin // the caller's stays as it is
	c.Admin = &own
	p.Take("Admin", admin.Problems(&own.Path, own.Tokens))
}

// forward says how [Auth.ForwardAuth] is to answer.
func (c *Config) forward(at site.Site) forward.Options {
	o := forward.Options{Site: at.Base(), Trusted: c.TrustedOrigins, Apps: c.ForwardAuth.Apps, LoginPage: c.ForwardAuth.LoginPage, AppsCheckCSRF: c.ForwardAuth.AppsCheckCSRF}
	if strings.HasPrefix(o.LoginPage, "/") {
		o.LoginPage = o.Site + o.LoginPage
	}
	return o
}

// described is what the description of the API tells of a site.
func (c *Config) described(env *api.Env, table []api.Route) openapi.Site {
	s := openapi.Site{
		Title: c.OpenAPI.Title, Description: c.OpenAPI.Description, URL: strings.TrimRight(c.URL, "/"), Path: c.Path, Routes: table,
		IntegerIDs: env.IntegerIDs, Usernames: !c.Account.NoUsernames, Scheme: env.Scheme,
		SessionCookie: c.Session.CookieName, CSRFCookie: env.CSRFCookie.Name, CSRFHeader: env.CSRFCookie.Header,
	}
	if _, ok := c.Tokens.(tokens.Opaque); !ok {
		s.AccessTokens = true
	}
	for _, client := range c.Clients {
		s.Clients = append(s.Clients, api.Client(client))
	}
	for _, f := range c.OpenAPI.UserFields {
		s.UserFields = append(s.UserFields, api.Field{Name: f.Name, Required: f.Required, Type: f.Type, Choices: f.Choices, Description: f.Description})
	}
	for _, stage := range c.Stages {
		s.Stages = append(s.Stages, stage.Key())
	}
	return s
}

// checkMFA judges the further factors, by themselves and with the rest.
func (c *Config) checkMFA(p *site.Problems, base *url.URL) {
	if c.MFA == nil {
		if c.Account.LoginCodeTrust {
			p.Add("Account.LoginCodeTrust", "needs MFA, which trusts browsers; set MFA to an mfa.Config")
		}
		return
	}
	own := *c.MFA // the caller's stays as it is
	c.MFA = &own
	if base.Host == "" {
		return // the defaults would be wrong too
	}
	p.Take("MFA", own.Problems(mfa.Site{URL: base, Name: c.Name, CookieDomain: c.Session.CookieDomain, CookieSameSite: c.Session.CookieSameSite}))
	if own.PasskeySignup && (c.Account.EmailVerification != account.Mandatory || !c.Account.EmailVerificationByCode) {
		p.Add("MFA.PasskeySignup", `needs Account.EmailVerification "mandatory" and Account.EmailVerificationByCode: nothing else shows whose address it is`)
	}
	if own.TrustCookieSameSite == "none" && base.Scheme != "https" {
		p.Add("MFA.TrustCookieSameSite", `"none" needs an https URL: browsers drop such cookies otherwise`)
	}
	if slices.Contains([]string{c.Session.CookieName, c.Session.CSRFCookieName}, own.TrustCookieName) {
		p.Add("MFA.TrustCookieName", "is the name of another cookie")
	}
}

// checkSocial judges the identity providers, by themselves and with the rest.
func (c *Config) checkSocial(p *site.Problems, at site.Site) {
	if c.Social == nil {
		return
	}
	own := *c.Social // the caller's stays as it is
	c.Social = &own
	p.Take("Social", own.Problems(&c.Account, c.MFA != nil))
	if c.Frontend.SocialLoginError == "" && slices.Contains(c.Clients, string(api.Browser)) {
		p.Add("Frontend.SocialLoginError", `is missing; write the page that tells of a failed login at a provider, such as "/login-error"`)
	}
	c.Frontend.SocialLoginError = at.Page(p, site.Page{Field: "SocialLoginError", Text: c.Frontend.SocialLoginError, Like: "login-error"})
}

// rates reads the rate limits.
func (c *Config) rates(p *site.Problems) map[string][]api.Rate {
	rates, wrong := c.Account.Limits(c.Limits)
	for _, action := range slices.Sorted(maps.Keys(wrong)) {
		p.Add(fmt.Sprintf("Limits[%q]", action), wrong[action])
	}
	if c.NoLimits {
		return nil
	}
	return rates
}

// pages makes the front end's pages absolute.
func (c *Config) pages(p *site.Problems, s site.Site) account.Frontend {
	f := &c.Frontend
	return account.Frontend{
		VerifyEmail: s.Page(p, site.Page{Field: "VerifyEmail", Text: f.VerifyEmail, Like: "verify-email/{key}",
			Required: c.Account.EmailVerification != account.None && !c.Account.EmailVerificationByCode}),
		ResetPassword: s.Page(p, site.Page{Field: "ResetPassword", Text: f.ResetPassword, Like: "reset-password/{key}",
			Required: !c.Account.PasswordResetByCode && (c.Social == nil || !c.Social.Only)}),
		RequestPasswordReset: s.Page(p, site.Page{Field: "RequestPasswordReset", Text: f.RequestPasswordReset, Like: "reset-password"}),
		Signup:               s.Page(p, site.Page{Field: "Signup", Text: f.Signup, Like: "signup"}),
	}
}

// renderer reads the mail templates.
func (c *Config) renderer(p *site.Problems) *mail.Renderer {
	prefix := c.Mail.SubjectPrefix
	if prefix == "" && !c.Mail.NoSubjectPrefix {
		prefix = "[" + c.Name + "] "
	}
	r, err := mail.New(c.Mail.Templates, mail.Site{Name: c.Name, SubjectPrefix: prefix})
	if err != nil {
		p.Add("Mail.Templates", err.Error())
	}
	return r
}
