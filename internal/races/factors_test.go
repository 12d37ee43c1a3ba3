package races_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/headless-auth/headless/account/authtest/softauthn"
	"github.com/headless-auth/headless/internal/wiretest"
)

const (
	totpPath     = "/account/authenticators/totp"
	recoveryPath = "/account/authenticators/recovery-codes"
	keysPath     = "/account/authenticators/webauthn"
	codePath     = "/auth/2fa/authenticate"
	keyPath      = "/auth/webauthn/authenticate"
	loginPath    = "/auth/webauthn/login"
	trustPath    = "/auth/2fa/trust"
)

// holder is somebody with an authenticator app, and the secret of it.
func holder(t *testing.T, s *site) (p *Person, c *Client, next func() string) {
	t.Helper()
	p, c = s.Make(Person{}), s.Client("app")
	c.From(wiretest.FreshIP()).LogIn(p)
	secret, _ := c.Get(totpPath).Is(404).Meta["secret"].(string)
	next = func() string {
		s.Clock.Advance(90 * time.Second)
		code, err := totp.GenerateCode(secret, s.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	c.Post(totpPath, M{"code": next()}).Is(200)
	return p, c, next
}

func password(p *Person) M { return M{"email": p.Email, "password": wiretest.Password} }

// halfway are clients who have the password right, each with a login of its own.
func halfway(s *site, p *Person, n int) []*Client {
	l := make([]*Client, n)
	several(s.T, n, func(i int) {
		l[i] = s.Client("app")
		l[i].From(wiretest.FreshIP()).Post("/auth/login", password(p)).Pending("mfa_authenticate")
	})
	return l
}

// members are users who are logged in.
func members(s *site, each Person, n int) []*Client {
	l := make([]*Client, n)
	several(s.T, n, func(i int) {
		p := each
		if p.Phone != "" {
			p.Phone = wiretest.FreshPhone()
		}
		l[i] = s.Client("app")
		l[i].From(wiretest.FreshIP()).LogIn(s.Make(p))
	})
	return l
}

// everywhere are sessions of one user.
func everywhere(s *site, p *Person, n int) []*Client {
	l := make([]*Client, n)
	several(s.T, n, func(i int) {
		l[i] = s.Client("app")
		l[i].From(wiretest.FreshIP()).LogIn(p)
	})
	return l
}

// optionsOf are the options in an answer.
func optionsOf(t *testing.T, r *wiretest.Reply) []byte {
	t.Helper()
	var d struct {
		Creation json.RawMessage `json:"creation_options"`
		Request  json.RawMessage `json:"request_options"`
	}
	if r.Is(200).Into(&d); d.Creation != nil {
		return d.Creation
	}
	return d.Request
}

func key(s *site) *softauthn.Authenticator { return softauthn.New(s.URL, softauthn.ES256) }

// place is somebody, and clients in which they are logged in.
type place struct {
	p *Person
	l []*Client
}

// settled is somebody in as many clients as there are in a race.
func settled(s *site) place {
	p := s.Make(Person{})
	return place{p, everywhere(s, p, crowd)}
}

// forget takes away the factors of the round before.
func forget(t *testing.T, s *site, p *Person) {
	t.Helper()
	l, err := s.Store.AuthenticatorsOf(t.Context(), p.ID)
	for _, a := range l {
		err = errors.Join(err, s.Store.DeleteAuthenticator(t.Context(), a.ID))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// offered is the code of an app that a client may add.
func offered(t *testing.T, s *site, c *Client) string {
	t.Helper()
	secret, _ := c.Get(totpPath).Is(404).Meta["secret"].(string)
	code, err := totp.GenerateCode(secret, s.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func factorsOf(t *testing.T, s *site, p *Person) (kinds string) {
	t.Helper()
	l, err := s.Store.AuthenticatorsOf(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range l {
		kinds += a.Type + " "
	}
	return strings.TrimSpace(kinds)
}

// factors are the codes, keys and challenges of further factors.
var factors = []contest{
	{"a TOTP code, in fifty logins", "links", func(t *testing.T, s *site) race {
		p, _, next := holder(t, s)
		l, code := halfway(s, p, crowd), next()
		return race{shot: func(i int) shot { return of(l[i], "POST", codePath, M{"code": code}) }, lost: []answer{"400 code:incorrect_code"}}
	}},

	{"a recovery code, in fifty logins", "links", func(t *testing.T, s *site) race {
		p, c, _ := holder(t, s)
		var d struct {
			Codes []string `json:"unused_codes"`
		}
		c.Get(recoveryPath).Is(200).Into(&d)
		l := halfway(s, p, crowd)
		return race{
			shot: func(i int) shot { return of(l[i], "POST", codePath, M{"code": d.Codes[0]}) },
			lost: []answer{"400 code:incorrect_code"},
			check: func(t *testing.T, _ []reply) {
				var after struct {
					Codes []string `json:"unused_codes"`
				}
				if c.Get(recoveryPath).Is(200).Into(&after); len(after.Codes) != len(d.Codes)-1 {
					t.Errorf("%d codes are left of %d", len(after.Codes), len(d.Codes))
				}
			},
		}
	}},

	{"ten recovery codes, in fifty logins", "links", func(t *testing.T, s *site) race {
		p, c, _ := holder(t, s)
		var d struct {
			Codes []string `json:"unused_codes"`
		}
		c.Get(recoveryPath).Is(200).Into(&d)
		l := halfway(s, p, crowd)
		return race{
			shot: func(i int) shot { return of(l[i], "POST", codePath, M{"code": d.Codes[i%len(d.Codes)]}) },
			wins: len(d.Codes), lost: []answer{"400 code:incorrect_code"},
		}
	}},

	{"activating TOTP", "links", func(t *testing.T, s *site) race {
		p, c := s.Make(Person{}), s.Client("app")
		c.LogIn(p)
		code := offered(t, s, c)
		return race{
			shot: func(int) shot { return of(c, "POST", totpPath, M{"code": code}) },
			lost: []answer{"409", "410", "400 code:incorrect_code"},
			check: func(t *testing.T, _ []reply) {
				if got := factorsOf(t, s, p); got != "totp recovery_codes" {
					t.Errorf("there are %s", got)
				}
			},
		}
	}},

	{"a WebAuthn challenge at login", "links", func(t *testing.T, s *site) race {
		p, c, k := s.Make(Person{}), s.Client("app"), key(s)
		c.LogIn(p)
		c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath)))}).Is(200)
		d := s.Client("app")
		d.Post("/auth/login", password(p)).Pending("mfa_authenticate")
		credential := k.Get(optionsOf(t, d.Get(keyPath)))
		return race{shot: func(int) shot { return of(d, "POST", keyPath, M{"credential": credential}) }, lost: append(tooLate, "400 credential:incorrect_code")}
	}},

	{"a passkey's challenge", "links", func(t *testing.T, s *site) race {
		p, c, k := s.Make(Person{}), s.Client("app"), key(s)
		c.LogIn(p)
		c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath+"?passwordless")))}).Is(200)
		d := s.Client("app")
		credential := k.Get(optionsOf(t, d.Get(loginPath)))
		if d.Token == "" {
			t.Fatal("there is no session")
		}
		return race{shot: func(int) shot { return of(d, "POST", loginPath, M{"credential": credential}) }, lost: append(tooLate, "400 credential:incorrect_code")}
	}},

	{"registering a key", "links", func(t *testing.T, s *site) race {
		p, c, k := s.Make(Person{}), s.Client("app"), key(s)
		c.LogIn(p)
		credential := k.Create(optionsOf(t, c.Get(keysPath)))
		return race{
			shot: func(int) shot { return of(c, "POST", keysPath, M{"credential": credential}) },
			lost: []answer{"409", "410", "400 :incorrect_code"},
			check: func(t *testing.T, _ []reply) {
				if got := factorsOf(t, s, p); got != "webauthn recovery_codes" {
					t.Errorf("there are %s", got)
				}
			},
		}
	}},

	{"one key for fifty users", "links", func(t *testing.T, s *site) race {
		k, l := key(s), scene(s, func() []*Client { return members(s, Person{}, crowd) })
		var credentials [crowd]softauthn.Credential
		everybody(t, func(i int) {
			own := k.Clone()
			credentials[i] = own.Create(optionsOf(t, l[i].Get(keysPath)))
		})
		return race{
			shot: func(i int) shot { return of(l[i], "POST", keysPath, M{"credential": credentials[i]}) },
			lost: []answer{"409", "400 :incorrect_code"},
		}
	}},

	{"trusting one browser", "links", func(t *testing.T, s *site) race {
		p, _, next := holder(t, s)
		c := s.Client("browser")
		c.Post("/auth/login", password(p)).Pending("mfa_authenticate")
		c.Post(codePath, M{"code": next()}).Pending("mfa_trust")
		return race{
			shot: func(int) shot { return of(c, "POST", trustPath, M{"trust": true}) },
			lost: tooLate,
			check: func(t *testing.T, all []reply) {
				cookies := 0
				for _, r := range all {
					if strings.Contains(strings.Join(r.header.Values("Set-Cookie"), " "), "mfa_trusted=") {
						cookies++
					}
				}
				l, err := s.Store.TrustedBrowsersOf(t.Context(), p.ID)
				if err != nil || cookies > 1 || len(l) != 1 && !s.apart {
					t.Errorf("%d browsers are trusted, %d got a cookie, %v", len(l), cookies, err)
				}
			},
		}
	}},

	{"a TOTP code, to log in and to reauthenticate", "links", func(t *testing.T, s *site) race {
		p, c, next := holder(t, s)
		l, code := halfway(s, p, crowd), next()
		return race{
			shot: func(i int) shot {
				if i/2%2 == 0 {
					return of(c, "POST", "/auth/2fa/reauthenticate", M{"code": code})
				}
				return of(l[i], "POST", codePath, M{"code": code})
			},
			lost: []answer{"409", "400 code:incorrect_code"},
		}
	}},

	{"activating TOTP in fifty sessions", "links", func(t *testing.T, s *site) race {
		at := scene(s, func() place { return settled(s) })
		forget(t, s, at.p)
		p, l, codes := at.p, at.l, [crowd]string{}
		everybody(t, func(i int) { codes[i] = offered(t, s, l[i]) })
		return race{
			shot: func(i int) shot { return of(l[i], "POST", totpPath, M{"code": codes[i]}) },
			lost: []answer{"409"},
			check: func(t *testing.T, _ []reply) {
				if got := factorsOf(t, s, p); got != "totp recovery_codes" {
					t.Errorf("there are %s", got)
				}
			},
		}
	}},

	{"an app in the place of the last key", "links", func(t *testing.T, s *site) race {
		// Whoever has the app in the end has recovery codes. Requirement MFA-3.
		at := scene(s, func() place { return settled(s) })
		forget(t, s, at.p)
		p, l, codes := at.p, at.l, [crowd]string{}
		var added M
		l[0].Post(keysPath, M{"credential": key(s).Create(optionsOf(t, l[0].Get(keysPath)))}).Is(200).Into(&added)
		everybody(t, func(i int) { codes[i] = offered(t, s, l[i]) })
		return race{
			shot: func(i int) shot {
				if i/2%2 == 0 {
					return of(l[i], "DELETE", keysPath, M{"authenticators": []any{added["id"]}})
				}
				return of(l[i], "POST", totpPath, M{"code": codes[i]})
			},
			wins: anyNumber, lost: []answer{"409", "400 authenticators:invalid_choice"},
			check: func(t *testing.T, _ []reply) {
				if got := factorsOf(t, s, p); got != "" && !strings.Contains(got, "recovery_codes") || got == "recovery_codes" {
					t.Errorf("there are %q", got)
				}
			},
		}
	}},

	{"a WebAuthn challenge to reauthenticate", "links", func(t *testing.T, s *site) race {
		p, c, k := s.Make(Person{}), s.Client("app"), key(s)
		k.NoCounter = true // it is the challenge that counts
		c.LogIn(p)
		c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath)))}).Is(200)
		credential := k.Get(optionsOf(t, c.Get("/auth/webauthn/reauthenticate")))
		return race{
			shot: func(int) shot { return of(c, "POST", "/auth/webauthn/reauthenticate", M{"credential": credential}) },
			lost: []answer{"409", "400 credential:incorrect_code"},
		}
	}},

	{"a number of a copied key", "links", func(t *testing.T, s *site) race {
		// Fifty copies sign, each a challenge of its own, all with the same number.
		p, c, k := s.Make(Person{}), s.Client("app"), key(s)
		c.LogIn(p)
		c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath)))}).Is(200)
		l := halfway(s, p, crowd)
		var credentials [crowd]softauthn.Credential
		everybody(t, func(i int) { credentials[i] = k.Clone().Get(optionsOf(t, l[i].Get(keyPath))) })
		return race{
			shot: func(i int) shot { return of(l[i], "POST", keyPath, M{"credential": credentials[i]}) },
			lost: []answer{"400 credential:incorrect_code"},
		}
	}},

	{"a passkey to sign up with", "codes", func(t *testing.T, s *site) race {
		email, c, k := wiretest.FreshEmail(), s.Client("app"), key(s)
		c.Post("/auth/webauthn/signup", M{"email": email}).Pending("verify_email")
		code := s.Inbox.Mail(t, email, "email_confirmation_signup").Data["code"]
		c.Post("/auth/email/verify", M{"key": code}).Pending("mfa_signup_webauthn")
		credential := k.Create(optionsOf(t, c.Get("/auth/webauthn/signup")))
		return race{
			shot: func(int) shot { return of(c, "PUT", "/auth/webauthn/signup", M{"credential": credential}) },
			lost: append(tooLate, "400 :incorrect_code"),
			check: func(t *testing.T, _ []reply) {
				l, err := s.Store.EmailsByAddress(t.Context(), email)
				if err != nil || len(l) != 1 {
					t.Fatalf("%d have the address, %v", len(l), err)
				}
				if got := factorsOf(t, s, &Person{ID: l[0].UserID}); got != "webauthn recovery_codes" && got != "webauthn" {
					t.Errorf("there are %s", got)
				}
			},
		}
	}},

	{"recovery codes that are shown once", "codes", func(t *testing.T, s *site) race {
		_, c, _ := holder(t, s)
		return race{
			shot: func(int) shot { return of(c, "GET", recoveryPath, nil) },
			wins: anyNumber, lost: []answer{"409"},
			check: func(t *testing.T, all []reply) {
				shown := 0
				for _, r := range all {
					if strings.Contains(string(r.body), "unused_codes") {
						shown++
					}
				}
				if shown != 1 {
					t.Errorf("they were shown %d times", shown)
				}
			},
		}
	}},

	{"the last factor, and codes beside it", "links", func(t *testing.T, s *site) race {
		// Recovery codes vanish with it. Requirement MFA-3.
		p, c, _ := holder(t, s)
		return race{
			shot: func(i int) shot {
				switch {
				case i == theEnd:
					return of(c, "DELETE", totpPath, nil)
				case i/2%2 == 0:
					return of(c, "GET", recoveryPath, nil)
				}
				return of(c, "POST", recoveryPath, nil)
			},
			wins: anyNumber, lost: []answer{"409", "404", "400 :cannot_generate_recovery_codes"},
			check: func(t *testing.T, all []reply) {
				if got := factorsOf(t, s, p); all[theEnd].answer == "200" && got != "" || all[theEnd].answer != "200" && got != "totp recovery_codes" {
					t.Errorf("the end: %s; there are %q", all[theEnd].answer, got)
				}
			},
		}
	}},
}
