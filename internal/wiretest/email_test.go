package wiretest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
)

type row struct {
	Email    string `json:"email"`
	Primary  bool   `json:"primary"`
	Verified bool   `json:"verified"`
}

func list(r *wiretest.Reply) string {
	var l []row
	r.Is(200).Into(&l)
	var s []string
	for _, e := range l {
		m := ""
		if e.Verified {
			m = "*"
		}
		if e.Primary {
			m += "!"
		}
		s = append(s, e.Email+m)
	}
	return strings.Join(s, " ")
}

// spec: account.md §7.
func TestEmails(t *testing.T) {
	t.Run("with links", func(t *testing.T) {
		wiretest.Each(t, notifying, func(t *testing.T, w *World, c *Client) {
			w.Run("are listed in the order they came", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				b := w.AddEmail(p, "b"+wiretest.FreshEmail(), true)
				a := w.AddEmail(p, "a"+wiretest.FreshEmail(), false)
				c.LogIn(p)
				r := c.Get("/account/email")
				equal(t, list(r), p.Email+"*! "+b+"* "+a)
				if r.Meta != nil {
					t.Errorf("got meta %v", r.Meta)
				}
			})
			w.Run("are for who is logged in", func(t *testing.T, w *World, c *Client) {
				for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
					c.Do(method, "/account/email", nil).NothingPending()
				}
				c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(409)
				signUp(t, w, c)
				c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(409) // links can't be changed so
				c.Get("/account/email").Pending("verify_email")
			})
			w.Run("are added, and verified by link", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.LogIn(p)
				w.Events.Take()
				second := wiretest.FreshEmail()
				equal(t, list(c.Post("/account/email", M{"email": strings.ToUpper(second)})), p.Email+"*! "+second)
				same(t, w.Events.Take(), "email_added", "email_confirmation_sent")
				key := w.Inbox.Mail(t, second, "email_confirmation").Data["key"]
				w.Inbox.NoMail(t, p.Email)
				c.Post("/auth/email/verify", M{"key": key}).LoggedIn()
				same(t, w.Events.Take(), "email_confirmed")
				equal(t, list(c.Get("/account/email")), p.Email+"*! "+second+"*")
			})
			w.Run("are refused for a reason", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				second := w.AddEmail(p, wiretest.FreshEmail(), false)
				c.LogIn(p)
				c.Post("/account/email", M{}).Fails("email:required")
				c.Post("/account/email", M{"email": "x"}).Fails("email:invalid")
				c.Post("/account/email", M{"email": 12}).Fails("email:invalid")
				c.Post("/account/email", M{"email": p.Email}).Fails("email:duplicate_email")
				c.Post("/account/email", M{"email": " " + strings.ToUpper(second)}).Fails("email:duplicate_email")
				c.Post("/account/email", M{"email": strings.Repeat("a", 250) + "@example.org"}).Fails("email:max_length")
			})
			w.Run("that somebody else owns are accepted, but never verified", func(t *testing.T, w *World, c *Client) {
				// spec: account.md §7.1 with its Port note; requirement ENU-3.
				p, owner := w.Make(Person{}), w.Make(Person{})
				c.LogIn(p)
				equal(t, list(c.Post("/account/email", M{"email": owner.Email})), p.Email+"*! "+owner.Email)
				if m := w.Inbox.Mail(t, owner.Email, "account_already_exists"); m.Data["key"] != "" || strings.Contains(m.Text, "verify-email") {
					t.Error("the owner got a key that they did not ask for")
				}
				c.Post("/account/email", M{"email": owner.Email}).Fails("email:duplicate_email")
				equal(t, list(c.Delete("/account/email", M{"email": owner.Email})), p.Email+"*!")
			})
			w.Run("that somebody else claims belong to who verifies first", func(t *testing.T, w *World, c *Client) {
				// EML-2.
				claims := w.Make(Person{Unverified: true})
				p := w.Make(Person{})
				c.LogIn(p)
				c.Post("/account/email", M{"email": claims.Email}).Is(200)
				key := w.Inbox.Mail(t, claims.Email, "email_confirmation").Data["key"]
				c.Other().Post("/auth/login", M{"email": claims.Email, "password": wiretest.Password}).Pending("verify_email")
				other := w.Inbox.Mail(t, claims.Email, "email_confirmation").Data["key"]
				c.Post("/auth/email/verify", M{"key": key}).LoggedIn()
				c.Other().Post("/auth/email/verify", M{"key": other}).Fails("key:email_taken")
			})
			w.Run("are asked again to be verified", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				second := w.AddEmail(p, wiretest.FreshEmail(), false)
				c.LogIn(p)
				r := c.Put("/account/email", M{"email": strings.ToUpper(second)}).Is(200)
				if string(r.Raw) != "{\"status\":200}\n" {
					t.Errorf("got %s", r.Raw)
				}
				w.Inbox.Mail(t, second, "email_confirmation")
				c.Put("/account/email", M{}).Fails("email:required")
				c.Put("/account/email", M{"email": "x"}).Fails("email:invalid")
				c.Put("/account/email", M{"email": wiretest.FreshEmail()}).Fails("email:unknown_email")
				// What is verified needs no mail. account.md §7.3 Port note
				c.Put("/account/email", M{"email": p.Email}).Is(403)
				w.Inbox.NoMail(t, p.Email)
			})
			w.Run("become the primary one", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				second, third := w.AddEmail(p, wiretest.FreshEmail(), true), w.AddEmail(p, wiretest.FreshEmail(), false)
				c.LogIn(p)
				for _, tt := range []struct {
					body M
					want []string
				}{
					{M{}, []string{"email:required", "primary:required"}},
					{M{"email": second}, []string{"primary:required"}},
					{M{"email": second, "primary": false}, []string{"primary:required"}},
					{M{"email": second, "primary": "False"}, []string{"primary:required"}},
					{M{"email": second, "primary": nil}, []string{"primary:required"}},
					{M{"email": second, "primary": ""}, []string{"primary:required"}},
					{M{"email": wiretest.FreshEmail(), "primary": true}, []string{"email:unknown_email"}},
					{M{"email": wiretest.FreshEmail()}, []string{"email:unknown_email", "primary:required"}},
					{M{"email": third, "primary": true}, []string{"email:unverified_primary_email"}},
				} {
					c.Patch("/account/email", tt.body).Fails(tt.want...)
				}
				w.Events.Take()
				equal(t, list(c.Patch("/account/email", M{"email": second, "primary": true})), p.Email+"* "+second+"*! "+third)
				same(t, w.Events.Take(), "email_changed")
				m := w.Inbox.Mail(t, p.Email, "email_changed")
				if m.Data["from_email"] != p.Email || m.Data["to_email"] != second || m.Data["ip"] == "" || m.Data["user_agent"] == "" || m.Data["timestamp"] == "" {
					t.Errorf("got %v", m.Data)
				}
				w.Inbox.NoMail(t, second)
				if u := c.Session().LoggedIn(); u["email"] != second {
					t.Errorf("got %v", u)
				}
				// Already so: the event comes all the same. account.md §7.4
				for _, truth := range []any{true, "true", "TRUE", 1} {
					c.Patch("/account/email", M{"email": second, "primary": truth}).Is(200)
					same(t, w.Events.Take(), "email_changed")
				}
			})
			w.Run("become the primary one unverified only where none is verified", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Unverified: true})
				second := w.AddEmail(p, wiretest.FreshEmail(), false)
				d := wiretest.New(t, w.Store, func(c *Config) { c.Account.EmailVerification = account.Optional }).Client(c.Kind)
				d.LogIn(p)
				equal(t, list(d.Patch("/account/email", M{"email": second, "primary": true})), p.Email+" "+second+"!")
			})
			w.Run("are removed, but for the primary one", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				second, third := w.AddEmail(p, wiretest.FreshEmail(), true), w.AddEmail(p, wiretest.FreshEmail(), false)
				c.LogIn(p)
				c.Delete("/account/email", M{}).Fails("email:required")
				c.Delete("/account/email", nil).Fails("email:required")
				c.Delete("/account/email", M{"email": "x"}).Fails("email:invalid")
				c.Delete("/account/email", M{"email": wiretest.FreshEmail()}).Fails("email:unknown_email")
				c.Delete("/account/email", M{"email": p.Email}).Fails("email:cannot_remove_primary_email")
				w.Events.Take()
				equal(t, list(c.Delete("/account/email", M{"email": strings.ToUpper(second)})), p.Email+"*! "+third)
				same(t, w.Events.Take(), "email_removed")
				if m := w.Inbox.Mail(t, p.Email, "email_deleted"); m.Data["deleted_email"] != second {
					t.Errorf("got %v", m.Data)
				}
				w.Inbox.NoMail(t, second)
				equal(t, list(c.Delete("/account/email", M{"email": third})), p.Email+"*!")
				// The last one is the only way to log in.
				c.Delete("/account/email", M{"email": p.Email}).Fails("email:cannot_remove_primary_email")
			})
			w.Run("that are secondary and alone stay, too, while they are the only way to log in", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Email: "-"})
				only := w.AddEmail(p, wiretest.FreshEmail(), true)
				c.LogIn(&Person{Email: only})
				c.Delete("/account/email", M{"email": only}).Fails("email:cannot_remove_primary_email")
			})
			w.Run("of others are out of reach", func(t *testing.T, w *World, c *Client) {
				// EML-3: the acting user comes from the session.
				p, q := w.Make(Person{}), w.Make(Person{})
				second := w.AddEmail(q, wiretest.FreshEmail(), true)
				c.LogIn(p)
				c.Put("/account/email", M{"email": second, "user_id": q.ID}).Fails("email:unknown_email")
				c.Patch("/account/email", M{"email": second, "primary": true, "user": q.ID}).Fails("email:unknown_email")
				c.Delete("/account/email", M{"email": second, "id": q.ID}).Fails("email:unknown_email")
				equal(t, w.Emails(q.ID), q.Email+"*! "+second+"*")
			})
			w.Run("need no recent proof by default", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.LogIn(p)
				w.Clock.Advance(time.Hour)
				c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(200)
			})
		})
	})

	t.Run("where usernames log in, the last one may go", func(t *testing.T) {
		wiretest.Each(t, usernames, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName()})
			c.LogIn(p)
			w.Events.Take()
			equal(t, list(c.Delete("/account/email", M{"email": p.Email})), "")
			same(t, w.Events.Take(), "email_removed")
			if u := c.Session().LoggedIn(); u["email"] != nil {
				t.Errorf("got %v", u)
			}
			if w.User(p.ID).Email != "" {
				t.Error("the user keeps the address")
			}
			// The first one to be verified becomes the primary one.
			second := wiretest.FreshEmail()
			equal(t, list(c.Post("/account/email", M{"email": second})), second)
			c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, second, "email_confirmation").Data["key"]}).LoggedIn()
			equal(t, list(c.Get("/account/email")), second+"*!")
		})
	})

	t.Run("with codes", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { codeVerification(c); notifying(c) }, func(t *testing.T, w *World, c *Client) {
			w.Run("are stored when they are verified, not before", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.LogIn(p)
				w.Events.Take()
				second := wiretest.FreshEmail()
				equal(t, list(c.Post("/account/email", M{"email": second})), p.Email+"*! "+second)
				same(t, w.Events.Take(), "email_confirmation_sent")
				equal(t, list(c.Get("/account/email")), p.Email+"*! "+second)
				equal(t, w.Emails(p.ID), p.Email+"*!")
				code := w.Inbox.Mail(t, second, "email_confirmation").Data["code"]
				equal(t, lookUp(c, code).Is(200).Meta, M{"is_authenticating": false})
				c.Post("/auth/email/verify", M{"key": code}).LoggedIn()
				same(t, w.Events.Take(), "email_added", "email_confirmed")
				equal(t, list(c.Get("/account/email")), p.Email+"*! "+second+"*")
				// Another client of the same user sees what is stored alone.
				d := c.Other()
				d.LogIn(p)
				c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(200)
				equal(t, list(d.Get("/account/email")), p.Email+"*! "+second+"*")
			})
			w.Run("are pending one at a time", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.LogIn(p)
				first, second := wiretest.FreshEmail(), wiretest.FreshEmail()
				c.Post("/account/email", M{"email": first}).Is(200)
				equal(t, list(c.Post("/account/email", M{"email": second})), p.Email+"*! "+second)
				c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, first, "email_confirmation").Data["code"]}).Fails("key:incorrect_code")
				c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, second, "email_confirmation").Data["code"]}).LoggedIn()
				equal(t, w.Emails(p.ID), p.Email+"*! "+second+"*")
			})
			w.Run("are pending until three codes were wrong", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.LogIn(p)
				second := wiretest.FreshEmail()
				c.Post("/account/email", M{"email": second}).Is(200)
				code := w.Inbox.Mail(t, second, "email_confirmation").Data["code"]
				for range 3 {
					c.Post("/auth/email/verify", M{"key": wiretest.Wrong(code)}).Fails("key:incorrect_code")
				}
				c.Post("/auth/email/verify", M{"key": code}).Is(409)
				equal(t, list(c.Get("/account/email")), p.Email+"*!")
				c.Session().LoggedIn()
			})
			w.Run("are pending for a quarter of an hour", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.LogIn(p)
				second := wiretest.FreshEmail()
				c.Post("/account/email", M{"email": second}).Is(200)
				w.Clock.Advance(15*time.Minute + time.Second)
				equal(t, list(c.Get("/account/email")), p.Email+"*!")
				c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, second, "email_confirmation").Data["code"]}).Is(409)
			})
			w.Run("that are pending are sent another code as often as configured", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.LogIn(p)
				second := wiretest.FreshEmail()
				c.Post("/account/email", M{"email": second}).Is(200)
				w.Inbox.Mail(t, second, "email_confirmation")
				c.Put("/account/email", M{"email": second}).Is(200)
				w.Inbox.Mail(t, second, "email_confirmation")
				c.Post("/auth/email/verify/resend", nil).Is(200)
				code := w.Inbox.Mail(t, second, "email_confirmation").Data["code"]
				c.Put("/account/email", M{"email": second}).Is(403)
				c.Post("/auth/email/verify/resend", nil).Is(409)
				c.Post("/auth/email/verify", M{"key": code}).LoggedIn()
			})
			w.Run("that are pending can't be primary", func(t *testing.T, w *World, c *Client) {
				c.LogIn(w.Make(Person{}))
				second := wiretest.FreshEmail()
				c.Post("/account/email", M{"email": second}).Is(200)
				c.Patch("/account/email", M{"email": second, "primary": true}).Fails("email:unverified_primary_email")
			})
			w.Run("that are pending are given up by removing them", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.LogIn(p)
				second := wiretest.FreshEmail()
				c.Post("/account/email", M{"email": second}).Is(200)
				w.Events.Take()
				equal(t, list(c.Delete("/account/email", M{"email": second})), p.Email+"*!")
				same(t, w.Events.Take())
				c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, second, "email_confirmation").Data["code"]}).Is(409)
				w.Inbox.NoMail(t, p.Email)
			})
			w.Run("that have a row are asked again, and verified", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				second := w.AddEmail(p, wiretest.FreshEmail(), false)
				c.LogIn(p)
				c.Put("/account/email", M{"email": second}).Is(200)
				equal(t, list(c.Get("/account/email")), p.Email+"*! "+second) // once
				w.Events.Take()
				c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, second, "email_confirmation").Data["code"]}).LoggedIn()
				same(t, w.Events.Take(), "email_confirmed")
				c.Put("/account/email", M{"email": second}).Is(403)
			})
			w.Run("that somebody else owns look like any other, and no code is right", func(t *testing.T, w *World, c *Client) {
				p, owner := w.Make(Person{}), w.Make(Person{})
				c.LogIn(p)
				equal(t, list(c.Post("/account/email", M{"email": owner.Email})), p.Email+"*! "+owner.Email)
				if m := w.Inbox.Mail(t, owner.Email, "account_already_exists"); m.Data["code"] != "" {
					t.Error("the owner got a code that they did not ask for")
				}
				for range 3 {
					c.Post("/auth/email/verify", M{"key": "BCDF-GHJK"}).Fails("key:incorrect_code")
				}
				c.Post("/auth/email/verify", M{"key": "BCDF-GHJK"}).Is(409)
				equal(t, w.Emails(p.ID), p.Email+"*!")
			})
		})
	})

	t.Run("without secrecy say when they are taken", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.PreventEnumeration = account.Reveal }, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			c.Post("/account/email", M{"email": w.Make(Person{}).Email}).Fails("email:email_taken")
			c.Post("/account/email", M{"email": w.Make(Person{Unverified: true}).Email}).Fails("email:email_taken")
		})
	})

	t.Run("can be limited in number", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.MaxEmailAddresses = 2 }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			second := wiretest.FreshEmail()
			c.Post("/account/email", M{"email": second}).Is(200)
			c.Post("/account/email", M{"email": second}).Fails("email:duplicate_email")
			c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Fails("email:max_email_addresses")
			c.Delete("/account/email", M{"email": second}).Is(200)
			c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(200)
		})
	})
}

// spec: account.md §4.3, §7.1, §11 (ACCOUNT_CHANGE_EMAIL).
func TestChangeEmail(t *testing.T) {
	t.Run("by link", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.ChangeEmail = true; notifying(c) }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			first, second := wiretest.FreshEmail(), wiretest.FreshEmail()
			equal(t, list(c.Post("/account/email", M{"email": first})), p.Email+"*! "+first)
			old := w.Inbox.Mail(t, first, "email_confirmation").Data["key"]
			// Another one replaces the one that waits, and its key.
			equal(t, list(c.Post("/account/email", M{"email": second})), p.Email+"*! "+second)
			c.Other().Post("/auth/email/verify", M{"key": old}).Fails("key:invalid_or_expired_key")
			// Nothing has changed so far. EML-2
			if u := c.Session().LoggedIn(); u["email"] != p.Email {
				t.Errorf("got %v", u)
			}
			w.Events.Take()
			if u := c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, second, "email_confirmation").Data["key"]}).LoggedIn(); u["email"] != second {
				t.Errorf("got %v", u)
			}
			same(t, w.Events.Take(), "email_confirmed", "email_changed")
			equal(t, w.Emails(p.ID), second+"*!")
			if m := w.Inbox.Mail(t, p.Email, "email_changed"); m.Data["to_email"] != second {
				t.Errorf("got %v", m.Data)
			}
			c.Other().Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Fails("password:email_password_mismatch")
		})
	})
	t.Run("by code", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { codeVerification(c); c.Account.ChangeEmail = true; notifying(c) }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			second := wiretest.FreshEmail()
			equal(t, list(c.Post("/account/email", M{"email": second})), p.Email+"*! "+second)
			w.Events.Take()
			c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, second, "email_confirmation").Data["code"]}).LoggedIn()
			same(t, w.Events.Take(), "email_added", "email_confirmed", "email_changed")
			equal(t, list(c.Get("/account/email")), second+"*!")
			w.Inbox.Mail(t, p.Email, "email_changed")
		})
	})
	t.Run("by a code to log in with", func(t *testing.T) {
		// spec: account.md §5.4: with ChangeEmail the proven address is the only one.
		wiretest.Each(t, func(c *Config) { c.Account.ChangeEmail, c.Account.LoginCodeRequired = true, []string{"password"} }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			second := w.AddEmail(p, wiretest.FreshEmail(), false)
			c.Post("/auth/login", M{"email": second, "password": wiretest.Password}).Pending("login_by_code")
			c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, second, "login_code").Data["code"]}).LoggedIn()
			equal(t, w.Emails(p.ID), second+"*!")
		})
	})
}
