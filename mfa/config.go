package mfa

import (
	"context"
	"crypto/fips140"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/headless-auth/headless/store"
)

// Config says how further factors work. The zero Config offers TOTP and
// recovery codes. spec: mfa.md §1.
type Config struct {
	// SupportedTypes are what users may set up: any of "totp",
	// "recovery_codes", "webauthn". Default: recovery_codes, totp. What a user
	// has set up already goes on working.
	SupportedTypes []string
	// AllowUnverifiedEmail lets users set up factors, and add addresses to an
	// account that has some, while an address is not proven to be theirs. Whoever
	// proves later that it is theirs does not get round these factors.
	AllowUnverifiedEmail bool

	// Issuer names the site in authenticator apps. Default: Config.Name of the
	// root package.
	Issuer string
	// TOTPPeriod is the time step, in whole seconds. Default 30 s.
	TOTPPeriod time.Duration
	// TOTPDigits of a code. Default 6. Many apps know nothing but 6.
	TOTPDigits int
	// TOTPTolerance is how many steps a clock may be early or late. Default 0.
	TOTPTolerance int
	// InsecureBypassCode is a code that is always right. It needs Development.
	InsecureBypassCode string

	// RecoveryCodeCount and RecoveryCodeDigits say how many recovery codes a
	// user gets, and how long they are. Defaults 10 and 8. Codes are derived
	// anew each time, so changing the digits voids all codes that were written
	// down.
	RecoveryCodeCount, RecoveryCodeDigits int
	// RecoveryCodesShowOnce shows codes the first time only.
	RecoveryCodesShowOnce bool

	// PasskeyLogin lets people log in by passkey alone, PasskeySignup lets them
	// sign up with one. Both need "webauthn" in SupportedTypes.
	PasskeyLogin, PasskeySignup bool
	// RPID is the domain that passkeys belong to, for ever: changing it voids
	// them all. Default: the host of Config.URL.
	RPID string
	// RPName names the site in the browser's dialogs. Default: Config.Name.
	RPName string
	// Origins are where passkeys may be used: "https://app.example.org" on RPID
	// or below it, or "android:apk-key-hash:…" for an app. Default: the origin
	// of Config.URL.
	Origins []string
	// RelatedOrigins are further ones on other domains. They are accepted, and
	// listed by the root package's WellKnown handler, which must be reachable
	// at https://RPID/.well-known/webauthn.
	RelatedOrigins []string
	// AllowAnyOrigin accepts passkeys from every origin. It needs Development.
	AllowAnyOrigin bool

	// Trust offers to trust the browser after a further factor, so that it is
	// not asked for again for a while.
	Trust bool
	// TrustLifetime is how long a browser stays trusted. Default 14 days.
	TrustLifetime time.Duration
	// TrustCookieName is the cookie of trusted browsers. Default "mfa_trusted".
	TrustCookieName string
	// TrustCookieDomain and TrustCookieSameSite are as in sessions.Config, which
	// is also where their defaults come from.
	TrustCookieDomain, TrustCookieSameSite string
	// DjangoSecretKey, if set, is the SECRET_KEY of a Django site that moves
	// in: browsers that were trusted there stay so until that trust expires.
	DjangoSecretKey string

	// Cipher encrypts what authenticators keep secret, such as with a key
	// management service. Default: AES-256-GCM with keys derived from
	// Config.Secret.
	Cipher Cipher
	// OpenLegacy reads secrets that another system has stored, such as Django's
	// adapter with an encrypt of its own. Default: they are plain text.
	OpenLegacy func(ctx context.Context, stored string) (string, error)

	// MustEnroll decides which users must have a further factor, and since when
	// that is so for them. Whoever has none is asked at login to set one up,
	// once GracePeriod has passed since then.
	MustEnroll func(ctx context.Context, u *store.User) (must bool, since time.Time, err error)
	// GracePeriod is how long users who must have a further factor may still
	// log in without. Default 0.
	GracePeriod time.Duration
	// MayRemove decides whether a user may remove an authenticator.
	MayRemove func(ctx context.Context, u *store.User, a *store.Authenticator) (bool, error)
	// RemovalNeedsFactor asks whoever has a further factor for a recent proof of
	// one before one is removed or added, or recovery codes are shown or made
	// anew; the password alone will not do.
	RemovalNeedsFactor bool
	// KeyName names a security key that its user has not named. n counts from
	// 1; model is the authenticator's, if it is known. Default: Master key,
	// Backup key, Key nr. 3, …
	KeyName func(ctx context.Context, n int, model string) string

	// Development permits what must never be on in production.
	Development bool
}

// Cipher encrypts and decrypts what is stored.
type Cipher interface {
	// Seal encrypts plain and binds it to what it belongs to. The text has in
	// it whatever Open needs, such as the id of the key.
	Seal(ctx context.Context, plain []byte, bound string) (string, error)
	// Open decrypts what Seal has made for the same thing. It must fail for
	// anything else.
	Open(ctx context.Context, sealed, bound string) ([]byte, error)
}

// Site is what a configuration takes its defaults from.
type Site struct {
	// URL is where the site is reached.
	URL *url.URL
	// Name of the site, for people.
	Name string
	// CookieDomain and CookieSameSite are the session cookie's.
	CookieDomain, CookieSameSite string
}

// kinds are the types of authenticators in the order in which the API lists
// them.
var kinds = []string{store.RecoveryCodes, store.TOTP, store.WebAuthn}

var sameSite = map[string]http.SameSite{"lax": http.SameSiteLaxMode, "strict": http.SameSiteStrictMode, "none": http.SameSiteNoneMode}

// Problems returns what is wrong with a configuration, by field, and fills in
// the defaults.
func (c *Config) Problems(site Site) map[string]string {
	p := map[string]string{}
	if len(c.SupportedTypes) == 0 {
		c.SupportedTypes = []string{store.RecoveryCodes, store.TOTP}
	}
	for i, t := range c.SupportedTypes {
		field := fmt.Sprintf("SupportedTypes[%d]", i)
		if !slices.Contains(kinds, t) {
			p[field] = fmt.Sprintf(`%q is no type; write "totp", "recovery_codes" or "webauthn"`, t)
		} else if slices.Contains(c.SupportedTypes[:i], t) {
			p[field] = fmt.Sprintf("%q is listed twice", t)
		} else if t != store.WebAuthn && fips140.Enforced() {
			p[field] = fmt.Sprintf(`%q is made with SHA-1, which FIPS 140-only mode forbids; write "webauthn" alone`, t)
		}
	}
	c.totpProblems(site, p)
	c.webauthnProblems(site, p)
	c.trustProblems(site, p)
	if c.GracePeriod < 0 {
		p["GracePeriod"] = `can't be negative; write a duration such as "168h"`
	}
	return p
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

const onlyInDevelopment = "lets anybody in; it works with Development only, never in production"

func (c *Config) totpProblems(site Site, p map[string]string) {
	def(&c.Issuer, site.Name)
	def(&c.TOTPPeriod, 30*time.Second)
	def(&c.TOTPDigits, 6)
	def(&c.RecoveryCodeCount, 10)
	def(&c.RecoveryCodeDigits, 8)
	if c.TOTPPeriod < time.Second || c.TOTPPeriod > 10*time.Minute || c.TOTPPeriod%time.Second != 0 {
		p["TOTPPeriod"] = "must be whole seconds, between 1s and 10m"
	}
	if c.TOTPDigits < 6 || c.TOTPDigits > 8 {
		p["TOTPDigits"] = "must be between 6 and 8"
	}
	if c.TOTPTolerance < 0 || c.TOTPTolerance > 10 {
		p["TOTPTolerance"] = "must be between 0 and 10"
	}
	if c.RecoveryCodeCount < 1 || c.RecoveryCodeCount > 100 {
		p["RecoveryCodeCount"] = "must be between 1 and 100"
	}
	if c.RecoveryCodeDigits < 6 || c.RecoveryCodeDigits > 20 {
		p["RecoveryCodeDigits"] = "must be between 6 and 20"
	}
	if c.InsecureBypassCode != "" && !c.Development {
		p["InsecureBypassCode"] = onlyInDevelopment
	}
}

func (c *Config) supports(kind string) bool { return slices.Contains(c.SupportedTypes, kind) }

func (c *Config) webauthnProblems(site Site, p map[string]string) {
	def(&c.RPID, site.URL.Hostname())
	def(&c.RPName, site.Name)
	if len(c.Origins) == 0 {
		c.Origins = []string{site.URL.Scheme + "://" + site.URL.Host}
	}
	for field, on := range map[string]bool{"PasskeyLogin": c.PasskeyLogin, "PasskeySignup": c.PasskeySignup} {
		if on && !c.supports(store.WebAuthn) {
			p[field] = `needs "webauthn" in SupportedTypes`
		}
	}
	if c.AllowAnyOrigin && !c.Development {
		p["AllowAnyOrigin"] = onlyInDevelopment
	}
	if net.ParseIP(c.RPID) == nil && protocol.ValidateRPID(c.RPID) != nil {
		p["RPID"] = fmt.Sprintf(`%q is no domain; write "example.org", without scheme and port`, c.RPID)
		return
	}
	for i, origin := range c.Origins {
		if what := c.originProblem(origin); what != "" {
			p[fmt.Sprintf("Origins[%d]", i)] = what
		}
	}
	for i, origin := range c.RelatedOrigins {
		if _, what := webOrigin(origin); what != "" {
			p[fmt.Sprintf("RelatedOrigins[%d]", i)] = what
		}
	}
	if _, err := c.relatedOrigins(); err != nil && p["RelatedOrigins[0]"] == "" {
		p["RelatedOrigins"] = err.Error()
	}
}

// originProblem tells why an origin can't be one where passkeys of RPID are
// used.
func (c *Config) originProblem(origin string) string {
	if protocol.IsOpaqueOrigin(origin) && protocol.IsKnownOpaqueOrigin(origin) {
		return ""
	}
	host, what := webOrigin(origin)
	if what == "" && host != c.RPID && !strings.HasSuffix(host, "."+c.RPID) {
		what = fmt.Sprintf("%q is not on RPID %q; write it in RelatedOrigins", origin, c.RPID)
	}
	return what
}

// webOrigin returns the host of an origin on the web, or tells what is wrong.
func webOrigin(origin string) (host, what string) {
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "":
		return "", fmt.Sprintf(`%q has no scheme; write "https://%s"`, origin, strings.TrimPrefix(origin, "//"))
	case u.Scheme != "https" && !(u.Scheme == "http" && local(u.Hostname())):
		return "", fmt.Sprintf("%q must be https; browsers have passkeys on http://localhost only besides", origin)
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "", fmt.Sprintf(`%q must end with the host; write "%s://%s"`, origin, u.Scheme, u.Host)
	}
	return u.Hostname(), ""
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// relatedOrigins is the document of the origins on other domains; nil if there
// are none.
func (c *Config) relatedOrigins() (*protocol.RelatedOrigins, error) {
	if len(c.RelatedOrigins) == 0 {
		return nil, nil
	}
	return protocol.NewRelatedOrigins(c.RelatedOrigins...)
}

func (c *Config) trustProblems(site Site, p map[string]string) {
	def(&c.TrustLifetime, 14*24*time.Hour)
	def(&c.TrustCookieName, "mfa_trusted")
	def(&c.TrustCookieDomain, site.CookieDomain)
	def(&c.TrustCookieSameSite, site.CookieSameSite)
	def(&c.TrustCookieSameSite, "lax")
	if c.TrustLifetime < 0 {
		p["TrustLifetime"] = `can't be negative; write a duration such as "336h"`
	}
	if (&http.Cookie{Name: c.TrustCookieName, Value: "x"}).Valid() != nil {
		p["TrustCookieName"] = "is no cookie name; use letters, digits, - and _"
	}
	if _, ok := sameSite[c.TrustCookieSameSite]; !ok {
		p["TrustCookieSameSite"] = `must be "lax", "strict" or "none"`
	}
}
