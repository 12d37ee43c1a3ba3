package wiretest_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
)

// With -full every race has ten thousand runners on every store:
//
//	go run ./internal/testenv go test ./internal/wiretest -run TestRaces -full
var full = flag.Bool("full", false, "ten thousand runners in every race")

// runners is how many take part in a race that is to have up to most.
func runners(most int) int {
	if *full {
		return 10_000
	}
	if testing.Short() {
		return min(most, 100)
	}
	return most
}

// storm makes n calls, many of them at once.
func storm(n int, call func(i int)) {
	const atOnce = 64
	var next atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range min(n, atOnce) {
		wg.Go(func() {
			<-start
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				call(int(i) - 1)
			}
		})
	}
	close(start)
	wg.Wait()
}

// answer is what came of a call, as "200", or "400 key:incorrect_code".
type answer string

// direct calls the handler without a network between, with what the client
// holds.
func direct(w *World, c *Client, method, path string, body any, header ...string) *httptest.ResponseRecorder {
	var text string
	if s, ok := body.(string); ok {
		text = s
	} else if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		text = string(b)
	}
	target := w.URL + "/_allauth/" + c.Kind + "/v1" + path
	if ext, ok := strings.CutPrefix(path, "/ext/"); ok {
		target = w.URL + "/_allauth/" + c.Kind + "/ext/v1/" + ext
	}
	r := httptest.NewRequest(method, target, strings.NewReader(text))
	if c.Kind == "browser" {
		csrf := c.Cookie("csrftoken")
		if csrf == "" {
			csrf = strings.Repeat("a", 32)
		}
		r.AddCookie(&http.Cookie{Name: "csrftoken", Value: csrf})
		r.Header.Set("X-CSRFToken", csrf)
		if s := c.Cookie("sessionid"); s != "" {
			r.AddCookie(&http.Cookie{Name: "sessionid", Value: s})
		}
	} else if c.Token != "" {
		r.Header.Set("X-Session-Token", c.Token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.Auth.Handler().ServeHTTP(rec, r)
	return rec
}

// shot is direct for who asks only how it went.
func shot(w *World, c *Client, method, path string, body any, header ...string) answer {
	rec := direct(w, c, method, path, body, header...)
	var env struct{ Errors []wiretest.Error }
	_ = json.Unmarshal(rec.Body.Bytes(), &env)
	a := fmt.Sprint(rec.Code)
	for _, e := range env.Errors {
		a += " " + e.Param + ":" + e.Code
	}
	return answer(a)
}

// tally counts answers.
type tally struct {
	mu sync.Mutex
	n  map[answer]int
}

func (l *tally) add(a answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n == nil {
		l.n = map[answer]int{}
	}
	l.n[a]++
}

// only checks that there were no other answers than these; a store that is
// too busy may say so.
func (l *tally) only(t *testing.T, allowed ...answer) {
	t.Helper()
	for a, n := range l.n {
		ok := a == "503"
		for _, b := range allowed {
			ok = ok || a == b
		}
		if !ok {
			t.Errorf("%d times: %s", n, a)
		}
	}
}

// coded is a way to have a code sent, and to repeat it.
type coded struct {
	name   string
	change func(*Config)
	begin  func(t *testing.T, w *World, c *Client) (code string)
	path   string
	field  string
	// look is the header of a GET that looks the code up, if there is one.
	look string
	// done is the answer to the right code, and over the one when it is too late.
	done, over answer
}

func codedWays() []coded {
	return []coded{
		{name: "to log in", change: loginByCode, path: "/auth/code/confirm", field: "code", done: "200", over: "409",
			begin: func(t *testing.T, w *World, c *Client) string {
				p := w.Make(Person{})
				c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
				return w.Inbox.Mail(t, p.Email, "login_code").Data["code"]
			}},
		{name: "to verify an address at signup", change: codeVerification, path: "/auth/email/verify", field: "key", look: "X-Email-Verification-Key", done: "200", over: "409",
			begin: func(t *testing.T, w *World, c *Client) string {
				_, data := signUp(t, w, c)
				return data["code"]
			}},
		{name: "to verify an address that is added", change: codeVerification, path: "/auth/email/verify", field: "key", look: "X-Email-Verification-Key", done: "200", over: "409",
			begin: func(t *testing.T, w *World, c *Client) string {
				c.LogIn(w.Make(Person{}))
				added := wiretest.FreshEmail()
				c.Post("/account/email", M{"email": added}).Is(200)
				return w.Inbox.Mail(t, added, "email_confirmation").Data["code"]
			}},
		{name: "to reset a password", change: resetByCode, path: "/auth/password/reset", field: "key", look: "X-Password-Reset-Key", done: "401", over: "409",
			begin: func(t *testing.T, w *World, c *Client) string {
				p := w.Make(Person{})
				c.Post("/auth/password/request", M{"email": p.Email}).Pending("password_reset_by_code")
				return w.Inbox.Mail(t, p.Email, "password_reset_code").Data["code"]
			}},
		{name: "to verify a number at signup", change: phones, path: "/auth/phone/verify", field: "code", done: "200", over: "409",
			begin: func(t *testing.T, w *World, c *Client) string {
				phone := wiretest.FreshPhone()
				c.Post("/auth/signup", M{"phone": phone, "email": wiretest.FreshEmail(), "password": wiretest.Password}).Pending("verify_phone")
				return w.Inbox.Text(t, phone, "verification").Code
			}},
		{name: "to change a number", change: phones, path: "/auth/phone/verify", field: "code", done: "200", over: "409",
			begin: func(t *testing.T, w *World, c *Client) string {
				c.LogIn(w.Make(Person{Phone: wiretest.FreshPhone()}))
				phone := wiretest.FreshPhone()
				c.Post("/account/phone", M{"phone": phone}).Is(202)
				return w.Inbox.Text(t, phone, "verification").Code
			}},
	}
}

// What two requests could race for is decided once. Requirements LIM-2, ONE-1,
// ONE-2, ONE-4, SES-4.
func TestRaces(t *testing.T) {
	t.Run("of guesses at one code are judged three times in all", func(t *testing.T) {
		for _, way := range codedWays() {
			t.Run(way.name, func(t *testing.T) {
				wiretest.Each(t, func(c *Config) { way.change(c); c.TrustedProxies = 1 }, func(t *testing.T, w *World, c *Client) {
					code := way.begin(t, w, c)
					strangers := make([]*Client, 8)
					for i := range strangers {
						strangers[i] = c.Other()
						if i%2 == 0 { // with a process of their own
							way.begin(t, w, strangers[i])
						}
					}
					n := runners(400)
					var holder, others tally
					storm(n, func(i int) {
						ip := fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)
						body := M{way.field: wiretest.Wrong(code), "password": newPassword}
						switch {
						case i%4 == 3: // the right code, from somewhere else
							body[way.field] = code
							others.add(shot(w, strangers[i/4%len(strangers)], "POST", way.path, body, "X-Forwarded-For", ip))
						case i%4 == 2 && way.look != "":
							holder.add(shot(w, c, "GET", way.path, nil, "X-Forwarded-For", ip, way.look, wiretest.Wrong(code)))
						default:
							holder.add(shot(w, c, "POST", way.path, body, "X-Forwarded-For", ip))
						}
					})
					wrong := answer("400 " + way.field + ":incorrect_code")
					if got := holder.n[wrong]; got < 1 || got > 3 {
						t.Errorf("%d of %d guesses were judged, want no more than 3: %v", got, n, holder.n)
					}
					holder.only(t, wrong, "409")
					others.only(t, wrong, "409")
					// Until the cap is reached the code is good; then it is not.
					if holder.n[wrong] == 3 {
						if a := shot(w, c, "POST", way.path, M{way.field: code, "password": newPassword}); a != way.over {
							t.Errorf("the right code afterwards: got %s", a)
						}
					}
				})
			})
		}
	})

	t.Run("of the right code are won once", func(t *testing.T) {
		for _, way := range codedWays() {
			t.Run(way.name, func(t *testing.T) {
				wiretest.Each(t, way.change, func(t *testing.T, w *World, c *Client) {
					code := way.begin(t, w, c)
					var l tally
					storm(runners(200), func(int) {
						l.add(shot(w, c, "POST", way.path, M{way.field: code, "password": newPassword}))
					})
					// Who is late finds the session gone, or nothing to be done.
					late := map[string]answer{"app": "410", "browser": "401"}[c.Kind]
					if c.Kind == "browser" && way.done == "401" {
						late = "409"
					}
					if l.n[way.done] != 1 {
						t.Errorf("got %v, want %s once", l.n, way.done)
					}
					l.only(t, way.done, way.over, late, "403 :csrf_failed", "400 "+answer(way.field)+":incorrect_code")
				})
			})
		}
	})

	t.Run("of one verification link are won once", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			email, data := signUp(t, w, c)
			w.Events.Take()
			var l tally
			storm(runners(1000), func(int) { l.add(shot(w, c.Other(), "POST", "/auth/email/verify", M{"key": data["key"]})) })
			if l.n["401"] != 1 {
				t.Errorf("got %v, want one success", l.n)
			}
			l.only(t, "401", "400 key:invalid_or_expired_key")
			same(t, w.Events.Take(), "email_confirmed")
			equal(t, w.Emails(idOf(t, w, email)), email+"*!")
		})
	})

	t.Run("of one reset link are won once", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			key := requestKey(t, w, c, p.Email)
			w.Events.Take()
			var l tally
			var winner atomic.Int64
			n := runners(400)
			storm(n, func(i int) {
				a := shot(w, c.Other(), "POST", "/auth/password/reset", M{"key": key, "password": fmt.Sprintf("%s-%d", newPassword, i)})
				if l.add(a); a == "401" {
					winner.Store(int64(i))
				}
			})
			if l.n["401"] != 1 {
				t.Errorf("got %v, want one success", l.n)
			}
			l.only(t, "401", "400 key:invalid_password_reset")
			same(t, w.Events.Take(), "password_reset")
			logsIn(t, c, p.Email, fmt.Sprintf("%s-%d", newPassword, winner.Load()))
		})
	})

	t.Run("of two users for one address have one winner", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			for range runners(20)/10 + 3 {
				email := wiretest.FreshEmail()
				var keys [2]string
				for i := range keys {
					p := w.Make(Person{})
					d := c.Other()
					d.LogIn(p)
					d.Post("/account/email", M{"email": email}).Is(200)
					keys[i] = w.Inbox.Mail(t, email, "email_confirmation").Data["key"]
				}
				var l tally
				storm(2, func(i int) { l.add(shot(w, c.Other(), "POST", "/auth/email/verify", M{"key": keys[i]})) })
				if l.n["401"] != 1 || l.n["400 key:email_taken"] != 1 {
					t.Errorf("got %v, want one winner and one to whom it is taken", l.n)
				}
				if rows, err := w.Store.EmailsByAddress(t.Context(), email); err != nil || len(rows) != 2 || !rows[0].Verified || rows[1].Verified {
					t.Errorf("got %v, %v", rows, err)
				}
			}
		})
	})

	t.Run("of two users for one number have one winner", func(t *testing.T) {
		wiretest.Each(t, phones, func(t *testing.T, w *World, c *Client) {
			for range 5 {
				phone := wiretest.FreshPhone()
				var clients [2]*Client
				var codes [2]string
				for i := range clients {
					clients[i] = c.Other()
					clients[i].LogIn(w.Make(Person{Phone: wiretest.FreshPhone()}))
					clients[i].Post("/account/phone", M{"phone": phone}).Is(202)
					codes[i] = w.Inbox.Text(t, phone, "verification").Code
				}
				var l tally
				storm(2, func(i int) { l.add(shot(w, clients[i], "POST", "/auth/phone/verify", M{"code": codes[i]})) })
				if l.n["200"] != 1 || l.n["400 code:phone_taken"] != 1 {
					t.Errorf("got %v, want one winner and one to whom it is taken", l.n)
				}
			}
		})
	})

	t.Run("of signups for one name have one winner", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { usernames(c); c.Account.EmailVerification = account.None }, func(t *testing.T, w *World, c *Client) {
			name := wiretest.FreshName()
			var l tally
			storm(runners(40), func(i int) {
				l.add(shot(w, c.Other(), "POST", "/auth/signup", M{"username": []string{name, strings.ToUpper(name)}[i%2], "email": wiretest.FreshEmail(), "password": wiretest.Password}))
			})
			if l.n["200"] != 1 {
				t.Errorf("got %v, want one account", l.n)
			}
			l.only(t, "200", "400 username:username_taken")
		})
	})

	t.Run("of signups whose names are made up all get one", func(t *testing.T) {
		wiretest.Each(t, unverified, func(t *testing.T, w *World, c *Client) {
			local := strings.ToLower(wiretest.FreshName())
			var l tally
			storm(24, func(i int) {
				l.add(shot(w, c.Other(), "POST", "/auth/signup", M{"email": fmt.Sprintf("%s@%d.example.org", local, i), "password": wiretest.Password}))
			})
			if l.n["200"] != 24 {
				t.Errorf("got %v, want 24 accounts", l.n)
			}
		})
	})

	t.Run("of signups for one address leave one owner", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			var l tally
			storm(16, func(int) {
				l.add(shot(w, c.Other(), "POST", "/auth/signup", M{"email": email, "password": wiretest.Password}))
			})
			l.only(t, "401")
			verified := 0
			for _, m := range w.Inbox.Mails(email) {
				if m.Kind != "email_confirmation_signup" {
					continue
				}
				if c.Other().Post("/auth/email/verify", M{"key": m.Data["key"]}).Status == 401 {
					verified++
				}
			}
			if verified != 1 {
				t.Errorf("%d accounts own the address", verified)
			}
		})
	})

	t.Run("of logging out with anything else end with nobody logged in", func(t *testing.T) {
		wiretest.Each(t, codeVerification, func(t *testing.T, w *World, c *Client) {
			for round := range 6 {
				p := w.Make(Person{})
				d := c.Other()
				d.LogIn(p)
				var l tally
				storm(12, func(i int) {
					switch {
					case i == 5:
						l.add("out " + shot(w, d, "DELETE", "/auth/session", nil))
					case i%2 == round%2:
						shot(w, d, "POST", "/auth/reauthenticate", M{"password": wiretest.Password})
					default:
						shot(w, d, "POST", "/account/email", M{"email": wiretest.FreshEmail()})
					}
				})
				if len(l.n) != 1 || l.n["out 401"] != 1 {
					t.Errorf("got %v", l.n)
				}
				d.Dead(d.Credential())
				if n := w.Sessions(p.ID); n != 0 {
					t.Errorf("%d sessions came back", n)
				}
			}
		})
	})

	t.Run("of password changes are won once, and leave one session", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			clients := make([]*Client, 6)
			for i := range clients {
				clients[i] = c.Other()
				clients[i].LogIn(p)
			}
			var l tally
			var winner atomic.Int64
			storm(24, func(i int) {
				a := shot(w, clients[i%6], "POST", "/account/password/change", M{"current_password": wiretest.Password, "new_password": fmt.Sprintf("%s-%d", newPassword, i)})
				if l.add(a); a == "200" {
					winner.Store(int64(i))
				}
			})
			if l.n["200"] != 1 {
				t.Errorf("got %v, want one success", l.n)
			}
			l.only(t, "200", "401", "409", "410", "403 :csrf_failed", "400 current_password:enter_current_password")
			logsIn(t, c, p.Email, fmt.Sprintf("%s-%d", newPassword, winner.Load()))
			if n := w.Sessions(p.ID); n != 2 { // the winner's and the one just now
				t.Errorf("%d sessions are left", n)
			}
		})
	})

	t.Run("of guesses at a password are judged five times in all", func(t *testing.T) {
		wiretest.Each(t, limited(usernames), func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName()})
			other := wiretest.New(t, w.Store, limited(func(c *Config) { usernames(c); c.Now = w.Clock.Now }))
			var l tally
			storm(runners(300), func(i int) {
				body := M{"email": p.Email, "password": "wrong"}
				if i%3 == 0 {
					body = M{"username": p.Username, "password": "wrong"}
				}
				a := shot([]*World{w, other}[i%2], c.Other(), "POST", "/auth/login", body, "X-Forwarded-For", wiretest.FreshIP())
				l.add(answer(strings.NewReplacer("username_password", "password", "email_password", "password").Replace(string(a))))
			})
			if got := l.n["400 password:password_mismatch"]; got != 5 {
				t.Errorf("%d were judged, want 5: %v", got, l.n)
			}
			l.only(t, "400 password:password_mismatch", "400 :too_many_login_attempts")
		})
	})

	t.Run("of asking for another code send as many as allowed", func(t *testing.T) {
		wiretest.Each(t, loginByCode, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			var l tally
			storm(40, func(int) { l.add(shot(w, c, "POST", "/auth/code/resend", nil)) })
			l.only(t, "200", "409")
			if got := len(w.Inbox.Mails(p.Email)); got != 1+l.n["200"] || l.n["200"] < 1 || l.n["200"] > 2 {
				t.Errorf("%d codes were sent, %v", got, l.n)
			}
		})
	})

	t.Run("of instances to deliver a mail are won once", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			var to []string
			w.Inbox.Fail(errors.New("connection refused"))
			for range 20 {
				to = append(to, wiretest.FreshEmail())
				c.Post("/auth/password/request", M{"email": to[len(to)-1]}).Is(200)
			}
			if err := w.Auth.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.Inbox.Fail(nil)
			w.Clock.Advance(time.Hour)
			deliverAll(t, w, wiretest.New(t, w.Store, func(c *Config) { c.Now, c.Mailer = w.Clock.Now, w.Inbox }))
			for _, email := range to {
				w.Inbox.Mail(t, email, "unknown_account")
			}
		})
	})

	t.Run("of changes to the addresses leave one primary at most", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			emails := []string{p.Email}
			for range 3 {
				emails = append(emails, w.AddEmail(p, wiretest.FreshEmail(), true))
			}
			c.LogIn(p)
			var l tally
			storm(40, func(i int) {
				email := emails[i%4]
				if i%5 == 0 && i%4 != 0 {
					l.add(shot(w, c, "DELETE", "/account/email", M{"email": email}))
				} else {
					l.add(shot(w, c, "PATCH", "/account/email", M{"email": email, "primary": true}))
				}
			})
			l.only(t, "200", "400 email:unknown_email", "400 email:cannot_remove_primary_email", "409")
			rows, err := w.Store.EmailsOf(t.Context(), p.ID)
			if err != nil {
				t.Fatal(err)
			}
			primary := ""
			for _, e := range rows {
				if e.Primary && primary != "" {
					t.Error("two addresses are primary")
				} else if e.Primary {
					primary = e.Email
				}
			}
			if u := w.User(p.ID); u.Email != primary {
				t.Errorf("the user's address is %q, the primary one %q", u.Email, primary)
			}
		})
	})
}
