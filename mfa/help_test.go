package mfa_test

import (
	ctx "context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest/softauthn"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store"
)

type (
	context = ctx.Context
	M       = wiretest.M
	Client  = wiretest.Client
	World   = wiretest.World
	Person  = wiretest.Person
)

var (
	everything = []string{store.TOTP, store.RecoveryCodes, store.WebAuthn}
	inMemory   = []string{"memory"}
)

// with configures a site with all kinds of factors, and what change wants.
func with(change func(c *headless.Config)) func(*headless.Config) {
	return func(c *headless.Config) {
		c.MFA = &mfa.Config{SupportedTypes: everything, PasskeyLogin: true}
		c.Account.EmailNotifications = true
		if change != nil {
			change(c)
		}
	}
}

// signupByPasskey configures a site where people sign up by passkey.
func signupByPasskey(c *headless.Config) {
	c.MFA.PasskeySignup = true
	c.Account.EmailVerificationByCode = true
}

// each runs a scenario in memory, for both kinds of clients; everywhere, on
// every store.
func each(t *testing.T, change func(*headless.Config), scenario func(t *testing.T, w *World, c *Client)) {
	t.Helper()
	wiretest.EachOn(t, inMemory, with(change), scenario)
}

func everywhere(t *testing.T, change func(*headless.Config), scenario func(t *testing.T, w *World, c *Client)) {
	t.Helper()
	wiretest.Each(t, with(change), scenario)
}

// same compares a list of words.
func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// equal compares by the JSON form.
func equal(t *testing.T, got, want any) {
	t.Helper()
	var g, w any
	for p, v := range map[*any]any{&g: got, &w: want} {
		b, err := json.Marshal(v)
		if err == nil {
			err = json.Unmarshal(b, p)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %v\nwant %v", g, w)
	}
}

// codeAt is the TOTP code of a secret at a time.
func codeAt(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// App is an authenticator app.
type App struct {
	t      *testing.T
	clock  *wiretest.Clock
	secret string
}

// Code is what the app shows now.
func (a *App) Code() string { return codeAt(a.t, a.secret, a.clock.Now()) }

// Next is what it will show, and moves the clock so far.
func (a *App) Next() string {
	a.clock.Advance(30 * time.Second)
	return a.Code()
}

const (
	totpPath     = "/account/authenticators/totp"
	recoveryPath = "/account/authenticators/recovery-codes"
	keysPath     = "/account/authenticators/webauthn"
	listPath     = "/account/authenticators"
	codePath     = "/auth/2fa/authenticate"
	keyPath      = "/auth/webauthn/authenticate"
	loginPath    = "/auth/webauthn/login"
	signupPath   = "/auth/webauthn/signup"
	trustPath    = "/auth/2fa/trust"
	browsersPath = "/ext/account/trusted-browsers"
)

// activate sets up TOTP for whom a client is logged in as.
func activate(t *testing.T, w *World, c *Client) *App {
	t.Helper()
	secret, _ := c.Get(totpPath).Is(404).Meta["secret"].(string)
	a := &App{t, w.Clock, secret}
	c.Post(totpPath, M{"code": a.Code()}).Is(200)
	return a
}

// optionsOf are the options in an answer.
func optionsOf(t *testing.T, r *wiretest.Reply) []byte {
	t.Helper()
	var d map[string]json.RawMessage
	r.Is(200).Into(&d)
	for _, name := range []string{"creation_options", "request_options"} {
		if o := d[name]; o != nil {
			return o
		}
	}
	t.Fatalf("%s: got %s, want options", r.What, r.Data)
	return nil
}

// newKey is a security key on the site's own page.
func newKey(w *World) *softauthn.Authenticator { return softauthn.New(w.URL, softauthn.ES256) }

// addKey adds a security key, or a passkey if the query says so.
func addKey(t *testing.T, w *World, c *Client, query string) *softauthn.Authenticator {
	t.Helper()
	k := newKey(w)
	c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath+query)))}).Is(200)
	return k
}

// answer answers the request options of an endpoint with a key.
func answer(t *testing.T, c *Client, path string, k *softauthn.Authenticator) *wiretest.Reply {
	t.Helper()
	return c.Post(path, M{"credential": k.Get(optionsOf(t, c.Get(path)))})
}

// recoveryCodes are a client's unused recovery codes.
func recoveryCodes(t *testing.T, c *Client) []string {
	t.Helper()
	var d struct {
		Codes []string `json:"unused_codes"`
	}
	c.Get(recoveryPath).Is(200).Into(&d)
	return d.Codes
}

// kinds are the types of a client's authenticators.
func kinds(t *testing.T, c *Client) []string {
	t.Helper()
	var l []M
	c.Get(listPath).Is(200).Into(&l)
	var types []string
	for _, a := range l {
		types = append(types, a["type"].(string))
	}
	return types
}

// logIn logs in by password, to wherever that leads.
func logIn(c *Client, p *Person) *wiretest.Reply {
	return c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password})
}

// pendingTypes are the types that a pending login may be continued with.
func pendingTypes(r *wiretest.Reply, flow string) []string {
	var d struct {
		Flows []struct {
			ID      string
			Types   []string
			Pending bool `json:"is_pending"`
		}
	}
	_ = json.Unmarshal(r.Data, &d)
	for _, f := range d.Flows {
		if f.ID == flow {
			return f.Types
		}
	}
	return nil
}

// rows are the authenticators of a person as they are stored.
func rows(t *testing.T, w *World, p *Person) []*store.Authenticator {
	t.Helper()
	l, err := w.Store.AuthenticatorsOf(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// row stores an authenticator as another system has left it.
func row(t *testing.T, w *World, p *Person, kind, data string, key []byte) *store.Authenticator {
	t.Helper()
	a := &store.Authenticator{UserID: p.ID, Type: kind, Data: []byte(data), Key: key, CreatedAt: w.Clock.Now()}
	if err := w.Store.CreateAuthenticator(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	return a
}

// without returns a copy of m without some members.
func without(m M, names ...string) M {
	m = maps.Clone(m)
	for _, n := range names {
		delete(m, n)
	}
	return m
}

// terms is a stage of the host's own, after all others.
type terms struct{}

// Key implements [account.Stage].
func (terms) Key() string { return "accept_terms" }

// Enter implements [account.Stage].
func (terms) Enter(context, *account.Login) (account.Verdict, error) { return account.Wait, nil }

// named is a stage with any name.
type named string

// Key implements [account.Stage].
func (n named) Key() string { return string(n) }

// Enter implements [account.Stage].
func (named) Enter(context, *account.Login) (account.Verdict, error) { return account.Pass, nil }

// wait is long enough for every code to be another.
const wait = 10 * time.Minute
