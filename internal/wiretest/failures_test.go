package wiretest_test

import (
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
)

// only leaves some limits in place.
func only(change func(*Config), limits map[string]string) func(*Config) {
	return func(c *Config) {
		limited(change)(c)
		c.Limits = map[string]string{}
		for _, action := range []string{
			"login", "login_failed", "signup", "request_login_code", "reset_password", "reset_password_from_key", "change_password",
			"manage_email", "change_phone", "reauthenticate", "confirm_email", "verify_phone", "password_failed", "code_failed",
		} {
			c.Limits[action] = headless.NoLimit
		}
		for action, rates := range limits {
			c.Limits[action] = rates
		}
	}
}

// Wrong passwords and codes in a row are counted for each account, whoever
// sends them and however long they take. Requirement LIM-5.
func TestConsecutiveFailures(t *testing.T) {
	t.Run("of passwords are a hundred", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, limited(func(c *Config) { c.Account.Closing = true }), func(t *testing.T, w *World, c *Client) {
			p, nobody := w.Make(Person{}), wiretest.FreshEmail()
			in := c.Other().From(wiretest.FreshIP())
			in.LogIn(p)
			for _, email := range []string{p.Email, nobody} { // ENU-1
				for range 100 {
					w.Clock.Advance(time.Minute) // too slow for login_failed
					c.Other().From(wiretest.FreshIP()).Post("/auth/login", M{"email": email, "password": "wrong"}).Fails("password:email_password_mismatch")
				}
				w.Clock.Advance(time.Minute)
				c.Other().From(wiretest.FreshIP()).Post("/auth/login", M{"email": email, "password": wiretest.Password}).Fails(":too_many_login_attempts")
			}
			in.Session().LoggedIn()
			// Not for ever: what is a month old is forgotten.
			w.Clock.Advance(30 * 24 * time.Hour)
			c.Other().From(wiretest.FreshIP()).LogIn(p)
		})
	})

	t.Run("of passwords", func(t *testing.T) {
		wiretest.Each(t, only(func(c *Config) { usernames(c); c.Account.Closing = true }, map[string]string{"password_failed": "4/30d/key"}), func(t *testing.T, w *World, c *Client) {
			w.Run("are counted wherever it is asked for", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Username: wiretest.FreshName()})
				c.LogIn(p)
				c.Other().Post("/auth/login", M{"email": p.Email, "password": "wrong"}).Fails("password:email_password_mismatch")
				w.Client("app").Post("/auth/login", M{"username": p.Username, "password": "wrong"}).Fails("password:username_password_mismatch")
				c.Post("/auth/reauthenticate", M{"password": "wrong"}).Fails("password:incorrect_password")
				c.Post("/account/password/change", M{"current_password": "wrong", "new_password": newPassword}).Fails("current_password:enter_current_password")

				c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword}).Fails("current_password:too_many_login_attempts")
				c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).Fails("password:too_many_login_attempts")
				c.Other().Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Fails(":too_many_login_attempts")
				c.Other().Post("/ext/auth/reactivate", M{"email": p.Email, "password": wiretest.Password}).Fails(":too_many_login_attempts")
				c.Session().LoggedIn()

				// Whoever reads the mail has another way in.
				key := requestKey(t, w, c.Other(), p.Email)
				c.Other().Post("/auth/password/reset", M{"key": key, "password": newPassword}).Is(401)
				c.Other().Post("/auth/login", M{"email": p.Email, "password": newPassword}).LoggedIn()
			})
			w.Run("are forgotten with a right one", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Username: wiretest.FreshName()})
				in := c.Other()
				in.LogIn(p)
				right := []func(){
					func() { c.Other().LogIn(p) },
					func() { in.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn() },
					func() {
						in.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": "1"}).Is(400)
					},
				}
				for _, once := range right {
					for range 3 {
						c.Other().Post("/auth/login", M{"email": p.Email, "password": "wrong"}).Fails("password:email_password_mismatch")
					}
					once()
				}
			})
		})
	})

	t.Run("of codes", func(t *testing.T) {
		for _, way := range codedWays() {
			t.Run(way.name, func(t *testing.T) {
				wiretest.Each(t, only(way.change, map[string]string{"code_failed": "5/1d/key"}), func(t *testing.T, w *World, c *Client) {
					code := way.begin(t, w, c)
					wrong := M{way.field: wiretest.Wrong(code), "password": newPassword}
					for range 2 {
						c.Post(way.path, wrong).Fails(way.field + ":incorrect_code")
					}
					// It was no failure, and what failed before does not count any more.
					if r := c.Post(way.path, M{way.field: code, "password": newPassword}); string(way.done) != shorten(r) {
						t.Errorf("the right code: %d %s", r.Status, r.Raw)
					}
				})
			})
		}
		// begin sends a code for the same account or address, from anywhere.
		for _, tt := range []struct {
			name, path, field string
			change            func(*Config)
			known, unknown    func(w *World) string
			begin             func(t *testing.T, w *World, c *Client, id string)
		}{
			{"to log in", "/auth/code/confirm", "code", loginByCode,
				func(w *World) string { return w.Make(Person{}).Email }, func(*World) string { return wiretest.FreshEmail() },
				func(t *testing.T, w *World, c *Client, id string) {
					c.Post("/auth/code/request", M{"email": id}).Pending("login_by_code")
				}},
			{"to reset a password", "/auth/password/reset", "key", resetByCode,
				func(w *World) string { return w.Make(Person{}).Email }, func(*World) string { return wiretest.FreshEmail() },
				func(t *testing.T, w *World, c *Client, id string) {
					c.Post("/auth/password/request", M{"email": id}).Pending("password_reset_by_code")
				}},
			{"to verify an address", "/auth/email/verify", "key", codeVerification,
				func(w *World) string { return w.Make(Person{}).Email }, func(*World) string { return wiretest.FreshEmail() },
				func(t *testing.T, w *World, c *Client, id string) {
					c.Post("/auth/signup", M{"email": id, "password": newPassword}).Pending("verify_email")
				}},
			{"to verify a number", "/auth/phone/verify", "code", phones,
				func(w *World) string { return w.Make(Person{Phone: wiretest.FreshPhone()}).Phone }, func(*World) string { return wiretest.FreshPhone() },
				func(t *testing.T, w *World, c *Client, id string) {
					c.Post("/auth/signup", M{"phone": id, "email": wiretest.FreshEmail(), "password": newPassword}).Pending("verify_phone")
				}},
		} {
			t.Run(tt.name+" are counted across sessions, whether there is an account or not", func(t *testing.T) {
				wiretest.Each(t, only(tt.change, map[string]string{"code_failed": "5/1d/key"}), func(t *testing.T, w *World, c *Client) {
					for _, id := range []string{tt.known(w), tt.unknown(w)} {
						guess := func(d *Client) *wiretest.Reply {
							return d.Post(tt.path, M{tt.field: "BCDF-GHJK", "password": newPassword})
						}
						for i := range 5 {
							d := c.Other()
							tt.begin(t, w, d, id)
							guess(d).Fails(tt.field + ":incorrect_code")
							if i == 0 { // asking for what the code is for is guessing, too
								guess(d).Fails(tt.field + ":incorrect_code")
								guess(d).Fails(tt.field + ":incorrect_code")
								guess(d).Is(409)
							}
							if i == 2 {
								break
							}
						}
						d := c.Other()
						tt.begin(t, w, d, id)
						for range 3 {
							guess(d).Fails(tt.field + ":too_many_login_attempts")
						}
						guess(d).Is(409)
						w.Clock.Advance(24 * time.Hour)
						d = c.Other()
						tt.begin(t, w, d, id)
						guess(d).Fails(tt.field + ":incorrect_code")
					}
				})
			})
		}
	})

	t.Run("of codes are forgotten with a reset", func(t *testing.T) {
		wiretest.Each(t, only(func(c *Config) { loginByCode(c); c.Account.PasswordResetByCode = false }, map[string]string{"code_failed": "3/1d/key"}), func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			key := requestKey(t, w, c, p.Email)
			d := c.Other()
			d.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			for range 3 {
				d.Post("/auth/code/confirm", M{"code": "BCDF-GHJK"}).Fails("code:incorrect_code")
			}
			c.Post("/auth/password/reset", M{"key": key, "password": newPassword}).Is(401)
			w.Inbox.All()
			c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
		})
	})
}

// shorten is an answer's status, as an answer has it that went well.
func shorten(r *wiretest.Reply) string {
	return map[int]string{200: "200", 401: "401"}[r.Status]
}
