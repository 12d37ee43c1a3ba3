package mfa_test

import (
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/store"
)

// No way in goes round the further factor. Requirement MFA-1.
func TestWaysIn(t *testing.T) {
	mailed := func(t *testing.T, w *World, p *Person, kind, what string) string {
		t.Helper()
		return w.Inbox.Mail(t, p.Email, kind).Data[what]
	}
	enter := func(c *Client, method, id string) *wiretest.Reply {
		return c.Post("/auth/login", M{method: id, "password": wiretest.Password})
	}
	for name, way := range map[string]struct {
		change func(c *headless.Config)
		// what the person has besides a proven address
		name, phone, unverified bool

		in func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply
	}{
		"password by address": {in: func(_ *testing.T, _ *World, c *Client, p *Person) *wiretest.Reply { return enter(c, "email", p.Email) }},
		"password by username": {
			change: func(c *headless.Config) { c.Account.LoginMethods = []string{"username", "email"} }, name: true,
			in: func(_ *testing.T, _ *World, c *Client, p *Person) *wiretest.Reply {
				return enter(c, "username", p.Username)
			},
		},
		"password by phone": {
			change: func(c *headless.Config) { c.Account.LoginMethods = []string{"phone", "email"} }, phone: true,
			in: func(_ *testing.T, _ *World, c *Client, p *Person) *wiretest.Reply { return enter(c, "phone", p.Phone) },
		},
		"code by mail": {
			change: func(c *headless.Config) { c.Account.LoginByCode = true },
			in: func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
				c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
				return c.Post("/auth/code/confirm", M{"code": mailed(t, w, p, "login_code", "code")})
			},
		},
		"code to an address that was never proven": {
			change: func(c *headless.Config) {
				c.Account.LoginByCode, c.Account.EmailVerification, c.MFA.AllowUnverifiedEmail = true, "none", true
			},
			unverified: true,
			in: func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
				c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
				return c.Post("/auth/code/confirm", M{"code": mailed(t, w, p, "login_code", "code")})
			},
		},
		"code by text message": {
			change: func(c *headless.Config) {
				c.Account.LoginMethods, c.Account.LoginByCode = []string{"phone", "email"}, true
			},
			phone: true,
			in: func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
				c.Post("/auth/code/request", M{"phone": p.Phone}).Pending("login_by_code")
				return c.Post("/auth/code/confirm", M{"code": w.Inbox.Texts(p.Phone)[0].Code})
			},
		},
		"password and required code": {
			change: func(c *headless.Config) { c.Account.LoginCodeRequired = []string{"*"} },
			in: func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
				enter(c, "email", p.Email).Pending("login_by_code")
				return c.Post("/auth/code/confirm", M{"code": mailed(t, w, p, "login_code", "code")})
			},
		},
		"password reset by link": {
			change: func(c *headless.Config) { c.Account.LoginOnPasswordReset = true },
			in: func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
				c.Post("/auth/password/request", M{"email": p.Email}).Is(200)
				return c.Post("/auth/password/reset", M{"key": mailed(t, w, p, "password_reset_key", "key"), "password": wiretest.Password})
			},
		},
		"password reset by code": {
			change: func(c *headless.Config) { c.Account.LoginOnPasswordReset, c.Account.PasswordResetByCode = true, true },
			in: func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
				c.Post("/auth/password/request", M{"email": p.Email}).Is(401)
				return c.Post("/auth/password/reset", M{"key": mailed(t, w, p, "password_reset_code", "code"), "password": wiretest.Password})
			},
		},
		"password reset at an address that was never proven": {
			change: func(c *headless.Config) {
				c.Account.LoginOnPasswordReset, c.Account.EmailVerification, c.MFA.AllowUnverifiedEmail = true, "none", true
			},
			unverified: true,
			in: func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
				c.Post("/auth/password/request", M{"email": p.Email}).Is(200)
				return c.Post("/auth/password/reset", M{"key": mailed(t, w, p, "password_reset_key", "key"), "password": wiretest.Password})
			},
		},
		"verification by link": {
			change: func(c *headless.Config) { c.Account.LoginOnEmailVerification = true }, unverified: true,
			in: func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
				enter(c, "email", p.Email).Pending("verify_email")
				return c.Post("/auth/email/verify", M{"key": mailed(t, w, p, "email_confirmation", "key")})
			},
		},
		"verification by code": {
			change: func(c *headless.Config) { c.Account.EmailVerificationByCode = true }, unverified: true,
			in: func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
				enter(c, "email", p.Email).Pending("verify_email")
				return c.Post("/auth/email/verify", M{"key": mailed(t, w, p, "email_confirmation", "code")})
			},
		},
		"verification of a number": {
			change: func(c *headless.Config) {
				c.Account.LoginMethods, c.Account.SignupFields, c.Account.EmailVerification = []string{"phone", "email"}, []string{"phone*", "email", "password1*"}, "none"
				c.MFA.AllowUnverifiedEmail = true
			},
			phone: true, unverified: true,
			in: func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
				enter(c, "phone", p.Phone).Pending("verify_phone")
				return c.Post("/auth/phone/verify", M{"code": w.Inbox.Texts(p.Phone)[0].Code})
			},
		},
		"reactivation": {
			change: func(c *headless.Config) { c.Account.Closing = true },
			in: func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
				u := w.User(p.ID)
				u.Disabled, u.DeactivatedAt = true, w.Clock.Now()
				if err := w.Store.UpdateUser(t.Context(), u); err != nil {
					t.Fatal(err)
				}
				return c.Post("/ext/auth/reactivate", M{"email": p.Email, "password": wiretest.Password})
			},
		},
		"an identity provider": {
			change: social(socialaccount.Config{}),
			in: func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
				s := &store.SocialAccount{UserID: p.ID, Provider: "truthful", UID: p.Email, CreatedAt: w.Clock.Now()}
				if err := w.Store.CreateSocialAccount(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				return c.Post("/auth/provider/token", M{"provider": "truthful", "process": "login", "token": M{"client_id": "x", "access_token": p.Email}})
			},
		},
		"an identity provider that knows the address": {
			change: social(socialaccount.Config{EmailAuthentication: true}),
			in: func(_ *testing.T, _ *World, c *Client, p *Person) *wiretest.Reply {
				return c.Post("/auth/provider/token", M{"provider": "truthful", "process": "login", "token": M{"client_id": "x", "access_token": p.Email}})
			},
		},
		"a login of another user before": {in: func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
			other := w.Make(Person{})
			row(t, w, other, "totp", `{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`, nil)
			enter(c, "email", other.Email).Pending("mfa_authenticate")
			return enter(c, "email", p.Email)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(c *headless.Config) {
				c.MFA.Trust = true
				if way.change != nil {
					way.change(c)
				}
			}, func(t *testing.T, w *World, c *Client) {
				person := Person{Unverified: way.unverified}
				if way.name {
					person.Username = wiretest.FreshName()
				}
				if way.phone {
					person.Phone = wiretest.FreshPhone()
				}
				p := w.Make(person)
				row(t, w, p, "totp", `{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`, nil)
				r := way.in(t, w, c, p).Pending("mfa_authenticate")
				if r.Meta["access_token"] != nil || r.Meta["is_authenticated"] != false {
					t.Errorf("got meta %v", r.Meta)
				}
				notIn(t, c)
				c.Post(codePath, M{"code": codeAt(t, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", w.Clock.Now())}).Is(map[string]int{"app": 200, "browser": 401}[c.Kind])
			})
		})
	}
}

// social configures a site with a truthful identity provider.
func social(s socialaccount.Config) func(c *headless.Config) {
	s.Providers = []socialaccount.Provider{truthful{}}
	return func(c *headless.Config) {
		own := s
		c.Social, c.Frontend.SocialLoginError = &own, "/error"
	}
}

// truthful is an identity provider that has verified whatever address its
// tokens are.
type truthful struct{}

// Info implements [socialaccount.Provider].
func (truthful) Info() socialaccount.Info {
	return socialaccount.Info{ID: "truthful", Name: "Truthful", ClientIDs: []string{"x"}}
}

// VerifyToken implements [socialaccount.TokenVerifier].
func (truthful) VerifyToken(_ context, _ socialaccount.Tools, t socialaccount.Token) (*socialaccount.Identity, error) {
	return &socialaccount.Identity{UID: t.AccessToken, Emails: []socialaccount.Email{{Address: t.AccessToken, Verified: true}}}, nil
}

// notIn checks that a client whose login waits for a factor is nobody, and that
// nothing but the factor gets it on.
func notIn(t *testing.T, c *Client) {
	t.Helper()
	c.Session().Pending("mfa_authenticate")
	for _, path := range []string{"/account/email", listPath, totpPath, recoveryPath, keysPath, browsersPath, "/auth/webauthn/reauthenticate"} {
		c.Get(path).Is(401)
	}
	for path, status := range map[string]int{
		"/auth/2fa/reauthenticate": 401, "/auth/reauthenticate": 401, "/account/password/change": 401, recoveryPath: 401, totpPath: 401,
		"/auth/code/confirm": 409,
	} {
		c.Post(path, M{"code": "1", "password": wiretest.Password, "key": "1", "trust": true}).Is(status)
	}
	if c.Kind == "browser" {
		c.Post(trustPath, M{"trust": true}).Is(401)
	}
	c.Session().Pending("mfa_authenticate")
}

// Requirement MFA-2.
func TestStageBelongsToItsUser(t *testing.T) {
	t.Run("another user's factor does not do", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			a, b := w.Make(Person{}), w.Make(Person{})
			c.LogIn(a)
			appA, keyA := activate(t, w, c), addKey(t, w, c, "")
			codes := recoveryCodes(t, c)
			c = c.Other()
			c.LogIn(b)
			activate(t, w, c)
			c = c.Other()
			logIn(c, b).Pending("mfa_authenticate")
			c.Post(codePath, M{"code": appA.Next()}).Fails("code:incorrect_code")
			c.Post(codePath, M{"code": codes[0]}).Fails("code:incorrect_code")
			answer(t, c, keyPath, keyA).Fails("credential:incorrect_code")
		})
	})
	t.Run("it expires with the login", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			app := activate(t, w, c)
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			w.Clock.Advance(15 * time.Minute)
			c.Post(codePath, M{"code": app.Code()}).NothingPending()
			c.Get(keyPath).NothingPending()
		})
	})
	t.Run("it ends when the user's password is reset", func(t *testing.T) { // requirement SES-5
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			app := activate(t, w, c)
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			owner := c.Other()
			w.Inbox.Mails(p.Email)
			owner.Post("/auth/password/request", M{"email": p.Email}).Is(200)
			key := w.Inbox.Mail(t, p.Email, "password_reset_key").Data["key"]
			owner.Post("/auth/password/reset", M{"key": key, "password": "another-Quartz-32"}).Is(401)
			c.Session().NothingPending()
			c.Post(codePath, M{"code": app.Next()}).NothingPending()
			c.Get(keyPath).NothingPending()
		})
	})
	t.Run("attack: a session that was planted in the browser", func(t *testing.T) { // requirement SES-1
		each(t, trusting, func(t *testing.T, w *World, c *Client) {
			if c.Kind == "app" {
				return // nobody can plant anything there
			}
			p := w.Make(Person{})
			c.LogIn(p)
			app := activate(t, w, c)
			for _, prepare := range []func(attacker *Client){
				func(attacker *Client) { attacker.Get(loginPath).Is(200) },
				func(attacker *Client) { // it holds a waiting login already
					attacker.Post("/auth/signup", M{"email": wiretest.FreshEmail(), "password": wiretest.Password}).Pending("verify_email")
				},
			} {
				attacker, victim := c.Other(), c.Other()
				prepare(attacker)
				victim.SetCookie("sessionid", attacker.Cookie("sessionid"))
				logIn(victim, p).Pending("mfa_authenticate")
				victim.Post(codePath, M{"code": app.Next()}).Pending("mfa_trust")
				attacker.Post(trustPath, M{"trust": true}).NothingPending()
				victim.Post(trustPath, M{"trust": false}).LoggedIn()
			}
		})
	})
	t.Run("it is no stage of who is logged in", func(t *testing.T) {
		each(t, trusting, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			r := c.Post(codePath, M{"code": "1"}).NothingPending()
			same(t, r.Flows(), "login", "signup", "mfa_login_webauthn") // as for nobody
			if r.Meta["is_authenticated"] != false {
				t.Errorf("got %v", r.Meta)
			}
			c.Session().LoggedIn()
		})
	})
	t.Run("recovery codes alone ask for nothing", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			row(t, w, p, "recovery_codes", `{"seed":"x","used_mask":0}`, nil)
			logIn(c, p).LoggedIn()
		})
	})
	t.Run("a user who was disabled meanwhile", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			app := activate(t, w, c)
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			u := w.User(p.ID)
			u.Disabled = true
			if err := w.Store.UpdateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			c.Post(codePath, M{"code": app.Next()}).NothingPending()
			c.Session().NothingPending()
		})
	})
}
