package races_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/wiretest"
)

const newPassword = "walnut-Harbour-58"

// Who is late at a code finds that nothing is to be done any more, or the
// session under another token.
var tooLate = []answer{"409", "410", "401"}

// mailedCode is a contest for one code that was sent to the holder of a session.
func mailedCode(name, kind, path, field string, done answer, begin func(t *testing.T, s *site, c *Client) (code string)) contest {
	return contest{name, kind, func(t *testing.T, s *site) race {
		c := s.Client("app")
		code := begin(t, s, c)
		return race{
			shot: func(int) shot { return of(c, "POST", path, M{field: code, "password": newPassword}) },
			won:  is(done),
			lost: append(tooLate, "400 "+answer(field)+":incorrect_code"),
		}
	}}
}

// guesses is a contest of wrong codes: three are judged, then none is.
func guesses(name, kind, path, field string, begin func(t *testing.T, s *site, c *Client) (code string)) contest {
	return contest{"guesses at " + name, kind, func(t *testing.T, s *site) race {
		c := s.Client("app")
		code := begin(t, s, c)
		return race{
			shot: func(int) shot { return of(c, "POST", path, M{field: wiretest.Wrong(code), "password": newPassword}) },
			won:  is("400 " + answer(field) + ":incorrect_code"),
			wins: 3, atMost: true, lost: tooLate,
		}
	}}
}

// again is a contest for codes in place of one: so many are sent.
func again(name, path string, begin func(t *testing.T, s *site, c *Client) (code string)) contest {
	return contest{"another of " + name, "codes", func(t *testing.T, s *site) race {
		c := s.Client("app")
		begin(t, s, c)
		return race{
			shot: func(int) shot { return of(c, "POST", path, nil) },
			wins: most, atMost: true, lost: []answer{"409"},
		}
	}}
}

func loginCode(t *testing.T, s *site, c *Client) string {
	p := s.Make(Person{})
	c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
	return s.Inbox.Mail(t, p.Email, "login_code").Data["code"]
}

func signupCode(t *testing.T, s *site, c *Client) string {
	email := wiretest.FreshEmail()
	c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
	return s.Inbox.Mail(t, email, "email_confirmation_signup").Data["code"]
}

func addressCode(t *testing.T, s *site, c *Client) string {
	c.LogIn(s.Make(Person{}))
	email := wiretest.FreshEmail()
	c.Post("/account/email", M{"email": email}).Is(200)
	return s.Inbox.Mail(t, email, "email_confirmation").Data["code"]
}

func resetCode(t *testing.T, s *site, c *Client) string {
	p := s.Make(Person{})
	c.Post("/auth/password/request", M{"email": p.Email}).Pending("password_reset_by_code")
	return s.Inbox.Mail(t, p.Email, "password_reset_code").Data["code"]
}

func signupPhoneCode(t *testing.T, s *site, c *Client) string {
	p, phone := wiretest.FreshEmail(), wiretest.FreshPhone()
	c.Post("/auth/signup", M{"email": p, "phone": phone, "password": wiretest.Password}).Is(401)
	return ""
}

func phoneCode(t *testing.T, s *site, c *Client) string {
	c.LogIn(s.Make(Person{Phone: wiretest.FreshPhone()}))
	phone := wiretest.FreshPhone()
	c.Post("/account/phone", M{"phone": phone}).Is(202)
	return s.Inbox.Text(t, phone, "verification").Code
}

// secrets are what is mailed or texted, and refresh tokens. Requirement ONE-1.
var secrets = []contest{
	mailedCode("a login code", "links", "/auth/code/confirm", "code", "200", loginCode),
	mailedCode("a verification code at signup", "codes", "/auth/email/verify", "key", "200", signupCode),
	mailedCode("a verification code of a new address", "codes", "/auth/email/verify", "key", "200", addressCode),
	mailedCode("a reset code", "codes", "/auth/password/reset", "key", "401", resetCode),
	mailedCode("a code of a number", "codes", "/auth/phone/verify", "code", "200", phoneCode),
	guesses("a login code", "links", "/auth/code/confirm", "code", loginCode),
	guesses("a verification code", "codes", "/auth/email/verify", "key", signupCode),
	guesses("a reset code", "codes", "/auth/password/reset", "key", resetCode),
	guesses("a code of a number", "codes", "/auth/phone/verify", "code", phoneCode),

	again("a login code", "/auth/code/resend", loginCode),
	again("a verification code", "/auth/email/verify/resend", signupCode),
	again("a code of a number", "/auth/phone/verify/resend", signupPhoneCode),

	{"changes of the address of a signup", "codes", func(t *testing.T, s *site) race {
		c := s.Client("app")
		signupCode(t, s, c)
		return race{
			shot: func(int) shot { return of(c, "POST", "/account/email", M{"email": wiretest.FreshEmail()}) },
			wins: most, atMost: true, lost: []answer{"409", "403"},
		}
	}},

	{"a verification link", "links", func(t *testing.T, s *site) race {
		email := wiretest.FreshEmail()
		s.Client("app").Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
		key := s.Inbox.Mail(t, email, "email_confirmation_signup").Data["key"]
		return race{
			shot: func(int) shot { return of(s.Client("app"), "POST", "/auth/email/verify", M{"key": key}) },
			won:  is("401"), lost: []answer{"400 key:invalid_or_expired_key"},
		}
	}},

	{"a reset link", "links", func(t *testing.T, s *site) race {
		p := s.Make(Person{})
		s.Client("app").Post("/auth/password/request", M{"email": p.Email}).Is(200)
		key := s.Inbox.Mail(t, p.Email, "password_reset_key").Data["key"]
		password := func(i int) string { return fmt.Sprint(newPassword, "-", i) }
		return race{
			shot: func(i int) shot {
				return of(s.Client("app"), "POST", "/auth/password/reset", M{"key": key, "password": password(i)})
			},
			won: is("401"), lost: []answer{"400 key:invalid_password_reset"},
			check: func(t *testing.T, all []reply) {
				for i, r := range all { // the winner's password is the one
					if r.answer == "401" {
						s.Client("app").Post("/auth/login", M{"email": p.Email, "password": password(i)}).LoggedIn()
					}
				}
			},
		}
	}},

	{"a refresh token, at once", "links", func(t *testing.T, s *site) race {
		c := s.Client("app")
		refresh := granted(c.LogIn(s.Make(Person{})))
		s.Clock.Advance(time.Minute)
		return race{
			shot: func(int) shot { return of(c, "POST", "/tokens/refresh", M{"refresh_token": refresh}) },
			wins: crowd,
			check: func(t *testing.T, all []reply) {
				next := map[string]bool{}
				for _, r := range all {
					next[refreshIn(r)] = true
				}
				if len(next) != 1 || next[refresh] || next[""] {
					t.Errorf("there are %d successors", len(next))
				}
			},
		}
	}},

	{"a stolen refresh token", "links", func(t *testing.T, s *site) race {
		p, c := s.Make(Person{}), s.Client("app")
		stolen := granted(c.LogIn(p))
		s.Clock.Advance(time.Minute)
		var d struct {
			Refresh string `json:"refresh_token"`
		}
		c.Post("/tokens/refresh", M{"refresh_token": stolen}).Is(200).Into(&d)
		s.Clock.Advance(time.Minute)
		return race{
			shot: func(i int) shot { // the thief's, and the owner's
				return of(s.Client("app"), "POST", "/tokens/refresh", M{"refresh_token": []string{stolen, d.Refresh}[i/2%2]})
			},
			won:  is("400"),
			wins: anyNumber, lost: []answer{"200"},
			check: func(t *testing.T, all []reply) {
				// Whoever was quicker: nobody has anything that is good afterwards.
				for _, r := range append(all, reply{body: []byte(`{"data":{"refresh_token":"` + d.Refresh + `"}}`)}) {
					if token := refreshIn(r); token != "" && s.Client("app").Post("/tokens/refresh", M{"refresh_token": token}).Status == 200 {
						t.Error("the session has outlived the theft")
					}
				}
				if n := goodSessions(t, s, p); n != 0 {
					t.Errorf("there are %d sessions", n)
				}
			},
		}
	}},
}

// granted is the refresh token of a login.
func granted(r *wiretest.Reply) string {
	token, _ := r.Meta["refresh_token"].(string)
	return token
}

func refreshIn(r reply) string {
	var v struct {
		Data struct {
			Refresh string `json:"refresh_token"`
		}
	}
	_ = json.Unmarshal(r.body, &v)
	return strings.TrimSpace(v.Data.Refresh)
}
