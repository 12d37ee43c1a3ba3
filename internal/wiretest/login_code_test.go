package wiretest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
)

func loginByCode(c *Config) {
	c.Account.LoginByCode, c.Account.LoginCode = true, account.CodeConfig{MaxResends: 2}
}

// spec: account.md §5.
func TestLoginByCode(t *testing.T) {
	request := func(t *testing.T, w *World, c *Client, email string) string {
		t.Helper()
		c.Post("/auth/code/request", M{"email": email}).Pending("login_by_code")
		return w.Inbox.Mail(t, email, "login_code").Data["code"]
	}
	t.Run("that was asked for", func(t *testing.T) {
		wiretest.Each(t, loginByCode, func(t *testing.T, w *World, c *Client) {
			w.Run("logs in", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				r := c.Post("/auth/code/request", M{"email": " " + strings.ToUpper(p.Email)}).Pending("login_by_code")
				same(t, r.Flows(), "login", "login_by_code*", "signup") // in place
				before := c.Credential()
				code := w.Inbox.Mail(t, p.Email, "login_code").Data["code"]
				c.Session().Pending("login_by_code")
				w.Events.Take()
				r = c.Post("/auth/code/confirm", M{"code": strings.ToLower(code)})
				r.LoggedIn()
				equal(t, r.Methods(), []M{{"method": "code", "email": p.Email}})
				same(t, w.Events.Take(), "authentication_step_completed", "user_logged_in")
				if c.Credential() == before {
					t.Error("the identifier stayed the same")
				}
				c.Dead(before)
				c.Post("/auth/code/confirm", M{"code": code}).Is(409)
			})
			w.Run("verifies the address it was mailed to", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Unverified: true})
				code := request(t, w, c, p.Email)
				c.Post("/auth/code/confirm", M{"code": code}).LoggedIn()
				equal(t, w.Emails(p.ID), p.Email+"*!")
			})
			w.Run("needs no password on the account", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{NoPassword: true})
				c.Post("/auth/code/confirm", M{"code": request(t, w, c, p.Email)}).LoggedIn()
			})
			w.Run("is refused three times, then over", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				code := request(t, w, c, p.Email)
				w.Events.Take()
				c.Post("/auth/code/confirm", M{}).Fails("code:required")
				c.Post("/auth/code/confirm", M{"code": wiretest.Wrong(code)}).Fails("code:incorrect_code")
				c.Post("/auth/code/confirm", M{"code": []string{code}}).Fails("code:incorrect_code")
				same(t, w.Events.Take(), "login_code_rejected", "login_code_rejected", "login_code_rejected")
				c.Post("/auth/code/confirm", M{"code": code}).Is(409)
				same(t, c.Session().NothingPending().Flows(), "login", "login_by_code", "signup")
			})
			w.Run("is over after three minutes", func(t *testing.T, w *World, c *Client) {
				code := request(t, w, c, w.Make(Person{}).Email)
				w.Clock.Advance(3*time.Minute - time.Second)
				c.Session().Pending("login_by_code")
				w.Clock.Advance(2 * time.Second)
				c.Post("/auth/code/confirm", M{"code": code}).Is(409)
				c.Session().NothingPending()
			})
			w.Run("is replaced by another one", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				first := request(t, w, c, p.Email)
				if r := c.Post("/auth/code/resend", nil).Is(200); string(r.Raw) != "{\"status\":200}\n" {
					t.Errorf("got %s", r.Raw)
				}
				second := w.Inbox.Mail(t, p.Email, "login_code").Data["code"]
				c.Post("/auth/code/confirm", M{"code": first}).Fails("code:incorrect_code")
				c.Post("/auth/code/resend", nil).Is(200)
				third := w.Inbox.Mail(t, p.Email, "login_code").Data["code"]
				c.Post("/auth/code/resend", nil).Is(409)
				c.Post("/auth/code/confirm", M{"code": second}).Fails("code:incorrect_code")
				c.Post("/auth/code/confirm", M{"code": third}).LoggedIn()
			})
			w.Run("lives no longer for being sent again", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				request(t, w, c, p.Email)
				w.Clock.Advance(2 * time.Minute)
				c.Post("/auth/code/resend", nil).Is(200)
				code := w.Inbox.Mail(t, p.Email, "login_code").Data["code"]
				w.Clock.Advance(61 * time.Second)
				c.Post("/auth/code/confirm", M{"code": code}).Is(409)
			})
			w.Run("is replaced by another request", func(t *testing.T, w *World, c *Client) {
				p, q := w.Make(Person{}), w.Make(Person{})
				first := request(t, w, c, p.Email)
				second := request(t, w, c, q.Email)
				c.Post("/auth/code/confirm", M{"code": first}).Fails("code:incorrect_code")
				if u := c.Post("/auth/code/confirm", M{"code": second}).LoggedIn(); u["email"] != q.Email {
					t.Errorf("logged in as %v", u["email"])
				}
			})
			w.Run("takes the place of another login that waits", func(t *testing.T, w *World, c *Client) {
				signUp(t, w, c)
				p := w.Make(Person{})
				c.Post("/auth/code/confirm", M{"code": request(t, w, c, p.Email)}).LoggedIn()
			})
			w.Run("is forgotten when somebody logs in by password", func(t *testing.T, w *World, c *Client) {
				code := request(t, w, c, w.Make(Person{}).Email)
				c.LogIn(w.Make(Person{}))
				c.Post("/auth/code/confirm", M{"code": code}).Is(409)
			})
			w.Run("is worth nothing elsewhere", func(t *testing.T, w *World, c *Client) {
				code := request(t, w, c, w.Make(Person{}).Email)
				c.Other().Post("/auth/code/confirm", M{"code": code}).Is(409)
				d := c.Other()
				request(t, w, d, w.Make(Person{}).Email)
				d.Post("/auth/code/confirm", M{"code": code}).Fails("code:incorrect_code")
			})
			w.Run("needs an address", func(t *testing.T, w *World, c *Client) {
				c.Post("/auth/code/request", M{}).Fails("email:required")
				c.Post("/auth/code/request", M{"email": "x"}).Fails("email:invalid")
				c.Post("/auth/code/request", M{"phone": "+31612345678"}).Fails("email:required")
			})
			w.Run("looks the same for an unknown address, and no code is right", func(t *testing.T, w *World, c *Client) {
				email := wiretest.FreshEmail()
				w.Events.Take()
				c.Post("/auth/code/request", M{"email": email}).Pending("login_by_code")
				if m := w.Inbox.Mail(t, email, "unknown_account"); m.Data["code"] != "" {
					t.Error("the mail holds a code")
				}
				c.Post("/auth/code/resend", nil).Is(200)
				w.Inbox.NoMail(t, email)
				c.Post("/auth/code/confirm", M{"code": "BCDF-GHJK"}).Fails("code:incorrect_code")
				c.Post("/auth/code/confirm", M{"code": ""}).Fails("code:required")
				c.Post("/auth/code/confirm", M{"code": "BCDF-GHJK"}).Fails("code:incorrect_code")
				c.Post("/auth/code/confirm", M{"code": "BCDF-GHJK"}).Is(409)
				same(t, w.Events.Take())
			})
			w.Run("is not sent to who is disabled", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Disabled: true})
				c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
				w.Inbox.Mail(t, p.Email, "unknown_account")
			})
			w.Run("goes to the verified owner", func(t *testing.T, w *World, c *Client) {
				owner := w.Make(Person{})
				claims := w.Make(Person{Email: "-"})
				w.AddEmail(claims, owner.Email, false)
				if u := c.Post("/auth/code/confirm", M{"code": request(t, w, c, owner.Email)}).LoggedIn(); u["email"] != owner.Email {
					t.Errorf("logged in as %v", u)
				}
			})
			w.Run("is not sent to who is logged in", func(t *testing.T, w *World, c *Client) {
				// spec: account.md §5.1 Port note.
				p := w.Make(Person{})
				c.LogIn(p)
				c.Post("/auth/code/request", M{"email": p.Email}).LoggedIn()
				w.Inbox.NoMail(t, p.Email)
				c.Post("/auth/code/confirm", M{"code": "x"}).Is(409)
				c.Post("/auth/code/resend", nil).Is(409)
			})
			w.Run("has to be asked for first", func(t *testing.T, w *World, c *Client) {
				c.Post("/auth/code/confirm", M{"code": "x"}).Is(409)
				c.Post("/auth/code/confirm", "{").Is(409)
				c.Post("/auth/code/resend", nil).Is(409)
			})
		})
	})

	t.Run("is sent again only if configured", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.LoginByCode = true }, func(t *testing.T, w *World, c *Client) {
			request(t, w, c, w.Make(Person{}).Email)
			c.Post("/auth/code/resend", nil).Is(409)
		})
	})

	t.Run("to a phone", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			phones(c)
			loginByCode(c)
		}, func(t *testing.T, w *World, c *Client) {
			w.Run("logs in and verifies the number", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Phone: wiretest.FreshPhone(), Unverified: true})
				c.Post("/auth/code/request", M{"phone": p.Phone}).Pending("login_by_code")
				m := w.Inbox.Text(t, p.Phone, "verification")
				if m.Code == "" || !strings.Contains(m.Text, m.Code) {
					t.Errorf("got %q", m.Text)
				}
				r := c.Post("/auth/code/confirm", M{"code": m.Code})
				r.LoggedIn()
				equal(t, r.Methods(), []M{{"method": "code", "phone": p.Phone}})
				equal(t, c.Get("/account/phone").Data, []M{{"phone": p.Phone, "verified": true}})
			})
			w.Run("or by mail, but not both", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Phone: wiretest.FreshPhone()})
				c.Post("/auth/code/request", M{"phone": p.Phone, "email": p.Email}).Fails(":select_only_one")
				c.Post("/auth/code/request", M{}).Fails(":required")
				c.Post("/auth/code/request", M{"phone": "0612"}).Fails("phone:invalid_phone")
				c.Post("/auth/code/confirm", M{"code": request(t, w, c, p.Email)}).LoggedIn()
			})
			w.Run("looks the same for an unknown number", func(t *testing.T, w *World, c *Client) {
				phone := wiretest.FreshPhone()
				c.Post("/auth/code/request", M{"phone": phone}).Pending("login_by_code")
				if m := w.Inbox.Text(t, phone, "unknown_account"); m.Code != "" {
					t.Error("the text holds a code")
				}
				c.Post("/auth/code/resend", nil).Is(200)
				if l := w.Inbox.Texts(phone); len(l) != 0 {
					t.Errorf("got %v", l)
				}
				for range 3 {
					c.Post("/auth/code/confirm", M{"code": "BCDF-GHJK"}).Fails("code:incorrect_code")
				}
				c.Post("/auth/code/confirm", M{"code": "BCDF-GHJK"}).Is(409)
			})
		})
	})

	t.Run("to a phone alone", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			loginByCode(c)
			c.Account.LoginMethods, c.Account.SignupFields, c.Account.EmailVerification = []string{"phone"}, []string{"phone*", "password1*"}, account.None
		}, func(t *testing.T, w *World, c *Client) {
			c.Post("/auth/code/request", M{}).Fails("phone:required")
			c.Post("/auth/code/request", M{"email": w.Make(Person{}).Email}).Fails("phone:required")
			p := w.Make(Person{Phone: wiretest.FreshPhone()})
			c.Post("/auth/code/request", M{"phone": p.Phone}).Pending("login_by_code")
			c.Post("/auth/code/confirm", M{"code": w.Inbox.Text(t, p.Phone, "verification").Code}).LoggedIn()
		})
	})

	t.Run("with addresses that are no login method", func(t *testing.T) {
		// spec: account.md §5.1: accepted all the same.
		wiretest.Each(t, func(c *Config) {
			loginByCode(c)
			c.Account.LoginMethods, c.Account.SignupFields = []string{"username"}, []string{"username*", "email*", "password1*"}
		}, func(t *testing.T, w *World, c *Client) {
			c.Post("/auth/code/confirm", M{"code": request(t, w, c, w.Make(Person{Username: wiretest.FreshName()}).Email)}).LoggedIn()
		})
	})

	t.Run("as configured", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.LoginByCode = true
			c.Account.CodeFormat = account.CodeFormat{Numeric: true}
			c.Account.LoginCode = account.CodeConfig{Lifetime: time.Minute, MaxAttempts: 1}
		}, func(t *testing.T, w *World, c *Client) {
			code := request(t, w, c, w.Make(Person{}).Email)
			if len(code) != 11 || strings.Trim(code, "0123456789-") != "" || code[3] != '-' || code[7] != '-' {
				t.Errorf("got code %q, want three groups of three digits", code)
			}
			c.Post("/auth/code/confirm", M{"code": wiretest.Wrong(code)}).Fails("code:incorrect_code")
			c.Post("/auth/code/confirm", M{"code": code}).Is(409)
			code = request(t, w, c, w.Make(Person{}).Email)
			w.Clock.Advance(61 * time.Second)
			c.Post("/auth/code/confirm", M{"code": code}).Is(409)
			code = request(t, w, c, w.Make(Person{}).Email)
			c.Post("/auth/code/confirm", M{"code": strings.ReplaceAll(code, "-", "")}).LoggedIn()
		})
	})

	t.Run("is off by default", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			c.Post("/auth/code/request", M{"email": "a@example.org"}).Is(404)
			c.Post("/auth/code/resend", nil).Is(404)
			c.Post("/auth/code/confirm", M{"code": "x"}).Is(409) // always present. core.md §1
		})
	})
}

// spec: account.md §5.3.
func TestRequiredLoginCode(t *testing.T) {
	t.Run("after every login", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { loginByCode(c); c.Account.LoginCodeRequired = []string{"*"} }, func(t *testing.T, w *World, c *Client) {
			w.Run("a password alone is not enough", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("login_by_code")
				if w.Sessions(p.ID) != 0 {
					t.Error("the user has a session already")
				}
				c.Get("/account/email").Pending("login_by_code")
				r := c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]})
				r.LoggedIn()
				equal(t, r.Methods(), []M{{"method": "password", "email": p.Email}, {"method": "code", "email": p.Email}})
			})
			w.Run("a code that was asked for is", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
				c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
			})
			w.Run("a second code does no harm to who has one address of two proven", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				second := w.AddEmail(p, wiretest.FreshEmail(), false)
				c.Post("/auth/login", M{"email": second, "password": wiretest.Password}).Pending("login_by_code")
				c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, second, "login_code").Data["code"]}).LoggedIn()
				equal(t, w.Emails(p.ID), p.Email+"*! "+second+"*")
			})
			w.Run("it is refused three times, then the login is over", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("login_by_code")
				code := w.Inbox.Mail(t, p.Email, "login_code").Data["code"]
				for range 3 {
					c.Post("/auth/code/confirm", M{"code": wiretest.Wrong(code)}).Fails("code:incorrect_code")
				}
				c.Post("/auth/code/confirm", M{"code": code}).Is(409)
				c.Session().NothingPending()
			})
			w.Run("another one can be asked for", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("login_by_code")
				w.Inbox.Mail(t, p.Email, "login_code")
				c.Post("/auth/code/resend", nil).Is(200)
				c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
			})
		})
	})

	t.Run("after a password", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.LoginCodeRequired, c.Account.LoginOnPasswordReset = []string{"password"}, true
			c.Account.EmailVerification = account.None
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			// Required, but not offered: core.md §1, §8.
			same(t, c.Session().Flows(), "login", "signup")
			c.Post("/auth/code/request", M{"email": p.Email}).Is(404)
			c.Post("/auth/code/resend", nil).Is(404)
			r := c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("login_by_code")
			same(t, r.Flows(), "login", "signup", "login_by_code*")
			c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
			// A reset is no password login.
			d := c.Other()
			d.Post("/auth/password/reset", M{"key": requestKey(t, w, d, p.Email), "password": newPassword}).LoggedIn()
			// No record is one too.
			email := wiretest.FreshEmail()
			c.Other().Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Pending("login_by_code")
		})
	})

	t.Run("after nothing that was done here", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.LoginCodeRequired = []string{"socialaccount"} }, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
		})
	})

	t.Run("goes where the user can be reached", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.LoginMethods, c.Account.SignupFields = []string{"username"}, []string{"username*", "email", "phone", "password1*"}
			c.Account.EmailVerification, c.Account.LoginCodeRequired = account.None, []string{"*"}
		}, func(t *testing.T, w *World, c *Client) {
			logIn := func(p *Person) *wiretest.Reply {
				return c.Other().Post("/auth/login", M{"username": p.Username, "password": wiretest.Password})
			}
			p := w.Make(Person{Username: wiretest.FreshName()})
			logIn(p).Pending("login_by_code")
			w.Inbox.Mail(t, p.Email, "login_code")
			p = w.Make(Person{Username: wiretest.FreshName(), Email: "-", Phone: wiretest.FreshPhone()})
			logIn(p).Pending("login_by_code")
			w.Inbox.Text(t, p.Phone, "verification")
			p = w.Make(Person{Username: wiretest.FreshName(), Email: "-"})
			logIn(p).NothingPending() // nowhere
		})
	})
}
