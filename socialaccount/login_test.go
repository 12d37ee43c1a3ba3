package socialaccount_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/store"
)

func TestLogin(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *World, c *Client) {
		w.Run("a stranger with a verified address", func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			w.Events.Take()
			uid := uids[c.Kind] + "01"
			r := say(t, c, "login", dummy{"id": uid, "email": email, "email_verified": true, "username": "Ada" + uid, "first_name": "Ada", "last_name": "Lovelace"})
			u := r.LoggedIn()
			if u["email"] != email || u["username"] != "Ada"+uid || u["has_usable_password"] != false {
				t.Errorf("got user %v", u)
			}
			if diff := cmp.Diff([]M{{"method": "socialaccount", "provider": "dummy", "uid": uid}}, r.Methods()); diff != "" {
				t.Error(diff)
			}
			id := userID(r)
			if got := accounts(t, w, id); got != "dummy:"+uid {
				t.Errorf("got accounts %q", got)
			}
			if got := w.Emails(id); got != email+"*!" {
				t.Errorf("got addresses %q", got)
			}
			if got := w.User(id); got.FirstName != "Ada" || got.LastName != "Lovelace" {
				t.Errorf("got name %q %q", got.FirstName, got.LastName)
			}
			w.Inbox.NoMail(t, email)
			happened(t, w, "user_signed_up", "user_logged_in", "authentication_step_completed", "pre_social_login")
			t.Run("logs in again", func(t *testing.T) {
				again := c.Other()
				r := say(t, again, "login", dummy{"id": uid})
				if r.LoggedIn(); userID(r) != id {
					t.Errorf("got user %s, want %s", userID(r), id)
				}
				happened(t, w, "social_account_updated", "user_logged_in")
			})
			t.Run("is shown by what the provider tells now", func(t *testing.T) {
				var l []M
				c.Get("/account/providers").Is(200).Into(&l)
				want := []M{{"uid": uid, "display": "Dummy", "provider": M{"id": "dummy", "name": "Dummy", "flows": []any{"provider_redirect", "provider_token"}}}}
				if diff := cmp.Diff(want, l); diff != "" {
					t.Error(diff)
				}
			})
		})
		w.Run("an unverified address is verified first", func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			uid := uids[c.Kind] + "02"
			say(t, c, "login", dummy{"id": uid, "email": email}).Pending("verify_email")
			key := w.Inbox.Mail(t, email, "email_confirmation_signup").Data["key"]
			c.Post("/auth/email/verify", M{"key": key})
			say(t, c.Other(), "login", dummy{"id": uid}).LoggedIn()
		})
		w.Run("whoever is disabled stays out", func(t *testing.T, w *World, c *Client) {
			uid := uids[c.Kind] + "03"
			linked(t, w, w.Make(Person{Disabled: true}), uid)
			fails(t, say(t, c, "login", dummy{"id": uid}), "401", "unknown")
			c.Session().NothingPending()
		})
		w.Run("another user is logged out, and nothing of theirs stays", func(t *testing.T, w *World, c *Client) {
			first, second := w.Make(Person{}), w.Make(Person{})
			uid := uids[c.Kind] + "04"
			linked(t, w, second, uid)
			c.LogIn(first)
			before := c.Credential()
			r := say(t, c, "login", dummy{"id": uid})
			if r.LoggedIn(); userID(r) != second.ID {
				t.Errorf("got user %s, want %s", userID(r), second.ID)
			}
			if diff := cmp.Diff([]M{{"method": "socialaccount", "provider": "dummy", "uid": uid}}, r.Methods()); diff != "" {
				t.Error(diff)
			}
			c.Dead(before)
			happened(t, w, "user_logged_out")
		})
		w.Run("the same user's session goes on, worth no more than before", func(t *testing.T, w *World, c *Client) {
			uid := uids[c.Kind] + "05"
			p := linked(t, w, w.Make(Person{}), uid)
			methods := c.LogIn(p).Methods()
			before := c.Credential()
			r := say(t, c, "login", dummy{"id": uid})
			r.LoggedIn()
			if diff := cmp.Diff(methods, r.Methods()); diff != "" {
				t.Error(diff)
			}
			if c.Credential() != before {
				t.Error("the session was renewed")
			}
		})
		w.Run("a failed login leaves whoever is logged in alone", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			uid := uids[c.Kind] + "06"
			linked(t, w, w.Make(Person{Disabled: true}), uid)
			c.LogIn(p)
			say(t, c, "login", dummy{"id": uid})
			if r := c.Session(); r.LoggedIn() == nil || userID(r) != p.ID {
				t.Error("the session has changed")
			}
		})
	})
}

// uids keep the accounts of both kinds of clients apart.
var uids = map[string]string{"browser": "1", "app": "2"}

func TestSecondFactorAfterProvider(t *testing.T) {
	each(t, func(c *Config) {
		c.Account.LoginByCode, c.Account.LoginCodeRequired = true, []string{"socialaccount"}
	}, func(t *testing.T, w *World, c *Client) {
		p := linked(t, w, w.Make(Person{}), uids[c.Kind])
		say(t, c, "login", dummy{"id": uids[c.Kind]}).Pending("login_by_code")
		c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
	})
}

func TestVerificationOverride(t *testing.T) {
	for verification, pending := range map[account.EmailVerification]bool{account.None: false, account.Optional: false, account.Mandatory: true} {
		t.Run(string(verification), func(t *testing.T) {
			each(t, func(c *Config) { c.Social.EmailVerification = verification }, func(t *testing.T, w *World, c *Client) {
				email := wiretest.FreshEmail()
				r := say(t, c, "login", dummy{"id": uids[c.Kind], "email": email})
				if pending {
					r.Pending("verify_email")
				} else {
					r.LoggedIn()
				}
				if mails := len(w.Inbox.Mails(email)); (mails == 1) != (verification != account.None) {
					t.Errorf("got %d mails", mails)
				}
			})
		})
	}
}

func TestConnect(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *World, c *Client) {
		w.Run("links an account and tells its user, of whom nothing else changes", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Phone: wiretest.FreshPhone()})
			methods := c.LogIn(p).Methods()
			w.Events.Take()
			uid := uids[c.Kind] + "1"
			r := say(t, c, "connect", dummy{"id": uid, "email": wiretest.FreshEmail(), "email_verified": true, "phone": wiretest.FreshPhone(), "phone_verified": true})
			r.LoggedIn()
			if diff := cmp.Diff(methods, r.Methods()); diff != "" {
				t.Error(diff)
			}
			if got := accounts(t, w, p.ID); got != "dummy:"+uid {
				t.Errorf("got accounts %q", got)
			}
			if got := w.Emails(p.ID); got != p.Email+"*!" {
				t.Errorf("got addresses %q", got)
			}
			if phone, err := w.Store.PhoneOf(t.Context(), p.ID); err != nil || phone.Number != p.Phone {
				t.Errorf("got number %v, %v", phone, err)
			}
			if m := w.Inbox.Mail(t, p.Email, "account_connected"); m.Data["provider"] != "Dummy" {
				t.Errorf("got mail %v", m.Data)
			}
			happened(t, w, "social_account_added")
			say(t, c, "connect", dummy{"id": uid}).LoggedIn()
			happened(t, w, "social_account_updated")
			w.Inbox.NoMail(t, p.Email)
		})
		w.Run("needs somebody who is logged in", func(t *testing.T, w *World, c *Client) {
			fails(t, say(t, c, "connect", dummy{"id": uids[c.Kind] + "2"}), "401", "permission_denied")
		})
		w.Run("takes nobody's account away, and touches it not", func(t *testing.T, w *World, c *Client) {
			uid := uids[c.Kind] + "3"
			owner := linked(t, w, w.Make(Person{}), uid)
			p := w.Make(Person{})
			c.LogIn(p)
			w.Events.Take()
			fails(t, say(t, c, "connect", dummy{"id": uid, "username": "changed"}), ":connected_other", "connected_other")
			rows, err := w.Store.SocialAccountsOf(t.Context(), owner.ID)
			if err != nil || len(rows) != 1 || len(rows[0].Data) != 0 || accounts(t, w, p.ID) != "" {
				t.Errorf("got %v, %v", rows, err)
			}
			if got := w.Events.Take(); len(got) != 0 {
				t.Errorf("got events %v", got)
			}
		})
		w.Run("ignores that an address is another user's", func(t *testing.T, w *World, c *Client) {
			other, p := w.Make(Person{}), w.Make(Person{})
			c.LogIn(p)
			say(t, c, "connect", dummy{"id": uids[c.Kind] + "4", "email": other.Email, "email_verified": true}).LoggedIn()
			if got := accounts(t, w, other.ID); got != "" {
				t.Errorf("got accounts %q", got)
			}
		})
	})
}

func TestConnectNeedsRecentAuthentication(t *testing.T) {
	each(t, func(c *Config) { c.Account.ReauthenticationRequired = true }, func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{})
		c.LogIn(p)
		w.Clock.Advance(6 * time.Minute)
		r := say(t, c, "connect", dummy{"id": uids[c.Kind]})
		fails(t, r, "401", "reauthentication_required")
		if c.Kind == "app" {
			if diff := cmp.Diff([]string{"reauthenticate"}, r.Flows()); diff != "" || r.Meta["is_authenticated"] != true {
				t.Errorf("got %s", r.Raw)
			}
		}
		if got := accounts(t, w, p.ID); got != "" {
			t.Errorf("got accounts %q", got)
		}
		c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
		say(t, c, "connect", dummy{"id": uids[c.Kind]}).LoggedIn()
	})
}

// Of any number of users who connect one account at once, one gets it.
func TestConnectRace(t *testing.T) {
	wiretest.EachStore(t, with(nil), func(t *testing.T, w *World) {
		const n = 4
		results := make(chan int, n)
		for range n {
			c := w.Client("app")
			c.LogIn(w.Make(Person{}))
			go func() { results <- say(t, c, "connect", dummy{"id": "7"}).Status }()
		}
		won := 0
		for range n {
			if status := <-results; status == 200 {
				won++
			} else if status >= 500 {
				t.Errorf("got %d", status)
			}
		}
		if won != 1 {
			t.Errorf("%d users got one account", won)
		}
	})
}

func TestHooks(t *testing.T) {
	refuse := headless.Reject("", "not_today", "Come back tomorrow.")
	each(t, func(c *Config) {
		c.Social.Hooks.BeforeLogin = func(_ ctx, u *store.User, p socialaccount.Info, id *socialaccount.Identity) error {
			if id.Username == "nobody" && u == nil && p.ID == "dummy" {
				return refuse
			}
			return nil
		}
		c.Social.Hooks.Populate = func(_ ctx, u *store.User, _ socialaccount.Info, id *socialaccount.Identity) error {
			u.FirstName = "Populated"
			return nil
		}
		c.Social.Hooks.EmailVerified = func(_ ctx, _ socialaccount.Info, address string) bool { return true }
		c.Social.Hooks.AllowAutoSignup = func(_ ctx, _ socialaccount.Info, id *socialaccount.Identity) bool { return id.Username != "ask" }
		c.Social.Hooks.AllowDisconnect = func(ctx, *store.User, *store.SocialAccount) error { return refuse }
	}, func(t *testing.T, w *World, c *Client) {
		fails(t, say(t, c, "login", dummy{"id": uids[c.Kind], "username": "nobody"}), ":not_today", "not_today")
		say(t, c, "login", dummy{"id": uids[c.Kind] + "0", "username": "ask", "email": wiretest.FreshEmail()}).Pending("provider_signup")
		r := say(t, c, "login", dummy{"id": uids[c.Kind] + "1", "email": wiretest.FreshEmail()})
		r.LoggedIn() // the hook vouches for the address
		if u := w.User(userID(r)); u.FirstName != "Populated" {
			t.Errorf("got %q", u.FirstName)
		}
		say(t, c, "connect", dummy{"id": uids[c.Kind] + "2"}).LoggedIn()
		c.Delete("/account/providers", M{"provider": "dummy", "account": uids[c.Kind] + "2"}).Fails(":not_today")
	})
}
