package wiretest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
)

// spec: account.md §8.1–8.5.
func TestPhone(t *testing.T) {
	t.Run("of who is logged in", func(t *testing.T) {
		wiretest.Each(t, phones, func(t *testing.T, w *World, c *Client) {
			w.Run("is listed", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Phone: wiretest.FreshPhone()})
				c.LogIn(p)
				equal(t, c.Get("/account/phone").Is(200).Data, []M{{"phone": p.Phone, "verified": true}})
			})
			w.Run("is listed as nothing where there is none", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Phone: wiretest.FreshPhone()})
				c.LogIn(p)
				if err := w.Store.DeletePhone(t.Context(), p.ID); err != nil {
					t.Fatal(err)
				}
				equal(t, c.Get("/account/phone").Is(200).Data, []M{})
			})
			w.Run("changes when the code was repeated, not before", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Phone: wiretest.FreshPhone()})
				c.LogIn(p)
				next := wiretest.FreshPhone()
				equal(t, c.Post("/account/phone", M{"phone": " " + next + " "}).Is(202).Data, []M{{"phone": next, "verified": false}})
				equal(t, c.Get("/account/phone").Is(200).Data, []M{{"phone": p.Phone, "verified": true}})
				m := w.Inbox.Text(t, next, "verification")
				if len(m.Code) != 9 || !strings.Contains(m.Text, m.Code) {
					t.Errorf("got %q", m.Code)
				}
				w.Events.Take()
				c.Post("/auth/phone/verify", M{"code": strings.ToLower(m.Code)}).LoggedIn()
				same(t, w.Events.Take(), "phone_verified")
				equal(t, c.Get("/account/phone").Is(200).Data, []M{{"phone": next, "verified": true}})
				c.Post("/auth/phone/verify", M{"code": m.Code}).Is(409)
				c.Other().LogIn(&Person{Phone: next})
				c.Other().Post("/auth/login", M{"phone": p.Phone, "password": wiretest.Password}).Fails("password:phone_password_mismatch")
			})
			w.Run("has to be another one, and a number", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Phone: wiretest.FreshPhone()})
				c.LogIn(p)
				c.Post("/account/phone", M{}).Fails("phone:required")
				c.Post("/account/phone", M{"phone": "0612345678"}).Fails("phone:invalid_phone")
				c.Post("/account/phone", M{"phone": 31612345678}).Fails("phone:invalid_phone")
				c.Post("/account/phone", M{"phone": p.Phone}).Fails("phone:same_as_current")
			})
			w.Run("is given up after three wrong codes", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Phone: wiretest.FreshPhone()})
				c.LogIn(p)
				next := wiretest.FreshPhone()
				c.Post("/account/phone", M{"phone": next}).Is(202)
				code := w.Inbox.Text(t, next, "verification").Code
				c.Post("/auth/phone/verify", M{}).Fails("code:required")
				for range 2 {
					c.Post("/auth/phone/verify", M{"code": wiretest.Wrong(code)}).Fails("code:incorrect_code")
				}
				c.Post("/auth/phone/verify", M{"code": code}).Is(409)
				c.Session().LoggedIn()
				equal(t, c.Get("/account/phone").Is(200).Data, []M{{"phone": p.Phone, "verified": true}})
			})
			w.Run("is given up after a quarter of an hour", func(t *testing.T, w *World, c *Client) {
				c.LogIn(w.Make(Person{Phone: wiretest.FreshPhone()}))
				next := wiretest.FreshPhone()
				c.Post("/account/phone", M{"phone": next}).Is(202)
				w.Clock.Advance(15*time.Minute + time.Second)
				c.Post("/auth/phone/verify", M{"code": w.Inbox.Text(t, next, "verification").Code}).Is(409)
			})
			w.Run("gets no second code", func(t *testing.T, w *World, c *Client) {
				c.LogIn(w.Make(Person{Phone: wiretest.FreshPhone()}))
				c.Post("/auth/phone/verify/resend", nil).Is(409)
				c.Post("/account/phone", M{"phone": wiretest.FreshPhone()}).Is(202)
				c.Post("/auth/phone/verify/resend", nil).Is(409) // never for a change
				// But another change replaces the first.
				next := wiretest.FreshPhone()
				c.Post("/account/phone", M{"phone": next}).Is(202)
				c.Post("/auth/phone/verify", M{"code": w.Inbox.Text(t, next, "verification").Code}).LoggedIn()
			})
			w.Run("that is somebody else's is found out by its owner alone", func(t *testing.T, w *World, c *Client) {
				owner := w.Make(Person{Phone: wiretest.FreshPhone()})
				p := w.Make(Person{Phone: wiretest.FreshPhone()})
				c.LogIn(p)
				equal(t, c.Post("/account/phone", M{"phone": owner.Phone}).Is(202).Data, []M{{"phone": owner.Phone, "verified": false}})
				code := w.Inbox.Text(t, owner.Phone, "verification").Code
				c.Post("/auth/phone/verify", M{"code": code}).Fails("code:phone_taken")
				equal(t, c.Get("/account/phone").Is(200).Data, []M{{"phone": p.Phone, "verified": true}})
				if got, err := w.Store.PhoneOf(t.Context(), owner.ID); err != nil || got.Number != owner.Phone || !got.Verified {
					t.Errorf("the owner has %+v, %v", got, err)
				}
			})
			w.Run("a code is worth nothing elsewhere", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Phone: wiretest.FreshPhone()})
				c.LogIn(p)
				next := wiretest.FreshPhone()
				c.Post("/account/phone", M{"phone": next}).Is(202)
				code := w.Inbox.Text(t, next, "verification").Code
				d := c.Other()
				d.Post("/auth/phone/verify", M{"code": code}).Is(409)
				d.LogIn(p)
				d.Post("/auth/phone/verify", M{"code": code}).Is(409)
				c.Post("/auth/code/confirm", M{"code": code}).Is(409)
			})
		})
	})

	t.Run("while logging in", func(t *testing.T) {
		wiretest.Each(t, phones, func(t *testing.T, w *World, c *Client) {
			signUp := func(t *testing.T, w *World, c *Client) (phone, code string) {
				t.Helper()
				phone = wiretest.FreshPhone()
				c.Post("/auth/signup", M{"phone": phone, "email": wiretest.FreshEmail(), "password": wiretest.Password}).Pending("verify_phone")
				return phone, w.Inbox.Text(t, phone, "verification").Code
			}
			w.Run("a number that is not verified waits for its code", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Phone: wiretest.FreshPhone(), Unverified: true})
				r := c.Post("/auth/login", M{"phone": p.Phone, "password": wiretest.Password}).Pending("verify_phone")
				same(t, r.Flows(), "login", "signup", "verify_phone*")
				r = c.Post("/auth/phone/verify", M{"code": w.Inbox.Text(t, p.Phone, "verification").Code})
				r.LoggedIn()
				equal(t, r.Methods(), []M{{"method": "password", "phone": p.Phone}})
			})
			w.Run("three wrong codes end the login", func(t *testing.T, w *World, c *Client) {
				// spec: account.md §8.4 Port note: the reference takes any number.
				_, code := signUp(t, w, c)
				for range 3 {
					c.Post("/auth/phone/verify", M{"code": wiretest.Wrong(code)}).Fails("code:incorrect_code")
				}
				c.Post("/auth/phone/verify", M{"code": code}).Is(409)
				c.Session().NothingPending()
			})
			w.Run("an expired code ends the login", func(t *testing.T, w *World, c *Client) {
				_, code := signUp(t, w, c)
				w.Clock.Advance(15*time.Minute + time.Second)
				c.Post("/auth/phone/verify", M{"code": code}).Is(409)
				c.Session().NothingPending()
			})
			w.Run("another code is sent twice", func(t *testing.T, w *World, c *Client) {
				phone, code := signUp(t, w, c)
				for range 2 {
					if r := c.Post("/auth/phone/verify/resend", nil).Is(200); string(r.Raw) != "{\"status\":200}\n" {
						t.Errorf("got %s", r.Raw)
					}
					old := code
					if code = w.Inbox.Text(t, phone, "verification").Code; code == old {
						t.Error("the code is the same")
					}
				}
				c.Post("/auth/phone/verify/resend", nil).Is(409)
				c.Post("/auth/phone/verify", M{"code": code}).LoggedIn()
			})
			w.Run("another number takes the place of the first, twice", func(t *testing.T, w *World, c *Client) {
				phone, code := signUp(t, w, c)
				next := wiretest.FreshPhone()
				equal(t, c.Post("/account/phone", M{"phone": next}).Is(202).Data, []M{{"phone": next, "verified": false}})
				c.Post("/account/phone", M{"phone": next}).Fails("phone:same_as_current")
				c.Post("/account/phone", M{"phone": phone}).Is(202)
				c.Post("/account/phone", M{"phone": next}).Is(409)
				c.Post("/auth/phone/verify", M{"code": code}).Fails("code:incorrect_code")
				c.Post("/auth/phone/verify", M{"code": w.Inbox.Text(t, phone, "verification").Code}).LoggedIn()
				equal(t, c.Get("/account/phone").Data, []M{{"phone": phone, "verified": true}})
			})
			w.Run("another number is stored at once", func(t *testing.T, w *World, c *Client) {
				phone, _ := signUp(t, w, c)
				next := wiretest.FreshPhone()
				c.Post("/account/phone", M{"phone": next}).Is(202)
				l, err1 := w.Store.PhonesByNumber(t.Context(), next)
				old, err2 := w.Store.PhonesByNumber(t.Context(), phone)
				if err1 != nil || err2 != nil || len(l) != 1 || l[0].Verified || len(old) != 0 {
					t.Errorf("got %v, %v", l, old)
				}
			})
			w.Run("another number that is taken gets no code, and nothing is stored", func(t *testing.T, w *World, c *Client) {
				owner := w.Make(Person{Phone: wiretest.FreshPhone()})
				phone, code := signUp(t, w, c)
				equal(t, c.Post("/account/phone", M{"phone": owner.Phone}).Is(202).Data, []M{{"phone": owner.Phone, "verified": false}})
				if m := w.Inbox.Text(t, owner.Phone, "account_already_exists"); m.Code != "" {
					t.Error("the owner got a code")
				}
				c.Post("/auth/phone/verify", M{"code": code}).Fails("code:incorrect_code")
				if l, err := w.Store.PhonesByNumber(t.Context(), phone); err != nil || len(l) != 1 {
					t.Errorf("got %v, %v", l, err)
				}
			})
			w.Run("a number can't be changed on an account that was used", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Phone: wiretest.FreshPhone(), Unverified: true})
				c.Post("/auth/login", M{"phone": p.Phone, "password": wiretest.Password}).Pending("verify_phone")
				c.Post("/account/phone", M{"phone": wiretest.FreshPhone()}).Is(409)
			})
			w.Run("a number that is taken waits like any other, and no code is right", func(t *testing.T, w *World, c *Client) {
				owner := w.Make(Person{Phone: wiretest.FreshPhone()})
				email := wiretest.FreshEmail()
				w.Events.Take()
				c.Post("/auth/signup", M{"phone": owner.Phone, "email": email, "password": wiretest.Password}).Pending("verify_phone")
				w.Inbox.Text(t, owner.Phone, "account_already_exists")
				w.Inbox.NoMail(t, email)
				c.Post("/auth/phone/verify/resend", nil).Is(200)
				if l := w.Inbox.Texts(owner.Phone); len(l) != 0 {
					t.Errorf("got %v", l)
				}
				for range 3 {
					c.Post("/auth/phone/verify", M{"code": "BCDF-GHJK"}).Fails("code:incorrect_code")
				}
				c.Post("/auth/phone/verify", M{"code": "BCDF-GHJK"}).Is(409)
				same(t, w.Events.Take())
			})
			w.Run("another number in place of a taken one makes an account like any other", func(t *testing.T, w *World, c *Client) {
				owner := w.Make(Person{Phone: wiretest.FreshPhone()})
				email, next := wiretest.FreshEmail(), wiretest.FreshPhone()
				c.Post("/auth/signup", M{"phone": owner.Phone, "email": email, "password": wiretest.Password}).Pending("verify_phone")
				equal(t, c.Post("/account/phone", M{"phone": next}).Is(202).Data, []M{{"phone": next, "verified": false}})
				u := c.Post("/auth/phone/verify", M{"code": w.Inbox.Text(t, next, "verification").Code}).LoggedIn()
				equal(t, u["email"], email)
				equal(t, c.Get("/account/phone").Data, []M{{"phone": next, "verified": true}})
			})
			w.Run("a number that somebody else verifies meanwhile is taken", func(t *testing.T, w *World, c *Client) {
				phone, code := signUp(t, w, c)
				owner := w.Make(Person{})
				if err := w.Store.SetPhone(t.Context(), &store.Phone{UserID: owner.ID, Number: phone, Verified: true}); err != nil {
					t.Fatal(err)
				}
				c.Post("/auth/phone/verify", M{"code": code}).Fails("code:phone_taken")
				c.Session().Pending("verify_phone")
			})
			w.Run("there is nothing to do without a login that waits", func(t *testing.T, w *World, c *Client) {
				c.Get("/account/phone").NothingPending()
				c.Post("/account/phone", M{"phone": wiretest.FreshPhone()}).Is(409)
				c.Post("/account/phone", "{").Is(409)
				c.Post("/auth/phone/verify", M{"code": "x"}).Is(409)
				c.Post("/auth/phone/verify", "{").Is(409)
				c.Post("/auth/phone/verify/resend", nil).Is(409)
			})
			w.Run("other methods are not offered, to anybody", func(t *testing.T, w *World, c *Client) {
				// spec: account.md §8.2.
				for _, method := range []string{"PUT", "PATCH", "DELETE"} {
					c.Do(method, "/account/phone", nil).Is(405)
				}
				c.LogIn(w.Make(Person{Phone: wiretest.FreshPhone()}))
				for _, method := range []string{"PUT", "PATCH", "DELETE"} {
					c.Do(method, "/account/phone", nil).Is(405)
				}
			})
		})
	})

	t.Run("comes before the address", func(t *testing.T) {
		// spec: core.md §6.3: the order of the stages.
		wiretest.Each(t, func(c *Config) {
			phones(c)
			c.Account.EmailVerification = account.Mandatory
			c.Account.LoginCodeRequired = []string{"*"}
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Phone: wiretest.FreshPhone(), Unverified: true})
			c.Post("/auth/login", M{"phone": p.Phone, "password": wiretest.Password}).Pending("login_by_code")
			w.Inbox.NoMail(t, "nobody@example.org")
			code := w.Inbox.Mail(t, p.Email, "login_code").Data["code"]
			c.Post("/auth/phone/verify", M{"code": code}).Is(409)
			c.Post("/auth/code/confirm", M{"code": code}).Pending("verify_phone")
			c.Post("/auth/code/confirm", M{"code": code}).Is(409)
			// The code has verified the address, so only the number is left.
			c.Post("/auth/phone/verify", M{"code": w.Inbox.Text(t, p.Phone, "verification").Code}).LoggedIn()
		})
	})

	t.Run("and then the address", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { phones(c); c.Account.EmailVerification = account.Mandatory }, func(t *testing.T, w *World, c *Client) {
			phone, email := wiretest.FreshPhone(), wiretest.FreshEmail()
			c.Post("/auth/signup", M{"phone": phone, "email": email, "password": wiretest.Password}).Pending("verify_phone")
			w.Inbox.NoMail(t, email)
			c.Post("/auth/phone/verify", M{"code": w.Inbox.Text(t, phone, "verification").Code}).Pending("verify_email")
			w.Inbox.Mail(t, email, "email_confirmation_signup")
			c.Post("/auth/phone/verify", M{"code": "x"}).Is(409)
		})
	})

	t.Run("is proven as ever where the address is taken", func(t *testing.T) {
		// Whoever signs up with their own phone and somebody else's address sees
		// a code come, and is asked to prove the address. Requirement ENU-1.
		wiretest.Each(t, func(c *Config) {
			phones(c)
			codeVerification(c)
			c.Account.EmailVerification = account.Mandatory
		}, func(t *testing.T, w *World, c *Client) {
			owner := w.Make(Person{})
			phone, next := wiretest.FreshPhone(), wiretest.FreshPhone()
			w.Events.Take()
			c.Post("/auth/signup", M{"phone": phone, "email": owner.Email, "password": newPassword}).Pending("verify_phone")
			w.Inbox.Text(t, phone, "verification")
			c.Post("/account/phone", M{"phone": next}).Is(202)
			code := w.Inbox.Text(t, next, "verification").Code
			c.Post("/auth/phone/verify", M{"code": wiretest.Wrong(code)}).Fails("code:incorrect_code")
			w.Inbox.NoMail(t, owner.Email)
			c.Post("/auth/phone/verify", M{"code": code}).Pending("verify_email")
			w.Inbox.Mail(t, owner.Email, "account_already_exists")
			same(t, w.Events.Take())
			c.Post("/auth/phone/verify", M{"code": code}).Is(409)
			c.Post("/auth/email/verify", M{"key": "BCDF-GHJK"}).Fails("key:incorrect_code")
			// With an address of their own they have an account, and the number.
			email := wiretest.FreshEmail()
			c.Post("/account/email", M{"email": email}).Is(200)
			c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, email, "email_confirmation_signup").Data["code"]}).LoggedIn()
			equal(t, c.Get("/account/phone").Data, []M{{"phone": next, "verified": true}})
			logsIn(t, c, email, newPassword)
		})
	})

	// As for addresses. spec: account.md §9.1; requirement ENU-1.
	skip := func(c *Config) { phones(c); c.Account.SkipPhoneVerification = true }
	t.Run("that nobody proves is said to be taken", func(t *testing.T) {
		wiretest.Each(t, skip, func(t *testing.T, w *World, c *Client) {
			owner := w.Make(Person{Phone: wiretest.FreshPhone()})
			c.Post("/auth/signup", M{"phone": owner.Phone, "email": wiretest.FreshEmail(), "password": newPassword}).Fails("phone:phone_taken")
		})
	})
	t.Run("that nobody proves may be claimed twice, strictly", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { skip(c); c.Account.PreventEnumeration = account.PreventStrict }, func(t *testing.T, w *World, c *Client) {
			owner := w.Make(Person{Phone: wiretest.FreshPhone()})
			c.Post("/auth/signup", M{"phone": owner.Phone, "email": wiretest.FreshEmail(), "password": newPassword}).LoggedIn()
			// The owner's account is neither opened nor shadowed.
			c.Other().Post("/auth/login", M{"phone": owner.Phone, "password": newPassword}).Fails("password:phone_password_mismatch")
			c.Other().Post("/auth/login", M{"phone": owner.Phone, "password": wiretest.Password}).LoggedIn()
		})
	})

	t.Run("need not be verified, if the host wants so", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { phones(c); c.Account.SkipPhoneVerification = true }, func(t *testing.T, w *World, c *Client) {
			phone := wiretest.FreshPhone()
			c.Post("/auth/signup", M{"phone": phone, "email": wiretest.FreshEmail(), "password": wiretest.Password}).LoggedIn()
			equal(t, c.Get("/account/phone").Data, []M{{"phone": phone, "verified": false}})
		})
	})

	t.Run("without secrecy says when it is taken", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { phones(c); c.Account.PreventEnumeration = account.Reveal }, func(t *testing.T, w *World, c *Client) {
			owner := w.Make(Person{Phone: wiretest.FreshPhone()})
			c.Post("/auth/signup", M{"phone": owner.Phone, "email": wiretest.FreshEmail(), "password": wiretest.Password}).Fails("phone:phone_taken")
			c.LogIn(w.Make(Person{Phone: wiretest.FreshPhone()}))
			c.Post("/account/phone", M{"phone": owner.Phone}).Fails("phone:phone_taken")
		})
	})

	t.Run("is judged by the host as well", func(t *testing.T) {
		var asked []string
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) {
			phones(c)
			c.Hooks.CleanPhone = func(_ context.Context, number string) (string, error) {
				if strings.HasPrefix(number, "+1") {
					return "", headless.Reject("", "country_closed", "Not there.")
				}
				return strings.Replace(number, "+4400", "+44", 1), nil
			}
			c.Hooks.AllowSMS = func(_ context.Context, number, kind string) (bool, error) {
				asked = append(asked, kind)
				return !strings.HasPrefix(number, "+44"), nil
			}
		}, func(t *testing.T, w *World, c *Client) {
			asked = nil
			c.LogIn(w.Make(Person{Phone: wiretest.FreshPhone()}))
			c.Post("/account/phone", M{"phone": "+15551234567"}).Fails("phone:country_closed")
			// One over budget is not sent, and the client is not told.
			equal(t, c.Post("/account/phone", M{"phone": "+44007700900123"}).Is(202).Data, []M{{"phone": "+447700900123", "verified": false}})
			if l := w.Inbox.Texts("+447700900123"); len(l) != 0 {
				t.Errorf("got %v", l)
			}
			same(t, asked, "verification")
		})
	})

	t.Run("as configured", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			phones(c)
			c.Account.PhoneCode = account.CodeConfig{Lifetime: time.Minute, MaxAttempts: 1, Format: account.CodeFormat{Numeric: true, Length: 6, Undashed: true}}
		}, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{Phone: wiretest.FreshPhone()}))
			next := wiretest.FreshPhone()
			c.Post("/account/phone", M{"phone": next}).Is(202)
			code := w.Inbox.Text(t, next, "verification").Code
			if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
				t.Errorf("got code %q", code)
			}
			c.Post("/auth/phone/verify", M{"code": wiretest.Wrong(code)}).Fails("code:incorrect_code")
			c.Post("/auth/phone/verify", M{"code": code}).Is(409)
			next = wiretest.FreshPhone()
			c.Post("/account/phone", M{"phone": next}).Is(202)
			w.Clock.Advance(61 * time.Second)
			c.Post("/auth/phone/verify", M{"code": w.Inbox.Text(t, next, "verification").Code}).Is(409)
			d := c.Other()
			d.Post("/auth/signup", M{"phone": wiretest.FreshPhone(), "email": wiretest.FreshEmail(), "password": wiretest.Password}).Pending("verify_phone")
			d.Post("/auth/phone/verify/resend", nil).Is(409)
			d.Post("/account/phone", M{"phone": wiretest.FreshPhone()}).Is(409)
		})
	})
}
