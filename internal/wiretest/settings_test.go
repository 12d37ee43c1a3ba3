package wiretest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens"
)

// spec: account.md §0; requirement PWD-1.
func TestPasswordRules(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		// passwords are by what is wrong with them, "" for nothing.
		passwords map[string]string
	}{
		{"by default", nil, map[string]string{
			"Kx7!ab": "password_too_short", "baseball1": "password_too_common", "BASEBALL1": "password_too_common", "482917365028": "password_entirely_numeric",
			"rosalind1": "password_too_similar", "dnilasor1": "password_too_similar", "xq-rosalind-vw-93": "", "Kx7!abcd": "", "пароль-и-ещё": "", "🔑🔑🔑🔑🔑🔑🔑🔑": "", strings.Repeat("ab-", 1365): "",
		}},
		{"that are longer", func(c *Config) { c.Account.Password.MinLength = 12 }, map[string]string{"Kx7!abcdefg": "password_too_short", "Kx7!abcdefgh": ""}},
		{"that are shorter", func(c *Config) { c.Account.Password.MinLength = 4 }, map[string]string{"Kx7": "password_too_short", "Kx7!": ""}},
		{"without a list of common ones", func(c *Config) { c.Account.Password.AllowCommon = true }, map[string]string{"baseball1": "", "Kx7!ab": "password_too_short"}},
		{"with digits only", func(c *Config) { c.Account.Password.AllowNumeric = true }, map[string]string{"482917365028": ""}},
		{"like other details", func(c *Config) { c.Account.Password.AllowSimilar = true }, map[string]string{"rosalind1": ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wiretest.Each(t, func(c *Config) {
				unverified(c)
				if tt.change != nil {
					tt.change(c)
				}
			}, func(t *testing.T, w *World, c *Client) {
				for pw, want := range tt.passwords {
					d := c.Other()
					email := "rosalind@" + strings.ToLower(wiretest.FreshName()) + ".example.org"
					r := d.Post("/auth/signup", M{"email": email, "password": pw})
					if want != "" {
						r.Fails("password:" + want)
						continue
					}
					r.LoggedIn()
					d.Other().Post("/auth/login", M{"email": email, "password": pw}).LoggedIn()
				}
			})
		})
	}
}

// Hashing passwords is bounded, and who waits too long is told so.
// Requirement DOS-1.
func TestBusy(t *testing.T) {
	wiretest.EachOn(t, []string{"memory"}, func(c *Config) {
		c.Account.Password = account.PasswordConfig{Argon2Memory: 64 << 10, Argon2Time: 2, Argon2Threads: 1, MaxConcurrent: 1, MaxWait: time.Nanosecond}
	}, func(t *testing.T, w *World, c *Client) {
		var l tally
		storm(12, func(int) {
			rec := direct(w, c.Other(), "POST", "/auth/login", M{"email": wiretest.FreshEmail(), "password": "x"})
			if rec.Code == http.StatusServiceUnavailable && (rec.Header().Get("Retry-After") == "" || rec.Body.String() != "{\"status\":503}\n") {
				t.Errorf("got %v %s", rec.Header(), rec.Body)
			}
			l.add(answer(http.StatusText(rec.Code)))
		})
		if l.n["Bad Request"] == 0 || l.n["Service Unavailable"] == 0 || len(l.n) != 2 {
			t.Errorf("got %v, want some that had their turn and some that had not", l.n)
		}
		s := w.Auth.Stats()
		if s.Hashes == 0 || s.HashesRefused == 0 || s.HashesWaiting != 0 {
			t.Errorf("got %+v", s)
		}
		c.Session().NothingPending() // other routes don't care
	})
}

// stuck is a store that answers one question only when it is too late.
type stuck struct{ store.Store }

func (stuck) EmailsByAddress(ctx context.Context, _ string) ([]*store.EmailAddress, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// lost is a store whose backend is gone.
type lost struct{ store.Store }

func (lost) SessionByHash(context.Context, []byte) (*store.Session, error) {
	return nil, errors.Join(store.ErrUnavailable, errors.New("connection refused"))
}

func (lost) EmailsByAddress(context.Context, string) ([]*store.EmailAddress, error) {
	return nil, errors.Join(store.ErrUnavailable, errors.New("connection refused"))
}

// Requirement REL-2.
func TestBrokenStore(t *testing.T) {
	t.Run("a request ends in time, and fails closed", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) { c.Store, c.Timeout = stuck{c.Store}, 50*time.Millisecond }, func(t *testing.T, w *World, c *Client) {
			began := time.Now()
			r := c.Post("/auth/login", M{"email": wiretest.FreshEmail(), "password": "x"}).Is(503)
			if string(r.Raw) != "{\"status\":503}\n" || r.Header.Get("Retry-After") == "" {
				t.Errorf("got %v %s", r.Header, r.Raw)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	})
	t.Run("without its backend nobody gets in, and nobody is told apart", func(t *testing.T) {
		// ENU-3.
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) {
			whole := c.Store
			c.Store = lost{whole}
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			for _, email := range []string{p.Email, wiretest.FreshEmail()} {
				r := c.Post("/auth/login", M{"email": email, "password": wiretest.Password}).Is(503)
				if string(r.Raw) != "{\"status\":503}\n" {
					t.Errorf("got %s", r.Raw)
				}
			}
			d := c.Holding("whatever")
			d.Session().Is(503)
		})
	})
}

// spec: account.md §0, §11.
func TestAccountSettings(t *testing.T) {
	t.Run("addresses can be shorter", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Account.EmailMaxLength = 20; unverified(c) }, func(t *testing.T, w *World, c *Client) {
			name := strings.ToLower(wiretest.FreshName()) // 13 letters
			c.Post("/auth/signup", M{"email": name + "@a.exam", "password": wiretest.Password}).LoggedIn()
			c.Other().Post("/auth/signup", M{"email": name + "@a.examp", "password": wiretest.Password}).Fails("email:max_length")
			c.Post("/account/email", M{"email": name + "@b.examp"}).Fails("email:max_length")
		})
	})
	t.Run("codes to reset a password can be others", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			resetByCode(c)
			c.Account.PasswordResetCode = account.CodeConfig{Lifetime: time.Minute, MaxAttempts: 2, Format: account.CodeFormat{Length: 10}}
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			request := func() string {
				c.Post("/auth/password/request", M{"email": p.Email}).Pending("password_reset_by_code")
				return w.Inbox.Mail(t, p.Email, "password_reset_code").Data["code"]
			}
			code := request()
			if len(code) != 12 || code[4] != '-' || code[9] != '-' { // core.md §10: 4-4-2
				t.Errorf("got code %q", code)
			}
			for range 2 {
				c.Post("/auth/password/reset", M{"key": wiretest.Wrong(code), "password": newPassword}).Fails("key:incorrect_code")
			}
			c.Post("/auth/password/reset", M{"key": code, "password": newPassword}).Is(409)
			code = request()
			w.Clock.Advance(61 * time.Second)
			c.Post("/auth/password/reset", M{"key": code, "password": newPassword}).Is(409)
		})
	})
	t.Run("one format can serve all codes, unless they have their own", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			loginByCode(c)
			resetByCode(c)
			codeVerification(c)
			c.Account.CodeFormat = account.CodeFormat{Numeric: true, Length: 6, Undashed: true}
			c.Account.LoginCode.Format = account.CodeFormat{Length: 6}
		}, func(t *testing.T, w *World, c *Client) {
			_, data := signUp(t, w, c)
			if code := data["code"]; len(code) != 6 || strings.Trim(code, "0123456789") != "" {
				t.Errorf("got %q", code)
			}
			p := w.Make(Person{})
			c.Post("/auth/password/request", M{"email": p.Email}).Is(401)
			if code := w.Inbox.Mail(t, p.Email, "password_reset_code").Data["code"]; len(code) != 6 || strings.Trim(code, "0123456789") != "" {
				t.Errorf("got %q", code)
			}
			c.Post("/auth/code/request", M{"email": p.Email}).Is(401)
			if code := w.Inbox.Mail(t, p.Email, "login_code").Data["code"]; len(code) != 7 || code[3] != '-' || strings.Trim(code, "BCDFGHJKLMNPQRSTVWXZ-") != "" {
				t.Errorf("got %q", code)
			}
		})
	})
	t.Run("sessions and limits can be kept elsewhere", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			elsewhere := wiretest.Stores["memory"](t)
			c.SessionStore, c.LimitStore = elsewhere, elsewhere
			c.NoLimits, c.TrustedProxies = false, 1
			codeVerification(c)
		}, func(t *testing.T, w *World, c *Client) {
			c.From(wiretest.FreshIP())
			email, data := signUp(t, w, c)
			c.Post("/auth/email/verify", M{"key": data["code"]}).LoggedIn()
			if n := w.Sessions(idOf(t, w, email)); n != 0 {
				t.Errorf("the main store has %d sessions", n)
			}
			d := c.Other().From(wiretest.FreshIP())
			d.Post("/auth/login", M{"email": email, "password": wiretest.Password}).LoggedIn()
			c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword}).LoggedIn()
			d.Dead(d.Credential()) // SES-5
			for range 5 {
				c.Other().From(wiretest.FreshIP()).Post("/auth/login", M{"email": email, "password": "wrong"}).Fails("password:email_password_mismatch")
			}
			c.Other().From(wiretest.FreshIP()).Post("/auth/login", M{"email": email, "password": newPassword}).Fails(":too_many_login_attempts")
			old := c.Credential()
			c.Delete("/auth/session", nil).Is(401)
			c.Dead(old)
		})
	})
	t.Run("apps can be recognised by something else", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) { c.Tokens = granting{} }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			r := c.LogIn(p)
			// Tokens are granted once, to apps. sessions-tokens.md §2.3
			if got := r.Meta["access_token"]; (got == "access-"+p.ID) != (c.Kind == "app") {
				t.Errorf("got meta %v", r.Meta)
			}
			if r := c.Session(); r.Meta["access_token"] != nil {
				t.Errorf("got meta %v", r.Meta)
			}
			if c.Kind == "app" {
				c.Post("/tokens/refresh", M{}).Fails("refresh_token:required")
				c.Post("/tokens/refresh", M{"refresh_token": "x"}).Is(400)
			} else {
				c.Post("/tokens/refresh", M{}).Is(404)
			}
		})
	})
}

// granting is a strategy that grants an access token to each user.
type granting struct{ tokens.Opaque }

func (granting) Grant(_ context.Context, _ *store.Session, u *store.User, _ tokens.When) (tokens.Grant, error) {
	return tokens.Grant{AccessToken: "access-" + u.ID}, nil
}

// What is an email address, and which are the same. spec: account.md §0;
// requirement EML-1.
func TestAddresses(t *testing.T) {
	wiretest.Each(t, unverified, func(t *testing.T, w *World, c *Client) {
		// Each kind of client has domains of its own.
		own := "." + c.Kind + ".example"
		for _, tt := range []struct{ typed, kept string }{
			{"ada@a" + own, "ada@a" + own}, {"  ADA.Lovelace+Tag@A" + own + " ", "ada.lovelace+tag@a" + own}, {"!#$%&'*+/=?^_{}|~-`@a" + own, "!#$%&'*+/=?^_{}|~-`@a" + own},
			{`"a b"@a` + own, `"a b"@a` + own}, {`"a\"b@c"@a` + own, `"a\"b@c"@a` + own}, {c.Kind + "@localhost", c.Kind + "@localhost"}, {c.Kind + "@[127.0.0.1]", c.Kind + "@[127.0.0.1]"},
			{c.Kind + "@[IPv6:2001:db8::1]", c.Kind + "@[ipv6:2001:db8::1]"}, {"x@b" + own, "x@b" + own}, {"x@" + strings.Repeat("c", 63) + own, "x@" + strings.Repeat("c", 63) + own},
			{"x@EXÄMPLE" + own, "x@exämple" + own}, {"y@xn--exmple-cua" + own, "y@exämple" + own}, {"z@ｅxample" + own, "z@example" + own}, {"z@vis\u200bible" + own, "z@visible" + own},
		} {
			u := c.Other().Post("/auth/signup", M{"email": tt.typed, "password": wiretest.Password}).LoggedIn()
			if u["email"] != tt.kept {
				t.Errorf("%q became %v, want %q", tt.typed, u["email"], tt.kept)
			}
			// However it is spelled, it is this account's.
			for _, again := range []string{tt.typed, tt.kept, strings.ToUpper(tt.kept)} {
				c.Other().Post("/auth/signup", M{"email": again, "password": wiretest.Password}).Fails("email:email_taken")
			}
			c.Other().Post("/auth/login", M{"email": tt.typed, "password": wiretest.Password}).LoggedIn()
		}
		for _, typed := range []string{
			"ada", "@a.example", "ada@", "ada@@a.example", "ada@a", "ada@a.e", "ada@.example", "ada@a..example", "ada@-a.example", "ada@a-.example", "ada@a.example.", "ada@a_b.example",
			"ada@" + strings.Repeat("c", 64) + ".example", ".ada@a.example", "ada.@a.example", "a..b@a.example", "a b@a.example", "a,b@a.example", "a@b@c.example", `"a@a.example`, "a\"b@a.example",
			"\u00e4da@a.example", "ad\u212A@a.example", "\uff41da@a.example", "ada@[127.0.0.256]", "ada@[a.example]", "ada@[127.0.0.1", "ada@127.0.0.1", "ada@a.1", "ada\t@a.example",
			"ada@ex\u00e4mple..org", "mailto:ada@a.example?x", "<ada@a.example>", "ada@a.example b@c.example",
		} {
			r := c.Post("/auth/signup", M{"email": typed, "password": wiretest.Password})
			if r.Status != 400 || r.Errors[0].Param != "email" || r.Errors[0].Code != "invalid" {
				t.Errorf("%q: got %d %s", typed, r.Status, r.Raw)
				c = c.Other()
			}
		}
	})
}
