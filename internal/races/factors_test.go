package races_test

import (
	"encoding/json"
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
	c.LogIn(p)
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
func halfway(s *site, p *Person) [crowd]*Client {
	var l [crowd]*Client
	for i := range l {
		l[i] = s.Client("app")
		l[i].Post("/auth/login", password(p)).Pending("mfa_authenticate")
	}
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
		l, code := halfway(s, p), next()
		return race{shot: func(i int) shot { return of(l[i], "POST", codePath, M{"code": code}) }, lost: []answer{"400 code:incorrect_code"}}
	}},

	{"a recovery code, in fifty logins", "links", func(t *testing.T, s *site) race {
		p, c, _ := holder(t, s)
		var d struct {
			Codes []string `json:"unused_codes"`
		}
		c.Get(recoveryPath).Is(200).Into(&d)
		l := halfway(s, p)
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
		l := halfway(s, p)
		return race{
			shot: func(i int) shot { return of(l[i], "POST", codePath, M{"code": d.Codes[i%len(d.Codes)]}) },
			wins: len(d.Codes), lost: []answer{"400 code:incorrect_code"},
		}
	}},

	{"activating TOTP", "links", func(t *testing.T, s *site) race {
		p, c := s.Make(Person{}), s.Client("app")
		c.LogIn(p)
		secret, _ := c.Get(totpPath).Is(404).Meta["secret"].(string)
		code, err := totp.GenerateCode(secret, s.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
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
		k := key(s)
		var l [crowd]*Client
		var credentials [crowd]softauthn.Credential
		for i := range l {
			l[i] = s.Client("app")
			l[i].LogIn(s.Make(Person{}))
			credentials[i] = k.Create(optionsOf(t, l[i].Get(keysPath)))
		}
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
}
