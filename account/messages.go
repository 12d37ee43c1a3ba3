package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Mailer delivers mails. Package smtp has one.
type Mailer interface {
	// Send delivers m, or hands it to somebody who will, before it returns.
	// After an error it is called again later with the same message, so now
	// and then a mail arrives twice; an error that wraps [ErrPermanent] ends
	// that. Send is called by several goroutines and honours ctx.
	Send(ctx context.Context, m Message) error
}

// MailServer is where a [Mailer] sends mails to.
type MailServer struct {
	// Name is for people, without username and password.
	Name string
	// Sender is the address that mails come from.
	Sender string
	// Clear: mails go to another machine without TLS.
	Clear bool
}

// MailChecker is an optional ability of a [Mailer]: telling whether its server
// would take mails.
type MailChecker interface {
	MailServer() MailServer
	// CheckMail connects to the server as Send does, with TLS and password, and
	// sends nothing.
	CheckMail(ctx context.Context) error
}

// SMSSender delivers text messages. Package webhook has one.
type SMSSender interface {
	// SendSMS is to a text message what [Mailer].Send is to a mail.
	SendSMS(ctx context.Context, m SMS) error
}

// ErrPermanent is wrapped by errors of a [Mailer] or [SMSSender] for a message
// that will never be delivered: trying again is of no use.
var ErrPermanent = errors.New("the message can't be delivered")

// TryLater is an error of a [Mailer], [SMSSender] or [Webhook] whose server has
// said when to try again. That is not done sooner, nor sooner than it would be
// otherwise; more than a day counts as a day.
type TryLater struct {
	After time.Duration
	Err   error
}

// Error implements error.
func (e *TryLater) Error() string { return e.Err.Error() }

// Unwrap returns what went wrong.
func (e *TryLater) Unwrap() error { return e.Err }

// mostLater bounds what a server may ask for: messages are given up after three
// days.
const mostLater = 24 * time.Hour

// notBefore is a wait, or the longer one that an error asks for.
func notBefore(wait time.Duration, err error) time.Duration {
	var later *TryLater
	if errors.As(err, &later) {
		return max(wait, min(later.After, mostLater))
	}
	return wait
}

// Message is a mail, rendered and ready to be sent. Kind, Locale and Data are
// what it was rendered from, for mailers that have templates of their own.
//
// It carries keys and codes, so it shows nothing but its kind when it is
// formatted, logged or marshalled.
type Message struct {
	To      string // one address, without a name
	Subject string // one line
	Text    string
	HTML    string
	Kind    string            // such as "login_code"; docs/mail.md has them all
	Locale  string            // as Config.Locale chose it
	Data    map[string]string // the kind's variables as they came: escape them
}

// SMS is a text message, rendered and ready to be sent. Like a [Message] it
// shows nothing but its kind.
type SMS struct {
	To     string // in E.164 form: +31612345678
	Text   string
	Code   string // the code in the text, if there is one
	Kind   string // "verification", "unknown_account" or "account_already_exists"
	Locale string
}

// String shows the kind alone.
func (m Message) String() string { return "mail " + m.Kind }

// Format shows the kind alone, whatever the verb.
func (m Message) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

// MarshalJSON shows the kind alone.
func (m Message) MarshalJSON() ([]byte, error) { return marshalKind(m.Kind) }

// LogValue shows the kind alone.
func (m Message) LogValue() slog.Value { return slog.StringValue(m.String()) }

// String shows the kind alone.
func (m SMS) String() string { return "sms " + m.Kind }

// Format shows the kind alone, whatever the verb.
func (m SMS) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

// MarshalJSON shows the kind alone.
func (m SMS) MarshalJSON() ([]byte, error) { return marshalKind(m.Kind) }

// LogValue shows the kind alone.
func (m SMS) LogValue() slog.Value { return slog.StringValue(m.String()) }

func marshalKind(kind string) ([]byte, error) {
	return json.Marshal(struct {
		Kind string `json:"kind"`
	}{kind})
}
