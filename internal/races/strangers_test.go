package races_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

// fixed is a contest for a session that nobody is logged in with, and that fifty
// hold: each logs in. Whoever gets in has a session of their own, the stranger's
// is over, and nobody finds themselves in somebody else's.
func fixed(name, kind string, whose func(s *site) func(i int) *Person) contest {
	return contest{name, "links", func(t *testing.T, s *site) race {
		c := s.Client(kind)
		c.Get(loginPath).Is(200)
		stranger := c.Credential()
		if stranger == "" {
			t.Fatal("the stranger has no session")
		}
		who := scene(s, func() func(int) *Person { return whose(s) })
		return race{
			shot: func(i int) shot { return of(c, "POST", "/auth/login", password(who(i))) },
			wins: anyNumber, lost: tooLate,
			check: func(t *testing.T, all []reply) {
				had := map[string]bool{stranger: true}
				for i, r := range all {
					got := credentialIn(r, kind)
					if r.answer != "200" {
						if got != "" && s.userOf(t, kind, got) != "" {
							t.Errorf("%s: and is logged in", r.answer)
						}
						continue
					}
					if got == "" || had[got] {
						t.Errorf("%d got the session of somebody else", i)
					}
					had[got] = true
					if id := s.userOf(t, kind, got); id != who(i).ID && !s.apart {
						t.Errorf("user %s is user %q", who(i).ID, id)
					}
				}
				if id := s.userOf(t, kind, stranger); id != "" {
					t.Errorf("the stranger's session is user %s", id)
				}
			},
		}
	}}
}

// credentialIn is the session that an answer gives, "" if it gives none.
func credentialIn(r reply, kind string) string {
	if kind == "browser" {
		for _, k := range (&http.Response{Header: r.header}).Cookies() {
			if k.Name == "sessionid" && k.MaxAge >= 0 {
				return k.Value
			}
		}
		return ""
	}
	var v struct {
		Meta struct {
			Token string `json:"session_token"`
		}
	}
	_ = json.Unmarshal(r.body, &v)
	return v.Meta.Token
}

// userOf is who is logged in with a session, "" for nobody.
func (s *site) userOf(t *testing.T, kind, credential string) string {
	t.Helper()
	c := s.Client(kind)
	if kind == "browser" {
		c.SetCookie("sessionid", credential)
	} else {
		c.Token = credential
	}
	r := c.Session()
	if r.Status != http.StatusOK {
		return ""
	}
	var d struct{ User struct{ ID any } }
	r.Into(&d)
	return fmt.Sprint(d.User.ID)
}

func fiftyUsers(s *site) func(int) *Person {
	var l [crowd]*Person
	everybody(s.T, func(i int) { l[i] = s.Make(Person{}) })
	return func(i int) *Person { return l[i] }
}

func oneUser(s *site) func(int) *Person {
	p := s.Make(Person{})
	return func(int) *Person { return p }
}

// planted are sessions that others may hold before a login. Requirement SES-1.
var planted = []contest{
	fixed("a stranger's browser, of fifty users", "browser", fiftyUsers),
	fixed("a stranger's browser, of one user", "browser", oneUser),
	fixed("a stranger's app, of fifty users", "app", fiftyUsers),

	{"a stranger's app, that a passkey logs in with", "links", func(t *testing.T, s *site) race {
		// One logs in by passkey, which takes the challenge, all others by password.
		k := key(s)
		p, c := s.Make(Person{}), s.Client("app")
		c.LogIn(p)
		c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath+"?passwordless")))}).Is(200)
		who := scene(s, func() func(int) *Person { return fiftyUsers(s) })
		d := s.Client("app")
		credential := k.Get(optionsOf(t, d.Get(loginPath)))
		stranger := d.Token
		return race{
			shot: func(i int) shot {
				if i == theEnd {
					return of(d, "POST", loginPath, M{"credential": credential})
				}
				return of(d, "POST", "/auth/login", password(who(i)))
			},
			wins: anyNumber, lost: append(tooLate, "400 credential:incorrect_code"),
			check: func(t *testing.T, all []reply) {
				for i, r := range all {
					want := p.ID
					if i != theEnd {
						want = who(i).ID
					}
					if r.answer != "200" {
						continue
					}
					got := credentialIn(r, "app")
					if id := s.userOf(t, "app", got); got == stranger || id != want && !s.apart {
						t.Errorf("user %s is user %q", want, id)
					}
				}
				if id := s.userOf(t, "app", stranger); id != "" {
					t.Errorf("the stranger's session is user %s", id)
				}
			},
		}
	}},
}
