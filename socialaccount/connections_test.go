package socialaccount_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store"
)

func disconnect(c *Client, uid string) *Reply {
	return c.Delete("/account/providers", M{"provider": "dummy", "account": uid})
}

func TestDisconnect(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *World, c *Client) {
		w.Run("unlinks an account and tells its user", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			linked(t, w, linked(t, w, p, uids[c.Kind]+"1"), uids[c.Kind]+"2")
			c.LogIn(p)
			w.Events.Take()
			var l []M
			disconnect(c, uids[c.Kind]+"1").Is(200).Into(&l)
			if len(l) != 1 || l[0]["uid"] != uids[c.Kind]+"2" {
				t.Errorf("got %v", l)
			}
			if m := w.Inbox.Mail(t, p.Email, "account_disconnected"); m.Data["provider"] != "Dummy" {
				t.Errorf("got mail %v", m.Data)
			}
			happened(t, w, "social_account_removed")
			disconnect(c, uids[c.Kind]+"1").Fails(":account_not_found")
			disconnect(c, uids[c.Kind]+"2").Is(200) // there is a password
			var none []M
			c.Get("/account/providers").Is(200).Into(&none)
			if diff := cmp.Diff([]M{}, none); diff != "" {
				t.Error(diff)
			}
		})
		w.Run("is for one's own accounts only", func(t *testing.T, w *World, c *Client) {
			owner := linked(t, w, w.Make(Person{}), uids[c.Kind]+"3")
			c.LogIn(w.Make(Person{}))
			disconnect(c, uids[c.Kind]+"3").Fails(":account_not_found")
			if got := accounts(t, w, owner.ID); got == "" {
				t.Error("somebody else's account was unlinked")
			}
		})
		w.Run("needs somebody who is logged in", func(t *testing.T, w *World, c *Client) {
			disconnect(c, "1").Is(401)
			c.Get("/account/providers").Is(401)
		})
		w.Run("judges the input", func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			c.Delete("/account/providers", M{}).Fails("provider:required", "account:required")
			c.Delete("/account/providers", M{"provider": []int{}, "account": nil}).Fails("provider:invalid", "account:required")
		})
		w.Run("an account of a provider that is not configured any more", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			if err := w.Store.CreateSocialAccount(t.Context(), &store.SocialAccount{UserID: p.ID, Provider: "gone", UID: uids[c.Kind], Data: []byte(`{"name":"Ann"}`), CreatedAt: w.Clock.Now()}); err != nil {
				t.Fatal(err)
			}
			c.LogIn(p)
			var l []M
			c.Get("/account/providers").Is(200).Into(&l)
			if diff := cmp.Diff([]M{{"uid": uids[c.Kind], "display": "Ann", "provider": M{"id": "gone", "name": "gone", "flows": []any{}}}}, l); diff != "" {
				t.Error(diff)
			}
			c.Delete("/account/providers", M{"provider": "gone", "account": uids[c.Kind]}).Is(200)
		})
	})
}

// The last way to log in stays.
func TestDisconnectLast(t *testing.T) {
	for name, x := range map[string]struct {
		change func(c *Config)
		person Person
		want   string
	}{
		"no password":             {func(*Config) {}, Person{NoPassword: true}, ":no_password"},
		"no verified address":     {func(*Config) {}, Person{Unverified: true}, ":no_verified_email"},
		"that needs no verifying": {func(c *Config) { c.Account.EmailVerification = account.None }, Person{Unverified: true}, ""},
		"login by code will do":   {func(c *Config) { c.Account.LoginByCode = true }, Person{NoPassword: true}, ""},
		"a code needs an address that is verified": {func(c *Config) {
			c.Account.LoginByCode, c.Account.EmailVerification = true, account.None
		}, Person{NoPassword: true, Unverified: true}, ":no_password"},
		"a password needs an address beside it": {func(c *Config) { c.Account.EmailVerification = account.None }, Person{Email: "-"}, ":no_password"},
		"a factor is no way to log in": {func(c *Config) {
			c.MFA = &mfa.Config{SupportedTypes: []string{store.TOTP, store.WebAuthn}, PasskeyLogin: true}
		}, Person{NoPassword: true}, ":no_password"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(c *Config) { x.change(c); c.Social.EmailVerification = account.None }, func(t *testing.T, w *World, c *Client) {
				p := linked(t, w, w.Make(x.person), uids[c.Kind])
				say(t, c, "login", dummy{"id": uids[c.Kind]}).LoggedIn()
				r := disconnect(c, uids[c.Kind])
				if x.want == "" {
					r.Is(200)
					return
				}
				r.Fails(x.want)
				if accounts(t, w, p.ID) == "" {
					t.Error("the last way to log in is gone")
				}
			})
		})
	}
}

// Two requests that remove the last two accounts at once leave one.
func TestDisconnectRace(t *testing.T) {
	wiretest.EachStore(t, with(nil), func(t *testing.T, w *World) {
		for range 5 {
			one, two := "1"+textOf(time.Now().UnixNano()%1e9), "2"+textOf(time.Now().UnixNano()%1e9)
			p := linked(t, w, linked(t, w, w.Make(Person{NoPassword: true}), one), two)
			c := w.Client("app")
			say(t, c, "login", dummy{"id": one}).LoggedIn()
			done := make(chan *Reply, 2)
			for _, uid := range []string{one, two} {
				d := c.Clone()
				go func() { done <- disconnect(d, uid) }()
			}
			for range 2 {
				if r := <-done; r.Status >= 500 {
					t.Errorf("got %d", r.Status)
				}
			}
			if accounts(t, w, p.ID) == "" {
				t.Fatal("both of the last two accounts are gone")
			}
		}
	})
}

func TestDisconnectNeedsRecentAuthentication(t *testing.T) {
	each(t, func(c *Config) { c.Account.ReauthenticationRequired = true }, func(t *testing.T, w *World, c *Client) {
		p := linked(t, w, w.Make(Person{}), uids[c.Kind])
		c.LogIn(p)
		w.Clock.Advance(6 * time.Minute)
		c.Delete("/account/providers", M{}).Fails("provider:required", "account:required")
		disconnect(c, "0").Fails(":account_not_found")
		disconnect(c, uids[c.Kind]).Is(401)
		c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
		disconnect(c, uids[c.Kind]).Is(200)
	})
}

// A user's accounts are bounded, however many requests there are at once.
// Requirement DOS-2.
func TestManyAccounts(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{})
		for i := range 98 {
			linkedTo(t, w, p.ID, "old", fmt.Sprint(c.Kind, i))
		}
		c.LogIn(p).LoggedIn()
		uid := map[string]int{"browser": 7_000_000, "app": 8_000_000}[c.Kind]
		const racers = 4
		var locations [racers]string // a browser has its handshakes first
		for i := range racers {
			if c.Kind == "browser" {
				locations[i] = begin(t, c, "dummy", "connect")
			}
		}
		done := make(chan struct{}, racers)
		for i := range racers {
			go func(c *Client) {
				defer func() { done <- struct{}{} }()
				who := dummy{"id": fmt.Sprint(uid + i)}
				if c.Kind == "browser" {
					post(c, "/"+locations[i], url.Values{"id": {fmt.Sprint(uid + i)}})
					return
				}
				c.Post("/auth/provider/token", M{"provider": "dummy", "process": "connect", "token": M{"id_token": string(mustJSON(who))}})
			}(c.Clone())
		}
		for range racers {
			<-done
		}
		for i := range 3 { // whoever lost a race tries again
			say(t, c, "connect", dummy{"id": fmt.Sprint(uid + 100 + i)})
		}
		rows, err := w.Store.SocialAccountsOf(t.Context(), p.ID)
		if err != nil || len(rows) != 100 {
			t.Errorf("got %d accounts, %v", len(rows), err)
		}
		fails(t, say(t, c, "connect", dummy{"id": fmt.Sprint(uid + 200)}), ":max_provider_accounts", "max_provider_accounts")
		say(t, c, "connect", dummy{"id": rows[99].UID}).LoggedIn() // those that there are can come again
		c.Delete("/account/providers", M{"provider": "old", "account": fmt.Sprint(c.Kind, 0)}).Is(200)
		say(t, c, "connect", dummy{"id": fmt.Sprint(uid + 200)}).LoggedIn()
	})
}

func TestManyAccountsAndAutoConnect(t *testing.T) {
	each(t, func(c *Config) { c.Social.EmailAuthentication, c.Social.AutoConnect = true, true }, func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{})
		for i := range 100 {
			linkedTo(t, w, p.ID, "old", fmt.Sprint(c.Kind, i))
		}
		say(t, c, "login", dummy{"id": map[string]string{"browser": "71", "app": "81"}[c.Kind], "email": p.Email, "email_verified": true}).LoggedIn()
		if rows, err := w.Store.SocialAccountsOf(t.Context(), p.ID); err != nil || len(rows) != 100 {
			t.Errorf("got %d accounts, %v", len(rows), err)
		}
	})
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
