package wiretest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
)

// A mailer that is down, slow or broken loses no account and stops no answer.
// Requirements REL-1, REL-3, ENU-3.
func TestMailFailure(t *testing.T) {
	waiting := func(t *testing.T, w *World) int {
		t.Helper()
		n, err := w.Store.CountMessages(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	flush := func(t *testing.T, w *World) {
		t.Helper()
		if err := w.Auth.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// run lets an instance deliver what is due, until something was sent.
	run := func(t *testing.T, w *World) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		w.Inbox.OnSend(cancel)
		defer w.Inbox.OnSend(nil)
		if err := w.Auth.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("nothing was delivered: %v", err)
		}
	}

	t.Run("keeps the mail until the mailer recovers", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			w.Inbox.Fail(errors.New("connection refused"))
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
			flush(t, w)
			if idOf(t, w, email) == "" || waiting(t, w) != 1 {
				t.Fatalf("%d messages wait", waiting(t, w))
			}
			w.Inbox.Fail(nil)
			w.Inbox.NoMail(t, email)
			w.Clock.Advance(time.Hour)
			run(t, w)
			key := w.Inbox.Mail(t, email, "email_confirmation_signup").Data["key"]
			if n := waiting(t, w); n != 0 {
				t.Errorf("%d messages wait still", n)
			}
			c.Post("/auth/email/verify", M{"key": key}).Is(401)
			c.Post("/auth/login", M{"email": email, "password": wiretest.Password}).LoggedIn()
		})
	})

	t.Run("lets the user ask again meanwhile", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			w.Inbox.Fail(errors.New("connection refused"))
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
			flush(t, w)
			w.Inbox.Fail(nil)
			c.Post("/auth/login", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
			c.Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, email, "email_confirmation").Data["key"]}).Is(401)
			w.Clock.Advance(time.Hour)
			run(t, w) // the late one does no harm
			c.Other().Post("/auth/email/verify", M{"key": w.Inbox.Mail(t, email, "email_confirmation_signup").Data["key"]}).Fails("key:invalid_or_expired_key")
		})
	})

	t.Run("lets another instance deliver what a crash left behind", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			w.Inbox.Fail(errors.New("about to crash"))
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
			flush(t, w)
			w.Clock.Advance(time.Hour)
			again := wiretest.New(t, w.Store, func(c *Config) { c.Now = w.Clock.Now })
			run(t, again)
			key := again.Inbox.Mail(t, email, "email_confirmation_signup").Data["key"]
			again.Client(c.Kind).Post("/auth/email/verify", M{"key": key}).Is(401)
		})
	})

	t.Run("does not keep anybody waiting", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			release := make(chan struct{})
			w.Inbox.OnSend(func() { <-release })
			p, email := w.Make(Person{}), wiretest.FreshEmail()
			done := make(chan struct{})
			go func() {
				defer close(done)
				for _, r := range []*wiretest.Reply{
					c.Post("/auth/password/request", M{"email": p.Email}), c.Post("/auth/password/request", M{"email": email}),
					c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}),
				} {
					if r.Status >= 500 {
						t.Errorf("%s: got %d", r.What, r.Status)
					}
				}
			}()
			select {
			case <-done:
			case <-time.After(10 * time.Second):
				t.Error("the answers wait for the mailer")
			}
			close(release)
			<-done
			w.Inbox.OnSend(nil)
			w.Inbox.Mail(t, p.Email, "password_reset_key")
		})
	})

	t.Run("is contained when the mailer panics", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			w.Inbox.OnSend(func() { panic("the mailer's own fault") })
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
			flush(t, w)
			w.Inbox.OnSend(nil)
			if waiting(t, w) != 1 {
				t.Errorf("%d messages wait, want one", waiting(t, w))
			}
			c.Session().Pending("verify_email")
			w.Clock.Advance(time.Hour)
			w.Inbox.All()
			run(t, w)
			w.Inbox.Mail(t, email, "email_confirmation_signup")
		})
	})

	t.Run("is given up when it is permanent, or for ever", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			w.Inbox.Fail(fmt.Errorf("no such mailbox: %w", account.ErrPermanent))
			c.Post("/auth/password/request", M{"email": wiretest.FreshEmail()}).Is(200)
			flush(t, w)
			if n := waiting(t, w); n != 0 {
				t.Errorf("%d messages wait", n)
			}
			w.Inbox.Fail(errors.New("connection refused"))
			c.Post("/auth/password/request", M{"email": wiretest.FreshEmail()}).Is(200)
			flush(t, w)
			w.Clock.Advance(73 * time.Hour)
			run(t, w)
			if n := waiting(t, w); n != 0 {
				t.Errorf("%d messages wait", n)
			}
			w.Inbox.Fail(nil)
		})
	})

	t.Run("is the same for text messages", func(t *testing.T) {
		wiretest.Each(t, phones, func(t *testing.T, w *World, c *Client) {
			phone, before := wiretest.FreshPhone(), waiting(t, w)
			w.Inbox.Fail(errors.New("gateway is down"))
			c.Post("/auth/signup", M{"phone": phone, "email": wiretest.FreshEmail(), "password": wiretest.Password}).Pending("verify_phone")
			flush(t, w)
			w.Inbox.Fail(nil)
			if n := waiting(t, w); n != before+1 {
				t.Errorf("%d messages wait, want one more than %d", n, before)
			}
			c.Post("/auth/phone/verify/resend", nil).Is(200)
			c.Post("/auth/phone/verify", M{"code": w.Inbox.Text(t, phone, "verification").Code}).LoggedIn()
		})
	})

	t.Run("nothing is sent of what was not kept", func(t *testing.T) {
		wiretest.Each(t, func(c *Config) {
			c.Hooks.InSignup = func(context.Context, store.Store, *store.User, map[string]any) error { return errors.New("no room") }
		}, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Is(500)
			w.Inbox.NoMail(t, email)
			if n := waiting(t, w); n != 0 {
				t.Errorf("%d messages wait", n)
			}
		})
	})

	t.Run("what waits is encrypted", func(t *testing.T) {
		// SEC-1.
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			w.Inbox.Fail(errors.New("connection refused"))
			c.Post("/auth/password/request", M{"email": p.Email}).Is(200)
			flush(t, w)
			now := w.Clock.Now().Add(time.Hour)
			l, err := w.Store.ClaimMessages(t.Context(), now, now, 10)
			if err != nil || len(l) != 1 {
				t.Fatal(l, err)
			}
			for _, s := range []string{p.Email, "password_reset", "spa.test", "Subject"} {
				if strings.Contains(string(l[0].Payload), s) {
					t.Errorf("the store knows %q", s)
				}
			}
			if err := w.Store.DeleteMessage(t.Context(), l[0].ID); err != nil {
				t.Fatal(err)
			}
			w.Inbox.Fail(nil)
		})
	})
}

// spec: core.md §3.4, account.md §13.
func TestMails(t *testing.T) {
	t.Run("and errors are in the caller's language", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, nil, func(t *testing.T, w *World, c *Client) {
			english := c.Post("/auth/login", M{}).Errors[0].Message
			seen := map[string]bool{english: true}
			for _, locale := range []string{"de", "es", "fr", "it", "ja", "nl", "pl", "pt", "zh-Hans"} {
				d := c.Other()
				d.Header.Set("Accept-Language", locale+", en;q=0.5")
				r := d.Post("/auth/login", M{})
				r.Fails("email:required", "password:required") // codes stay
				if m := r.Errors[0].Message; seen[m] {
					t.Errorf("%s: got %q, as in another language", locale, m)
				} else {
					seen[m] = true
				}
				email := wiretest.FreshEmail()
				d.Post("/auth/password/request", M{"email": email}).Is(200)
				if m := w.Inbox.Mail(t, email, "unknown_account"); m.Locale != locale || seen[m.Text] {
					t.Errorf("%s: got a mail in %s", locale, m.Locale)
				} else {
					seen[m.Text] = true
				}
			}
			for _, accept := range []string{"", "tlh", "*", "en-GB", "q=1;;", strings.Repeat("de,", 10_000) + "x"} {
				d := c.Other()
				d.Header.Set("Accept-Language", accept)
				if m := d.Post("/auth/login", M{}).Errors[0].Message; m != english && !strings.HasPrefix(accept, "de,") {
					t.Errorf("%q: got %q", accept, m)
				}
			}
		})
	})
	t.Run("are in the language that the host chooses", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) {
			c.Locale = func(r *http.Request) string { return r.URL.Query().Get("lang") }
		}, func(t *testing.T, w *World, c *Client) {
			c.Header.Set("Accept-Language", "fr")
			email := wiretest.FreshEmail()
			c.Post("/auth/password/request?lang=nl", M{"email": email}).Is(200)
			if m := w.Inbox.Mail(t, email, "unknown_account"); m.Locale != "nl" {
				t.Errorf("got %s", m.Locale)
			}
		})
	})
	t.Run("are as the host words them", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) {
			c.Mail = headless.MailConfig{NoSubjectPrefix: true, Templates: fstest.MapFS{
				"en.json":              &fstest.MapFile{Data: []byte(`{"unknown_account.subject": "Who are you?"}`)},
				"unknown_account.txt":  &fstest.MapFile{Data: []byte("Nobody here is {{.email}}.")},
				"unknown_account.html": &fstest.MapFile{Data: []byte("<p>Nobody here is {{.email}}.</p>")},
			}}
		}, func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			c.Post("/auth/password/request", M{"email": email}).Is(200)
			if m := w.Inbox.Mail(t, email, "unknown_account"); m.Subject != "Who are you?" || !strings.Contains(m.Text, "Nobody here is "+email) || !strings.Contains(m.HTML, "<p>Nobody here is "+email) {
				t.Errorf("got %q, %q, %q", m.Subject, m.Text, m.HTML)
			}
		})
	})
	t.Run("have subjects with the site's name, or another prefix", func(t *testing.T) {
		for want, mail := range map[string]headless.MailConfig{"[Example] ": {}, "Ours: ": {SubjectPrefix: "Ours: "}, "": {NoSubjectPrefix: true}} {
			t.Run("as "+want, func(t *testing.T) {
				wiretest.EachOn(t, []string{"memory"}, func(c *Config) { c.Mail = mail }, func(t *testing.T, w *World, c *Client) {
					email := wiretest.FreshEmail()
					c.Post("/auth/password/request", M{"email": email}).Is(200)
					if m := w.Inbox.Mail(t, email, "unknown_account"); !strings.HasPrefix(m.Subject, want) || want == "" && strings.ContainsAny(m.Subject, "[:") || m.Text == "" || m.HTML == "" {
						t.Errorf("got subject %q", m.Subject)
					}
				})
			})
		}
	})
	t.Run("link to the site, whatever the request says of its host", func(t *testing.T) {
		// REQ-5.
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) {
			c.Frontend = headless.Frontend{VerifyEmail: "/verify?k={key}&x=1", ResetPassword: "reset/{key}"}
		}, func(t *testing.T, w *World, c *Client) {
			for _, name := range []string{"X-Forwarded-Host", "Forwarded", "X-Original-Host", "X-Forwarded-Proto"} {
				c.Header.Set(name, "evil.example")
			}
			p := w.Make(Person{})
			c.Post("/auth/password/request", M{"email": p.Email}).Is(200)
			m := w.Inbox.Mail(t, p.Email, "password_reset_key")
			if m.Data["password_reset_url"] != w.URL+"/reset/"+m.Data["key"] || strings.Contains(m.Text+m.HTML, "evil") {
				t.Errorf("got %s", m.Data["password_reset_url"])
			}
			email := wiretest.FreshEmail()
			c.Post("/auth/signup", M{"email": email, "password": wiretest.Password}).Pending("verify_email")
			m = w.Inbox.Mail(t, email, "email_confirmation_signup")
			if m.Data["activate_url"] != w.URL+"/verify?k="+m.Data["key"]+"&x=1" {
				t.Errorf("got %s", m.Data["activate_url"])
			}
		})
	})
}

// A log of everything that has happened, for each user.
func TestAuditLog(t *testing.T) {
	wiretest.Each(t, func(c *Config) {
		c.AuditLog = c.Store.(store.AuditLog)
		c.Account.Closing, c.TrustedProxies = true, 1
	}, func(t *testing.T, w *World, c *Client) {
		log := w.Store.(store.AuditLog)
		p := w.Make(Person{})
		c.From("203.0.113.7").Header.Set("User-Agent", strings.Repeat("Tester ", 100))
		c.Post("/auth/login", M{"email": p.Email, "password": "wrong-Plum-9"}).Is(400)
		w.Clock.Advance(time.Second)
		c.LogIn(p)
		w.Clock.Advance(time.Second)
		c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword}).LoggedIn()
		w.Clock.Advance(time.Second)
		c.Delete("/ext/account", nil).NothingPending()

		l, err := log.AuditOf(t.Context(), p.ID, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, e := range slices.Backward(l) {
			kinds = append(kinds, e.Kind)
			if e.IP != "203.0.113.7" || len([]rune(e.UserAgent)) > 200 || !strings.HasPrefix(e.UserAgent, "Tester") || e.UserID != p.ID || e.At.After(w.Clock.Now()) {
				t.Errorf("got %+v", e)
			}
			if !json.Valid(e.Data) {
				t.Errorf("%s: got %q", e.Kind, e.Data)
			}
			for _, s := range []string{"wrong-Plum-9", wiretest.Password, newPassword, "argon2id"} {
				if strings.Contains(string(e.Data), s) {
					t.Errorf("%s tells %q", e.Kind, s)
				}
			}
		}
		// It outlives the account.
		same(t, kinds, "login_failed", "authentication_step_completed", "user_logged_in", "password_changed", "account_deleted")
		first, err := log.AuditOf(t.Context(), p.ID, "", 2)
		if err != nil || len(first) != 2 {
			t.Fatal(first, err)
		}
		rest, err := log.AuditOf(t.Context(), p.ID, first[1].ID, 100)
		if err != nil || len(rest) != len(l)-2 || rest[0].ID != l[2].ID {
			t.Errorf("got %d more, %v", len(rest), err)
		}
	})

	t.Run("that fails stops nobody", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) { c.AuditLog = brokenLog{} }, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			same(t, w.Events.Take(), "authentication_step_completed", "user_logged_in")
		})
	})
}

type brokenLog struct{ store.AuditLog }

func (brokenLog) AppendAudit(context.Context, *store.AuditEntry) error {
	return errors.New("disk full")
}

// What begins on one instance goes on on another. Requirement REL-4.
func TestInstances(t *testing.T) {
	wiretest.Each(t, func(c *Config) {
		codeVerification(c)
		loginByCode(c)
		resetByCode(c)
	}, func(t *testing.T, w *World, c *Client) {
		other := wiretest.New(t, w.Store, func(c *Config) {
			codeVerification(c)
			loginByCode(c)
			resetByCode(c)
			c.Now = w.Clock.Now
		})
		// there is the same client, as the other instance sees it.
		there := func(c *Client) *Client {
			d := other.Client(c.Kind)
			if c.Kind == "app" {
				d.Token = c.Token
				return d
			}
			d.SetCookie("sessionid", c.Cookie("sessionid"))
			d.SetCookie("csrftoken", c.Cookie("csrftoken"))
			return d
		}
		_, data := signUp(t, w, c)
		if u := there(c).Post("/auth/email/verify", M{"key": data["code"]}).LoggedIn(); u["email"] == nil {
			t.Errorf("got %v", u)
		}
		p := w.Make(Person{})
		c = c.Other()
		c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
		there(c).Post("/auth/code/confirm", M{"code": w.Inbox.Mail(t, p.Email, "login_code").Data["code"]}).LoggedIn()
		c = c.Other()
		c.Post("/auth/password/request", M{"email": p.Email}).Pending("password_reset_by_code")
		there(c).Post("/auth/password/reset", M{"key": w.Inbox.Mail(t, p.Email, "password_reset_code").Data["code"], "password": newPassword}).Is(401)
		c = c.Other()
		c.Post("/auth/login", M{"email": p.Email, "password": newPassword}).LoggedIn()
		there(c).Post("/account/email", M{"email": wiretest.FreshEmail()}).Is(200) // the CSRF token fits there too
		there(c).Delete("/auth/session", nil).Is(401)
		c.Dead(c.Credential())
	})

	t.Run("with different secrets know nothing of each other's secrets", func(t *testing.T) {
		wiretest.Each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			key := requestKey(t, w, c, p.Email)
			stranger := wiretest.New(t, w.Store, func(c *Config) { c.Secret, c.Now = []byte(strings.Repeat("another ", 8)), w.Clock.Now })
			lookUpReset(stranger.Client(c.Kind), key).Fails("key:invalid_password_reset")
			lookUpReset(c, key).Is(200)
		})
	})
}

// deliverAll lets instances deliver, at the same time, everything that is due.
func deliverAll(t *testing.T, worlds ...*World) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	// The last one to be delivered ends it: every attempt is one mail less.
	left, err := worlds[0].Store.CountMessages(ctx)
	if err != nil {
		t.Fatal(err)
	}
	worlds[0].Inbox.OnSend(func() {
		if left--; left == 0 {
			cancel()
		}
	})
	defer worlds[0].Inbox.OnSend(nil)
	var wg sync.WaitGroup
	for _, w := range worlds {
		wg.Go(func() { _ = w.Auth.Run(ctx) })
	}
	wg.Wait()
	if left > 0 {
		t.Errorf("%d messages were not delivered", left)
	}
}
