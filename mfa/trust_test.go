package mfa_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
)

func trusting(c *headless.Config) { c.MFA.Trust = true }

// trustBrowser logs in with a factor and trusts the browser.
func trustBrowser(t *testing.T, c *Client, p *Person, app *App) *http.Cookie {
	t.Helper()
	logIn(c, p).Pending("mfa_authenticate")
	c.Post(codePath, M{"code": app.Next()}).Pending("mfa_trust")
	r := c.Post(trustPath, M{"trust": true})
	r.LoggedIn()
	for _, k := range r.Cookies {
		if k.Name == "mfa_trusted" {
			return k
		}
	}
	t.Fatal("no cookie is set")
	return nil
}

// leave logs out, and keeps what else a browser has.
func leave(c *Client) { c.Delete("/auth/session", nil).NothingPending() }

func browsers(t *testing.T, change func(*headless.Config), stores []string, scenario func(t *testing.T, w *World, c *Client)) {
	t.Helper()
	wiretest.EachOn(t, stores, with(func(c *headless.Config) { trusting(c); c.Clients = []string{"browser"}; change(c) }), func(t *testing.T, w *World, c *Client) {
		if c.Kind == "browser" {
			scenario(t, w, c)
		}
	})
}

func asIs(*headless.Config) {}

// spec: mfa.md §8.
func TestTrust(t *testing.T) {
	all := []string{"memory", "sqlite", "postgres"}
	t.Run("spares the factor for a while", func(t *testing.T) {
		browsers(t, asIs, all, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			app := activate(t, w, c)
			leave(c)
			c.Post(trustPath, M{"trust": true}).NothingPending()
			w.Events.Take()
			k := trustBrowser(t, c, p, app)
			same(t, w.Events.Take(), "authentication_step_completed", "authenticator_used", "authentication_step_completed", "browser_trusted", "user_logged_in")
			if !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.Domain != "" || k.Secure || k.MaxAge != 14*24*3600 || !k.Expires.Equal(w.Clock.Now().Add(14*24*time.Hour)) {
				t.Errorf("got cookie %v", k)
			}
			c.Post(trustPath, M{"trust": true}).NothingPending()
			for range 2 {
				leave(c)
				logIn(c, p).LoggedIn()
			}
			leave(c)
			w.Clock.Advance(14*24*time.Hour - time.Minute)
			logIn(c, p).LoggedIn()
			leave(c)
			w.Clock.Advance(2 * time.Minute) // the cookie is sent in spite of its age
			c.SetCookie("mfa_trusted", k.Value)
			logIn(c, p).Pending("mfa_authenticate")
		})
	})

	t.Run("ends with all other sessions", func(t *testing.T) {
		browsers(t, func(c *headless.Config) { c.Session.List = true }, all, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			app := activate(t, w, c)
			leave(c)
			trustBrowser(t, c, p, app)
			for range 2 {
				o := c.Other()
				logIn(o, p).Pending("mfa_authenticate")
				o.Post(codePath, M{"code": app.Next()}).Pending("mfa_trust")
				o.Post(trustPath, M{"trust": false}).LoggedIn()
			}
			for _, trusted := range []bool{true, false} { // one of the two, then the last
				var l []struct {
					ID      any  `json:"id"`
					Current bool `json:"is_current"`
				}
				c.Get("/auth/sessions").Is(200).Into(&l)
				for _, s := range l {
					if !s.Current {
						c.Delete("/auth/sessions", M{"sessions": []any{s.ID}}).Is(200)
						break
					}
				}
				leave(c)
				if r := logIn(c, p); trusted {
					r.LoggedIn()
				} else {
					r.Pending("mfa_authenticate")
				}
			}
		})
	})

	t.Run("is asked for, not presumed", func(t *testing.T) {
		for body, trusted := range map[string]bool{
			`{"trust":true}`: true, `{"trust":"true"}`: true, `{"trust":1}`: true, `{"trust":"no"}`: true, `{"trust":"0"}`: true,
			`{}`: false, `{"trust":null}`: false, `{"trust":false}`: false, `{"trust":""}`: false, `{"trust":"FALSE"}`: false,
			`{"trust":0}`: false, `{"trust":[]}`: false, `{"trust":{}}`: false,
		} {
			t.Run(body, func(t *testing.T) {
				browsers(t, asIs, inMemory, func(t *testing.T, w *World, c *Client) {
					p := w.Make(Person{})
					c.LogIn(p)
					app := activate(t, w, c)
					leave(c)
					logIn(c, p).Pending("mfa_authenticate")
					c.Post(codePath, M{"code": app.Next()}).Pending("mfa_trust")
					c.Post(trustPath, body).LoggedIn()
					if got := c.Cookie("mfa_trusted") != ""; got != trusted {
						t.Errorf("got trust %v", got)
					}
				})
			})
		}
	})

	t.Run("is no matter of apps", func(t *testing.T) {
		wiretest.EachOn(t, inMemory, with(trusting), func(t *testing.T, w *World, c *Client) {
			if c.Kind == "browser" {
				return
			}
			p := w.Make(Person{})
			b := w.Client("browser")
			b.LogIn(p)
			app := activate(t, w, b)
			leave(b)
			k := trustBrowser(t, b, p, app)
			c.Header.Set("Cookie", "mfa_trusted="+k.Value)
			logIn(c, p).Pending("mfa_authenticate")
			c.Post(codePath, M{"code": app.Next()}).LoggedIn()
			c.Post(trustPath, M{"trust": true}).Is(404)
		})
	})

	t.Run("ends with what it stands on", func(t *testing.T) {
		for name, change := range map[string]func(t *testing.T, w *World, c *Client, p *Person, app *App){
			"the password": func(t *testing.T, w *World, c *Client, p *Person, _ *App) {
				c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": "another-Quartz-32"}).LoggedIn()
				c.Post("/account/password/change", M{"current_password": "another-Quartz-32", "new_password": wiretest.Password}).LoggedIn()
			},
			"another key":        func(t *testing.T, w *World, c *Client, _ *Person, _ *App) { addKey(t, w, c, "") },
			"new recovery codes": func(t *testing.T, w *World, c *Client, _ *Person, _ *App) { c.Post(recoveryPath, nil).Is(200) },
			"TOTP anew": func(t *testing.T, w *World, c *Client, _ *Person, app *App) {
				c.Delete(totpPath, nil).Is(200)
				*app = *activate(t, w, c)
			},
			"the end of all sessions": func(t *testing.T, w *World, _ *Client, p *Person, _ *App) {
				u := w.User(p.ID)
				u.Epoch++
				if err := w.Store.UpdateUser(t.Context(), u); err != nil {
					t.Fatal(err)
				}
			},
		} {
			t.Run(name, func(t *testing.T) {
				browsers(t, asIs, inMemory, func(t *testing.T, w *World, c *Client) {
					p := w.Make(Person{})
					c.LogIn(p)
					app := activate(t, w, c)
					leave(c)
					k := trustBrowser(t, c, p, app)
					change(t, w, c, p, app)
					c = c.Other()
					c.SetCookie("mfa_trusted", k.Value)
					logIn(c, p).Pending("mfa_authenticate")
					c.Post(codePath, M{"code": app.Next()}).Pending("mfa_trust")
				})
			})
		}
	})

	t.Run("outlives what it does not stand on", func(t *testing.T) {
		browsers(t, asIs, inMemory, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			app := activate(t, w, c)
			addKey(t, w, c, "")
			code := recoveryCodes(t, c)[0]
			leave(c)
			k := trustBrowser(t, c, p, app)
			c.Put(keysPath, M{"id": rows(t, w, p)[2].ID, "name": "renamed"}).Is(200)
			c.Post("/auth/2fa/reauthenticate", M{"code": code}).LoggedIn()
			c = c.Other()
			c.SetCookie("mfa_trusted", k.Value)
			logIn(c, p).LoggedIn()
		})
	})

	t.Run("attack by forged, foreign and shapeless cookies", func(t *testing.T) {
		browsers(t, asIs, inMemory, func(t *testing.T, w *World, c *Client) {
			p, other := w.Make(Person{}), w.Make(Person{})
			c.LogIn(other)
			app := activate(t, w, c)
			leave(c)
			foreign := trustBrowser(t, c, other, app).Value
			c = c.Other()
			c.LogIn(p)
			own := activate(t, w, c)
			leave(c)
			good := trustBrowser(t, c, p, own).Value
			for _, v := range []string{foreign, good[:len(good)-1], good + "A", "x", "..", strings.Repeat("x.", 500), strings.Repeat("x", 5000), "W1siYWEiLDE3MDAwMDAwMDBdXQ:vCXRfqqZggbMdhLDTkXdYsjjg7yMS2Esbi_CIxvNKaQ"} {
				c = c.Other()
				c.SetCookie("mfa_trusted", v)
				logIn(c, p).Pending("mfa_authenticate")
			}
			c = c.Other()
			c.SetCookie("mfa_trusted", foreign+".x."+good)
			logIn(c, p).LoggedIn()
		})
	})

	t.Run("of several users of a browser, and not of too many", func(t *testing.T) {
		browsers(t, asIs, inMemory, func(t *testing.T, w *World, c *Client) {
			var people []*Person
			var apps []*App
			for range 12 {
				p := w.Make(Person{})
				c.LogIn(p)
				people, apps = append(people, p), append(apps, activate(t, w, c))
				leave(c)
				trustBrowser(t, c, p, apps[len(apps)-1])
				leave(c)
			}
			if n := strings.Count(c.Cookie("mfa_trusted"), ".") + 1; n != 10 {
				t.Errorf("got %d tokens, want 10", n)
			}
			logIn(c, people[11]).LoggedIn()
			leave(c)
			logIn(c, people[2]).LoggedIn()
			leave(c)
			logIn(c, people[1]).Pending("mfa_authenticate")
			c.Post(codePath, M{"code": apps[1].Next()}).Pending("mfa_trust")
			c.Post(trustPath, M{"trust": true}).LoggedIn()
			// Trusting again replaces, and leaves no row behind.
			u := people[1]
			if l, err := w.Store.TrustedBrowsersOf(t.Context(), u.ID); err != nil || len(l) != 2 {
				t.Errorf("got %v, %v", l, err) // the one whose token fell out, and the new one
			}
		})
	})

	t.Run("goes on to the next stage with its cookie", func(t *testing.T) {
		browsers(t, func(c *headless.Config) { c.Stages = append(c.Stages, terms{}) }, inMemory, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			row(t, w, p, "totp", `{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`, nil)
			logIn(c, p).Pending("mfa_authenticate")
			c.Post(codePath, M{"code": codeAt(t, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", w.Clock.Now())}).Pending("mfa_trust")
			c.Post(trustPath, M{"trust": true}).Pending("accept_terms")
			if c.Cookie("mfa_trusted") == "" {
				t.Error("no cookie is set")
			}
		})
	})
}

// spec: mfa.md §8.3 Port notes: trust counts for what it was given for.
func TestTrustIsBoundToItsPurpose(t *testing.T) {
	both := func(c *headless.Config) {
		c.Account.LoginCodeRequired, c.Account.LoginCodeTrust = []string{"password"}, true
	}
	byCode := func(t *testing.T, w *World, c *Client, p *Person) *wiretest.Reply {
		t.Helper()
		logIn(c, p).Pending("login_by_code")
		return c.Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]})
	}
	t.Run("a code's trust does not spare the factor", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"memory", "sqlite", "postgres"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				st := wiretest.Stores[name](t)
				w := wiretest.New(t, st, with(func(c *headless.Config) { both(c) }))
				next := wiretest.New(t, st, with(func(c *headless.Config) { both(c); trusting(c) }))
				p := w.Make(Person{})
				row(t, w, p, "totp", `{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`, nil)
				c := w.Client("browser")
				byCode(t, w, c, p).Pending("mfa_authenticate")
				c.Post(codePath, M{"code": codeAt(t, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", w.Clock.Now())}).Pending("mfa_trust")
				c.Post(trustPath, M{"trust": true}).LoggedIn()
				d := next.Client("browser")
				d.SetCookie("mfa_trusted", c.Cookie("mfa_trusted"))
				logIn(d, p).Pending("mfa_authenticate") // the code is spared, the factor is not
			})
		}
	})
	t.Run("one trust for both", func(t *testing.T) {
		browsers(t, both, inMemory, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			row(t, w, p, "totp", `{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`, nil)
			byCode(t, w, c, p).Pending("mfa_authenticate")
			c.Post(codePath, M{"code": codeAt(t, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", w.Clock.Now())}).Pending("mfa_trust")
			c.Post(trustPath, M{"trust": true}).LoggedIn()
			leave(c)
			logIn(c, p).LoggedIn()
		})
	})
	t.Run("codes alone, with their route", func(t *testing.T) {
		browsers(t, func(c *headless.Config) { both(c); c.MFA.Trust = false }, inMemory, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			row(t, w, p, "totp", `{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`, nil)
			byCode(t, w, c, p).Pending("mfa_authenticate")
			c.Post(codePath, M{"code": codeAt(t, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", w.Clock.Now())}).Pending("mfa_trust")
			c.Post(trustPath, M{"trust": true}).LoggedIn()
			leave(c)
			logIn(c, p).Pending("mfa_authenticate")
		})
	})
}

// Users see and end what they trust.
func TestTrustedBrowsers(t *testing.T) {
	browsers(t, asIs, []string{"memory", "sqlite", "postgres"}, func(t *testing.T, w *World, c *Client) {
		c.Get(browsersPath).Is(401)
		p := w.Make(Person{})
		c.Header.Set("User-Agent", "Rabbit/1.0")
		c.LogIn(p)
		app := activate(t, w, c)
		var l []M
		c.Get(browsersPath).Is(200).Into(&l)
		if len(l) != 0 {
			t.Errorf("got %v", l)
		}
		leave(c)
		trustBrowser(t, c, p, app)
		other := c.Other()
		trustBrowser(t, other, p, app)
		c.Get(browsersPath).Is(200).Into(&l)
		if len(l) != 2 {
			t.Fatalf("got %v, want 2", l)
		}
		equal(t, without(l[0], "id", "created_at", "expires_at"), M{"ip": "127.0.0.1", "user_agent": "Rabbit/1.0", "is_current": true})
		equal(t, l[1]["is_current"], false)
		stranger := c.Other()
		stranger.LogIn(w.Make(Person{}))
		stranger.Delete(browsersPath, M{"trusted_browsers": []any{l[0]["id"]}}).Fails("trusted_browsers:invalid_choice")
		c.Delete(browsersPath, M{}).Fails("trusted_browsers:required")
		c.Delete(browsersPath, M{"trusted_browsers": "x"}).Fails("trusted_browsers:invalid_list")
		w.Events.Take()
		c.Delete(browsersPath, M{"trusted_browsers": []any{l[1]["id"]}}).Is(200).Into(&l)
		same(t, w.Events.Take(), "browser_distrusted")
		if len(l) != 1 {
			t.Errorf("got %v, want 1", l)
		}
		leave(other)
		logIn(other, p).Pending("mfa_authenticate")
		leave(c)
		logIn(c, p).LoggedIn()
		addKey(t, w, c, "") // voids the rest
		c.Get(browsersPath).Is(200).Into(&l)
		if len(l) != 0 {
			t.Errorf("got %v, want none", l)
		}
	})
}

// A browser that was trusted by the Django site that has moved in.
func TestDjangoTrust(t *testing.T) {
	const secret, seed = "psst", "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	mac := func(salt, text string) []byte {
		key := sha256.Sum256([]byte(salt + secret))
		h := hmac.New(sha256.New, key[:])
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	cookie := func(p *Person, u *store.User, l []*store.Authenticator, at time.Time) string {
		parts := []string{p.ID, string(u.Password)}
		for _, a := range l {
			if parts = append(parts, a.ID, a.Type); a.Type == "recovery_codes" {
				parts = append(parts, seed)
			}
		}
		content := fmt.Sprintf(`[["%s",%d]]`, hex.EncodeToString(mac("allauth.mfa.trust", strings.Join(parts, "|"))), at.Unix())
		text := base64.RawURLEncoding.EncodeToString([]byte(content))
		return text + ":" + base64.RawURLEncoding.EncodeToString(mac("django.core.signing.Signersigner", text))
	}
	const totp = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	browsers(t, func(c *headless.Config) { c.MFA.DjangoSecretKey = secret }, inMemory, func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{})
		row(t, w, p, "totp", `{"secret":"`+totp+`"}`, nil)
		row(t, w, p, "recovery_codes", `{"seed":"`+seed+`","used_mask":0}`, nil)
		u, l := w.User(p.ID), rows(t, w, p)
		holding := func(value string) *wiretest.Reply {
			c = c.Other()
			c.SetCookie("mfa_trusted", value)
			return logIn(c, p)
		}
		holding(cookie(p, u, l, w.Clock.Now().Add(-13*24*time.Hour))).LoggedIn()
		holding(cookie(p, u, l, w.Clock.Now().Add(-15*24*time.Hour))).Pending("mfa_authenticate")
		holding(cookie(p, u, l, w.Clock.Now().Add(time.Hour))).Pending("mfa_authenticate")
		holding(cookie(w.Make(Person{}), u, l, w.Clock.Now())).Pending("mfa_authenticate")
		holding(cookie(p, u, l[:1], w.Clock.Now())).Pending("mfa_authenticate")
		good := cookie(p, u, l, w.Clock.Now())
		holding(good[:len(good)-1] + "x").Pending("mfa_authenticate")
		c.Post(codePath, M{"code": "40017382"}).Pending("mfa_trust") // which encrypts the seed
		holding(good).LoggedIn()
		u.Epoch++ // all sessions are ended
		if err := w.Store.UpdateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		holding(good).Pending("mfa_authenticate")
		c.Post(codePath, M{"code": codeAt(t, totp, w.Clock.Now())}).Pending("mfa_trust")
		c.Post(trustPath, M{"trust": true}).LoggedIn() // from now on by our own means
		leave(c)
		logIn(c, p).LoggedIn()
	})
}
