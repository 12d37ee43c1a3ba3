package wiretest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/headless-auth/headless/account"
)

// Inbox keeps every mail and text message. Fail makes sending fail.
type Inbox struct {
	mu    sync.Mutex
	mails []account.Message
	texts []account.SMS
	fail  error
	sent  func()
	flush func()
}

// Send implements [account.Mailer].
func (i *Inbox) Send(_ context.Context, m account.Message) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fail == nil {
		i.mails = append(i.mails, m)
	}
	if i.sent != nil {
		i.sent()
	}
	return i.fail
}

// SendSMS implements [account.SMSSender].
func (i *Inbox) SendSMS(_ context.Context, m account.SMS) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fail == nil {
		i.texts = append(i.texts, m)
	}
	return i.fail
}

// Fail makes sending fail with err, or work again if it is nil.
func (i *Inbox) Fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fail = err
}

// OnSend calls fn at every attempt to send a mail; nil calls nothing.
func (i *Inbox) OnSend(fn func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sent = fn
}

// Mails takes out the mails to an address, oldest first.
func (i *Inbox) Mails(to string) []account.Message {
	i.flush()
	i.mu.Lock()
	defer i.mu.Unlock()
	var found, rest []account.Message
	for _, m := range i.mails {
		if m.To == to {
			found = append(found, m)
		} else {
			rest = append(rest, m)
		}
	}
	i.mails = rest
	return found
}

// Mail takes out the one mail to an address, which must be of that kind.
func (i *Inbox) Mail(t *testing.T, to, kind string) account.Message {
	t.Helper()
	l := i.Mails(to)
	if len(l) != 1 || l[0].Kind != kind {
		t.Fatalf("mails to %s: got %v, want one %s", to, l, kind)
	}
	return l[0]
}

// NoMail checks that nothing was sent to an address.
func (i *Inbox) NoMail(t *testing.T, to string) {
	t.Helper()
	if l := i.Mails(to); len(l) != 0 {
		t.Fatalf("mails to %s: got %v, want none", to, l)
	}
}

// All takes out everything that was sent, and returns the kinds, sorted.
func (i *Inbox) All() []string {
	i.flush()
	i.mu.Lock()
	defer i.mu.Unlock()
	var kinds []string
	for _, m := range i.mails {
		kinds = append(kinds, m.Kind)
	}
	for _, m := range i.texts {
		kinds = append(kinds, m.Kind)
	}
	i.mails, i.texts = nil, nil
	slices.Sort(kinds)
	return kinds
}

// Texts takes out the text messages to a number, oldest first.
func (i *Inbox) Texts(to string) []account.SMS {
	i.flush()
	i.mu.Lock()
	defer i.mu.Unlock()
	var found, rest []account.SMS
	for _, m := range i.texts {
		if m.To == to {
			found = append(found, m)
		} else {
			rest = append(rest, m)
		}
	}
	i.texts = rest
	return found
}

// Text takes out the one text message to a number, which must be of that kind.
func (i *Inbox) Text(t *testing.T, to, kind string) account.SMS {
	t.Helper()
	l := i.Texts(to)
	if len(l) != 1 || l[0].Kind != kind {
		t.Fatalf("text messages to %s: got %v, want one %s", to, l, kind)
	}
	return l[0]
}
