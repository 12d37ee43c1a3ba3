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

// owned is what one can have, or so many. Requirement ONE-4.
var owned = []contest{
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
		l := scene(s, func() []*Client { return members(s, Person{}, crowd) })
		email := wiretest.FreshEmail()
		everybody(t, func(i int) { l[i].Post("/account/email", M{"email": email}).Is(200) })
		mails := s.Inbox.Mails(email)
		if len(mails) != crowd {
			t.Fatalf("there are %d mails", len(mails))
		}
		keys := func(i int) string { return mails[i].Data["key"] }
		return race{
			shot: func(i int) shot { return of(s.Client("app"), "POST", "/auth/email/verify", M{"key": keys(i)}) },
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
		l := scene(s, func() []*Client { return members(s, Person{Phone: "+"}, crowd) })
		phone := wiretest.FreshPhone()
		var codes [crowd]string
		for i := range l {
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

	{"an address, of fifty whom operators vouch for", "caps", func(t *testing.T, s *site) race {
		email := wiretest.FreshEmail()
		var l [crowd]*Person
		everybody(t, func(i int) { l[i] = s.Make(Person{Email: email, Unverified: true}) })
		return race{
			shot: func(i int) shot {
				x := shot{method: "POST", path: "/_admin/v1/users/" + l[i].ID + "/verify-email", body: "{}"}
				x.header = map[string][]string{"Authorization": {"Bearer " + adminToken}, "Content-Type": {"application/json"}}
				return x
			},
			lost: []answer{"400 email:email_taken", "409"},
			check: func(t *testing.T, _ []reply) {
				l, err := s.Store.EmailsByAddress(t.Context(), email)
				if err != nil || len(l) != crowd || !l[0].Verified || l[1].Verified {
					t.Errorf("got %d, %v", len(l), err)
				}
			},
		}
	}},

	{"the next address", "days", func(t *testing.T, s *site) race {
		p, c := s.Make(Person{}), s.Client("app")
		c.LogIn(p)
		return race{
			shot: func(int) shot { return of(c, "POST", "/account/email", M{"email": wiretest.FreshEmail()}) },
			wins: anyNumber, lost: []answer{"409"},
			check: func(t *testing.T, _ []reply) {
				if l, err := s.Store.EmailsOf(t.Context(), p.ID); err != nil || len(l) != 2 {
					t.Errorf("there are %s, %v", s.Emails(p.ID), err)
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
		at := scene(s, func() place { return settled(s) })
		keys := func() (l []*store.Authenticator) {
			all, err := s.Store.AuthenticatorsOf(t.Context(), at.p.ID)
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
		had := keys()
		if len(had) == 0 {
			at.l[0].Post(keysPath, M{"credential": key(s).Create(optionsOf(t, at.l[0].Get(keysPath)))}).Is(200)
			had = keys()
		}
		for range keysMost - 2 - len(had) {
			a := *had[0]
			a.ID, a.Key = "", []byte(rand.Text())
			if err := s.Store.CreateAuthenticator(t.Context(), &a); err != nil {
				t.Fatal(err)
			}
		}
		var credentials [crowd]softauthn.Credential
		everybody(t, func(i int) { credentials[i] = key(s).Create(optionsOf(t, at.l[i].Get(keysPath))) })
		return race{
			shot: func(i int) shot { return of(at.l[i], "POST", keysPath, M{"credential": credentials[i]}) },
			wins: 2, atMost: true, lost: []answer{"409", "400 :max_authenticators"},
			check: func(t *testing.T, _ []reply) {
				l := keys()
				if len(l) > keysMost {
					t.Errorf("there are %d keys", len(l))
				}
				for _, a := range l[keysMost-2:] { // makes room again
					if err := s.Store.DeleteAuthenticator(t.Context(), a.ID); err != nil {
						t.Error(err)
					}
				}
			},
		}
	}},

	{"room for trusted browsers", "links", func(t *testing.T, s *site) race {
		p, c, k := s.Make(Person{}), s.Client("app"), key(s)
		k.NoCounter = true
		c.LogIn(p)
		c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath)))}).Is(200)
		for range browsersMost - 1 {
			now := s.Clock.Now()
			b := &store.TrustedBrowser{UserID: p.ID, TokenHash: []byte(rand.Text() + rand.Text()[:6]), Fingerprint: []byte("f"), CreatedAt: now, ExpiresAt: now.AddDate(0, 0, 1)}
			if err := s.Store.CreateTrustedBrowser(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		var l [crowd / 2]*Client
		several(t, len(l), func(i int) {
			l[i] = s.Client("browser")
			l[i].Post("/auth/login", password(p)).Pending("mfa_authenticate")
			l[i].Post(keyPath, M{"credential": k.Get(optionsOf(t, l[i].Get(keyPath)))}).Pending("mfa_trust")
		})
		return race{
			shot: func(i int) shot { return of(l[i/2], "POST", trustPath, M{"trust": true}) },
			wins: anyNumber, lost: tooLate,
			check: func(t *testing.T, _ []reply) {
				if l, err := s.Store.TrustedBrowsersOf(t.Context(), p.ID); err != nil || len(l) != browsersMost {
					t.Errorf("%d are trusted, %v", len(l), err)
				}
			},
		}
	}},
}
