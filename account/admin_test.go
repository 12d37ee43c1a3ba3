package account_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
)

// office is a site with everything on that an operator can have to do with.
func office(c *headless.Config) {
	c.Account.LoginMethods = []string{"email", "username", "phone"}
	c.Account.EmailNotifications, c.Account.Closing = true, true
	c.Account.Fields = []account.Field{{Name: "plan", Choices: []string{"free", "paid"}}, {Name: "seats", Type: "integer"}}
	c.MFA = &mfa.Config{Trust: true}
	c.AuditLog = c.Store.(store.AuditLog)
}

// refused checks that an input is refused with those problems, as "param:code".
func refused(t *testing.T, err error, want ...string) {
	t.Helper()
	var in *account.InputError
	if !errors.As(err, &in) {
		t.Fatalf("got %v, want %q", err, want)
	}
	var got []string
	for _, p := range in.Problems {
		if p.Message == "" {
			t.Errorf("%s has no message", p.Code)
		}
		got = append(got, p.Param+":"+p.Code)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func fine(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAdminCreates(t *testing.T) {
	wiretest.EachStore(t, office, func(t *testing.T, w *wiretest.World) {
		ctx, users := account.WithActor(t.Context(), "carol"), w.Auth.Users()
		email, name, phone := wiretest.FreshEmail(), wiretest.FreshName(), wiretest.FreshPhone()
		p := must(users.Create(ctx, account.NewUser{
			Email: strings.ToUpper(email), Username: name, Phone: phone, EmailVerified: true, PhoneVerified: true,
			FirstName: "Ada", LastName: "Lovelace", Password: wiretest.Password, Fields: map[string]any{"plan": "paid", "seats": 3},
		}))(t)
		if p.Username != name || p.Email != email || len(p.Emails) != 1 || !p.Emails[0].Verified || !p.Phone.Verified || !p.HasUsablePassword {
			t.Errorf("got %+v", p)
		}
		var fields map[string]any
		if json.Unmarshal(p.Fields, &fields) != nil || fields["plan"] != "paid" || fields["seats"] != 3.0 {
			t.Errorf("got fields %s", p.Fields)
		}
		if got := w.Events.Take(); !slices.Equal(got, []string{"user_signed_up"}) {
			t.Errorf("got events %q", got)
		}
		w.Inbox.NoMail(t, email)
		for _, kind := range []string{"browser", "app"} {
			w.Client(kind).Post("/auth/login", map[string]any{"email": email, "password": wiretest.Password}).LoggedIn()
		}
		for what, by := range map[string]account.By{"address": {Email: email}, "name": {Username: strings.ToUpper(name)}, "number": {Phone: phone}} {
			l := must(users.Find(ctx, by))(t)
			if len(l) != 1 || l[0].ID != p.ID {
				t.Errorf("by %s: got %v", what, l)
			}
		}

		_, err := users.Create(ctx, account.NewUser{Email: email, Username: name, Phone: phone})
		refused(t, err, "email:email_taken", "username:username_taken", "phone:phone_taken")
		_, err = users.Create(ctx, account.NewUser{})
		refused(t, err, "email:required")
		_, err = users.Create(ctx, account.NewUser{Email: "nobody", Username: "\x00", Password: "123", Fields: map[string]any{"plan": "none", "colour": "red"}})
		if err == nil || !strings.Contains(fmt.Sprintf("%+v", err), "email") {
			t.Errorf("got %v", err)
		}
		_, err = users.Create(ctx, account.NewUser{Email: wiretest.FreshEmail(), Password: "\xff is no text at all"})
		refused(t, err, "password:invalid")
		_, err = users.Find(ctx, account.By{})
		refused(t, err, "email:invalid")
		_, err = users.Find(ctx, account.By{Email: email, Username: name})
		refused(t, err, ":invalid")

		// Without a password, the user resets it.
		other := must(users.Create(ctx, account.NewUser{Email: wiretest.FreshEmail()}))(t)
		if other.HasUsablePassword || other.Emails[0].Verified || other.Username == "" {
			t.Errorf("got %+v", other)
		}
	})
}

func TestAdminLists(t *testing.T) {
	wiretest.EachStore(t, office, func(t *testing.T, w *wiretest.World) {
		users := w.Auth.Users()
		var want, got []string
		for range 5 {
			want = append(want, w.Make(wiretest.Person{Phone: wiretest.FreshPhone()}).ID)
		}
		for cursor := ""; ; {
			l, next, err := users.List(t.Context(), cursor, 2)
			fine(t, err)
			for _, p := range l {
				if len(p.Emails) != 1 || p.Phone == nil {
					t.Errorf("got %+v", p)
				}
				got = append(got, p.ID)
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// settle logs somebody in from a browser that they trust, and from an app.
func settle(t *testing.T, w *wiretest.World, p *wiretest.Person) (clients []*wiretest.Client) {
	t.Helper()
	for _, kind := range []string{"browser", "app"} {
		c := w.Client(kind)
		c.Post("/auth/login", map[string]any{"email": p.Email, "password": wiretest.Password}).LoggedIn()
		clients = append(clients, c)
	}
	fine(t, w.Store.CreateAuthenticator(t.Context(), &store.Authenticator{UserID: p.ID, Type: store.TOTP, Data: []byte(`{"secret":"hush"}`)}))
	fine(t, w.Store.CreateTrustedBrowser(t.Context(), &store.TrustedBrowser{
		UserID: p.ID, TokenHash: []byte("hush" + p.ID), Fingerprint: []byte("hush"), IP: "192.0.2.7", ExpiresAt: w.Clock.Now().Add(time.Hour),
	}))
	fine(t, w.Store.CreateSocialAccount(t.Context(), &store.SocialAccount{UserID: p.ID, Provider: "dummy", UID: p.ID, Data: []byte(`{"nick":"ada"}`)}))
	return clients
}

// out checks that nobody is logged in any more, and no browser trusted.
func out(t *testing.T, w *wiretest.World, p *wiretest.Person, clients []*wiretest.Client) {
	t.Helper()
	for i, c := range clients {
		c.Get("/auth/session").Is([]int{401, 410}[i])
	}
	if l := must(w.Store.SessionsOf(t.Context(), p.ID))(t); len(l) != 0 {
		t.Errorf("got %d sessions", len(l))
	}
	if l := must(w.Store.TrustedBrowsersOf(t.Context(), p.ID))(t); len(l) != 0 {
		t.Errorf("got %d trusted browsers", len(l))
	}
}

// TestAdminEndsEverything: requirements SES-5 and MFA-5. What is remembered of
// sessions ends as well.
func TestAdminEndsEverything(t *testing.T) {
	wiretest.EachStore(t, func(c *headless.Config) { office(c); c.Session.CacheFor = time.Minute }, func(t *testing.T, w *wiretest.World) {
		ctx, users := account.WithActor(t.Context(), "carol"), w.Auth.Users()
		for _, tt := range []struct {
			name   string
			do     func(id string) error
			events []string
			mail   string
		}{
			{"end sessions", func(id string) error { return users.EndSessions(ctx, id) }, []string{"all_sessions_ended"}, ""},
			{"disable", func(id string) error { return users.Disable(ctx, id) }, []string{"account_disabled"}, "account_closed"},
			{"set password", func(id string) error { return users.SetPassword(ctx, id, "other-Quartz-32") }, []string{"password_changed"}, "password_changed"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				p := w.Make(wiretest.Person{})
				clients := settle(t, w, p)
				w.Inbox.Mails(p.Email)
				w.Events.Take()
				fine(t, tt.do(p.ID))
				out(t, w, p, clients)
				if got := w.Events.Take(); !slices.Equal(got, tt.events) {
					t.Errorf("got events %q, want %q", got, tt.events)
				}
				l := must(w.Store.(store.AuditLog).AuditOf(ctx, p.ID, "", 1))(t)
				if len(l) != 1 || l[0].Kind != tt.events[0] || string(l[0].Data) != `{"actor":"carol"}` || l[0].IP != "" {
					t.Errorf("got audit %+v", l)
				}
				if tt.mail == "" {
					w.Inbox.NoMail(t, p.Email)
				} else if m := w.Inbox.Mail(t, p.Email, tt.mail); m.Data["ip"] != "unknown" {
					t.Errorf("got %q for an address", m.Data["ip"])
				}
			})
		}
		for name, do := range map[string]func(id string) error{
			"disable": func(id string) error { return users.Disable(ctx, id) }, "enable": func(id string) error { return users.Enable(ctx, id) },
			"delete": func(id string) error { return users.Delete(ctx, id) }, "end": func(id string) error { return users.EndSessions(ctx, id) },
			"password": func(id string) error { return users.SetPassword(ctx, id, "other-Quartz-32") },
			"verify":   func(id string) error { return users.VerifyEmail(ctx, id, "a@example.org") },
			"mfa":      func(id string) error { return users.ResetMFA(ctx, id) },
			"export":   func(id string) error { _, err := users.Export(ctx, id); return err },
			"get":      func(id string) error { _, err := users.Get(ctx, id); return err },
		} {
			for _, id := range []string{"0", "none", "-1", "1 ", "\x00", "999999"} {
				if err := do(id); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%s of %q: got %v", name, id, err)
				}
			}
		}
	})
}

// TestAdminEndsSessionsElsewhere: those that are kept apart from users.
func TestAdminEndsSessionsElsewhere(t *testing.T) {
	t.Parallel()
	kept := memory.New()
	w := wiretest.New(t, memory.New(), func(c *headless.Config) { office(c); c.SessionStore = kept })
	for name, do := range map[string]func(*account.Admin, context.Context, string) error{
		"end sessions": (*account.Admin).EndSessions, "disable": (*account.Admin).Disable, "delete": (*account.Admin).Delete,
	} {
		p := w.Make(wiretest.Person{})
		clients := settle(t, w, p)
		if x, err := w.Auth.Users().Export(t.Context(), p.ID); err != nil || len(x.Sessions) != 2 {
			t.Errorf("%s: got %v, %v", name, x, err)
		}
		fine(t, do(w.Auth.Users(), t.Context(), p.ID))
		out(t, w, p, clients)
		if l := must(kept.SessionsOf(t.Context(), p.ID))(t); len(l) != 0 {
			t.Errorf("%s: got %d sessions", name, len(l))
		}
	}
}

// TestAdminRaces: of several operators who do the same at once, the store lets
// one do it. Requirement ONE-4.
func TestAdminRaces(t *testing.T) {
	wiretest.EachStore(t, office, func(t *testing.T, w *wiretest.World) {
		ctx, users := t.Context(), w.Auth.Users()
		email, p := wiretest.FreshEmail(), w.Make(wiretest.Person{})
		var wg sync.WaitGroup
		var made, ended atomic.Int64
		for range 8 {
			wg.Go(func() {
				_, err := users.Create(ctx, account.NewUser{Email: email, EmailVerified: true})
				var in *account.InputError
				switch {
				case err == nil:
					made.Add(1)
				case !errors.As(err, &in) && !errors.Is(err, store.ErrConflict):
					t.Errorf("create: got %v", err)
				}
			})
			wg.Go(func() {
				switch err := users.EndSessions(ctx, p.ID); {
				case err == nil:
					ended.Add(1)
				case !errors.Is(err, store.ErrConflict):
					t.Errorf("end sessions: got %v", err)
				}
			})
		}
		wg.Wait()
		if l := must(users.Find(ctx, account.By{Email: email}))(t); made.Load() != 1 || len(l) != 1 {
			t.Errorf("%d were made, %d found", made.Load(), len(l))
		}
		if u := w.User(p.ID); ended.Load() < 1 || u.Epoch != ended.Load() {
			t.Errorf("ended %d times, and the epoch is %d", ended.Load(), u.Epoch)
		}
	})
}

func TestAdminDisables(t *testing.T) {
	wiretest.Each(t, office, func(t *testing.T, w *wiretest.World, c *wiretest.Client) {
		ctx, users, p := t.Context(), w.Auth.Users(), w.Make(wiretest.Person{})
		login := map[string]any{"email": p.Email, "password": wiretest.Password}
		c.Post("/auth/login", login).LoggedIn()
		c.Post("/ext/account/deactivate", nil).Is(401) // closed for now, by its user
		w.Inbox.Mail(t, p.Email, "account_closed")
		fine(t, users.Disable(ctx, p.ID))
		c.Post("/ext/auth/reactivate", login)
		if !w.User(p.ID).Disabled {
			t.Error("who was disabled came back by themselves")
		}
		w.Inbox.NoMail(t, p.Email)
		fine(t, users.Disable(ctx, p.ID)) // once more changes nothing
		fine(t, users.Enable(ctx, p.ID))
		fine(t, users.Enable(ctx, p.ID))
		c.Other().Post("/auth/login", login).LoggedIn()
		var names []string
		for _, e := range must(w.Store.(store.AuditLog).AuditOf(ctx, p.ID, "", 100))(t) {
			if strings.HasPrefix(e.Kind, "account_") {
				names = append(names, e.Kind)
			}
		}
		if want := []string{"account_enabled", "account_disabled", "account_deactivated"}; !slices.Equal(names, want) {
			t.Errorf("got %q, want %q", names, want)
		}
	})
}

func TestAdminVerifies(t *testing.T) {
	wiretest.EachStore(t, office, func(t *testing.T, w *wiretest.World) {
		ctx, users := t.Context(), w.Auth.Users()
		owner, p := w.Make(wiretest.Person{}), w.Make(wiretest.Person{Unverified: true})
		second := w.AddEmail(p, wiretest.FreshEmail(), false)
		claimed := w.AddEmail(p, owner.Email, false)
		fine(t, users.VerifyEmail(ctx, p.ID, ""))
		fine(t, users.VerifyEmail(ctx, p.ID, strings.ToUpper(second)))
		fine(t, users.VerifyEmail(ctx, p.ID, second))
		refused(t, users.VerifyEmail(ctx, p.ID, claimed), "email:email_taken")
		refused(t, users.VerifyEmail(ctx, p.ID, "other@example.org"), "email:unknown_email")
		refused(t, users.VerifyEmail(ctx, p.ID, "@"), "email:invalid")
		if got, want := w.Emails(p.ID), p.Email+"*! "+second+"* "+claimed; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := w.Events.Take(); !slices.Equal(got, []string{"email_confirmed", "email_confirmed"}) {
			t.Errorf("got events %q", got)
		}
	})
}

func TestAdminSetsPasswords(t *testing.T) {
	wiretest.EachStore(t, office, func(t *testing.T, w *wiretest.World) {
		ctx, users, p := t.Context(), w.Auth.Users(), w.Make(wiretest.Person{NoPassword: true})
		refused(t, users.SetPassword(ctx, p.ID, ""), "password:required")
		refused(t, users.SetPassword(ctx, p.ID, "12345678"), "password:password_too_common", "password:password_entirely_numeric")
		refused(t, users.SetPassword(ctx, p.ID, "not UTF-8 \xff\xfe"), "password:invalid")
		w.Inbox.NoMail(t, p.Email)
		fine(t, users.SetPassword(ctx, p.ID, wiretest.Password))
		w.Inbox.Mail(t, p.Email, "password_set")
		w.Client("app").Post("/auth/login", map[string]any{"email": p.Email, "password": wiretest.Password}).LoggedIn()
	})
}

// TestAdminForgivesGuesses: who was guessed at for too long gets in again.
func TestAdminForgivesGuesses(t *testing.T) {
	wiretest.EachStore(t, func(c *headless.Config) {
		office(c)
		c.NoLimits, c.Limits = false, map[string]string{"password_failed": "2/30d/key", "admin_failed": ""}
	}, func(t *testing.T, w *wiretest.World) {
		p := w.Make(wiretest.Person{})
		login := map[string]any{"email": p.Email, "password": "wrong"}
		for {
			if r := w.Client("app").Post("/auth/login", login); len(r.Errors) > 0 && r.Errors[0].Code == "too_many_login_attempts" {
				break
			}
		}
		fine(t, w.Auth.Users().SetPassword(t.Context(), p.ID, "other-Quartz-32"))
		login["password"] = "other-Quartz-32"
		w.Client("app").Post("/auth/login", login).LoggedIn()
	})
}

func TestAdminResetsMFA(t *testing.T) {
	wiretest.EachStore(t, office, func(t *testing.T, w *wiretest.World) {
		p := w.Make(wiretest.Person{})
		clients := settle(t, w, p)
		fine(t, w.Auth.Users().ResetMFA(account.WithActor(t.Context(), "carol"), p.ID))
		if l := must(w.Store.AuthenticatorsOf(t.Context(), p.ID))(t); len(l) != 0 {
			t.Errorf("got %d authenticators", len(l))
		}
		clients[1].Get("/auth/session").Is(200)
		l := must(w.Store.(store.AuditLog).AuditOf(t.Context(), p.ID, "", 1))(t)
		if l[0].Kind != "mfa_reset" || !strings.Contains(string(l[0].Data), `"actor":"carol"`) {
			t.Errorf("got %+v", l[0])
		}
	})
	t.Run("where there is none", func(t *testing.T) {
		t.Parallel()
		w := wiretest.New(t, wiretest.Stores["memory"](t), nil)
		if err := w.Auth.Users().ResetMFA(t.Context(), w.Make(wiretest.Person{}).ID); !errors.Is(err, account.ErrNoMFA) {
			t.Errorf("got %v", err)
		}
	})
}

// TestAdminExports: everything, and no secret.
func TestAdminExports(t *testing.T) {
	wiretest.EachStore(t, office, func(t *testing.T, w *wiretest.World) {
		ctx, p, other := t.Context(), w.Make(wiretest.Person{Username: wiretest.FreshName(), Phone: wiretest.FreshPhone()}), w.Make(wiretest.Person{})
		clients := settle(t, w, p)
		settle(t, w, other)
		x := must(w.Auth.Users().Export(account.WithActor(ctx, "carol"), p.ID))(t)
		b, err := json.Marshal(x)
		fine(t, err)
		text := string(b)
		for _, want := range []string{p.Email, p.Username, p.Phone, `"type":"totp"`, `"profile":{"nick":"ada"}`, "192.0.2.7", `"event":"user_logged_in"`, `"event":"data_exported","data":{},"by_operator":true`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s is missing in %s", want, text)
			}
		}
		for _, e := range x.Events {
			if e.ByOperator != (e.Event == "data_exported") {
				t.Errorf("got %+v", e)
			}
		}
		if len(x.Sessions) != 2 || len(x.Sessions[0].Methods) != 1 || len(x.TrustedBrowsers) != 1 || len(x.SocialAccounts) != 1 || len(x.Authenticators) != 1 {
			t.Errorf("got %s", text)
		}
		for _, secret := range []string{"hush", "aHVzaA", "argon2", clients[1].Credential(), other.Email, "carol", `"actor"`} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in %s", secret, text)
			}
		}
	})
}

func TestAdminDeletes(t *testing.T) {
	wiretest.EachStore(t, office, func(t *testing.T, w *wiretest.World) {
		ctx, p := account.WithActor(t.Context(), "carol"), w.Make(wiretest.Person{Phone: wiretest.FreshPhone()})
		clients := settle(t, w, p)
		w.Inbox.Mails(p.Email)
		fine(t, w.Auth.Users().Delete(ctx, p.ID))
		out(t, w, p, clients)
		w.Inbox.Mail(t, p.Email, "account_closed")
		for what, n := range map[string]int{
			"emails":         len(must(w.Store.EmailsOf(ctx, p.ID))(t)),
			"claims":         len(must(w.Store.EmailsByAddress(ctx, p.Email))(t)),
			"numbers":        len(must(w.Store.PhonesByNumber(ctx, p.Phone))(t)),
			"authenticators": len(must(w.Store.AuthenticatorsOf(ctx, p.ID))(t)),
			"socials":        len(must(w.Store.SocialAccountsOf(ctx, p.ID))(t)),
		} {
			if n != 0 {
				t.Errorf("got %d %s", n, what)
			}
		}
		l := must(w.Store.(store.AuditLog).AuditOf(ctx, p.ID, "", 1))(t)
		if len(l) != 1 || l[0].Kind != "account_deleted" {
			t.Errorf("got audit %+v", l)
		}
	})
}

// TestAdminIsAtomic: what is refused halfway has not begun. Requirement REL-1.
func TestAdminIsAtomic(t *testing.T) {
	errHook := errors.New("not now")
	wiretest.EachStore(t, func(c *headless.Config) {
		office(c)
		c.Hooks.InDelete = func(context.Context, store.Store, *store.User) error { return errHook }
		c.Hooks.InSignup = func(_ context.Context, _ store.Store, u *store.User, _ map[string]any) error {
			return headless.Reject("email", "not_now", "Not now, "+u.Email)
		}
	}, func(t *testing.T, w *wiretest.World) {
		ctx, users, p := t.Context(), w.Auth.Users(), w.Make(wiretest.Person{})
		clients := settle(t, w, p)
		w.Inbox.Mails(p.Email)
		w.Events.Take()
		if err := users.Delete(ctx, p.ID); !errors.Is(err, errHook) {
			t.Fatalf("got %v", err)
		}
		clients[0].Get("/auth/session").Is(200)
		w.Inbox.NoMail(t, p.Email)
		email := wiretest.FreshEmail()
		_, err := users.Create(ctx, account.NewUser{Email: email, EmailVerified: true})
		refused(t, err, "email:not_now")
		if l := must(users.Find(ctx, account.By{Email: email}))(t); len(l) != 0 {
			t.Errorf("got %v", l)
		}
		if got := w.Events.Take(); len(got) != 0 {
			t.Errorf("got events %q", got)
		}
	})
}
