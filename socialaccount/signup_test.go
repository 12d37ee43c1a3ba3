package socialaccount_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/store"
)

func TestPendingSignup(t *testing.T) {
	everywhere(t, func(c *Config) {
		c.Social.AskAtSignup = true
		c.Account.SignupFields = []string{"username", "email*", "password1*"}
		c.Account.LoginMethods = []string{"email", "username"}
	}, func(t *testing.T, w *World, c *Client) {
		w.Run("nothing is pending", func(t *testing.T, w *World, c *Client) {
			c.Get("/auth/provider/signup").Is(409)
			c.Post("/auth/provider/signup", M{"email": wiretest.FreshEmail()}).Is(409)
			c.Post("/auth/provider/signup", M{}).Is(409) // which is judged before the body
		})
		w.Run("shows what the provider tells, and takes the rest", func(t *testing.T, w *World, c *Client) {
			uid, email := uids[c.Kind]+"1", wiretest.FreshEmail()
			r := say(t, c, "login", dummy{"id": uid, "email": email, "email_verified": true, "username": "Pending" + uid, "first_name": "Grace", "last_name": "Hopper"})
			r.Pending("provider_signup")
			var d struct {
				Flows []struct {
					ID       string
					Provider M
				}
			}
			r.Into(&d)
			for _, f := range d.Flows {
				if f.ID == "provider_signup" && f.Provider["name"] != "Dummy" {
					t.Errorf("got flow %v", f)
				}
			}
			var pending M
			c.Get("/auth/provider/signup").Is(200).Into(&pending)
			want := M{
				"user":    M{"display": "Pending" + uid, "username": "Pending" + uid, "has_usable_password": false},
				"account": M{"uid": uid, "display": "Pending" + uid, "provider": M{"id": "dummy", "name": "Dummy", "flows": []any{"provider_redirect", "provider_token"}}},
				"email":   []any{M{"email": email, "verified": true, "primary": true}},
			}
			if diff := cmp.Diff(want, pending); diff != "" {
				t.Error(diff)
			}
			c.Post("/auth/provider/signup", M{}).Fails("email:required")
			c.Post("/auth/provider/signup", M{"email": "nope"}).Fails("email:invalid")
			typed := wiretest.FreshEmail()
			r = c.Post("/auth/provider/signup", M{"email": typed, "username": "Chosen" + uid})
			u := r.LoggedIn()
			if u["username"] != "Chosen"+uid || u["email"] != email {
				t.Errorf("got user %v", u)
			}
			if got := w.Emails(userID(r)); got != typed+" "+email+"*!" {
				t.Errorf("got addresses %q", got)
			}
			if got := w.User(userID(r)); got.FirstName != "Grace" || got.LastName != "Hopper" {
				t.Errorf("got %q %q", got.FirstName, got.LastName)
			}
			if diff := cmp.Diff([]M{{"method": "socialaccount", "provider": "dummy", "uid": uid}}, r.Methods()); diff != "" {
				t.Error(diff)
			}
			w.Inbox.NoMail(t, typed)
			c.Get("/auth/provider/signup").Is(409)
		})
		w.Run("an address that is only typed is verified first", func(t *testing.T, w *World, c *Client) {
			say(t, c, "login", dummy{"id": uids[c.Kind] + "2"}).Pending("provider_signup")
			email := wiretest.FreshEmail()
			c.Post("/auth/provider/signup", M{"email": email}).Pending("verify_email")
			w.Inbox.Mail(t, email, "email_confirmation_signup")
		})
		w.Run("an address of somebody's looks like any other, and they are told", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			say(t, c, "login", dummy{"id": uids[c.Kind] + "3"}).Pending("provider_signup")
			c.Post("/auth/provider/signup", M{"email": p.Email}).Pending("verify_email")
			w.Inbox.Mail(t, p.Email, "account_already_exists")
			say(t, c, "login", dummy{"id": uids[c.Kind] + "3"}).Pending("provider_signup") // nobody was made
		})
		w.Run("whoever needs no proof learns nothing by an address of somebody's", func(t *testing.T, w *World, c *Client) {
			p, own := w.Make(Person{}), wiretest.FreshEmail()
			say(t, c, "login", dummy{"id": uids[c.Kind] + "9", "email": own, "email_verified": true}).Pending("provider_signup")
			r := c.Post("/auth/provider/signup", M{"email": p.Email})
			r.LoggedIn()
			if got := w.Emails(userID(r)); got != p.Email+" "+own+"*!" {
				t.Errorf("got addresses %q", got)
			}
			w.Inbox.NoMail(t, p.Email)
		})
		w.Run("a taken or bad username is refused", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName()})
			say(t, c, "login", dummy{"id": uids[c.Kind] + "4"}).Pending("provider_signup")
			c.Post("/auth/provider/signup", M{"email": wiretest.FreshEmail(), "username": p.Username}).Fails("username:username_taken")
			c.Post("/auth/provider/signup", M{"email": wiretest.FreshEmail(), "username": "a b"}).Fails("username:invalid")
		})
		w.Run("ends with the next login, with logging out, and after a quarter of an hour", func(t *testing.T, w *World, c *Client) {
			say(t, c, "login", dummy{"id": uids[c.Kind] + "5"}).Pending("provider_signup")
			say(t, c, "login", dummy{"id": uids[c.Kind] + "6", "username": "next"}).Pending("provider_signup")
			var pending struct{ Account struct{ UID string } }
			c.Get("/auth/provider/signup").Is(200).Into(&pending)
			if pending.Account.UID != uids[c.Kind]+"6" {
				t.Errorf("got %v", pending)
			}
			c.Delete("/auth/session", nil)
			c.Token = "" // it is dead
			c.Get("/auth/provider/signup").Is(409)

			d := c.Other()
			say(t, d, "login", dummy{"id": uids[c.Kind] + "7"}).Pending("provider_signup")
			w.Clock.Advance(15*time.Minute - time.Second)
			d.Get("/auth/provider/signup").Is(200)
			w.Clock.Advance(time.Second)
			d.Get("/auth/provider/signup").Is(409)
			d.Session().NothingPending()
		})
		w.Run("logs out whoever was logged in", func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			say(t, c, "login", dummy{"id": uids[c.Kind] + "8"}).Pending("provider_signup")
		})
	})
}

// A browser may have been given its session by somebody else, who would then
// have the account in its place.
func TestPlantedSession(t *testing.T) {
	each(t, func(c *Config) { c.Social.AskAtSignup = true }, func(t *testing.T, w *World, c *Client) {
		if c.Kind == "app" {
			return // nobody can plant anything there
		}
		attacker := c.Other()
		begin(t, attacker, "dummy", "login")
		c.SetCookie("sessionid", attacker.Cookie("sessionid"))
		say(t, c, "login", dummy{"id": "77"}).Pending("provider_signup")
		attacker.Post("/auth/provider/signup", M{"email": wiretest.FreshEmail()}).Is(409)
		c.Get("/auth/provider/signup").Is(200)
	})
}

// Of any number of requests that complete one signup, one makes an account.
func TestSignupOnce(t *testing.T) {
	wiretest.EachStore(t, with(func(c *Config) {
		c.Social.AskAtSignup, c.Account.EmailVerification = true, account.None
	}), func(t *testing.T, w *World) {
		c := w.Client("app")
		say(t, c, "login", dummy{"id": "1"}).Pending("provider_signup")
		const n = 4
		results := make(chan int, n)
		for range n {
			d := c.Clone()
			go func() { results <- d.Post("/auth/provider/signup", M{"email": wiretest.FreshEmail()}).Status }()
		}
		won := 0
		for range n {
			switch status := <-results; {
			case status == 200:
				won++
			case status >= 500:
				t.Errorf("got %d", status)
			}
		}
		if won != 1 {
			t.Errorf("%d accounts were made", won)
		}
	})
}

func TestAutoSignup(t *testing.T) {
	t.Run("a taken address", func(t *testing.T) {
		for name, x := range map[string]struct {
			change func(c *Config)
			end    string // what becomes of a stranger with somebody's address
		}{
			"pretends":     {func(*Config) {}, "verify_email"},
			"asks":         {func(c *Config) { c.Account.EmailVerification = account.None }, "provider_signup"},
			"asks plainly": {func(c *Config) { c.Account.PreventEnumeration = account.Reveal }, "provider_signup"},
			"strict is a second": {func(c *Config) {
				c.Account.PreventEnumeration, c.Account.EmailVerification = account.PreventStrict, account.None
			}, ""},
		} {
			t.Run(name, func(t *testing.T) {
				each(t, x.change, func(t *testing.T, w *World, c *Client) {
					p := w.Make(Person{})
					r := say(t, c, "login", dummy{"id": uids[c.Kind], "email": p.Email, "email_verified": true})
					if x.end == "" {
						r.LoggedIn()
						if got := w.Emails(userID(r)); got != "" {
							t.Errorf("got addresses %q", got)
						}
						return
					}
					r.Pending(x.end)
					if x.end == "verify_email" {
						w.Inbox.Mail(t, p.Email, "account_already_exists")
					} else {
						c.Post("/auth/provider/signup", M{"email": p.Email}).Fails("email:email_taken")
					}
					if got := accounts(t, w, p.ID); got != "" {
						t.Errorf("got accounts %q", got)
					}
				})
			})
		}
	})
	t.Run("no address where one is needed", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			say(t, c, "login", dummy{"id": uids[c.Kind]}).Pending("provider_signup")
		})
	})
	t.Run("no address where none is needed", func(t *testing.T) {
		each(t, func(c *Config) { c.Social.EmailRequired, c.Social.EmailVerification = new(false), account.None }, func(t *testing.T, w *World, c *Client) {
			u := say(t, c, "login", dummy{"id": uids[c.Kind], "first_name": "Jürgen" + c.Kind}).LoggedIn()
			if u["username"] != "jurgen"+c.Kind {
				t.Errorf("got user %v", u)
			}
		})
	})
	t.Run("a taken or bad username is no obstacle", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName()})
			for i, name := range []string{p.Username, "a b", "\u0000"} {
				email := wiretest.FreshEmail()
				u := say(t, c.Other(), "login", dummy{"id": uids[c.Kind] + textOf(i), "email": email, "email_verified": true, "username": name}).LoggedIn()
				if got := u["username"].(string) + "@example.org"; got != email {
					t.Errorf("got user %v", u)
				}
			}
		})
	})
	t.Run("a phone number", func(t *testing.T) {
		each(t, func(c *Config) {
			c.Account.SignupFields = []string{"email*", "phone*", "password1*"}
		}, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail
			say(t, c.Other(), "login", dummy{"id": uids[c.Kind] + "1", "email": email(), "email_verified": true}).Pending("provider_signup")
			say(t, c.Other(), "login", dummy{"id": uids[c.Kind] + "2", "email": email(), "email_verified": true, "phone": "nope"}).Pending("provider_signup")
			taken := w.Make(Person{Phone: wiretest.FreshPhone()})
			say(t, c.Other(), "login", dummy{"id": uids[c.Kind] + "3", "email": email(), "email_verified": true, "phone": taken.Phone}).Pending("provider_signup")
			number := wiretest.FreshPhone()
			r := say(t, c.Other(), "login", dummy{"id": uids[c.Kind] + "4", "email": email(), "email_verified": true, "phone": number, "phone_verified": true})
			r.LoggedIn()
			if phone, err := w.Store.PhoneOf(t.Context(), userID(r)); err != nil || phone.Number != number || !phone.Verified {
				t.Errorf("got %v, %v", phone, err)
			}

			typed := wiretest.FreshPhone()
			d := c.Other()
			say(t, d, "login", dummy{"id": uids[c.Kind] + "5", "phone": wiretest.FreshPhone()}).Pending("provider_signup")
			d.Post("/auth/provider/signup", M{"email": email(), "phone": typed}).Pending("verify_phone")
			w.Inbox.Text(t, typed, "verification")
			d = c.Other()
			vouched := wiretest.FreshPhone()
			say(t, d, "login", dummy{"id": uids[c.Kind] + "6", "phone": vouched, "phone_verified": true}).Pending("provider_signup")
			d.Post("/auth/provider/signup", M{"email": email(), "phone": typed}).Pending("verify_email")
		})
	})
}

// What the host asks for at signup, it asks of strangers from providers as well.
func TestRequiredFields(t *testing.T) {
	each(t, func(c *Config) {
		c.Account.EmailVerification = account.None
		c.Account.Fields = []account.Field{{Name: "plan", Required: true, Choices: []string{"free", "paid"}}, {Name: "note"}}
		c.Social.Hooks.Populate = func(_ ctx, u *store.User, _ socialaccount.Info, id *socialaccount.Identity) error {
			if id.Username == "populated" {
				u.Fields = []byte(`{"plan": "free"}`)
			}
			return nil
		}
	}, func(t *testing.T, w *World, c *Client) {
		uid := map[string]string{"browser": "91", "app": "92"}[c.Kind]
		say(t, c, "login", dummy{"id": uid, "email": wiretest.FreshEmail(), "email_verified": true}).Pending("provider_signup")
		email := wiretest.FreshEmail()
		c.Post("/auth/provider/signup", M{"email": email}).Fails("plan:required")
		r := c.Post("/auth/provider/signup", M{"email": email, "plan": "paid"})
		r.LoggedIn()
		if got := string(w.User(userID(r)).Fields); !strings.Contains(got, "paid") {
			t.Errorf("got %s", got)
		}
		c = c.Other()
		r = say(t, c, "login", dummy{"id": uid + "0", "email": wiretest.FreshEmail(), "email_verified": true, "username": "populated"})
		r.LoggedIn()
		if got := string(w.User(userID(r)).Fields); !strings.Contains(got, "free") {
			t.Errorf("got %s", got)
		}
	})
}

func TestSignupClosed(t *testing.T) {
	each(t, func(c *Config) { c.Account.SignupClosed = true }, func(t *testing.T, w *World, c *Client) {
		fails(t, say(t, c, "login", dummy{"id": uids[c.Kind], "email": wiretest.FreshEmail(), "email_verified": true}), "403", "signup_closed")
		linked(t, w, w.Make(Person{}), uids[c.Kind]+"1")
		say(t, c, "login", dummy{"id": uids[c.Kind] + "1"}).LoggedIn()
	})
}

func TestProvidersOnly(t *testing.T) {
	each(t, func(c *Config) {
		c.Social.Only = true
		c.Account.EmailVerification = account.None
		c.Frontend.ResetPassword, c.Frontend.VerifyEmail = "", ""
	}, func(t *testing.T, w *World, c *Client) {
		for _, path := range []string{"/auth/login", "/auth/signup", "/auth/password/request", "/account/email", "/account/password/change"} {
			c.Raw("GET", path, nil).Is(404)
		}
		for _, flow := range c.Session().Flows() {
			if flow == "login" || flow == "signup" {
				t.Errorf("got flow %s", flow)
			}
		}
		say(t, c, "login", dummy{"id": uids[c.Kind], "email": wiretest.FreshEmail()}).LoggedIn()
		c.Delete("/account/providers", M{"provider": "dummy", "account": uids[c.Kind]}).Fails(":disconnect_last")
	})
}
