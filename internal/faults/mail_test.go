package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest"
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

// counting counts attempts.
type counting struct {
	account.Mailer
	attempts atomic.Int64
}

// Send implements [account.Mailer].
func (c *counting) Send(ctx context.Context, m account.Message) error {
	c.attempts.Add(1)
	return c.Mailer.Send(ctx, m)
}

// No mail is lost while the mail server is away for ten minutes, though its
// sending is tried all the time, and the instance that promised it ends
// meanwhile. REL-3.
func TestMailOutage(t *testing.T) {
	t.Parallel()
	server := smtptest.New(t)
	proxy := faultproxy.New(t, server.Addr)
	sender, err := smtp.New("smtp://"+proxy.Addr, smtp.Options{From: "noreply@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	st, mailer := memory.New(), &counting{Mailer: sender}
	c := config()
	c.Store = st
	site := serve(t, c)
	c = site.Config
	c.Mailer = mailer
	instance := func() *headless.Auth {
		auth, err := headless.New(c)
		if err != nil {
			t.Fatal(err)
		}
		site.Auth, site.Handler = auth, auth.Handler()
		return auth
	}
	one := instance()
	w := &world{t: t, direct: st, site: site}
	proxy.Set(faultproxy.Cut)
	var people []*trip
	for minute := range 10 {
		for range 3 {
			tr := w.newTrip()
			if err := tr.goes(func(tr *trip) { tr.signUp() }); err != nil {
				t.Fatalf("minute %d: %v", minute, err)
			}
			people = append(people, tr)
		}
		if err := one.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		site.Clock.Advance(time.Minute)
		before := mailer.attempts.Load()
		deliver(t, one, func() bool { return mailer.attempts.Load() >= before+3 })
	}
	if n, err := st.CountMessages(t.Context()); err != nil || n != len(people) || len(server.Mails()) != 0 {
		t.Fatalf("%d of %d mails wait, %v; %d got through", n, len(people), err, len(server.Mails()))
	}
	t.Logf("%d attempts in vain for %d mails", mailer.attempts.Load(), len(people))
	// The server is back, and so is another instance in the first one's place.
	proxy.Heal()
	site.Clock.Advance(time.Hour)
	deliver(t, instance(), func() bool {
		n, err := st.CountMessages(t.Context())
		return err == nil && n == 0
	})
	w.mails = &letters{server: server, taken: map[string]int{}}
	for _, tr := range people {
		l := w.mails.Take(tr.email)
		if len(l) != 1 {
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

// letters are the mails that a mail server has got, and the text messages that
// were posted here.
type letters struct {
	server *smtptest.Server
	dead   func() bool // the sender; nil: it lives

	mu    sync.Mutex
	taken map[string]int // how many were taken out, by address

	posting sync.Mutex
	texts   []authtest.Mail
}

// ServeHTTP takes a text message.
func (l *letters) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var sms account.SMS
	if err := json.NewDecoder(r.Body).Decode(&sms); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l.posting.Lock()
	defer l.posting.Unlock()
	l.texts = append(l.texts, asMail(sms))
}

func (l *letters) to(email string) (found []authtest.Mail) {
	l.posting.Lock()
	defer l.posting.Unlock()
	for _, m := range l.texts {
		if m.To == email {
			found = append(found, m)
		}
	}
	for _, m := range l.server.Mails() {
		if slices.Contains(m.To, email) {
			found = append(found, authtest.Mail{Message: account.Message{To: email, Text: m.Text, HTML: m.HTML}})
		}
	}
	return found
}

// Take implements [inbox].
func (l *letters) Take(email string) []authtest.Mail {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.to(email)
	fresh := all[l.taken[email]:]
	l.taken[email] = len(all)
	return fresh
}

// Wait implements [inbox].
func (l *letters) Wait(t testing.TB, email string) authtest.Mail {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.wait(email, l.taken[email])
	if m == nil && l.dead != nil && l.dead() {
		panic(fmt.Errorf("no mail from the dead: %w", errLost))
	}
	if m == nil {
		t.Fatalf("nothing has come to %s", email)
	}
	l.taken[email]++
	return *m
}

// wait returns the nth mail to somebody, nil if none comes.
func (l *letters) wait(email string, n int) *authtest.Mail {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) { // another process can't be waited for otherwise
		if all := l.to(email); len(all) > n {
			return &all[n]
		}
		if l.dead != nil && l.dead() {
			return nil
		}
	}
	return nil
}
