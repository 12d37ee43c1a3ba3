package wiretest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
)

// spec: core.md §7.1, account.md §8.6.
func TestReauthenticate(t *testing.T) {
	t.Run("takes the password again", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).NothingPending()
			c.Post("/auth/reauthenticate", "{").NothingPending()
			c.LogIn(p)
			before := c.Credential()
			c.Post("/auth/reauthenticate", M{}).Fails("password:required")
			w.Events.Take()
			c.Post("/auth/reauthenticate", M{"password": "wrong"}).Fails("password:incorrect_password")
			same(t, w.Events.Take(), "login_failed")
			r := c.Post("/auth/reauthenticate", M{"password": wiretest.Password})
			r.LoggedIn()
			equal(t, r.Methods(), []M{{"method": "password", "email": p.Email}, {"method": "password", "reauthenticated": true}})
			same(t, w.Events.Take(), "authentication_step_completed")
			if c.Credential() != before {
				t.Error("the identifier has changed") // SES-2
			}
		})
	})

	t.Run("renews the identifier, if the host wants so", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Session.RotateOnReauthentication = true }, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			before := c.Credential()
			c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
			if c.Credential() == before {
				t.Error("the identifier stayed the same")
			}
			c.Dead(before)
			c.Session().LoggedIn()
		})
	})

	t.Run("works for nobody without a password", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.LoginByCode = true }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{NoPassword: true})
			c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
			for _, pw := range []string{"x", "!", wiretest.Password} {
				c.Post("/auth/reauthenticate", M{"password": pw}).Fails("password:incorrect_password")
			}
		})
	})

	t.Run("renews a stored hash of the reference", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			u := w.User(p.ID)
			u.Password = "pbkdf2_sha256$1000$saltsaltsaltsaltsalt12$7kQnvik2EF+ZgxuPgZDCIKdNYs3JKaGATJCvSjVHMpY="
			if err := w.Store.UpdateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			c.Post("/auth/reauthenticate", M{"password": "correct horse"}).LoggedIn()
			if h := string(w.User(p.ID).Password); !strings.HasPrefix(h, "$argon2id$") {
				t.Error("the hash was not renewed")
			}
			c.Session().LoggedIn()
		})
	})

	t.Run("is asked for before sensitive changes, if the host wants so", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			phones(c)
			c.Account.SignupFields = []string{"phone", "email*", "password1*"}
			c.Account.ReauthenticationRequired, c.Account.LoginByCode = true, true
		}, func(t *testing.T, w *World, c *Client) {
			stale := func(t *testing.T, r *wiretest.Reply) {
				t.Helper()
				r.Is(401)
				same(t, r.Flows(), "reauthenticate")
				equal(t, r.Meta, M{"is_authenticated": true})
				var d struct {
					User    M
					Methods []M
				}
				if r.Into(&d); d.User["id"] == nil || d.Methods == nil {
					t.Errorf("got %s", r.Data)
				}
			}
			w.Run("when the last proof is five minutes old", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Phone: wiretest.FreshPhone()})
				second := w.AddEmail(p, wiretest.FreshEmail(), true)
				c.LogIn(p)
				w.Clock.Advance(5*time.Minute - time.Second)
				equal(t, list(c.Patch("/account/email", M{"email": second, "primary": true})), p.Email+"* "+second+"*!")
				w.Clock.Advance(2 * time.Second)
				added := wiretest.FreshEmail()
				stale(t, c.Post("/account/email", M{"email": added}))
				stale(t, c.Patch("/account/email", M{"email": p.Email, "primary": true}))
				stale(t, c.Delete("/account/email", M{"email": p.Email}))
				stale(t, c.Post("/account/phone", M{"phone": wiretest.FreshPhone()}))
				w.Inbox.NoMail(t, added)
				equal(t, w.Emails(p.ID), p.Email+"* "+second+"*!")
				// The client proves it again and repeats the request.
				c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
				c.Post("/account/email", M{"email": added}).Is(200)
				c.Post("/account/phone", M{"phone": wiretest.FreshPhone()}).Is(202)
			})
			w.Run("after the input was judged", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Phone: wiretest.FreshPhone()})
				w.AddEmail(p, wiretest.FreshEmail(), true)
				c.LogIn(p)
				w.Clock.Advance(time.Hour)
				c.Post("/account/email", M{"email": "x"}).Fails("email:invalid")
				c.Post("/account/email", M{"email": p.Email}).Fails("email:duplicate_email")
				c.Patch("/account/email", M{"email": p.Email}).Fails("primary:required")
				c.Delete("/account/email", M{"email": p.Email}).Fails("email:cannot_remove_primary_email")
				c.Post("/account/phone", M{"phone": p.Phone}).Fails("phone:same_as_current")
			})
			w.Run("but not before others", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				second := w.AddEmail(p, wiretest.FreshEmail(), false)
				c.LogIn(p)
				w.Clock.Advance(time.Hour)
				c.Put("/account/email", M{"email": second}).Is(200)
				c.Get("/account/email").Is(200)
				c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword}).LoggedIn()
				c.Delete("/auth/session", nil).NothingPending()
			})
			w.Run("right after signing up: that is no proof", func(t *testing.T, w *World, c *Client) {
				// spec: core.md §7.
				c.Post("/auth/signup", M{"email": wiretest.FreshEmail(), "password": wiretest.Password}).LoggedIn()
				stale(t, c.Post("/account/email", M{"email": wiretest.FreshEmail()}))
			})
			w.Run("of nobody who has nothing to prove it with", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{NoPassword: true})
				c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
				c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
				w.Clock.Advance(time.Hour)
				c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(200)
			})
			w.Run("and any kind of proof will do", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
				c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
				c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(200)
			})
		})
	})

	t.Run("is not asked for when a pending address is given up", func(t *testing.T) {
		// spec: account.md §7.5.
		wiretest.Each(t, func(c *Config) { codeVerification(c); c.Account.ReauthenticationRequired = true }, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			added := wiretest.FreshEmail()
			c.Post("/account/email", M{"email": added}).Is(200)
			w.Clock.Advance(10 * time.Minute)
			c.Delete("/account/email", M{"email": added}).Is(200)
		})
	})

	t.Run("after as long as configured", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.ReauthenticationRequired, c.Account.ReauthenticationTimeout = true, time.Minute
		}, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(200)
			w.Clock.Advance(time.Minute)
			c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(401)
		})
	})
}

// Accounts can be closed by their owners: an extension of the contract.
func TestClosing(t *testing.T) {
	t.Run("is off by default", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			c.Post("/ext/account/deactivate", nil).Is(404)
			c.Post("/ext/auth/reactivate", M{}).Is(404)
			c.Delete("/ext/account", nil).Is(404)
		})
	})

	t.Run("for now", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.Closing = true }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.Post("/ext/account/deactivate", nil).NothingPending()
			c.LogIn(p)
			d := c.Other()
			d.LogIn(p)
			key := requestKey(t, w, c.Other(), p.Email)
			w.Clock.Advance(5 * time.Minute)
			same(t, c.Post("/ext/account/deactivate", nil).Is(401).Flows(), "reauthenticate")
			c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
			own := c.Credential()
			w.Events.Take()
			c.Post("/ext/account/deactivate", nil).NothingPending()
			same(t, w.Events.Take(), "account_deactivated")
			w.Inbox.Mail(t, p.Email, "account_closed")
			c.Dead(own)
			d.Dead(d.Credential())
			if w.Sessions(p.ID) != 0 {
				t.Error("sessions are left")
			}
			c = c.Other()
			c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).NothingPending()
			c.Post("/auth/password/reset", M{"key": key, "password": newPassword}).Fails("key:invalid_password_reset")
			// Their owner opens them again.
			c.Post("/ext/auth/reactivate", M{"email": p.Email, "password": "wrong"}).Fails("password:email_password_mismatch")
			c.Post("/ext/auth/reactivate", M{}).Fails("email:required", "password:required")
			w.Events.Take()
			if u := c.Post("/ext/auth/reactivate", M{"email": p.Email, "password": wiretest.Password}).LoggedIn(); u["email"] != p.Email {
				t.Errorf("got %v", u)
			}
			same(t, w.Events.Take(), "authentication_step_completed", "account_reactivated", "user_logged_in")
			c.Other().LogIn(p)
			// Not those of the host.
			q := w.Make(Person{Disabled: true})
			c.Other().Post("/ext/auth/reactivate", M{"email": q.Email, "password": wiretest.Password}).NothingPending()
			if !w.User(q.ID).Disabled {
				t.Error("a user opened an account that the host has closed")
			}
		})
	})

	t.Run("for good", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.Closing = true }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName()})
			c.Delete("/ext/account", nil).NothingPending()
			c.LogIn(p)
			d := c.Other()
			d.LogIn(p)
			w.Clock.Advance(5 * time.Minute)
			same(t, c.Delete("/ext/account", nil).Is(401).Flows(), "reauthenticate")
			c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
			own := c.Credential()
			w.Events.Take()
			c.Delete("/ext/account", nil).NothingPending()
			same(t, w.Events.Take(), "account_deleted")
			w.Inbox.Mail(t, p.Email, "account_closed")
			c.Dead(own)
			d.Dead(d.Credential())
			if _, err := w.Store.User(t.Context(), p.ID); err == nil {
				t.Error("the user is still there")
			}
			c.Other().Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Fails("password:email_password_mismatch")
			// The address and the name are free again.
			w.Make(Person{Email: p.Email, Username: p.Username})
		})
	})

	t.Run("asks the host, within the transaction", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.Closing = true
			c.Hooks.InDelete = func(ctx context.Context, tx store.Store, u *store.User) error {
				if err := tx.UseOnce(ctx, "host:deleted:"+u.ID, u.CreatedAt, u.CreatedAt.Add(time.Hour)); err != nil {
					return err
				}
				if strings.HasPrefix(u.Username, "Subscriber") {
					return headless.Reject("", "has_subscription", "End your subscription first.")
				}
				return nil
			}
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: "Subscriber" + wiretest.FreshName()})
			c.LogIn(p)
			w.Events.Take()
			c.Delete("/ext/account", nil).Fails(":has_subscription")
			same(t, w.Events.Take())
			c.Session().LoggedIn()
			w.Inbox.NoMail(t, p.Email)
			q := w.Make(Person{Username: "Other" + wiretest.FreshName()})
			d := c.Other()
			d.LogIn(q)
			d.Delete("/ext/account", nil).NothingPending()
			// What the host writes is kept or not with the rest.
			for id, want := range map[string]bool{p.ID: false, q.ID: true} {
				now := w.Clock.Now().Add(-24 * time.Hour)
				if err := w.Store.UseOnce(t.Context(), "host:deleted:"+id, now, now.Add(time.Hour)); (err != nil) != want {
					t.Errorf("the host's row of %s: got %v", id, err)
				}
			}
		})
	})

	t.Run("ends at a stage like any login", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.Closing = true }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			second := w.AddEmail(p, wiretest.FreshEmail(), false)
			c.LogIn(p)
			c.Post("/ext/account/deactivate", nil).NothingPending()
			d := c.Other()
			d.Post("/ext/auth/reactivate", M{"email": second, "password": wiretest.Password}).Pending("verify_email")
		})
	})
}
