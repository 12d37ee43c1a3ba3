package races_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
)

// end is a race of one who ends something with 49 who go on. It is over for all
// of them afterwards, whoever was quicker.
func end(name string, begin func(t *testing.T, s *site) (r race, held []*Client, refresh []string, left int, p *Person)) contest {
	return contest{name, "links", func(t *testing.T, s *site) race {
		r, held, refresh, left, p := begin(t, s)
		check := r.check
		r.check = func(t *testing.T, all []reply) {
			if check != nil {
				check(t, all)
			}
			for _, x := range all { // what they were given meanwhile
				var v struct {
					Meta struct {
						Token   string `json:"session_token"`
						Refresh string `json:"refresh_token"`
					}
				}
				_ = json.Unmarshal(x.body, &v)
				if v.Meta.Token != "" && x.answer != goesOn {
					held = append(held, s.Client("app").Holding(v.Meta.Token))
				}
				refresh = append(refresh, v.Meta.Refresh, refreshIn(x))
			}
			for _, c := range held {
				if c.Session().Status == 200 {
					t.Error("a session goes on")
				}
			}
			for _, token := range refresh {
				if token != "" && s.Client("app").Post("/tokens/refresh", M{"refresh_token": token}).Status == 200 {
					t.Error("a refresh token is good")
				}
			}
			if n := goodSessions(t, s, p); n > left {
				t.Errorf("there are %d sessions", n)
			}
		}
		return r
	}}
}

// goodSessions are those of a user that were not ended with all others.
func goodSessions(t *testing.T, s *site, p *Person) (n int) {
	t.Helper()
	u, err := s.Store.User(t.Context(), p.ID)
	if errors.Is(err, store.ErrNotFound) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.kept.SessionsOf(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range l {
		if x.Epoch == u.Epoch {
			n++
		}
	}
	return n
}

// goesOn is the answer to whom a new session is due.
const goesOn answer = "200 goes on"

// theEnd is who ends it.
const theEnd = crowd / 2

// whatever is what clients do with a session that somebody ends.
func whatever(c *Client, refresh string) func(i int) shot {
	return func(i int) shot {
		switch i / 2 % 5 {
		case 0:
			return of(c, "POST", "/auth/reauthenticate", M{"password": wiretest.Password})
		case 1:
			return of(c, "POST", "/account/email", M{"email": wiretest.FreshEmail()})
		case 2:
			return of(c, "POST", "/tokens/refresh", M{"refresh_token": refresh})
		case 3:
			return of(c, "GET", keysPath, nil)
		}
		return of(c, "GET", "/auth/session", nil)
	}
}

// Whoever is late finds no session, or no user.
var gone = []answer{"200", "401", "409", "410", "400", "400 refresh_token:invalid", "400 password:incorrect_password", "404", "409 :unverified_email"}

// ended are sessions that are to be over. Requirements SES-4, SES-5.
var ended = []contest{
	end("logging out", func(t *testing.T, s *site) (race, []*Client, []string, int, *Person) {
		p, c := s.Make(Person{}), s.Client("app")
		refresh := granted(c.LogIn(p))
		s.Clock.Advance(time.Minute)
		others := whatever(c, refresh)
		return race{
			shot: func(i int) shot {
				if i == theEnd {
					return of(c, "DELETE", "/auth/session", nil)
				}
				return others(i)
			},
			wins: anyNumber, won: is("401"), lost: gone,
		}, []*Client{c}, []string{refresh}, 0, p
	}),

	end("ending another session", func(t *testing.T, s *site) (race, []*Client, []string, int, *Person) {
		p, c, d := s.Make(Person{}), s.Client("app"), s.Client("app")
		refresh := granted(c.LogIn(p))
		d.LogIn(p)
		var l []struct {
			ID      any  `json:"id"`
			Current bool `json:"is_current"`
		}
		d.Get("/auth/sessions").Is(200).Into(&l)
		var ids []any
		for _, x := range l {
			if !x.Current {
				ids = append(ids, x.ID)
			}
		}
		others := whatever(c, refresh)
		return race{
			shot: func(i int) shot {
				if i == theEnd {
					return of(d, "DELETE", "/auth/sessions", M{"sessions": ids})
				}
				return others(i)
			},
			wins: anyNumber, won: is("200"), lost: gone,
		}, []*Client{c}, []string{refresh}, 1, p
	}),

	end("changing the password", func(t *testing.T, s *site) (race, []*Client, []string, int, *Person) {
		p, c, d := s.Make(Person{}), s.Client("app"), s.Client("app")
		refresh := granted(c.LogIn(p))
		d.LogIn(p)
		others := whatever(c, refresh)
		return race{
			shot: func(i int) shot {
				switch {
				case i == theEnd:
					return of(d, "POST", "/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword})
				case i%3 == 0:
					return of(s.Client("app"), "POST", "/auth/login", password(p))
				}
				return others(i)
			},
			wins: anyNumber, won: is("200"), lost: append(gone, "400 password:email_password_mismatch"),
			check: func(t *testing.T, all []reply) {
				if all[theEnd].answer != "200" {
					t.Fatalf("the change: got %s", all[theEnd].answer)
				}
				all[theEnd] = reply{answer: goesOn}
			},
		}, []*Client{c}, []string{refresh}, 1, p
	}),

	end("resetting the password", func(t *testing.T, s *site) (race, []*Client, []string, int, *Person) {
		p, c := s.Make(Person{}), s.Client("app")
		refresh := granted(c.LogIn(p))
		s.Client("app").Post("/auth/password/request", M{"email": p.Email}).Is(200)
		key := s.Inbox.Mail(t, p.Email, "password_reset_key").Data["key"]
		others := whatever(c, refresh)
		return race{
			shot: func(i int) shot {
				if i == theEnd {
					return of(s.Client("app"), "POST", "/auth/password/reset", M{"key": key, "password": newPassword})
				}
				// Proving who one is, or another address, makes the link void.
				return others(4 + 2*(i%3) + 10*i)
			},
			wins: anyNumber, won: is("401"), lost: append(gone, "400 password:email_password_mismatch"),
			check: func(t *testing.T, all []reply) {
				if all[theEnd].answer != "401" {
					t.Errorf("the reset: got %s", all[theEnd].answer)
				}
			},
		}, []*Client{c}, []string{refresh}, 0, p
	}),

	operators("disabling", "POST", "/disable", ""),
	operators("deleting", "DELETE", "", ""),
	operators("giving a password to", "POST", "/set-password", `{"password":"`+newPassword+`"}`),
	operators("ending the sessions of", "POST", "/end-sessions", ""),
	closes("deactivating", "POST", "/ext/account/deactivate"),
	closes("deleting", "DELETE", "/ext/account"),
}

// operators end a user's sessions. Meanwhile the user logs in, unless that is
// right afterwards.
func operators(name, method, path, body string) contest {
	return end(name+" a user", func(t *testing.T, s *site) (race, []*Client, []string, int, *Person) {
		p, c := s.Make(Person{}), s.Client("app")
		refresh := granted(c.LogIn(p))
		others := whatever(c, refresh)
		x := shot{method: method, path: "/_admin/v1/users/" + p.ID + path, body: body, header: map[string][]string{"Authorization": {"Bearer " + adminToken}}}
		if body != "" {
			x.header.Set("Content-Type", "application/json")
		}
		return race{
			shot: func(i int) shot {
				switch {
				case i == theEnd:
					return x
				case i%3 == 0 && path != "/end-sessions":
					return of(s.Client("app"), "POST", "/auth/login", password(p))
				}
				return others(i)
			},
			wins: anyNumber, won: is("200"), lost: append(gone, "204", "400 password:email_password_mismatch"),
			check: func(t *testing.T, all []reply) {
				if a := all[theEnd].answer; a != "200" && a != "204" {
					t.Errorf("the operator: got %s", a)
				}
			},
		}, []*Client{c}, []string{refresh}, 0, p
	})
}

// closes is a user who closes their account while they log in elsewhere.
func closes(name, method, path string) contest {
	return end(name+" oneself", func(t *testing.T, s *site) (race, []*Client, []string, int, *Person) {
		p, c, d := s.Make(Person{}), s.Client("app"), s.Client("app")
		refresh := granted(c.LogIn(p))
		d.LogIn(p)
		others := whatever(c, refresh)
		return race{
			shot: func(i int) shot {
				switch {
				case i == theEnd:
					return of(d, method, path, nil)
				case i%3 == 0:
					return of(s.Client("app"), "POST", "/auth/login", password(p))
				}
				return others(i)
			},
			wins: anyNumber, won: is("401"), lost: append(gone, "400 password:email_password_mismatch"),
			check: func(t *testing.T, all []reply) {
				if a := all[theEnd].answer; a != "401" {
					t.Fatalf("the end: got %s", a)
				}
			},
		}, []*Client{c, d}, []string{refresh}, 0, p
	})
}
