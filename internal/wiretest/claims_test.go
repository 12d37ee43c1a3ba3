package wiretest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
)

// Somebody has an account, and claims an address that is not theirs. Whoever
// owns it must not be led into that account. Requirements RST-1, EML-4.
func TestClaimedAddresses(t *testing.T) {
	claimed := func(t *testing.T, w *World, c *Client) (thief *Client, p *Person, email string) {
		t.Helper()
		p, thief, email = w.Make(Person{}), c.Other(), wiretest.FreshEmail()
		thief.LogIn(p)
		thief.Post("/account/email", M{"email": email}).Is(200)
		w.Inbox.All()
		return thief, p, email
	}
	t.Run("let nobody in by a mailed key or code", func(t *testing.T) {
		wiretest.Each(t, loginByCode, func(t *testing.T, w *World, c *Client) {
			_, p, email := claimed(t, w, c)
			c.Post("/auth/password/request", M{"email": email}).Is(200)
			w.Inbox.Mail(t, email, "unknown_account")
			c.Other().Post("/auth/code/request", M{"email": email}).Pending("login_by_code")
			w.Inbox.Mail(t, email, "unknown_account")
			equal(t, w.Emails(p.ID), p.Email+"*! "+email)
		})
	})
	t.Run("are free for their owner to sign up with", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			thief, p, email := claimed(t, w, c)
			c.Post("/auth/signup", M{"email": email, "password": newPassword}).Pending("verify_email")
			key := w.Inbox.Mail(t, email, "email_confirmation_signup").Data["key"]
			c.Post("/auth/email/verify", M{"key": key}).Is(401)
			logsIn(t, c, email, newPassword)
			// To the one who claims it, it is lost.
			thief.Put("/account/email", M{"email": email}).Is(200)
			w.Inbox.Mail(t, email, "account_already_exists")
			equal(t, w.Emails(p.ID), p.Email+"*! "+email)
		})
	})
	t.Run("still log in whoever claims them, with their own password", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.EmailVerification = account.Optional }, func(t *testing.T, w *World, c *Client) {
			_, p, email := claimed(t, w, c)
			if u := c.Post("/auth/login", M{"email": email, "password": wiretest.Password}).LoggedIn(); u["email"] != p.Email {
				t.Errorf("got %v", u)
			}
		})
	})
}

// A number that was put on an account before anybody had proven anything is
// perhaps not its owner's either. Requirement EML-4.
func TestClaimedNumbers(t *testing.T) {
	wiretest.Each(t, func(c *Config) { phones(c); loginByCode(c) }, func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{Phone: wiretest.FreshPhone(), Unverified: true, Unused: true})
		err := w.Store.CreateSocialAccount(t.Context(), &store.SocialAccount{UserID: p.ID, Provider: "example", UID: p.ID, CreatedAt: w.Clock.Now()})
		if err != nil {
			t.Fatal(err)
		}
		c.Post("/auth/code/request", M{"phone": p.Phone}).Pending("login_by_code")
		code := w.Inbox.Text(t, p.Phone, "verification").Code
		u := c.Post("/auth/code/confirm", M{"code": code}).LoggedIn()
		equal(t, u["has_usable_password"], false)
		socials, err := w.Store.SocialAccountsOf(t.Context(), p.ID)
		if err != nil || len(socials) != 0 {
			t.Errorf("left: %v, %v", socials, err)
		}
		equal(t, w.Emails(p.ID), "")
		for field, id := range map[string]string{"phone": p.Phone, "email": p.Email} {
			c.Other().Post("/auth/login", M{field: id, "password": wiretest.Password}).Fails("password:" + field + "_password_mismatch")
		}
		c.Session().LoggedIn()
		// The second time there is nothing to clean.
		d := c.Other()
		c.Post("/account/password/change", M{"new_password": newPassword}).LoggedIn()
		d.Post("/auth/code/request", M{"phone": p.Phone}).Pending("login_by_code")
		u = d.Post("/auth/code/confirm", M{"code": w.Inbox.Text(t, p.Phone, "verification").Code}).LoggedIn()
		equal(t, u["has_usable_password"], true)
	})
}

// Codes are for the account as it was when they were sent: they are void when
// its password or the address is another. Requirements RST-1, ONE-3, SES-5.
func TestCodesAndPendingLoginsAreVoid(t *testing.T) {
	change := func(c *Config) { loginByCode(c); resetByCode(c) }
	t.Run("after a change of the password", func(t *testing.T) {
		wiretest.Each(t, change, func(t *testing.T, w *World, c *Client) {
			p, owner := w.Make(Person{}), c.Other()
			owner.LogIn(p)
			c.Post("/auth/password/request", M{"email": p.Email}).Pending("password_reset_by_code")
			reset := w.Inbox.Mail(t, p.Email, "password_reset_code").Data["code"]
			d := c.Other()
			d.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			login := w.Inbox.Mail(t, p.Email, "login_code").Data["code"]
			owner.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword}).LoggedIn()
			d.Session().NothingPending()
			d.Post("/auth/code/confirm", M{"code": login}).Is(409)
			c.Post("/auth/password/reset", M{"key": reset, "password": "amber-Falcon-78"}).Fails("key:incorrect_code")
			logsIn(t, c, p.Email, newPassword)
		})
	})
	t.Run("a login that waits", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { loginByCode(c); c.Account.LoginCodeRequired = []string{"password"} }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("login_by_code")
			code := w.Inbox.Mail(t, p.Email, "login_code").Data["code"]
			d := c.Other()
			d.Post("/auth/password/reset", M{"key": requestKey(t, w, d, p.Email), "password": newPassword}).Is(401)
			c.Session().NothingPending()
			c.Post("/auth/code/confirm", M{"code": code}).Is(409)
		})
	})
	t.Run("after the address was removed", func(t *testing.T) {
		wiretest.Each(t, change, func(t *testing.T, w *World, c *Client) {
			p, owner := w.Make(Person{}), c.Other()
			second := w.AddEmail(p, wiretest.FreshEmail(), true)
			owner.LogIn(p)
			c.Post("/auth/password/request", M{"email": second}).Pending("password_reset_by_code")
			reset := w.Inbox.Mail(t, second, "password_reset_code").Data["code"]
			d := c.Other()
			d.Post("/auth/code/request", M{"email": second}).Pending("login_by_code")
			login := w.Inbox.Mail(t, second, "login_code").Data["code"]
			owner.Delete("/account/email", M{"email": second}).Is(200)
			d.Post("/auth/code/confirm", M{"code": login}).Is(409)
			c.Post("/auth/password/reset", M{"key": reset, "password": newPassword}).Is(409)
			logsIn(t, c, p.Email, wiretest.Password)
		})
	})
}

// The bound on addresses holds for what is verified later, too, and for
// requests at the same time. Requirement ONE-4.
func TestMaxEmailAddressesHolds(t *testing.T) {
	t.Run("when two codes wait", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { codeVerification(c); c.Account.MaxEmailAddresses = 2 }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			d := c.Other()
			var codes []string
			for _, x := range []*Client{c, d} {
				x.LogIn(p)
				email := wiretest.FreshEmail()
				x.Post("/account/email", M{"email": email}).Is(200)
				codes = append(codes, w.Inbox.Mail(t, email, "email_confirmation").Data["code"])
			}
			c.Post("/auth/email/verify", M{"key": codes[0]}).LoggedIn()
			d.Post("/auth/email/verify", M{"key": codes[1]}).Fails("key:max_email_addresses")
			if got := strings.Fields(w.Emails(p.ID)); len(got) != 2 {
				t.Errorf("got %v", got)
			}
		})
	})
	t.Run("at the same time", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.MaxEmailAddresses = 2 }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			done := make(chan int, 6)
			for range cap(done) {
				go func(x *Client) { done <- x.Post("/account/email", M{"email": wiretest.FreshEmail()}).Status }(c.Clone())
			}
			for range cap(done) {
				if status := <-done; status != 200 && status != 400 && status != 409 {
					t.Errorf("got %d", status)
				}
			}
			if got := strings.Fields(w.Emails(p.ID)); len(got) != 2 {
				t.Errorf("got %v", got)
			}
		})
	})
}

// What a host refuses at signup can't be added later.
func TestCleanEmailHook(t *testing.T) {
	wiretest.Each(t, func(c *Config) {
		codeVerification(c)
		c.Account.SignupFields = []string{"email*", "email2*", "password1*"}
		c.Hooks.CleanEmail = func(_ context.Context, email string) (string, error) {
			if strings.HasSuffix(email, "@throwaway.example") {
				return "", account.Reject("", "disposable", "Use another address.")
			}
			local, domain, _ := strings.Cut(email, "@")
			local, _, _ = strings.Cut(local, "+")
			return local + "@" + domain, nil
		}
	}, func(t *testing.T, w *World, c *Client) {
		email := wiretest.FreshEmail()
		tagged := strings.Replace(email, "@", "+tag@", 1)
		c.Post("/auth/signup", M{"email": tagged, "email2": tagged, "password": newPassword}).Pending("verify_email")
		w.Inbox.Mail(t, email, "email_confirmation_signup")
		c.Post("/account/email", M{"email": "x@throwaway.example"}).Fails("email:disposable")
		p := w.Make(Person{})
		d := c.Other()
		d.LogIn(p)
		d.Post("/account/email", M{"email": "x@throwaway.example"}).Fails("email:disposable")
		second := wiretest.FreshEmail()
		equal(t, list(d.Post("/account/email", M{"email": strings.Replace(second, "@", "+a@", 1)})), p.Email+"*! "+second)
	})
}
