package wiretest

import (
	"context"
	"slices"
	"testing"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest"
)

// Inbox keeps every mail and text message.
type Inbox struct {
	mail   authtest.Mailbox
	phones authtest.Phones
	flush  func()
}

// Send implements [account.Mailer].
func (i *Inbox) Send(ctx context.Context, m account.Message) error { return i.mail.Send(ctx, m) }

// SendSMS implements [account.SMSSender].
func (i *Inbox) SendSMS(ctx context.Context, m account.SMS) error { return i.phones.SendSMS(ctx, m) }

// Fail makes sending fail with err, or work again if it is nil.
func (i *Inbox) Fail(err error) {
	i.mail.Fail(err)
	i.phones.Fail(err)
}

// OnSend calls fn at every attempt to send a mail; nil calls nothing.
func (i *Inbox) OnSend(fn func()) { i.mail.OnSend(fn) }

// Mails takes out the mails to an address, oldest first.
func (i *Inbox) Mails(to string) (l []account.Message) {
	i.flush()
	for _, m := range i.mail.Take(to) {
		l = append(l, m.Message)
	}
	return l
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
	var kinds []string
	for _, m := range i.mail.Take("") {
		kinds = append(kinds, m.Kind)
	}
	for _, m := range i.phones.Take("") {
		kinds = append(kinds, m.Kind)
	}
	slices.Sort(kinds)
	return kinds
}

// Texts takes out the text messages to a number, oldest first.
func (i *Inbox) Texts(to string) []account.SMS {
	i.flush()
	return i.phones.Take(to)
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
