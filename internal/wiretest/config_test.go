package wiretest_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
)

type (
	M      = wiretest.M
	World  = wiretest.World
	Client = wiretest.Client
	Person = wiretest.Person
	Config = headless.Config
)

// spec: config-openapi.md §1.
func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"says what is on by default", nil,
			`{"authentication_method":"email","login_methods":["email"],"is_open_for_signup":true,"email_verification_by_code_enabled":false,"login_by_code_enabled":false,"password_reset_by_code_enabled":false}`},
		{"lists login methods in a fixed order", func(c *Config) { c.Account.LoginMethods = []string{"phone", "username", "email"} },
			`{"authentication_method":"username_email","login_methods":["email","username","phone"],"is_open_for_signup":true,"email_verification_by_code_enabled":false,"login_by_code_enabled":false,"password_reset_by_code_enabled":false}`},
		{"calls username and phone username", func(c *Config) { c.Account.LoginMethods = []string{"phone", "username"} },
			`{"authentication_method":"username","login_methods":["username","phone"],"is_open_for_signup":true,"email_verification_by_code_enabled":false,"login_by_code_enabled":false,"password_reset_by_code_enabled":false}`},
		{"has no word for phone alone", func(c *Config) { c.Account.LoginMethods = []string{"phone"} },
			`{"login_methods":["phone"],"is_open_for_signup":true,"email_verification_by_code_enabled":false,"login_by_code_enabled":false,"password_reset_by_code_enabled":false}`},
		{"says which codes are on", func(c *Config) {
			c.Account.LoginByCode, c.Account.EmailVerificationByCode, c.Account.PasswordResetByCode = true, true, true
		}, `{"authentication_method":"email","login_methods":["email"],"is_open_for_signup":true,"email_verification_by_code_enabled":true,"login_by_code_enabled":true,"password_reset_by_code_enabled":true}`},
		{"says that signup is closed", func(c *Config) { c.Account.SignupClosed = true },
			`{"authentication_method":"email","login_methods":["email"],"is_open_for_signup":false,"email_verification_by_code_enabled":false,"login_by_code_enabled":false,"password_reset_by_code_enabled":false}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wiretest.EachOn(t, []string{"memory"}, tt.change, func(t *testing.T, w *World, c *Client) {
				r := c.Get("/config").Is(200)
				if got, want := string(r.Data), `{"account":`+tt.want+`}`; got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
				if r.Meta != nil || strings.Contains(string(r.Raw), `"meta"`) {
					t.Errorf("got meta %v, want none", r.Meta)
				}
			})
		})
	}

	t.Run("asks the host for every caller whether signup is open", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) {
			c.Hooks.AllowSignup = func(_ context.Context, r *http.Request) bool { return r.Header.Get("X-Invited") == "yes" }
		}, func(t *testing.T, w *World, c *Client) {
			open := func() bool {
				var d struct {
					Account struct {
						Open bool `json:"is_open_for_signup"`
					}
				}
				c.Get("/config").Into(&d)
				return d.Account.Open
			}
			if open() || slices.Contains(c.Session().Flows(), "signup") {
				t.Error("signup is open to strangers")
			}
			c.Header.Set("X-Invited", "yes")
			if !open() || !slices.Contains(c.Session().Flows(), "signup") {
				t.Error("signup is closed to guests")
			}
		})
	})

	t.Run("a client that is not served is not found", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) { c.Clients = []string{"app"} }, func(t *testing.T, w *World, c *Client) {
			want := map[string]int{"app": 200, "browser": 404}[c.Kind]
			c.Raw("GET", "/config", nil).Is(want)
			if c.Kind == "browser" {
				// Routing comes before the CSRF check. spec: core.md §2.
				c.Raw("POST", "/auth/login", M{}).Is(404)
			}
		})
	})

	t.Run("every answer forbids caching and tells its type", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, nil, func(t *testing.T, w *World, c *Client) {
			for _, r := range []*wiretest.Reply{
				c.Get("/config"), c.Session(), c.Post("/auth/login", M{}), c.Post("/auth/login", "{"), c.Put("/auth/login", M{}), c.Get("/nowhere"),
				c.Holding("unknown").Session(), c.Delete("/auth/session", nil),
			} {
				for name, want := range map[string]string{
					"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
					"Cache-Control": "max-age=0, no-cache, no-store, must-revalidate, private",
					"Expires":       "0", // RFC 9111 §5.3: a time that is over
				} {
					if got := r.Header.Get(name); got != want {
						t.Errorf("%s answered %d with %s %q, want %q", r.What, r.Status, name, got, want)
					}
				}
				if got := r.Header.Values("Vary"); c.Kind == "browser" && r.Status != 404 && !slices.Contains(got, "Cookie") {
					t.Errorf("%s: got Vary %q, want Cookie", r.What, got)
				}
				if got := r.Header.Get("Access-Control-Allow-Origin"); got != "" {
					t.Errorf("%s: got CORS headers that nobody asked for", r.What)
				}
				if c.Kind == "app" && len(r.Cookies) > 0 {
					t.Errorf("%s: an app got cookies %v", r.What, r.Cookies)
				}
			}
		})
	})
}

func usernames(c *Config) {
	c.Account.LoginMethods = []string{"email", "username"}
	c.Account.SignupFields = []string{"username*", "email*", "password1*"}
}

func codeVerification(c *Config) {
	c.Account.EmailVerificationByCode = true
	c.Account.EmailVerificationCode = account.CodeConfig{MaxResends: 2, MaxChanges: 2}
}

// spec: account.md §1, core.md §5.
func TestSession(t *testing.T) {
	wiretest.Each(t, func(c *Config) {
		codeVerification(c)
		c.Account.LoginByCode, c.Account.PasswordResetByCode = true, true
	}, func(t *testing.T, w *World, c *Client) {
		w.Run("a stranger is told what there is to do", func(t *testing.T, w *World, c *Client) {
			r := c.Session().NothingPending()
			same(t, r.Flows(), "login", "login_by_code", "signup", "password_reset_by_code")
			if r.Meta["is_authenticated"] != false || r.Meta["session_token"] != nil {
				t.Errorf("got meta %v, want only is_authenticated false", r.Meta)
			}
			if c.Credential() != "" {
				t.Error("asking made a session")
			}
		})
		w.Run("a user is told who they are", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName()})
			c.LogIn(p)
			r := c.Session()
			u := r.LoggedIn()
			equal(t, u, M{"id": u["id"], "display": p.Username, "email": p.Email, "username": p.Username, "has_usable_password": true})
			equal(t, r.Methods(), []M{{"method": "password", "email": p.Email}})
			if r.Meta["session_token"] != nil {
				t.Error("the token was told again")
			}
		})
		w.Run("what a user does not have is left out", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{NoPassword: true})
			c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			u := c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
			equal(t, u, M{"id": u["id"], "display": p.Email, "email": p.Email, "has_usable_password": false})
		})
		w.Run("logging out ends the session", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			old, csrf := c.Credential(), c.Cookie("csrftoken")
			w.Events.Take()
			r := c.Delete("/auth/session", nil).NothingPending()
			same(t, r.Flows(), "login", "login_by_code", "signup", "password_reset_by_code")
			same(t, w.Events.Take(), "user_logged_out")
			if r.Meta["is_authenticated"] != false || r.Meta["session_token"] != nil {
				t.Errorf("got meta %v, want only is_authenticated false", r.Meta)
			}
			if n := w.Sessions(p.ID); n != 0 {
				t.Errorf("%d sessions are left", n)
			}
			c.Dead(old)
			if c.Kind == "browser" {
				k := cookie(r, "sessionid")
				if k == nil || k.Value != "" || k.MaxAge >= 0 || k.Path != "/" {
					t.Errorf("got cookie %v, want it deleted", k)
				}
				if c.Cookie("csrftoken") != csrf || c.Cookie("sessionid") != "" {
					t.Error("the browser does not keep its CSRF token and nothing else")
				}
			}
		})
		w.Run("logging out as nobody is fine", func(t *testing.T, w *World, c *Client) {
			w.Events.Take()
			c.Delete("/auth/session", nil).NothingPending()
			same(t, w.Events.Take()) // nobody was logged in
			c.Delete("/auth/session", M{"ignored": true}).NothingPending()
			c.Delete("/auth/session", "{").Fails(":invalid_json")
		})
		w.Run("logging out cancels a login that waits", func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
			code, old := w.Inbox.Mail(t, email, "email_confirmation_signup").Data["code"], c.Credential()
			c.Delete("/auth/session", nil).NothingPending()
			c.Dead(old)
			if c.Kind == "app" {
				c.Token = ""
			}
			c.Post("/auth/email/verify", M{"key": code}).Is(409)
		})
		w.Run("logging out cancels a code to log in with", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			c.Delete("/auth/session", nil).NothingPending()
			if c.Kind == "app" {
				c.Token = ""
			}
			c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).Is(409)
		})
		w.Run("logging out cancels a password reset", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.Post("/auth/password/request", M{"email": p.Email}).Pending("password_reset_by_code")
			c.Delete("/auth/session", nil).NothingPending()
			if c.Kind == "app" {
				c.Token = ""
			}
			c.Post("/auth/password/reset", M{"key": w.Inbox.Mail(t, p.Email, "password_reset_code").Data["code"], "password": "another-Plum-7"}).Is(409)
		})
		w.Run("an unknown credential is answered as the client needs it", func(t *testing.T, w *World, c *Client) {
			// spec: core.md §1.1, §2: 410 comes before everything but CSRF.
			for _, bad := range []string{"unknown", strings.Repeat("x", 43), strings.Repeat("x", 4000)} {
				d := c.Holding(bad)
				if c.Kind == "browser" {
					r := d.Session().NothingPending()
					if k := cookie(r, "sessionid"); k == nil || k.MaxAge >= 0 {
						t.Errorf("the dead cookie was not deleted: %v", k)
					}
					continue
				}
				for _, path := range []string{"/config", "/auth/session", "/account/email"} {
					d.Token = bad
					r := d.Get(path).Is(410)
					same(t, r.Flows(), "login", "login_by_code", "signup", "password_reset_by_code")
					equal(t, r.Meta, M{"is_authenticated": false})
				}
				d.Token = bad
				d.Post("/auth/login", "{").Is(410)
				d.Token = bad
				d.Put("/auth/login", nil).Is(410)
			}
		})
		w.Run("an empty credential counts as none", func(t *testing.T, w *World, c *Client) {
			if c.Kind == "app" {
				c.Header.Set("X-Session-Token", "")
			} else {
				c.Header.Set("Cookie", "sessionid=")
			}
			c.Session().Is(401)
		})
		w.Run("each client has its own carrier and ignores the other's", func(t *testing.T, w *World, c *Client) {
			// SES-7: two credentials never mix identities.
			p, q := w.Make(Person{}), w.Make(Person{})
			browser, app := w.Client("browser"), w.Client("app")
			browser.LogIn(p)
			app.LogIn(q)
			browser.Header.Set("X-Session-Token", app.Token)
			app.Header.Set("Cookie", "sessionid="+browser.Cookie("sessionid"))
			if got := browser.Session().LoggedIn()["email"]; got != p.Email {
				t.Errorf("the browser is %v", got)
			}
			if got := app.Session().LoggedIn()["email"]; got != q.Email {
				t.Errorf("the app is %v", got)
			}
			app.Token = ""
			app.Session().NothingPending()
			browser.Header.Set("Cookie", "")
			// Neither from the URL nor from the body.
			app.Get("/auth/session?sessionid=" + browser.Cookie("sessionid") + "&session_token=" + q.ID).Is(401)
		})
		w.Run("a user who has vanished is nobody", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			old := c.Credential()
			if err := w.Store.DeleteUser(t.Context(), p.ID); err != nil {
				t.Fatal(err)
			}
			c.Dead(old)
		})
		w.Run("a user who was disabled is nobody", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			u := w.User(p.ID)
			u.Disabled = true
			if err := w.Store.UpdateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			c.Session().NothingPending()
			c.Get("/account/email").Is(401)
		})
	})
}
