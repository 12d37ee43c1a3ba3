package wiretest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
)

// sessionRow is an entry of the list of sessions.
type sessionRow struct {
	ID         json.RawMessage
	UserAgent  string `json:"user_agent"`
	Device     string
	IP         string
	CreatedAt  float64  `json:"created_at"`
	LastSeenAt *float64 `json:"last_seen_at"`
	IsCurrent  bool     `json:"is_current"`
}

func sessionRows(r *wiretest.Reply) (l []sessionRow) {
	r.Is(200).Into(&l)
	return l
}

func sessionIDs(l []sessionRow) (ids []json.RawMessage) {
	for _, x := range l {
		ids = append(ids, x.ID)
	}
	return ids
}

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// spec: sessions-tokens.md §3.
func TestSessions(t *testing.T) {
	list := func(c *headless.Config) { c.Session.List = true }
	t.Run("the list", func(t *testing.T) {
		wiretest.Each(t, list, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.Get("/auth/sessions").NothingPending()
			c.Delete("/auth/sessions", M{"sessions": []int{1}}).NothingPending()

			first, second, third := c, c.Other(), c.Other()
			first.LogIn(p)
			w.Clock.Advance(time.Minute)
			second.Header.Set("User-Agent", firefox)
			second.LogIn(p)
			w.Clock.Advance(time.Minute)
			third.Header.Set("User-Agent", "\xff"+strings.Repeat("ü", 300))
			third.LogIn(p)

			l := sessionRows(second.Get("/auth/sessions"))
			if len(l) != 3 {
				t.Fatalf("got %d sessions, want 3", len(l))
			}
			for i, x := range l {
				if x.IsCurrent != (i == 1) || x.IP != "127.0.0.1" || x.LastSeenAt != nil || x.CreatedAt != float64(w.Clock.Now().Add(time.Duration(i-2)*time.Minute).UnixMicro())/1e6 {
					t.Errorf("session %d: got %+v", i, x)
				}
			}
			if l[0].Device != "" || l[1].UserAgent != firefox || l[1].Device != "Firefox on Linux" || l[2].UserAgent != "\uFFFD"+strings.Repeat("ü", 199) {
				t.Errorf("got %+v", l)
			}

			w.Run("what is wrong with a list of ids is told, and nothing ends", func(t *testing.T, w *World, c *Client) {
				stranger := w.Client(c.Kind)
				stranger.LogIn(w.Make(Person{}))
				theirs := sessionRows(stranger.Get("/auth/sessions"))[0].ID
				for _, tt := range []struct {
					body any
					want string
				}{
					{nil, "required"}, {M{}, "required"}, {M{"sessions": nil}, "required"}, {M{"sessions": []int{}}, "required"}, {M{"sessions": ""}, "required"},
					{M{"sessions": 5}, "invalid_list"}, {M{"sessions": "5"}, "invalid_list"}, {M{"sessions": M{"id": 5}}, "invalid_list"}, {M{"sessions": true}, "invalid_list"},
					{M{"sessions": []any{nil}}, "invalid_pk_value"}, {M{"sessions": []any{true}}, "invalid_pk_value"}, {M{"sessions": []any{[]int{1}}}, "invalid_pk_value"},
					{M{"sessions": []any{1.5}}, "invalid_pk_value"},
					{M{"sessions": []any{99999999}}, "invalid_choice"}, {M{"sessions": []any{l[0].ID, 99999999}}, "invalid_choice"}, {M{"sessions": []any{l[0].ID, theirs}}, "invalid_choice"},
				} {
					second.Delete("/auth/sessions", tt.body).Fails("sessions:" + tt.want)
				}
				if n := w.Sessions(p.ID); n != 3 {
					t.Errorf("%d sessions are left, want 3", n)
				}
			})
			w.Run("another one is ended, and named twice", func(t *testing.T, w *World, _ *Client) {
				w.Events.Take()
				l2 := sessionRows(second.Delete("/auth/sessions", M{"sessions": []any{l[0].ID, l[0].ID}}))
				equal(t, sessionIDs(l2), sessionIDs(l[1:]))
				same(t, w.Events.Take(), "session_ended")
				first.Dead(first.Credential())
				second.Session().LoggedIn()
				second.Delete("/auth/sessions", M{"sessions": []any{l[0].ID}}).Fails("sessions:invalid_choice")
			})
			w.Run("the current one and another are ended", func(t *testing.T, w *World, _ *Client) {
				credentials := []string{second.Credential(), third.Credential()}
				second.Delete("/auth/sessions", M{"sessions": sessionIDs(l[1:])}).NothingPending()
				for _, credential := range credentials {
					c.Dead(credential)
				}
				if n := w.Sessions(p.ID); n != 0 {
					t.Errorf("%d sessions are left", n)
				}
			})
		})
	})

	t.Run("off", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, nil, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			c.Get("/auth/sessions").Is(404)
			c.Delete("/auth/sessions", nil).Is(404)
			var d M
			c.Get("/config").Is(200).Into(&d)
			if d["usersessions"] != nil {
				t.Errorf("got %v", d)
			}
		})
	})

	t.Run("only the living", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, list, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			old := c.Other()
			old.LogIn(p)
			l := sessionRows(old.Get("/auth/sessions"))
			w.Clock.Advance(13 * 24 * time.Hour)
			c.LogIn(p)
			w.Clock.Advance(2 * 24 * time.Hour)
			if l := sessionRows(c.Get("/auth/sessions")); len(l) != 1 || !l[0].IsCurrent {
				t.Errorf("got %+v", l)
			}
			c.Delete("/auth/sessions", M{"sessions": sessionIDs(l)}).Fails("sessions:invalid_choice")
		})
	})

	t.Run("a password change keeps the session and its id, and ends the others", func(t *testing.T) {
		wiretest.Each(t, list, func(t *testing.T, w *World, c *Client) {
			p, other := w.Make(Person{}), c.Other()
			other.LogIn(p)
			c.LogIn(p)
			before := sessionRows(c.Get("/auth/sessions"))
			old := []string{c.Credential(), other.Credential()}
			w.Clock.Advance(time.Minute)
			c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": "amber-Falcon-77"}).LoggedIn()
			after := sessionRows(c.Get("/auth/sessions"))
			if len(after) != 1 || string(after[0].ID) != string(before[1].ID) || after[0].CreatedAt != before[1].CreatedAt {
				t.Errorf("got %+v, then %+v", before, after)
			}
			for _, credential := range old {
				c.Dead(credential)
			}
		})
	})

	t.Run("activity", func(t *testing.T) {
		track := func(c *headless.Config) { c.Session.List, c.Session.TrackActivity = true, true }
		wiretest.Each(t, track, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			start := float64(w.Clock.Now().UnixMicro()) / 1e6
			seen := func(agent string, after time.Duration) {
				t.Helper()
				l := sessionRows(c.Get("/auth/sessions"))
				if len(l) != 1 || l[0].UserAgent != agent || l[0].LastSeenAt == nil || *l[0].LastSeenAt != start+after.Seconds() {
					t.Errorf("got %+v, want it seen after %v by %s", l, after, agent)
				}
			}
			seen("Go-http-client/1.1", 0)
			w.Events.Take()
			c.Header.Set("User-Agent", firefox)
			w.Clock.Advance(59 * time.Second)
			seen("Go-http-client/1.1", 0)
			same(t, w.Events.Take())
			w.Clock.Advance(time.Second)
			seen(firefox, time.Minute)
			same(t, w.Events.Take(), "session_client_changed")
			w.Clock.Advance(time.Minute)
			seen(firefox, 2*time.Minute)
			same(t, w.Events.Take())
			w.Clock.Advance(14*24*time.Hour - 2*time.Minute)
			c.Dead(c.Credential()) // to be seen is not to be renewed
			var d struct {
				Sessions M `json:"usersessions"`
			}
			c.Other().Get("/config").Is(200).Into(&d)
			equal(t, d.Sessions, M{"track_activity": true})
		})
	})

	t.Run("sliding", func(t *testing.T) {
		slide := func(c *headless.Config) {
			c.Session.Sliding, c.Session.Lifetime, c.Session.AbsoluteLifetime = true, time.Hour, 3*time.Hour
		}
		wiretest.Each(t, slide, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			for range 5 {
				w.Clock.Advance(30 * time.Minute)
				c.Session().LoggedIn()
			}
			w.Clock.Advance(30 * time.Minute)
			c.Dead(c.Credential()) // three hours are the end of it
			idle := c.Other()
			idle.LogIn(w.Make(Person{}))
			w.Clock.Advance(time.Hour)
			idle.Dead(idle.Credential())
		})
	})

	t.Run("not too many", func(t *testing.T) {
		wiretest.Each(t, func(c *headless.Config) { c.Session.MaxPerUser = 2 }, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			var all []*Client
			for range 4 {
				d := c.Other()
				d.LogIn(p)
				all = append(all, d)
				w.Clock.Advance(time.Second)
			}
			if n := w.Sessions(p.ID); n != 2 {
				t.Errorf("%d sessions are left, want 2", n)
			}
			for i, d := range all {
				if i < 2 {
					d.Dead(d.Credential())
				} else {
					d.Session().LoggedIn()
				}
			}
			if got := w.Events.Take(); len(slices.DeleteFunc(got, func(name string) bool { return name != "session_crowded_out" })) != 2 {
				t.Errorf("got events %v", got)
			}
			other := c.Other()
			other.LogIn(w.Make(Person{}))
			other.Session().LoggedIn()
		})
	})
}

// ours: a mail tells of logins from elsewhere.
func TestNewDevice(t *testing.T) {
	wiretest.Each(t, func(c *headless.Config) { c.Account.NewDeviceNotification = true }, func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{Unused: true})
		c.Header.Set("User-Agent", firefox)
		c.LogIn(p)
		w.Inbox.NoMail(t, p.Email) // the first login of all
		again := c.Other()
		again.Header.Set("User-Agent", strings.ReplaceAll(firefox, "140", "141"))
		again.LogIn(p)
		w.Inbox.NoMail(t, p.Email) // which has been updated
		phone := c.Other()
		phone.Header.Set("User-Agent", "OurApp/3.1 (Pixel 9)")
		phone.LogIn(p)
		m := w.Inbox.Mail(t, p.Email, "new_device")
		if m.Data["user_agent"] != "OurApp/3.1 (Pixel 9)" || m.Data["ip"] != "127.0.0.1" || m.Data["timestamp"] == "" {
			t.Errorf("got %v", m.Data)
		}
		phone.Other().LogIn(p) // with the user agent of the test
		w.Inbox.Mail(t, p.Email, "new_device")
		w.Clock.Advance(366 * 24 * time.Hour)
		c.Other().LogIn(p)
		w.Inbox.Mail(t, p.Email, "new_device")
		other := w.Make(Person{})
		c.Other().LogIn(other)
		w.Inbox.Mail(t, other.Email, "new_device") // devices are each user's own
	})
}

func TestSessionConfigProblems(t *testing.T) {
	c := wiretest.Config()
	c.Session.MaxPerUser, c.Session.TrackActivity, c.Session.Lifetime = -1, true, -1
	_, err := headless.New(c)
	for _, field := range []string{"Session.MaxPerUser", "Session.TrackActivity", "Session.Lifetime"} {
		if !strings.Contains(fmt.Sprint(err), field+": ") {
			t.Errorf("%s is not named in %v", field, err)
		}
	}
}
