package authtest

import (
	"context"
	"html"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless/account"
)

// Mail is what a [Mailbox] has got.
type Mail struct{ account.Message }

var (
	textLinks = regexp.MustCompile(`https?://[^\s<>"]+`)
	htmlLinks = regexp.MustCompile(`href="([^"]*)"`)
)

// Links returns what the mail links to, in the text first, each once.
func (m Mail) Links() []string {
	links := textLinks.FindAllString(m.Text, -1)
	for _, match := range htmlLinks.FindAllStringSubmatch(m.HTML, -1) {
		links = append(links, html.UnescapeString(match[1]))
	}
	var once []string
	for _, l := range links {
		if !slices.Contains(once, l) {
			once = append(once, l)
		}
	}
	return once
}

// Link returns the first link that contains part, such as "/verify-email/"; ""
// if there is none.
func (m Mail) Link(part string) string {
	for _, l := range m.Links() {
		if strings.Contains(l, part) {
			return l
		}
	}
	return ""
}

// Key returns what follows part in the first link that contains it: the key to
// verify an address or to reset a password with. "" if there is none.
func (m Mail) Key(part string) string {
	_, key, _ := strings.Cut(m.Link(part), part)
	return key
}

// Code returns the code that the mail carries: the one that it was rendered
// from or else, as in our own texts, what stands indented on a line of its own.
// "" if there is none.
func (m Mail) Code() string {
	if code := m.Data["code"]; code != "" {
		return code
	}
	for line := range strings.Lines(m.Text) {
		if code := strings.TrimSpace(line); strings.HasPrefix(line, "    ") && !strings.Contains(code, "/") {
			return code
		}
	}
	return ""
}

// Mailbox is an [account.Mailer] that keeps what it is given. The zero Mailbox
// is ready.
type Mailbox struct {
	box  box[Mail]
	sent func()
}

// Send implements [account.Mailer].
func (b *Mailbox) Send(_ context.Context, m account.Message) error {
	b.box.mu.Lock()
	sent := b.sent
	b.box.mu.Unlock()
	if sent != nil {
		sent()
	}
	return b.box.put(Mail{m})
}

// Take takes out the mails to an address, oldest first; with "", all of them.
// On a [Site], those under way are waited for.
func (b *Mailbox) Take(to string) []Mail { return b.box.take(to) }

// Wait takes out the oldest mail to an address, and waits for it to arrive where
// it is still under way.
func (b *Mailbox) Wait(t testing.TB, to string) Mail { t.Helper(); return b.box.wait(t, to) }

// Fail makes sending fail with err, or work again if it is nil.
func (b *Mailbox) Fail(err error) { b.box.broken(err) }

// OnSend calls fn at every attempt to send a mail; nil calls nothing.
func (b *Mailbox) OnSend(fn func()) {
	b.box.mu.Lock()
	defer b.box.mu.Unlock()
	b.sent = fn
}

// Phones is an [account.SMSSender] that keeps what it is given. The zero
// Phones are ready.
type Phones struct{ box box[account.SMS] }

// SendSMS implements [account.SMSSender].
func (p *Phones) SendSMS(_ context.Context, m account.SMS) error { return p.box.put(m) }

// Take is to text messages what [Mailbox.Take] is to mails.
func (p *Phones) Take(to string) []account.SMS { return p.box.take(to) }

// Wait is to text messages what [Mailbox.Wait] is to mails.
func (p *Phones) Wait(t testing.TB, to string) account.SMS { t.Helper(); return p.box.wait(t, to) }

// Fail makes sending fail with err, or work again if it is nil.
func (p *Phones) Fail(err error) { p.box.broken(err) }

// box keeps messages, oldest first.
type box[T any] struct {
	mu      sync.Mutex
	kept    []T
	fail    error
	arrived chan struct{} // closed when the next one arrives; nil: nobody waits
	flush   func()
}

// address tells whom a message is for.
func address(m any) string {
	switch m := m.(type) {
	case Mail:
		return m.To
	case account.SMS:
		return m.To
	}
	return ""
}

func (b *box[T]) put(m T) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	b.kept = append(b.kept, m)
	if b.arrived != nil {
		close(b.arrived)
		b.arrived = nil
	}
	return nil
}

func (b *box[T]) broken(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = err
}

func (b *box[T]) take(to string) []T {
	if b.flush != nil {
		b.flush()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var found, rest []T
	for _, m := range b.kept {
		if to == "" || address(m) == to {
			found = append(found, m)
		} else {
			rest = append(rest, m)
		}
	}
	b.kept = rest
	return found
}

// patience is how long a message is waited for.
const patience = 10 * time.Second

func (b *box[T]) wait(t testing.TB, to string) T {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		b.mu.Lock()
		for i, m := range b.kept {
			if address(m) == to {
				b.kept = slices.Delete(b.kept, i, i+1)
				b.mu.Unlock()
				return m
			}
		}
		if b.arrived == nil {
			b.arrived = make(chan struct{})
		}
		arrived := b.arrived
		b.mu.Unlock()
		select {
		case <-arrived:
		case <-late.C:
			t.Fatalf("nothing has come to %s within %v", to, patience)
		case <-t.Context().Done():
			t.Fatalf("nothing has come to %s before the test ended", to)
		}
	}
}
