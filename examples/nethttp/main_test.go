package main

import (
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/account/authtest"
)

// newSite is the program as it is, but for the mail server and the clock.
func newSite(t *testing.T) *authtest.Site {
	site := authtest.New(t, config())
	site.Handler = routes(site.Auth)
	return site
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	ada := authtest.Login(t, site, "ada")
	phone := authtest.Login(t, site, "ada", authtest.AsApp(), authtest.WithPassword())
	stranger := site.Client(t, authtest.Browser)
	lost := site.Client(t, authtest.App)
	lost.Token = "never-given-out"
	for _, tt := range []struct {
		name, method, path string
		client             *authtest.Client
		status             int
		want               string
	}{
		{"everybody sees the front page", "GET", "/", stranger, 200, "welcome, whoever you are\n"},
		{"which knows users", "GET", "/", ada, 200, "welcome back, ada\n"},
		{"users have a page", "GET", "/me", ada, 200, "ada@example.org\n"},
		{"on their phone too", "GET", "/me", phone, 200, "ada@example.org\n"},
		{"strangers are told how to log in", "GET", "/me", stranger, 401, `"flows":[{"id":"login"}`},
		{"a dead token is gone", "GET", "/me", lost, 410, `"status":410`},
		{"who has just logged in may do dangerous things", "POST", "/danger", ada, 200, "done"},
		{"strangers may not", "POST", "/danger", stranger, 401, `"status":401`},
	} {
		if r := tt.client.Do(tt.method, tt.path, nil); r.Status != tt.status || !strings.Contains(string(r.Raw), tt.want) {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, r.Status, r.Raw, tt.status, tt.want)
		}
	}

	site.Clock.Advance(6 * time.Minute)
	ada.Post("/danger", nil).Is(401)
	ada.Get("/me").Is(200)
}

// Whoever signs up has to read their mail.
func TestSignup(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	c := site.Client(t, authtest.Browser)
	c.Post(c.API("/auth/signup"), authtest.M{"email": "ada@example.org", "password": "correct horse battery"}).Pending("verify_email")
	c.Get("/me").Is(401)
	key := site.Mail.Wait(t, "ada@example.org").Key("/verify-email/")
	c.Post(c.API("/auth/email/verify"), authtest.M{"key": key}).Is(401)
	c.Post(c.API("/auth/login"), authtest.M{"email": "ada@example.org", "password": "correct horse battery"}).LoggedIn()
	c.Get("/me").Is(200)
}
