package wiretest_test

import (
	"strings"
	"testing"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/mfa"
)

// Front ends make several calls at once on one session. What does not get in
// each other's way comes to its end; what was ended does not come back.
// docs/frontend.md; requirement SES-4.
func TestParallelCalls(t *testing.T) {
	all := func(c *Config) {
		phones(c)
		codeVerification(c)
		resetByCode(c)
		c.Account.EmailVerification = account.Optional
		c.MFA = &mfa.Config{SupportedTypes: []string{"totp", "recovery_codes", "webauthn"}, PasskeyLogin: true}
	}

	t.Run("of a user are all answered", func(t *testing.T) {
		wiretest.Each(t, all, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Phone: wiretest.FreshPhone()})
			c.LogIn(p)
			var l tally
			storm(20, func(i int) {
				switch i % 4 {
				case 0:
					l.add(shot(w, c, "POST", "/auth/reauthenticate", M{"password": wiretest.Password}))
				case 1:
					l.add(shot(w, c, "GET", "/account/authenticators/webauthn", nil))
				case 2:
					l.add(shot(w, c, "POST", "/account/email", M{"email": wiretest.FreshEmail()}))
				default:
					l.add(shot(w, c, "POST", "/account/phone", M{"phone": wiretest.FreshPhone()}))
				}
			})
			l.only(t, "200", "202")
			if n := len(c.Session().Methods()); n != 6 {
				t.Errorf("%d proofs are recorded, want those of the login and 5 more", n)
			}
			// What was begun waits, and takes its guesses.
			c.Post("/auth/email/verify", M{"key": "BCDF-GHJK"}).Fails("key:incorrect_code")
			c.Post("/auth/phone/verify", M{"code": "BCDF-GHJK"}).Fails("code:incorrect_code")
		})
	})

	t.Run("of a stranger are all answered", func(t *testing.T) {
		wiretest.Each(t, all, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Phone: wiretest.FreshPhone()})
			c.Post("/auth/password/request", M{"email": p.Email}).Pending("password_reset_by_code")
			w.Inbox.All()
			var l tally
			storm(20, func(i int) {
				if i%2 == 0 {
					l.add(shot(w, c, "GET", "/auth/webauthn/login", nil))
				} else {
					l.add(shot(w, c, "POST", "/auth/password/request", M{"email": p.Email}))
				}
			})
			l.only(t, "200", "401")
			// One code is good: the one that was stored last.
			right := 0
			for _, m := range w.Inbox.Mails(p.Email) {
				if a := shot(w, c, "GET", "/auth/password/reset", nil, "X-Password-Reset-Key", m.Data["code"]); a == "200" {
					right++
				} else if !strings.HasPrefix(string(a), "4") {
					t.Errorf("got %s", a)
				}
			}
			if right > 1 {
				t.Errorf("%d codes are good", right)
			}
		})
	})

	t.Run("beside a login don't get in its way", func(t *testing.T) {
		wiretest.Each(t, all, func(t *testing.T, w *World, c *Client) {
			for range 5 {
				p := w.Make(Person{Phone: wiretest.FreshPhone()})
				d := c.Other()
				d.Get("/auth/webauthn/login").Is(200) // the session is there before
				var login, options tally
				storm(9, func(i int) {
					if i == 4 {
						login.add(shot(w, d, "POST", "/auth/login", M{"email": p.Email, "password": wiretest.Password}))
					} else {
						options.add(shot(w, d, "GET", "/auth/webauthn/login", nil))
					}
				})
				login.only(t, "200")
				// Who comes when the login has a new token is too late.
				options.only(t, "200", "409", map[string]answer{"app": "410", "browser": "200"}[d.Kind])
				if n := w.Sessions(p.ID); n != 1 {
					t.Errorf("%d sessions", n)
				}
			}
		})
	})
}

// Removing an address is judged by what is so when it is removed. Requirement
// ONE-4.
func TestParallelChangesOfAddresses(t *testing.T) {
	t.Run("never leave a user without a primary one", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			for range 20 {
				p := w.Make(Person{})
				second := w.AddEmail(p, wiretest.FreshEmail(), true)
				d := c.Other()
				d.LogIn(p)
				var l tally
				storm(2, func(i int) {
					if i == 0 {
						l.add(shot(w, d, "DELETE", "/account/email", M{"email": second}))
					} else {
						l.add(shot(w, d, "PATCH", "/account/email", M{"email": second, "primary": true}))
					}
				})
				l.only(t, "200", "400 email:unknown_email", "400 email:cannot_remove_primary_email")
				switch got := w.Emails(p.ID); got {
				case p.Email + "*!", p.Email + "* " + second + "*!":
				default:
					t.Errorf("got %s, %v", got, l.n)
				}
			}
		})
	})

	t.Run("never leave a user without a way to log in", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			for range 10 {
				p := w.Make(Person{Email: "-", Username: wiretest.FreshName()})
				one, two := w.AddEmail(p, wiretest.FreshEmail(), true), w.AddEmail(p, wiretest.FreshEmail(), true)
				d := c.Other()
				d.Post("/auth/login", M{"email": one, "password": wiretest.Password}).LoggedIn()
				storm(2, func(i int) { shot(w, d, "DELETE", "/account/email", M{"email": []string{one, two}[i]}) })
				if got := w.Emails(p.ID); got != one+"*" && got != two+"*" {
					t.Errorf("got %q", got)
				}
			}
		})
	})
}
