package wiretest_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
)

// limited switches the default limits on, with a proxy in front so that every
// client can have an address of its own.
func limited(change func(*Config)) func(*Config) {
	return func(c *Config) {
		if change != nil {
			change(c)
		}
		c.NoLimits, c.TrustedProxies = false, 1
	}
}

// tooMany checks a 429 and how long it asks to wait.
func tooMany(t *testing.T, r *wiretest.Reply, wait time.Duration) {
	t.Helper()
	r.Is(429)
	if string(r.Raw) != "{\"status\":429}\n" {
		t.Errorf("%s: got %s", r.What, r.Raw)
	}
	if got := r.Header.Get("Retry-After"); got != strconv.Itoa(int(wait.Seconds())) {
		t.Errorf("%s: got Retry-After %q, want %d", r.What, got, int(wait.Seconds()))
	}
}

// spec: account.md §12, core.md §9; requirements LIM-1 to LIM-6.
func TestLimits(t *testing.T) {
	t.Run("of an action let pass just as many as they say", func(t *testing.T) {
		for _, tt := range []struct {
			action string
			name   string
			change func(*Config)
			amount int
			per    time.Duration
			// call makes one call that counts; setup prepares what it needs.
			setup func(t *testing.T, w *World, c *Client) func(c *Client) *wiretest.Reply
			// shared tells that calls from elsewhere count too, and alone that
			// calls from elsewhere don't.
			shared, alone bool
		}{
			{action: "login", amount: 30, per: time.Minute, alone: true,
				setup: func(t *testing.T, w *World, c *Client) func(c *Client) *wiretest.Reply {
					return func(c *Client) *wiretest.Reply { return c.Post("/auth/login", "{") }
				}},
			{action: "login", name: "with right passwords", amount: 30, per: time.Minute, alone: true,
				setup: func(t *testing.T, w *World, c *Client) func(c *Client) *wiretest.Reply {
					p := w.Make(Person{})
					return func(c *Client) *wiretest.Reply {
						return c.Other().From(c.Header.Get("X-Forwarded-For")).Post("/auth/login", M{"email": p.Email, "password": wiretest.Password})
					}
				}},
			{action: "signup", amount: 20, per: time.Minute, alone: true,
				setup: func(t *testing.T, w *World, c *Client) func(c *Client) *wiretest.Reply {
					return func(c *Client) *wiretest.Reply { return c.Post("/auth/signup", M{"email": "x"}) }
				}},
			{action: "reset_password", name: "of an address", amount: 5, per: time.Minute, shared: true,
				setup: func(t *testing.T, w *World, c *Client) func(c *Client) *wiretest.Reply {
					p := w.Make(Person{})
					return func(c *Client) *wiretest.Reply {
						return c.Post("/auth/password/request", M{"email": " " + strings.ToUpper(p.Email)})
					}
				}},
			{action: "reset_password", name: "from an address", amount: 20, per: time.Minute, alone: true,
				setup: func(t *testing.T, w *World, c *Client) func(c *Client) *wiretest.Reply {
					return func(c *Client) *wiretest.Reply {
						return c.Post("/auth/password/request", M{"email": wiretest.FreshEmail()})
					}
				}},
			{action: "reset_password_from_key", amount: 20, per: time.Minute, alone: true,
				setup: func(t *testing.T, w *World, c *Client) func(c *Client) *wiretest.Reply {
					return func(c *Client) *wiretest.Reply {
						return c.Post("/auth/password/reset", M{"key": "x", "password": newPassword})
					}
				}},
			{action: "change_password", amount: 5, per: time.Minute, shared: true,
				setup: func(t *testing.T, w *World, c *Client) func(c *Client) *wiretest.Reply {
					p := w.Make(Person{})
					return asUser(p, func(c *Client) *wiretest.Reply {
						return c.Post("/account/password/change", M{"current_password": "wrong", "new_password": newPassword})
					})
				}},
			{action: "manage_email", amount: 10, per: time.Minute, shared: true,
				setup: func(t *testing.T, w *World, c *Client) func(c *Client) *wiretest.Reply {
					p := w.Make(Person{})
					n := 0
					return asUser(p, func(c *Client) *wiretest.Reply {
						n++
						c.Get("/account/email").Is(200) // reading is free
						return c.Do([]string{"POST", "PUT", "PATCH", "DELETE"}[n%4], "/account/email", M{"email": "x"})
					})
				}},
			{action: "change_phone", change: phones, amount: 1, per: time.Minute, shared: true,
				setup: func(t *testing.T, w *World, c *Client) func(c *Client) *wiretest.Reply {
					p := w.Make(Person{Phone: wiretest.FreshPhone()})
					return asUser(p, func(c *Client) *wiretest.Reply {
						c.Get("/account/phone").Is(200)
						return c.Post("/account/phone", M{"phone": wiretest.FreshPhone()})
					})
				}},
			{action: "reauthenticate", amount: 10, per: time.Minute, shared: true,
				setup: func(t *testing.T, w *World, c *Client) func(c *Client) *wiretest.Reply {
					p := w.Make(Person{})
					return asUser(p, func(c *Client) *wiretest.Reply {
						return c.Post("/auth/reauthenticate", M{"password": wiretest.Password})
					})
				}},
		} {
			t.Run(strings.TrimSpace(tt.action+" "+tt.name), func(t *testing.T) {
				wiretest.Each(t, limited(tt.change), func(t *testing.T, w *World, c *Client) {
					c.From(wiretest.FreshIP())
					call := tt.setup(t, w, c)
					for i := range tt.amount {
						if i == tt.amount-1 {
							w.Clock.Advance(10 * time.Second)
						}
						if r := call(c); r.Status == 429 {
							t.Fatalf("call %d of %d was refused", i+1, tt.amount)
						}
					}
					first := tt.per - 10*time.Second // until the first one is forgotten
					if tt.amount == 1 {
						first = tt.per
					}
					tooMany(t, call(c), first)
					tooMany(t, call(c), first) // refused calls don't count
					elsewhere := w.Client(map[string]string{"browser": "app", "app": "browser"}[c.Kind]).From(wiretest.FreshIP())
					if r := call(elsewhere); tt.shared != (r.Status == 429) {
						t.Errorf("from elsewhere it is answered %d", r.Status)
					}
					if tt.alone { // the bucket is the address's, whoever calls
						tooMany(t, call(elsewhere.Other().From(c.Header.Get("X-Forwarded-For"))), first)
					}
					w.Clock.Advance(first)
					if r := call(c); r.Status == 429 {
						t.Error("it is still refused when the first one is forgotten")
					}
				})
			})
		}
	})

	t.Run("count neither reading nor what is not offered", func(t *testing.T) {
		// spec: core.md §2 Port note.
		wiretest.Each(t, limited(func(c *Config) { phones(c) }), func(t *testing.T, w *World, c *Client) {
			c.From(wiretest.FreshIP())
			p := w.Make(Person{Phone: wiretest.FreshPhone()})
			for range 40 {
				c.Do("OPTIONS", "/auth/login", nil).Is(200)
				c.Put("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Is(405)
				c.Get("/auth/signup").Is(405)
				c.Do("HEAD", "/auth/login", nil).Is(405)
			}
			c.LogIn(p)
			for range 3 {
				c.Do("OPTIONS", "/account/phone", nil).Is(200)
				c.Put("/account/phone", nil).Is(405)
			}
			c.Post("/account/phone", M{"phone": wiretest.FreshPhone()}).Is(202)
		})
	})

	t.Run("of failed logins", func(t *testing.T) {
		all := func(c *Config) {
			c.Account.LoginMethods = []string{"email", "username", "phone"}
			c.Account.SignupFields = []string{"email", "username", "phone", "password1*"}
			c.Account.EmailVerification = account.None
			c.Account.PasswordResetByCode = false
			c.Account.Closing = true
		}
		fails := func(c *Client, body M, want string) {
			body["password"] = "wrong"
			c.Other().From(wiretest.FreshIP()).Post("/auth/login", body).Fails(want)
		}
		wiretest.Each(t, limited(all), func(t *testing.T, w *World, c *Client) {
			w.Run("protect an account, by whatever name and client", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Username: wiretest.FreshName(), Phone: wiretest.FreshPhone()})
				in := w.Client("browser").From(wiretest.FreshIP())
				in.LogIn(p)
				fails(w.Client("app"), M{"email": p.Email}, "password:email_password_mismatch")
				fails(w.Client("browser"), M{"email": strings.ToUpper(p.Email)}, "password:email_password_mismatch")
				fails(w.Client("app"), M{"username": strings.ToLower(p.Username)}, "password:username_password_mismatch")
				fails(w.Client("app"), M{"phone": p.Phone}, "password:phone_password_mismatch")
				in.Post("/auth/reauthenticate", M{"password": "wrong"}).Fails("password:incorrect_password")
				// The right password is refused, too, and who is in stays in. LIM-5
				for _, body := range []M{{"email": p.Email}, {"username": p.Username}, {"phone": p.Phone}} {
					body["password"] = wiretest.Password
					c.Other().From(wiretest.FreshIP()).Post("/auth/login", body).Fails(":too_many_login_attempts")
				}
				c.From(wiretest.FreshIP()).Post("/ext/auth/reactivate", M{"email": p.Email, "password": wiretest.Password}).Fails(":too_many_login_attempts")
				in.Post("/auth/reauthenticate", M{"password": wiretest.Password}).Fails("password:too_many_login_attempts")
				in.Session().LoggedIn()
				w.Clock.Advance(300*time.Second - time.Second)
				c.Other().From(wiretest.FreshIP()).Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Fails(":too_many_login_attempts")
				w.Clock.Advance(time.Second)
				c.Other().From(wiretest.FreshIP()).LogIn(p)
			})
			w.Run("protect names that nobody has", func(t *testing.T, w *World, c *Client) {
				email := wiretest.FreshEmail()
				for range 5 {
					fails(c, M{"email": email}, "password:email_password_mismatch")
				}
				fails(c, M{"email": strings.ToUpper(email)}, ":too_many_login_attempts")
			})
			w.Run("stop one address from trying many accounts", func(t *testing.T, w *World, c *Client) {
				ip := wiretest.FreshIP()
				for range 10 {
					c.Other().From(ip).Post("/auth/login", M{"email": wiretest.FreshEmail(), "password": "wrong"}).Fails("password:email_password_mismatch")
				}
				p := w.Make(Person{})
				c.Other().From(ip).Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Fails(":too_many_login_attempts")
				c.Other().From(wiretest.FreshIP()).LogIn(p)
				w.Clock.Advance(time.Minute)
				c.Other().From(ip).LogIn(p)
			})
			w.Run("are given back by a success for itself alone", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				for range 4 {
					fails(c, M{"email": p.Email}, "password:email_password_mismatch")
				}
				for range 6 {
					c.Other().From(wiretest.FreshIP()).LogIn(p)
				}
				fails(c, M{"email": p.Email}, "password:email_password_mismatch")
				fails(c, M{"email": p.Email}, ":too_many_login_attempts")
			})
			w.Run("are forgotten when the password was reset", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				ip := wiretest.FreshIP()
				key := requestKey(t, w, c.Other().From(wiretest.FreshIP()), p.Email)
				for range 5 {
					c.Other().From(ip).Post("/auth/login", M{"email": p.Email, "password": "wrong"}).Fails("password:email_password_mismatch")
				}
				c.Other().From(ip).Post("/auth/login", M{"email": p.Email, "password": "wrong"}).Fails(":too_many_login_attempts")
				c.Other().From(ip).Post("/auth/password/reset", M{"key": key, "password": newPassword}).Is(401)
				c.Other().From(ip).Post("/auth/login", M{"email": p.Email, "password": newPassword}).LoggedIn()
			})
			w.Run("are not spent by input that names nobody", func(t *testing.T, w *World, c *Client) {
				ip := wiretest.FreshIP()
				for range 12 {
					c.Other().From(ip).Post("/auth/login", M{"email": "x", "password": "wrong"}).Fails("email:invalid")
				}
				c.Other().From(ip).LogIn(w.Make(Person{}))
			})
		})
	})

	t.Run("of codes to log in with", func(t *testing.T) {
		wiretest.Each(t, limited(func(c *Config) { phones(c); loginByCode(c) }), func(t *testing.T, w *World, c *Client) {
			w.Run("count those that are sent again", func(t *testing.T, w *World, c *Client) {
				// spec: account.md §5.2 Port note; requirement LIM-6.
				p := w.Make(Person{})
				c.From(wiretest.FreshIP())
				w.Inbox.All()
				c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
				c.Post("/auth/code/resend", nil).Is(200)
				c.Other().From(wiretest.FreshIP()).Post("/auth/code/request", M{"email": strings.ToUpper(p.Email)}).Pending("login_by_code")
				c.Other().From(wiretest.FreshIP()).Post("/auth/code/request", M{"email": p.Email}).Fails("email:too_many_login_attempts")
				tooMany(t, c.Post("/auth/code/resend", nil), time.Minute)
				if got := w.Inbox.All(); len(got) != 3 {
					t.Errorf("got %v, want three codes", got)
				}
				w.Clock.Advance(time.Minute)
				c.Post("/auth/code/resend", nil).Is(200) // the quota was not used by the refusal
			})
			w.Run("are for numbers as well", func(t *testing.T, w *World, c *Client) {
				phone := wiretest.FreshPhone()
				for range 3 {
					c.Other().From(wiretest.FreshIP()).Post("/auth/code/request", M{"phone": phone}).Pending("login_by_code")
				}
				c.Other().From(wiretest.FreshIP()).Post("/auth/code/request", M{"phone": phone}).Fails("phone:too_many_login_attempts")
			})
			w.Run("stop one address from asking for many", func(t *testing.T, w *World, c *Client) {
				ip := wiretest.FreshIP()
				for range 20 {
					c.Other().From(ip).Post("/auth/code/request", M{"email": wiretest.FreshEmail()}).Pending("login_by_code")
				}
				c.Other().From(ip).Post("/auth/code/request", M{"email": wiretest.FreshEmail()}).Fails("email:too_many_login_attempts")
			})
		})
	})

	t.Run("of verification links", func(t *testing.T) {
		wiretest.Each(t, limited(nil), func(t *testing.T, w *World, c *Client) {
			w.Run("let one pass in three minutes, and say nothing", func(t *testing.T, w *World, c *Client) {
				// spec: core.md §6.4, account.md §7.1, §7.3.
				c.From(wiretest.FreshIP())
				email, data := signUp(t, w, c)
				c.Post("/auth/login", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
				w.Inbox.NoMail(t, email)
				w.Clock.Advance(180*time.Second - time.Second)
				c.Post("/auth/login", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
				w.Inbox.NoMail(t, email)
				w.Clock.Advance(time.Second)
				c.Post("/auth/login", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
				w.Inbox.Mail(t, email, "email_confirmation")
				lookUp(c, data["key"]).Is(200)
			})
			w.Run("are the address's, for whatever reason it is written to", func(t *testing.T, w *World, c *Client) {
				c.From(wiretest.FreshIP())
				p, added := w.Make(Person{}), wiretest.FreshEmail()
				c.LogIn(p)
				c.Post("/account/email", M{"email": added}).Is(200)
				w.Inbox.Mail(t, added, "email_confirmation")
				if r := c.Put("/account/email", M{"email": added}).Is(403); string(r.Raw) != "{\"status\":403}\n" {
					t.Errorf("got %s", r.Raw)
				}
				c.Delete("/account/email", M{"email": added}).Is(200)
				c.Post("/account/email", M{"email": added}).Is(200)
				w.Inbox.NoMail(t, added)
				c.Other().From(wiretest.FreshIP()).Post("/auth/signup", M{"email": added, "password": newPassword}).Pending("verify_email")
				w.Inbox.NoMail(t, added)
				w.Clock.Advance(180 * time.Second)
				c.Put("/account/email", M{"email": added}).Is(200)
				w.Inbox.Mail(t, added, "email_confirmation")
			})
		})
	})

	t.Run("of verification codes", func(t *testing.T) {
		wiretest.Each(t, limited(codeVerification), func(t *testing.T, w *World, c *Client) {
			w.Run("let one pass in ten seconds", func(t *testing.T, w *World, c *Client) {
				c.From(wiretest.FreshIP())
				email, data := signUp(t, w, c)
				w.Clock.Advance(4 * time.Second)
				tooMany(t, c.Post("/auth/email/verify/resend", nil), 6*time.Second)
				c.Post("/auth/login", M{"email": email, "password": wiretest.Password}).Fails(":too_many_login_attempts") // account.md §2.2
				c.Post("/auth/signup", M{"email": email, "password": newPassword}).Is(429)
				w.Inbox.NoMail(t, email)
				// The old code is still good, and the quota unused.
				lookUp(c, data["code"]).Is(200)
				for range 2 {
					w.Clock.Advance(10 * time.Second)
					c.Post("/auth/email/verify/resend", nil).Is(200)
				}
				w.Clock.Advance(10 * time.Second)
				c.Post("/auth/email/verify/resend", nil).Is(409)
				if got := w.Inbox.Mails(email); len(got) != 2 {
					t.Errorf("got %v", got)
				}
			})
			w.Run("answer a signup alike, whether the address is taken or not, and make no account", func(t *testing.T, w *World, c *Client) {
				// spec: core.md §6.2 Port note.
				c.From(wiretest.FreshIP())
				p, email := w.Make(Person{}), wiretest.FreshEmail()
				c.LogIn(w.Make(Person{}))
				for _, id := range []string{p.Email, email} {
					c.Post("/account/email", M{"email": id}).Is(200) // uses up the limit
					d := c.Other().From(wiretest.FreshIP())
					tooMany(t, d.Post("/auth/signup", M{"email": id, "password": newPassword}), 10*time.Second)
					d.Session().NothingPending()
				}
				if l, err := w.Store.EmailsByAddress(t.Context(), email); err != nil || len(l) != 0 {
					t.Errorf("an account was made: %v, %v", l, err)
				}
			})
			w.Run("are met when an address is added or changed", func(t *testing.T, w *World, c *Client) {
				c.From(wiretest.FreshIP())
				p, added := w.Make(Person{}), wiretest.FreshEmail()
				c.LogIn(p)
				c.Post("/account/email", M{"email": added}).Is(200)
				tooMany(t, c.Post("/account/email", M{"email": added}), 10*time.Second)
				tooMany(t, c.Put("/account/email", M{"email": added}), 10*time.Second)
				equal(t, list(c.Get("/account/email")), p.Email+"*! "+added)
				d := c.Other().From(wiretest.FreshIP())
				email, data := signUp(t, w, d)
				tooMany(t, d.Post("/account/email", M{"email": added}), 10*time.Second)
				equal(t, w.Emails(idOf(t, w, email)), email+"!")
				d.Post("/auth/email/verify", M{"key": data["code"]}).LoggedIn()
			})
			w.Run("count changes of a signup as its user's", func(t *testing.T, w *World, c *Client) {
				// spec: account.md §7: manage_email per user, invalid input counts.
				c.From(wiretest.FreshIP())
				signUp(t, w, c)
				for range 10 {
					c.Post("/account/email", M{"email": "x"}).Fails("email:invalid")
				}
				tooMany(t, c.Post("/account/email", M{"email": wiretest.FreshEmail()}), time.Minute)
			})
		})
	})

	t.Run("of text messages", func(t *testing.T) {
		wiretest.Each(t, limited(phones), func(t *testing.T, w *World, c *Client) {
			signUp := func(c *Client, phone string) *wiretest.Reply {
				return c.Post("/auth/signup", M{"phone": phone, "email": wiretest.FreshEmail(), "password": wiretest.Password})
			}
			w.Run("let one pass to a number in half a minute", func(t *testing.T, w *World, c *Client) {
				c.From(wiretest.FreshIP())
				phone := wiretest.FreshPhone()
				signUp(c, phone).Pending("verify_phone")
				tooMany(t, c.Post("/auth/phone/verify/resend", nil), 30*time.Second)
				tooMany(t, signUp(c.Other().From(wiretest.FreshIP()), phone), 30*time.Second)
				w.Clock.Advance(30 * time.Second)
				c.Post("/auth/phone/verify/resend", nil).Is(200)
				if l := w.Inbox.Texts(phone); len(l) != 2 {
					t.Errorf("got %v", l)
				}
				// Logging in to wait for it counts as well. account.md §8.2 Port note
				tooMany(t, c.Other().From(wiretest.FreshIP()).Post("/auth/login", M{"phone": phone, "password": wiretest.Password}), 30*time.Second)
			})
			w.Run("let three pass from an address in a minute", func(t *testing.T, w *World, c *Client) {
				ip := wiretest.FreshIP()
				for range 3 {
					signUp(c.Other().From(ip), wiretest.FreshPhone()).Pending("verify_phone")
				}
				phone := wiretest.FreshPhone()
				tooMany(t, signUp(c.Other().From(ip), phone), time.Minute)
				if l, err := w.Store.PhonesByNumber(t.Context(), phone); err != nil || len(l) != 0 {
					t.Errorf("an account was made: %v, %v", l, err)
				}
			})
			w.Run("are met by a change of the number", func(t *testing.T, w *World, c *Client) {
				c.From(wiretest.FreshIP())
				phone := wiretest.FreshPhone()
				signUp(c.Other().From(wiretest.FreshIP()), phone).Pending("verify_phone")
				c.LogIn(w.Make(Person{Phone: wiretest.FreshPhone()}))
				tooMany(t, c.Post("/account/phone", M{"phone": phone}), 30*time.Second)
			})
			w.Run("count changes of a signup as its user's", func(t *testing.T, w *World, c *Client) {
				// spec: account.md §8.2: change_phone per user.
				c.From(wiretest.FreshIP())
				signUp(c, wiretest.FreshPhone()).Pending("verify_phone")
				c.Post("/account/phone", M{"phone": wiretest.FreshPhone()}).Is(202)
				tooMany(t, c.Post("/account/phone", M{"phone": wiretest.FreshPhone()}), time.Minute)
				w.Clock.Advance(time.Minute)
				c.Post("/account/phone", M{"phone": wiretest.FreshPhone()}).Is(202)
			})
		})
	})

	t.Run("of mails to one address by all flows", func(t *testing.T) {
		// LIM-6.
		wiretest.Each(t, limited(func(c *Config) {
			loginByCode(c)
			c.Account.EmailNotifications = true
			c.Limits = map[string]string{"mail": "3/d/key"}
			for _, own := range []string{"reset_password", "request_login_code", "confirm_email", "change_password"} {
				c.Limits[own] = headless.NoLimit
			}
		}), func(t *testing.T, w *World, c *Client) {
			w.Run("are the same whether there is an account or not", func(t *testing.T, w *World, c *Client) {
				for _, email := range []string{w.Make(Person{}).Email, wiretest.FreshEmail()} {
					d := func() *Client { return c.Other().From(wiretest.FreshIP()) }
					w.Inbox.Mails(email)
					d().Post("/auth/password/request", M{"email": email}).Is(200)
					in := d()
					in.Post("/auth/code/request", M{"email": strings.ToUpper(email)}).Pending("login_by_code")
					d().Post("/auth/signup", M{"email": email, "password": newPassword}).Pending("verify_email")
					if l := w.Inbox.Mails(email); len(l) != 3 {
						t.Fatalf("%s: got %v", email, l)
					}
					tooMany(t, d().Post("/auth/password/request", M{"email": email}), 24*time.Hour)
					d().Post("/auth/code/request", M{"email": email}).Fails("email:too_many_login_attempts")
					tooMany(t, in.Post("/auth/code/resend", nil), 24*time.Hour)
					// What was sent is good for days; nobody is told, as when links are sent too often.
					d().Post("/auth/signup", M{"email": email, "password": newPassword}).Pending("verify_email")
					w.Inbox.NoMail(t, email)
				}
				w.Clock.Advance(24 * time.Hour)
				email := w.Make(Person{}).Email
				c.From(wiretest.FreshIP()).Post("/auth/password/request", M{"email": email}).Is(200)
				w.Inbox.Mail(t, email, "password_reset_key")
			})
			w.Run("let each kind of notice through", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				in := w.Client(c.Kind).From(wiretest.FreshIP())
				in.LogIn(p)
				for range 3 {
					c.Other().From(wiretest.FreshIP()).Post("/auth/password/request", M{"email": p.Email}).Is(200)
				}
				w.Inbox.Mails(p.Email)
				old := wiretest.Password
				for i := range 5 { // one kind does not go on for ever
					next := newPassword + strconv.Itoa(i)
					in.Post("/account/password/change", M{"current_password": old, "new_password": next}).Is(200)
					old = next
					if l := w.Inbox.Mails(p.Email); (len(l) == 1) != (i < 3) {
						t.Fatalf("change %d: got %v", i+1, l)
					}
				}
				if err := w.Auth.Users().Disable(t.Context(), p.ID); err != nil {
					t.Fatal(err)
				}
				w.Inbox.Mail(t, p.Email, "account_closed")
			})
		})
	})

	t.Run("of mails to one address, where logging in takes one", func(t *testing.T) {
		wiretest.Each(t, limited(func(c *Config) {
			loginByCode(c)
			c.Account.LoginCodeRequired = []string{"*"}
			c.Limits = map[string]string{"mail": "3/d/key", "reset_password": headless.NoLimit}
		}), func(t *testing.T, w *World, c *Client) {
			w.Run("keep nobody from the code that completes a login", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				for range 3 {
					c.Other().From(wiretest.FreshIP()).Post("/auth/password/request", M{"email": p.Email}).Is(200)
				}
				w.Inbox.Mails(p.Email)
				in := func() *wiretest.Reply {
					return c.Other().From(wiretest.FreshIP()).Post("/auth/login", M{"email": p.Email, "password": wiretest.Password})
				}
				for range 3 {
					in().Pending("login_by_code")
					w.Inbox.Mail(t, p.Email, "login_code")
				}
				tooMany(t, in(), 24*time.Hour)
				w.Inbox.NoMail(t, p.Email)
			})
			w.Run("are met alike by signups, for addresses that are taken or not", func(t *testing.T, w *World, c *Client) {
				for _, email := range []string{w.Make(Person{}).Email, wiretest.FreshEmail()} {
					w.Inbox.Mails(email)
					for range 3 {
						c.Other().From(wiretest.FreshIP()).Post("/auth/signup", M{"email": email, "password": newPassword}).Pending("login_by_code")
					}
					tooMany(t, c.Other().From(wiretest.FreshIP()).Post("/auth/signup", M{"email": email, "password": newPassword}), 24*time.Hour)
					if l := w.Inbox.Mails(email); len(l) != 3 {
						t.Errorf("%s: got %v", email, l)
					}
				}
			})
		})
	})

	t.Run("of text messages to one number by all flows", func(t *testing.T) {
		// LIM-6.
		wiretest.Each(t, limited(func(c *Config) {
			phones(c)
			loginByCode(c)
			c.Limits = map[string]string{"sms": "3/d/key", "request_login_code": headless.NoLimit, "verify_phone": headless.NoLimit, "change_phone": headless.NoLimit}
		}), func(t *testing.T, w *World, c *Client) {
			for _, phone := range []string{wiretest.FreshPhone(), w.Make(Person{Phone: wiretest.FreshPhone()}).Phone} {
				d := func() *Client { return c.Other().From(wiretest.FreshIP()) }
				d().Post("/auth/code/request", M{"phone": phone}).Pending("login_by_code")
				in := d()
				in.Post("/auth/signup", M{"phone": phone, "email": wiretest.FreshEmail(), "password": wiretest.Password}).Pending("verify_phone")
				user := d()
				user.LogIn(w.Make(Person{Phone: wiretest.FreshPhone()}))
				user.Post("/account/phone", M{"phone": phone}).Is(202)
				if l := w.Inbox.Texts(phone); len(l) != 3 {
					t.Fatalf("%s: got %v", phone, l)
				}
				tooMany(t, user.Post("/account/phone", M{"phone": phone}), 24*time.Hour)
				tooMany(t, in.Post("/auth/phone/verify/resend", nil), 24*time.Hour)
				d().Post("/auth/code/request", M{"phone": phone}).Fails("phone:too_many_login_attempts")
				tooMany(t, d().Post("/auth/signup", M{"phone": phone, "email": wiretest.FreshEmail(), "password": wiretest.Password}), 24*time.Hour)
				if l := w.Inbox.Texts(phone); len(l) != 0 {
					t.Errorf("%s: got %v", phone, l)
				}
			}
		})
	})

	t.Run("can be set", func(t *testing.T) {
		wiretest.Each(t, limited(func(c *Config) {
			c.Limits = map[string]string{"login": "2/3.5m", "signup": headless.NoLimit, "login_failed": "1/h/key, 3/d", "reset_password": "2/m/ip,1/h/ip"}
		}), func(t *testing.T, w *World, c *Client) {
			c.From(wiretest.FreshIP())
			for range 2 {
				c.Post("/auth/login", M{}).Is(400)
			}
			tooMany(t, c.Post("/auth/login", M{}), 210*time.Second)
			for range 50 {
				c.Post("/auth/signup", M{}).Is(400)
			}
			// Two rates for one thing are two buckets. core.md §9 Port note
			c.Post("/auth/password/request", M{"email": wiretest.FreshEmail()}).Is(200)
			tooMany(t, c.Post("/auth/password/request", M{"email": wiretest.FreshEmail()}), time.Hour)
			// What is not set keeps its default.
			for range 20 {
				c.Post("/auth/password/reset", M{}).Is(400)
			}
			tooMany(t, c.Post("/auth/password/reset", M{}), time.Minute)
		})
	})

	t.Run("can all be switched off", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.NoLimits = true; c.Limits = map[string]string{"login": "1/m"} }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			for range 40 {
				c.Post("/auth/login", M{"email": p.Email, "password": "wrong"}).Fails("password:email_password_mismatch")
			}
			c.LogIn(p)
		})
	})

	t.Run("are shared by every instance on one store", func(t *testing.T) {
		// LIM-2.
		wiretest.Each(t, limited(nil), func(t *testing.T, w *World, c *Client) {
			other := wiretest.New(t, w.Store, limited(func(c *Config) { c.Now = w.Clock.Now }))
			p := w.Make(Person{})
			for i := range 5 {
				d := []*Client{c, other.Client(c.Kind)}[i%2]
				d.Other().From(wiretest.FreshIP()).Post("/auth/login", M{"email": p.Email, "password": "wrong"}).Fails("password:email_password_mismatch")
			}
			other.Client(c.Kind).From(wiretest.FreshIP()).Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Fails(":too_many_login_attempts")
		})
	})

	t.Run("take up no room for ever", func(t *testing.T) {
		// LIM-6.
		wiretest.Each(t, limited(nil), func(t *testing.T, w *World, c *Client) {
			for range 5 {
				c.From(wiretest.FreshIP()).Post("/auth/login", M{"email": wiretest.FreshEmail(), "password": "wrong"}).Is(400)
			}
			w.Clock.Advance(time.Hour)
			if err := w.Auth.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n, err := w.Store.DeleteExpiredLimits(t.Context(), w.Clock.Now()); err != nil || n != 0 {
				t.Errorf("%d buckets were left, %v", n, err)
			}
		})
	})

	t.Run("tell nobody's address", func(t *testing.T) {
		// SEC-1: what the store is asked to count under holds no identifier.
		wiretest.EachOn(t, []string{"memory"}, limited(nil), func(t *testing.T, w *World, c *Client) {
			keys := &keyKeeper{Limits: w.Store}
			kept := wiretest.New(t, w.Store, limited(func(c *Config) { c.LimitStore = keys }))
			d := kept.Client(c.Kind).From("203.0.113.7")
			d.Post("/auth/login", M{"email": "ada@example.org", "password": "wrong"}).Fails("password:email_password_mismatch")
			if len(keys.keys) < 3 {
				t.Fatalf("got keys %q", keys.keys)
			}
			for _, k := range keys.keys {
				if strings.Contains(k, "ada") || strings.Contains(k, "203.0") || len(k) > 64 {
					t.Errorf("got key %q", k)
				}
			}
		})
	})
}

// keyKeeper keeps the names of the buckets that were asked for.
type keyKeeper struct {
	store.Limits
	keys []string
}

func (k *keyKeeper) Take(ctx context.Context, now time.Time, buckets ...store.Bucket) (time.Duration, error) {
	for _, b := range buckets {
		k.keys = append(k.keys, b.Key)
	}
	return k.Limits.Take(ctx, now, buckets...)
}

// asUser makes a call as somebody, with whatever client is at hand.
func asUser(p *Person, call func(c *Client) *wiretest.Reply) func(c *Client) *wiretest.Reply {
	in := map[*Client]bool{}
	return func(c *Client) *wiretest.Reply {
		if !in[c] {
			c.LogIn(p)
			in[c] = true
		}
		return call(c)
	}
}

// spec: core.md §9.1; requirement LIM-3.
func TestClientAddress(t *testing.T) {
	one := func(c *Config) { c.NoLimits, c.Limits = false, map[string]string{"signup": "1/m/ip"} }
	for _, tt := range []struct {
		name   string
		change func(*Config)
		header string
		calls  []string
		want   []int
	}{
		{"is the peer's, whatever the request says", one, "X-Forwarded-For", []string{"192.0.2.1", "192.0.2.2", ""}, []int{400, 429, 429}},
		{"is the last one before the proxy", func(c *Config) { one(c); c.TrustedProxies = 1 }, "X-Forwarded-For",
			[]string{"192.0.2.1", "192.0.2.2", "6.6.6.6, 192.0.2.1", "6.6.6.6,192.0.2.2", "192.0.2.3\n192.0.2.4", "192.0.2.4"}, []int{400, 400, 429, 429, 400, 429}},
		{"is the last one before two proxies", func(c *Config) { one(c); c.TrustedProxies = 2 }, "X-Forwarded-For",
			[]string{"6.6.6.6, 192.0.2.1, 10.0.0.1", "192.0.2.1 , 10.0.0.2", "192.0.2.2, 10.0.0.1"}, []int{400, 429, 400}},
		{"is the peer's when the proxies were passed by", func(c *Config) { one(c); c.TrustedProxies = 2 }, "X-Forwarded-For",
			[]string{"192.0.2.1", "192.0.2.2", ""}, []int{400, 429, 429}},
		{"is without its port and in one spelling", func(c *Config) { one(c); c.TrustedProxies = 1 }, "X-Forwarded-For",
			[]string{"192.0.2.1:4711", " 192.0.2.1 ", "::ffff:192.0.2.1"}, []int{400, 429, 429}},
		{"counts a whole network of IPv6", func(c *Config) { one(c); c.TrustedProxies = 1 }, "X-Forwarded-For",
			[]string{"2001:db8:0:1::1", "2001:DB8::1:a:b:c:d", "[2001:db8:0:1::2]:443", "2001:db8:0:2::1"}, []int{400, 429, 429, 400}},
		{"that can't be told is refused", func(c *Config) { one(c); c.TrustedProxies = 1 }, "X-Forwarded-For",
			[]string{"nobody", "", "192.0.2.1.5", "unknown, 192.0.2.1"}, []int{403, 400, 403, 400}},
		{"is in the header that the proxy sets, and nowhere else", func(c *Config) { one(c); c.ClientIPHeader = "X-Real-Ip" }, "X-Real-Ip",
			[]string{"192.0.2.1", "192.0.2.1", "192.0.2.2", "", "junk"}, []int{400, 429, 400, 403, 403}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wiretest.Each(t, tt.change, func(t *testing.T, w *World, c *Client) {
				w.Clock.Advance(time.Hour)
				for i, value := range tt.calls {
					d := c.Other()
					if value != "" {
						d.Header[tt.header] = strings.Split(value, "\n")
					}
					// The token comes from where nothing is counted.
					if c.Kind == "browser" {
						d.SetCookie("csrftoken", strings.Repeat("a", 32))
					}
					if r := d.Raw("POST", "/auth/signup", M{}); r.Status != tt.want[i] {
						t.Errorf("%q: got %d, want %d", value, r.Status, tt.want[i])
					} else if r.Status == 403 && string(r.Data) != "" {
						t.Errorf("got %s", r.Raw)
					}
				}
			})
		})
	}
}
