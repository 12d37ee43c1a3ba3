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
// # Extending
//
// What a host may change is a value in [Config]: [account.Hooks] have a say,
// OnEvent hears what happened, Stages ask one more thing at login, Store keeps
// everything elsewhere. Nothing registers itself, nothing is global, and New
// starts nothing.
package headless

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/clientip"
	"github.com/headless-auth/headless/internal/csrf"
	"github.com/headless-auth/headless/internal/i18n"
	"github.com/headless-auth/headless/internal/mail"
	"github.com/headless-auth/headless/internal/openapi"
	"github.com/headless-auth/headless/internal/password"
	"github.com/headless-auth/headless/internal/secret"
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

	// AuditLog keeps every event, for [store.AuditLog].AuditOf to list. The
	// stores of this module are one. Default nil: nothing is kept.
	AuditLog store.AuditLog

	// OpenAPI serves a description of the API, made from this configuration: at
	// Path/openapi.html for people, openapi.json and openapi.yaml for programs.
	// Default nil: it is not served.
	OpenAPI *OpenAPIConfig

	// MaxBodyBytes bounds a request's body. Default 1 MiB.
	MaxBodyBytes int64
	// Timeout bounds a request. Default 5 s.
	Timeout time.Duration
	// Locale chooses the language of messages and mails, as a BCP 47 tag.
	// Default: by the Accept-Language header.
	Locale func(r *http.Request) string
	// Logger gets what the operator should know. Default [slog.Default].
	Logger *slog.Logger
	// Now and Rand are the clock and the random source. Defaults: [time.Now]
	// and crypto/rand.
	Now  func() time.Time
	Rand io.Reader
}

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

// NoLimit switches a rate limit off.
const NoLimit = ""

// DefaultLimits are the rate limits where Config does not say. spec:
// account.md §12.
var defaultLimits = map[string]string{
	"login":                   "30/m/ip",
	"login_failed":            "10/m/ip,5/300s/key",
	"signup":                  "20/m/ip",
	"request_login_code":      "20/m/ip,3/m/key",
	"reset_password":          "20/m/ip,5/m/key",
	"reset_password_from_key": "20/m/ip",
	"change_password":         "5/m/user",
	"manage_email":            "10/m/user",
	"change_phone":            "1/m/user",
	"reauthenticate":          "10/m/user",
	"mfa_failed":              "100/30d/key",
	"confirm_email":           "1/180s/key",
	"verify_phone":            "1/30s/key,3/m/ip",
}

// codeLimit is the default of confirm_email where codes are mailed, which
// people wait for.
const codeLimit = "1/10s/key"

// Auth is a ready set of handlers. It is safe for use by several goroutines.
type Auth struct {
	env     *api.Env
	account *account.Account
	mfa     *mfa.MFA // nil where it is off
	social  *socialaccount.Social
	outbox  *account.Outbox
	hasher  *password.Hasher
	routes  routes

	sessions *sessions.Manager
}

// New checks a configuration and wires what it describes. Whatever is wrong
// with it is in the one error, by field name. New opens nothing and starts
// nothing.
func New(c Config) (*Auth, error) {
	var p problems
	c.fill(&p)
	p.take("Account", c.Account.Problems())
	p.take("Session", c.Session.Problems())
	base, origins := c.checkSite(&p)
	c.checkMFA(&p, base)
	c.checkSocial(&p, base)
	c.checkOpenAPI(&p)
	rates := c.rates(&p)
	pages := c.pages(&p, base)
	renderer := c.renderer(&p)
	hasher, err := password.New(password.Params{
		Memory: c.Account.Password.Argon2Memory, Time: c.Account.Password.Argon2Time, Threads: c.Account.Password.Argon2Threads,
		MaxConcurrent: c.Account.Password.MaxConcurrent, MaxWait: c.Account.Password.MaxWait, Rand: c.Rand,
	})
	if err != nil {
		p.add("Account.Password", err.Error())
	}
	if err := p.err(); err != nil {
		return nil, err
	}

	keys := secret.NewKeys(c.Secret, c.PreviousSecrets...)
	secure := base.Scheme == "https"
	manager := sessions.New(c.Session, c.Tokens, secure)
	env := &api.Env{
		Store: c.Store, Sessions: manager, SessionStore: c.SessionStore, Limits: c.LimitStore,
		SharedSessions: c.SessionStore == store.Sessions(c.Store), SharedLimits: c.LimitStore == store.Limits(c.Store),
		Keys: keys, Rand: c.Rand, Now: func() time.Time { return c.Now().UTC().Truncate(time.Microsecond) }, Log: c.Logger,
		CSRF: &csrf.Tokens{Keys: keys, Rand: c.Rand}, CSRFCookie: manager.CSRFCookie(), Origins: origins,
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
	a.outbox = account.NewOutbox(c.Store, keys, c.Mailer, c.SMS, env.Now, c.Logger)
	parts := account.Parts{
		Config: c.Account, Hooks: c.Hooks, Frontend: pages, Sessions: manager,
		Mail: renderer, Outbox: a.outbox, Hasher: hasher, Domain: base.Hostname(),
		ProvidersOnly: c.Social != nil && c.Social.Only,
	}
	var factors *mfa.Factors
	if c.MFA != nil {
		factors = mfa.NewFactors(*c.MFA)
		parts.Factors = factors
	}
	a.account = account.New(parts)
	// The order of the stages at login. spec: core.md §6.3.
	stages := a.account.Stages()
	// The order of flows on the wire. spec: core.md §8.
	env.Flows = []api.FlowSource{a.account.Flows}
	if c.Social != nil {
		if a.social, err = a.newSocial(&c, base, manager); err != nil {
			return nil, err
		}
		env.Flows = append(env.Flows, a.social.Flows)
	}
	if factors != nil {
		a.mfa = mfa.New(mfa.Parts{
			Factors: factors, Account: a.account, Sessions: manager,
			LoginCodeTrust: c.Account.LoginCodeTrust, Secure: secure && !c.Session.InsecureCookies,
		})
		stages = append(stages, a.mfa.Stages()...)
		env.Flows = append(env.Flows, a.mfa.Flows)
	}
	a.account.Pipeline.SetStages(append(stages, c.Stages...))
	env.Flows = append(env.Flows, a.account.Pipeline.Flows, a.account.ResetFlow)
	table := a.table()
	a.routes = a.mount(c.Path, c.Clients, table, c.Tokens)
	if c.OpenAPI != nil {
		d, err := openapi.New(c.described(env, table))
		if err != nil {
			return nil, err
		}
		for path, h := range d.Handlers() {
			a.routes[c.Path+path] = h
		}
	}
	return a, nil
}

// listeners tells events to whoever wants to hear them.
func (c *Config) listeners() func(context.Context, any) {
	return func(ctx context.Context, e any) {
		event := e.(account.Event)
		if c.AuditLog != nil {
			audit(ctx, c.AuditLog, c.Logger, event)
		}
		if c.OnEvent != nil {
			c.OnEvent(ctx, event)
		}
	}
}

// audit writes an event down. What has happened has happened: a log that fails
// stops nobody, and the operator is told.
func audit(ctx context.Context, log store.AuditLog, logger *slog.Logger, event account.Event) {
	data, err := json.Marshal(event)
	if err == nil {
		rq := api.FromContext(ctx)
		e := &store.AuditEntry{Kind: event.Name(), Data: data, UserAgent: sessions.UserAgent(rq.HTTP), At: rq.Now}
		if rq.IP.IsValid() { // else the host itself acts
			e.IP = rq.IP.String()
		}
		if u := event.Subject(); u != nil {
			e.UserID = u.ID
		}
		err = log.AppendAudit(ctx, e)
	}
	if err != nil {
		logger.ErrorContext(ctx, "an event is missing from the audit log", "event", event.Name(), "error", err)
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
func (a *Auth) mount(path string, clients []string, table []api.Route, strategy tokens.Strategy) routes {
	m := routes{}
	for _, client := range clients {
		for _, rt := range table {
			if rt.Client == "" || string(rt.Client) == client {
				m[path+"/"+client+rt.URL()] = a.env.Handler(api.Client(client), rt)
			}
		}
	}
	if p, ok := strategy.(tokens.Publisher); ok {
		if set := p.PublicKeys(); set != nil {
			m[path+"/.well-known/jwks.json"] = tokens.ServeKeys(set)
		}
	}
	return m
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
func (a *Auth) Handler() http.Handler { return a.routes }

// routes tells who answers, by path.
type routes map[string]http.Handler

// ServeHTTP implements [http.Handler].
func (rs routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h, ok := rs[r.URL.Path]; ok {
		h.ServeHTTP(w, r)
		return
	}
	api.WriteStatus(w, r, http.StatusNotFound)
}

// Paths lists the paths that are served, for tests that nothing is forgotten.
func (rs routes) Paths() []string { return slices.Sorted(maps.Keys(rs)) }

// WellKnown serves /.well-known/webauthn, where browsers look up which other
// origins may use the site's passkeys: Config.MFA.RelatedOrigins. It must be
// reachable on the domain MFA.RPID.
func (a *Auth) WellKnown() http.Handler {
	if a.mfa == nil {
		return http.NotFoundHandler()
	}
	return a.mfa.WellKnown()
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

// CompleteStage reports, from a host's own handler, that the client has done
// what a stage of Config.Stages waited for. The login goes on, and the answer
// is the API's: logged in, or the next stage. 409, if the client's login does
// not wait there.
func (a *Auth) CompleteStage(w http.ResponseWriter, r *http.Request, stage string) {
	client := api.Browser
	if r.Header.Get(tokens.SessionHeader) != "" {
		client = api.App
	}
	a.env.Handler(client, api.Route{Access: api.Anyone, Methods: map[string]api.Endpoint{
		r.Method: {NoBody: true, Do: func(ctx context.Context, rq *api.Request) (*api.Reply, error) {
			err := rq.InTx(ctx, func(ctx context.Context) error { return a.account.Pipeline.Done(ctx, rq, stage) })
			return api.Authentication(), err
		}},
	}}).ServeHTTP(w, r)
}

// Run delivers what was left undelivered and sweeps out what has expired,
// until ctx ends; then it waits a moment for deliveries under way and returns
// ctx's error. Every instance may run it.
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

// Stats are counters since [New], for the operator.
type Stats struct {
	// Hashes is how many passwords were hashed or compared, HashesWaiting how
	// many callers wait for their turn now, and HashesRefused how many waited
	// in vain and were answered 503.
	Hashes, HashesWaiting, HashesRefused int64
}

// Stats returns the counters.
func (a *Auth) Stats() Stats {
	h := a.hasher.Stats()
	return Stats{Hashes: h.Done, HashesWaiting: h.Waiting, HashesRefused: h.Refused}
}

// Sweep removes what has expired, once.
func (a *Auth) Sweep(ctx context.Context) error {
	now := a.env.Now()
	_, err1 := a.env.SessionStore.DeleteExpiredSessions(ctx, now)
	_, err2 := a.env.Limits.DeleteExpiredLimits(ctx, now)
	_, err3 := a.env.Store.DeleteExpiredNonces(ctx, now)
	_, err4 := a.env.Store.DeleteExpiredTrustedBrowsers(ctx, now)
	return errors.Join(err1, err2, err3, err4)
}

// User returns who is calling, or nil.
func User(ctx context.Context) *store.User {
	if rq := api.FromContext(ctx); rq != nil {
		return rq.User
	}
	return nil
}

// Session returns the caller's session, or nil.
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

// problems collects what is wrong with a configuration.
type problems []string

func (p *problems) add(field, what string) { *p = append(*p, field+": "+what) }

func (p *problems) take(prefix string, found map[string]string) {
	for _, field := range slices.Sorted(maps.Keys(found)) {
		p.add(prefix+"."+field, found[field])
	}
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	word := "problems"
	if len(p) == 1 {
		word = "problem"
	}
	return fmt.Errorf("headless: %d %s in Config\n  %s", len(p), word, strings.Join(p, "\n  "))
}

// fill sets the defaults that need no judgement and checks what must be there.
func (c *Config) fill(p *problems) {
	if c.Path == "" {
		c.Path = "/_allauth"
	}
	if !strings.HasPrefix(c.Path, "/") || strings.HasSuffix(c.Path, "/") || strings.ContainsAny(c.Path, "{}*?# ") {
		p.add("Path", fmt.Sprintf(`%q can't be mounted; write "/_allauth"`, c.Path))
	}
	if len(c.Secret) < 32 {
		p.add("Secret", fmt.Sprintf("needs at least 32 bytes, has %d; make one with: openssl rand -base64 32", len(c.Secret)))
	}
	for i, s := range c.PreviousSecrets {
		if len(s) < 32 {
			p.add(fmt.Sprintf("PreviousSecrets[%d]", i), fmt.Sprintf("needs at least 32 bytes, has %d", len(s)))
		}
	}
	if c.Store == nil {
		p.add("Store", "is missing; use sqlite.Open, postgres.New or memory.New")
	} else {
		if c.SessionStore == nil {
			c.SessionStore = c.Store
		}
		if c.LimitStore == nil {
			c.LimitStore = c.Store
		}
	}
	if c.Mailer == nil {
		p.add("Mailer", "is missing; use smtp.New, or a type with the one method Send")
	}
	if c.SMS == nil && c.Account.NeedsSMS() {
		p.add("SMS", "is missing, and Account has phone numbers; use webhook.New, or a type with the one method SendSMS")
	}
	if len(c.Clients) == 0 {
		c.Clients = []string{string(api.Browser), string(api.App)}
	}
	for i, client := range c.Clients {
		if client != string(api.Browser) && client != string(api.App) {
			p.add(fmt.Sprintf("Clients[%d]", i), fmt.Sprintf(`%q is no client; write "browser" or "app"`, client))
		}
		if slices.Contains(c.Clients[:i], client) {
			p.add(fmt.Sprintf("Clients[%d]", i), fmt.Sprintf("%q is listed twice", client))
		}
	}
	if c.TrustedProxies < 0 {
		p.add("TrustedProxies", "can't be negative; write the number of proxies in front")
	}
	if c.TrustedProxies > 0 && c.ClientIPHeader != "" {
		p.add("ClientIPHeader", "contradicts TrustedProxies; set one of them")
	}
	if c.Tokens == nil {
		c.Tokens = tokens.Opaque{}
	}
	if _, ok := c.Tokens.(tokens.Opaque); !ok && c.SessionStore != nil {
		if _, ok := c.SessionStore.(store.SessionRefresher); !ok {
			p.add("Tokens", "needs a session store that is a store.SessionRefresher")
		}
	}
	if c.MaxBodyBytes < 0 {
		p.add("MaxBodyBytes", "can't be negative")
	} else if c.MaxBodyBytes == 0 {
		c.MaxBodyBytes = 1 << 20
	}
	if c.Timeout < 0 {
		p.add("Timeout", `can't be negative; write a duration such as "5s"`)
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
	seen := map[string]bool{}
	for i, s := range c.Stages {
		field := fmt.Sprintf("Stages[%d]", i)
		switch {
		case s == nil || s.Key() == "":
			p.add(field, "has no key")
		case seen[s.Key()] || slices.Contains(reservedFlows, s.Key()):
			p.add(field, fmt.Sprintf("the key %q is taken; choose another", s.Key()))
		default:
			seen[s.Key()] = true
		}
	}
}

// reservedFlows are the contract's own flow ids.
var reservedFlows = []string{
	"login", "login_by_code", "signup", "provider_redirect", "provider_token", "provider_signup", "mfa_login_webauthn",
	"verify_email", "verify_phone", "mfa_authenticate", "mfa_trust", "mfa_signup_webauthn", "reauthenticate",
	"mfa_reauthenticate", "password_reset_by_code", "mfa_enroll",
}

// checkSite judges the site's own address and the origins it trusts.
func (c *Config) checkSite(p *problems) (*url.URL, *csrf.Origins) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" || strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.Fragment != "" || base.User != nil {
		p.add("URL", fmt.Sprintf(`%q is no site; write "https://app.example.org"`, c.URL))
		return &url.URL{}, nil
	}
	if c.Name == "" {
		c.Name = base.Host
	}
	if strings.ContainsAny(c.Name, "\r\n") {
		p.add("Name", "must be one line")
	}
	var origins *csrf.Origins
	if origins, err = csrf.NewOrigins(c.URL, nil); err != nil {
		p.add("URL", err.Error())
		return base, nil
	}
	for i, t := range c.TrustedOrigins {
		if _, err := csrf.NewOrigins(c.URL, []string{t}); err != nil {
			p.add(fmt.Sprintf("TrustedOrigins[%d]", i), err.Error())
		}
	}
	if all, err := csrf.NewOrigins(c.URL, c.TrustedOrigins); err == nil {
		origins = all
	}
	if c.Session.CookieSameSite == "none" && base.Scheme != "https" {
		p.add("Session.CookieSameSite", `"none" needs an https URL: browsers drop such cookies otherwise`)
	}
	return base, origins
}

// checkOpenAPI judges what the description is to tell.
func (c *Config) checkOpenAPI(p *problems) {
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
		p.add("OpenAPI.UserFields"+field, what)
	}
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
func (c *Config) checkMFA(p *problems, base *url.URL) {
	if c.MFA == nil {
		if c.Account.LoginCodeTrust {
			p.add("Account.LoginCodeTrust", "needs MFA, which trusts browsers; set MFA to an mfa.Config")
		}
		return
	}
	own := *c.MFA // the caller's stays as it is
	c.MFA = &own
	if base.Host == "" {
		return // the defaults would be wrong too
	}
	p.take("MFA", own.Problems(mfa.Site{URL: base, Name: c.Name, CookieDomain: c.Session.CookieDomain, CookieSameSite: c.Session.CookieSameSite}))
	if own.PasskeySignup && (c.Account.EmailVerification != account.Mandatory || !c.Account.EmailVerificationByCode) {
		p.add("MFA.PasskeySignup", `needs Account.EmailVerification "mandatory" and Account.EmailVerificationByCode: nothing else shows whose address it is`)
	}
	if own.TrustCookieSameSite == "none" && base.Scheme != "https" {
		p.add("MFA.TrustCookieSameSite", `"none" needs an https URL: browsers drop such cookies otherwise`)
	}
	if slices.Contains([]string{c.Session.CookieName, c.Session.CSRFCookieName}, own.TrustCookieName) {
		p.add("MFA.TrustCookieName", "is the name of another cookie")
	}
}

// rates reads the rate limits.
func (c *Config) rates(p *problems) map[string][]api.Rate {
	rates := map[string][]api.Rate{}
	for _, action := range slices.Sorted(maps.Keys(c.Limits)) {
		if _, ok := defaultLimits[action]; !ok {
			p.add(fmt.Sprintf("Limits[%q]", action), "is no action; write one of "+strings.Join(slices.Sorted(maps.Keys(defaultLimits)), ", "))
		}
	}
	for action, text := range defaultLimits {
		if own, ok := c.Limits[action]; ok {
			text = own
		} else if action == "confirm_email" && c.Account.EmailVerificationByCode {
			text = codeLimit
		}
		l, err := api.ParseRates(text)
		if err != nil {
			p.add(fmt.Sprintf("Limits[%q]", action), err.Error())
		}
		if !c.NoLimits {
			rates[action] = l
		}
	}
	return rates
}

// pages makes the front end's pages absolute.
func (c *Config) pages(p *problems, base *url.URL) account.Frontend {
	page := func(field, text, need string, required bool) string {
		return c.page(p, base, field, text, need, required)
	}
	return account.Frontend{
		VerifyEmail:          page("VerifyEmail", c.Frontend.VerifyEmail, "verify-email/{key}", c.Account.EmailVerification != account.None && !c.Account.EmailVerificationByCode),
		ResetPassword:        page("ResetPassword", c.Frontend.ResetPassword, "reset-password/{key}", !c.Account.PasswordResetByCode && (c.Social == nil || !c.Social.Only)),
		RequestPasswordReset: page("RequestPasswordReset", c.Frontend.RequestPasswordReset, "reset-password", false),
		Signup:               page("Signup", c.Frontend.Signup, "signup", false),
	}
}

// page makes one page absolute.
func (*Config) page(p *problems, base *url.URL, field, text, need string, required bool) string {
	field = "Frontend." + field
	if text == "" {
		if required {
			p.add(field, `is missing; write the page that mails link to, such as "/`+need+`"`)
		}
		return ""
	}
	if strings.Contains(need, "{key}") != strings.Contains(text, "{key}") {
		if strings.Contains(text, "{key}") {
			p.add(field, "takes no {key}")
		} else {
			p.add(field, "must contain {key}")
		}
	}
	ref, err := url.Parse(strings.ReplaceAll(text, "{key}", "KEY"))
	if err != nil || ref.Opaque != "" || ref.IsAbs() && (ref.Scheme != "https" && ref.Scheme != "http" || ref.Host == "") {
		p.add(field, fmt.Sprintf(`%q is no page; write "https://app.example.org/%s" or a path`, text, need))
		return ""
	}
	if ref.IsAbs() {
		return text
	}
	return base.Scheme + "://" + base.Host + "/" + strings.TrimLeft(text, "/")
}

// renderer reads the mail templates.
func (c *Config) renderer(p *problems) *mail.Renderer {
	prefix := c.Mail.SubjectPrefix
	if prefix == "" && !c.Mail.NoSubjectPrefix {
		prefix = "[" + c.Name + "] "
	}
	r, err := mail.New(c.Mail.Templates, mail.Site{Name: c.Name, SubjectPrefix: prefix})
	if err != nil {
		p.add("Mail.Templates", err.Error())
	}
	return r
}
