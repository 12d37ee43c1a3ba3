// Package smtp sends mails through an SMTP server:
//
//	mailer, err := smtp.New("smtps://user:password@mail.example.org", smtp.Options{
//		From: "Example <noreply@example.org>",
//	})
//	auth, err := headless.New(headless.Config{Mailer: mailer, … })
//
// Each mail goes over a connection of its own. The outbox delivers several at
// once and tries again what could not be delivered, so this is enough for all
// but mass mailing.
package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/headless-auth/headless/account"
)

// Options say how mails are sent. From is required.
type Options struct {
	// From is the sender: "noreply@example.org" or
	// "Example <noreply@example.org>".
	From string
	// Timeout bounds a delivery, from dialing to the server's last word.
	// Default 10 s.
	Timeout time.Duration
	// TLS, if set, is how TLS is spoken, for servers whose certificate only
	// you know. ServerName is filled in. Default: as the system trusts.
	TLS *tls.Config
}

// Mailer is an [account.Mailer] that sends through one SMTP server.
type Mailer struct {
	host     string
	port     int
	user     *url.Userinfo
	policy   mail.TLSPolicy
	implicit bool // TLS from the first byte
	local    bool // the server is on this machine
	tls      *tls.Config
	from     *netmail.Address
	timeout  time.Duration
}

// New returns a mailer for the server at a URL:
//
//	smtps://user:password@mail.example.org       TLS, port 465
//	smtp://user:password@mail.example.org        STARTTLS, which the server must offer, port 587
//	smtp://127.0.0.1:25                          on this machine: STARTTLS if it is offered
//	smtp://relay.internal:25?tls=none            no TLS; takes no password
//
// The server's certificate must be valid for the host, but for servers on this
// machine that offer STARTTLS: there it could as well be left out.
func New(serverURL string, o Options) (*Mailer, error) {
	// The URL holds a password, so no error repeats it.
	u, err := url.Parse(serverURL)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return nil, errors.New(`smtp: the server's URL is malformed; write "smtps://user:password@mail.example.org"`)
	}
	m := &Mailer{host: u.Hostname(), user: u.User, policy: mail.TLSMandatory, timeout: o.Timeout}
	m.local = isLocal(m.host)
	switch u.Scheme {
	case "smtps":
		m.implicit, m.port = true, 465
	case "smtp":
		m.port = 587
		if m.local {
			m.policy = mail.TLSOpportunistic
		}
	default:
		return nil, fmt.Errorf(`smtp: the scheme of the server's URL is %q; write "smtp" or "smtps"`, u.Scheme)
	}
	if u.Port() != "" {
		if m.port, err = strconv.Atoi(u.Port()); err != nil || m.port < 1 || m.port > 65535 {
			return nil, fmt.Errorf("smtp: %q is no port", u.Port())
		}
	}
	if err := m.query(u); err != nil {
		return nil, err
	}
	if m.user != nil {
		if password, ok := m.user.Password(); !ok || m.user.Username() == "" || password == "" {
			return nil, errors.New("smtp: the server's URL has half of a username and password; write both or none")
		}
		if m.policy == mail.NoTLS && !m.local {
			return nil, errors.New("smtp: tls=none would send the password in clear; leave out one of them")
		}
	}

	if m.from, err = parseAddress(o.From); err != nil {
		return nil, fmt.Errorf("smtp: From is %q: %w", o.From, err)
	}
	if m.timeout < 0 {
		return nil, fmt.Errorf(`smtp: Timeout is %v; write a duration such as "10s"`, m.timeout)
	}
	if m.timeout == 0 {
		m.timeout = 10 * time.Second
	}
	m.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLS != nil {
		m.tls = o.TLS.Clone()
	} else if m.policy == mail.TLSOpportunistic {
		// Without TLS we would talk to it all the same. #nosec G402
		m.tls.InsecureSkipVerify = true
	}
	if m.tls.ServerName == "" {
		m.tls.ServerName = m.host
	}
	return m, nil
}

func (m *Mailer) query(u *url.URL) error {
	for name, values := range u.Query() {
		switch {
		case name != "tls" || len(values) != 1 || values[0] != "none":
			return errors.New(`smtp: the only parameter of a server's URL is "tls=none"`)
		case m.implicit:
			return errors.New("smtp: tls=none contradicts smtps; leave out one of them")
		}
		m.policy = mail.NoTLS
	}
	return nil
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// String tells the server, without username and password.
func (m *Mailer) String() string {
	return "smtp server " + net.JoinHostPort(m.host, strconv.Itoa(m.port))
}

// Format is String, whatever the verb.
func (m *Mailer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

// LogValue is String.
func (m *Mailer) LogValue() slog.Value { return slog.StringValue(m.String()) }

// Send implements [account.Mailer]. Its error wraps [account.ErrPermanent] if
// the server refuses the recipient or the message for good, with a 5xx reply
// to RCPT or DATA. A refusal before that concerns the sender, so that it is up
// to the operator and may pass: a wrong password loses no mail.
func (m *Mailer) Send(ctx context.Context, msg account.Message) error {
	letter, err := m.compose(msg)
	if err != nil {
		return fmt.Errorf("smtp: %w: %w", account.ErrPermanent, err)
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	err = m.deliver(ctx, letter)
	var refusal *mail.SendError
	switch {
	case err == nil, letter.IsDelivered():
		// What goes wrong after the server has taken the mail is not worth a
		// second one.
		return nil
	case errors.As(err, &refusal) && refusal.ErrorCode() >= 500 && concernsMail(refusal.Reason):
		return fmt.Errorf("smtp: %w: %w", account.ErrPermanent, err)
	case ctx.Err() != nil:
		return fmt.Errorf("smtp: %w: %w", ctx.Err(), err)
	}
	return fmt.Errorf("smtp: %w", err)
}

func concernsMail(reason mail.SendErrReason) bool {
	return reason == mail.ErrSMTPRcptTo || reason == mail.ErrSMTPData || reason == mail.ErrSMTPDataClose
}

// MailServer implements [account.MailChecker].
func (m *Mailer) MailServer() account.MailServer {
	return account.MailServer{Name: m.String(), Sender: m.from.Address, Clear: m.policy == mail.NoTLS && !m.local}
}

// CheckMail implements [account.MailChecker].
func (m *Mailer) CheckMail(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	err := m.connect(ctx, func(c *mail.Client) error {
		if err := c.DialWithContext(ctx); err != nil {
			return err
		}
		return c.Close()
	})
	if err != nil {
		return fmt.Errorf("smtp: %w", err)
	}
	return nil
}

func (m *Mailer) deliver(ctx context.Context, letter *mail.Msg) error {
	return m.connect(ctx, func(c *mail.Client) error { return c.DialAndSendWithContext(ctx, letter) })
}

// connect gives do a client that is yet to dial, and leaves nothing open. When
// ctx ends, so does the connection, whatever waits for it.
func (m *Mailer) connect(ctx context.Context, do func(*mail.Client) error) error {
	hangUp := func() bool { return true }
	defer func() { hangUp() }()
	dial := func(_ context.Context, network, address string) (net.Conn, error) {
		var dialer interface {
			DialContext(ctx context.Context, network, address string) (net.Conn, error)
		} = new(net.Dialer)
		if m.implicit {
			dialer = &tls.Dialer{Config: m.tls}
		}
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		hangUp = func() bool { return stop() && conn.Close() == nil }
		return conn, nil
	}
	options := []mail.Option{
		// ctx is what bounds the delivery; the client's own clock starts anew
		// in between.
		mail.WithPort(m.port), mail.WithTimeout(2 * m.timeout), mail.WithTLSPolicy(m.policy), mail.WithTLSConfig(m.tls),
		mail.WithDialContextFunc(dial),
		// Addresses and headers are ASCII, so that any server can pass them on.
		mail.WithoutSMTPUTF8(),
		mail.WithoutNoop(), mail.WithoutRset(),
	}
	if m.implicit {
		options = append(options, mail.WithSSL())
	}
	if m.user != nil {
		password, _ := m.user.Password()
		plain, login := mail.SMTPAuthPlain, mail.SMTPAuthLogin
		if m.local {
			plain, login = mail.SMTPAuthPlainNoEnc, mail.SMTPAuthLoginNoEnc
		}
		options = append(options, mail.WithUsername(m.user.Username()), mail.WithPassword(password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, plain, login))
	}
	client, err := mail.NewClient(m.host, options...)
	if err != nil {
		return err
	}
	return do(client)
}
