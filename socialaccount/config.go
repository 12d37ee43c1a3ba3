package socialaccount

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/outbound"
	"github.com/headless-auth/headless/internal/pattern"
	"github.com/headless-auth/headless/internal/redirect"
	"github.com/headless-auth/headless/store"
)

// Config says through whom people log in, and what for. With the zero Config
// besides Providers, strangers get an account at once if nothing is missing,
// and an email address of a provider leads to nobody else's account.
type Config struct {
	// Providers are the identity providers. See package providers.
	Providers []Provider
	// CallbackURLs are the origins, besides the site's own and
	// headless.Config.TrustedOrigins, that a browser may be sent back to in the
	// end: "https://spa.example.org", or "com.example.app:" for an app's own
	// scheme.
	CallbackURLs []string
	// CallbackPath is where headless.Auth.Callbacks is mounted. The redirect
	// URIs that providers are told are below it. Default "/accounts".
	CallbackPath string
	// OpenIDConnectPath is where OpenID Connect providers return to, below
	// CallbackPath. Default "oidc"; "/" means none.
	OpenIDConnectPath string

	// AskAtSignup has every stranger complete their details first. By default
	// they are asked only for what is missing or taken.
	AskAtSignup bool
	// EmailRequired: no account without an email address. Default: if "email*"
	// is among Account.SignupFields.
	EmailRequired *bool
	// QueryEmail asks providers for email addresses. Default: as
	// EmailRequired.
	QueryEmail *bool
	// EmailVerification is how email verification applies to these logins.
	// Default: as in Account, and "none" with Only.
	EmailVerification account.EmailVerification
	// EmailAuthentication lets whoever has an address verified at a provider
	// into the account here that has it. Whoever runs the provider can get into
	// every such account.
	EmailAuthentication bool
	// AutoConnect links the provider's account to the one here when somebody
	// gets in by EmailAuthentication.
	AutoConnect bool
	// Only: there are no passwords, no signing up or logging in but through
	// providers.
	Only bool

	// StoreTokens keeps the providers' tokens, encrypted, for
	// headless.Auth.ProviderToken.
	StoreTokens bool

	// Timeout is for everything that one request asks of a provider. Default
	// 5 s.
	Timeout time.Duration
	// MaxAnswerBytes bounds a provider's answer. Default 1 MiB.
	MaxAnswerBytes int64
	// Internal are the internal addresses, networks and host names at which
	// providers may be, also over http: "10.1.2.3", "10.1.0.0/16",
	// "id.internal". By default none is called.
	Internal []string
	// Transport takes the place of our own, say to go through a proxy. It has
	// to keep away from internal addresses itself.
	Transport http.RoundTripper

	// Development allows providers that believe whatever they are told, such as
	// providers.Dummy.
	Development bool

	// Hooks are where the host has its say.
	Hooks Hooks
}

// Hooks are where a host has its say. Each is optional; nil means as usual.
// An error made by headless.Reject is the caller's answer; any other is a
// defect.
type Hooks struct {
	// AllowAutoSignup decides whether a stranger gets an account at once,
	// where nothing is missing.
	AllowAutoSignup func(ctx context.Context, p Info, id *Identity) bool
	// Populate may change a new user before they are shown or stored.
	Populate func(ctx context.Context, u *store.User, p Info, id *Identity) error
	// BeforeLogin may refuse whoever a provider has identified. u is nil for a
	// stranger.
	BeforeLogin func(ctx context.Context, u *store.User, p Info, id *Identity) error
	// EmailVerified decides whether an address that a provider names counts as
	// verified though the provider does not say so.
	EmailVerified func(ctx context.Context, p Info, address string) bool
	// AllowEmailAuthentication may keep somebody out of an account that they
	// would get into by a verified address.
	AllowEmailAuthentication func(ctx context.Context, u *store.User, p Info, address string) bool
	// AllowDisconnect may refuse to unlink an account, after our own rules.
	AllowDisconnect func(ctx context.Context, u *store.User, a *store.SocialAccount) error
	// OnError hears why a login at a provider has failed.
	OnError func(ctx context.Context, p Info, err error)
}

var (
	idPattern   = pattern.New(`^[^\s\x00-\x1f\x7f]{1,200}$`)
	pathPattern = pattern.New(`^([A-Za-z0-9._~-]+/)+$`)
)

// Problems returns what is wrong with a configuration, by field, and fills in
// the defaults. The other parts of the configuration have been judged.
func (c *Config) Problems(a *account.Config, mfa bool) map[string]string {
	p := map[string]string{}
	if c.CallbackPath == "" {
		c.CallbackPath = "/accounts"
	}
	if !strings.HasPrefix(c.CallbackPath, "/") || !pathPattern.MatchString(c.CallbackPath[1:]+"/") {
		p["CallbackPath"] = fmt.Sprintf(`%q can't be mounted; write "/accounts"`, c.CallbackPath)
	}
	switch c.OpenIDConnectPath {
	case "":
		c.OpenIDConnectPath = "oidc"
	case "/":
		c.OpenIDConnectPath = ""
	}
	if c.OpenIDConnectPath != "" && !pathPattern.MatchString(c.OpenIDConnectPath+"/") {
		p["OpenIDConnectPath"] = fmt.Sprintf(`%q is no path; write "oidc"`, c.OpenIDConnectPath)
	}
	required := slices.Contains(a.SignupFields, "email*")
	if c.EmailRequired == nil {
		c.EmailRequired = &required
	}
	if c.QueryEmail == nil {
		c.QueryEmail = c.EmailRequired
	}
	if c.EmailVerification == "" {
		if c.EmailVerification = a.EmailVerification; c.Only {
			c.EmailVerification = account.None
		}
	}
	switch c.EmailVerification {
	case account.Mandatory, account.Optional, account.None:
	default:
		p["EmailVerification"] = fmt.Sprintf(`%q is not known; write "mandatory", "optional" or "none"`, string(c.EmailVerification))
	}
	if c.Only && (a.EmailVerification != account.None || c.EmailVerification != account.None) {
		p["Only"] = `needs Account.EmailVerification "none": nobody could verify an address`
	}
	if c.Only && (a.LoginByCode || len(a.LoginCodeRequired) > 0) {
		p["Only"] = "contradicts Account.LoginByCode"
	}
	if c.Only && mfa {
		p["Only"] = "contradicts MFA"
	}
	if c.AutoConnect && !c.EmailAuthentication && !slices.ContainsFunc(c.Providers, func(p Provider) bool {
		return p != nil && p.Info().EmailAuthentication != nil && *p.Info().EmailAuthentication
	}) {
		p["AutoConnect"] = "means nothing without EmailAuthentication"
	}
	if c.Timeout < 0 {
		p["Timeout"] = `can't be negative; write a duration such as "5s"`
	} else if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.MaxAnswerBytes < 0 {
		p["MaxAnswerBytes"] = "can't be negative"
	} else if c.MaxAnswerBytes == 0 {
		c.MaxAnswerBytes = 1 << 20
	}
	for i, s := range c.CallbackURLs {
		if _, err := redirect.New("https://example.org", []string{s}); err != nil {
			p[fmt.Sprintf("CallbackURLs[%d]", i)] = err.Error()
		}
	}
	for i, s := range c.Internal {
		if _, err := outbound.New(outbound.Options{Internal: []string{s}}); err != nil {
			p[fmt.Sprintf("Internal[%d]", i)] = err.Error()
		}
	}
	c.checkProviders(p)
	return p
}

func (c *Config) checkProviders(p map[string]string) {
	ids, paths := map[string]bool{}, map[string]bool{}
	for i, provider := range c.Providers {
		field := fmt.Sprintf("Providers[%d]", i)
		if provider == nil {
			p[field] = "is nil"
			continue
		}
		info := provider.Info()
		if !idPattern.MatchString(info.ID) {
			p[field+".ID"] = fmt.Sprintf("%q is no id", info.ID)
		}
		if ids[info.ID] {
			p[field+".ProviderID"] = fmt.Sprintf("%q is taken by another provider; choose a ProviderID", info.ID)
		}
		ids[info.ID] = true
		_, redirects := provider.(Redirector)
		_, verifies := provider.(TokenVerifier)
		if !redirects && !verifies {
			p[field] = "neither redirects nor takes tokens"
		}
		for _, path := range c.paths(provider) {
			if !pathPattern.MatchString(path) || paths[path] {
				p[field+".Path"] = fmt.Sprintf("%q is no path, or taken by another provider", path)
			}
			paths[path] = true
		}
		if info.DevelopmentOnly && !c.Development {
			p[field] = fmt.Sprintf("%s believes whatever it is told; it needs Development, which is never for people's real accounts", info.ID)
		}
		if checker, ok := provider.(Checker); ok {
			found := checker.Problems()
			for _, f := range slices.Sorted(maps.Keys(found)) {
				p[field+"."+f] = found[f]
			}
		}
	}
}

// openIDConnect is the kind whose callbacks have a path of their own.
const openIDConnect = "openid_connect"

// paths are where a provider is served, below CallbackPath.
func (c *Config) paths(p Provider) (l []string) {
	if _, ok := p.(Redirector); ok {
		l = append(l, c.path(p.Info()))
	}
	if p, ok := p.(Prompter); ok {
		l = append(l, p.PromptPath())
	}
	if p, ok := p.(LogoutPartner); ok {
		l = append(l, p.LogoutPath())
	}
	if p, ok := p.(Publisher); ok {
		l = append(l, p.DocumentPath())
	}
	return l
}

// path is where a provider returns to, below CallbackPath.
func (c *Config) path(info Info) string {
	if info.Kind == openIDConnect && c.OpenIDConnectPath != "" {
		return c.OpenIDConnectPath + "/" + info.Path
	}
	return info.Path
}
