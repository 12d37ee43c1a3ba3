package wiretest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
	"github.com/headless-auth/headless/store"
)

// What front ends are told beyond the contract. docs/frontend.md.
func TestPendingCodes(t *testing.T) {
	at := func(w *World, after time.Duration) float64 { return float64(w.Clock.Now().Add(after).Unix()) }
	t.Run("are told with what is left of them", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { codeVerification(c); resetByCode(c); loginByCode(c) }, func(t *testing.T, w *World, c *Client) {
			equal(t, c.Get("/ext/auth/codes").Is(200).Data, []M{})
			email, data := signUp(t, w, c)
			code := M{"flow": "verify_email", "sent_to": email[:1] + "***@example.org", "expires_at": at(w, 15*time.Minute), "attempts_left": 3.0, "resends_left": 2.0, "changes_left": 2.0}
			equal(t, c.Get("/ext/auth/codes").Is(200).Data, []M{code})
			c.Post("/auth/email/verify", M{"key": wiretest.Wrong(data["code"])}).Fails("key:incorrect_code")
			w.Clock.Advance(time.Minute)
			c.Post("/auth/email/verify/resend", nil).Is(200)
			code["attempts_left"], code["resends_left"] = 2.0, 1.0
			p := w.Make(Person{})
			c.Post("/auth/password/request", M{"email": p.Email}).Is(401)
			reset := M{"flow": "password_reset_by_code", "sent_to": p.Email[:1] + "***@example.org", "expires_at": at(w, 3*time.Minute), "attempts_left": 3.0, "resends_left": 0.0, "changes_left": 0.0}
			equal(t, c.Get("/ext/auth/codes").Is(200).Data, []M{code, reset})
			w.Clock.Advance(3 * time.Minute)
			equal(t, c.Get("/ext/auth/codes").Is(200).Data, []M{code})
			// Nobody else is told.
			equal(t, c.Other().Get("/ext/auth/codes").Is(200).Data, []M{})
			// One for an address that is added is its user's.
			d := c.Other()
			d.LogIn(p)
			d.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(200)
			if r := d.Get("/ext/auth/codes"); !strings.Contains(string(r.Data), "verify_email") {
				t.Errorf("got %s", r.Data)
			}
		})
	})
	t.Run("look the same for nobody's", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { codeVerification(c); resetByCode(c); loginByCode(c) }, func(t *testing.T, w *World, c *Client) {
			for path, known := range map[string]string{"/auth/code/request": w.Make(Person{}).Email, "/auth/password/request": w.Make(Person{}).Email, "/auth/signup": w.Make(Person{}).Email} {
				var seen [2]string
				for i, email := range []string{known, wiretest.FreshEmail()} {
					d := c.Other()
					d.Post(path, M{"email": email, "password": newPassword}).Is(401)
					seen[i] = string(d.Get("/ext/auth/codes").Is(200).Data)
				}
				if seen[0] != seen[1] || !strings.Contains(seen[0], "***@") {
					t.Errorf("%s: got %s and %s", path, seen[0], seen[1])
				}
			}
		})
	})
	t.Run("to a number", func(t *testing.T) {
		wiretest.Each(t, phones, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{Phone: wiretest.FreshPhone()}))
			c.Post("/account/phone", M{"phone": "+31612345678"}).Is(202)
			var l []M
			c.Get("/ext/auth/codes").Into(&l)
			if len(l) != 1 || l[0]["flow"] != "verify_phone" || l[0]["sent_to"] != "+31***78" {
				t.Errorf("got %v", l)
			}
		})
	})
}

func TestReauthenticationIsDue(t *testing.T) {
	wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
		c.Get("/ext/auth/reauthenticate").NothingPending()
		c.LogIn(w.Make(Person{}))
		until := float64(w.Clock.Now().Add(5 * time.Minute).Unix())
		flows := []any{M{"id": "reauthenticate"}}
		equal(t, c.Get("/ext/auth/reauthenticate").Is(200).Data, M{"recent": true, "recent_until": until, "flows": flows})
		w.Clock.Advance(5 * time.Minute)
		equal(t, c.Get("/ext/auth/reauthenticate").Is(200).Data, M{"recent": false, "flows": flows})
		c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
		equal(t, c.Get("/ext/auth/reauthenticate").Is(200).Data, M{"recent": true, "recent_until": until + 300, "flows": flows})
	})
}

func TestForms(t *testing.T) {
	wiretest.EachOn(t, []string{"memory"}, func(c *Config) {
		usernames(c)
		c.Account.Password.MinLength = 10
		c.Account.Fields = []account.Field{{Name: "plan", Required: true, Choices: []string{"free", "paid"}, Description: "Your plan"}, {Name: "age", Type: "integer"}}
	}, func(t *testing.T, w *World, c *Client) {
		var d struct {
			Fields   []M `json:"signup_fields"`
			Password M
		}
		c.Get("/ext/config").Is(200).Into(&d)
		var l []string
		for _, f := range d.Fields {
			l = append(l, f["name"].(string)+" "+f["type"].(string))
		}
		same(t, l, "username string", "email email", "plan string", "age integer", "password password")
		equal(t, d.Password, M{"min_length": 10.0, "max_bytes": 4096.0})
		equal(t, d.Fields[2], M{"name": "plan", "type": "string", "required": true, "max_length": 1000.0, "choices": []any{"free", "paid"}, "description": "Your plan"})
	})
}

// spec: account.md §8; beyond it.
func TestRemovePhone(t *testing.T) {
	optional := func(c *Config) {
		phones(c)
		c.Account.SignupFields = []string{"email*", "phone", "password1*"}
	}
	t.Run("takes a recent proof", func(t *testing.T) {
		wiretest.Each(t, optional, func(t *testing.T, w *World, c *Client) {
			c.Delete("/ext/account/phone", nil).NothingPending()
			p := w.Make(Person{Phone: wiretest.FreshPhone()})
			c.LogIn(p)
			next := wiretest.FreshPhone()
			c.Post("/account/phone", M{"phone": next}).Is(202)
			code := w.Inbox.Text(t, next, "verification").Code
			w.Clock.Advance(5 * time.Minute)
			same(t, c.Delete("/ext/account/phone", nil).Is(401).Flows(), "reauthenticate")
			c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
			w.Events.Take()
			equal(t, c.Delete("/ext/account/phone", nil).Is(200).Data, []M{})
			same(t, w.Events.Take(), "phone_removed")
			equal(t, c.Get("/account/phone").Data, []M{})
			c.Post("/auth/phone/verify", M{"code": code}).Is(409) // nor does a change go on
			equal(t, c.Delete("/ext/account/phone", nil).Is(200).Data, []M{})
			same(t, w.Events.Take())
			c.Other().Post("/auth/login", M{"phone": p.Phone, "password": wiretest.Password}).Fails("password:phone_password_mismatch")
		})
	})
	t.Run("not while it is all that the user logs in with", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			optional(c)
			c.Account.SignupFields = []string{"email", "phone", "password1"}
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Email: "-", Phone: wiretest.FreshPhone()})
			c.Post("/auth/login", M{"phone": p.Phone, "password": wiretest.Password}).LoggedIn()
			c.Delete("/ext/account/phone", nil).Is(403)
			equal(t, c.Get("/account/phone").Data, []M{{"phone": p.Phone, "verified": true}})
			email := w.AddEmail(p, wiretest.FreshEmail(), true)
			equal(t, c.Delete("/ext/account/phone", nil).Is(200).Data, []M{})
			// Now the address is.
			c.Delete("/account/email", M{"email": email}).Fails("email:cannot_remove_primary_email")
			c.Other().Post("/auth/login", M{"email": email, "password": wiretest.Password}).LoggedIn()
		})
	})
	t.Run("but where the user has another way in", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			optional(c)
			c.Account.LoginMethods, c.Account.SignupFields = []string{"phone"}, []string{"phone", "password1"}
			c.Frontend.SocialLoginError = "https://spa.test/login-error"
			c.Social = &socialaccount.Config{Development: true, Providers: []socialaccount.Provider{providers.Dummy()}}
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Email: "-", Phone: wiretest.FreshPhone()})
			c.Post("/auth/login", M{"phone": p.Phone, "password": wiretest.Password}).LoggedIn()
			link := func(provider string) {
				t.Helper()
				if err := w.Store.CreateSocialAccount(t.Context(), &store.SocialAccount{UserID: p.ID, Provider: provider, UID: p.ID, CreatedAt: w.Clock.Now()}); err != nil {
					t.Fatal(err)
				}
			}
			c.Delete("/ext/account/phone", nil).Is(403)
			link("gone") // a provider that is not configured any more
			c.Delete("/ext/account/phone", nil).Is(403)
			link("dummy")
			equal(t, c.Delete("/ext/account/phone", nil).Is(200).Data, []M{})
		})
	})
	t.Run("not where it is needed", func(t *testing.T) {
		wiretest.Each(t, phones, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Phone: wiretest.FreshPhone()})
			c.LogIn(p)
			c.Delete("/ext/account/phone", nil).Is(403)
			equal(t, c.Get("/account/phone").Data, []M{{"phone": p.Phone, "verified": true}})
		})
	})
}

// A limit of one a minute is not used up by a mistake.
func TestChangePhoneLimit(t *testing.T) {
	wiretest.Each(t, limited(func(c *Config) { phones(c); c.Account.ReauthenticationRequired = true }), func(t *testing.T, w *World, c *Client) {
		c.From(wiretest.FreshIP())
		p := w.Make(Person{Phone: wiretest.FreshPhone()})
		c.LogIn(p)
		w.Clock.Advance(5 * time.Minute)
		next := M{"phone": wiretest.FreshPhone()}
		for range 2 {
			c.Post("/account/phone", M{"phone": "x"}).Fails("phone:invalid_phone")
			c.Post("/account/phone", M{"phone": p.Phone}).Fails("phone:same_as_current")
			c.Post("/account/phone", "{").Is(400)
			same(t, c.Post("/account/phone", next).Is(401).Flows(), "reauthenticate")
		}
		c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
		c.Post("/account/phone", next).Is(202)
		c.Post("/account/phone", M{"phone": "x"}).Is(429) // as in the reference, before the input is judged
		// Nor is it at a signup.
		d := c.Other().From(wiretest.FreshIP())
		d.Post("/auth/signup", M{"phone": wiretest.FreshPhone(), "email": wiretest.FreshEmail(), "password": newPassword}).Pending("verify_phone")
		d.Post("/account/phone", M{"phone": "x"}).Fails("phone:invalid_phone")
		d.Post("/account/phone", M{"phone": wiretest.FreshPhone()}).Is(202)
		d.Post("/account/phone", M{"phone": wiretest.FreshPhone()}).Is(429)
	})
}

// People type passwords where their name belongs. Requirements SEC-5, DIS-2.
func TestFailedLoginsAreToldWithoutWhatWasTyped(t *testing.T) {
	var last account.Event
	wiretest.EachOn(t, []string{"memory"}, func(c *Config) {
		usernames(c)
		c.Account.LoginMethods = []string{"email", "username", "phone"}
		c.OnEvent = func(_ context.Context, e account.Event) { last = e }
	}, func(t *testing.T, w *World, c *Client) {
		for _, tt := range []struct{ field, typed, want string }{
			{"email", "ada@example.org", "a***@example.org"},
			{"username", "ada@example.org", "a***@example.org"},
			{"phone", "+31612345678", "+31***78"},
			{"username", "Hunter2-secret", "#"},
		} {
			c.Post("/auth/login", M{tt.field: tt.typed, "password": "wrong"}).Is(400)
			e, ok := last.(account.LoginFailed)
			if !ok || !strings.HasPrefix(e.Identifier, tt.want) || strings.Contains(e.Identifier, tt.typed) {
				t.Errorf("got %+v, want %s", last, tt.want)
			}
		}
	})
}

// Strangers can make any number of sessions. Requirement DOS-2.
func TestStrangersSessionsAreShort(t *testing.T) {
	wiretest.Each(t, resetByCode, func(t *testing.T, w *World, c *Client) {
		c.Post("/auth/password/request", M{"email": wiretest.FreshEmail()}).Is(401)
		w.Clock.Advance(24*time.Hour - time.Second)
		c.Holding(c.Credential()).Session().Is(401)
		w.Clock.Advance(time.Second)
		c.Dead(c.Credential())
		if n, err := w.Store.DeleteExpiredSessions(t.Context(), w.Clock.Now()); err != nil || n == 0 {
			t.Errorf("%d were swept out, %v", n, err)
		}
		d := c.Other()
		d.LogIn(w.Make(Person{}))
		w.Clock.Advance(14*24*time.Hour - time.Second)
		d.Session().LoggedIn()
	})
}

// Opening an account again takes a whole login. Requirement MFA-1.
func TestReactivationIsALogin(t *testing.T) {
	wiretest.Each(t, func(c *Config) {
		c.Account.Closing = true
		c.Stages = []account.Stage{terms{}, second{}}
	}, func(t *testing.T, w *World, c *Client) {
		prefix := "/" + c.Kind
		w.Mux.HandleFunc("POST "+prefix+"/accept", func(rw http.ResponseWriter, r *http.Request) { w.Auth.CompleteStage(rw, r, "accept_terms") })
		closed := func(name string) *Person {
			p := w.Make(Person{Username: name + wiretest.FreshName()})
			u := w.User(p.ID)
			u.Disabled, u.DeactivatedAt = true, w.Clock.Now()
			if err := w.Store.UpdateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			return p
		}
		reopen := func(c *Client, p *Person) *wiretest.Reply {
			return c.Post("/ext/auth/reactivate", M{"email": p.Email, "password": wiretest.Password})
		}
		p := closed("Reader")
		w.Events.Take()
		reopen(c, p).Pending("accept_terms")
		if !w.User(p.ID).Disabled {
			t.Error("it is open before the login is done")
		}
		c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).NothingPending()
		reopen(c, p).Pending("accept_terms")
		w.Events.Take()
		c.Post("/"+prefix+"/accept", nil).LoggedIn()
		same(t, w.Events.Take(), "account_reactivated", "user_logged_in")
		// A host that refuses has its way.
		banned := closed("Banned")
		reopen(c.Other(), banned).NothingPending()
		if !w.User(banned.ID).Disabled {
			t.Error("an account was opened whose user may not log in")
		}
	})
}

// A host's handler may ask whose login waits, and no link ends a stage.
// Requirement REQ-2.
func TestWaiting(t *testing.T) {
	wiretest.Each(t, func(c *Config) { c.Stages = []account.Stage{terms{}} }, func(t *testing.T, w *World, c *Client) {
		prefix := "/" + c.Kind
		w.Mux.HandleFunc(prefix+"/accept", func(rw http.ResponseWriter, r *http.Request) { w.Auth.CompleteStage(rw, r, "accept_terms") })
		w.Mux.HandleFunc(prefix+"/who", func(rw http.ResponseWriter, r *http.Request) {
			u, stage, err := w.Auth.Waiting(r)
			switch {
			case err != nil:
				rw.WriteHeader(http.StatusForbidden)
			case u == nil:
				_, _ = rw.Write([]byte("nobody" + stage))
			default:
				_, _ = rw.Write([]byte(u.Email + " " + stage))
			}
		})
		who := func(c *Client) string { t.Helper(); return string(c.Get("/" + prefix + "/who").Is(200).Raw) }
		equal(t, who(c), "nobody")
		p := w.Make(Person{})
		c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("accept_terms")
		equal(t, who(c), p.Email+" accept_terms")
		equal(t, who(c.Other()), "nobody")
		equal(t, who(c.Holding("unknown")), "nobody")
		equal(t, string(c.Post("/"+prefix+"/who", nil).Is(200).Raw), p.Email+" accept_terms")
		if c.Kind == "browser" {
			d := c.Clone()
			d.Header.Set("X-CSRFToken", strings.Repeat("b", 32))
			d.Post("/"+prefix+"/who", nil).Is(403)
		}
		for _, method := range []string{"GET", "HEAD"} {
			if r := c.Raw(method, "/"+prefix+"/accept", nil).Is(405); r.Header.Get("Allow") != "POST, OPTIONS" {
				t.Errorf("%s: got Allow %q", method, r.Header.Get("Allow"))
			}
		}
		equal(t, who(c), p.Email+" accept_terms")
		c.Post("/"+prefix+"/accept", nil).LoggedIn()
		equal(t, who(c), "nobody")
	})
}
