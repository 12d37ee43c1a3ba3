package wiretest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
)

const newPassword = "walnut-Harbour-58"

// lookUpReset asks whose password a key or code would set.
func lookUpReset(c *Client, key string) *wiretest.Reply {
	d := c.Clone()
	d.Header.Set("X-Password-Reset-Key", key)
	r := d.Get("/auth/password/reset")
	c.Token = d.Token
	return r
}

func requestKey(t *testing.T, w *World, c *Client, email string) string {
	t.Helper()
	r := c.Post("/auth/password/request", M{"email": email}).Is(200)
	if string(r.Raw) != "{\"status\":200}\n" {
		t.Errorf("got %s", r.Raw)
	}
	return w.Inbox.Mail(t, email, "password_reset_key").Data["key"]
}

func logsIn(t *testing.T, c *Client, email, password string) {
	t.Helper()
	c.Other().Post("/auth/login", M{"email": email, "password": password}).LoggedIn()
}

func notIn(t *testing.T, c *Client, email, password string) {
	t.Helper()
	c.Other().Post("/auth/login", M{"email": email, "password": password}).Fails("password:email_password_mismatch")
}

// spec: account.md §6.1–6.3, §10.2; requirements RST-1, RST-2, EML-4.
func TestPasswordResetByLink(t *testing.T) {
	t.Run("sets a new password", func(t *testing.T) {
		wiretest.Each(t, notifying, func(t *testing.T, w *World, c *Client) {
			w.Run("with the mailed key", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.Post("/auth/password/request", M{"email": " " + strings.ToUpper(p.Email)}).Is(200)
				m := w.Inbox.Mail(t, p.Email, "password_reset_key")
				if want := "https://spa.test/reset/" + m.Data["key"]; m.Data["password_reset_url"] != want || !strings.Contains(m.Text, want) {
					t.Errorf("the mail does not link to %s", want)
				}
				if _, ok := m.Data["username"]; ok {
					t.Error("the mail tells a username, which is no login method")
				}
				w.Events.Take()
				c.Post("/auth/password/reset", M{"key": m.Data["key"], "password": newPassword}).NothingPending()
				same(t, w.Events.Take(), "password_reset")
				w.Inbox.Mail(t, p.Email, "password_reset")
				notIn(t, c, p.Email, wiretest.Password)
				logsIn(t, c, p.Email, newPassword)
			})
			w.Run("once", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				key := requestKey(t, w, c, p.Email)
				c.Post("/auth/password/reset", M{"key": key, "password": newPassword}).Is(401)
				c.Other().Post("/auth/password/reset", M{"key": key, "password": "other-Harbour-59"}).Fails("key:invalid_password_reset")
				lookUpReset(c, key).Fails("key:invalid_password_reset")
			})
			w.Run("for an account that has none so far", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{NoPassword: true})
				c.Post("/auth/password/reset", M{"key": requestKey(t, w, c, p.Email), "password": newPassword}).Is(401)
				logsIn(t, c, p.Email, newPassword)
			})
			w.Run("by any of the account's addresses", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				second := w.AddEmail(p, wiretest.FreshEmail(), true)
				c.Post("/auth/password/reset", M{"key": requestKey(t, w, c, second), "password": newPassword}).Is(401)
				w.Inbox.NoMail(t, second)
				w.Inbox.Mail(t, p.Email, "password_reset")
			})
			w.Run("and says what is wrong otherwise", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Email: "hortensia" + wiretest.FreshEmail()})
				key := requestKey(t, w, c, p.Email)
				for _, tt := range []struct {
					body M
					want []string
				}{
					{M{}, []string{"key:required", "password:required"}},
					{M{"key": key}, []string{"password:required"}},
					{M{"key": key, "password": "  "}, []string{"password:required"}},
					{M{"key": "x", "password": newPassword}, []string{"key:invalid_password_reset"}},
					// A password is judged for the holder of a good key only.
					{M{"key": "x", "password": "1"}, []string{"key:invalid_password_reset"}},
					{M{"password": "1"}, []string{"key:required"}},
					{M{"key": key, "password": "123"}, []string{"password:password_too_short", "password:password_too_common", "password:password_entirely_numeric"}},
					{M{"key": key, "password": p.Email}, []string{"password:password_too_similar"}},
					{M{"key": key, "password": strings.Repeat("long ", 900)}, []string{"password:max_length"}},
				} {
					c.Post("/auth/password/reset", tt.body).Fails(tt.want...)
				}
				// None of it has spent the key. RST-2
				lookUpReset(c, key).Is(200)
				c.Post("/auth/password/reset", M{"key": " " + key + " ", "password": newPassword}).Is(401)
			})
			w.Run("and the requested address must be one", func(t *testing.T, w *World, c *Client) {
				// RST-1: exactly one well-formed address.
				p := w.Make(Person{})
				for body, want := range map[string]string{
					`{}`:                            "email:required",
					`{"email":"x"}`:                 "email:invalid",
					`{"email":["` + p.Email + `"]}`: "email:invalid",
					`{"email":"` + p.Email + `,b@example.org"}`:          "email:invalid",
					`{"email":"` + p.Email + `\r\nBcc: b@evil.example"}`: "email:invalid",
					`{"email":"<` + p.Email + `>"}`:                      "email:invalid",
				} {
					c.Post("/auth/password/request", body).Fails(want)
				}
				w.Inbox.NoMail(t, p.Email)
			})
			w.Run("whoever is logged in", func(t *testing.T, w *World, c *Client) {
				p, q := w.Make(Person{}), w.Make(Person{})
				c.LogIn(q)
				key := requestKey(t, w, c, p.Email)
				if u := c.Post("/auth/password/reset", M{"key": key, "password": newPassword}).LoggedIn(); u["email"] != q.Email {
					t.Errorf("became %v", u)
				}
				c.Session().LoggedIn()
				logsIn(t, c, p.Email, newPassword)
			})
		})
	})

	t.Run("ends every session of the user", func(t *testing.T) {
		// SES-5.
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			others := []*Client{w.Client("browser"), w.Client("app"), c.Other()}
			c.LogIn(p)
			for _, d := range others {
				d.LogIn(p)
			}
			own := c.Credential()
			key := requestKey(t, w, c, p.Email)
			c.Post("/auth/password/reset", M{"key": key, "password": newPassword}).NothingPending()
			c.Dead(own)
			for _, d := range others {
				d.Dead(d.Credential())
			}
			if n := w.Sessions(p.ID); n != 0 {
				t.Errorf("%d sessions are left", n)
			}
		})
	})

	t.Run("tells whose password a key would set and consumes nothing", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			key := requestKey(t, w, c, p.Email)
			w.Events.Take()
			for range 3 {
				r := lookUpReset(c.Other(), key).Is(200)
				var d struct{ User M }
				r.Into(&d)
				if fmt.Sprint(d.User["id"]) != p.ID || r.Meta != nil {
					t.Errorf("got %s", r.Raw)
				}
				if got := r.Header.Get("Referrer-Policy"); got != "no-referrer" {
					t.Errorf("got Referrer-Policy %q", got)
				}
			}
			same(t, w.Events.Take())
			c.Get("/auth/password/reset").Fails("key:required")
			c.Get("/auth/password/reset?key=" + key).Fails("key:required")
			lookUpReset(c, "x").Fails("key:invalid_password_reset")
			c.Post("/auth/password/reset", M{"key": key, "password": newPassword}).Is(401)
		})
	})

	t.Run("a key is void", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			update := func(t *testing.T, w *World, id string, change func(u *store.User)) {
				t.Helper()
				u := w.User(id)
				change(u)
				if err := w.Store.UpdateUser(t.Context(), u); err != nil {
					t.Fatal(err)
				}
			}
			rows := func(t *testing.T, w *World, id string) []*store.EmailAddress {
				t.Helper()
				l, err := w.Store.EmailsOf(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				return l
			}
			for _, tt := range []struct {
				name  string
				after func(t *testing.T, w *World, c *Client, p *Person)
			}{
				{"when the user has logged in since", func(t *testing.T, w *World, c *Client, p *Person) { c.Other().LogIn(p) }},
				{"when the password was changed", func(t *testing.T, w *World, c *Client, p *Person) {
					update(t, w, p.ID, func(u *store.User) { u.Password = "!" })
				}},
				{"when the sessions were ended", func(t *testing.T, w *World, c *Client, p *Person) {
					update(t, w, p.ID, func(u *store.User) { u.Epoch++ })
				}},
				{"when an address was added", func(t *testing.T, w *World, c *Client, p *Person) {
					w.AddEmail(p, wiretest.FreshEmail(), false)
				}},
				{"when an address was removed", func(t *testing.T, w *World, c *Client, p *Person) {
					if err := w.Store.DeleteEmail(t.Context(), rows(t, w, p.ID)[1].ID); err != nil {
						t.Fatal(err)
					}
				}},
				{"when another address became the primary one", func(t *testing.T, w *World, c *Client, p *Person) {
					if err := w.Store.MakePrimaryEmail(t.Context(), p.ID, rows(t, w, p.ID)[1].ID); err != nil {
						t.Fatal(err)
					}
				}},
				{"when the user was disabled", func(t *testing.T, w *World, c *Client, p *Person) {
					update(t, w, p.ID, func(u *store.User) { u.Disabled = true })
				}},
				{"when the user is gone", func(t *testing.T, w *World, c *Client, p *Person) {
					if err := w.Store.DeleteUser(t.Context(), p.ID); err != nil {
						t.Fatal(err)
					}
				}},
				{"after three days", func(t *testing.T, w *World, c *Client, p *Person) { w.Clock.Advance(72*time.Hour + time.Second) }},
			} {
				w.Run(tt.name, func(t *testing.T, w *World, c *Client) {
					p := w.Make(Person{})
					w.AddEmail(p, wiretest.FreshEmail(), true)
					key := requestKey(t, w, c, p.Email)
					w.Clock.Advance(time.Second)
					tt.after(t, w, c, p)
					lookUpReset(c, key).Fails("key:invalid_password_reset")
					c.Post("/auth/password/reset", M{"key": key, "password": newPassword}).Fails("key:invalid_password_reset")
				})
			}
			w.Run("when it was tampered with", func(t *testing.T, w *World, c *Client) {
				p, q := w.Make(Person{}), w.Make(Person{})
				key, other := requestKey(t, w, c, p.Email), requestKey(t, w, c, q.Email)
				first, rest, _ := strings.Cut(key, "-")
				otherFirst, _, _ := strings.Cut(other, "-")
				for _, bad := range []string{
					"-", "x-y", "a-b.c.d", otherFirst + "-" + rest, first + "-" + rest[:len(rest)-1], first + "-" + rest + "A", strings.ToUpper(key), key + "-", "-" + key,
					strings.Replace(key, ".", ".1", 1), strings.Repeat("a", 10000) + "-" + rest, first + "-" + strings.Repeat("z.", 4000),
				} {
					lookUpReset(c, bad).Is(400)
					c.Post("/auth/password/reset", M{"key": bad, "password": newPassword}).Fails("key:invalid_password_reset")
				}
				lookUpReset(c, key).Is(200)
			})
			w.Run("when it is of another kind", func(t *testing.T, w *World, c *Client) {
				_, data := signUp(t, w, c)
				c.Post("/auth/password/reset", M{"key": data["key"], "password": newPassword}).Fails("key:invalid_password_reset")
			})
			w.Run("but not when an address was verified", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				second := w.AddEmail(p, wiretest.FreshEmail(), false)
				key := requestKey(t, w, c, p.Email)
				if err := w.Store.VerifyEmail(t.Context(), rows(t, w, p.ID)[1].ID, second); err != nil {
					t.Fatal(err)
				}
				lookUpReset(c, key).Is(200)
			})
			w.Run("but not when another one was mailed", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				first, second := requestKey(t, w, c, p.Email), requestKey(t, w, c, p.Email)
				lookUpReset(c, first).Is(200)
				c.Post("/auth/password/reset", M{"key": second, "password": newPassword}).Is(401)
				lookUpReset(c, first).Fails("key:invalid_password_reset")
			})
		})
	})

	t.Run("is mailed to whoever is entitled to it", func(t *testing.T) {
		wiretest.Each(t, usernames, func(t *testing.T, w *World, c *Client) {
			w.Run("the verified owner alone", func(t *testing.T, w *World, c *Client) {
				owner := w.Make(Person{Username: wiretest.FreshName()})
				claims := w.Make(Person{Email: "-"})
				w.AddEmail(claims, owner.Email, false)
				key := requestKey(t, w, c, owner.Email)
				c.Post("/auth/password/reset", M{"key": key, "password": newPassword}).Is(401)
				logsIn(t, c, owner.Email, newPassword)
				if w.User(claims.ID).Epoch != 0 {
					t.Error("the other account was changed")
				}
			})
			w.Run("everybody who claims it, where nobody has proven it", func(t *testing.T, w *World, c *Client) {
				first := w.Make(Person{Unverified: true, Username: wiretest.FreshName()})
				second := w.Make(Person{Email: "-", Username: wiretest.FreshName()})
				w.AddEmail(second, first.Email, false)
				c.Post("/auth/password/request", M{"email": first.Email}).Is(200)
				l := w.Inbox.Mails(first.Email)
				if len(l) != 2 || l[0].Kind != "password_reset_key" || l[1].Kind != "password_reset_key" {
					t.Fatalf("got %v", l)
				}
				// Names tell them apart. account.md §13
				names := map[string]bool{l[0].Data["username"]: true, l[1].Data["username"]: true}
				if !names[first.Username] || !names[second.Username] {
					t.Errorf("got usernames %v", names)
				}
			})
			w.Run("nobody who is disabled", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Disabled: true})
				c.Post("/auth/password/request", M{"email": p.Email}).Is(200)
				w.Inbox.Mail(t, p.Email, "unknown_account")
			})
			w.Run("nobody who is unknown, who is told so", func(t *testing.T, w *World, c *Client) {
				email := wiretest.FreshEmail()
				c.Post("/auth/password/request", M{"email": email}).Is(200)
				if m := w.Inbox.Mail(t, email, "unknown_account"); m.Data["key"] != "" || !strings.Contains(m.Text, "https://spa.test/signup") {
					t.Errorf("got %q", m.Text)
				}
			})
		})
	})

	t.Run("tells strangers nothing where the host wants it silent", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.SilentForUnknownAccounts = true }, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			c.Post("/auth/password/request", M{"email": email}).Is(200)
			w.Inbox.NoMail(t, email)
		})
	})

	t.Run("logs in, if the host wants so", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.LoginOnPasswordReset = true }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			key := requestKey(t, w, c, p.Email)
			w.Events.Take()
			r := c.Post("/auth/password/reset", M{"key": key, "password": newPassword})
			r.LoggedIn()
			equal(t, r.Methods(), []M{{"method": "password_reset"}})
			same(t, w.Events.Take(), "password_reset", "authentication_step_completed", "user_logged_in")
			// The key was mailed to the address, which is as good as verifying it.
			q := w.Make(Person{Unverified: true})
			c.Other().Post("/auth/password/reset", M{"key": requestKey(t, w, c.Other(), q.Email), "password": newPassword}).LoggedIn()
		})
	})

	t.Run("the password can be refused by the host without spending the key", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Hooks.CheckPassword = func(_ context.Context, pw string, u *store.User) error {
				if u.ID == "" {
					t.Error("the user is not known")
				}
				if strings.Contains(pw, "breached") {
					return headless.Reject("", "password_breached", "Known to thieves.")
				}
				return nil
			}
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			key := requestKey(t, w, c, p.Email)
			c.Post("/auth/password/reset", M{"key": key, "password": "breached-Harbour-1"}).Fails("password:password_breached")
			c.Post("/auth/password/reset", M{"key": key, "password": newPassword}).Is(401)
		})
	})

	t.Run("lives as long as configured", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.PasswordResetLifetime = time.Hour }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			key := requestKey(t, w, c, p.Email)
			w.Clock.Advance(time.Hour - time.Second)
			lookUpReset(c, key).Is(200)
			w.Clock.Advance(2 * time.Second)
			lookUpReset(c, key).Fails("key:invalid_password_reset")
		})
	})
}

func notifying(c *Config) { c.Account.EmailNotifications = true }

// Whoever first proves to own an address is not handed an account that a
// stranger has prepared. Requirement EML-4.
func TestPreparedAccounts(t *testing.T) {
	prepare := func(t *testing.T, w *World) (p *Person, extra string) {
		t.Helper()
		p = w.Make(Person{Unverified: true, Phone: wiretest.FreshPhone()})
		extra = w.AddEmail(p, wiretest.FreshEmail(), false)
		if err := w.Store.CreateSocialAccount(t.Context(), &store.SocialAccount{UserID: p.ID, Provider: "example", UID: p.ID, CreatedAt: w.Clock.Now()}); err != nil {
			t.Fatal(err)
		}
		if err := w.Store.CreateAuthenticator(t.Context(), &store.Authenticator{UserID: p.ID, Type: store.TOTP, Data: []byte("{}"), CreatedAt: w.Clock.Now()}); err != nil {
			t.Fatal(err)
		}
		return p, extra
	}
	cleared := func(t *testing.T, w *World, p *Person) {
		t.Helper()
		equal(t, w.Emails(p.ID), p.Email+"*!")
		socials, err1 := w.Store.SocialAccountsOf(t.Context(), p.ID)
		factors, err2 := w.Store.AuthenticatorsOf(t.Context(), p.ID)
		_, err3 := w.Store.PhoneOf(t.Context(), p.ID)
		if err1 != nil || err2 != nil || len(socials)+len(factors) != 0 || err3 == nil {
			t.Errorf("left: %v %v phone %v", socials, factors, err3)
		}
	}
	both := func(c *Config) {
		c.Account.EmailVerification, c.Account.LoginByCode = account.Optional, true
	}
	t.Run("lose everything when the password is reset by link", func(t *testing.T) {
		wiretest.Each(t, both, func(t *testing.T, w *World, c *Client) {
			p, _ := prepare(t, w)
			thief := c.Other()
			thief.LogIn(p)
			key := requestKey(t, w, c, p.Email)
			c.Post("/auth/password/reset", M{"key": key, "password": newPassword}).Is(401)
			thief.Dead(thief.Credential())
			cleared(t, w, p)
			notIn(t, c, p.Email, wiretest.Password)
			logsIn(t, c, p.Email, newPassword)
		})
	})
	t.Run("lose everything when the password is reset by code", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { both(c); c.Account.PasswordResetByCode = true }, func(t *testing.T, w *World, c *Client) {
			p, _ := prepare(t, w)
			thief := c.Other()
			thief.LogIn(p)
			c.Post("/auth/password/request", M{"email": p.Email}).Pending("password_reset_by_code")
			code := w.Inbox.Mail(t, p.Email, "password_reset_code").Data["code"]
			c.Post("/auth/password/reset", M{"key": code, "password": newPassword}).Is(401)
			thief.Dead(thief.Credential())
			cleared(t, w, p)
			notIn(t, c, p.Email, wiretest.Password)
			logsIn(t, c, p.Email, newPassword)
		})
	})
	t.Run("lose everything when the owner logs in by code", func(t *testing.T) {
		wiretest.Each(t, both, func(t *testing.T, w *World, c *Client) {
			p, _ := prepare(t, w)
			thief := c.Other()
			thief.LogIn(p)
			c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			u := c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
			equal(t, u["has_usable_password"], false)
			thief.Dead(thief.Credential())
			cleared(t, w, p)
			notIn(t, c, p.Email, wiretest.Password)
			c.Session().LoggedIn()
		})
	})
	t.Run("lose a number, too, that a stranger has proven", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			both(c)
			c.Account.LoginMethods, c.Account.SignupFields = []string{"email", "phone"}, []string{"email*", "phone", "password1*"}
		}, func(t *testing.T, w *World, c *Client) {
			p, _ := prepare(t, w)
			if err := w.Store.SetPhone(t.Context(), &store.Phone{UserID: p.ID, Number: p.Phone, Verified: true}); err != nil {
				t.Fatal(err)
			}
			key := requestKey(t, w, c, p.Email)
			c.Post("/auth/password/reset", M{"key": key, "password": newPassword}).Is(401)
			cleared(t, w, p)
			c.Post("/auth/code/request", M{"phone": p.Phone}).Pending("login_by_code")
			w.Inbox.Text(t, p.Phone, "unknown_account")
			logsIn(t, c, p.Email, newPassword)
		})
	})
	t.Run("has a number to be proven again where it is required", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			both(c)
			c.Account.LoginMethods, c.Account.SignupFields = []string{"email", "phone"}, []string{"email*", "phone*", "password1*"}
		}, func(t *testing.T, w *World, c *Client) {
			p, _ := prepare(t, w)
			if err := w.Store.SetPhone(t.Context(), &store.Phone{UserID: p.ID, Number: p.Phone, Verified: true}); err != nil {
				t.Fatal(err)
			}
			key := requestKey(t, w, c, p.Email)
			c.Post("/auth/password/reset", M{"key": key, "password": newPassword}).Is(401)
			// Who has the phone alone gets nowhere.
			c.Other().Post("/auth/code/request", M{"phone": p.Phone}).Pending("login_by_code")
			w.Inbox.Text(t, p.Phone, "unknown_account")
			// Who owns both goes on.
			c.Post("/auth/login", M{"email": p.Email, "password": newPassword}).Pending("verify_phone")
			c.Post("/auth/phone/verify", M{"code": w.Inbox.Text(t, p.Phone, "verification").Code}).LoggedIn()
		})
	})
	t.Run("let their owner in, who can give another number then", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			both(c)
			c.Account.LoginMethods, c.Account.SignupFields = []string{"email", "phone"}, []string{"email*", "phone*", "password1*"}
		}, func(t *testing.T, w *World, c *Client) {
			p, _ := prepare(t, w)
			if err := w.Store.SetPhone(t.Context(), &store.Phone{UserID: p.ID, Number: p.Phone, Verified: true}); err != nil {
				t.Fatal(err)
			}
			c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
			equal(t, c.Get("/account/phone").Data, []M{{"phone": p.Phone, "verified": false}})
			next := wiretest.FreshPhone()
			c.Post("/account/phone", M{"phone": next}).Is(202)
			c.Post("/auth/phone/verify", M{"code": w.Inbox.Text(t, next, "verification").Code}).LoggedIn()
		})
	})
	t.Run("keep everything once an address was proven", func(t *testing.T) {
		wiretest.Each(t, both, func(t *testing.T, w *World, c *Client) {
			p, extra := prepare(t, w)
			proven := w.AddEmail(p, wiretest.FreshEmail(), true)
			c.Post("/auth/code/request", M{"email": proven}).Pending("login_by_code")
			c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, proven, "login_code").Data["code"]}).LoggedIn()
			if got := w.Emails(p.ID); !strings.Contains(got, p.Email+"!") || !strings.Contains(got, extra) {
				t.Errorf("got %s", got)
			}
			logsIn(t, c, p.Email, wiretest.Password)
		})
	})
	t.Run("keep everything when the host wants so", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { both(c); c.Account.KeepUnprovenCredentials = true }, func(t *testing.T, w *World, c *Client) {
			p, extra := prepare(t, w)
			c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
			if got := w.Emails(p.ID); !strings.Contains(got, p.Email+"*") || !strings.Contains(got, extra) {
				t.Errorf("got %s", got)
			}
			logsIn(t, c, p.Email, wiretest.Password)
		})
	})
	t.Run("keep the password when its holder gives the required code as well", func(t *testing.T) {
		// The code is not the only proof there.
		wiretest.Each(t, func(c *Config) { both(c); c.Account.LoginCodeRequired = []string{"password"} }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Unverified: true})
			c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("login_by_code")
			u := c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
			equal(t, u["has_usable_password"], true)
			equal(t, w.Emails(p.ID), p.Email+"*!")
		})
	})
}

func resetByCode(c *Config) { c.Account.PasswordResetByCode = true }

// spec: account.md §6, core.md §11.
func TestPasswordResetByCode(t *testing.T) {
	wiretest.Each(t, resetByCode, func(t *testing.T, w *World, c *Client) {
		request := func(t *testing.T, w *World, c *Client, email string) string {
			t.Helper()
			r := c.Post("/auth/password/request", M{"email": email}).Pending("password_reset_by_code")
			same(t, r.Flows(), "login", "signup", "password_reset_by_code*")
			return w.Inbox.Mail(t, email, "password_reset_code").Data["code"]
		}
		w.Run("the right code sets a new password", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			code := request(t, w, c, p.Email)
			if c.Kind == "app" && c.Token == "" {
				t.Error("no session token came")
			}
			w.Events.Take()
			r := c.Post("/auth/password/reset", M{"key": strings.ToLower(code), "password": newPassword}).NothingPending()
			same(t, r.Flows(), "login", "signup", "password_reset_by_code")
			same(t, w.Events.Take(), "password_reset")
			c.Post("/auth/password/reset", M{"key": code, "password": newPassword}).Is(409)
			notIn(t, c, p.Email, wiretest.Password)
			logsIn(t, c, p.Email, newPassword)
		})
		w.Run("looking up the right code sets and verifies nothing", func(t *testing.T, w *World, c *Client) {
			// REQ-2: safe methods change nothing.
			p := w.Make(Person{Unverified: true})
			code := request(t, w, c, p.Email)
			for range 5 {
				r := lookUpReset(c, code).Is(200)
				var d struct{ User M }
				if r.Into(&d); fmt.Sprint(d.User["id"]) != p.ID {
					t.Errorf("got %s", r.Data)
				}
			}
			equal(t, w.Emails(p.ID), p.Email+"!")
			c.Post("/auth/password/reset", M{"password": newPassword}).Fails("key:required")
			c.Post("/auth/password/reset", M{"key": code, "password": newPassword}).Is(401)
			equal(t, w.Emails(p.ID), p.Email+"*!")
		})
		w.Run("attack: a link on another site spends no attempt", func(t *testing.T, w *World, c *Client) {
			// Requirement REQ-2: a GET that carries no key guesses nothing.
			p := w.Make(Person{})
			code := request(t, w, c, p.Email)
			for range 4 {
				c.Get("/auth/password/reset").Fails("key:required")
				c.Get("/auth/password/reset?key=" + wiretest.Wrong(code)).Fails("key:required")
			}
			c.Post("/auth/password/reset", M{"key": code, "password": newPassword}).Is(401)
		})
		w.Run("three wrong codes end it", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			code := request(t, w, c, p.Email)
			w.Events.Take()
			lookUpReset(c, wiretest.Wrong(code)).Fails("key:incorrect_code")
			c.Post("/auth/password/reset", M{"password": newPassword}).Fails("key:required")
			c.Post("/auth/password/reset", M{"key": wiretest.Wrong(code), "password": "1"}).Fails("key:incorrect_code")
			same(t, w.Events.Take(), "password_reset_code_rejected", "password_reset_code_rejected", "password_reset_code_rejected")
			c.Post("/auth/password/reset", M{"key": code, "password": newPassword}).Is(409)
			lookUpReset(c, code).Is(409)
			same(t, c.Session().Flows(), "login", "signup", "password_reset_by_code")
			logsIn(t, c, p.Email, wiretest.Password)
		})
		w.Run("a weak password does not spend the code or an attempt", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			code := request(t, w, c, p.Email)
			for range 5 {
				c.Post("/auth/password/reset", M{"key": code, "password": "1"}).Fails("password:password_too_short", "password:password_too_common", "password:password_entirely_numeric")
				c.Post("/auth/password/reset", M{"key": code}).Fails("password:required")
			}
			c.Post("/auth/password/reset", M{"key": code, "password": newPassword}).Is(401)
		})
		w.Run("after three minutes it is over", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			code := request(t, w, c, p.Email)
			w.Clock.Advance(3*time.Minute - time.Second)
			lookUpReset(c, code).Is(200)
			w.Clock.Advance(2 * time.Second)
			c.Post("/auth/password/reset", M{"key": code, "password": newPassword}).Is(409)
			same(t, c.Session().Flows(), "login", "signup", "password_reset_by_code")
		})
		w.Run("another request voids the first code", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			first, second := request(t, w, c, p.Email), request(t, w, c, p.Email)
			c.Post("/auth/password/reset", M{"key": first, "password": newPassword}).Fails("key:incorrect_code")
			c.Post("/auth/password/reset", M{"key": second, "password": newPassword}).Is(401)
		})
		w.Run("a code is worth nothing elsewhere", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			code := request(t, w, c, p.Email)
			c.Other().Post("/auth/password/reset", M{"key": code, "password": newPassword}).Is(409)
			lookUpReset(c.Other(), code).Is(409)
			d := c.Other()
			request(t, w, d, w.Make(Person{}).Email)
			d.Post("/auth/password/reset", M{"key": code, "password": newPassword}).Fails("key:incorrect_code")
			c.Post("/auth/code/confirm", M{"code": code}).Is(409)
			c.Post("/auth/email/verify", M{"key": code}).Is(400)
		})
		w.Run("an unknown address behaves like any other, and no code is right", func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			c.Post("/auth/password/request", M{"email": email}).Pending("password_reset_by_code")
			w.Inbox.Mail(t, email, "unknown_account")
			w.Events.Take()
			lookUpReset(c, "BCDF-GHJK").Fails("key:incorrect_code")
			c.Post("/auth/password/reset", M{"key": "", "password": newPassword}).Fails("key:required")
			c.Post("/auth/password/reset", M{"key": "BCDF-GHJK", "password": "1"}).Fails("key:incorrect_code")
			c.Post("/auth/password/reset", M{"key": "BCDF-GHJK", "password": newPassword}).Is(409)
			same(t, w.Events.Take())
		})
		w.Run("a user who was disabled meanwhile is refused", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			code := request(t, w, c, p.Email)
			u := w.User(p.ID)
			u.Disabled = true
			if err := w.Store.UpdateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			c.Post("/auth/password/reset", M{"key": code, "password": newPassword}).Fails("key:incorrect_code")
		})
		w.Run("it can wait beside a login", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			signUp(t, w, c)
			r := c.Post("/auth/password/request", M{"email": p.Email}).Pending("password_reset_by_code")
			same(t, r.Flows(), "login", "signup", "verify_email*", "password_reset_by_code*")
			c.Post("/auth/password/reset", M{"key": w.Inbox.Mail(t, p.Email, "password_reset_code").Data["code"], "password": newPassword}).Pending("verify_email")
		})
		w.Run("who is logged in stays so, but for the owner of the password", func(t *testing.T, w *World, c *Client) {
			p, q := w.Make(Person{}), w.Make(Person{})
			c.LogIn(q)
			c.Post("/auth/password/request", M{"email": p.Email}).LoggedIn()
			c.Post("/auth/password/reset", M{"key": w.Inbox.Mail(t, p.Email, "password_reset_code").Data["code"], "password": newPassword}).LoggedIn()
			c.Post("/auth/password/request", M{"email": q.Email}).LoggedIn()
			old := c.Credential()
			c.Post("/auth/password/reset", M{"key": w.Inbox.Mail(t, q.Email, "password_reset_code").Data["code"], "password": newPassword}).NothingPending()
			c.Dead(old)
		})
		w.Run("nothing is pending, nothing is to be done", func(t *testing.T, w *World, c *Client) {
			lookUpReset(c, "x").Is(409)
			c.Post("/auth/password/reset", M{"key": "x", "password": newPassword}).Is(409)
			c.Post("/auth/password/reset", "{").Is(409)
		})
	})

	t.Run("logs in, if the host wants so", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { resetByCode(c); c.Account.LoginOnPasswordReset = true }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.Post("/auth/password/request", M{"email": p.Email}).Pending("password_reset_by_code")
			before := c.Credential()
			r := c.Post("/auth/password/reset", M{"key": w.Inbox.Mail(t, p.Email, "password_reset_code").Data["code"], "password": newPassword})
			r.LoggedIn()
			equal(t, r.Methods(), []M{{"method": "password_reset", "email": p.Email}})
			if c.Credential() == before {
				t.Error("the identifier stayed the same")
			}
		})
	})
}

// spec: account.md §6.4, sessions-tokens.md §5; requirement PWD-2.
func TestPasswordChange(t *testing.T) {
	t.Run("a user", func(t *testing.T) {
		wiretest.Each(t, notifying, func(t *testing.T, w *World, c *Client) {
			w.Run("changes their password and stays logged in, under another identifier", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.LogIn(p)
				d := c.Other()
				d.LogIn(p)
				before, csrf := c.Credential(), c.Cookie("csrftoken")
				w.Events.Take()
				r := c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword})
				r.LoggedIn()
				same(t, w.Events.Take(), "password_changed")
				w.Inbox.Mail(t, p.Email, "password_changed")
				if c.Credential() == before {
					t.Error("the identifier stayed the same")
				}
				if c.Cookie("csrftoken") != csrf {
					t.Error("the CSRF token changed, which only logging in does")
				}
				c.Dead(before)
				d.Dead(d.Credential())
				c.Session().LoggedIn()
				if n := w.Sessions(p.ID); n != 1 {
					t.Errorf("%d sessions are left, want this one", n)
				}
				notIn(t, c, p.Email, wiretest.Password)
				logsIn(t, c, p.Email, newPassword)
			})
			w.Run("sets a first password", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.LogIn(p)
				u := w.User(p.ID)
				u.Password = ""
				if err := w.Store.UpdateUser(t.Context(), u); err != nil {
					t.Fatal(err)
				}
				c.Post("/account/password/change", M{"current_password": "x", "new_password": newPassword}).Fails("current_password:enter_current_password")
				w.Events.Take()
				got := c.Post("/account/password/change", M{"current_password": " ", "new_password": newPassword}).LoggedIn()
				equal(t, got["has_usable_password"], true)
				same(t, w.Events.Take(), "password_set")
				w.Inbox.Mail(t, p.Email, "password_set")
				logsIn(t, c, p.Email, newPassword)
			})
			w.Run("is told everything that is wrong", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Email: "hortensia" + wiretest.FreshEmail()})
				c.LogIn(p)
				for _, tt := range []struct {
					body M
					want []string
				}{
					{M{}, []string{"current_password:required", "new_password:required"}},
					{M{"current_password": "", "new_password": newPassword}, []string{"current_password:required"}},
					{M{"current_password": "wrong", "new_password": newPassword}, []string{"current_password:enter_current_password"}},
					{M{"current_password": "wrong", "new_password": "1234"}, []string{"current_password:enter_current_password", "new_password:password_too_short", "new_password:password_too_common", "new_password:password_entirely_numeric"}},
					{M{"current_password": wiretest.Password}, []string{"new_password:required"}},
					{M{"current_password": wiretest.Password, "new_password": p.Email}, []string{"new_password:password_too_similar"}},
					{M{"current_password": wiretest.Password, "new_password": strings.Repeat("long ", 900)}, []string{"new_password:max_length"}},
					{M{"current_password": true, "new_password": []int{}}, []string{"current_password:invalid", "new_password:invalid"}},
				} {
					c.Post("/account/password/change", tt.body).Fails(tt.want...)
				}
				c.Session().LoggedIn()
				logsIn(t, c, p.Email, wiretest.Password)
			})
			w.Run("may keep the same password", func(t *testing.T, w *World, c *Client) {
				c.LogIn(w.Make(Person{}))
				c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": wiretest.Password}).LoggedIn()
			})
			w.Run("has to be logged in", func(t *testing.T, w *World, c *Client) {
				c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword}).NothingPending()
				c.Post("/account/password/change", "{").NothingPending()
				signUp(t, w, c)
				c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword}).Pending("verify_email")
			})
		})
	})

	t.Run("logs out as well, if the host wants so", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.LogoutOnPasswordChange = true }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			before := c.Credential()
			w.Events.Take()
			c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword}).NothingPending()
			same(t, w.Events.Take(), "user_logged_out", "password_changed")
			c.Dead(before)
			w.Inbox.NoMail(t, p.Email)
			logsIn(t, c, p.Email, newPassword)
		})
	})
}
