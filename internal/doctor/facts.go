package doctor

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens"
)

// Options say what the configuration can't.
type Options struct {
	// Replicas is how many instances run. Default 0: as many as answer.
	Replicas int
	// Offline calls nothing: no site, no mail server, no name server. The
	// database is asked all the same.
	Offline bool
	// HTTP calls the site through its URL. Default: a plain client.
	HTTP *http.Client
	// Resolver looks up the sender's domain. Default: the system's.
	Resolver Resolver
}

// Sources are the parts of a configuration, with their defaults filled in, and
// what they were made into.
type Sources struct {
	URL     *url.URL
	Path    string
	Clients []string
	Pages   account.Frontend
	// Trusted origins; Proxies and IPHeader as in the configuration.
	Trusted  []string
	Apps     []string
	Proxies  int
	IPHeader string

	Account account.Config
	Session sessions.Config
	MFA     *mfa.Config
	Social  *socialaccount.Config
	// Redirects are made by the social part.
	Redirects []socialaccount.Redirect
	Tokens    tokens.Strategy
	Mailer    account.Mailer

	Secret   []byte
	Previous int
	Limits   map[string]string
	NoLimits bool

	Store        store.Store
	SessionStore store.Sessions
	LimitStore   store.Limits

	Probe *Probe
	Now   func() time.Time
}

// Facts puts together what is known.
func (s *Sources) Facts(o Options) Facts {
	f := Facts{
		URL: s.URL, Path: s.Path, Browser: slices.Contains(s.Clients, "browser"), App: slices.Contains(s.Clients, "app"),
		Pages: s.pages(), TrustedOrigins: s.Trusted, Apps: s.Apps,
		Cookies: Cookies{
			Session: s.Session.CookieName, CSRF: s.Session.CSRFCookieName, Domain: s.Session.CookieDomain,
			SameSite: s.Session.CookieSameSite, Insecure: s.Session.InsecureCookies,
		},
		Proxies: s.Proxies, IPHeader: s.IPHeader, Store: s.stores(), Settings: s.settings(),
		Replicas: o.Replicas, Ticket: s.Probe.Ticket, HTTP: o.HTTP, Offline: o.Offline, Resolver: o.Resolver, Now: s.Now,
	}
	for _, r := range s.Redirects {
		f.Redirects = append(f.Redirects, Redirect{r.Provider, r.URI})
	}
	if m := s.MFA; m != nil && slices.Contains(m.SupportedTypes, store.WebAuthn) {
		f.Passkeys = &Passkeys{m.RPID, m.Origins, m.RelatedOrigins}
	}
	if p, ok := s.Tokens.(tokens.Publisher); ok && p.PublicKeys() != nil {
		f.Keys = s.Path + "/.well-known/jwks.json"
	}
	if p, ok := s.Tokens.(interface{ Policy(time.Time) tokens.Policy }); ok {
		policy := p.Policy(s.Now())
		f.Tokens = &Tokens{policy.AccessLifetime, policy.KeepRefreshToken, policy.SignsSince}
	}
	if c, ok := s.Mailer.(account.MailChecker); ok {
		m := c.MailServer()
		f.Mail = &Mail{m.Name, m.Sender, m.Clear, c.CheckMail}
	}
	return f
}

func (s *Sources) pages() map[string]string {
	p := map[string]string{
		"Frontend.VerifyEmail": s.Pages.VerifyEmail, "Frontend.ResetPassword": s.Pages.ResetPassword,
		"Frontend.RequestPasswordReset": s.Pages.RequestPasswordReset, "Frontend.Signup": s.Pages.Signup,
	}
	maps.DeleteFunc(p, func(_, page string) bool { return page == "" })
	for name, page := range p {
		p[name] = strings.ReplaceAll(page, "{key}", "KEY")
	}
	return p
}

// stores asks each part of what is kept for its abilities.
func (s *Sources) stores() Store {
	out := Store{Clocks: map[string]func(context.Context) (time.Time, error){}, Scopes: map[string]string{}}
	for what, kept := range map[string]any{"accounts": s.Store, "sessions": s.SessionStore, "rate limits": s.LimitStore} {
		if c, ok := kept.(store.Clock); ok {
			out.Clocks[what] = c.Time
		}
		if c, ok := kept.(store.Scope); ok {
			out.Scopes[what] = c.Scope()
		}
	}
	if s.SessionStore == store.Sessions(s.Store) {
		delete(out.Clocks, "sessions")
	}
	if s.LimitStore == store.Limits(s.Store) || any(s.LimitStore) == any(s.SessionStore) {
		delete(out.Clocks, "rate limits")
	}
	if m, ok := s.Store.(store.Migrator); ok {
		out.Pending = m.Pending
	}
	out.Waiting = s.Store.CountMessages
	if b, ok := s.Store.(store.Backlog); ok {
		out.Oldest = b.OldestMessage
	}
	return out
}

func (s *Sources) settings() Settings {
	a, p := &s.Account, &s.Account.Password
	out := Settings{
		Secret: s.Secret, PreviousSecrets: s.Previous, NoLimits: s.NoLimits, Reveal: a.PreventEnumeration == account.Reveal,
		Passwords: s.Social == nil || !s.Social.Only, MinPassword: p.MinLength,
		Argon2Memory: p.Argon2Memory, Argon2Time: p.Argon2Time,
		Unverified:     a.EmailVerification == account.None && (s.Social == nil || !s.Social.Only),
		SlidingForEver: s.Session.Sliding && s.Session.AbsoluteLifetime == 0,
	}
	if p.Hasher != nil { // whose cost is its own
		out.Argon2Memory, out.Argon2Time = 0, 0
	}
	for _, action := range slices.Sorted(maps.Keys(s.Limits)) {
		if s.Limits[action] == "" {
			out.LimitsOff = append(out.LimitsOff, action)
		}
	}
	add := func(list *[]string, setting string, on bool) {
		if on {
			*list = append(*list, setting)
		}
	}
	add(&out.WeakPasswords, "Account.Password.AllowCommon", p.AllowCommon)
	add(&out.WeakPasswords, "Account.Password.AllowNumeric", p.AllowNumeric)
	add(&out.WeakPasswords, "Account.Password.AllowSimilar", p.AllowSimilar)
	if s.MFA != nil {
		add(&out.Development, "MFA.Development", s.MFA.Development)
		add(&out.Development, "MFA.InsecureBypassCode", s.MFA.InsecureBypassCode != "")
		add(&out.Development, "MFA.AllowAnyOrigin", s.MFA.AllowAnyOrigin)
	}
	add(&out.Development, "Social.Development", s.Social != nil && s.Social.Development)
	return out
}
