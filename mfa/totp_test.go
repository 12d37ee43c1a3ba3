package mfa_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
)

// spec: mfa.md §6.4.
func TestTOTP(t *testing.T) {
	t.Run("is set up, shown and removed", func(t *testing.T) {
		everywhere(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			first := c.Get(totpPath).Is(404).Meta["secret"]
			r := c.Get(totpPath).Is(404)
			secret := r.Meta["secret"].(string)
			if len(secret) != 32 || secret == first {
				t.Errorf("got secret %s after %s", secret, first)
			}
			if want := "otpauth://totp/" + strings.ReplaceAll(p.Email, "@", "%40") + "?secret=" + secret + "&issuer=Example"; r.Meta["totp_url"] != want {
				t.Errorf("got URL %v, want %s", r.Meta["totp_url"], want)
			}
			app := &App{t, w.Clock, secret}
			c.Post(totpPath, M{}).Fails("code:required")
			c.Post(totpPath, M{"code": wiretest.Wrong(app.Code())}).Fails("code:incorrect_code")
			c.Post(totpPath, M{"code": codeAt(t, first.(string), w.Clock.Now())}).Fails("code:incorrect_code")
			w.Events.Take()
			var d M
			c.Post(totpPath, M{"code": " " + app.Code() + " "}).Is(200).Into(&d)
			equal(t, without(d, "created_at"), M{"type": "totp", "last_used_at": nil})
			same(t, w.Events.Take(), "authenticator_added", "authenticator_added")
			w.Inbox.Mail(t, p.Email, "totp_activated")
			c.Get(totpPath).Is(200).Into(&d)
			equal(t, without(d, "created_at"), M{"type": "totp", "last_used_at": nil})
			same(t, kinds(t, c), "totp", "recovery_codes")
			c.Post(totpPath, M{"code": app.Next()}).Is(409)

			c.Delete(totpPath, nil).Is(200)
			same(t, w.Events.Take(), "authenticator_removed", "authenticator_removed")
			w.Inbox.Mail(t, p.Email, "totp_deactivated")
			same(t, kinds(t, c))
			c.Delete(totpPath, nil).Is(200)
			same(t, w.Events.Take())
			w.Inbox.NoMail(t, p.Email)
			c.Post(totpPath, M{"code": app.Next()}).Fails("code:incorrect_code") // the secret is forgotten
		})
	})

	t.Run("is asked for at login", func(t *testing.T) {
		everywhere(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			app := activate(t, w, c)
			c = c.Other()
			r := logIn(c, p).Pending("mfa_authenticate")
			same(t, pendingTypes(r, "mfa_authenticate"), "recovery_codes", "totp")
			before := c.Credential()
			c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": "x"}).Is(401)
			c.Get(codePath).Is(405)
			c.Post(codePath, M{}).Fails("code:required")
			c.Post(codePath, M{"code": "a\x00b"}).Fails("code:null_characters_not_allowed")
			w.Events.Take()
			c.Post(codePath, M{"code": wiretest.Wrong(app.Next())}).Fails("code:incorrect_code")
			c.Post(codePath, M{"code": "１２３４５６"}).Fails("code:incorrect_code")
			same(t, w.Events.Take(), "authentication_failed", "authentication_failed")
			r = c.Post(codePath, M{"code": app.Code()})
			r.LoggedIn()
			same(t, w.Events.Take(), "authenticator_used", "authentication_step_completed", "user_logged_in")
			m := r.Methods()
			equal(t, without(m[1], "id"), M{"method": "mfa", "type": "totp"})
			if m[1]["id"] == nil {
				t.Error("the record does not tell the authenticator's id")
			}
			c.Dead(before) // SES-1
			var d M
			c.Get(totpPath).Is(200).Into(&d)
			if at := d["last_used_at"]; at != float64(w.Clock.Now().UnixMicro())/1e6 {
				t.Errorf("got last_used_at %v", at)
			}
			c.Post(codePath, M{"code": app.Next()}).NothingPending()
		})
	})

	t.Run("codes work once: attack by replay", func(t *testing.T) {
		everywhere(t, func(c *headless.Config) { c.MFA.TOTPTolerance = 1 }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			app := activate(t, w, c)
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			c.Post(codePath, M{"code": app.Code()}).Fails("code:incorrect_code") // it activated
			used := app.Next()
			c.Post(codePath, M{"code": used}).LoggedIn()
			for range 3 { // as long as it is tolerated
				c = c.Other()
				logIn(c, p).Pending("mfa_authenticate")
				c.Post(codePath, M{"code": used}).Fails("code:incorrect_code")
				w.Clock.Advance(20 * time.Second)
			}
			w.Clock.Advance(30 * time.Second)
			early := codeAt(t, app.secret, w.Clock.Now().Add(30*time.Second))
			late := codeAt(t, app.secret, w.Clock.Now().Add(-30*time.Second))
			c.Post(codePath, M{"code": early}).LoggedIn()
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			for _, older := range []string{late, app.Code(), early} { // never an older one afterwards
				c.Post(codePath, M{"code": older}).Fails("code:incorrect_code")
			}
		})
	})

	t.Run("is taken again for reauthentication", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			c.Post("/auth/2fa/reauthenticate", M{"code": "1"}).NothingPending()
			p := w.Make(Person{})
			c.LogIn(p)
			c.Post("/auth/2fa/reauthenticate", M{"code": "1"}).Fails("code:incorrect_code")
			app := activate(t, w, c)
			w.Clock.Advance(10 * time.Minute)
			r := c.Delete(totpPath, nil).Is(401)
			same(t, r.Flows(), "reauthenticate", "mfa_reauthenticate")
			same(t, pendingTypes(r, "mfa_reauthenticate"), "recovery_codes", "totp")
			w.Events.Take()
			c.Post("/auth/2fa/reauthenticate", M{}).Fails("code:required")
			c.Post("/auth/2fa/reauthenticate", M{"code": wiretest.Wrong(app.Code())}).Fails("code:incorrect_code")
			r = c.Post("/auth/2fa/reauthenticate", M{"code": app.Code()})
			r.LoggedIn()
			m := r.Methods()
			equal(t, without(m[len(m)-1], "id"), M{"method": "mfa", "type": "totp"})
			same(t, w.Events.Take(), "authentication_failed", "authenticator_used", "authentication_step_completed")
			c.Post("/auth/2fa/reauthenticate", M{"code": app.Code()}).Fails("code:incorrect_code")
			c.Delete(totpPath, nil).Is(200)
		})
	})

	t.Run("is set up only after a recent proof", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			w.Clock.Advance(10 * time.Minute)
			secret := c.Get(totpPath).Is(404).Meta["secret"].(string)
			code := codeAt(t, secret, w.Clock.Now())
			c.Post(totpPath, M{"code": wiretest.Wrong(code)}).Fails("code:incorrect_code")
			same(t, c.Post(totpPath, M{"code": code}).Is(401).Flows(), "reauthenticate")
			c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
			c.Post(totpPath, M{"code": code}).Is(200) // the secret still stands
		})
	})

	t.Run("is not for accounts with an unproven address", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			secret := c.Get(totpPath).Is(404).Meta["secret"].(string)
			w.AddEmail(p, wiretest.FreshEmail(), false)
			r := c.Get(totpPath).Is(409)
			equal(t, []any{r.Errors[0].Code, r.Errors[0].Param}, []any{"unverified_email", ""})
			code := codeAt(t, secret, w.Clock.Now())
			c.Post(totpPath, M{"code": code}).Fails("code:unverified_email")
			r = c.Get(keysPath).Is(409)
			equal(t, r.Errors[0].Code, "unverified_email")
			c.Post(keysPath, M{}).Is(409)
		})
	})

	t.Run("unless the host allows it", func(t *testing.T) {
		each(t, func(c *headless.Config) { c.MFA.AllowUnverifiedEmail = true; c.Account.EmailVerification = "none" }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Unverified: true})
			c.LogIn(p)
			activate(t, w, c)
			c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(200)
		})
	})

	t.Run("having no address is no hindrance", func(t *testing.T) {
		each(t, func(c *headless.Config) {
			c.Account.LoginMethods, c.Account.EmailVerification = []string{"email", "username"}, "optional"
		}, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{Email: "-", Username: wiretest.FreshName()}))
			activate(t, w, c)
		})
	})

	t.Run("keeps unproven addresses off the account", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			activate(t, w, c)
			c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Fails("email:add_email_blocked")
		})
	})

	t.Run("secrets are stored encrypted", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			secret := c.Get(totpPath).Is(404).Meta["secret"].(string)
			sessions, err := w.Store.SessionsOf(t.Context(), p.ID)
			if err != nil || len(sessions) != 1 || len(sessions[0].State) == 0 {
				t.Fatalf("got %v, %v", sessions, err)
			}
			if bytes.Contains(sessions[0].State, []byte(secret)) {
				t.Error("the session tells the secret")
			}
			c.Post(totpPath, M{"code": codeAt(t, secret, w.Clock.Now())}).Is(200)
			codes := recoveryCodes(t, c)
			for _, a := range rows(t, w, p) {
				if bytes.Contains(a.Data, []byte(secret)) || bytes.Contains(a.Data, []byte(codes[0])) || !bytes.Contains(a.Data, []byte(`:"k1:`)) {
					t.Errorf("got %s", a.Data)
				}
			}
		})
	})
}

func TestTOTPSettings(t *testing.T) {
	t.Run("the bypass code works in development", func(t *testing.T) {
		each(t, func(c *headless.Config) { c.MFA.InsecureBypassCode, c.MFA.Development = "123456", true }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			c.Get(totpPath).Is(404)
			c.Post(totpPath, M{"code": "123456"}).Is(200)
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			c.Post(codePath, M{"code": "123456"}).LoggedIn()
		})
	})
	t.Run("a type that is not supported has no routes, and still works", func(t *testing.T) {
		each(t, func(c *headless.Config) { c.MFA.SupportedTypes, c.MFA.PasskeyLogin = []string{"webauthn"}, false }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			row(t, w, p, "totp", `{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`, nil)
			r := logIn(c, p).Pending("mfa_authenticate")
			same(t, pendingTypes(r, "mfa_authenticate"), "totp")
			c.Post(codePath, M{"code": codeAt(t, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", w.Clock.Now())}).LoggedIn()
			c.Get(totpPath).Is(404)
			c.Get(recoveryPath).Is(404)
			c.Get(loginPath).Is(404)
			addKey(t, w, c, "")
			same(t, kinds(t, c), "totp", "webauthn") // no recovery codes
		})
	})
}
