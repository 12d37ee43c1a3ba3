//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pquerna/otp/totp"
)

type m = map[string]any

// person has an account.
type person struct{ id, email, password string }

// tally counts answers by status, and keeps those that must not be.
type tally struct {
	mu     sync.Mutex
	status map[int]int
	bad    []string
}

func (l *tally) add(status int, what string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.status == nil {
		l.status = map[int]int{}
	}
	l.status[status]++
	if (err != nil || status == http.StatusInternalServerError) && len(l.bad) < 10 {
		l.bad = append(l.bad, fmt.Sprintf("%s: %d %v", what, status, err))
	}
}

func (l *tally) answers() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, times := range l.status {
		n += times
	}
	return n
}

func (l *tally) wrong() error {
	if len(l.bad) > 0 {
		return errors.New("there were wrong answers:\n" + strings.Join(l.bad, "\n"))
	}
	if l.status[http.StatusOK] == 0 {
		return errors.New("nothing was answered 200")
	}
	return nil
}

func (l *tally) report(d time.Duration) {
	fmt.Printf("\n%d answers in %v:", l.answers(), d.Round(time.Second))
	var all []int
	for status := range l.status {
		all = append(all, status)
	}
	slices.Sort(all)
	for _, status := range all {
		fmt.Printf(" %d times %d;", l.status[status], status)
	}
	fmt.Println()
}

// caller is an app at some address.
type caller struct {
	s                   *server
	ip, token, refreshT string
}

type reply struct {
	status int
	Data   json.RawMessage
	Meta   struct {
		Token   string `json:"session_token"`
		Refresh string `json:"refresh_token"`
		Secret  string `json:"secret"`
	}
}

// caller returns one from any of some thousands of addresses.
func (s *server) caller() *caller {
	return &caller{s: s, ip: fmt.Sprintf("10.%d.%d.%d", mathrand.IntN(2), mathrand.IntN(20), mathrand.IntN(250))} // #nosec G404 -- any will do
}

// call makes a call. What is wrong with the answer itself is in the tally; where
// time is up, the status is 0.
func (c *caller) call(ctx context.Context, method, path string, body any) (r reply) {
	var b []byte
	switch body := body.(type) {
	case nil:
	case string:
		b = []byte(body)
	default:
		b, _ = json.Marshal(body) // maps of texts
	}
	if strings.HasPrefix(path, "/auth") || strings.HasPrefix(path, "/account") || strings.HasPrefix(path, "/tokens") || path == "/config" {
		path = "/_allauth/app/v1" + path
	}
	rq, err := http.NewRequestWithContext(ctx, method, c.s.url+path, bytes.NewReader(b))
	if err != nil {
		c.s.add(0, path, err)
		return r
	}
	rq.Header.Set("X-Forwarded-For", c.ip)
	rq.Header.Set("Authorization", "Bearer "+adminToken)
	if !strings.HasPrefix(path, "/_admin") {
		rq.Header.Del("Authorization")
	}
	if c.token != "" {
		rq.Header.Set("X-Session-Token", c.token)
	}
	resp, err := http.DefaultClient.Do(rq)
	if err == nil {
		b, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	if ctx.Err() != nil {
		return r
	}
	if err != nil {
		c.s.add(0, method+" "+path, err)
		return r
	}
	r.status = resp.StatusCode
	c.s.add(r.status, method+" "+path, nil)
	_ = json.Unmarshal(b, &r) // some have no body
	if r.Meta.Token != "" {
		c.token = r.Meta.Token
	}
	if r.Meta.Refresh != "" {
		c.refreshT = r.Meta.Refresh
	}
	return r
}

// code is what was mailed to an address last.
func (c *caller) code(ctx context.Context, to string) string {
	for range 100 { // mails are sent after the answer
		rq, err := http.NewRequestWithContext(ctx, http.MethodGet, c.s.url+"/code?to="+url.QueryEscape(to), http.NoBody)
		if err != nil {
			return ""
		}
		resp, err := http.DefaultClient.Do(rq)
		if err != nil {
			return ""
		}
		b, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if len(b) > 0 {
			return string(b)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return ""
}

func fresh() string { return "soak" + strings.ToLower(rand.Text()) + "@example.org" }

// nobody is one of some hundred addresses that nobody has an account with. What
// counts against an address is remembered for hours: with ever new ones there
// would be growth that is meant to be.
func nobody() string { return fmt.Sprintf("nobody%d@example.org", mathrand.IntN(200)) } // #nosec G404 -- any will do

// signUp makes an account, and returns who is logged in.
func (s *server) signUp(ctx context.Context) (*person, *caller) {
	p, c := &person{email: fresh(), password: "Correct-Horse-9-" + rand.Text()[:6]}, s.caller()
	c.call(ctx, "POST", "/auth/signup", m{"email": p.email, "password": p.password})
	r := c.call(ctx, "POST", "/auth/email/verify", m{"key": c.code(ctx, p.email)})
	var d struct{ User struct{ ID any } }
	_ = json.Unmarshal(r.Data, &d)
	p.id = fmt.Sprint(d.User.ID)
	if r.status != http.StatusOK {
		return nil, c
	}
	return p, c
}

// join makes the i-th person.
func (s *server) join(i int) error {
	p, c := s.signUp(context.Background())
	if p == nil {
		return fmt.Errorf("person %d can't sign up", i)
	}
	c.call(context.Background(), "DELETE", "/auth/session", nil)
	s.people = append(s.people, p)
	return nil
}

// live does one thing after another.
func (s *server) live(ctx context.Context, i int) {
	p := s.people[i]
	for ctx.Err() == nil {
		c := s.caller()
		deeds[mathrand.IntN(len(deeds))](ctx, c, p)                       // #nosec G404 -- any will do
		time.Sleep(time.Duration(5+mathrand.IntN(20)) * time.Millisecond) // #nosec G404 -- any will do
		if c.token != "" && mathrand.IntN(4) > 0 {                        // #nosec G404 -- others just leave
			c.call(ctx, "DELETE", "/auth/session", nil)
		}
	}
}

func (c *caller) logIn(ctx context.Context, p *person) bool {
	return c.call(ctx, "POST", "/auth/login", m{"email": p.email, "password": p.password}).status == http.StatusOK
}

// deeds are what people do, right and wrong.
var deeds = []func(ctx context.Context, c *caller, p *person){
	func(ctx context.Context, c *caller, p *person) { // looks around
		if !c.logIn(ctx, p) {
			return
		}
		for range 10 {
			for _, path := range []string{"/auth/session", "/config", "/account/email", "/account/authenticators", "/auth/sessions"} {
				c.call(ctx, "GET", path, nil)
			}
		}
	},
	func(ctx context.Context, c *caller, p *person) { // refreshes
		if !c.logIn(ctx, p) {
			return
		}
		for range 3 {
			c.call(ctx, "POST", "/tokens/refresh", m{"refresh_token": c.refreshT})
		}
		c.call(ctx, "POST", "/tokens/refresh", m{"refresh_token": "nonsense"})
	},
	func(ctx context.Context, c *caller, p *person) { // mistypes, or guesses
		c.call(ctx, "POST", "/auth/login", m{"email": p.email, "password": "wrong"})
		c.call(ctx, "POST", "/auth/login", m{"email": nobody(), "password": "wrong"})
		c.call(ctx, "POST", "/auth/login", "{")
		c.call(ctx, "GET", "/auth/nowhere", nil)
		(&caller{s: c.s, ip: c.ip, token: "nonsense"}).call(ctx, "GET", "/auth/session", nil)
	},
	func(ctx context.Context, c *caller, p *person) { // logs in by code, after a wrong one
		if c.call(ctx, "POST", "/auth/code/request", m{"email": p.email}).status == http.StatusUnauthorized {
			code := c.code(ctx, p.email)
			c.call(ctx, "POST", "/auth/code/confirm", m{"code": "BCDFGH"})
			c.call(ctx, "POST", "/auth/code/confirm", m{"code": code})
		}
	},
	func(ctx context.Context, c *caller, p *person) { // forgets the password
		if c.call(ctx, "POST", "/auth/password/request", m{"email": p.email}).status != http.StatusUnauthorized {
			return
		}
		next := "Correct-Horse-9-" + rand.Text()[:6]
		if c.call(ctx, "POST", "/auth/password/reset", m{"key": c.code(ctx, p.email), "password": next}).status == http.StatusUnauthorized {
			p.password = next
		}
	},
	func(ctx context.Context, c *caller, p *person) { // changes the password
		if !c.logIn(ctx, p) {
			return
		}
		next := "Correct-Horse-9-" + rand.Text()[:6]
		c.call(ctx, "POST", "/account/password/change", m{"current_password": "wrong", "new_password": next})
		if c.call(ctx, "POST", "/account/password/change", m{"current_password": p.password, "new_password": next}).status == http.StatusOK {
			p.password = next
		}
	},
	func(ctx context.Context, c *caller, p *person) { // has two addresses for a while
		if !c.logIn(ctx, p) {
			return
		}
		email := fresh()
		if c.call(ctx, "POST", "/account/email", m{"email": email}).status == http.StatusOK {
			c.call(ctx, "POST", "/auth/email/verify", m{"key": c.code(ctx, email)})
			c.call(ctx, "DELETE", "/account/email", m{"email": email})
		}
	},
	func(ctx context.Context, c *caller, _ *person) { // comes, and leaves for good
		p, c := c.s.signUp(ctx)
		if p != nil {
			c.call(ctx, "DELETE", "/_admin/v1/users/"+p.id, nil)
		}
	},
	func(ctx context.Context, c *caller, p *person) { // has forgotten to have an account
		c.call(ctx, "POST", "/auth/signup", m{"email": p.email, "password": p.password})
		c.call(ctx, "POST", "/auth/password/request", m{"email": nobody()})
	},
	func(ctx context.Context, c *caller, _ *person) { // begins, and never ends
		c.call(ctx, "GET", "/auth/webauthn/login", nil)
		c.token = ""
		c.call(ctx, "POST", "/auth/code/request", m{"email": nobody()})
		c.token = ""
	},
	func(ctx context.Context, c *caller, p *person) { // has a second factor for a while
		if !c.logIn(ctx, p) {
			return
		}
		secret := c.call(ctx, "GET", "/account/authenticators/totp", nil).Meta.Secret
		code, err := totp.GenerateCode(secret, time.Now())
		if err != nil || c.call(ctx, "POST", "/account/authenticators/totp", m{"code": code}).status != http.StatusOK {
			return
		}
		var l struct {
			Codes []string `json:"unused_codes"`
		}
		_ = json.Unmarshal(c.call(ctx, "GET", "/account/authenticators/recovery-codes", nil).Data, &l)
		d := c.s.caller()
		d.logIn(ctx, p)
		d.call(ctx, "POST", "/auth/2fa/authenticate", m{"code": "000000"})
		if len(l.Codes) > 0 {
			d.call(ctx, "POST", "/auth/2fa/authenticate", m{"code": l.Codes[0]})
		}
		d.call(ctx, "DELETE", "/account/authenticators/totp", nil)
		c.call(ctx, "DELETE", "/account/authenticators/totp", nil)
	},
}
