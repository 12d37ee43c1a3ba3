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

// spec: account.md §2.
func TestLogin(t *testing.T) {
	t.Run("by email", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			w.Run("the right password logs in", func(t *testing.T, w *World, c *Client) {
				w.Events.Take()
				r := c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password})
				if got := fmt.Sprint(r.LoggedIn()["id"]); got != p.ID {
					t.Errorf("got user %v, want %s", got, p.ID)
				}
				equal(t, r.Methods(), []M{{"method": "password", "email": p.Email}})
				same(t, w.Events.Take(), "authentication_step_completed", "user_logged_in")
				if (c.Kind == "app") != (r.Meta["session_token"] != nil) {
					t.Errorf("got meta %v", r.Meta)
				}
				if w.User(p.ID).LastLoginAt != w.Clock.Now() {
					t.Error("the login was not written down")
				}
			})
			w.Run("the address counts in any case and without blanks around it", func(t *testing.T, w *World, c *Client) {
				r := c.Post("/auth/login", M{"email": "  " + strings.ToUpper(p.Email) + " ", "password": wiretest.Password})
				r.LoggedIn()
				equal(t, r.Methods(), []M{{"method": "password", "email": p.Email}})
			})
			w.Run("a wrong password keeps the session anonymous", func(t *testing.T, w *World, c *Client) {
				w.Events.Take()
				r := c.Post("/auth/login", M{"email": p.Email, "password": "wrong-Quartz-31"})
				r.Fails("password:email_password_mismatch")
				same(t, w.Events.Take(), "login_failed")
				if c.Credential() != "" || r.Meta != nil {
					t.Errorf("a session was made: %v", r.Meta)
				}
				c.Session().NothingPending()
			})
			w.Run("an unknown address fails in the same way", func(t *testing.T, w *World, c *Client) {
				c.Post("/auth/login", M{"email": wiretest.FreshEmail(), "password": wiretest.Password}).Fails("password:email_password_mismatch")
			})
			w.Run("a password counts exactly as it was sent", func(t *testing.T, w *World, c *Client) {
				// PWD-1.
				for _, pw := range []string{" " + wiretest.Password, wiretest.Password + " ", strings.ToLower(wiretest.Password), wiretest.Password[1:]} {
					c.Post("/auth/login", M{"email": p.Email, "password": pw}).Fails("password:email_password_mismatch")
				}
			})
			w.Run("what is missing or malformed is named by field", func(t *testing.T, w *World, c *Client) {
				for _, tt := range []struct {
					body any
					want []string
				}{
					{nil, []string{"email:required", "password:required"}},
					{M{}, []string{"email:required", "password:required"}},
					{"null", []string{"email:required", "password:required"}},
					{M{"email": nil, "password": nil}, []string{"email:required", "password:required"}},
					{M{"email": "  ", "password": "  "}, []string{"email:required", "password:required"}},
					{M{"email": "nonsense", "password": "x"}, []string{"email:invalid"}},
					{M{"email": "nonsense"}, []string{"email:invalid", "password:required"}},
					{M{"email": true, "password": []int{1}}, []string{"email:invalid", "password:invalid"}},
					{M{"email": p.Email, "password": "x\x00y"}, []string{"password:null_characters_not_allowed"}},
					{M{"username": "ada", "password": wiretest.Password}, []string{"email:required"}},
				} {
					c.Post("/auth/login", tt.body).Fails(tt.want...)
				}
			})
			w.Run("unknown members are ignored and the last of two counts", func(t *testing.T, w *World, c *Client) {
				c.Post("/auth/login", `{"email":"x","is_staff":true,"email":"`+p.Email+`","password":"x","password":"`+wiretest.Password+`"}`).LoggedIn()
			})
			w.Run("an address that is not verified waits for its mail", func(t *testing.T, w *World, c *Client) {
				q := w.Make(Person{Unverified: true})
				r := c.Post("/auth/login", M{"email": q.Email, "password": wiretest.Password}).Pending("verify_email")
				w.Inbox.Mail(t, q.Email, "email_confirmation")
				same(t, r.Flows(), "login", "signup", "verify_email*")
				if r.Methods() != nil {
					t.Error("the records were told before login")
				}
			})
			w.Run("having logged in already is a conflict only for valid input", func(t *testing.T, w *World, c *Client) {
				c.LogIn(p)
				before := c.Credential()
				c.Post("/auth/login", M{}).Fails("email:required", "password:required")
				c.Post("/auth/login", M{"email": p.Email, "password": "wrong"}).Fails("password:email_password_mismatch")
				r := c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Is(409)
				if string(r.Raw) != "{\"status\":409}\n" {
					t.Errorf("got %s", r.Raw)
				}
				if c.Credential() != before {
					t.Error("the session has changed")
				}
				c.Session().LoggedIn()
			})
			w.Run("a disabled user gets nowhere", func(t *testing.T, w *World, c *Client) {
				q := w.Make(Person{Disabled: true})
				c.Post("/auth/login", M{"email": q.Email, "password": wiretest.Password}).NothingPending()
				c.Post("/auth/login", M{"email": q.Email, "password": "wrong"}).Fails("password:email_password_mismatch")
				if c.Kind == "app" && c.Token == "" {
					t.Error("no session token came")
				}
				if w.Sessions(q.ID) != 0 {
					t.Error("the user has a session")
				}
				c.Session().NothingPending()
			})
			w.Run("an account without password can't be logged in to by one", func(t *testing.T, w *World, c *Client) {
				q := w.Make(Person{NoPassword: true})
				for _, pw := range []string{"!", "x", wiretest.Password} {
					c.Post("/auth/login", M{"email": q.Email, "password": pw}).Fails("password:email_password_mismatch")
				}
			})
			w.Run("a verified owner hides who only claims the address", func(t *testing.T, w *World, c *Client) {
				owner := w.Make(Person{NoPassword: true})
				claims := w.Make(Person{Email: "-", Username: wiretest.FreshName()})
				w.AddEmail(claims, owner.Email, false)
				c.Post("/auth/login", M{"email": owner.Email, "password": wiretest.Password}).Fails("password:email_password_mismatch")
			})
			w.Run("of several who claim an address one is tried, whose primary one it is", func(t *testing.T, w *World, c *Client) {
				// Requirements DOS-1, ENU-2: it costs what any login does.
				email := wiretest.FreshEmail()
				for range 3 {
					w.AddEmail(w.Make(Person{}), email, false)
				}
				first := w.Make(Person{Email: email, Unverified: true})
				w.Make(Person{Email: email, Unverified: true})
				before := w.Auth.Stats().Hashes
				c.Post("/auth/login", M{"email": email, "password": "wrong"}).Fails("password:email_password_mismatch")
				if n := w.Auth.Stats().Hashes - before; n != 1 {
					t.Errorf("passwords were hashed %d times", n)
				}
				c.Post("/auth/login", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
				w.Inbox.Mail(t, email, "email_confirmation")
				if u := w.User(first.ID); u.Email != email {
					t.Errorf("got %+v", u)
				}
			})
			w.Run("of several who claim an address whoever has a password is meant", func(t *testing.T, w *World, c *Client) {
				first := w.Make(Person{NoPassword: true, Unverified: true})
				second := w.Make(Person{Email: "-"})
				w.AddEmail(second, first.Email, false)
				c.Post("/auth/login", M{"email": first.Email, "password": wiretest.Password}).Pending("verify_email")
			})
			w.Run("another verified address is no excuse for the one that was used", func(t *testing.T, w *World, c *Client) {
				// spec: core.md §6.4.
				q := w.Make(Person{})
				second := w.AddEmail(q, wiretest.FreshEmail(), false)
				c.Post("/auth/login", M{"email": second, "password": wiretest.Password}).Pending("verify_email")
				w.Inbox.Mail(t, second, "email_confirmation")
				w.Inbox.NoMail(t, q.Email)
			})
			w.Run("look-alikes of an address are others", func(t *testing.T, w *World, c *Client) {
				// EML-1. The Kelvin sign folds to k, the dotless i is not i.
				q := w.Make(Person{Email: "kim" + wiretest.FreshEmail()})
				for _, email := range []string{strings.Replace(q.Email, "k", "\u212A", 1), strings.Replace(q.Email, "i", "\u0131", 1), strings.Replace(q.Email, "example", "ex\u00E4mple", 1)} {
					r := c.Post("/auth/login", M{"email": email, "password": wiretest.Password})
					if r.Status != 400 {
						t.Errorf("%q logged in as %q", email, q.Email)
					}
				}
			})
			w.Run("a stored hash of the reference works and is renewed", func(t *testing.T, w *World, c *Client) {
				// spec: config-openapi.md §5.
				q := w.Make(Person{NoPassword: true})
				u := w.User(q.ID)
				u.Password = "pbkdf2_sha256$1000$saltsaltsaltsaltsalt12$7kQnvik2EF+ZgxuPgZDCIKdNYs3JKaGATJCvSjVHMpY="
				if err := w.Store.UpdateUser(t.Context(), u); err != nil {
					t.Fatal(err)
				}
				c.Post("/auth/login", M{"email": q.Email, "password": "wrong"}).Fails("password:email_password_mismatch")
				c.Post("/auth/login", M{"email": q.Email, "password": "correct horse"}).LoggedIn()
				if h := string(w.User(q.ID).Password); !strings.HasPrefix(h, "$argon2id$") {
					t.Error("the hash was not renewed")
				}
				c.Session().LoggedIn() // and the session did not die of it
				d := c.Other()
				d.Post("/auth/login", M{"email": q.Email, "password": "correct horse"}).LoggedIn()
			})
		})
	})

	t.Run("by username", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.LoginMethods, c.Account.SignupFields = []string{"username"}, []string{"username*", "password1*"}
			c.Account.EmailVerification = account.None
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName(), Unverified: true})
			r := c.Post("/auth/login", M{"username": strings.ToUpper(p.Username), "password": wiretest.Password})
			r.LoggedIn()
			equal(t, r.Methods(), []M{{"method": "password", "username": strings.ToUpper(p.Username)}})
			d := c.Other()
			d.Post("/auth/login", M{"username": p.Username, "password": "wrong"}).Fails("password:username_password_mismatch")
			d.Post("/auth/login", M{"username": wiretest.FreshName(), "password": "wrong"}).Fails("password:username_password_mismatch")
			d.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Fails("username:required")
			d.Post("/auth/login", M{}).Fails("username:required", "password:required")
			// Where addresses are no login method, they are no usernames either.
			d.Post("/auth/login", M{"username": p.Email, "password": wiretest.Password}).Fails("password:username_password_mismatch")
		})
	})

	t.Run("by username or email", func(t *testing.T) {
		wiretest.Each(t, usernames, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName()})
			w.Run("exactly one identifier has to be sent", func(t *testing.T, w *World, c *Client) {
				for _, body := range []M{
					{"password": wiretest.Password},
					{"username": p.Username, "email": p.Email, "password": wiretest.Password},
					{"username": p.Username, "email": "", "password": wiretest.Password},
					{"username": p.Username, "email": nil, "password": wiretest.Password},
					{"phone": "+31612345678", "password": wiretest.Password},
				} {
					c.Post("/auth/login", body).Fails(":invalid_login")
				}
				c.Post("/auth/login", M{"username": "", "password": "x"}).Is(400)
				c.Post("/auth/login", M{"username": p.Username, "phone": "+31612345678", "password": wiretest.Password}).LoggedIn()
			})
			w.Run("an address typed as username finds its owner", func(t *testing.T, w *World, c *Client) {
				r := c.Post("/auth/login", M{"username": strings.ToUpper(p.Email), "password": wiretest.Password})
				r.LoggedIn()
				equal(t, r.Methods(), []M{{"method": "password", "username": strings.ToUpper(p.Email)}})
			})
			w.Run("each identifier has its own mismatch", func(t *testing.T, w *World, c *Client) {
				c.Post("/auth/login", M{"username": p.Username, "password": "wrong"}).Fails("password:username_password_mismatch")
				c.Post("/auth/login", M{"email": p.Email, "password": "wrong"}).Fails("password:email_password_mismatch")
			})
			w.Run("by username any verified address will do", func(t *testing.T, w *World, c *Client) {
				// spec: core.md §6.4.
				q := w.Make(Person{Username: wiretest.FreshName(), Unverified: true})
				c.Post("/auth/login", M{"username": q.Username, "password": wiretest.Password}).Pending("verify_email")
				w.Inbox.Mail(t, q.Email, "email_confirmation")
				w.AddEmail(q, wiretest.FreshEmail(), true)
				c.Other().Post("/auth/login", M{"username": q.Username, "password": wiretest.Password}).LoggedIn()
			})
			w.Run("without any address the login waits for ever", func(t *testing.T, w *World, c *Client) {
				q := w.Make(Person{Username: wiretest.FreshName(), Email: "-"})
				c.Post("/auth/login", M{"username": q.Username, "password": wiretest.Password}).Pending("verify_email")
			})
		})
	})

	t.Run("by phone", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.LoginMethods, c.Account.SignupFields = []string{"phone", "email"}, []string{"phone*", "email", "password1*"}
			c.Account.EmailVerification = account.None
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Phone: wiretest.FreshPhone()})
			r := c.Post("/auth/login", M{"phone": p.Phone, "password": wiretest.Password})
			r.LoggedIn()
			equal(t, r.Methods(), []M{{"method": "password", "phone": p.Phone}}) // core.md §7 Port note
			d := c.Other()
			d.Post("/auth/login", M{"phone": p.Phone, "password": "wrong"}).Fails("password:phone_password_mismatch")
			d.Post("/auth/login", M{"phone": wiretest.FreshPhone(), "password": wiretest.Password}).Fails("password:phone_password_mismatch")
			for _, phone := range []any{"0612345678", "+0612345678", "+31 612345678", "+31612", "+3161234567890123", "tel", false} {
				d.Post("/auth/login", M{"phone": phone, "password": "x"}).Fails("phone:invalid_phone")
			}
			// What has to have a number, and has none, does not get in. core.md §6.3.
			q := w.Make(Person{})
			d.Post("/auth/login", M{"email": q.Email, "password": wiretest.Password}).NothingPending()
		})
	})

	t.Run("records of somebody else do not survive the next login", func(t *testing.T) {
		// spec: core.md §7 Port note; SES-8.
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p, q := w.Make(Person{Unverified: true}), w.Make(Person{})
			c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("verify_email")
			r := c.LogIn(q)
			equal(t, r.Methods(), []M{{"method": "password", "email": q.Email}})
		})
	})

	t.Run("a login that waits is over in time", func(t *testing.T) {
		// spec: core.md §6.1: the time runs from its start.
		wiretest.Each(t, func(c *Config) { c.Account.LoginTimeout = 10 * time.Minute }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Unverified: true})
			c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("verify_email")
			w.Clock.Advance(10*time.Minute - time.Second)
			c.Session().Pending("verify_email")
			w.Clock.Advance(2 * time.Second)
			c.Session().NothingPending()
		})
	})

	t.Run("a login whose user has vanished waits in vain", func(t *testing.T) {
		// spec: core.md §6.1: it becomes a pretended one.
		wiretest.Each(t, codeVerification, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Unverified: true})
			c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("verify_email")
			code := w.Inbox.Mail(t, p.Email, "email_confirmation").Data["code"]
			if err := w.Store.DeleteUser(t.Context(), p.ID); err != nil {
				t.Fatal(err)
			}
			c.Session().Pending("verify_email")
			if r := c.Post("/auth/email/verify", M{"key": code}); r.Status != 400 && r.Status != 409 {
				t.Errorf("got %d %s", r.Status, r.Raw)
			}
		})
	})

	t.Run("a user who was disabled meanwhile does not get in", func(t *testing.T) {
		wiretest.Each(t, codeVerification, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Unverified: true})
			c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("verify_email")
			code := w.Inbox.Mail(t, p.Email, "email_confirmation").Data["code"]
			u := w.User(p.ID)
			u.Disabled = true
			if err := w.Store.UpdateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			if r := c.Post("/auth/email/verify", M{"key": code}); r.Status != 401 && r.Status != 409 {
				t.Errorf("got %d %s", r.Status, r.Raw)
			}
			c.Session().NothingPending()
		})
	})

	t.Run("the host may refuse who has proven who they are", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Hooks.BeforeLogin = func(_ context.Context, u *store.User) error {
				if strings.HasPrefix(u.Username, "Visitor") {
					return headless.Reject("", "members_only", "Members only.")
				}
				return nil
			}
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName()})
			r := c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password})
			r.Fails(":members_only")
			if r.Errors[0].Message != "Members only." {
				t.Errorf("got message %q", r.Errors[0].Message)
			}
			if w.Sessions(p.ID) != 0 {
				t.Error("the user has a session")
			}
			c.LogIn(w.Make(Person{}))
		})
	})
}

// spec: account.md §2.3; requirement SES-1.
func TestSessionFixation(t *testing.T) {
	wiretest.Each(t, codeVerification, func(t *testing.T, w *World, c *Client) {
		w.Run("an identifier that was made up is never adopted", func(t *testing.T, w *World, c *Client) {
			if c.Kind == "app" {
				return // answered 410, see TestSession
			}
			made := strings.Repeat("f", 43)
			c.SetCookie("sessionid", made)
			c.LogIn(w.Make(Person{}))
			if c.Credential() == made {
				t.Error("the browser chose its own session")
			}
			c.Dead(made)
		})
		w.Run("logging in renews the identifier and the old one is dead", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Unverified: true})
			c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("verify_email")
			before := c.Credential()
			if before == "" {
				t.Fatal("the waiting login has no session")
			}
			c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, p.Email, "email_confirmation").Data["code"]}).LoggedIn()
			if c.Credential() == before {
				t.Error("the identifier stayed the same")
			}
			c.Dead(before)
			c.Session().LoggedIn()
		})
		w.Run("every login has another identifier", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			seen := map[string]bool{}
			for range 3 {
				d := c.Other()
				d.LogIn(p)
				if k := d.Credential(); seen[k] || len(k) < 22 { // SES-3: 128 bits at least
					t.Errorf("identifier %q", k)
				} else {
					seen[k] = true
				}
			}
		})
		w.Run("only a hash of the identifier is stored", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			l, err := w.Store.SessionsOf(t.Context(), p.ID)
			if err != nil || len(l) != 1 {
				t.Fatal(l, err)
			}
			if len(l[0].TokenHash) != 32 || string(l[0].TokenHash) == c.Credential() || l[0].ID == c.Credential() {
				t.Error("the store knows the credential")
			}
		})
	})
}
