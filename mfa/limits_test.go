package mfa_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
)

func limited(limits map[string]string) func(c *headless.Config) {
	return func(c *headless.Config) { c.NoLimits, c.Limits = false, limits }
}

// spec: mfa.md §5.
func TestLimits(t *testing.T) {
	t.Run("guesses at a user's factor are counted, from everywhere together", func(t *testing.T) {
		everywhere(t, limited(map[string]string{"login_failed": "3/300s/key"}), func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			app, k := activate(t, w, c), addKey(t, w, c, "")
			in := c.Other()
			logIn(in, p).Pending("mfa_authenticate")
			for range 3 {
				d := c.Other()
				logIn(d, p).Pending("mfa_authenticate")
				d.Post(codePath, M{}).Fails("code:required") // is no guess
				d.Post(codePath, M{"code": wiretest.Wrong(app.Code())}).Fails("code:incorrect_code")
			}
			w.Events.Take()
			app.Next()
			in.Post(codePath, M{"code": app.Code()}).Fails("code:too_many_login_attempts")
			answer(t, in, keyPath, k).Fails("credential:too_many_login_attempts")
			c.Post("/auth/2fa/reauthenticate", M{"code": app.Code()}).Fails("code:too_many_login_attempts")
			same(t, w.Events.Take())
			c.Session().LoggedIn() // who is in stays in
			logIn(c.Other(), p).Pending("mfa_authenticate")
			w.Clock.Advance(5 * time.Minute)
			in.Post(codePath, M{"code": app.Code()}).LoggedIn()
		})
	})
	t.Run("a success takes back its own, and nothing else", func(t *testing.T) {
		each(t, limited(map[string]string{"login_failed": "3/300s/key"}), func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			app := activate(t, w, c)
			for range 2 {
				c.Post("/auth/2fa/reauthenticate", M{"code": "000000"}).Fails("code:incorrect_code")
			}
			for range 3 {
				c.Post("/auth/2fa/reauthenticate", M{"code": app.Next()}).LoggedIn()
			}
			c.Post("/auth/2fa/reauthenticate", M{"code": "000000"}).Fails("code:incorrect_code")
			c.Post("/auth/2fa/reauthenticate", M{"code": app.Next()}).Fails("code:too_many_login_attempts")
		})
	})
	t.Run("attack: one success must not let brute force go on at other accounts", func(t *testing.T) {
		each(t, limited(map[string]string{"login_failed": "5/m/ip"}), func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			app := activate(t, w, c)
			victim := w.Make(Person{})
			for range 4 {
				c.Other().Post("/auth/login", M{"email": victim.Email, "password": "wrong"}).Fails("password:email_password_mismatch")
			}
			c.Post("/auth/2fa/reauthenticate", M{"code": app.Next()}).LoggedIn()
			c.Other().Post("/auth/login", M{"email": victim.Email, "password": "wrong"}).Fails("password:email_password_mismatch")
			c.Other().Post("/auth/login", M{"email": victim.Email, "password": "wrong"}).Fails(":too_many_login_attempts")
			w.Clock.Advance(time.Minute)
		})
	})
	t.Run("a hundred failures in a row are the end for long", func(t *testing.T) { // requirement LIM-5
		each(t, limited(map[string]string{"login_failed": headless.NoLimit}), func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			app := activate(t, w, c)
			try := func() *wiretest.Reply { return c.Post("/auth/2fa/reauthenticate", M{"code": "000000"}) }
			for range 99 {
				try().Fails("code:incorrect_code")
			}
			c.Post("/auth/2fa/reauthenticate", M{"code": app.Next()}).LoggedIn()
			for range 100 { // in a row
				try().Fails("code:incorrect_code")
			}
			try().Fails("code:too_many_login_attempts")
			w.Clock.Advance(7 * 24 * time.Hour)
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			c.Post(codePath, M{"code": app.Code()}).Fails("code:too_many_login_attempts")
			w.Clock.Advance(24 * 24 * time.Hour) // but not for ever
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			c.Post(codePath, M{"code": app.Code()}).LoggedIn()
		})
	})
	t.Run("a reset by the host ends that, too", func(t *testing.T) {
		each(t, limited(map[string]string{"login_failed": headless.NoLimit, "mfa_failed": "2/30d/key"}), func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			activate(t, w, c)
			for range 2 {
				c.Post("/auth/2fa/reauthenticate", M{"code": "000000"}).Fails("code:incorrect_code")
			}
			if err := w.Auth.ResetMFA(t.Context(), p.ID); err != nil {
				t.Fatal(err)
			}
			app := activate(t, w, c)
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			c.Post(codePath, M{"code": app.Next()}).LoggedIn()
		})
	})
	t.Run("attack: nobody is locked out of their passkey with junk", func(t *testing.T) {
		each(t, limited(map[string]string{"login_failed": "3/300s/key"}), func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			k := addKey(t, w, c, "?passwordless")
			junk := newKey(w)
			junk.UserHandle = k.UserHandle
			for range 3 {
				answer(t, c.Other(), loginPath, junk).Fails("credential:incorrect_code")
			}
			answer(t, c.Other(), loginPath, junk).Fails("credential:too_many_login_attempts")
			answer(t, c.Other(), loginPath, k).LoggedIn()
		})
	})
	t.Run("passkeys are limited by address", func(t *testing.T) {
		each(t, limited(map[string]string{"login_failed": "3/m/ip"}), func(t *testing.T, w *World, c *Client) {
			for range 3 {
				answer(t, c.Other(), loginPath, newKey(w)).Fails("credential:incorrect_code")
			}
			answer(t, c.Other(), loginPath, newKey(w)).Fails("credential:too_many_login_attempts")
			c.Other().Post(loginPath, M{"credential": M{"x": 1}}).Fails("credential:too_many_login_attempts")
			w.Clock.Advance(time.Minute)
		})
	})
	t.Run("activation is limited", func(t *testing.T) {
		each(t, limited(map[string]string{"login_failed": "3/300s/key"}), func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			secret := c.Get(totpPath).Is(404).Meta["secret"].(string)
			code := codeAt(t, secret, w.Clock.Now())
			for range 3 {
				c.Post(totpPath, M{"code": wiretest.Wrong(code)}).Fails("code:incorrect_code")
			}
			c.Post(totpPath, M{"code": code}).Fails("code:too_many_login_attempts")
		})
	})
	t.Run("signing up by passkey is limited as signing up", func(t *testing.T) {
		each(t, func(c *headless.Config) {
			signupByPasskey(c)
			limited(map[string]string{"signup": "2/m/ip", "confirm_email": headless.NoLimit})(c)
		}, func(t *testing.T, w *World, c *Client) {
			for range 2 {
				c.Other().Post(signupPath, M{"email": wiretest.FreshEmail()}).Pending("verify_email")
			}
			c.Other().Post(signupPath, M{"email": wiretest.FreshEmail()}).Is(429)
			w.Clock.Advance(time.Minute)
		})
	})
}

// spec: config-openapi.md §1.
func TestConfigEndpoint(t *testing.T) {
	each(t, nil, func(t *testing.T, _ *World, c *Client) {
		var d struct{ MFA json.RawMessage }
		c.Get("/config").Is(200).Into(&d)
		equal(t, d.MFA, M{"supported_types": everything, "passkey_login_enabled": true})
	})
}
