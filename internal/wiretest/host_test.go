package wiretest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
)

// whoami tells what the host sees of its caller.
func whoami(w http.ResponseWriter, r *http.Request) {
	out := M{"user": nil, "session": nil, "method": r.Method}
	if u := headless.User(r.Context()); u != nil {
		out["user"] = u.Email
	}
	if s := headless.Session(r.Context()); s != nil {
		out["session"] = s.ID
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
}

// A host's own routes know who is calling, and refuse as the API does.
// spec: sessions-tokens.md §8; requirement MFA-1.
func TestHostRoutes(t *testing.T) {
	wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
		prefix := "/" + c.Kind
		w.Mux.Handle(prefix+"/load", w.Auth.Load(http.HandlerFunc(whoami)))
		w.Mux.Handle(prefix+"/user", w.Auth.RequireUser(http.HandlerFunc(whoami)))
		w.Mux.Handle(prefix+"/recent", w.Auth.RequireRecentAuth(http.HandlerFunc(whoami)))
		w.Mux.Handle(prefix+"/twice", w.Auth.Load(w.Auth.RequireUser(http.HandlerFunc(whoami))))
		w.Mux.Handle(prefix+"/plain", http.HandlerFunc(whoami))
		see := func(r *wiretest.Reply) M {
			var m M
			if err := json.Unmarshal(r.Is(200).Raw, &m); err != nil {
				t.Error(err)
			}
			return m
		}
		at := func(path string) string { return "/" + prefix + path }

		w.Run("everybody may pass, and who is logged in is known", func(t *testing.T, w *World, c *Client) {
			if m := see(c.Get(at("/load"))); m["user"] != nil || m["session"] != nil {
				t.Errorf("a stranger is %v", m)
			}
			p := w.Make(Person{})
			c.LogIn(p)
			l, err := w.Store.SessionsOf(t.Context(), p.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{"/load", "/user", "/recent", "/twice"} {
				if m := see(c.Get(at(path))); m["user"] != p.Email || m["session"] != l[0].ID {
					t.Errorf("%s: got %v", path, m)
				}
			}
			if m := see(c.Get(at("/plain"))); m["user"] != nil {
				t.Error("a route of no concern knows the user")
			}
		})
		w.Run("a stranger is told the ways to log in", func(t *testing.T, w *World, c *Client) {
			for _, path := range []string{"/user", "/recent", "/twice"} {
				r := c.Get(at(path)).NothingPending()
				same(t, r.Flows(), "login", "signup")
				if r.Header.Get("Cache-Control") == "" || r.Header.Get("Content-Type") != "application/json" {
					t.Errorf("%s: got %v", path, r.Header)
				}
			}
		})
		w.Run("a login that waits is no login", func(t *testing.T, w *World, c *Client) {
			signUp(t, w, c)
			c.Get(at("/user")).Pending("verify_email")
			if m := see(c.Get(at("/load"))); m["user"] != nil {
				t.Errorf("got %v", m)
			}
		})
		w.Run("a dead credential is told, where one is needed", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			old := c.Credential()
			c.Delete("/auth/session", nil).Is(401)
			d := c.Holding(old)
			if m := see(d.Get(at("/load"))); m["user"] != nil {
				t.Errorf("got %v", m)
			}
			d.Get(at("/user")).Is(map[string]int{"app": 410, "browser": 401}[c.Kind])
		})
		w.Run("a session that was ended elsewhere is dead here", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			d := c.Other()
			d.LogIn(p)
			d.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword}).LoggedIn()
			c.Get(at("/user")).Is(map[string]int{"app": 410, "browser": 401}[c.Kind])
			see(d.Get(at("/user")))
		})
		w.Run("a disabled user is nobody", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			u := w.User(p.ID)
			u.Disabled = true
			if err := w.Store.UpdateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			c.Get(at("/user")).Is(401)
		})
		w.Run("a sensitive route asks for a recent proof", func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			see(c.Get(at("/recent")))
			w.Clock.Advance(5 * time.Minute)
			r := c.Get(at("/recent")).Is(401)
			same(t, r.Flows(), "reauthenticate")
			equal(t, r.Meta["is_authenticated"], true)
			see(c.Get(at("/user")))
			c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
			see(c.Get(at("/recent")))
		})
		w.Run("a browser's unsafe request needs its token, an app's none", func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			see(c.Post(at("/user"), "any body"))
			c.Header.Set("X-CSRFToken", "")
			if c.Kind == "app" {
				see(c.Post(at("/user"), nil))
				return
			}
			for _, path := range []string{"/load", "/user", "/recent"} {
				c.Raw("POST", at(path), nil).Is(403)
				see(c.Raw("GET", at(path), nil))
			}
			// Nobody in particular needs none: the host has its own say then.
			see(w.Client("browser").Raw("POST", at("/load"), nil))
			c.Header.Del("X-CSRFToken")
			c.Header.Set("Origin", "https://evil.example")
			c.Raw("POST", at("/user"), nil).Is(403)
		})
		w.Run("two credentials never mix", func(t *testing.T, w *World, c *Client) {
			// SES-7: an app's header counts before any cookie.
			p, q := w.Make(Person{}), w.Make(Person{})
			browser, app := w.Client("browser"), w.Client("app")
			browser.LogIn(p)
			app.LogIn(q)
			browser.Header.Set("X-Session-Token", app.Token)
			if m := see(browser.Get(at("/user"))); m["user"] != q.Email {
				t.Errorf("got %v", m)
			}
			browser.Header.Set("X-Session-Token", "unknown")
			browser.Get(at("/user")).Is(410)
		})
		w.Run("a body is the host's", func(t *testing.T, w *World, c *Client) {
			w.Mux.Handle(prefix+"/echo", w.Auth.RequireUser(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				b := make([]byte, 100)
				n, _ := r.Body.Read(b)
				_, _ = fmt.Fprintf(rw, "%s %s", headless.User(r.Context()).Email, b[:n])
			})))
			p := w.Make(Person{})
			c.LogIn(p)
			if r := c.Post(at("/echo"), "hello"); string(r.Raw) != p.Email+" hello" {
				t.Errorf("got %q", r.Raw)
			}
		})
	})
}

// terms asks everybody to accept them, once for each login.
type terms struct{}

func (terms) Key() string { return "accept_terms" }

func (terms) Enter(_ context.Context, l *account.Login) (account.Verdict, error) {
	switch {
	case l.User == nil || strings.HasPrefix(l.User.Username, "Trusted"):
		return account.Pass, nil
	case strings.HasPrefix(l.User.Username, "Banned"):
		return account.Refuse, nil
	case strings.HasPrefix(l.User.Username, "Broken"):
		return account.Pass, fmt.Errorf("the terms are lost")
	}
	return account.Wait, l.Keep("terms", time.Now().Year())
}

func (terms) Describe(_ context.Context, l *account.Login) map[string]any {
	var year int
	return map[string]any{"terms": "https://app.example.org/terms", "kept": l.Kept("terms", &year) && year > 2000, "login": l.Email}
}

// second is a stage behind terms.
type second struct{ terms }

func (second) Key() string { return "survey" }

func (second) Enter(_ context.Context, l *account.Login) (account.Verdict, error) {
	if l.User != nil && strings.HasPrefix(l.User.Username, "Surveyed") {
		return account.Wait, nil
	}
	return account.Pass, nil
}

// spec: core.md §6; ARCHITECTURE §7.
func TestHostStages(t *testing.T) {
	wiretest.Each(t, func(c *Config) {
		c.Stages = []account.Stage{terms{}, second{}}
		c.Account.LoginOnPasswordReset, c.Account.LoginByCode = true, true
	}, func(t *testing.T, w *World, c *Client) {
		prefix := "/" + c.Kind
		for _, stage := range []string{"accept_terms", "survey"} {
			w.Mux.HandleFunc("POST "+prefix+"/"+stage, func(rw http.ResponseWriter, r *http.Request) { w.Auth.CompleteStage(rw, r, stage) })
		}
		accept := func(c *Client) *wiretest.Reply { return c.Post("/"+prefix+"/accept_terms", nil) }
		// On a host's route nothing but its token tells an app from a browser.
		nobody := map[string]int{"browser": 409, "app": 403}
		logIn := func(c *Client, p *Person) *wiretest.Reply {
			return c.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password})
		}

		w.Run("a stage of the host's waits and is told with its own words", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			r := logIn(c, p).Pending("accept_terms")
			var d struct{ Flows []M }
			r.Into(&d)
			equal(t, d.Flows[len(d.Flows)-1], M{"id": "accept_terms", "is_pending": true, "terms": "https://app.example.org/terms", "kept": true, "login": p.Email})
			before := c.Credential()
			w.Events.Take()
			r = accept(c)
			r.LoggedIn()
			equal(t, r.Methods(), []M{{"method": "password", "email": p.Email}})
			same(t, w.Events.Take(), "user_logged_in")
			if c.Credential() == before {
				t.Error("the identifier stayed the same")
			}
			c.Dead(before)
			accept(c).Is(409)
		})
		w.Run("stages come in their order", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: "Surveyed" + wiretest.FreshName(), Unverified: true})
			logIn(c, p).Pending("verify_email")
			accept(c).Is(409)
			c.Post("/"+prefix+"/survey", nil).Is(409)
			c.Other().Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, p.Email, "email_confirmation").Data["key"]}).Is(401)
			logIn(c, p).Pending("accept_terms")
			c.Post("/"+prefix+"/survey", nil).Is(409)
			accept(c).Pending("survey")
			accept(c).Is(409)
			c.Post("/"+prefix+"/survey", nil).LoggedIn()
		})
		w.Run("a stage that passes is not seen", func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{Username: "Trusted" + wiretest.FreshName()}))
		})
		w.Run("a stage may refuse", func(t *testing.T, w *World, c *Client) {
			// MFA-1: a denying host stops every path.
			p := w.Make(Person{Username: "Banned" + wiretest.FreshName()})
			logIn(c, p).NothingPending()
			c.Other().Post("/auth/password/reset", M{"key": requestKey(t, w, c.Other(), p.Email), "password": newPassword}).NothingPending()
			d := c.Other()
			d.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			d.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).NothingPending()
			if w.Sessions(p.ID) != 0 {
				t.Error("the user has a session")
			}
		})
		w.Run("a stage that fails is a 500 and no login", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: "Broken" + wiretest.FreshName()})
			logIn(c, p).Is(500)
			c.Session().NothingPending()
		})
		w.Run("no way to log in passes it by", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			d := c.Other()
			d.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			d.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).Pending("accept_terms")
			d = c.Other()
			d.Post("/auth/password/reset", M{"key": requestKey(t, w, d, p.Email), "password": newPassword}).Pending("accept_terms")
			accept(d).LoggedIn()
		})
		w.Run("nothing is completed by who has not come so far", func(t *testing.T, w *World, c *Client) {
			accept(c).Is(nobody[c.Kind])
			p := w.Make(Person{Username: "Trusted" + wiretest.FreshName()})
			c.LogIn(p)
			accept(c).Is(409)
			c.Session().LoggedIn()
		})
		w.Run("a stage is over with the login", func(t *testing.T, w *World, c *Client) {
			logIn(c, w.Make(Person{})).Pending("accept_terms")
			w.Clock.Advance(15*time.Minute + time.Second)
			accept(c).Is(409)
		})
		w.Run("a stage is completed by its own client alone, with its token", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			logIn(c, p).Pending("accept_terms")
			accept(c.Other()).Is(nobody[c.Kind])
			if c.Kind == "browser" {
				c.Header.Set("X-CSRFToken", "")
				c.Raw("POST", "/"+prefix+"/accept_terms", nil).Is(403)
				c.Header.Del("X-CSRFToken")
			}
			accept(c).LoggedIn()
		})
		w.Run("a user who was disabled meanwhile does not get in", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			logIn(c, p).Pending("accept_terms")
			u := w.User(p.ID)
			u.Disabled = true
			if err := w.Store.UpdateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			accept(c).NothingPending()
		})
	})
}

// spec: account.md §14; requirements DIS-2, REL-8.
func TestEvents(t *testing.T) {
	t.Run("a subscriber that panics changes nothing", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.OnEvent = func(context.Context, account.Event) { panic("the host's own fault") }
		}, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			c.Session().LoggedIn()
			c.Delete("/auth/session", nil).Is(401)
		})
	})
	t.Run("tell of what was kept, to who asks the store", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.EmailVerification = account.None
			st := c.Store
			c.OnEvent = func(ctx context.Context, e account.Event) {
				if e.Name() != "user_signed_up" {
					return
				}
				if u, err := st.User(ctx, e.Subject().ID); err != nil || u.Email == "" {
					t.Errorf("the account is not there yet: %v", err)
				}
				if r := headless.Session(ctx); r != nil && r.ID == "" {
					t.Error("the session has no id")
				}
			}
		}, func(t *testing.T, w *World, c *Client) {
			c.Post("/auth/signup", M{"email": wiretest.FreshEmail(), "password": wiretest.Password}).LoggedIn()
		})
	})
	t.Run("hold no secrets", func(t *testing.T) {
		// SEC-5.
		var all []string
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) {
			loginByCode(c)
			c.OnEvent = func(_ context.Context, e account.Event) {
				b, err := json.Marshal(e)
				if err != nil {
					t.Error(err)
				}
				all = append(all, string(b), fmt.Sprintf("%+v %v %#v", e, e.Subject(), e))
			}
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.Post("/auth/login", M{"email": p.Email, "password": "wrong-Plum-9"}).Is(400)
			c.Post("/auth/code/request", M{"email": p.Email}).Is(401)
			code := w.Inbox.Mail(t, p.Email, "login_code").Data["code"]
			c.Post("/auth/code/confirm", M{"code": "BCDF-GHJK"}).Is(400)
			c.Post("/auth/code/confirm", M{"code": code}).LoggedIn()
			c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword}).LoggedIn()
			if len(all) < 8 {
				t.Fatalf("got %q", all)
			}
			for _, e := range all {
				for _, secret := range []string{"wrong-Plum-9", wiretest.Password, newPassword, code, "argon2id", c.Credential()} {
					if strings.Contains(e, secret) {
						t.Errorf("%s tells %q", e, secret)
					}
				}
			}
		})
	})
}
