package wiretest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
)

func unverified(c *Config) { c.Account.EmailVerification = account.None }

// spec: account.md §3.
func TestSignup(t *testing.T) {
	t.Run("with mandatory verification", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			w.Run("makes an account that waits for its address", func(t *testing.T, w *World, c *Client) {
				email := wiretest.FreshEmail()
				w.Events.Take()
				r := c.Post("/auth/signup", M{"email": " " + strings.ToUpper(email), "password": wiretest.Password}).Pending("verify_email")
				same(t, r.Flows(), "login", "signup", "verify_email*")
				equal(t, r.Meta["is_authenticated"], false)
				same(t, w.Events.Take(), "user_signed_up", "email_confirmation_sent")
				m := w.Inbox.Mail(t, email, "email_confirmation_signup")
				if want := "https://spa.test/verify-email/" + m.Data["key"]; m.Data["activate_url"] != want || !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, want) {
					t.Errorf("the mail does not link to %s", want)
				}
				if !strings.HasPrefix(m.Subject, "[Example] ") || strings.ContainsAny(m.Subject, "\r\n") {
					t.Errorf("got subject %q", m.Subject)
				}
				if (c.Kind == "app") != (c.Token != "") {
					t.Error("the waiting client has nothing to come back with")
				}
				// The same again, whatever the store knows of it.
				c.Session().Pending("verify_email")
			})
			w.Run("what is wrong is named by field, in the fields' order", func(t *testing.T, w *World, c *Client) {
				for _, tt := range []struct {
					body M
					want []string
				}{
					{M{}, []string{"email:required", "password:required"}},
					{M{"email": "", "password": " "}, []string{"email:required", "password:required"}},
					{M{"email": "nonsense", "password": "x"}, []string{"email:invalid", "password:password_too_short"}},
					{M{"email": wiretest.FreshEmail(), "password": "1234567"}, []string{"password:password_too_short", "password:password_too_common", "password:password_entirely_numeric"}},
					{M{"email": wiretest.FreshEmail(), "password": "password"}, []string{"password:password_too_common"}},
					{M{"email": wiretest.FreshEmail(), "password": "8391746250871"}, []string{"password:password_entirely_numeric"}},
					{M{"email": "rosalind@example.org", "password": "rosalind1"}, []string{"password:password_too_similar"}},
					{M{"email": "someone@example.org", "password": strings.Repeat("long ", 900)}, []string{"password:max_length"}},
					{M{"email": strings.Repeat("a", 250) + "@example.org", "password": wiretest.Password}, []string{"email:max_length"}},
					{M{"email": strings.Repeat("a", 320) + "@example.org", "password": wiretest.Password}, []string{"email:max_length"}},
					{M{"email": "a\x00b@example.org", "password": wiretest.Password}, []string{"email:invalid", "email:null_characters_not_allowed"}},
					{M{"email": []string{"a@example.org"}, "password": M{"x": 1}}, []string{"email:invalid", "password:invalid"}},
				} {
					c.Post("/auth/signup", tt.body).Fails(tt.want...)
				}
				w.Inbox.NoMail(t, "rosalind@example.org")
			})
			w.Run("a taken address is answered like a free one", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				w.Events.Take()
				c.Post("/auth/signup", M{"email": p.Email, "password": "another-Plum-7"}).Pending("verify_email")
				w.Inbox.Mail(t, p.Email, "account_already_exists")
				same(t, w.Events.Take())
				c.Session().Pending("verify_email")
			})
			w.Run("having logged in already is a conflict only for valid input", func(t *testing.T, w *World, c *Client) {
				c.LogIn(w.Make(Person{}))
				c.Post("/auth/signup", M{"email": "x"}).Fails("email:invalid", "password:required")
				email := wiretest.FreshEmail()
				c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Is(409)
				w.Inbox.NoMail(t, email)
			})
			w.Run("fields that only the server sets are ignored", func(t *testing.T, w *World, c *Client) {
				// EML-3.
				email := wiretest.FreshEmail()
				c.Post("/auth/signup", M{
					"email": email, "password": wiretest.Password, "verified": true, "primary": false, "id": 1, "is_staff": true, "is_active": false,
					"username": "chosen", "phone": "+31612345678", "first_name": "Eve",
				}).Pending("verify_email")
				l, err := w.Store.EmailsByAddress(t.Context(), email)
				if err != nil || len(l) != 1 || l[0].Verified || !l[0].Primary {
					t.Fatalf("got %+v, %v", l, err)
				}
				u := w.User(l[0].UserID)
				if u.Username == "chosen" || u.FirstName != "" || u.Disabled {
					t.Errorf("got %+v", u)
				}
				if _, err := w.Store.PhoneOf(t.Context(), u.ID); !errors.Is(err, store.ErrNotFound) {
					t.Error("the account has a phone number")
				}
				if !strings.HasPrefix(string(u.Password), "$argon2id$") {
					t.Error("the password is not hashed")
				}
			})
			w.Run("a name is made of the address", func(t *testing.T, w *World, c *Client) {
				// spec: account.md §3.3.
				local := "gen" + wiretest.FreshName()
				names := map[string]bool{}
				for i := range 3 {
					email := fmt.Sprintf("%s@%d.example.org", local, i)
					c.Other().Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
					l, err := w.Store.EmailsByAddress(t.Context(), strings.ToLower(email))
					if err != nil || len(l) != 1 {
						t.Fatal(l, err)
					}
					name := w.User(l[0].UserID).Username
					if !strings.HasPrefix(name, strings.ToLower(local)) || names[name] || i == 0 && name != strings.ToLower(local) {
						t.Errorf("got username %q", name)
					}
					names[name] = true
				}
			})
		})
	})

	t.Run("with optional verification", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.EmailVerification = account.Optional }, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			w.Events.Take()
			r := c.Post("/auth/signup", M{"email": email, "password": wiretest.Password})
			if r.LoggedIn()["email"] != email {
				t.Errorf("got %s", r.Data)
			}
			equal(t, r.Methods(), []M{}) // signing up is no proof. core.md §7
			same(t, w.Events.Take(), "user_signed_up", "email_confirmation_sent", "user_logged_in")
			w.Inbox.Mail(t, email, "email_confirmation_signup")
			// Later logins send nothing. core.md §6.4
			c.Other().Post("/auth/login", M{"email": email, "password": wiretest.Password}).LoggedIn()
			w.Inbox.NoMail(t, email)
			// Uniqueness wins over secrecy. account.md §9.1
			c.Other().Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Fails("email:email_taken")
		})
	})

	t.Run("without verification", func(t *testing.T) {
		wiretest.Each(t, unverified, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			w.Events.Take()
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).LoggedIn()
			same(t, w.Events.Take(), "user_signed_up", "user_logged_in")
			w.Inbox.NoMail(t, email)
			c.Other().Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Fails("email:email_taken")
		})
	})

	t.Run("closed", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.SignupClosed = true }, func(t *testing.T, w *World, c *Client) {
			same(t, c.Session().Flows(), "login")
			c.Post("/auth/signup", M{"email": "x", "password": "x"}).Fails("email:invalid", "password:password_too_short")
			email := wiretest.FreshEmail()
			if r := c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Is(403); string(r.Raw) != "{\"status\":403}\n" {
				t.Errorf("got %s", r.Raw)
			}
			w.Inbox.NoMail(t, email)
			// 409 comes before 403. account.md §3
			c.LogIn(w.Make(Person{}))
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Is(409)
		})
	})

	t.Run("with usernames", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			usernames(c)
			c.Account.UsernameMinLength, c.Account.UsernameBlacklist = 4, []string{"admin", "Root"}
			c.Account.EmailVerification = account.None
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName()})
			for _, tt := range []struct{ name, username, want string }{
				{"a taken name is refused, even while accounts are hidden", p.Username, "username:username_taken"},
				{"a taken name is refused in any case", strings.ToUpper(p.Username), "username:username_taken"},
				{"a taken name is refused in another form of the same letters", strings.Replace(p.Username, "V", "\uFF36", 1), "username:username_taken"},
				{"a blacklisted name is refused in any case", "ROOT", "username:username_blacklisted"},
				{"a short name is refused", "abc", "username:min_length"},
				{"a long name is refused", strings.Repeat("n", 151), "username:max_length"},
				{"blanks have no place in a name", "ada lovelace", "username:invalid"},
				{"other punctuation has no place in a name", "ada!lovelace", "username:invalid"},
				{"invisible letters have no place in a name", "ada\u200blovelace", "username:invalid"},
				{"a name is required", "  ", "username:required"},
			} {
				t.Run(tt.name, func(t *testing.T) {
					r := c.Other().Post("/auth/signup", M{"username": tt.username, "email": wiretest.FreshEmail(), "password": wiretest.Password})
					r.Fails(tt.want)
				})
			}
			t.Run("errors come in the order of the signup fields", func(t *testing.T) {
				c.Other().Post("/auth/signup", M{"email": "x"}).Fails("username:required", "email:invalid", "password:required")
				c.Other().Post("/auth/signup", M{"username": p.Username, "email": p.Email, "password": "short"}).
					Fails("username:username_taken", "email:email_taken", "password:password_too_short")
			})
			t.Run("a password like the name is refused", func(t *testing.T) {
				// spec: account.md §0 Port note.
				c.Other().Post("/auth/signup", M{"username": "hortensia", "email": wiretest.FreshEmail(), "password": "hortensia1"}).Fails("password:password_too_similar")
			})
			t.Run("letters of every language and some punctuation are fine", func(t *testing.T) {
				d := c.Other()
				name := "Zoë.@+-_" + wiretest.FreshName()
				if u := d.Post("/auth/signup", M{"username": " " + name + " ", "email": wiretest.FreshEmail(), "password": wiretest.Password}).LoggedIn(); u["username"] != name || u["display"] != name {
					t.Errorf("got %v, want username %s", u, name)
				}
				d.Other().Post("/auth/login", M{"username": strings.ToLower(name), "password": wiretest.Password}).LoggedIn()
			})
		})
	})

	t.Run("with names in lower case", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			usernames(c)
			c.Account.LowercaseUsernames, c.Account.EmailVerification = true, account.None
		}, func(t *testing.T, w *World, c *Client) {
			name := wiretest.FreshName()
			if u := c.Post("/auth/signup", M{"username": name, "email": wiretest.FreshEmail(), "password": wiretest.Password}).LoggedIn(); u["username"] != strings.ToLower(name) {
				t.Errorf("got %v", u["username"])
			}
			c.Other().Post("/auth/login", M{"username": name, "password": wiretest.Password}).LoggedIn()
		})
	})

	t.Run("without names", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.NoUsernames, c.Account.EmailVerification = true, account.None }, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			u := c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).LoggedIn()
			equal(t, u, M{"id": u["id"], "display": email, "email": email, "has_usable_password": true})
		})
	})

	t.Run("with the address twice", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.SignupFields = []string{"email*", "email2*", "username", "password1*", "password2*"}
			c.Account.LoginMethods, c.Account.EmailVerification = []string{"email", "username"}, account.None
		}, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Fails("email2:required")
			c.Post("/auth/signup", M{"email": email, "email2": "x", "password": wiretest.Password}).Fails("email2:invalid")
			c.Post("/auth/signup", M{"email": email, "email2": wiretest.FreshEmail(), "password": wiretest.Password}).Fails("email2:email_mismatch")
			c.Post("/auth/signup", M{"email": email, "email2": wiretest.FreshEmail(), "password": "short"}).Fails("email2:email_mismatch", "password:password_too_short")
			c.Post("/auth/signup", M{"email": email, "email2": " " + strings.ToUpper(email), "password": wiretest.Password}).LoggedIn()
		})
	})

	t.Run("with an optional password", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.SignupFields, c.Account.EmailVerification = []string{"email*", "password1"}, account.None
		}, func(t *testing.T, w *World, c *Client) {
			for _, pw := range []any{nil, "", "  "} {
				u := c.Other().Post("/auth/signup", M{"email": wiretest.FreshEmail(), "password": pw}).LoggedIn()
				equal(t, u["has_usable_password"], false)
			}
			c.Other().Post("/auth/signup", M{"email": wiretest.FreshEmail(), "password": "short"}).Fails("password:password_too_short")
			u := c.Other().Post("/auth/signup", M{"email": wiretest.FreshEmail(), "password": wiretest.Password}).LoggedIn()
			equal(t, u["has_usable_password"], true)
		})
	})

	t.Run("without a password", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.SignupFields, c.Account.EmailVerification = []string{"email*"}, account.None
		}, func(t *testing.T, w *World, c *Client) {
			u := c.Post("/auth/signup", M{"email": wiretest.FreshEmail(), "password": "ignored-Plum-7"}).LoggedIn()
			equal(t, u["has_usable_password"], false)
		})
	})

	t.Run("with a phone number", func(t *testing.T) {
		wiretest.Each(t, phones, func(t *testing.T, w *World, c *Client) {
			phone, email := wiretest.FreshPhone(), wiretest.FreshEmail()
			c.Post("/auth/signup", M{"phone": "0612345678", "email": email, "password": wiretest.Password}).Fails("phone:invalid_phone")
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Fails("phone:required")
			c.Post("/auth/signup", M{"phone": phone, "email": email, "password": wiretest.Password}).Pending("verify_phone")
			code := w.Inbox.Text(t, phone, "verification").Code
			w.Inbox.NoMail(t, email)
			u := c.Post("/auth/phone/verify", M{"code": code}).LoggedIn()
			equal(t, u["email"], email)
			equal(t, c.Get("/account/phone").Data, []M{{"phone": phone, "verified": true}})
		})
	})

	t.Run("that a required code follows", func(t *testing.T) {
		// spec: account.md §3.4: the code proves the address, no second mail.
		wiretest.Each(t, func(c *Config) { c.Account.LoginByCode, c.Account.LoginCodeRequired = true, []string{"*"} }, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Pending("login_by_code")
			c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, email, "login_code").Data["code"]}).LoggedIn()
			w.Inbox.NoMail(t, email)
			equal(t, c.Get("/account/email").Data, []M{{"email": email, "primary": true, "verified": true}})
		})
	})
}

// spec: account.md §0, §3.1, §15.
func TestSignupFields(t *testing.T) {
	t.Run("of every type are judged and kept", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.EmailVerification = account.None
			c.Account.Fields = []account.Field{
				{Name: "nick", Required: true, MinLength: 3, MaxLength: 8},
				{Name: "color", Choices: []string{"red", "blue"}},
				{Name: "age", Type: "integer"},
				{Name: "height", Type: "number"},
				{Name: "terms", Type: "boolean", Required: true},
				{Name: "news", Type: "boolean"},
				{Name: "born", Type: "date"},
				{Name: "met_at", Type: "date-time"},
				{Name: "work_email", Type: "email"},
				{Name: "home", Type: "uri"},
				{Name: "invite", Check: func(_ context.Context, v any) error {
					if v != "welcome" {
						return headless.Reject("", "invite_unknown", "Nobody was invited so.")
					}
					return nil
				}},
			}
		}, func(t *testing.T, w *World, c *Client) {
			good := func(change M) M {
				m := M{"email": wiretest.FreshEmail(), "password": wiretest.Password, "nick": "ada", "terms": true}
				for k, v := range change {
					m[k] = v
				}
				return m
			}
			for _, tt := range []struct {
				body M
				want []string
			}{
				{M{"nick": nil, "terms": nil}, []string{"nick:required", "terms:required"}},
				{M{"terms": false}, []string{"terms:required"}},
				{M{"nick": "ab"}, []string{"nick:min_length"}},
				{M{"nick": "abcdefghi"}, []string{"nick:max_length"}},
				{M{"nick": []int{1}}, []string{"nick:invalid"}},
				{M{"nick": "a\x00bc"}, []string{"nick:null_characters_not_allowed"}},
				{M{"color": "green"}, []string{"color:invalid_choice"}},
				{M{"age": "old"}, []string{"age:invalid"}},
				{M{"age": 1.5}, []string{"age:invalid"}},
				{M{"age": 1e30}, []string{"age:invalid"}},
				{M{"height": "tall"}, []string{"height:invalid"}},
				{M{"born": "2020-02-30"}, []string{"born:invalid"}},
				{M{"met_at": "2020-02-20"}, []string{"met_at:invalid"}},
				{M{"work_email": "nobody"}, []string{"work_email:invalid"}},
				{M{"home": "example"}, []string{"home:invalid"}},
				{M{"home": "javascript:alert(1)"}, []string{"home:invalid"}},
				{M{"invite": "please"}, []string{"invite:invite_unknown"}},
				{M{"nick": "", "age": "x", "home": "y", "password": "short"}, []string{"nick:required", "age:invalid", "home:invalid", "password:password_too_short"}},
			} {
				c.Post("/auth/signup", good(tt.body)).Fails(tt.want...)
			}
			u := c.Post("/auth/signup", good(M{
				"color": "red", "age": 36, "height": 1.7, "news": false, "born": "1815-12-10", "met_at": "1833-06-05T20:00:00Z",
				"work_email": "ada@work.example", "home": "https://ada.example/", "invite": "welcome", "more": "ignored",
			})).LoggedIn()
			var kept map[string]any
			if err := json.Unmarshal(w.User(fmt.Sprint(u["id"])).Fields, &kept); err != nil {
				t.Fatal(err)
			}
			equal(t, kept, M{
				"nick": "ada", "terms": true, "color": "red", "age": 36, "height": 1.7, "news": false, "born": "1815-12-10",
				"met_at": "1833-06-05T20:00:00Z", "work_email": "ada@work.example", "home": "https://ada.example/", "invite": "welcome",
			})
		})
	})

	t.Run("reach the host in the transaction that makes the account", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.EmailVerification = account.None
			c.Account.Fields = []account.Field{{Name: "plan"}}
			c.Hooks.InSignup = func(ctx context.Context, tx store.Store, u *store.User, fields map[string]any) error {
				switch fields["plan"] {
				case "fail":
					return errors.New("the host's own table is full")
				case "refuse":
					return headless.Reject("plan", "sold_out", "Sold out.")
				case "phone":
					return tx.SetPhone(ctx, &store.Phone{UserID: u.ID, Number: "+31600000000"})
				}
				return nil
			}
		}, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			w.Events.Take()
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password, "plan": "fail"}).Is(500)
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password, "plan": "refuse"}).Fails("plan:sold_out")
			same(t, w.Events.Take()) // nothing has happened
			if l, err := w.Store.EmailsByAddress(t.Context(), email); err != nil || len(l) != 0 {
				t.Errorf("half an account is left: %v, %v", l, err)
			}
			c.Session().NothingPending()
			u := c.Post("/auth/signup", M{"email": email, "password": wiretest.Password, "plan": "phone"}).LoggedIn()
			if p, err := w.Store.PhoneOf(t.Context(), fmt.Sprint(u["id"])); err != nil || p.Number != "+31600000000" {
				t.Errorf("got %v, %v", p, err)
			}
		})
	})

	t.Run("and everything else the host has its say about", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			usernames(c)
			c.Account.EmailVerification = account.None
			c.OpenAPI.UserFields = []account.Field{{Name: "first_name"}}
			c.Hooks = account.Hooks{
				CleanUsername: func(_ context.Context, name string) (string, error) {
					if strings.Contains(name, "eve") {
						return "", headless.Reject("", "no_eve", "Not you.")
					}
					return "x" + name, nil
				},
				CleanEmail: func(_ context.Context, email string) (string, error) {
					if strings.HasSuffix(email, "@spam.example") {
						return "", headless.Reject("", "throw_away", "No throw-away addresses.")
					}
					return strings.Replace(email, "+tag", "", 1), nil
				},
				CheckPassword: func(_ context.Context, pw string, u *store.User) error {
					if strings.Contains(pw, "breached") {
						return headless.Reject("", "password_breached", "Known to thieves.")
					}
					return nil
				},
				BeforeSignup: func(_ context.Context, u *store.User) error {
					if u.Username == "xmallory" {
						return headless.Reject("username", "not_welcome", "Not welcome.")
					}
					u.FirstName = "Dear"
					return nil
				},
				Display: func(_ context.Context, u *store.User) string { return u.FirstName + " " + u.Username },
				UserData: func(_ context.Context, u *store.User) map[string]any {
					return map[string]any{"first_name": u.FirstName}
				},
			}
		}, func(t *testing.T, w *World, c *Client) {
			sign := func(username, email, pw string) *wiretest.Reply {
				return c.Other().Post("/auth/signup", M{"username": username, "email": email, "password": pw})
			}
			sign("eve", "eve@spam.example", "breached-Plum-7").Fails("username:no_eve", "email:throw_away", "password:password_breached")
			sign("mallory", wiretest.FreshEmail(), wiretest.Password).Fails("username:not_welcome")
			name, local := strings.ToLower(wiretest.FreshName()), strings.ToLower(wiretest.FreshName())
			u := sign(name, local+"+tag@example.org", wiretest.Password).LoggedIn()
			equal(t, u, M{
				"id": u["id"], "display": "Dear x" + name, "email": local + "@example.org", "has_usable_password": true, "username": "x" + name, "first_name": "Dear",
			})
		})
	})

	t.Run("a hook that fails or panics is contained", func(t *testing.T) {
		// REL-8.
		wiretest.Each(t, func(c *Config) {
			c.Account.EmailVerification = account.None
			c.Hooks.BeforeSignup = func(ctx context.Context, u *store.User) error {
				if strings.HasPrefix(u.Email, "panic") {
					panic("the host's own fault")
				}
				if strings.HasPrefix(u.Email, "fail") {
					return errors.New("the host's own fault")
				}
				return nil
			}
		}, func(t *testing.T, w *World, c *Client) {
			for _, email := range []string{"panic" + wiretest.FreshEmail(), "fail" + wiretest.FreshEmail()} {
				r := c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Is(http.StatusInternalServerError)
				if string(r.Raw) != "{\"status\":500}\n" {
					t.Errorf("got %s", r.Raw)
				}
				if l, err := w.Store.EmailsByAddress(t.Context(), email); err != nil || len(l) != 0 {
					t.Errorf("half an account is left: %v, %v", l, err)
				}
			}
			c.Post("/auth/signup", M{"email": wiretest.FreshEmail(), "password": wiretest.Password}).LoggedIn()
		})
	})
}

func phones(c *Config) {
	c.Account.LoginMethods = []string{"phone", "email"}
	c.Account.SignupFields = []string{"phone*", "email*", "password1*"}
	c.Account.EmailVerification = account.None
	c.Account.PhoneCode = account.CodeConfig{MaxResends: 2, MaxChanges: 2}
}
