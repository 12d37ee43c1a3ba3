package faults_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/store/memory"
)

// twins are two instances on one store, each with a clock of its own.
func twins(t *testing.T, change func(*headless.Config)) (one, other *world) {
	t.Helper()
	st := memory.New()
	p := authtest.NewProvider("example")
	c := everything()
	c.Account.LoginOnEmailVerification = true
	if change != nil {
		change(&c)
	}
	c.Store, c.Secret = st, []byte("0123456789abcdef0123456789abcdef")
	make := func() *world {
		site := authtest.New(t, c, p)
		return &world{t: t, direct: st, site: site, mails: site.Mail, provider: p}
	}
	one, other = make(), make()
	return one, other
}

// at has somebody go on at another instance.
func (tr *trip) at(w *world) {
	d := w.client()
	d.Token, d.AccessToken, d.RefreshToken = tr.c.Token, tr.c.AccessToken, tr.c.RefreshToken
	tr.world, tr.c = w, d
}

// must goes through a flow that nothing disturbs.
func must(t *testing.T, tr *trip, what string, flow func(*trip)) {
	t.Helper()
	if err := tr.goes(flow); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// jumps are how the clock of the second instance differs while something is
// used for the second time.
var jumps = []time.Duration{-time.Hour, -30 * time.Second, 0, 30 * time.Second, time.Hour}

// Nothing that works once works a second time, on whichever instance, however
// clocks differ or jump, and whatever was swept out meanwhile. REL-4.
func TestClocksOpenNoReplay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		// use is the first use. It returns the second, which is refused.
		use func(tr *trip) (again func(tr *trip))
	}{
		{"TOTP", func(tr *trip) func(*trip) {
			withTOTP(tr)
			login := func(tr *trip) { tr.post("/auth/login", m{"email": tr.email, "password": authtest.Password}, 401) }
			login(tr)
			code := tr.apps[0].Next()
			tr.post("/auth/2fa/authenticate", m{"code": code}, 200)
			return func(tr *trip) {
				tr.anew()
				login(tr)
				tr.post("/auth/2fa/authenticate", m{"code": code}, 400)
			}
		}},
		{"login code", func(tr *trip) func(*trip) {
			member(tr)
			tr.forget(tr.email)
			tr.post("/auth/code/request", m{"email": tr.email}, 401)
			code, pending := tr.mail(tr.email).Code(), tr.c.Token
			tr.post("/auth/code/confirm", m{"code": code}, 200)
			return func(tr *trip) {
				tr.anew()
				tr.c.Token = pending
				tr.post("/auth/code/confirm", m{"code": code}, 400, 409, 410)
			}
		}},
		{"verification link", func(tr *trip) func(*trip) {
			tr.signUp()
			key := tr.mail(tr.email).Key("/verify-email/")
			tr.post("/auth/email/verify", m{"key": key}, 200)
			return func(tr *trip) {
				tr.anew()
				tr.post("/auth/email/verify", m{"key": key}, 400)
			}
		}},
		{"reset link", func(tr *trip) func(*trip) {
			member(tr)
			tr.forget(tr.email)
			tr.post("/auth/password/request", m{"email": tr.email}, 200)
			key := tr.mail(tr.email).Key("/reset-password/")
			tr.post("/auth/password/reset", m{"key": key, "password": tr.next}, 401)
			return func(tr *trip) {
				tr.anew()
				tr.post("/auth/password/reset", m{"key": key, "password": "other-Falcon-78"}, 400, 409)
			}
		}},
		{"provider's token", func(tr *trip) func(*trip) {
			token, err := tr.provider.IDToken(authtest.Identity{Subject: tr.login, Email: tr.email, EmailVerified: true})
			if err != nil {
				tr.t.Fatal(err)
			}
			body := m{"provider": "example", "process": "login", "token": m{"client_id": "authtest", "id_token": token}}
			tr.post("/auth/provider/token", body, 200)
			return func(tr *trip) {
				tr.anew()
				tr.post("/auth/provider/token", body, 400)
			}
		}},
	} {
		for _, jump := range jumps {
			t.Run(fmt.Sprintf("%s/%v", tt.name, jump), func(t *testing.T) {
				t.Parallel()
				one, other := twins(t, nil)
				tr := one.newTrip()
				var again func(*trip)
				must(t, tr, "first", func(tr *trip) { again = tt.use(tr) })
				other.site.Clock.Set(one.site.Clock.Now().Add(jump))
				tr.at(other)
				must(t, tr, "at once", again)
				// And when that clock is right again, after it has thrown away
				// what it took to be over.
				if err := other.site.Auth.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				other.site.Clock.Set(one.site.Clock.Now())
				must(t, tr, "when the clock is right again", again)
				one.sound("afterwards")
			})
		}
	}
}

// Nobody is logged out by clocks that differ or jump. REL-4.
func TestClocksLogNobodyOut(t *testing.T) {
	t.Parallel()
	for _, jump := range jumps {
		for name, change := range map[string]func(*headless.Config){"opaque": func(c *headless.Config) { c.Tokens = nil }, "JWT": nil} {
			if name == "JWT" && (jump > time.Minute || jump < -time.Minute) {
				continue // an access token that says when it ends can't do without a clock; the session goes on
			}
			t.Run(fmt.Sprintf("%s/%v", name, jump), func(t *testing.T) {
				t.Parallel()
				one, other := twins(t, change)
				other.site.Clock.Set(one.site.Clock.Now().Add(jump))
				tr := one.newTrip()
				must(t, tr, "login", loggedIn)
				asked := func(tr *trip) { tr.do("GET", "/auth/session", nil, 200) }
				for range 3 {
					tr.at(other)
					must(t, tr, "at the other", asked)
					if err := other.site.Auth.Sweep(t.Context()); err != nil {
						t.Fatal(err)
					}
					tr.at(one)
					must(t, tr, "at the one", asked)
				}
				if name == "JWT" {
					tr.at(other)
					must(t, tr, "refreshing at the other", refresh)
					tr.at(one)
					must(t, tr, "refreshing at the one", refresh)
				}
				one.sound("afterwards")
			})
		}
	}
}
