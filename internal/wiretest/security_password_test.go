package wiretest_test

import (
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/wiretest"
)

// A stolen session can be kept from setting a first password, and so from
// becoming a way in that lasts. Requirement PWD-2.
func TestFirstPasswordNeedsRecentLogin(t *testing.T) {
	wiretest.Each(t, func(c *Config) {
		loginByCode(c)
		c.Account.Password.FirstNeedsRecentLogin = true
	}, func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{NoPassword: true})
		logIn := func() {
			t.Helper()
			c = c.Other()
			c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
		}
		set := func() *wiretest.Reply { return c.Post("/account/password/change", M{"new_password": newPassword}) }

		logIn()
		w.Clock.Advance(5 * time.Minute)
		c.Post("/account/password/change", M{"new_password": "short"}).Fails("new_password:password_too_short")
		if r := set().Is(401); r.Meta["is_authenticated"] != true {
			t.Errorf("got %s", r.Raw)
		}
		if w.User(p.ID).Password.Usable() {
			t.Error("the password was set")
		}
		logIn()
		set().LoggedIn()
		w.Clock.Advance(5 * time.Minute)
		// Another one needs the one that there is, and no more.
		c.Post("/account/password/change", M{"current_password": newPassword, "new_password": "another-Plum-9"}).LoggedIn()
	})
}
