package wiretest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
)

// lookUp asks what a key or code is for.
func lookUp(c *Client, key string) *wiretest.Reply {
	d := c.Clone()
	d.Header.Set("X-Email-Verification-Key", key)
	r := d.Get("/auth/email/verify")
	c.Token = d.Token
	return r
}

func signUp(t *testing.T, w *World, c *Client) (email string, data map[string]string) {
	t.Helper()
	email = wiretest.FreshEmail()
	c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
	return email, w.Inbox.Mail(t, email, "email_confirmation_signup").Data
}

// idOf is the id of whoever claims an address.
func idOf(t *testing.T, w *World, email string) string {
	t.Helper()
	l, err := w.Store.EmailsByAddress(t.Context(), email)
	if err != nil || len(l) == 0 {
		t.Fatalf("nobody claims %s: %v", email, err)
	}
	return l[0].UserID
}

// spec: account.md §4, §10.1; requirements EML-2, ONE-1, REQ-2.
func TestVerifyEmailByLink(t *testing.T) {
	t.Run("verifies", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			w.Run("and logs nobody in: the login that waited is over", func(t *testing.T, w *World, c *Client) {
				email, data := signUp(t, w, c)
				w.Events.Take()
				c.Post("/auth/email/verify", M{"key": data["key"]}).NothingPending()
				same(t, w.Events.Take(), "email_confirmed")
				equal(t, w.Emails(idOf(t, w, email)), email+"*!")
				c.Session().NothingPending()
				c.Post("/auth/login", M{"email": email, "password": wiretest.Password}).LoggedIn()
				w.Inbox.NoMail(t, email)
			})
			w.Run("from any client, without any session", func(t *testing.T, w *World, c *Client) {
				email, data := signUp(t, w, c)
				d := c.Other()
				d.Post("/auth/email/verify", M{"key": data["key"]}).NothingPending()
				if d.Credential() != "" {
					t.Error("following a link made a session")
				}
				equal(t, w.Emails(idOf(t, w, email)), email+"*!")
				// Who waited is not advanced, and has to log in again.
				c.Session().Pending("verify_email")
				c.Post("/auth/email/verify", M{"key": data["key"]}).Fails("key:invalid_or_expired_key")
				c.Post("/auth/login", M{"email": email, "password": wiretest.Password}).LoggedIn()
			})
			w.Run("and leaves alone who is logged in as somebody else", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				email, data := signUp(t, w, c.Other())
				c.LogIn(p)
				if u := c.Post("/auth/email/verify", M{"key": data["key"]}).LoggedIn(); u["email"] != p.Email {
					t.Errorf("became %v", u)
				}
				equal(t, w.Emails(idOf(t, w, email)), email+"*!")
			})
			w.Run("and ends a login of somebody else that waits here", func(t *testing.T, w *World, c *Client) {
				_, data := signUp(t, w, c.Other())
				signUp(t, w, c)
				c.Post("/auth/email/verify", M{"key": data["key"]}).NothingPending()
			})
			w.Run("once", func(t *testing.T, w *World, c *Client) {
				_, data := signUp(t, w, c)
				c.Other().Post("/auth/email/verify", M{"key": data["key"]}).Is(401)
				for _, d := range []*Client{c, c.Other()} {
					d.Post("/auth/email/verify", M{"key": data["key"]}).Fails("key:invalid_or_expired_key")
					lookUp(d, data["key"]).Fails("key:invalid_or_expired_key")
				}
			})
			w.Run("with the key of any mail, until one was used", func(t *testing.T, w *World, c *Client) {
				email, first := signUp(t, w, c)
				w.Clock.Advance(time.Hour)
				c.Post("/auth/login", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
				second := w.Inbox.Mail(t, email, "email_confirmation").Data
				lookUp(c.Other(), first["key"]).Is(200)
				c.Other().Post("/auth/email/verify", M{"key": second["key"]}).Is(401)
				c.Other().Post("/auth/email/verify", M{"key": first["key"]}).Fails("key:invalid_or_expired_key")
			})
			w.Run("for three days", func(t *testing.T, w *World, c *Client) {
				_, data := signUp(t, w, c)
				w.Clock.Advance(72*time.Hour - time.Second)
				lookUp(c.Other(), data["key"]).Is(200)
				w.Clock.Advance(2 * time.Second)
				lookUp(c.Other(), data["key"]).Fails("key:invalid_or_expired_key")
				c.Other().Post("/auth/email/verify", M{"key": data["key"]}).Fails("key:invalid_or_expired_key")
			})
			w.Run("nothing when the address was removed", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.LogIn(p)
				second := wiretest.FreshEmail()
				c.Post("/account/email", M{"email": second}).Is(200)
				key := w.Inbox.Mail(t, second, "email_confirmation").Data["key"]
				c.Delete("/account/email", M{"email": second}).Is(200)
				c.Other().Post("/auth/email/verify", M{"key": key}).Fails("key:invalid_or_expired_key")
				// Nor when it was added again: the key is bound to the row.
				c.Post("/account/email", M{"email": second}).Is(200)
				c.Other().Post("/auth/email/verify", M{"key": key}).Fails("key:invalid_or_expired_key")
			})
			w.Run("nothing when the address was replaced", func(t *testing.T, w *World, c *Client) {
				email, data := signUp(t, w, c)
				l, err := w.Store.EmailsByAddress(t.Context(), email)
				if err != nil {
					t.Fatal(err)
				}
				if err := w.Store.ChangeEmail(t.Context(), l[0].ID, wiretest.FreshEmail()); err != nil {
					t.Fatal(err)
				}
				c.Post("/auth/email/verify", M{"key": data["key"]}).Fails("key:invalid_or_expired_key")
			})
			w.Run("nothing when the account is gone", func(t *testing.T, w *World, c *Client) {
				email, data := signUp(t, w, c)
				if err := w.Store.DeleteUser(t.Context(), idOf(t, w, email)); err != nil {
					t.Fatal(err)
				}
				c.Post("/auth/email/verify", M{"key": data["key"]}).Fails("key:invalid_or_expired_key")
			})
			w.Run("nothing that somebody else has verified meanwhile", func(t *testing.T, w *World, c *Client) {
				// EML-2, ONE-4: one address has one owner.
				email, data := signUp(t, w, c)
				first := idOf(t, w, email)
				owner := w.Make(Person{Email: "-"})
				w.AddEmail(owner, email, true)
				lookUp(c.Other(), data["key"]).Fails("key:email_taken")
				c.Post("/auth/email/verify", M{"key": data["key"]}).Fails("key:email_taken")
				equal(t, w.Emails(first), email+"!")
			})
			w.Run("nothing by a key that was tampered with", func(t *testing.T, w *World, c *Client) {
				_, data := signUp(t, w, c)
				_, other := signUp(t, w, c.Other())
				key := data["key"]
				f, g := strings.Split(key, "."), strings.Split(other["key"], ".")
				for _, bad := range []any{
					"", nil, " ", "x", "..", strings.ToUpper(key), key[:len(key)-1], key + "A", key + "=", key[:len(key)-2] + "zz", "1" + key, f[0], strings.Join(f[:2], "."),
					strings.Join([]string{g[0], f[1], f[2]}, "."), strings.Join([]string{f[0], g[1] + "z", f[2]}, "."), strings.Join([]string{f[0], f[1], g[2]}, "."),
					"-1." + f[1] + "." + f[2], f[0] + ".zzzzzzzzzzzzzzzzzzz." + f[2], strings.Repeat("9", 5000) + "." + f[1] + "." + f[2],
				} {
					want := "key:invalid_or_expired_key"
					if s, _ := bad.(string); strings.TrimSpace(s) == "" {
						want = "key:required"
					}
					c.Other().Post("/auth/email/verify", M{"key": bad}).Fails(want)
				}
				c.Other().Post("/auth/email/verify", M{"key": []string{key}}).Fails("key:invalid_or_expired_key")
				c.Other().Post("/auth/email/verify", M{"key": " " + key + " "}).NothingPending()
			})
			w.Run("nothing by a key of another kind", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.Post("/auth/password/request", M{"email": p.Email}).Is(200)
				c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, p.Email, "password_reset_key").Data["key"]}).Fails("key:invalid_or_expired_key")
			})
			w.Run("is never asked for again by resending", func(t *testing.T, w *World, c *Client) {
				signUp(t, w, c)
				c.Post("/auth/email/verify/resend", nil).Is(409)
				c.Other().Post("/auth/email/verify/resend", nil).Is(409)
				d := c.Other()
				d.LogIn(w.Make(Person{}))
				d.Post("/auth/email/verify/resend", nil).Is(409)
			})
		})
	})

	t.Run("tells what a key is for and consumes nothing", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			email, data := signUp(t, w, c)
			id := idOf(t, w, email)
			w.Events.Take()
			for range 3 { // as a mail scanner would
				r := lookUp(c.Other(), data["key"]).Is(200)
				equal(t, r.Meta, M{"is_authenticating": false})
				var d struct {
					Email string
					User  M
				}
				r.Into(&d)
				if d.Email != email || fmt.Sprint(d.User["id"]) != id || d.User["email"] != email {
					t.Errorf("got %s", r.Data)
				}
				if got := r.Header.Get("Referrer-Policy"); got != "no-referrer" {
					t.Errorf("got Referrer-Policy %q", got)
				}
			}
			equal(t, lookUp(c, data["key"]).Is(200).Meta, M{"is_authenticating": true})
			d := c.Other()
			d.LogIn(w.Make(Person{}))
			equal(t, lookUp(d, data["key"]).Is(200).Meta, M{"is_authenticating": false})
			w.Events.Take()
			equal(t, w.Emails(id), email+"!")
			// Only the header counts.
			c.Get("/auth/email/verify?key=" + data["key"]).Fails("key:required")
			c.Do("GET", "/auth/email/verify", M{"key": data["key"]}).Fails("key:required")
			lookUp(c, "nonsense").Fails("key:invalid_or_expired_key")
			lookUp(c, "\xff\xfe").Fails("key:invalid_or_expired_key")
			same(t, w.Events.Take())
			c.Post("/auth/email/verify", M{"key": data["key"]}).NothingPending()
		})
	})

	t.Run("logs in the client that waits, if the host wants so", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.LoginOnEmailVerification = true }, func(t *testing.T, w *World, c *Client) {
			w.Run("on the session that waits", func(t *testing.T, w *World, c *Client) {
				email, data := signUp(t, w, c)
				w.Events.Take()
				r := c.Post("/auth/email/verify", M{"key": data["key"]})
				if r.LoggedIn()["email"] != email {
					t.Errorf("got %s", r.Data)
				}
				equal(t, r.Methods(), []M{})
				same(t, w.Events.Take(), "email_confirmed", "user_logged_in")
			})
			w.Run("on no other session", func(t *testing.T, w *World, c *Client) {
				_, data := signUp(t, w, c)
				d := c.Other()
				d.Post("/auth/email/verify", M{"key": data["key"]}).NothingPending()
				d.Session().NothingPending()
				c.Session().Pending("verify_email")
			})
			w.Run("on no session that waits for somebody else", func(t *testing.T, w *World, c *Client) {
				_, data := signUp(t, w, c.Other())
				signUp(t, w, c)
				c.Post("/auth/email/verify", M{"key": data["key"]}).NothingPending()
			})
			w.Run("after a login too", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{Unverified: true})
				c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("verify_email")
				r := c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, p.Email, "email_confirmation").Data["key"]})
				r.LoggedIn()
				equal(t, r.Methods(), []M{{"method": "password", "email": p.Email}})
			})
			w.Run("not when the login has run out", func(t *testing.T, w *World, c *Client) {
				email, data := signUp(t, w, c)
				w.Clock.Advance(16 * time.Minute)
				c.Post("/auth/email/verify", M{"key": data["key"]}).NothingPending()
				equal(t, w.Emails(idOf(t, w, email)), email+"*!")
			})
		})
	})

	t.Run("lives as long as configured", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.EmailVerificationLifetime = time.Hour }, func(t *testing.T, w *World, c *Client) {
			_, data := signUp(t, w, c)
			w.Clock.Advance(time.Hour - time.Second)
			lookUp(c.Other(), data["key"]).Is(200)
			w.Clock.Advance(2 * time.Second)
			lookUp(c.Other(), data["key"]).Fails("key:invalid_or_expired_key")
		})
	})

	t.Run("keys outlive a change of the secret while the old one is accepted", func(t *testing.T) {
		// SEC-4.
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			_, data := signUp(t, w, c)
			next := []byte("another secret of at least 32 bytes")
			rotated := wiretest.New(t, w.Store, func(c *Config) { c.Secret, c.PreviousSecrets = next, [][]byte{wiretest.Secret} })
			lookUp(rotated.Client(c.Kind), data["key"]).Is(200)
			changed := wiretest.New(t, w.Store, func(c *Config) { c.Secret = next })
			lookUp(changed.Client(c.Kind), data["key"]).Fails("key:invalid_or_expired_key")
		})
	})
}

// spec: account.md §4, core.md §10, §11; requirements ONE-2, ONE-3.
func TestVerifyEmailByCode(t *testing.T) {
	t.Run("at signup", func(t *testing.T) {
		wiretest.Each(t, codeVerification, func(t *testing.T, w *World, c *Client) {
			w.Run("the right code logs in", func(t *testing.T, w *World, c *Client) {
				email, data := signUp(t, w, c)
				if len(data["code"]) != 9 || data["code"][4] != '-' || strings.Trim(data["code"], "BCDFGHJKLMNPQRSTVWXZ-") != "" {
					t.Errorf("got code %q, want two groups of four consonants", data["code"])
				}
				if data["key"] != "" || data["activate_url"] != "" {
					t.Error("the mail holds a link as well")
				}
				w.Events.Take()
				r := c.Post("/auth/email/verify", M{"key": data["code"]})
				if r.LoggedIn()["email"] != email {
					t.Errorf("got %s", r.Data)
				}
				equal(t, r.Methods(), []M{})
				same(t, w.Events.Take(), "email_confirmed", "user_logged_in")
				equal(t, w.Emails(idOf(t, w, email)), email+"*!")
				c.Post("/auth/email/verify", M{"key": data["code"]}).Is(409)
			})
			w.Run("case, blanks and punctuation of a code do not count", func(t *testing.T, w *World, c *Client) {
				_, data := signUp(t, w, c)
				code := strings.ToLower(strings.ReplaceAll(data["code"], "-", ""))
				c.Post("/auth/email/verify", M{"key": " " + code[:2] + " _" + code[2:5] + "\t." + code[5:] + "!"}).LoggedIn()
			})
			w.Run("three wrong codes end the login", func(t *testing.T, w *World, c *Client) {
				_, data := signUp(t, w, c)
				w.Events.Take()
				for range 3 {
					c.Post("/auth/email/verify", M{"key": wiretest.Wrong(data["code"])}).Fails("key:incorrect_code")
				}
				same(t, w.Events.Take(), "email_verification_code_rejected", "email_verification_code_rejected", "email_verification_code_rejected")
				c.Post("/auth/email/verify", M{"key": data["code"]}).Is(409)
				c.Session().NothingPending()
			})
			w.Run("a blank code counts as an attempt and never matches", func(t *testing.T, w *World, c *Client) {
				_, data := signUp(t, w, c)
				c.Post("/auth/email/verify", M{}).Fails("key:required")
				c.Post("/auth/email/verify", M{"key": "--- "}).Fails("key:incorrect_code")
				c.Post("/auth/email/verify", M{"key": []int{}}).Fails("key:incorrect_code")
				c.Post("/auth/email/verify", M{"key": data["code"]}).Is(409)
			})
			w.Run("looking up a wrong code counts as an attempt", func(t *testing.T, w *World, c *Client) {
				_, data := signUp(t, w, c)
				lookUp(c, wiretest.Wrong(data["code"])).Fails("key:incorrect_code")
				lookUp(c, "---").Fails("key:incorrect_code")
				c.Post("/auth/email/verify", M{"key": wiretest.Wrong(data["code"])}).Fails("key:incorrect_code")
				lookUp(c, data["code"]).Is(409)
				c.Session().NothingPending()
			})
			w.Run("attack: a link on another site spends no attempt", func(t *testing.T, w *World, c *Client) {
				// Requirement REQ-2: a GET that carries no key guesses nothing.
				_, data := signUp(t, w, c)
				for range 4 {
					c.Get("/auth/email/verify").Fails("key:required")
					c.Get("/auth/email/verify?key=" + wiretest.Wrong(data["code"])).Fails("key:required")
				}
				c.Post("/auth/email/verify", M{"key": data["code"]}).LoggedIn()
			})
			w.Run("looking up the right code verifies nothing and costs nothing", func(t *testing.T, w *World, c *Client) {
				email, data := signUp(t, w, c)
				for range 5 {
					r := lookUp(c, data["code"]).Is(200)
					equal(t, r.Meta, M{"is_authenticating": true})
					var d struct{ Email string }
					if r.Into(&d); d.Email != email {
						t.Errorf("got %s", r.Data)
					}
				}
				equal(t, w.Emails(idOf(t, w, email)), email+"!")
				c.Post("/auth/email/verify", M{"key": data["code"]}).LoggedIn()
			})
			w.Run("a code is worth nothing elsewhere", func(t *testing.T, w *World, c *Client) {
				_, data := signUp(t, w, c)
				c.Other().Post("/auth/email/verify", M{"key": data["code"]}).Is(409)
				lookUp(c.Other(), data["code"]).Is(409)
				d := c.Other()
				_, other := signUp(t, w, d)
				d.Post("/auth/email/verify", M{"key": data["code"]}).Fails("key:incorrect_code")
				c.Post("/auth/email/verify", M{"key": other["code"]}).Fails("key:incorrect_code")
				e := c.Other()
				e.LogIn(w.Make(Person{}))
				e.Post("/auth/email/verify", M{"key": data["code"]}).Is(409)
				c.Post("/auth/email/verify", M{"key": data["code"]}).LoggedIn()
			})
			w.Run("after a quarter of an hour the code is over, and its login with it", func(t *testing.T, w *World, c *Client) {
				_, data := signUp(t, w, c)
				w.Clock.Advance(15*time.Minute + time.Second)
				c.Post("/auth/email/verify", M{"key": data["code"]}).Is(409)
				c.Session().NothingPending()
			})
			w.Run("another code takes the place of the first", func(t *testing.T, w *World, c *Client) {
				email, data := signUp(t, w, c)
				for range 2 {
					if r := c.Post("/auth/email/verify/resend", nil).Is(200); string(r.Raw) != "{\"status\":200}\n" {
						t.Errorf("got %s", r.Raw)
					}
					old := data
					if data = w.Inbox.Mail(t, email, "email_confirmation_signup").Data; data["code"] == old["code"] {
						t.Error("the code is the same")
					}
				}
				c.Post("/auth/email/verify/resend", nil).Is(409)
				w.Inbox.NoMail(t, email)
				c.Post("/auth/email/verify", M{"key": data["code"]}).LoggedIn()
			})
			w.Run("a code that was replaced is void, and attempts are not given back", func(t *testing.T, w *World, c *Client) {
				email, data := signUp(t, w, c)
				c.Post("/auth/email/verify", M{"key": wiretest.Wrong(data["code"])}).Fails("key:incorrect_code")
				c.Post("/auth/email/verify/resend", nil).Is(200)
				second := w.Inbox.Mail(t, email, "email_confirmation_signup").Data
				c.Post("/auth/email/verify", M{"key": data["code"]}).Fails("key:incorrect_code")
				c.Post("/auth/email/verify", M{"key": wiretest.Wrong(second["code"])}).Fails("key:incorrect_code")
				c.Post("/auth/email/verify", M{"key": second["code"]}).Is(409)
			})
			w.Run("another code lives no longer than the first", func(t *testing.T, w *World, c *Client) {
				email, _ := signUp(t, w, c)
				w.Clock.Advance(14 * time.Minute)
				c.Post("/auth/email/verify/resend", nil).Is(200)
				data := w.Inbox.Mail(t, email, "email_confirmation_signup").Data
				w.Clock.Advance(61 * time.Second)
				c.Post("/auth/email/verify", M{"key": data["code"]}).Is(409)
			})
			w.Run("a taken address behaves like any other, and no code is right", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				w.Events.Take()
				c.Post("/auth/signup", M{"email": p.Email, "password": "another-Plum-7"}).Pending("verify_email")
				w.Inbox.Mail(t, p.Email, "account_already_exists")
				c.Post("/auth/email/verify/resend", nil).Is(200)
				w.Inbox.NoMail(t, p.Email)
				lookUp(c, "BCDF-GHJK").Fails("key:incorrect_code")
				c.Post("/auth/email/verify", M{}).Fails("key:required")
				c.Post("/auth/email/verify", M{"key": ""}).Fails("key:required")
				c.Session().NothingPending()
				same(t, w.Events.Take())
			})
			w.Run("an address that somebody else verifies meanwhile is taken, and that counts", func(t *testing.T, w *World, c *Client) {
				email, data := signUp(t, w, c)
				owner := w.Make(Person{Email: "-"})
				w.AddEmail(owner, email, true)
				for range 3 {
					c.Post("/auth/email/verify", M{"key": data["code"]}).Fails("key:email_taken")
				}
				c.Post("/auth/email/verify", M{"key": data["code"]}).Is(409)
			})
			w.Run("without a process there is nothing to do", func(t *testing.T, w *World, c *Client) {
				c.Get("/auth/email/verify").Is(409)
				c.Post("/auth/email/verify", M{"key": "x"}).Is(409)
				c.Post("/auth/email/verify", "{").Is(409) // preconditions come before the body
				c.Post("/auth/email/verify/resend", nil).Is(409)
				c.LogIn(w.Make(Person{}))
				c.Get("/auth/email/verify").Is(409)
				c.Post("/auth/email/verify", M{"key": "x"}).Is(409)
				c.Post("/auth/email/verify/resend", nil).Is(409)
			})
			w.Run("logging in again begins again", func(t *testing.T, w *World, c *Client) {
				email, first := signUp(t, w, c)
				c.Post("/auth/login", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
				second := w.Inbox.Mail(t, email, "email_confirmation_signup").Data // never logged in yet
				c.Post("/auth/email/verify", M{"key": first["code"]}).Fails("key:incorrect_code")
				c.Post("/auth/email/verify", M{"key": second["code"]}).LoggedIn()
			})
			w.Run("no code is kept in clear", func(t *testing.T, w *World, c *Client) {
				// SEC-1.
				p := w.Make(Person{})
				c.LogIn(p)
				added := wiretest.FreshEmail()
				c.Post("/account/email", M{"email": added}).Is(200)
				code := w.Inbox.Mail(t, added, "email_confirmation").Data["code"]
				l, err := w.Store.SessionsOf(t.Context(), p.ID)
				if err != nil || len(l) != 1 {
					t.Fatal(l, err)
				}
				for _, s := range []string{code, strings.ReplaceAll(code, "-", ""), strings.ToLower(strings.ReplaceAll(code, "-", ""))} {
					if strings.Contains(string(l[0].State), s) {
						t.Errorf("the session holds %q", s)
					}
				}
			})
		})
	})

	t.Run("of another address while signing up", func(t *testing.T) {
		wiretest.Each(t, codeVerification, testChangeAtStage)
	})

	t.Run("can be resent and changed only as often as configured", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.EmailVerificationByCode = true }, func(t *testing.T, w *World, c *Client) {
			_, data := signUp(t, w, c)
			c.Post("/auth/email/verify/resend", nil).Is(409)
			c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(409)
			c.Post("/account/email", "{").Is(409)
			c.Post("/auth/email/verify", M{"key": data["code"]}).LoggedIn()
		})
	})

	t.Run("as configured", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.EmailVerificationByCode = true
			c.Account.EmailVerificationCode = account.CodeConfig{
				Lifetime: time.Minute, MaxAttempts: 2, Format: account.CodeFormat{Numeric: true, Length: 6, Undashed: true},
			}
		}, func(t *testing.T, w *World, c *Client) {
			_, data := signUp(t, w, c)
			if len(data["code"]) != 6 || strings.Trim(data["code"], "0123456789") != "" {
				t.Errorf("got code %q, want six digits", data["code"])
			}
			c.Post("/auth/email/verify", M{"key": wiretest.Wrong(data["code"])}).Fails("key:incorrect_code")
			c.Post("/auth/email/verify", M{"key": wiretest.Wrong(data["code"])}).Fails("key:incorrect_code")
			c.Post("/auth/email/verify", M{"key": data["code"]}).Is(409)
			d := c.Other()
			_, data = signUp(t, w, d)
			w.Clock.Advance(61 * time.Second)
			d.Post("/auth/email/verify", M{"key": data["code"]}).Is(409)
			e := c.Other()
			_, data = signUp(t, w, e)
			e.Post("/auth/email/verify", M{"key": data["code"][:3] + " " + data["code"][3:]}).LoggedIn()
		})
	})

	t.Run("that is optional runs on after signup", func(t *testing.T) {
		// spec: account.md §11: code verification with optional stays possible.
		wiretest.Each(t, func(c *Config) { codeVerification(c); c.Account.EmailVerification = account.Optional }, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).LoggedIn()
			code := w.Inbox.Mail(t, email, "email_confirmation_signup").Data["code"]
			// Listed once. account.md §7 Port note
			equal(t, c.Get("/account/email").Is(200).Data, []M{{"email": email, "primary": true, "verified": false}})
			equal(t, lookUp(c, code).Is(200).Meta, M{"is_authenticating": false})
			w.Events.Take()
			c.Post("/auth/email/verify", M{"key": code}).LoggedIn()
			same(t, w.Events.Take(), "email_confirmed")
			equal(t, c.Get("/account/email").Is(200).Data, []M{{"email": email, "primary": true, "verified": true}})
		})
	})
}

// spec: account.md §7.2.
func testChangeAtStage(t *testing.T, w *World, c *Client) {
	w.Run("the new address takes the place of the old one", func(t *testing.T, w *World, c *Client) {
		email, data := signUp(t, w, c)
		id := idOf(t, w, email)
		next := wiretest.FreshEmail()
		r := c.Post("/account/email", M{"email": " " + strings.ToUpper(next)}).Is(200)
		equal(t, r.Data, []M{{"email": next, "primary": false, "verified": false}})
		second := w.Inbox.Mail(t, next, "email_confirmation_signup").Data
		w.Inbox.NoMail(t, email)
		equal(t, w.Emails(id), next+"!")
		c.Post("/auth/email/verify", M{"key": data["code"]}).Fails("key:incorrect_code")
		if u := c.Post("/auth/email/verify", M{"key": second["code"]}).LoggedIn(); u["email"] != next {
			t.Errorf("got %v", u)
		}
		equal(t, w.Emails(id), next+"*!")
		c.Other().Post("/auth/login", M{"email": email, "password": wiretest.Password}).Fails("password:email_password_mismatch")
		c.Other().LogIn(&Person{Email: next})
	})
	w.Run("twice at most, and back again", func(t *testing.T, w *World, c *Client) {
		email, _ := signUp(t, w, c)
		next := wiretest.FreshEmail()
		c.Post("/account/email", M{"email": next}).Is(200)
		c.Post("/account/email", M{"email": email}).Is(200)
		w.Inbox.Mail(t, email, "email_confirmation_signup")
		c.Post("/account/email", M{"email": next}).Is(409)
	})
	w.Run("errors", func(t *testing.T, w *World, c *Client) {
		email, _ := signUp(t, w, c)
		c.Post("/account/email", M{}).Fails("email:required")
		c.Post("/account/email", M{"email": "x"}).Fails("email:invalid")
		c.Post("/account/email", M{"email": strings.ToUpper(email)}).Fails("email:same_as_current")
		c.Session().Pending("verify_email")
	})
	w.Run("attempts are not given back", func(t *testing.T, w *World, c *Client) {
		_, data := signUp(t, w, c)
		for range 2 {
			c.Post("/auth/email/verify", M{"key": wiretest.Wrong(data["code"])}).Fails("key:incorrect_code")
		}
		next := wiretest.FreshEmail()
		c.Post("/account/email", M{"email": next}).Is(200)
		code := w.Inbox.Mail(t, next, "email_confirmation_signup").Data["code"]
		c.Post("/auth/email/verify", M{"key": wiretest.Wrong(code)}).Fails("key:incorrect_code")
		c.Post("/auth/email/verify", M{"key": code}).Is(409)
	})
	w.Run("a taken address looks like any other and can't be verified", func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{})
		email, data := signUp(t, w, c)
		id := idOf(t, w, email)
		r := c.Post("/account/email", M{"email": p.Email}).Is(200)
		equal(t, r.Data, []M{{"email": p.Email, "primary": false, "verified": false}})
		w.Inbox.Mail(t, p.Email, "account_already_exists")
		equal(t, w.Emails(id), email+"!")
		c.Post("/auth/email/verify", M{"key": data["code"]}).Fails("key:incorrect_code")
		c.Session().Pending("verify_email")
	})
	w.Run("only for an account that was never used", func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{Unverified: true})
		c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("verify_email")
		w.Inbox.Mail(t, p.Email, "email_confirmation")
		c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(409)
	})
	w.Run("for a pretended signup, which has an account then", func(t *testing.T, w *World, c *Client) {
		// The reference answers 409, and so tells that the first address is taken.
		p := w.Make(Person{})
		w.Events.Take()
		c.Post("/auth/signup", M{"email": p.Email, "password": newPassword}).Pending("verify_email")
		w.Inbox.Mail(t, p.Email, "account_already_exists")
		same(t, w.Events.Take())
		next := wiretest.FreshEmail()
		equal(t, c.Post("/account/email", M{"email": next}).Is(200).Data, []M{{"email": next, "primary": false, "verified": false}})
		code := w.Inbox.Mail(t, next, "email_confirmation_signup").Data["code"]
		same(t, w.Events.Take(), "user_signed_up", "email_confirmation_sent")
		id := idOf(t, w, next)
		equal(t, w.Emails(id), next+"!")
		// From here on it is like any other.
		other := wiretest.FreshEmail()
		c.Post("/account/email", M{"email": other}).Is(200)
		c.Post("/auth/email/verify", M{"key": code}).Fails("key:incorrect_code")
		c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, other, "email_confirmation_signup").Data["code"]}).LoggedIn()
		equal(t, w.Emails(id), other+"*!")
		logsIn(t, c, other, newPassword)
		c.Other().LogIn(p)
	})
	w.Run("of a pretended signup to another taken one leads nowhere either", func(t *testing.T, w *World, c *Client) {
		p, q := w.Make(Person{}), w.Make(Person{})
		c.Post("/auth/signup", M{"email": p.Email, "password": newPassword}).Pending("verify_email")
		equal(t, c.Post("/account/email", M{"email": q.Email}).Is(200).Data, []M{{"email": q.Email, "primary": false, "verified": false}})
		w.Inbox.Mail(t, q.Email, "account_already_exists")
		c.Post("/account/email", M{"email": q.Email}).Fails("email:same_as_current")
		c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(200)
		c.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(409)
	})
	w.Run("nothing else without logging in", func(t *testing.T, w *World, c *Client) {
		email, _ := signUp(t, w, c)
		c.Get("/account/email").Pending("verify_email")
		c.Put("/account/email", M{"email": email}).Pending("verify_email")
		c.Patch("/account/email", M{"email": email, "primary": true}).Pending("verify_email")
		c.Delete("/account/email", M{"email": email}).Pending("verify_email")
	})
}
