package mfa_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account/authtest/softauthn"
	"github.com/headless-auth/headless/internal/wiretest"
)

// spec: mfa.md §7.9.
func TestPasskeyLogin(t *testing.T) {
	t.Run("logs in alone", func(t *testing.T) {
		everywhere(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			k := addKey(t, w, c, "?passwordless")
			activate(t, w, c)
			c = c.Other()
			same(t, c.Session().Flows(), "login", "signup", "mfa_login_webauthn")
			o := optionsOf(t, c.Get(loginPath))
			c.Post(loginPath, M{}).Fails("credential:required")
			before := c.Credential()
			w.Events.Take()
			r := c.Post(loginPath, M{"credential": k.Get(o)})
			r.LoggedIn()
			same(t, w.Events.Take(), "authenticator_used", "authentication_step_completed", "user_logged_in")
			m := r.Methods()
			if len(m) != 1 || m[0]["id"] == nil {
				t.Fatalf("got %v", m)
			}
			equal(t, without(m[0], "id"), M{"method": "mfa", "type": "webauthn", "passwordless": true})
			c.Dead(before)
			// Somebody who is logged in has no need of it, as with a password.
			answer(t, c, loginPath, k).Is(409)
			c.Session().LoggedIn()
		})
	})

	t.Run("only by keys made for it, with a verified user", func(t *testing.T) {
		for name, tt := range map[string]struct {
			query  string
			make   func(k *softauthn.Authenticator)
			use    func(k *softauthn.Authenticator)
			tamper func(c softauthn.Credential)
			ok     bool
		}{
			"a passkey":                             {query: "?passwordless", ok: true},
			"a passkey whose browser tells nothing": {query: "?passwordless", make: func(k *softauthn.Authenticator) { k.OmitRK = true }, ok: true},
			"a second factor":                       {},
			"one whose browser tells nothing":       {make: func(k *softauthn.Authenticator) { k.OmitRK = true }},
			"one that is not discoverable":          {query: "?passwordless", make: func(k *softauthn.Authenticator) { k.RK = new(bool) }},
			"a second factor that is, or says so":   {make: func(k *softauthn.Authenticator) { yes := true; k.RK = &yes }},
			"without verified user":                 {query: "?passwordless", use: func(k *softauthn.Authenticator) { k.Unverified = true }},
			"with the flag raised":                  {query: "?passwordless", use: func(k *softauthn.Authenticator) { k.Unverified = true }, tamper: raiseFlag(1 << 2)},
			"without user handle":                   {query: "?passwordless", use: func(k *softauthn.Authenticator) { k.OmitHandle = true }},
			"an unknown user's handle":              {query: "?passwordless", use: func(k *softauthn.Authenticator) { k.UserHandle = "OTk5OTk5OTk" }},
			"a handle that is none":                 {query: "?passwordless", use: func(k *softauthn.Authenticator) { k.UserHandle = "____" }},
		} {
			t.Run(name, func(t *testing.T) {
				each(t, nil, func(t *testing.T, w *World, c *Client) {
					c.LogIn(w.Make(Person{}))
					k := newKey(w)
					if tt.make != nil {
						tt.make(k)
					}
					c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath+tt.query)))}).Is(200)
					c = c.Other()
					if tt.use != nil {
						tt.use(k)
					}
					credential := k.Get(optionsOf(t, c.Get(loginPath)))
					if tt.tamper != nil {
						tt.tamper(credential)
					}
					if r := c.Post(loginPath, M{"credential": credential}); tt.ok {
						r.LoggedIn()
					} else {
						r.Fails("credential:incorrect_code")
					}
				})
			})
		}
	})

	t.Run("attack: another user's handle", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			victim := w.Make(Person{})
			c.LogIn(victim)
			addKey(t, w, c, "?passwordless")
			c = c.Other()
			c.LogIn(w.Make(Person{}))
			k := addKey(t, w, c, "?passwordless")
			k.UserHandle = handleOf(victim)
			c = c.Other()
			answer(t, c, loginPath, k).Fails("credential:incorrect_code")
		})
	})

	t.Run("other stages still apply", func(t *testing.T) {
		each(t, func(c *headless.Config) {
			c.Account.LoginCodeRequired, c.Stages = []string{"mfa"}, append(c.Stages, terms{})
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			k := newKey(w)
			options := M{"publicKey": M{"challenge": "AAAA", "rp": M{"id": "127.0.0.1"}, "authenticatorSelection": M{"residentKey": "required"}, "user": M{"id": handleOf(p)}}}
			b, err := json.Marshal(options)
			if err != nil {
				t.Fatal(err)
			}
			if b, err = json.Marshal(M{"name": "x", "credential": k.Create(b)}); err != nil {
				t.Fatal(err)
			}
			row(t, w, p, "webauthn", string(b), nil)
			answer(t, c, loginPath, k).Pending("login_by_code")
			c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).Pending("accept_terms")
		})
	})

	t.Run("not for the disabled", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			k := addKey(t, w, c, "?passwordless")
			u := w.User(p.ID)
			u.Disabled = true
			if err := w.Store.UpdateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			c = c.Other()
			answer(t, c, loginPath, k).NothingPending()
			c.Session().NothingPending()
		})
	})

	t.Run("is off unless configured", func(t *testing.T) {
		each(t, func(c *headless.Config) { c.MFA.PasskeyLogin = false }, func(t *testing.T, w *World, c *Client) {
			c.Get(loginPath).Is(404)
			c.Get(signupPath).Is(404)
			same(t, c.Session().Flows(), "login", "signup")
		})
	})
}

// spec: mfa.md §7.10.
func TestPasskeySignup(t *testing.T) {
	// come as far as the passkey
	begin := func(t *testing.T, w *World, c *Client) *Person {
		t.Helper()
		p := &Person{Email: wiretest.FreshEmail()}
		c.Post(signupPath, M{"email": p.Email, "password": "ignored"}).Pending("verify_email")
		code := w.Inbox.Mail(t, p.Email, "email_confirmation_signup").Data["code"]
		c.Post("/auth/email/verify", M{"key": code}).Pending("mfa_signup_webauthn")
		return p
	}
	t.Run("makes an account with a passkey", func(t *testing.T) {
		everywhere(t, signupByPasskey, func(t *testing.T, w *World, c *Client) {
			c.Post(signupPath, M{"email": "nope"}).Fails("email:invalid")
			c.Get(signupPath).Is(409)
			c.Put(signupPath, M{"credential": M{"x": 1}}).Is(409)
			p := begin(t, w, c)
			o := optionsOf(t, c.Get(signupPath))
			if !strings.Contains(string(o), `"userVerification":"required"`) || !strings.Contains(string(o), `"residentKey":"required"`) {
				t.Errorf("got %s", o)
			}
			k := newKey(w)
			k.Unverified = true
			c.Put(signupPath, M{"name": "mine"}).Fails("credential:required")
			c.Put(signupPath, M{"credential": k.Create(o)}).Fails(":incorrect_code")
			c.Session().Pending("mfa_signup_webauthn")
			k.Unverified = false
			before := c.Credential()
			w.Events.Take()
			r := c.Put(signupPath, M{"name": "mine", "credential": k.Create(optionsOf(t, c.Get(signupPath)))})
			u := r.LoggedIn()
			equal(t, []any{u["email"], u["has_usable_password"], len(r.Methods())}, []any{p.Email, false, 0})
			same(t, w.Events.Take(), "authenticator_added", "user_logged_in")
			w.Inbox.NoMail(t, p.Email)
			c.Dead(before)
			same(t, kinds(t, c), "webauthn") // no recovery codes
			r = c.Get(keysPath).Is(401)      // nothing is recorded, so nothing is recent
			same(t, r.Flows(), "mfa_reauthenticate")
			c.Get(signupPath).Is(409)
			c.Post(signupPath, M{"email": wiretest.FreshEmail()}).Is(409)
			c = c.Other()
			answer(t, c, loginPath, k).LoggedIn()
		})
	})
	t.Run("looks the same for a taken address", func(t *testing.T) {
		each(t, signupByPasskey, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			free := c.Post(signupPath, M{"email": wiretest.FreshEmail()}).Pending("verify_email")
			c = c.Other()
			taken := c.Post(signupPath, M{"email": p.Email}).Pending("verify_email")
			equal(t, json.RawMessage(taken.Data), json.RawMessage(free.Data))
			w.Inbox.Mail(t, p.Email, "account_already_exists")
			c.Get(signupPath).Is(409)
		})
	})
	t.Run("can be left, and the account be had otherwise", func(t *testing.T) {
		each(t, signupByPasskey, func(t *testing.T, w *World, c *Client) {
			p := begin(t, w, c)
			c.Delete("/auth/session", nil).NothingPending()
			c = c.Other()
			c.Get(signupPath).Is(409)
			c.Post("/auth/password/request", M{"email": p.Email}).Is(200)
			w.Inbox.Mail(t, p.Email, "password_reset_key")
		})
	})
	t.Run("refuses keys that somebody has", func(t *testing.T) {
		each(t, signupByPasskey, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			k := addKey(t, w, c, "")
			c = c.Other()
			begin(t, w, c)
			c.Put(signupPath, M{"credential": k.Create(optionsOf(t, c.Get(signupPath)))}).Fails(":incorrect_code")
		})
	})
	t.Run("is closed where signing up is", func(t *testing.T) {
		each(t, func(c *headless.Config) { signupByPasskey(c); c.Account.SignupClosed = true }, func(t *testing.T, w *World, c *Client) {
			c.Post(signupPath, M{"email": wiretest.FreshEmail()}).Is(403)
		})
	})
}
