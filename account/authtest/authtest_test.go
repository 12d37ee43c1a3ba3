package authtest_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/account/authtest/softauthn"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/tokens"
)

// host is the configuration of somebody who uses most of what there is.
func host() headless.Config {
	return headless.Config{
		Account: account.Config{LoginByCode: true, EmailVerificationByCode: true, LoginMethods: []string{"email", "username"}},
		MFA:     &mfa.Config{SupportedTypes: []string{"totp", "recovery_codes", "webauthn"}, PasskeyLogin: true, RemovalNeedsFactor: true},
	}
}

// serve gives a site pages of its own.
func serve(site *authtest.Site) {
	api := site.Handler
	mux := http.NewServeMux()
	mux.Handle("/", api)
	mux.Handle("/me", site.Auth.RequireUser(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := headless.User(r.Context())
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"method": r.Method, "email": u.Email, "fields": string(u.Fields)})
	})))
	site.Handler = mux
}

func TestLogin(t *testing.T) {
	t.Parallel()
	method := func(name string) string { return `"method":"` + name + `"` }
	for _, tt := range []struct {
		name    string
		options []authtest.Option
		proofs  []string // in the session's records
	}{
		{"without a ceremony", nil, []string{method("password")}},
		{"by password", []authtest.Option{authtest.WithPassword()}, []string{method("password")}},
		{"by password and TOTP", []authtest.Option{authtest.WithTOTP()}, []string{method("password"), `"type":"totp"`}},
		{"by password and recovery code", []authtest.Option{authtest.WithRecoveryCodes()}, []string{method("password"), `"type":"recovery_codes"`}},
		{"by passkey", []authtest.Option{authtest.WithPasskey()}, []string{`"type":"webauthn"`, `"passwordless":true`}},
		{"with everything", []authtest.Option{authtest.WithTOTP(), authtest.WithRecoveryCodes(), authtest.WithPasskey()}, []string{`"passwordless":true`}},
		{"after a provider", []authtest.Option{authtest.WithProvider("elsewhere")}, []string{method("socialaccount"), `"provider":"elsewhere"`}},
	} {
		for kind, as := range map[string]authtest.Option{authtest.Browser: authtest.AsBrowser(), authtest.App: authtest.AsApp()} {
			t.Run(tt.name+", as "+kind, func(t *testing.T) {
				t.Parallel()
				site := authtest.New(t, host())
				serve(site)
				for range 2 { // a second client of the same person
					c := authtest.Login(t, site, "alice", append(tt.options, as)...)
					if c.Kind != kind || c.Person.Email != "alice@example.org" {
						t.Fatalf("got a %s of %s", c.Kind, c.Person.Email)
					}
					var me map[string]string
					c.Post("/me", nil).Is(200).Into(&me)
					if me["email"] != "alice@example.org" || me["method"] != "POST" {
						t.Errorf("the page sees %v", me)
					}
					r := c.Session()
					if u := r.LoggedIn(); u["username"] != "alice" {
						t.Errorf("got %v", u)
					}
					for _, proof := range tt.proofs {
						if !strings.Contains(string(r.Data), proof) {
							t.Errorf("got %s, want %s in it", r.Data, proof)
						}
					}
				}
			})
		}
	}
}

// Others find a site as they want it: https or http, a path and cookies of its
// own, tokens that are signed, apps alone, no usernames.
func TestSitesOfAllKinds(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(c *headless.Config){
		"plain http":   func(c *headless.Config) { c.URL = "http://localhost:8080" },
		"another path": func(c *headless.Config) { c.Path = "/api/auth" },
		"other cookies": func(c *headless.Config) {
			c.Session.CookieName, c.Session.CSRFCookieName, c.Session.CSRFHeader = "s", "x", "X-X"
		},
		"strict cookies": func(c *headless.Config) { c.Session.CookieSameSite = "strict" },
		"apps alone":     func(c *headless.Config) { c.Clients = []string{"app"} },
		"no usernames":   func(c *headless.Config) { c.Account.NoUsernames, c.Account.LoginMethods = true, nil },
		"names alone":    func(c *headless.Config) { c.Account.LoginMethods = []string{"username"} },
		"sessions apart": func(c *headless.Config) { c.SessionStore = memory.New() },
		"signed tokens": func(c *headless.Config) {
			j, err := tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Private: key}}})
			if err != nil {
				t.Fatal(err)
			}
			c.Tokens = j
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := host()
			change(&c)
			site := authtest.New(t, c)
			serve(site)
			for _, o := range []authtest.Option{authtest.WithPassword(), authtest.WithPasskey(), authtest.Verified()} {
				client := authtest.Login(t, site, "alice", o)
				client.Post("/me", nil).Is(200)
				if client.Kind == authtest.App {
					continue
				}
				authtest.Login(t, site, "alice", o, authtest.AsApp()).Post("/me", nil).Is(200)
			}
		})
	}
}

func TestNewPeople(t *testing.T) {
	t.Parallel()
	site := authtest.New(t, host())
	serve(site)
	c := authtest.Login(t, site, "bob", authtest.Unverified(), authtest.WithUser(func(u *store.User) { u.Fields = []byte(`{"role":"admin"}`) }))
	var me struct{ Fields string }
	c.JSON("/me", &me)
	if me.Fields != `{"role":"admin"}` {
		t.Errorf("got fields %s", me.Fields)
	}
	var addresses []struct{ Verified bool }
	c.JSON(c.API("/account/email"), &addresses)
	if len(addresses) != 1 || addresses[0].Verified {
		t.Errorf("got addresses %v", addresses)
	}
	// Whoever is in the store already is found there.
	again := &authtest.Site{Handler: site.Handler, URL: site.URL, Store: site.Store, Clock: site.Clock}
	if d := authtest.Login(t, again, "bob"); d.Person.ID != c.Person.ID {
		t.Errorf("got %s, want %s", d.Person.ID, c.Person.ID)
	}
	c.Delete(c.API("/auth/session"), nil).Is(401)
	c.Get("/me").Is(401)
}

// A server that runs already needs no more than its address and its store.
func TestOverTheNetwork(t *testing.T) {
	t.Parallel()
	site := authtest.New(t, headless.Config{URL: "http://127.0.0.1"})
	serve(site)
	srv := httptest.NewServer(site.Handler)
	t.Cleanup(srv.Close)
	outside := &authtest.Site{URL: srv.URL, Store: site.Store, Clock: site.Clock}
	authtest.Login(t, outside, "alice", authtest.AsApp()).Get("/me").Is(200)
	authtest.Login(t, outside, "alice", authtest.AsBrowser(), authtest.WithPassword()).Get("/me").Is(200)
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	site := authtest.New(t, headless.Config{})
	c := site.Client(t, authtest.App)
	c.Post(c.API("/auth/signup"), authtest.M{"username": "zoe", "email": "zoe@example.org", "password": authtest.Password}).Pending("verify_email")
	m := site.Mail.Wait(t, "zoe@example.org")
	key := m.Key("/verify-email/")
	if link := m.Link("/verify-email/"); link != "https://site.test/verify-email/"+key || m.Code() != "" {
		t.Errorf("got link %q, code %q", link, m.Code())
	}
	c.Post(c.API("/auth/email/verify"), authtest.M{"key": key}).Is(401)
	if l := site.Mail.Take(""); len(l) != 0 {
		t.Errorf("got %v besides", l)
	}
	if got := site.Events.Take(); len(got) == 0 || got[0] != "user_signed_up" {
		t.Errorf("got events %v", got)
	}

	box := &authtest.Mailbox{}
	arrived := make(chan authtest.Mail)
	go func() { arrived <- box.Wait(t, "zoe@example.org") }()
	for _, to := range []string{"other@example.org", "zoe@example.org"} {
		if err := box.Send(t.Context(), account.Message{To: to, Text: "here it is:\n\n    ABC-DEF\n"}); err != nil {
			t.Fatal(err)
		}
	}
	if m := <-arrived; m.Code() != "ABC-DEF" {
		t.Errorf("got code %q", m.Code())
	}
	box.Fail(io.ErrClosedPipe)
	if err := box.Send(t.Context(), account.Message{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}

	phones := &authtest.Phones{}
	if err := phones.SendSMS(t.Context(), account.SMS{To: "+31612345678", Code: "123456"}); err != nil {
		t.Fatal(err)
	}
	if got := phones.Wait(t, "+31612345678").Code; got != "123456" {
		t.Errorf("got code %q", got)
	}
}

// The codes of a person who logs in by TOTP again and again are each another.
func TestTOTPMovesTheClock(t *testing.T) {
	t.Parallel()
	site := authtest.New(t, host())
	c := authtest.Login(t, site, "alice", authtest.WithTOTP())
	seen := map[string]bool{}
	for range 3 {
		seen[c.Person.TOTP.Next()] = true
	}
	if len(seen) != 3 {
		t.Errorf("got codes %v", seen)
	}
	before := site.Clock.Now()
	site.Clock.Advance(time.Hour)
	c.Person.TOTP.Next()
	if moved := site.Clock.Now().Sub(before); moved != time.Hour {
		t.Errorf("a fresh code has moved the clock: by %v", moved-time.Hour)
	}
}

// Tests that run at once may share a site, and its people.
func TestLoginsAtOnce(t *testing.T) {
	t.Parallel()
	site := authtest.New(t, host())
	t.Run("all", func(t *testing.T) {
		for range 8 {
			t.Run("one", func(t *testing.T) {
				t.Parallel()
				authtest.Login(t, site, "alice", authtest.WithPasskey(), authtest.AsApp()).Session().LoggedIn()
				authtest.Login(t, site, "alice", authtest.WithTOTP()).Session().LoggedIn()
			})
		}
	})
}

// What softauthn can be made to claim is refused.
func TestAClonedPasskey(t *testing.T) {
	t.Parallel()
	site := authtest.New(t, host())
	alice := authtest.Login(t, site, "alice", authtest.WithPasskey())
	clone := alice.Person.Passkey.Clone()
	authtest.Login(t, site, "alice", authtest.WithPasskey()) // the counter goes on
	c := site.Client(t, authtest.App)
	var d struct {
		Options json.RawMessage `json:"request_options"`
	}
	path := c.API("/auth/webauthn/login")
	c.Get(path).Is(200).Into(&d)
	c.Post(path, authtest.M{"credential": clone.Get(d.Options)}).Is(400)
}

func TestEveryAlgorithm(t *testing.T) {
	t.Parallel()
	c := host()
	c.MFA.RemovalNeedsFactor = false
	site := authtest.New(t, c)
	alice := authtest.Login(t, site, "alice", authtest.AsApp())
	for _, alg := range softauthn.Algorithms {
		k := softauthn.New(site.URL, alg)
		k.SelfAttested = true
		var d struct {
			Options json.RawMessage `json:"creation_options"`
		}
		path := alice.API("/account/authenticators/webauthn")
		alice.Get(path + "?passwordless").Is(200).Into(&d)
		alice.Post(path, authtest.M{"credential": k.Create(d.Options)}).Is(200)
	}
}

// BenchmarkPasskeyLogin is a host's test from nothing: a site, a person, a
// passkey that is made and used.
func BenchmarkPasskeyLogin(b *testing.B) {
	for b.Loop() {
		site := authtest.New(b, host())
		authtest.Login(b, site, "alice", authtest.WithPasskey())
	}
}
