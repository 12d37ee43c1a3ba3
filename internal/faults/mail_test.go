package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/smtp"
	"github.com/headless-auth/headless/internal/faultproxy"
	"github.com/headless-auth/headless/internal/smtptest"
	"github.com/headless-auth/headless/store/memory"
)

// deliver has what is due delivered, once.
func deliver(t *testing.T, auth *headless.Auth, until func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- auth.Run(ctx) }()
	for !until() {
		select {
		case <-ctx.Done():
			t.Fatal("deliveries go on and on")
		case <-time.After(time.Millisecond): // it is a goroutine of its own
		}
	}
	cancel()
	<-ended
}

// No mail is lost while the mail server is away for ten minutes, whether the
// instance that promised it goes on or not. REL-3.
func TestMailOutage(t *testing.T) {
	t.Parallel()
	st := memory.New()
	c := config()
	c.Store, c.Secret = st, []byte("0123456789abcdef0123456789abcdef")
	site := serve(t, c)
	w := &world{t: t, direct: st, site: site, mails: site.Mail}
	attempts := make(chan bool, 10_000)
	site.Mail.OnSend(func() { attempts <- true })
	site.Mail.Fail(errors.New("connection refused"))
	var people []*trip
	for minute := range 10 {
		for range 3 {
			tr := w.newTrip()
			err := tr.goes(func(tr *trip) { tr.signUp() })
			if err != nil {
				t.Fatalf("minute %d: %v", minute, err)
			}
			people = append(people, tr)
		}
		site.Clock.Advance(time.Minute)
	}
	if err := site.Auth.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := st.CountMessages(t.Context()); err != nil || n != len(people) {
		t.Fatalf("%d of %d mails wait, %v", n, len(people), err)
	}
	// The server is back, and so is another instance in the first one's place.
	site.Mail.Fail(nil)
	site.Clock.Advance(time.Hour)
	again := site.Config
	other, err := headless.New(again)
	if err != nil {
		t.Fatal(err)
	}
	deliver(t, other, func() bool {
		n, err := st.CountMessages(t.Context())
		return err == nil && n == 0
	})
	if n := len(attempts); n < 2*len(people) {
		t.Errorf("%d attempts for %d mails", n, len(people))
	}
	for _, tr := range people {
		l := site.Mail.Take(tr.email)
		if len(l) != 1 || l[0].Key("/verify-email/") == "" {
			t.Errorf("%s has got %d mails", tr.email, len(l))
			continue
		}
		err := tr.goes(func(tr *trip) {
			tr.anew()
			tr.post("/auth/email/verify", m{"key": l[0].Key("/verify-email/")}, 200, 401)
			tr.logIn()
		})
		if err != nil {
			t.Error(err)
		}
	}
	w.sound("after the outage")
}

// hanging is a mailer that takes as long as it is let.
type hanging struct{}

// Send implements [account.Mailer].
func (hanging) Send(ctx context.Context, _ account.Message) error {
	<-ctx.Done()
	return ctx.Err()
}

// A mail server that takes connections and says nothing delays no answer by
// more than 200 ms, and tells nothing by its slowness. REL-3, ENU-2.
func TestMailerHangs(t *testing.T) {
	proxy := faultproxy.New(t, smtptest.New(t).Addr)
	mailer, err := smtp.New("smtp://"+proxy.Addr, smtp.Options{From: "noreply@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	const each = 40 // more than there are deliveries at once
	typical := func(mailer account.Mailer) time.Duration {
		t.Helper()
		c := config()
		c.Store = memory.New()
		site := serve(t, c)
		c = site.Config
		if mailer != nil {
			c.Mailer = mailer
		}
		auth, err := headless.New(c)
		if err != nil {
			t.Fatal(err)
		}
		site.Auth, site.Handler = auth, auth.Handler()
		w := &world{t: t, direct: c.Store, site: site}
		var took []time.Duration
		for range each {
			tr := w.newTrip()
			start := time.Now()
			if err := tr.goes(func(tr *trip) { tr.signUp() }); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	base := typical(nil)
	proxy.Set(faultproxy.Silent)
	for name, mailer := range map[string]account.Mailer{"a mailer that hangs": hanging{}, "a mail server that is silent": mailer} {
		if got := typical(mailer); got > base+200*time.Millisecond {
			t.Errorf("%s: an answer takes %v, without it %v", name, got, base)
		} else {
			t.Logf("%s: an answer takes %v, without it %v", name, got, base)
		}
	}
	proxy.Set(faultproxy.Cut)
}

// Mails go through once the way to the mail server is mended. REL-3.
func TestMailServerOutOfReach(t *testing.T) {
	t.Parallel()
	server := smtptest.New(t)
	proxy := faultproxy.New(t, server.Addr)
	mailer, err := smtp.New("smtp://"+proxy.Addr, smtp.Options{From: "noreply@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	st := memory.New()
	c := config()
	c.Store = st
	site := serve(t, c)
	c = site.Config
	c.Mailer = mailer
	auth, err := headless.New(c)
	if err != nil {
		t.Fatal(err)
	}
	site.Auth, site.Handler = auth, auth.Handler()
	w := &world{t: t, direct: st, site: site}
	proxy.Set(faultproxy.Cut)
	for range 3 {
		if err := w.newTrip().goes(func(tr *trip) { tr.signUp() }); err != nil {
			t.Fatal(err)
		}
	}
	if err := auth.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l := server.Mails(); len(l) != 0 {
		t.Fatalf("%d mails got through", len(l))
	}
	proxy.Heal()
	site.Clock.Advance(time.Hour)
	deliver(t, auth, func() bool { return len(server.Mails()) == 3 })
	for i, mail := range server.Mails() {
		if len(mail.Links()) == 0 {
			t.Errorf("mail %d: %s", i, fmt.Sprint(mail.Subject))
		}
	}
}
