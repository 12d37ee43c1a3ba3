package wiretest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
)

// accountRoutes are the paths of this area with what they offer.
// spec: account.md, the table at its start.
var accountRoutes = map[string]string{
	"/config":                   "GET, HEAD, OPTIONS",
	"/auth/session":             "GET, DELETE, HEAD, OPTIONS",
	"/auth/login":               "POST, OPTIONS",
	"/auth/signup":              "POST, OPTIONS",
	"/auth/email/verify":        "GET, POST, HEAD, OPTIONS",
	"/auth/email/verify/resend": "POST, OPTIONS",
	"/auth/code/request":        "POST, OPTIONS",
	"/auth/code/resend":         "POST, OPTIONS",
	"/auth/code/confirm":        "POST, OPTIONS",
	"/auth/password/request":    "POST, OPTIONS",
	"/auth/password/reset":      "GET, POST, HEAD, OPTIONS",
	"/auth/reauthenticate":      "POST, OPTIONS",
	"/auth/phone/verify":        "POST, OPTIONS",
	"/auth/phone/verify/resend": "POST, OPTIONS",
	"/account/password/change":  "POST, OPTIONS",
	"/account/email":            "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS",
	"/account/phone":            "GET, POST, HEAD, OPTIONS",
	"/ext/account/deactivate":   "POST, OPTIONS",
	"/ext/auth/reactivate":      "POST, OPTIONS",
	"/ext/account":              "DELETE, OPTIONS",
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// everything switches on what this area has.
func everything(c *Config) {
	phones(c)
	loginByCode(c)
	c.Account.Closing = true
}

// spec: core.md §1, §2, §3.5; config-openapi.md §3.
func TestHTTP(t *testing.T) {
	t.Run("methods that are not offered are refused, with those that are", func(t *testing.T) {
		wiretest.Each(t, everything, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{Phone: wiretest.FreshPhone()}))
			for path, allow := range accountRoutes {
				offered := strings.Split(allow, ", ")
				for _, method := range append([]string{"TRACE", "PROPFIND", "LINK"}, methods...) {
					if slices.Contains(offered, method) {
						continue
					}
					r := c.Do(method, path, nil)
					if r.Is(405); r.Header.Get("Allow") != allow {
						t.Errorf("%s: got Allow %q, want %q", r.What, r.Header.Get("Allow"), allow)
					}
					if want := "{\"status\":405}\n"; string(r.Raw) != want && method != "HEAD" {
						t.Errorf("%s: got %s", r.What, r.Raw)
					}
				}
				r := c.Do("OPTIONS", path, nil).Is(200)
				if r.Header.Get("Allow") != allow {
					t.Errorf("%s: got Allow %q, want %q", r.What, r.Header.Get("Allow"), allow)
				}
			}
			c.Session().LoggedIn() // none of it has done anything
		})
	})

	t.Run("who has to log in first is told so before anything else", func(t *testing.T) {
		wiretest.Each(t, everything, func(t *testing.T, w *World, c *Client) {
			for _, path := range []string{"/account/password/change", "/auth/reauthenticate", "/ext/account/deactivate", "/ext/account"} {
				for _, method := range methods {
					if r := c.Do(method, path, "{").Is(401); method != "HEAD" && r.Meta["is_authenticated"] != false {
						t.Errorf("%s: got %s", r.What, r.Raw)
					}
				}
			}
		})
	})

	t.Run("HEAD is GET without a body", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			get := c.Get("/config").Is(200)
			head := c.Do("HEAD", "/config", nil).Is(200)
			if len(head.Raw) != 0 || head.Header.Get("Content-Length") != get.Header.Get("Content-Length") || head.Header.Get("Content-Type") != "application/json" {
				t.Errorf("got %v and %q", head.Header, head.Raw)
			}
			c.Do("HEAD", "/auth/session", nil).Is(401)
			c.LogIn(w.Make(Person{}))
			c.Do("HEAD", "/auth/session", nil).Is(200)
			c.Do("HEAD", "/auth/email/verify", nil).Is(400)
		})
	})

	t.Run("what is not there is not found, in JSON", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			for _, path := range []string{
				"/", "", "/nowhere", "/auth", "/auth/session/", "/auth/login/", "//auth/login", "/auth//login", "/AUTH/login", "/auth%252Flogin", "/auth/login%00",
				"/auth/code/request", "/auth/code/resend", "/auth/login/../session", "/auth/./session",
			} {
				for _, method := range []string{"GET", "POST"} {
					rq, err := http.NewRequestWithContext(t.Context(), method, w.URL, strings.NewReader("{"))
					if err != nil {
						t.Fatal(err)
					}
					rq.URL.Opaque = "/_allauth/" + c.Kind + "/v1" + path // as it is
					rec, err := http.DefaultTransport.RoundTrip(rq)
					if err != nil {
						t.Fatal(err)
					}
					_ = rec.Body.Close()
					// A multiplexer in front may clean the path by a redirect.
					if rec.StatusCode != 404 && rec.StatusCode/100 != 3 {
						t.Errorf("%s %q: got %d", method, path, rec.StatusCode)
					}
				}
			}
			for _, path := range []string{"//_allauth/app/v2/config", "//_allauth/mobile/v1/config", "//_allauth/app/config", "//_allauth/" + c.Kind + "/ext/v1/auth/session"} {
				r := c.Get(path).Is(404)
				if string(r.Raw) != "{\"status\":404}\n" {
					t.Errorf("%s: got %s", path, r.Raw)
				}
			}
		})
	})

	t.Run("phone routes are there even when numbers are asked of nobody", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			c.Get("/account/phone").Is(401)
			c.Post("/auth/phone/verify", M{"code": "x"}).Is(409)
		})
	})

	t.Run("methods can't be disguised", func(t *testing.T) {
		// REQ-2.
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			c.Header.Set("X-HTTP-Method-Override", "DELETE")
			c.Header.Set("X-Method-Override", "DELETE")
			c.Get("/auth/session?_method=DELETE").LoggedIn()
			c.Post("/auth/session?_method=DELETE", M{"_method": "DELETE"}).Is(405)
			c.Session().LoggedIn()
		})
	})

	t.Run("the API can be mounted elsewhere", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) { c.Path = "/api/auth" }, func(t *testing.T, w *World, c *Client) {
			w.Mux.Handle("/"+c.Kind+"/", http.StripPrefix("/"+c.Kind, w.Auth.Handler()))
			c.Get("//" + c.Kind + "/api/auth/" + c.Kind + "/v1/config").Is(200)
			c.Raw("GET", "/config", nil).Is(404)
		})
	})
}

// walk lists the paths that are mounted for a kind of client, as clients of
// this package write them.
func walk(t *testing.T, w *World, kind string) []string {
	t.Helper()
	served, ok := w.Auth.Handler().(interface{ Paths() []string })
	if !ok {
		t.Fatal("the handler tells nothing of its paths")
	}
	var l []string
	for _, path := range served.Paths() {
		if p, ok := strings.CutPrefix(path, "/_allauth/"+kind+"/v1"); ok {
			l = append(l, p)
		} else if p, ok := strings.CutPrefix(path, "/_allauth/"+kind+"/ext/v1"); ok {
			l = append(l, "/ext"+p)
		}
	}
	slices.Sort(l)
	return l
}

// spec: core.md §3.4, §3.6; requirements INP-1, INP-2.
func TestInput(t *testing.T) {
	t.Run("is JSON, whatever it calls itself", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			for _, typ := range []string{"application/json", "text/plain", "application/json; charset=latin1", "application/octet-stream", "nonsense"} {
				d := c.Other()
				d.Header.Set("Content-Type", typ)
				d.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).LoggedIn()
			}
			for typ, body := range map[string]string{
				"application/x-www-form-urlencoded": "email=" + p.Email + "&password=" + wiretest.Password,
				"multipart/form-data; boundary=x":   "--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\n" + p.Email + "\r\n--x--\r\n",
			} {
				d := c.Other()
				d.Header.Set("Content-Type", typ)
				d.Post("/auth/login", body).Fails(":invalid_json")
			}
		})
	})

	t.Run("that is malformed is a 400", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			for _, body := range malformed() {
				c.Post("/auth/login", body).Fails(":invalid_json")
			}
			for _, body := range []string{"", " ", "null", "{}", "\n{ }\t", " null "} {
				c.Post("/auth/login", body).Fails("email:required", "password:required")
			}
		})
	})

	t.Run("that is too large is a 413", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			c.Post("/auth/login", `{"email":"x","password":"`+strings.Repeat("x", 1<<20-27)+`"}`).Fails("email:invalid")
			r := c.Post("/auth/login", `{"email":"x","password":"`+strings.Repeat("x", 1<<20)+`"}`).Is(413)
			if len(r.Errors) != 1 || r.Errors[0].Code != "too_large" {
				t.Errorf("got %s", r.Raw)
			}
		})
	})

	t.Run("can be bounded more tightly", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { c.MaxBodyBytes = 1000 }, func(t *testing.T, w *World, c *Client) {
			c.Post("/auth/login", `{"email":"`+strings.Repeat("x", 200)+`","more":"`+strings.Repeat("x", 700)+`"}`).Fails("email:invalid", "password:required")
			c.Post("/auth/login", `{"email":"`+strings.Repeat("x", 1000)+`"}`).Is(413)
		})
	})

	t.Run("of wrong types is named", func(t *testing.T) {
		wiretest.Each(t, usernames, func(t *testing.T, w *World, c *Client) {
			for _, tt := range []struct{ value, want string }{
				{`true`, "invalid"}, {`[]`, "invalid"}, {`{}`, "invalid"}, {`["x"]`, "invalid"}, {`null`, "required"}, {`""`, "required"},
				{`"\u0000"`, "null_characters_not_allowed"},
			} {
				r := c.Post("/auth/login", `{"username":"nobody","password":`+tt.value+`}`)
				r.Fails("password:" + tt.want)
			}
			// Numbers are taken as their text.
			c.Post("/auth/login", `{"username":12345,"password":6789}`).Fails("password:username_password_mismatch")
			p := w.Make(Person{Username: strings.TrimPrefix(wiretest.FreshName(), "Visitor")})
			c.Post("/auth/login", `{"username":`+strings.TrimLeft("1", "0")+p.Username+`,"password":"x"}`).Fails("password:username_password_mismatch")
		})
	})

	t.Run("whatever it is, is answered in JSON and never with a 5xx", func(t *testing.T) {
		wiretest.Each(t, everything, func(t *testing.T, w *World, c *Client) {
			bodies := append(malformed(), hostile()...)
			for _, path := range walk(t, w, c.Kind) {
				offered := strings.Split(c.Do("OPTIONS", path, nil).Header.Get("Allow"), ", ")
				for _, method := range offered {
					if method == "HEAD" || method == "OPTIONS" {
						continue
					}
					p := w.Make(Person{Phone: wiretest.FreshPhone()})
					anonymous, in := c.Other(), c.Other()
					in.LogIn(p)
					for i, body := range bodies {
						for _, d := range []*Client{anonymous, in} {
							rec := direct(w, d, method, path, body)
							sound(t, method+" "+path, i, rec.Code, rec.Header(), rec.Body.Bytes())
						}
					}
					if path != "/ext/account" && w.Emails(p.ID) != p.Email+"*!" {
						t.Errorf("%s %s: the addresses became %s", method, path, w.Emails(p.ID))
					}
				}
			}
		})
	})

	t.Run("in headers and cookies is no better", func(t *testing.T) {
		wiretest.Each(t, everything, func(t *testing.T, w *World, c *Client) {
			for _, value := range []string{"\xff\xfe\x80", strings.Repeat("A", 100_000), "' OR 1=1 --", `{"a":1}`, "%00%0d%0a", "\u2028\u202e", strings.Repeat("a.", 5000), "..", "-1", "0"} {
				for _, name := range []string{
					"X-Session-Token", "X-Email-Verification-Key", "X-Password-Reset-Key", "Authorization", "Accept-Language", "User-Agent", "X-CSRFToken", "Cookie", "Referer", "Origin",
					"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Content-Type", "Accept",
				} {
					held := value
					if name == "Cookie" {
						held = "sessionid=" + value + "; csrftoken=" + value
					}
					for _, call := range []struct {
						method, path string
						body         any
					}{
						{"GET", "/auth/session", nil}, {"GET", "/auth/email/verify", nil}, {"GET", "/auth/password/reset", nil}, {"POST", "/auth/login", M{"email": "x@example.org", "password": value}},
					} {
						rec := direct(w, c.Other(), call.method, call.path, call.body, name, held)
						sound(t, call.method+" "+call.path, 0, rec.Code, rec.Header(), rec.Body.Bytes())
					}
				}
			}
		})
	})

	t.Run("that is refused has done nothing", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			version := w.User(p.ID).Version
			c.Post("/account/email", M{"email": []string{wiretest.FreshEmail()}}).Is(400)
			c.Patch("/account/email", M{"email": p.Email, "primary": M{}}).Is(400)
			c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword + "\x00"}).Fails("new_password:null_characters_not_allowed")
			c.Do("DELETE", "/auth/session", "{").Fails(":invalid_json")
			if w.User(p.ID).Version != version || w.Emails(p.ID) != p.Email+"*!" {
				t.Error("something was changed")
			}
			c.Session().LoggedIn()
		})
	})

	t.Run("is inert in mails", func(t *testing.T) {
		// INP-2.
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) {
			usernames(c)
			c.Account.EmailVerification = account.Mandatory
			c.Account.EmailNotifications = true
		}, func(t *testing.T, w *World, c *Client) {
			email := `"<script>alert(` + wiretest.FreshName()[7:] + `)</script>{{.}}"@example.org`
			agent := `</p><img src=x onerror=alert(1)> {{printf "%s" .}}`
			c.Post("/auth/signup", M{"username": wiretest.FreshName(), "email": email, "password": wiretest.Password}).Pending("verify_email")
			if m := w.Inbox.Mail(t, email, "email_confirmation_signup"); strings.Contains(m.HTML, "<script") {
				t.Errorf("the address is not escaped: %s", m.HTML)
			}
			c = c.Other()
			c.Header.Set("User-Agent", agent)
			p := w.Make(Person{Username: wiretest.FreshName()})
			c.LogIn(p)
			c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword}).LoggedIn()
			m := w.Inbox.Mail(t, p.Email, "password_changed")
			if strings.Contains(m.HTML, "<img") || !strings.Contains(m.HTML, "&lt;img") {
				t.Errorf("the agent's name is not escaped: %s", m.HTML)
			}
		})
	})
}

// sound checks that an answer is one of ours, and none that should not be.
func sound(t *testing.T, what string, body, status int, header http.Header, raw []byte) {
	t.Helper()
	var env struct {
		Status int
		Errors []wiretest.Error
	}
	if header.Get("Content-Type") != "application/json" || json.Unmarshal(raw, &env) != nil || env.Status != status {
		t.Errorf("%s with body %d: got %d %q", what, body, status, raw)
	}
	switch status {
	case 200, 202, 400, 401, 403, 404, 405, 409, 410, 413, 429:
	default:
		t.Errorf("%s with body %d: got %d %s", what, body, status, raw)
	}
	for _, e := range env.Errors {
		if e.Code == "" || e.Message == "" {
			t.Errorf("%s with body %d: got error %+v", what, body, e)
		}
	}
}

// malformed are bodies that are no JSON object.
func malformed() []any {
	var l []any
	for _, s := range []string{
		`{`, `}`, `[]`, `[{}]`, `"x"`, `1`, `true`, `{"a"}`, `{"a":}`, `{a:1}`, `{'a':1}`, `{"a":1,}`, `{"a":1}{"b":2}`, `{"a":1} x`, `nul`, `NaN`, `{"a":NaN}`, `{"a":Infinity}`, `{"a":01}`,
		`{"email":"\ud800"}`, `{"email":"\udc00\ud800"}`, `{"\ud800":1}`, `{"email":"\u12"}`, `{"email":"\x41"}`, "{\"email\":\"\xff\"}", "{\"email\":\"\xc3(\"}", "\xff\xfe{\x00}\x00", "\xef\xbb\xbf{}", "\x00",
		"{\"email\":\"a\nb\"}", `email=x&password=y`, `<xml/>`,
		`{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, strings.Repeat(`{"a":`, 100_000), strings.Repeat("[", 100_000),
	} {
		l = append(l, s)
	}
	return l
}

// hostile are objects whose every field holds something it should not.
func hostile() []any {
	var l []any
	for _, value := range []string{
		`null`, `true`, `0`, `-1`, `1e999`, `123456789012345678901234567890`, `""`, `" "`, `"\u0000"`, `"x\u0000@example.org"`, `[]`, `{}`, `[[[[null]]]]`, `{"a":{"b":[1]}}`, `["\u0000"]`,
		`"' OR 1=1 --"`, `"%s%n%d"`, `"{{7*7}}"`, `"a@example.org\r\nBcc: b@example.org"`, `"../../etc/passwd"`, `"<script>alert(1)</script>"`, `"\ud83d\ude00\u202e\u2028"`,
		`"` + strings.Repeat("a", 20_000) + `"`, `"` + strings.Repeat("a.", 10_000) + `@example.org"`, `"a@` + strings.Repeat("b.", 5_000) + `org"`, `"+` + strings.Repeat("1", 10_000) + `"`,
		`"-"`, `".."`, `"a.b.c"`, `"a-b.c.d"`, `"9223372036854775808"`, `9223372036854775808`,
	} {
		var b bytes.Buffer
		b.WriteString(`{"unknown":` + value)
		for _, name := range []string{
			"email", "email2", "username", "phone", "password", "key", "code", "current_password", "new_password", "primary", "refresh_token", "sessions", "name", "credential", "authenticators",
			"id", "trust", "process", "provider", "callback_url", "token", "account", "ids", "passwordless",
		} {
			b.WriteString(`,"` + name + `":` + value)
		}
		b.WriteString("}")
		l = append(l, b.String())
	}
	return l
}
