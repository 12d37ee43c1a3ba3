package authtest

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/account/authtest/softauthn"
	"github.com/headless-auth/headless/store"
)

// Option says who logs in with [Login], and how.
type Option func(*login)

type login struct {
	kind                           string
	password, totp, codes, passkey bool
	provider                       string
	unverified                     bool
	change                         []func(*store.User)
}

// AsBrowser logs in with cookies. This is the default, unless the site serves
// apps alone.
func AsBrowser() Option { return func(l *login) { l.kind = Browser } }

// AsApp logs in with a session token.
func AsApp() Option { return func(l *login) { l.kind = App } }

// Verified has the address of somebody new proven to be theirs, as by default.
func Verified() Option { return func(l *login) { l.unverified = false } }

// Unverified has the address of somebody new not proven to be theirs.
func Unverified() Option { return func(l *login) { l.unverified = true } }

// WithUser changes somebody new before they are stored, such as their Fields.
func WithUser(change func(u *store.User)) Option {
	return func(l *login) { l.change = append(l.change, change) }
}

// WithPassword logs in by password, and by a second factor where there is one.
func WithPassword() Option { return func(l *login) { l.password = true } }

// WithTOTP logs in by password and a code of an authenticator app, which is
// set up first.
func WithTOTP() Option { return func(l *login) { l.password, l.totp = true, true } }

// WithRecoveryCodes logs in by password and a recovery code. As such codes come
// with another factor only, an authenticator app is set up as well.
func WithRecoveryCodes() Option { return func(l *login) { l.password, l.codes = true, true } }

// WithPasskey logs in by passkey, which is set up first.
func WithPasskey() Option { return func(l *login) { l.passkey = true } }

// WithProvider makes a session as it is after a login through an identity
// provider, by its id, with an account that is linked there. The provider is
// not asked; see [Client.LoginAt] for one that is.
func WithProvider(id string) Option { return func(l *login) { l.provider = id } }

// Login returns a client that somebody is logged in with. Whoever has the name
// is made when it is used first: "alice" is alice@example.org, verified. Further
// logins of the same name are further clients of the same person.
//
// Without an option that names a ceremony, none is held: the session is put
// into the store as a login by password leaves it. That works with every
// configuration and costs next to nothing.
func Login(t testing.TB, s *Site, name string, options ...Option) *Client {
	t.Helper()
	l := &login{kind: Browser}
	if kinds := s.Config.Clients; len(kinds) > 0 && !slices.Contains(kinds, Browser) {
		l.kind = App
	}
	for _, o := range options {
		o(l)
	}
	p := s.person(t, name, l)
	p.mu.Lock()
	defer p.mu.Unlock()
	s.setUp(t, p, l)
	c := s.Client(t, l.kind)
	c.Person = p
	switch {
	case l.passkey:
		c.ceremony("/auth/webauthn/login", p.Passkey)
	case l.password:
		c.byPassword(l)
	case l.provider != "":
		s.enter(c, store.Method{Method: "socialaccount", Provider: l.provider, UID: p.uid()})
	default:
		s.enter(c, store.Method{Method: "password", Email: p.Email})
	}
	if r := c.Session(); r.Status != http.StatusOK {
		t.Fatalf("%s is not logged in: %s", name, r.Raw)
	}
	return c
}

// enter logs a client in by storing a session for it.
func (s *Site) enter(c *Client, proofs ...store.Method) {
	c.t.Helper()
	ctx, now, token := c.t.Context(), s.now().UTC().Truncate(time.Microsecond), rand.Text()+rand.Text()
	u, err := s.Store.User(ctx, c.Person.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(token))
	session := &store.Session{
		TokenHash: sum[:], UserID: u.ID, Epoch: u.Epoch, IP: "127.0.0.1", UserAgent: "authtest",
		CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(cmp.Or(s.Config.Session.Lifetime, 14*24*time.Hour)),
	}
	for _, m := range proofs {
		m.At = float64(now.UnixMicro()) / 1e6
		session.Methods = session.Methods.With(m)
	}
	sessions := store.Sessions(s.Store)
	if s.Config.SessionStore != nil {
		sessions = s.Config.SessionStore
	}
	if err := sessions.CreateSession(ctx, session); err != nil {
		c.t.Fatal(err)
	}
	if c.Kind == App {
		c.Token = token
	} else {
		c.SetCookie(s.sessionCookie(), token)
	}
}

// setUp gives somebody the factors that a login needs.
func (s *Site) setUp(t testing.TB, p *Person, l *login) {
	t.Helper()
	app := (l.totp || l.codes) && p.TOTP == nil
	codes := l.codes && len(p.RecoveryCodes) == 0
	passkey := l.passkey && p.Passkey == nil
	if !app && !codes && !passkey {
		return
	}
	if s.Config.MFA == nil && s.Auth != nil {
		t.Fatal("authtest: further factors need Config.MFA, which is not set")
	}
	c := s.Client(t, l.kind)
	c.Person = p
	// Whoever has a factor already may be asked for it before there is another.
	s.enter(c, store.Method{Method: "password", Email: p.Email}, store.Method{Method: "mfa", Type: store.TOTP}, store.Method{Method: "mfa", Type: store.WebAuthn})
	if app {
		path := c.API("/account/authenticators/totp")
		r := c.Get(path)
		link, _ := r.Is(http.StatusNotFound).Meta["totp_url"].(string)
		p.TOTP = NewTOTP(t, s.clock(t), link)
		c.Post(path, M{"code": p.TOTP.Code()}).Is(http.StatusOK)
	}
	if codes {
		var d struct {
			Codes []string `json:"unused_codes"`
		}
		c.Post(c.API("/account/authenticators/recovery-codes"), M{}).Is(http.StatusOK).Into(&d)
		p.RecoveryCodes = d.Codes
	}
	if passkey {
		path := c.API("/account/authenticators/webauthn")
		p.Passkey = softauthn.New(s.passkeyOrigin(), softauthn.ES256)
		credential := p.Passkey.Create(optionsOf(c.Get(path + "?passwordless")))
		c.Post(path, M{"name": "authtest", "credential": credential}).Is(http.StatusOK)
	}
}

// clock is the site's clock, which TOTP can't do without: no code works twice.
func (s *Site) clock(t testing.TB) *Clock {
	t.Helper()
	if s.Clock == nil {
		t.Fatal("authtest: TOTP needs Site.Clock, which no code has to wait for")
	}
	return s.Clock
}

// passkeyOrigin is where the site's passkeys may be used.
func (s *Site) passkeyOrigin() string {
	if m := s.Config.MFA; m != nil && len(m.Origins) > 0 {
		return m.Origins[0]
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return s.URL
	}
	return u.Scheme + "://" + u.Host
}

// optionsOf are the options for an authenticator in an answer.
func optionsOf(r *Reply) []byte {
	r.t.Helper()
	var d map[string]json.RawMessage
	r.Is(http.StatusOK).Into(&d)
	for _, name := range []string{"creation_options", "request_options"} {
		if o := d[name]; o != nil {
			return o
		}
	}
	r.t.Fatalf("%s: got %s, want options", r.What, r.Data)
	return nil
}

// ceremony answers the request options of an endpoint with a key.
func (c *Client) ceremony(path string, k *softauthn.Authenticator) {
	c.t.Helper()
	c.Post(c.API(path), M{"credential": k.Get(optionsOf(c.Get(c.API(path))))}).Is(http.StatusOK)
}

// byPassword logs in by password and a further factor, if one is asked for.
func (c *Client) byPassword(l *login) {
	c.t.Helper()
	p, by, name := c.Person, "email", c.Person.Email
	if methods := c.site.Config.Account.LoginMethods; len(methods) > 0 && !slices.Contains(methods, "email") {
		by, name = "username", p.Name
	}
	r := c.Post(c.API("/auth/login"), M{by: name, "password": Password})
	if r.Status == http.StatusOK || !slices.Contains(r.Flows(), "mfa_authenticate*") {
		r.Is(http.StatusOK)
		return
	}
	path := c.API("/auth/2fa/authenticate")
	switch {
	case l.codes && len(p.RecoveryCodes) > 0:
		code := p.RecoveryCodes[0]
		p.RecoveryCodes = p.RecoveryCodes[1:]
		c.Post(path, M{"code": code}).Is(http.StatusOK)
	case p.TOTP != nil:
		c.Post(path, M{"code": p.TOTP.Next()}).Is(http.StatusOK)
	case p.Passkey != nil:
		c.ceremony("/auth/webauthn/authenticate", p.Passkey)
	default:
		c.t.Fatalf("%s has a further factor that authtest has not set up: %s", p.Name, r.Raw)
	}
}

// LoginAt logs somebody in through a provider: a browser by going there, an
// app by a token. It returns where the client stands then.
func (c *Client) LoginAt(p *Provider, who Identity) *Reply {
	c.t.Helper()
	if c.Kind == App {
		token, err := p.IDToken(who)
		if err != nil {
			c.t.Fatal(err)
		}
		return c.Post(c.API("/auth/provider/token"), M{
			"provider": p.ID, "process": "login", "token": M{"client_id": p.client.ID, "id_token": token},
		})
	}
	r := c.Form(c.API("/auth/provider/redirect"), url.Values{
		"provider": {p.ID}, "process": {"login"}, "callback_url": {strings.TrimRight(c.site.URL, "/") + "/"},
	})
	location := r.Is(http.StatusFound).Header.Get("Location")
	if !strings.HasPrefix(location, p.URL+"/") {
		return c.Session() // it can't be reached, or lies
	}
	back, err := p.Consent(location, who)
	if err != nil {
		c.t.Fatal(err)
	}
	c.Get(back).Is(http.StatusFound)
	return c.Session()
}
