package wiretest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/wiretest"
)

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// masked is the long form of a token, as old versions of Django made it.
func masked(token string) string {
	mask := strings.Repeat("q7Z", 11)[:32]
	b := []byte(mask)
	for i := range token {
		b = append(b, letters[(strings.IndexByte(letters, token[i])+strings.IndexByte(letters, mask[i]))%62])
	}
	return string(b)
}

// spec: core.md §4.2, sessions-tokens.md §9; requirements REQ-1 to REQ-3.
func TestCSRF(t *testing.T) {
	refused := func(t *testing.T, r *wiretest.Reply) {
		t.Helper()
		r.Is(403)
		if len(r.Errors) != 1 || r.Errors[0].Code != "csrf_failed" || r.Data != nil {
			t.Errorf("%s: got %s", r.What, r.Raw)
		}
		if len(r.Cookies) != 0 && cookie(r, "sessionid") != nil {
			t.Errorf("%s: got cookies %v", r.What, r.Cookies)
		}
	}
	t.Run("a token", func(t *testing.T) {
		wiretest.Browsers(t, func(c *Config) { loginByCode(c); c.Account.Closing = true }, func(t *testing.T, w *World, c *Client) {
			fresh := func(w *World) *Client { d := w.Client("browser"); d.Get("/config"); return d }
			w.Run("comes with every answer, and stays the same", func(t *testing.T, w *World, c *Client) {
				d := w.Client("browser")
				first := cookie(d.Get("/config"), "csrftoken")
				if first == nil || len(first.Value) != 32 || strings.Trim(first.Value, letters) != "" {
					t.Fatalf("got cookie %v", first)
				}
				if first.Path != "/" || first.MaxAge != 31_449_600 || first.HttpOnly || first.SameSite != http.SameSiteLaxMode || first.Domain != "" {
					t.Errorf("got cookie %v", first)
				}
				for _, r := range []*wiretest.Reply{d.Session(), d.Post("/auth/login", M{}), d.Post("/auth/login", "{"), d.Put("/auth/login", nil), d.Get("/account/email"), d.Delete("/auth/session", nil)} {
					if k := cookie(r, "csrftoken"); k == nil || k.Value != first.Value {
						t.Errorf("%s: got cookie %v", r.What, k)
					}
				}
			})
			w.Run("is needed for whatever may change something, before anything else", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "PROPFIND"} {
					for _, path := range walk(t, w, "browser") {
						refused(t, w.Client("browser").Raw(method, path, "{"))
					}
				}
				in := fresh(w)
				in.LogIn(p)
				in.Header.Set("X-CSRFToken", "") // nothing is sent
				refused(t, in.Raw("DELETE", "/auth/session", nil))
				in.Session().LoggedIn()
			})
			w.Run("is not needed for reading", func(t *testing.T, w *World, c *Client) {
				for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
					w.Client("browser").Raw(method, "/config", nil).Is(200)
				}
			})
			w.Run("must be the cookie's", func(t *testing.T, w *World, c *Client) {
				for _, value := range []string{strings.Repeat("a", 32), "x", "", strings.Repeat("a", 31), strings.Repeat("a", 33), strings.Repeat("a", 64), strings.Repeat("!", 32)} {
					d := fresh(w)
					d.Header.Set("X-CSRFToken", value)
					refused(t, d.Raw("POST", "/auth/login", M{}))
				}
			})
			w.Run("must be in a cookie at all, and well-formed", func(t *testing.T, w *World, c *Client) {
				for _, value := range []string{"", "short", strings.Repeat("a", 33), strings.Repeat("\u00e9", 16)} {
					d := w.Client("browser")
					d.Header.Set("X-CSRFToken", value)
					if value != "" {
						d.Header.Set("Cookie", "csrftoken="+value)
					}
					refused(t, d.Raw("POST", "/auth/login", M{}))
				}
			})
			w.Run("may be masked", func(t *testing.T, w *World, c *Client) {
				d := fresh(w)
				token := d.Cookie("csrftoken")
				d.Header.Set("X-CSRFToken", masked(token))
				d.Raw("POST", "/auth/login", M{}).Is(400)
				d.Header.Set("X-CSRFToken", masked(strings.Repeat("a", 32)))
				refused(t, d.Raw("POST", "/auth/login", M{}))
				// In the cookie too, as an upgraded site's visitors have it.
				e := w.Client("browser")
				e.SetCookie("csrftoken", masked(token))
				e.Header.Set("X-CSRFToken", token)
				e.Raw("POST", "/auth/login", M{}).Is(400)
			})
			w.Run("may be in the field of a form", func(t *testing.T, w *World, c *Client) {
				d := fresh(w)
				d.Header.Set("X-CSRFToken", "")
				d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				d.Raw("POST", "/auth/login", "csrfmiddlewaretoken="+d.Cookie("csrftoken")+"&email=x").Is(400)
				refused(t, d.Raw("POST", "/auth/login", "csrfmiddlewaretoken="+strings.Repeat("a", 32)))
				refused(t, d.Raw("DELETE", "/auth/session", "csrfmiddlewaretoken="+d.Cookie("csrftoken")))
				refused(t, d.Raw("POST", "/auth/login?csrfmiddlewaretoken="+d.Cookie("csrftoken"), ""))
			})
			w.Run("changes when somebody logs in, and the old one is dead", func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				d := fresh(w)
				before := d.Cookie("csrftoken")
				d.LogIn(p)
				after := d.Cookie("csrftoken")
				if before == after || len(after) != 32 {
					t.Errorf("got token %q after %q", after, before)
				}
				// Put the old pair back: what a page from before, or a planted cookie, would send.
				in := d.Cookie("sessionid")
				e := w.Client("browser")
				e.Header.Set("Cookie", "sessionid="+in+"; csrftoken="+before)
				e.Header.Set("X-CSRFToken", before)
				refused(t, e.Raw("DELETE", "/auth/session", nil))
				d.Session().LoggedIn()
				d.Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(200)
			})
			w.Run("fits no other session", func(t *testing.T, w *World, c *Client) {
				// spec: core.md §4.2 Port note: a sibling domain plants a pair of its own.
				p, eve := w.Make(Person{}), w.Make(Person{})
				d, e := fresh(w), fresh(w)
				d.LogIn(p)
				e.LogIn(eve)
				victim := w.Client("browser")
				victim.Header.Set("Cookie", "sessionid="+d.Cookie("sessionid")+"; csrftoken="+e.Cookie("csrftoken"))
				victim.Header.Set("X-CSRFToken", e.Cookie("csrftoken"))
				refused(t, victim.Raw("DELETE", "/auth/session", nil))
				for _, planted := range []string{strings.Repeat("a", 32), fresh(w).Cookie("csrftoken")} {
					victim.Header.Set("Cookie", "sessionid="+d.Cookie("sessionid")+"; csrftoken="+planted)
					victim.Header.Set("X-CSRFToken", planted)
					refused(t, victim.Raw("DELETE", "/auth/session", nil))
				}
				// Reading heals it: the browser is given a token that fits.
				victim.Header.Del("X-CSRFToken")
				k := cookie(victim.Raw("GET", "/auth/session", nil), "csrftoken")
				victim.Header.Set("Cookie", "sessionid="+d.Cookie("sessionid")+"; csrftoken="+k.Value)
				victim.Header.Set("X-CSRFToken", k.Value)
				victim.Raw("DELETE", "/auth/session", nil).Is(401)
			})
			w.Run("stays when somebody logs out", func(t *testing.T, w *World, c *Client) {
				d := fresh(w)
				d.LogIn(w.Make(Person{}))
				before := d.Cookie("csrftoken")
				d.Delete("/auth/session", nil).Is(401)
				d.Post("/auth/login", M{}).Is(400)
				if d.Cookie("csrftoken") != before {
					t.Error("the token has changed")
				}
			})
			w.Run("that is malformed is replaced", func(t *testing.T, w *World, c *Client) {
				d := w.Client("browser")
				d.SetCookie("csrftoken", "short")
				if k := cookie(d.Get("/config"), "csrftoken"); k == nil || len(k.Value) != 32 {
					t.Errorf("got cookie %v", k)
				}
			})
			w.Run("is asked of no app", func(t *testing.T, w *World, c *Client) {
				// REQ-3: apps have no cookies that could be ridden on.
				app := w.Client("app")
				app.Header.Set("Origin", "https://evil.example")
				app.Header.Set("Sec-Fetch-Site", "cross-site")
				app.LogIn(w.Make(Person{}))
			})
		})
	})

	t.Run("the origin", func(t *testing.T) {
		trusting := func(c *Config) {
			c.TrustedOrigins = []string{"https://spa.example.org", "http://localhost:3000", "https://*.trusted.example"}
		}
		wiretest.Browsers(t, trusting, func(t *testing.T, w *World, c *Client) {
			for _, tt := range []struct {
				name, header, value string
				ok                  bool
			}{
				{"may be the site's own", "Origin", w.URL, true},
				{"may be a trusted one", "Origin", "https://spa.example.org", true},
				{"may be a trusted one with a port", "Origin", "http://localhost:3000", true},
				{"may be below a trusted domain", "Origin", "https://a.b.trusted.example", true},
				{"must not be the bare domain of a wildcard", "Origin", "https://trusted.example", false},
				{"must not have an empty label below a wildcard", "Origin", "https://.trusted.example", false},
				{"must not have an empty label amid others", "Origin", "https://a..trusted.example", false},
				{"must not only end like a trusted domain", "Origin", "https://untrusted.example", false},
				{"must not contain a trusted domain", "Origin", "https://x.trusted.example.evil.example", false},
				{"must not be foreign", "Origin", "https://evil.example", false},
				{"must not have another scheme", "Origin", "http://spa.example.org", false},
				{"must not have another port", "Origin", "https://spa.example.org:444", false},
				{"must not have another scheme below a wildcard", "Origin", "http://a.trusted.example", false},
				{"must not be null", "Origin", "null", false},
				{"must not be junk", "Origin", "://", false},
				{"must not be the site's own under https", "Origin", strings.Replace(w.URL, "http:", "https:", 1), false},
				{"may be missing", "X-Nothing", "", true},
				{"must not be said to be another site", "Sec-Fetch-Site", "cross-site", false},
				{"must not be said to be a sibling", "Sec-Fetch-Site", "same-site", false},
				{"may be said to be the same", "Sec-Fetch-Site", "same-origin", true},
				{"may be said to be nobody's", "Sec-Fetch-Site", "none", true},
				{"does not need a referer on http", "Referer", "https://evil.example/", true},
			} {
				w.Run(tt.name, func(t *testing.T, w *World, c *Client) {
					d := w.Client("browser")
					d.Get("/config")
					d.Header.Set(tt.header, tt.value)
					if r := d.Raw("POST", "/auth/login", M{}); tt.ok {
						r.Is(400)
					} else {
						refused(t, r)
					}
					d.Raw("GET", "/auth/session", nil).Is(401) // reading is free
				})
			}
		})
	})

	t.Run("the referer of an https site", func(t *testing.T) {
		wiretest.Browsers(t, func(c *Config) {
			c.URL, c.TrustedOrigins = "https://app.example.org", []string{"https://spa.example.net", "https://*.trusted.example"}
			c.Session.InsecureCookies = true
		}, func(t *testing.T, w *World, c *Client) {
			for _, tt := range []struct {
				name, value string
				ok          bool
			}{
				{"is needed", "", false},
				{"may be the site's own", "https://app.example.org/page?x=y", true},
				{"may be a trusted one", "https://spa.example.net/", true},
				{"may be below a trusted domain", "https://a.trusted.example/x", true},
				{"must not be foreign", "https://evil.example/https://app.example.org/", false},
				{"must not be http", "http://app.example.org/", false},
				{"must not have another port", "https://app.example.org:8443/", false},
				{"must not be junk", "nonsense", false},
			} {
				w.Run(tt.name, func(t *testing.T, w *World, c *Client) {
					d := w.Client("browser")
					d.Get("/config")
					d.Header.Set("Referer", tt.value)
					if r := d.Raw("POST", "/auth/login", M{}); tt.ok {
						r.Is(400)
					} else {
						refused(t, r)
					}
				})
			}
			w.Run("is not needed with an origin", func(t *testing.T, w *World, c *Client) {
				d := w.Client("browser")
				d.Get("/config")
				d.Header.Set("Origin", "https://app.example.org")
				d.Raw("POST", "/auth/login", M{}).Is(400)
			})
			w.Run("is not replaced by what the request says of its host", func(t *testing.T, w *World, c *Client) {
				// REQ-5.
				d := w.Client("browser")
				d.Get("/config")
				d.Header.Set("Origin", "https://evil.example")
				d.Header.Set("X-Forwarded-Host", "evil.example")
				d.Header.Set("X-Forwarded-Proto", "https")
				refused(t, d.Raw("POST", "/auth/login", M{}))
			})
		})
	})

	t.Run("names can be chosen", func(t *testing.T) {
		wiretest.Browsers(t, func(c *Config) {
			c.Session.CSRFCookieName, c.Session.CSRFHeader, c.Session.CookieName = "xsrf", "X-Xsrf", "sid"
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.Get("/config")
			token := c.Cookie("xsrf")
			refused(t, c.Raw("POST", "/auth/login", M{"email": p.Email, "password": wiretest.Password}))
			c.Header.Set("X-Xsrf", token)
			c.Raw("POST", "/auth/login", M{"email": p.Email, "password": wiretest.Password}).LoggedIn()
			if c.Cookie("sid") == "" || c.Cookie("sessionid") != "" || c.Cookie("csrftoken") != "" {
				t.Error("the cookies have other names")
			}
		})
	})
}

// spec: core.md §4.1, sessions-tokens.md §9.1; requirement SES-9.
func TestCookies(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		// session and csrf are the attributes behind the value.
		session, csrf string
	}{
		{"of an http site", nil,
			"Path=/; Expires; Max-Age=1209600; HttpOnly; SameSite=Lax", "Path=/; Expires; Max-Age=31449600; SameSite=Lax"},
		{"of an https site are secure, whatever the request came by", func(c *Config) { c.URL = "https://app.example.org" },
			"Path=/; Expires; Max-Age=1209600; HttpOnly; Secure; SameSite=Lax", "Path=/; Expires; Max-Age=31449600; Secure; SameSite=Lax"},
		{"of an https site that is being developed", func(c *Config) { c.URL = "https://app.example.org"; c.Session.InsecureCookies = true },
			"Path=/; Expires; Max-Age=1209600; HttpOnly; SameSite=Lax", "Path=/; Expires; Max-Age=31449600; SameSite=Lax"},
		{"for a whole domain", func(c *Config) { c.URL = "https://app.example.org"; c.Session.CookieDomain = "example.org" },
			"Path=/; Domain=example.org; Expires; Max-Age=1209600; HttpOnly; Secure; SameSite=Lax", "Path=/; Domain=example.org; Expires; Max-Age=31449600; Secure; SameSite=Lax"},
		{"that are strict", func(c *Config) { c.Session.CookieSameSite = "strict" },
			"Path=/; Expires; Max-Age=1209600; HttpOnly; SameSite=Strict", "Path=/; Expires; Max-Age=31449600; SameSite=Strict"},
		{"that go to other sites", func(c *Config) { c.URL = "https://app.example.org"; c.Session.CookieSameSite = "none" },
			"Path=/; Expires; Max-Age=1209600; HttpOnly; Secure; SameSite=None", "Path=/; Expires; Max-Age=31449600; Secure; SameSite=None"},
		{"that vanish with the browser", func(c *Config) { c.Session.UntilBrowserCloses = true },
			"Path=/; HttpOnly; SameSite=Lax", "Path=/; Expires; Max-Age=31449600; SameSite=Lax"},
		{"that live an hour", func(c *Config) { c.Session.Lifetime = time.Hour },
			"Path=/; Expires; Max-Age=3600; HttpOnly; SameSite=Lax", "Path=/; Expires; Max-Age=31449600; SameSite=Lax"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wiretest.Browsers(t, tt.change, func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				// By hand: the jar of a client on http keeps no secure cookies.
				token := cookie(c.Get("/config"), "csrftoken").Value
				d := w.Client("browser")
				d.Header.Set("Cookie", "csrftoken="+token)
				d.Header.Set("X-CSRFToken", token)
				d.Header.Set("Referer", "https://app.example.org/")
				r := d.Raw("POST", "/auth/login", M{"email": p.Email, "password": wiretest.Password})
				r.LoggedIn()
				for name, want := range map[string]string{"sessionid": tt.session, "csrftoken": tt.csrf} {
					k := cookie(r, name)
					if k == nil {
						t.Fatalf("no cookie %s came", name)
					}
					_, attrs, _ := strings.Cut(k.Raw, "; ")
					if k.RawExpires != "" {
						attrs = strings.Replace(attrs, "Expires="+k.RawExpires, "Expires", 1)
						if want := w.Clock.Now().Add(time.Duration(k.MaxAge) * time.Second); !k.Expires.Equal(want) {
							t.Errorf("%s expires at %v, want %v", name, k.Expires, want)
						}
					}
					if attrs != want {
						t.Errorf("%s: got  %s\nwant %s", name, attrs, want)
					}
				}
				session := cookie(r, "sessionid").Value
				d.Header.Set("Cookie", "csrftoken="+cookie(r, "csrftoken").Value+"; sessionid="+session)
				d.Header.Set("X-CSRFToken", cookie(r, "csrftoken").Value)
				// Reading does not renew it. core.md §4.1
				if k := cookie(d.Raw("GET", "/auth/session", nil), "sessionid"); k != nil {
					t.Errorf("reading set %v", k)
				}
				// It is deleted where it was set.
				k := cookie(d.Raw("DELETE", "/auth/session", nil).Is(401), "sessionid")
				if k == nil || k.Value != "" || k.MaxAge >= 0 || k.Domain != cookie(r, "sessionid").Domain || k.Path != "/" || k.Secure != cookie(r, "sessionid").Secure {
					t.Errorf("got cookie %v, want it deleted", k)
				}
			})
		})
	}
}

// spec: core.md §5.1, §5.2; requirement SES-6.
func TestSessionLifetime(t *testing.T) {
	dead := func(t *testing.T, c *Client) {
		t.Helper()
		if r := c.Session(); c.Kind == "app" {
			r.Is(410)
		} else if r.NothingPending(); cookie(r, "sessionid") == nil || cookie(r, "sessionid").MaxAge >= 0 {
			t.Error("the dead cookie was not deleted")
		}
	}
	t.Run("is two weeks from the last change, however much it is used", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			for range 13 {
				w.Clock.Advance(24 * time.Hour)
				c.Session().LoggedIn()
			}
			w.Clock.Advance(24*time.Hour - time.Second)
			c.Session().LoggedIn()
			w.Clock.Advance(time.Second)
			dead(t, c)
			if err := w.Auth.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := w.Sessions(p.ID); n != 0 {
				t.Errorf("%d sessions are left", n)
			}
		})
	})
	t.Run("starts again with a change", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			w.Clock.Advance(13 * 24 * time.Hour)
			c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
			w.Clock.Advance(13 * 24 * time.Hour)
			c.Session().LoggedIn()
		})
	})
	t.Run("starts again with use, if sliding", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Session.Sliding, c.Session.Lifetime = true, time.Hour }, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			for range 5 {
				w.Clock.Advance(59 * time.Minute)
				r := c.Session()
				r.LoggedIn()
				if k := cookie(r, "sessionid"); c.Kind == "browser" && (k == nil || k.MaxAge != 3600) {
					t.Errorf("got cookie %v, want it renewed", k)
				}
			}
			// Not written down more than once a minute. DOS-2
			w.Clock.Advance(59 * time.Second)
			if r := c.Session(); cookie(r, "sessionid") != nil {
				t.Error("it was renewed again")
			}
			w.Clock.Advance(time.Hour)
			dead(t, c)
		})
	})
	t.Run("has an absolute end", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Session.Sliding, c.Session.Lifetime, c.Session.AbsoluteLifetime = true, time.Hour, 3*time.Hour
		}, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			for range 3 {
				w.Clock.Advance(59 * time.Minute)
				c.Session().LoggedIn()
			}
			c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn() // no proof extends it
			w.Clock.Advance(3 * time.Minute)
			dead(t, c)
		})
	})
	t.Run("of what is half done is no longer", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			signUp(t, w, c)
			w.Clock.Advance(14*24*time.Hour + time.Second)
			dead(t, c)
		})
	})
	t.Run("is enforced when reading, before anything is swept", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.Session.Lifetime = time.Minute }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			d := c.Clone()
			w.Clock.Advance(time.Minute)
			if n := w.Sessions(p.ID); n != 1 {
				t.Fatalf("got %d sessions", n)
			}
			dead(t, c)
			want := map[string]int{"app": 410, "browser": 401}[c.Kind]
			d.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword}).Is(want)
		})
	})
	t.Run("survives a restart, and is known to every instance", func(t *testing.T) {
		// REL-4.
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			again := wiretest.New(t, w.Store, func(c *Config) { c.Now = w.Clock.Now })
			d := again.Client(c.Kind).Holding(c.Credential())
			if u := d.Session().LoggedIn(); u["email"] != p.Email {
				t.Errorf("got %v", u)
			}
			d.Delete("/auth/session", nil).Is(401)
			c.Dead(c.Credential())
		})
	})
	t.Run("an anonymous visitor has none", func(t *testing.T) {
		// DOS-2.
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			for _, r := range []*wiretest.Reply{
				c.Session(), c.Get("/config"), c.Post("/auth/login", M{}), c.Post("/auth/login", M{"email": wiretest.FreshEmail(), "password": "x"}), c.Post("/auth/password/request", M{"email": wiretest.FreshEmail()}),
				c.Post("/auth/email/verify", M{"key": "x"}), c.Delete("/auth/session", nil), c.Get("/account/email"),
			} {
				if c.Credential() != "" || cookie(r, "sessionid") != nil {
					t.Errorf("%s made a session", r.What)
				}
			}
		})
	})
}
