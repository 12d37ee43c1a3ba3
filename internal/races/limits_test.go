package races_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/account/authtest/softauthn"
	"github.com/headless-auth/headless/internal/wiretest"
)

// limited is a contest for a rate limit: as many as it lets pass get the one
// answer, and all others the other, or that of a limit before it.
func limited(name string, amount int, passed, refused answer, begin func(t *testing.T, s *site) func(i int) shot, before ...answer) contest {
	return contest{"the limit of " + name, "limits", func(t *testing.T, s *site) race {
		return race{shot: begin(t, s), won: is(passed), wins: amount, lost: append(before, refused)}
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

// inDaysOf is limited for what is counted over days.
func inDaysOf(name string, passed, refused []answer, begin func(t *testing.T, s *site) func(i int) shot) contest {
	return contest{name + " in days", "days", func(t *testing.T, s *site) race {
		return race{shot: begin(t, s), won: is(passed...), wins: mostInDays, lost: refused}
	}}
}

// asMany is what one sends about somebody new each time, from one address.
func asMany(path string) func(t *testing.T, s *site) func(int) shot {
	return func(_ *testing.T, s *site) func(int) shot {
		name, ip := from()
		return func(int) shot {
			return of(s.Client("app"), "POST", path, M{"email": wiretest.FreshEmail(), "password": "wrong"}, name, ip)
		}
	}
}

// fromAnywhere is a call, each from an address of its own.
func fromAnywhere(c *Client, method, path string, body any) shot {
	name, ip := from()
	return of(c, method, path, body, name, ip)
}

// few is how many sessions a crowd has where it shares them.
const few = 10

// wrong is a code that no authenticator shows.
var wrong = M{"code": "12345"}

// limits are rate limits. Requirements LIM-2, LIM-5, LIM-6.
var limits = []contest{
	limited("failed logins", 5, "400 password:email_password_mismatch", "400 :too_many_login_attempts", about("/auth/login")),
	limited("logins from an address", 30, "400 email:invalid", "429", fromOne("/auth/login", M{"email": "x", "password": "x"})),
	limited("signups from an address", 20, "400 email:invalid", "429", fromOne("/auth/signup", M{"email": "x", "password": newPassword})),
	limited("resets of an account", 5, "200", "429", about("/auth/password/request")),
	limited("codes of an account", 3, "401", "400 email:too_many_login_attempts", about("/auth/code/request")),
	limited("password changes", 5, "400 current_password:enter_current_password", "429",
		asUser("POST", "/account/password/change", M{"current_password": "wrong", "new_password": newPassword})),
	bounded(limited("reauthentication", 10, "200", "429", asUser("POST", "/auth/reauthenticate", M{"password": wiretest.Password})), "400 password:too_many_login_attempts"),
	limited("changes of addresses", 10, "400 email:invalid", "429", asUser("POST", "/account/email", M{"email": "x"})),
	limited("failed logins from an address", 10, "400 password:email_password_mismatch", "400 :too_many_login_attempts", asMany("/auth/login"), "429"),
	limited("resets asked for from an address", 20, "200", "429", asMany("/auth/password/request")),
	limited("codes asked for from an address", 20, "401", "400 email:too_many_login_attempts", asMany("/auth/code/request")),
	limited("resets from an address", 20, "400 key:invalid_password_reset", "429", fromOne("/auth/password/reset", M{"key": "x", "password": newPassword})),

	limited("guesses at further factors", 5, "400 code:incorrect_code", "400 code:too_many_login_attempts", func(t *testing.T, s *site) func(int) shot {
		p, c, _ := holder(t, s)
		l := halfway(s, p, few)
		return func(i int) shot {
			if i/2%2 == 0 {
				return fromAnywhere(c, "POST", "/auth/2fa/reauthenticate", wrong)
			}
			return fromAnywhere(l[i/2%few], "POST", codePath, wrong)
		}
	}),

	limited("guesses at a new app's code", 5, "400 code:incorrect_code", "400 code:too_many_login_attempts", func(t *testing.T, s *site) func(int) shot {
		l := everywhere(s, s.Make(Person{}), few)
		several(t, few, func(i int) { l[i].Get(totpPath).Is(404) })
		return func(i int) shot { return fromAnywhere(l[i/2%few], "POST", totpPath, wrong) }
	}),

	limited("forged answers of a passkey", 5, "400 credential:incorrect_code", "400 credential:too_many_login_attempts", func(t *testing.T, s *site) func(int) shot {
		k := key(s)
		var l [crowd]*Client
		var credentials [crowd]softauthn.Credential
		everybody(t, func(i int) {
			l[i] = s.Client("app")
			credentials[i] = k.Clone().Get(optionsOf(t, l[i].Get(loginPath)))
		})
		return func(i int) shot { return fromAnywhere(l[i], "POST", loginPath, M{"credential": credentials[i]}) }
	}),

	limited("wrong tokens of operators", 10, "401", "429", func(_ *testing.T, s *site) func(int) shot {
		s.Clock.Advance(time.Minute) // they have one address, that of the connection
		x := shot{method: "GET", path: "/_admin/v1/users", header: map[string][]string{"Authorization": {"Bearer wrong"}}}
		return func(int) shot { return x }
	}),

	limited("changes of a number", 1, "202", "429", func(t *testing.T, s *site) func(int) shot {
		l := everywhere(s, s.Make(Person{}), few)
		return func(i int) shot {
			return fromAnywhere(l[i/2%few], "POST", "/account/phone", M{"phone": wiretest.FreshPhone()})
		}
	}),

	limited("codes to numbers from an address", 3, "202", "429", func(t *testing.T, s *site) func(int) shot {
		l := members(s, Person{}, few)
		name, ip := from()
		return func(i int) shot {
			return of(l[i/2%few], "POST", "/account/phone", M{"phone": wiretest.FreshPhone()}, name, ip)
		}
	}),

	{"the limit of codes to a number", "limits", func(t *testing.T, s *site) race {
		l, phone := members(s, Person{}, few), wiretest.FreshPhone()
		return race{
			shot: func(i int) shot { return fromAnywhere(l[i/2%few], "POST", "/account/phone", M{"phone": phone}) },
			won:  is("202"), lost: []answer{"429"},
			check: func(t *testing.T, _ []reply) {
				if n := s.texts(phone); n != 1 {
					t.Errorf("%d codes were sent", n)
				}
			},
		}
	}},

	{"the limit of links to an address", "limits", func(t *testing.T, s *site) race {
		l, email := scene(s, func() []*Client { return members(s, Person{}, crowd) }), wiretest.FreshEmail()
		s.Clock.Advance(time.Minute) // nobody has changed addresses of late
		return race{
			shot: func(i int) shot { return fromAnywhere(l[i], "POST", "/account/email", M{"email": email}) },
			wins: crowd,
			check: func(t *testing.T, _ []reply) {
				if sent := s.mails(email); len(sent) != 1 {
					t.Errorf("%d mails were sent: %v", len(sent), sent)
				}
			},
		}
	}},

	inDaysOf("wrong passwords",
		[]answer{"400 password:email_password_mismatch", "400 password:incorrect_password", "400 current_password:enter_current_password"},
		[]answer{"400 :too_many_login_attempts", "400 password:too_many_login_attempts", "400 current_password:too_many_login_attempts"},
		func(_ *testing.T, s *site) func(int) shot {
			p, c := s.Make(Person{}), s.Client("app")
			c.LogIn(p)
			return func(i int) shot {
				switch i / 2 % 3 {
				case 0:
					return of(s.Client("app"), "POST", "/auth/login", M{"email": p.Email, "password": "wrong"})
				case 1:
					return of(c, "POST", "/auth/reauthenticate", M{"password": "wrong"})
				}
				return of(c, "POST", "/account/password/change", M{"current_password": "wrong", "new_password": newPassword})
			}
		}),

	inDaysOf("wrong codes of further factors", []answer{"400 code:incorrect_code"}, []answer{"400 code:too_many_login_attempts"}, func(t *testing.T, s *site) func(int) shot {
		p, c, _ := holder(t, s)
		l := halfway(s, p, few)
		return func(i int) shot {
			if i/2%2 == 0 {
				return of(c, "POST", "/auth/2fa/reauthenticate", wrong)
			}
			return of(l[i/2%few], "POST", codePath, wrong)
		}
	}),

	inDaysOf("wrong codes to log in with", []answer{"400 code:incorrect_code"}, []answer{"400 code:too_many_login_attempts"}, func(t *testing.T, s *site) func(int) shot {
		p, l := s.Make(Person{}), [crowd]*Client{}
		everybody(t, func(i int) {
			// To addresses of their own, as mails to one are counted, too.
			email := s.AddEmail(p, wiretest.FreshEmail(), true)
			l[i] = s.Client("app")
			l[i].Post("/auth/code/request", M{"email": email}).Pending("login_by_code")
		})
		return func(i int) shot {
			return of(l[i], "POST", "/auth/code/confirm", M{"code": wiretest.Wrong("BCDF-GHJK")})
		}
	}),

	{"mails to an address in days", "days", func(t *testing.T, s *site) race {
		p := s.Make(Person{})
		return race{
			shot: func(int) shot { return of(s.Client("app"), "POST", "/auth/password/request", M{"email": p.Email}) },
			wins: mostInDays, lost: []answer{"429"},
			check: func(t *testing.T, _ []reply) {
				if sent := s.mails(p.Email); len(sent) != mostInDays {
					t.Errorf("%d were sent: %v", len(sent), sent)
				}
			},
		}
	}},

	{"text messages to a number in days", "days", func(t *testing.T, s *site) race {
		l, phone := scene(s, func() []*Client { return members(s, Person{}, crowd) }), wiretest.FreshPhone()
		return race{
			shot: func(i int) shot { return of(l[i], "POST", "/account/phone", M{"phone": phone}) },
			won:  is("202"), wins: mostInDays, lost: []answer{"429"},
			check: func(t *testing.T, _ []reply) {
				if n := s.texts(phone); n != mostInDays {
					t.Errorf("%d were sent", n)
				}
			},
		}
	}},

	{"notices of a kind in days", "days", func(t *testing.T, s *site) race {
		p, c, _ := holder(t, s)
		s.mails(p.Email)
		return race{
			shot: func(int) shot { return of(c, "POST", recoveryPath, nil) },
			wins: anyNumber, lost: []answer{"409"},
			check: func(t *testing.T, all []reply) {
				made, sent := 0, s.mails(p.Email)
				for _, r := range all {
					if r.answer == "200" {
						made++
					}
				}
				if len(sent) != min(made, mostInDays) || slices.ContainsFunc(sent, func(k string) bool { return k != "recovery_codes_generated" }) {
					t.Errorf("of %d changes were told: %v", made, sent)
				}
			},
		}
	}},

	{"the notice of a new device", "days", func(t *testing.T, s *site) race {
		p := s.Make(Person{})
		return race{
			shot: func(i int) shot {
				return of(s.Client("app"), "POST", "/auth/login", password(p), "User-Agent", "Browser/"+fmt.Sprint(i))
			},
			// A password counts as wrong until it was judged.
			wins: anyNumber, lost: []answer{"400 :too_many_login_attempts"},
			check: func(t *testing.T, _ []reply) {
				if sent := strings.Join(s.mails(p.Email), " "); sent != "new_device" {
					t.Errorf("got %q", sent)
				}
			},
		}
	}},
}
