package races_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/headless-auth/headless/account/authtest/softauthn"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
)

// keysMost and browsersMost are how many keys and trusted browsers a user may
// have.
const keysMost, browsersMost = 50, 50

// limited is a contest for a rate limit: as many as it lets pass get the one
// answer, and all others the other.
func limited(name string, amount int, passed, refused answer, begin func(t *testing.T, s *site) func(i int) shot) contest {
	return contest{"the limit of " + name, "limits", func(t *testing.T, s *site) race {
		return race{shot: begin(t, s), won: is(passed), wins: amount, lost: []answer{refused}}
	}}
}

// bounded is limited where a second limit is in the way: of what is not judged
// yet, no more than that may be wrong.
func bounded(c contest, also answer) contest {
	ready := c.ready
	c.ready = func(t *testing.T, s *site) race {
		r := ready(t, s)
		r.atMost, r.lost = true, append(r.lost, also)
		return r
	}
	return c
}

// from is the header of a client whose address nobody had before.
func from() (string, string) { return "X-Forwarded-For", wiretest.FreshIP() }

// asUser is what somebody sends who is logged in, over and over.
func asUser(method, path string, body M) func(t *testing.T, s *site) func(int) shot {
	return func(_ *testing.T, s *site) func(int) shot {
		c := s.Client("app")
		c.From(wiretest.FreshIP()).LogIn(s.Make(Person{}))
		return func(int) shot { return of(c, method, path, body) }
	}
}

// fromOne is what somebody sends from one address, over and over.
func fromOne(path string, body M) func(t *testing.T, s *site) func(int) shot {
	return func(_ *testing.T, s *site) func(int) shot {
		name, ip := from()
		return func(int) shot { return of(s.Client("app"), "POST", path, body, name, ip) }
	}
}

// about is what many send about one account.
func about(path string) func(t *testing.T, s *site) func(int) shot {
	return func(_ *testing.T, s *site) func(int) shot {
		p := s.Make(Person{})
		return func(int) shot {
			name, ip := from()
			return of(s.Client("app"), "POST", path, M{"email": p.Email, "password": "wrong"}, name, ip)
		}
	}
}

// owned is what one can have, or so many. Requirements ONE-4, LIM-2.
var owned = []contest{
	limited("failed logins", 5, "400 password:email_password_mismatch", "400 :too_many_login_attempts", about("/auth/login")),
	limited("logins from an address", 30, "400 email:invalid", "429", fromOne("/auth/login", M{"email": "x", "password": "x"})),
	limited("signups from an address", 20, "400 email:invalid", "429", fromOne("/auth/signup", M{"email": "x", "password": newPassword})),
	limited("resets of an account", 5, "200", "429", about("/auth/password/request")),
	limited("codes of an account", 3, "401", "400 email:too_many_login_attempts", about("/auth/code/request")),
	limited("password changes", 5, "400 current_password:enter_current_password", "429",
		asUser("POST", "/account/password/change", M{"current_password": "wrong", "new_password": newPassword})),
	bounded(limited("reauthentication", 10, "200", "429", asUser("POST", "/auth/reauthenticate", M{"password": wiretest.Password})), "400 password:too_many_login_attempts"),
	limited("changes of addresses", 10, "400 email:invalid", "429", asUser("POST", "/account/email", M{"email": "x"})),

	{"a username", "caps", func(t *testing.T, s *site) race {
		name := wiretest.FreshName()
		return race{
			shot: func(i int) shot {
				return of(s.Client("app"), "POST", "/auth/signup", M{
					"username": []string{name, strings.ToUpper(name)}[i/2%2], "email": wiretest.FreshEmail(), "password": wiretest.Password,
				})
			},
			lost: []answer{"400 username:username_taken"},
		}
	}},

	{"an address, of fifty who verify it", "links", func(t *testing.T, s *site) race {
		email := wiretest.FreshEmail()
		var keys [crowd]string
		for i := range keys {
			c := s.Client("app")
			c.LogIn(s.Make(Person{}))
			c.Post("/account/email", M{"email": email}).Is(200)
			keys[i] = s.Inbox.Mail(t, email, "email_confirmation").Data["key"]
		}
		return race{
			shot: func(i int) shot { return of(s.Client("app"), "POST", "/auth/email/verify", M{"key": keys[i]}) },
			won:  is("401"), lost: []answer{"400 key:email_taken"},
			check: func(t *testing.T, _ []reply) {
				l, err := s.Store.EmailsByAddress(t.Context(), email)
				if err != nil || len(l) != crowd || !l[0].Verified || l[1].Verified {
					t.Errorf("got %d, %v", len(l), err)
				}
			},
		}
	}},

	{"a number, of fifty who verify it", "codes", func(t *testing.T, s *site) race {
		phone := wiretest.FreshPhone()
		var l [crowd]*Client
		var codes [crowd]string
		for i := range l {
			l[i] = s.Client("app")
			l[i].LogIn(s.Make(Person{Phone: wiretest.FreshPhone()}))
			l[i].Post("/account/phone", M{"phone": phone}).Is(202)
			codes[i] = s.Inbox.Text(t, phone, "verification").Code
		}
		return race{
			shot: func(i int) shot { return of(l[i], "POST", "/auth/phone/verify", M{"code": codes[i]}) },
			lost: []answer{"400 code:phone_taken", "409"},
		}
	}},

	{"an account that operators make", "caps", func(t *testing.T, s *site) race {
		email := wiretest.FreshEmail()
		x := shot{method: "POST", path: "/_admin/v1/users", body: `{"email":"` + email + `","email_verified":true}`}
		x.header = map[string][]string{"Authorization": {"Bearer " + adminToken}, "Content-Type": {"application/json"}}
		return race{
			shot: func(int) shot { return x },
			won:  is("200", "201"), lost: []answer{"400 email:email_taken", "409", "409 :conflict"},
			check: func(t *testing.T, _ []reply) {
				if l, err := s.Store.EmailsByAddress(t.Context(), email); err != nil || len(l) != 1 {
					t.Errorf("%d have the address, %v", len(l), err)
				}
			},
		}
	}},

	{"the primary address", "caps", func(t *testing.T, s *site) race {
		p, c := s.Make(Person{}), s.Client("app")
		emails := []string{p.Email, s.AddEmail(p, wiretest.FreshEmail(), true), s.AddEmail(p, wiretest.FreshEmail(), true)}
		c.LogIn(p)
		return race{
			shot: func(i int) shot { return of(c, "PATCH", "/account/email", M{"email": emails[i%3], "primary": true}) },
			wins: anyNumber, lost: []answer{"409"},
			check: func(t *testing.T, _ []reply) {
				if got := s.Emails(p.ID); strings.Count(got, "!") != 1 || !strings.Contains(got, s.User(p.ID).Email+"*!") {
					t.Errorf("got %s, and %s of the user", got, s.User(p.ID).Email)
				}
			},
		}
	}},

	{"room for addresses", "caps", func(t *testing.T, s *site) race {
		p, c := s.Make(Person{}), s.Client("app")
		c.LogIn(p)
		return race{
			shot: func(int) shot { return of(c, "POST", "/account/email", M{"email": wiretest.FreshEmail()}) },
			wins: most - 1, atMost: true, lost: []answer{"409", "400 email:max_email_addresses"},
			check: func(t *testing.T, _ []reply) {
				if l, err := s.Store.EmailsOf(t.Context(), p.ID); err != nil || len(l) > most {
					t.Errorf("got %d, %v", len(l), err)
				}
			},
		}
	}},

	{"room for sessions", "caps", func(t *testing.T, s *site) race {
		p := s.Make(Person{})
		return race{
			shot: func(int) shot { return of(s.Client("app"), "POST", "/auth/login", password(p)) },
			wins: crowd,
			check: func(t *testing.T, _ []reply) {
				if n := goodSessions(t, s, p); n > most || n == 0 {
					t.Errorf("there are %d sessions", n)
				}
			},
		}
	}},

	{"room for keys", "links", func(t *testing.T, s *site) race {
		p, c, k := s.Make(Person{}), s.Client("app"), key(s)
		c.LogIn(p)
		c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath)))}).Is(200)
		keys := func() (l []*store.Authenticator) {
			all, err := s.Store.AuthenticatorsOf(t.Context(), p.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range all {
				if a.Type == store.WebAuthn {
					l = append(l, a)
				}
			}
			return l
		}
		for range keysMost - 3 {
			a := *keys()[0]
			a.ID, a.Key = "", []byte(rand.Text())
			if err := s.Store.CreateAuthenticator(t.Context(), &a); err != nil {
				t.Fatal(err)
			}
		}
		l, credentials := inTurn(t, s, p, k)
		return race{
			shot: func(i int) shot { return of(l[i], "POST", keysPath, M{"credential": credentials[i]}) },
			wins: 2, atMost: true, lost: []answer{"409", "400 :max_authenticators"},
			check: func(t *testing.T, _ []reply) {
				if n := len(keys()); n > keysMost {
					t.Errorf("there are %d keys", n)
				}
			},
		}
	}},

	{"room for trusted browsers", "links", func(t *testing.T, s *site) race {
		p, c, k := s.Make(Person{}), s.Client("app"), key(s)
		c.LogIn(p)
		c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath)))}).Is(200)
		for range browsersMost - 1 {
			now := s.Clock.Now()
			b := &store.TrustedBrowser{UserID: p.ID, TokenHash: []byte(rand.Text() + rand.Text()[:6]), Fingerprint: []byte("f"), CreatedAt: now, ExpiresAt: now.AddDate(0, 0, 1)}
			if err := s.Store.CreateTrustedBrowser(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		var l [crowd]*Client
		for i := range l {
			l[i] = s.Client("browser")
			l[i].Post("/auth/login", password(p)).Pending("mfa_authenticate")
			l[i].Post(keyPath, M{"credential": k.Get(optionsOf(t, l[i].Get(keyPath)))}).Pending("mfa_trust")
		}
		return race{
			shot: func(i int) shot { return of(l[i], "POST", trustPath, M{"trust": true}) },
			wins: anyNumber, lost: []answer{"409"},
			check: func(t *testing.T, _ []reply) {
				if l, err := s.Store.TrustedBrowsersOf(t.Context(), p.ID); err != nil || len(l) != browsersMost {
					t.Errorf("%d are trusted, %v", len(l), err)
				}
			},
		}
	}},
}

// inTurn logs somebody who has a key in fifty times, each about to register
// another key.
func inTurn(t *testing.T, s *site, p *Person, k *softauthn.Authenticator) (l [crowd]*Client, credentials [crowd]softauthn.Credential) {
	t.Helper()
	for i := range l {
		l[i] = s.Client("app")
		l[i].Post("/auth/login", password(p)).Pending("mfa_authenticate")
		l[i].Post(keyPath, M{"credential": k.Get(optionsOf(t, l[i].Get(keyPath)))}).LoggedIn()
		credentials[i] = key(s).Create(optionsOf(t, l[i].Get(keysPath)))
	}
	return l, credentials
}
