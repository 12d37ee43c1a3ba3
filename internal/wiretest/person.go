package wiretest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/password"
	"github.com/headless-auth/headless/store"
)

// Password is the password of everybody who is made by [World.Make].
const Password = "plum-Quartz-31"

var (
	counter      atomic.Int64
	passwordHash = sync.OnceValue(func() store.PasswordHash {
		h, err := password.New(password.Params{Memory: 64, Time: 1, Threads: 1})
		if err != nil {
			panic(err)
		}
		s, err := h.Hash(context.Background(), Password)
		if err != nil {
			panic(err)
		}
		return store.PasswordHash(s)
	})
)

// FreshEmail is an address that nobody has had so far.
func FreshEmail() string { return fmt.Sprintf("someone%06d@example.org", counter.Add(1)) }

// FreshPhone is a number that nobody has had so far.
func FreshPhone() string { return fmt.Sprintf("+3161%07d", counter.Add(1)) }

// FreshIP is an address that nobody has called from so far.
func FreshIP() string {
	n := counter.Add(1)
	return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
}

// FreshName is a username that nobody has had so far.
func FreshName() string { return fmt.Sprintf("Visitor%06d", counter.Add(1)) }

// Person is somebody who has an account. The zero Person stands for a member
// like most: a verified address, a password, and used before.
type Person struct {
	ID string
	// Email is made up if it is empty; "-" means none. Username and Phone are
	// empty for none.
	Email, Username, Phone string
	// Unverified: neither address nor number is proven.
	Unverified bool
	NoPassword bool
	Disabled   bool
	// Unused: never logged in so far.
	Unused bool
}

// Make stores an account as it is described, without asking the API.
func (w *World) Make(p Person) *Person {
	w.T.Helper()
	ctx, now := w.T.Context(), w.Clock.Now()
	check := func(err error) {
		w.T.Helper()
		if err != nil {
			w.T.Fatal(err)
		}
	}
	u := &store.User{Username: p.Username, Disabled: p.Disabled, CreatedAt: now.Add(-24 * time.Hour)}
	if !p.NoPassword {
		u.Password = passwordHash()
	}
	check(w.Store.CreateUser(ctx, u))
	p.ID = u.ID
	switch p.Email {
	case "":
		p.Email = FreshEmail()
	case "-":
		p.Email = ""
	}
	if p.Email != "" {
		check(w.Store.CreateEmail(ctx, &store.EmailAddress{
			UserID: u.ID, Email: p.Email, Primary: true, Verified: !p.Unverified, CreatedAt: u.CreatedAt,
		}))
	}
	if p.Phone != "" {
		check(w.Store.SetPhone(ctx, &store.Phone{UserID: u.ID, Number: p.Phone, Verified: !p.Unverified}))
	}
	if !p.Unused {
		check(w.Store.RecordLogin(ctx, u.ID, now.Add(-time.Hour)))
	}
	return &p
}

// AddEmail gives a person a further address.
func (w *World) AddEmail(p *Person, email string, verified bool) string {
	w.T.Helper()
	e := &store.EmailAddress{UserID: p.ID, Email: email, Verified: verified, CreatedAt: w.Clock.Now()}
	if err := w.Store.CreateEmail(w.T.Context(), e); err != nil {
		w.T.Fatal(err)
	}
	return email
}

// User is what is stored of a person.
func (w *World) User(id string) *store.User {
	w.T.Helper()
	u, err := w.Store.User(w.T.Context(), id)
	if err != nil {
		w.T.Fatal(err)
	}
	return u
}

// Emails are a person's addresses as stored, each with "*" if it is verified
// and "!" if it is primary.
func (w *World) Emails(id string) string {
	w.T.Helper()
	rows, err := w.Store.EmailsOf(w.T.Context(), id)
	if err != nil {
		w.T.Fatal(err)
	}
	var l []string
	for _, e := range rows {
		l = append(l, e.Email+mark(e.Verified, e.Primary))
	}
	return strings.Join(l, " ")
}

func mark(verified, primary bool) (s string) {
	if verified {
		s = "*"
	}
	if primary {
		s += "!"
	}
	return s
}

// Sessions is how many sessions somebody has.
func (w *World) Sessions(id string) int {
	w.T.Helper()
	l, err := w.Store.SessionsOf(w.T.Context(), id)
	if err != nil {
		w.T.Fatal(err)
	}
	return len(l)
}

// Run runs a part of a scenario as a test of its own, with a new client.
func (w *World) Run(name string, part func(t *testing.T, w *World, c *Client)) {
	w.T.Helper()
	w.T.Run(name, func(t *testing.T) {
		one := *w
		one.T = t
		part(t, &one, one.Client(w.kind))
	})
}

// LogIn logs a person in by address, or by whatever else they have.
func (c *Client) LogIn(p *Person) *Reply {
	c.t.Helper()
	r := c.Post("/auth/login", c.credentials(p))
	r.LoggedIn()
	return r
}

func (c *Client) credentials(p *Person) M {
	switch {
	case p.Email != "":
		return M{"email": p.Email, "password": Password}
	case p.Username != "":
		return M{"username": p.Username, "password": Password}
	}
	return M{"phone": p.Phone, "password": Password}
}

// Session asks where the client stands.
func (c *Client) Session() *Reply { c.t.Helper(); return c.Get("/auth/session") }

// From makes the client call from an address, through a proxy. It takes
// Config.TrustedProxies = 1.
func (c *Client) From(ip string) *Client {
	c.Header.Set("X-Forwarded-For", ip)
	return c
}

// Credential is what the client is recognised by, "" if it has nothing.
func (c *Client) Credential() string {
	if c.Kind == "app" {
		return c.Token
	}
	return c.Cookie("sessionid")
}

// Holding returns a new client that presents a credential.
func (c *Client) Holding(credential string) *Client {
	d := c.Other()
	if d.Kind == "app" {
		d.Token = credential
	} else {
		d.SetCookie("sessionid", credential)
	}
	return d
}

// Dead checks that a credential identifies nobody any more: an app is told so,
// a browser is anybody.
func (c *Client) Dead(credential string) {
	c.t.Helper()
	d := c.Holding(credential)
	if r := d.Session(); c.Kind == "app" {
		r.Is(410)
	} else {
		r.NothingPending()
	}
}

// Wrong is a code that is not this one, of the same form.
func Wrong(code string) string {
	c := []byte(code)
	switch {
	case c[0] == 'B':
		c[0] = 'C'
	case c[0] >= '0' && c[0] <= '9':
		c[0] = '0' + (c[0]-'0'+1)%10
	default:
		c[0] = 'B'
	}
	return string(c)
}
