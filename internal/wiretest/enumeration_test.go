package wiretest_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
)

// A stranger who types an identifier must not learn whether it belongs to an
// account: not from the status, the body, the headers, the cookies, the number
// of messages, what the limits let pass, or the work that is done.
// spec: account.md §9; requirements ENU-1, ENU-3.
func TestEnumeration(t *testing.T) {
	type probe struct {
		name string
		// change is applied to the configuration.
		change func(*Config)
		// known makes an identifier that belongs to somebody; unknown makes one
		// that does not.
		known, unknown func(w *World) string
		// begin prepares the client, before anything is counted.
		begin func(t *testing.T, w *World, c *Client)
		// calls are what the stranger does with an identifier.
		calls func(c *Client, id string) []*wiretest.Reply
		// again is what is repeated until it is refused; nil if nothing limits it.
		again func(c *Client, id string) *wiretest.Reply
		// What the owner and nobody in particular are told, in each message. One
		// that is asked for again is sent only to who can make use of it.
		toKnown, toUnknown []string
	}
	member := func(w *World) string { return w.Make(Person{}).Email }
	email := func(*World) string { return wiretest.FreshEmail() }
	phone := func(*World) string { return wiretest.FreshPhone() }
	owner := func(w *World) string { return w.Make(Person{Phone: wiretest.FreshPhone()}).Phone }
	wrongCode := func(c *Client, path, field string) (l []*wiretest.Reply) {
		for _, code := range []string{"", "BCDF-GHJK", "BCDF-GHJL", "BCDF-GHJM"} {
			l = append(l, c.Post(path, M{field: code, "password": "1"}))
		}
		return append(l, c.Session())
	}
	loggedIn := func(t *testing.T, w *World, c *Client) { c.LogIn(w.Make(Person{Phone: wiretest.FreshPhone()})) }
	login := func(field, password string) func(c *Client, id string) []*wiretest.Reply {
		return func(c *Client, id string) []*wiretest.Reply {
			return []*wiretest.Reply{c.Post("/auth/login", M{field: id, "password": password}), c.Session()}
		}
	}
	loginAgain := func(field string) func(c *Client, id string) *wiretest.Reply {
		return func(c *Client, id string) *wiretest.Reply {
			return c.Post("/auth/login", M{field: id, "password": "wrong"})
		}
	}
	signup := func(change func(c *Config)) func(*Config) {
		return func(c *Config) { change(c); c.Account.EmailVerification = account.Mandatory }
	}
	none := func(*Config) {}

	probes := []probe{
		{name: "logging in by email", change: none, known: member, unknown: email, calls: login("email", "wrong"), again: loginAgain("email")},
		{name: "logging in to an account without password", change: none, unknown: email, calls: login("email", wiretest.Password), again: loginAgain("email"),
			known: func(w *World) string { return w.Make(Person{NoPassword: true}).Email }},
		{name: "logging in to a disabled account", change: none, unknown: email, calls: login("email", "wrong"), again: loginAgain("email"),
			known: func(w *World) string { return w.Make(Person{Disabled: true}).Email }},
		{name: "logging in to an account that was never verified", change: none, unknown: email, calls: login("email", "wrong"), again: loginAgain("email"),
			known: func(w *World) string { return w.Make(Person{Unverified: true}).Email }},
		{name: "logging in by username", change: usernames, calls: login("username", "wrong"), again: loginAgain("username"),
			known:   func(w *World) string { return w.Make(Person{Username: wiretest.FreshName()}).Username },
			unknown: func(*World) string { return wiretest.FreshName() }},
		{name: "logging in by an address typed as username", change: usernames, calls: login("username", "wrong"), again: loginAgain("username"), known: member, unknown: email},
		{name: "logging in by phone", change: phones, known: owner, unknown: phone, calls: login("phone", "wrong"), again: loginAgain("phone")},
		{name: "signing up, with links", change: signup(none), known: member, unknown: email,
			toKnown: []string{"account_already_exists", "account_already_exists"}, toUnknown: []string{"account_already_exists", "email_confirmation_signup"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				return []*wiretest.Reply{
					c.Post("/auth/signup", M{"email": id, "password": "short"}), c.Post("/auth/signup", M{"email": id, "password": newPassword}),
					c.Session(), c.Post("/auth/email/verify", M{"key": "x"}), c.Post("/auth/email/verify/resend", nil), c.Get("/account/email"),
					// Once more, which is too soon for another mail.
					c.Post("/auth/signup", M{"email": id, "password": newPassword}), c.Session(),
				}
			}},
		{name: "signing up, with codes", change: signup(codeVerification), known: member, unknown: email,
			toKnown: []string{"account_already_exists"}, toUnknown: []string{"email_confirmation_signup", "email_confirmation_signup"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				l := []*wiretest.Reply{
					c.Post("/auth/signup", M{"email": id, "password": newPassword}), c.Session(), c.Post("/auth/email/verify/resend", nil), lookUp(c, "BCDF-GHJN"),
				}
				return append(l, wrongCode(c, "/auth/email/verify", "key")...)
			},
			again: func(c *Client, id string) *wiretest.Reply {
				return c.Post("/auth/signup", M{"email": id, "password": newPassword})
			}},
		{name: "signing up with a number", change: phones, known: owner, unknown: phone,
			toKnown: []string{"account_already_exists"}, toUnknown: []string{"verification", "verification"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				l := []*wiretest.Reply{
					c.Post("/auth/signup", M{"phone": id, "email": wiretest.FreshEmail(), "password": newPassword}), c.Session(), c.Post("/auth/phone/verify/resend", nil),
				}
				return append(l, wrongCode(c, "/auth/phone/verify", "code")...)
			},
			again: func(c *Client, id string) *wiretest.Reply {
				return c.Post("/auth/signup", M{"phone": id, "email": wiretest.FreshEmail(), "password": newPassword})
			}},
		{name: "signing up where a code is required", change: signup(func(c *Config) { loginByCode(c); c.Account.LoginCodeRequired = []string{"*"} }), known: member, unknown: email,
			toKnown: []string{"account_already_exists"}, toUnknown: []string{"login_code"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				l := []*wiretest.Reply{c.Post("/auth/signup", M{"email": id, "password": newPassword}), c.Session()}
				return append(l, wrongCode(c, "/auth/code/confirm", "code")...)
			}},
		{name: "changing the address of a signup", change: signup(codeVerification), known: member, unknown: email,
			toKnown: []string{"account_already_exists"}, toUnknown: []string{"email_confirmation_signup", "email_confirmation_signup"},
			begin: func(t *testing.T, w *World, c *Client) { signUp(t, w, c) },
			calls: func(c *Client, id string) []*wiretest.Reply {
				l := []*wiretest.Reply{c.Post("/account/email", M{"email": id}), c.Session(), c.Post("/account/email", M{"email": id}), c.Post("/auth/email/verify/resend", nil)}
				return append(l, wrongCode(c, "/auth/email/verify", "key")...)
			}},
		{name: "changing the address of a signup that may be pretended", change: signup(codeVerification), known: member, unknown: email,
			toKnown: []string{"account_already_exists", "email_confirmation_signup", "email_confirmation_signup"}, toUnknown: []string{"email_confirmation_signup", "email_confirmation_signup", "email_confirmation_signup"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				l := []*wiretest.Reply{
					c.Post("/auth/signup", M{"email": id, "password": newPassword}), c.Post("/account/email", M{"email": id}), c.Post("/account/email", M{"email": "x"}),
					c.Post("/account/email", M{"email": wiretest.FreshEmail()}), c.Post("/account/email", M{"email": wiretest.FreshEmail()}),
					c.Post("/account/email", M{"email": wiretest.FreshEmail()}), c.Session(),
				}
				return append(l, wrongCode(c, "/auth/email/verify", "key")...)
			}},
		{name: "changing the number of a signup that may be pretended", change: phones, known: owner, unknown: phone,
			toKnown: []string{"account_already_exists", "verification", "verification"}, toUnknown: []string{"verification", "verification", "verification"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				l := []*wiretest.Reply{
					c.Post("/auth/signup", M{"phone": id, "email": wiretest.FreshEmail(), "password": newPassword}), c.Post("/account/phone", M{"phone": id}),
					c.Post("/account/phone", M{"phone": wiretest.FreshPhone()}), c.Post("/account/phone", M{"phone": wiretest.FreshPhone()}),
					c.Post("/account/phone", M{"phone": wiretest.FreshPhone()}), c.Session(),
				}
				return append(l, wrongCode(c, "/auth/phone/verify", "code")...)
			}},
		{name: "changing the number of a signup", change: phones, known: owner, unknown: phone,
			toKnown: []string{"account_already_exists"}, toUnknown: []string{"verification"},
			begin: func(t *testing.T, w *World, c *Client) {
				c.Post("/auth/signup", M{"phone": wiretest.FreshPhone(), "email": wiretest.FreshEmail(), "password": wiretest.Password}).Pending("verify_phone")
			},
			calls: func(c *Client, id string) []*wiretest.Reply {
				l := []*wiretest.Reply{c.Post("/account/phone", M{"phone": id}), c.Session()}
				return append(l, wrongCode(c, "/auth/phone/verify", "code")...)
			}},
		{name: "asking for a code by mail", change: loginByCode, known: member, unknown: email,
			toKnown: []string{"login_code", "login_code"}, toUnknown: []string{"unknown_account"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				l := []*wiretest.Reply{c.Post("/auth/code/request", M{"email": id}), c.Session(), c.Post("/auth/code/resend", nil)}
				return append(l, wrongCode(c, "/auth/code/confirm", "code")...)
			},
			again: func(c *Client, id string) *wiretest.Reply { return c.Post("/auth/code/request", M{"email": id}) }},
		{name: "asking for a code as a disabled user", change: loginByCode, unknown: email,
			known:   func(w *World) string { return w.Make(Person{Disabled: true}).Email },
			toKnown: []string{"unknown_account"}, toUnknown: []string{"unknown_account"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				l := []*wiretest.Reply{c.Post("/auth/code/request", M{"email": id}), c.Session()}
				return append(l, wrongCode(c, "/auth/code/confirm", "code")...)
			}},
		{name: "asking for a code by text message", change: func(c *Config) { phones(c); loginByCode(c) }, known: owner, unknown: phone,
			toKnown: []string{"verification", "verification"}, toUnknown: []string{"unknown_account"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				l := []*wiretest.Reply{c.Post("/auth/code/request", M{"phone": id}), c.Session(), c.Post("/auth/code/resend", nil)}
				return append(l, wrongCode(c, "/auth/code/confirm", "code")...)
			},
			again: func(c *Client, id string) *wiretest.Reply { return c.Post("/auth/code/request", M{"phone": id}) }},
		{name: "asking for a reset link", change: none, known: member, unknown: email,
			toKnown: []string{"password_reset_key"}, toUnknown: []string{"unknown_account"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				return []*wiretest.Reply{c.Post("/auth/password/request", M{"email": id}), c.Session()}
			},
			again: func(c *Client, id string) *wiretest.Reply { return c.Post("/auth/password/request", M{"email": id}) }},
		{name: "asking for a reset code", change: resetByCode, known: member, unknown: email,
			toKnown: []string{"password_reset_code"}, toUnknown: []string{"unknown_account"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				l := []*wiretest.Reply{c.Post("/auth/password/request", M{"email": id}), c.Session(), lookUpReset(c, "BCDF-GHJN")}
				return append(l, wrongCode(c, "/auth/password/reset", "key")...)
			},
			again: func(c *Client, id string) *wiretest.Reply { return c.Post("/auth/password/request", M{"email": id}) }},
		{name: "adding an address, with links", change: none, known: member, unknown: email, begin: loggedIn,
			toKnown: []string{"account_already_exists", "account_already_exists"}, toUnknown: []string{"email_confirmation", "email_confirmation"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				return []*wiretest.Reply{
					c.Post("/account/email", M{"email": id}), c.Get("/account/email"), c.Post("/account/email", M{"email": id}),
					c.Patch("/account/email", M{"email": id, "primary": true}), c.Put("/account/email", M{"email": id}), c.Delete("/account/email", M{"email": id}),
				}
			}},
		{name: "adding an address, with codes", change: codeVerification, known: member, unknown: email, begin: loggedIn,
			toKnown: []string{"account_already_exists"}, toUnknown: []string{"email_confirmation", "email_confirmation"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				l := []*wiretest.Reply{
					c.Post("/account/email", M{"email": id}), c.Get("/account/email"), c.Patch("/account/email", M{"email": id, "primary": true}), c.Put("/account/email", M{"email": id}),
				}
				return append(l, wrongCode(c, "/auth/email/verify", "key")...)
			}},
		{name: "changing the number", change: phones, known: owner, unknown: phone, begin: loggedIn,
			toKnown: []string{"verification"}, toUnknown: []string{"verification"},
			calls: func(c *Client, id string) []*wiretest.Reply {
				l := []*wiretest.Reply{c.Post("/account/phone", M{"phone": id}), c.Get("/account/phone")}
				return append(l, wrongCode(c, "/auth/phone/verify", "code")...)
			}},
	}

	for _, mode := range []account.Enumeration{account.Prevent, account.PreventStrict} {
		t.Run(string(mode), func(t *testing.T) {
			for _, p := range probes {
				t.Run(p.name, func(t *testing.T) {
					wiretest.Each(t, func(c *Config) {
						p.change(c)
						c.Account.PreventEnumeration = mode
						c.TrustedProxies = 1
						c.NoLimits = false
						// Only the limits of identifiers are of interest, and those
						// that the calls themselves would meet are wide enough.
						for _, action := range []string{"login", "signup", "reset_password_from_key", "manage_email", "change_phone"} {
							c.Limits = with(c.Limits, action, "")
						}
						if p.again == nil || strings.Contains(p.name, "codes") || strings.Contains(p.name, "number") {
							c.Limits = with(with(c.Limits, "confirm_email", "2/10s/key"), "verify_phone", "2/30s/key")
						}
					}, func(t *testing.T, w *World, c *Client) {
						var seen [2]trace
						for i, make := range []func(*World) string{p.known, p.unknown} {
							id := make(w)
							d := c.Other().From(wiretest.FreshIP())
							if p.begin != nil {
								p.begin(t, w, d)
							}
							w.Inbox.All()
							before := w.Auth.Stats().Hashes
							replies := p.calls(d, id)
							seen[i].hashes = w.Auth.Stats().Hashes - before
							for _, r := range replies {
								seen[i].replies = append(seen[i].replies, outside(r, id))
							}
							kinds := w.Inbox.All()
							want := [][]string{p.toKnown, p.toUnknown}[i]
							if !slices.Equal(kinds, want) {
								t.Errorf("messages about %s: got %q, want %q", []string{"a known identifier", "an unknown identifier"}[i], kinds, want)
							}
							for p.again != nil && seen[i].allowed < 20 {
								r := p.again(c.Other().From(wiretest.FreshIP()), id)
								if r.Status == http.StatusTooManyRequests || len(r.Errors) > 0 && r.Errors[0].Code == "too_many_login_attempts" {
									seen[i].refusal = outside(r, id)
									break
								}
								seen[i].allowed++
							}
							if p.again != nil && seen[i].refusal == "" {
								t.Error("nothing limits it")
							}
						}
						seen[0].compare(t, seen[1])
					})
				})
			}
		})
	}

	t.Run("strict lets a second account claim an address", func(t *testing.T) {
		// spec: account.md §9.1.
		wiretest.Each(t, func(c *Config) {
			c.Account.PreventEnumeration, c.Account.EmailVerification = account.PreventStrict, account.Optional
		}, func(t *testing.T, w *World, c *Client) {
			owner := w.Make(Person{})
			for _, id := range []string{owner.Email, wiretest.FreshEmail()} {
				d := c.Other()
				if u := d.Post("/auth/signup", M{"email": id, "password": newPassword}).LoggedIn(); u["email"] != id || fmt.Sprint(u["id"]) == owner.ID {
					t.Errorf("got %v", u)
				}
				equal(t, list(d.Get("/account/email")), id+"!")
				w.Inbox.Mail(t, id, "email_confirmation_signup")
			}
			// It does not open the owner's account, nor shadow it.
			c.Other().LogIn(owner)
			notIn(t, c, owner.Email, newPassword)
		})
	})

	t.Run("without secrecy says so", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Account.PreventEnumeration = account.Reveal
			c.Account.LoginMethods, c.Account.SignupFields = []string{"email", "phone"}, []string{"email*", "phone", "password1*"}
			c.Account.LoginByCode = true
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Phone: wiretest.FreshPhone()})
			for _, tt := range []struct {
				path string
				body M
				want string
			}{
				{"/auth/signup", M{"email": p.Email, "password": newPassword}, "email:email_taken"},
				{"/auth/signup", M{"email": wiretest.FreshEmail(), "phone": p.Phone, "password": newPassword}, "phone:phone_taken"},
				{"/auth/code/request", M{"email": wiretest.FreshEmail()}, "email:unknown_email"},
				{"/auth/code/request", M{"email": w.Make(Person{Disabled: true}).Email}, "email:unknown_email"},
				{"/auth/code/request", M{"phone": wiretest.FreshPhone()}, "phone:unknown_phone"},
				{"/auth/password/request", M{"email": wiretest.FreshEmail()}, "email:unknown_email"},
				// Passwords tell nothing all the same.
				{"/auth/login", M{"email": wiretest.FreshEmail(), "password": "wrong"}, "password:email_password_mismatch"},
				{"/auth/login", M{"email": p.Email, "password": "wrong"}, "password:email_password_mismatch"},
			} {
				c.Post(tt.path, tt.body).Fails(tt.want)
			}
			w.Inbox.NoMail(t, p.Email)
			if all := w.Inbox.All(); len(all) != 0 {
				t.Errorf("got %v", all)
			}
		})
	})

	t.Run("with codes for passwords without secrecy says so", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) { resetByCode(c); c.Account.PreventEnumeration = account.Reveal }, func(t *testing.T, w *World, c *Client) {
			c.Post("/auth/password/request", M{"email": wiretest.FreshEmail()}).Fails("email:unknown_email")
			c.Session().NothingPending()
		})
	})
}

func with(m map[string]string, k, v string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[k] = v
	return m
}

// trace is what a stranger sees.
type trace struct {
	replies []string
	hashes  int64
	allowed int
	refusal string
}

func (known *trace) compare(t *testing.T, unknown trace) {
	t.Helper()
	if len(known.replies) != len(unknown.replies) {
		t.Fatalf("got %d and %d answers", len(known.replies), len(unknown.replies))
	}
	for i, r := range known.replies {
		if r != unknown.replies[i] {
			t.Errorf("answer %d differs:\nknown   %s\nunknown %s", i+1, r, unknown.replies[i])
		}
	}
	if known.hashes != unknown.hashes {
		t.Errorf("passwords were hashed %d times for a known identifier, %d times for an unknown one", known.hashes, unknown.hashes)
	}
	if known.allowed != unknown.allowed || known.refusal != unknown.refusal {
		t.Errorf("limits differ: %d more calls and %s, %d more calls and %s", known.allowed, known.refusal, unknown.allowed, unknown.refusal)
	}
}

var (
	random = regexp.MustCompile(`"session_token":"[^"]*"`)
	own    = regexp.MustCompile(`"(id|at|display|email|phone)":("[^"]*"|[0-9.e+]+)`)
)

// outside is everything about an answer that can be seen, but for what is
// random and the identifier itself.
func outside(r *wiretest.Reply, id string) string {
	body := strings.ReplaceAll(string(r.Raw), id, "IDENTIFIER")
	body = random.ReplaceAllString(body, `"session_token":"TOKEN"`)
	if strings.Contains(body, `"user"`) || strings.HasPrefix(string(r.Data), "[") {
		// About the caller, who is another one each time.
		body = own.ReplaceAllStringFunc(body, func(s string) string {
			if strings.Contains(s, "IDENTIFIER") {
				return s
			}
			return s[:strings.Index(s, ":")] + ":OWN"
		})
	}
	var header []string
	for k, l := range r.Header {
		if k != "Date" && k != "Set-Cookie" {
			header = append(header, k+": "+strings.Join(l, ", "))
		}
	}
	slices.Sort(header)
	for _, k := range r.Cookies {
		k.Raw, k.RawExpires = "", ""
		k.Value = fmt.Sprint(len(k.Value), " letters")
		header = append(header, k.String())
	}
	return fmt.Sprintf("%s\n\t%d %s\t%s", r.What, r.Status, body, strings.Join(header, "\n\t"))
}
