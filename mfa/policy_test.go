package mfa_test

import (
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
)

const (
	enrollTOTP = "/ext/auth/2fa/enroll/totp"
	enrollKey  = "/ext/auth/2fa/enroll/webauthn"
)

// Users who must have a further factor.
func TestEnrollment(t *testing.T) {
	// who has a name must, as of a day after signing up
	must := func(grace time.Duration) func(c *headless.Config) {
		return func(c *headless.Config) {
			c.MFA.GracePeriod = grace
			c.MFA.MustEnroll = func(_ context, u *store.User) (bool, time.Time, error) {
				return u.Username != "", u.CreatedAt.Add(24 * time.Hour), nil
			}
		}
	}
	someone := func(w *World) *Person { return w.Make(Person{Username: wiretest.FreshName()}) }

	t.Run("by TOTP", func(t *testing.T) {
		everywhere(t, must(0), func(t *testing.T, w *World, c *Client) {
			logIn(c, w.Make(Person{})).LoggedIn()
			c = c.Other()
			p := someone(w)
			same(t, pendingTypes(logIn(c, p).Pending("mfa_enroll"), "mfa_enroll"), "totp", "webauthn")
			c.Get(totpPath).Is(401)
			c.Post(enrollTOTP, M{"code": "1"}).Fails("code:incorrect_code")
			secret := c.Get(enrollTOTP).Is(404).Meta["secret"].(string)
			app := &App{t, w.Clock, secret}
			c.Post(enrollTOTP, M{}).Fails("code:required")
			c.Post(enrollTOTP, M{"code": wiretest.Wrong(app.Code())}).Fails("code:incorrect_code")
			before := c.Credential()
			w.Events.Take()
			c.Post(enrollTOTP, M{"code": app.Code()}).LoggedIn()
			same(t, w.Events.Take(), "authenticator_added", "authenticator_added", "user_logged_in")
			w.Inbox.Mail(t, p.Email, "totp_activated")
			c.Dead(before)
			same(t, kinds(t, c), "totp", "recovery_codes")
			c.Get(enrollTOTP).NothingPending()
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			c.Post(codePath, M{"code": app.Code()}).Fails("code:incorrect_code")
			c.Post(codePath, M{"code": app.Next()}).LoggedIn()
		})
	})
	t.Run("by security key", func(t *testing.T) {
		each(t, must(0), func(t *testing.T, w *World, c *Client) {
			p := someone(w)
			logIn(c, p).Pending("mfa_enroll")
			k := newKey(w)
			c.Post(enrollKey, M{}).Fails("credential:required")
			c.Post(enrollKey, M{"credential": k.Create([]byte(`{"publicKey":{}}`))}).Fails(":incorrect_code")
			c.Post(enrollKey, M{"name": "k", "credential": k.Create(optionsOf(t, c.Get(enrollKey)))}).LoggedIn()
			w.Inbox.Mail(t, p.Email, "webauthn_added")
			same(t, kinds(t, c), "webauthn", "recovery_codes")
		})
	})
	t.Run("may wait for a while", func(t *testing.T) {
		each(t, must(48*time.Hour), func(t *testing.T, w *World, c *Client) {
			p := someone(w)
			w.Events.Take()
			logIn(c, p).LoggedIn()
			same(t, w.Events.Take(), "authentication_step_completed", "mfa_enrollment_due", "user_logged_in")
			c = c.Other()
			w.Clock.Advance(48 * time.Hour)
			logIn(c, p).Pending("mfa_enroll")
		})
	})
	t.Run("is not hindered by an unproven address", func(t *testing.T) {
		each(t, func(c *headless.Config) { must(0)(c); c.Account.EmailVerification = "optional" }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName(), Unverified: true})
			logIn(c, p).Pending("mfa_enroll")
			secret := c.Get(enrollTOTP).Is(404).Meta["secret"].(string)
			c.Post(enrollTOTP, M{"code": codeAt(t, secret, w.Clock.Now())}).LoggedIn()
			// But what was put on the account goes when somebody proves that the
			// address is theirs.
			w.Inbox.Mails(p.Email)
			c = c.Other()
			c.Post("/auth/password/request", M{"email": p.Email}).Is(200)
			key := w.Inbox.Mail(t, p.Email, "password_reset_key").Data["key"]
			c.Post("/auth/password/reset", M{"key": key, "password": "another-Quartz-32"}).Is(401)
			if l := rows(t, w, p); len(l) != 0 {
				t.Errorf("got %v", l)
			}
		})
	})
	t.Run("attack: a login that waits while the address is proven by its owner", func(t *testing.T) { // requirement EML-4
		each(t, func(c *headless.Config) { must(0)(c); c.Account.EmailVerification = "optional" }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName(), Unverified: true})
			logIn(c, p).Pending("mfa_enroll")
			secret := c.Get(enrollTOTP).Is(404).Meta["secret"].(string)
			owner := c.Other()
			w.Inbox.Mails(p.Email)
			owner.Post("/auth/password/request", M{"email": p.Email}).Is(200)
			key := w.Inbox.Mail(t, p.Email, "password_reset_key").Data["key"]
			owner.Post("/auth/password/reset", M{"key": key, "password": "another-Quartz-32"}).Is(401)
			c.Post(enrollTOTP, M{"code": codeAt(t, secret, w.Clock.Now())}).NothingPending()
			if l := rows(t, w, p); len(l) != 0 {
				t.Errorf("got %v", l)
			}
		})
	})
	t.Run("attack: another factor than the one that the user has set up meanwhile", func(t *testing.T) { // requirement MFA-2
		each(t, must(0), func(t *testing.T, w *World, c *Client) {
			p := someone(w)
			logIn(c, p).Pending("mfa_enroll")
			k := newKey(w)
			credential := k.Create(optionsOf(t, c.Get(enrollKey)))
			owner := c.Other()
			logIn(owner, p).Pending("mfa_enroll")
			secret := owner.Get(enrollTOTP).Is(404).Meta["secret"].(string)
			owner.Post(enrollTOTP, M{"code": codeAt(t, secret, w.Clock.Now())}).LoggedIn()
			c.Post(enrollKey, M{"credential": credential}).NothingPending()
			c.Get(enrollKey).NothingPending()
			c.Session().NothingPending()
			same(t, kinds(t, owner), "totp", "recovery_codes")
		})
	})
	t.Run("is off by default", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			logIn(c, someone(w)).LoggedIn()
			c.Get(enrollTOTP).Is(404)
		})
	})
}

// Hosts have a say when factors go.
func TestRemoval(t *testing.T) {
	t.Run("may be refused", func(t *testing.T) {
		each(t, func(c *headless.Config) {
			c.MFA.MayRemove = func(_ context, _ *store.User, a *store.Authenticator) (bool, error) { return a.Type == store.TOTP, nil }
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			addKey(t, w, c, "")
			activate(t, w, c)
			c.Delete(keysPath, M{"authenticators": []string{rows(t, w, p)[0].ID}}).Fails(":cannot_delete_authenticator")
			c.Delete(totpPath, nil).Is(200)
			same(t, kinds(t, c), "webauthn", "recovery_codes")
		})
	})
	t.Run("may need a proof of a further factor", func(t *testing.T) {
		each(t, func(c *headless.Config) { c.MFA.RemovalNeedsFactor = true }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			app := activate(t, w, c)
			same(t, c.Delete(totpPath, nil).Is(401).Flows(), "reauthenticate", "mfa_reauthenticate")
			c.Post(recoveryPath, nil).Is(401)
			c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
			c.Delete(totpPath, nil).Is(401) // the password alone will not do
			// Nor does it lead to a factor to prove that with.
			same(t, c.Get(recoveryPath).Is(401).Flows(), "reauthenticate", "mfa_reauthenticate")
			c.Get(keysPath).Is(401)
			c.Get("/ext" + keysPath + "/conditional").Is(401)
			c.Post(keysPath, M{"credential": M{"id": "x"}}).Is(401)
			c.Post("/auth/2fa/reauthenticate", M{"code": app.Next()}).LoggedIn()
			recoveryCodes(t, c)
			addKey(t, w, c, "")
			c.Delete(totpPath, nil).Is(200)
			activate(t, w, c)
			w.Clock.Advance(10 * time.Minute)
			c.Delete(totpPath, nil).Is(401)
			c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
			d := c.Other()
			d.LogIn(w.Make(Person{})) // who has none needs none
			addKey(t, w, d, "")
			secret := d.Get(totpPath).Is(404).Meta["secret"].(string)
			d.Post(totpPath, M{"code": codeAt(t, secret, w.Clock.Now())}).Is(401)
		})
	})
}
