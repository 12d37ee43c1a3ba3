package smtptest

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/textproto"
	"strings"
	"testing"
)

// session is one connection, and the mail that is coming in on it. RFC 5321.
type session struct {
	*Server
	t      testing.TB
	conn   net.Conn
	text   *textproto.Conn
	secure bool
	user   string
	mail   *Mail
}

// errGone ends a session.
var errGone = errors.New("the session is over")

func (s *Server) serve(t testing.TB, conn net.Conn) {
	c := &session{Server: s, t: t, conn: conn, text: textproto.NewConn(conn)}
	if s.options.TLS {
		c.startTLS()
	}
	_, err := c.reply("CONNECT", "", "220 smtptest ready")
	for err == nil {
		var line string
		if line, err = c.text.ReadLine(); err == nil {
			command, rest, _ := strings.Cut(line, " ")
			err = c.do(strings.ToUpper(command), rest)
		}
	}
}

func (c *session) startTLS() {
	c.conn = tls.Server(c.conn, c.tls)
	c.text = textproto.NewConn(c.conn)
	c.secure = true
}

// reply answers a command, unless the test has another answer, and says
// whether the answer was a good one.
func (c *session) reply(command, rest, answer string) (good bool, err error) {
	if c.options.Reply != nil {
		if other := c.options.Reply(command, rest); other != "" {
			answer = other
		}
	}
	switch answer {
	case HangUp:
		return false, errGone
	case Silence:
		_, _ = io.Copy(io.Discard, c.conn)
		return false, errGone
	}
	return answer[0] == '2' || answer[0] == '3', c.text.PrintfLine("%s", answer)
}

func (c *session) do(command, rest string) error {
	answer, then := "250 2.0.0 ok", func() error { return nil }
	switch command {
	case "EHLO", "HELO":
		c.mail = nil
		answer = c.hello(command)
	case "STARTTLS":
		answer = "502 5.5.1 not offered"
		if c.options.StartTLS && !c.secure {
			answer, then = "220 2.0.0 go ahead", func() error { c.startTLS(); return nil }
		}
	case "AUTH":
		var err error
		if answer, err = c.auth(rest); err != nil {
			return err
		}
	case "MAIL", "RCPT", "DATA":
		answer, then = c.transaction(command, rest)
	case "RSET":
		c.mail = nil
	case "NOOP":
	case "QUIT":
		answer, then = "221 2.0.0 bye", func() error { return errGone }
	default:
		answer = "500 5.5.2 unknown command"
	}
	good, err := c.reply(command, rest, answer)
	if err != nil || !good {
		return err
	}
	return then()
}

func (c *session) hello(command string) string {
	if command == "HELO" {
		return "250 smtptest"
	}
	extensions := []string{"8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"}
	if c.options.StartTLS && !c.secure {
		extensions = append(extensions, "STARTTLS")
	}
	if c.options.Username != "" {
		extensions = append(extensions, "AUTH "+c.mechanism())
	}
	last := len(extensions) - 1
	return "250-smtptest\r\n250-" + strings.Join(extensions[:last], "\r\n250-") + "\r\n250 " + extensions[last]
}

func (c *session) mechanism() string {
	if c.options.AuthLogin {
		return "LOGIN"
	}
	return "PLAIN"
}

// transaction is what comes of one of the three commands that send a mail:
// its answer, and what follows if that is the one.
func (c *session) transaction(command, rest string) (answer string, then func() error) {
	const outOfOrder = "503 5.5.1 out of order, or malformed"
	if c.options.Username != "" && c.user == "" {
		return "530 5.7.0 authentication required", nil
	}
	switch command {
	case "MAIL":
		if from, ok := address(rest, "FROM:"); ok && c.mail == nil {
			return "250 2.1.0 ok", func() error {
				c.mail = &Mail{From: from, TLS: c.secure, User: c.user}
				return nil
			}
		}
	case "RCPT":
		if to, ok := address(rest, "TO:"); ok && c.mail != nil {
			return "250 2.1.5 ok", func() error {
				c.mail.To = append(c.mail.To, to)
				return nil
			}
		}
	case "DATA":
		if c.mail != nil && len(c.mail.To) > 0 {
			return "354 go ahead", c.data
		}
	}
	return outOfOrder, nil
}

// data reads a mail, and keeps it if it is accepted.
func (c *session) data() error {
	raw, err := io.ReadAll(c.text.DotReader())
	if err != nil {
		return err
	}
	m := c.mail
	c.mail = nil
	answer := "250 2.0.0 accepted"
	if err := m.read(raw); err != nil {
		c.t.Errorf("smtptest: a mail can't be read: %v\n%s", err, raw)
		answer = "554 5.6.0 can't be read"
	}
	good, err := c.reply(".", "", answer)
	if good {
		c.keep(m)
	}
	return err
}

// address returns what stands in angle brackets after a keyword.
func address(rest, keyword string) (string, bool) {
	if len(rest) < len(keyword) || !strings.EqualFold(rest[:len(keyword)], keyword) {
		return "", false
	}
	rest = strings.TrimSpace(rest[len(keyword):])
	end := strings.LastIndexByte(rest, '>')
	if !strings.HasPrefix(rest, "<") || end < 0 {
		return "", false
	}
	return rest[1:end], true
}

// auth checks a username and a password. RFC 4616, and LOGIN.
func (c *session) auth(rest string) (answer string, err error) {
	mechanism, given, _ := strings.Cut(rest, " ")
	if c.options.Username == "" || mechanism != c.mechanism() {
		return "504 5.5.4 no such mechanism", nil
	}
	var user, password string
	if mechanism == "LOGIN" {
		if user, err = c.ask("Username:", given); err == nil {
			password, err = c.ask("Password:", "")
		}
	} else if given, err = c.ask("", given); err == nil {
		fields := strings.Split(given, "\x00")
		if len(fields) != 3 {
			return "501 5.5.2 malformed", nil
		}
		user, password = fields[1], fields[2]
	}
	if err != nil {
		return "", err
	}
	if user != c.options.Username || password != c.options.Password { // not secret: of a test's server
		return "535 5.7.8 wrong username or password", nil
	}
	c.user = user
	return "235 2.7.0 welcome", nil
}

// ask gets one answer from the client, unless it was given already.
func (c *session) ask(question, given string) (string, error) {
	if given == "" {
		if err := c.text.PrintfLine("334 %s", base64.StdEncoding.EncodeToString([]byte(question))); err != nil {
			return "", err
		}
		var err error
		if given, err = c.text.ReadLine(); err != nil {
			return "", err
		}
	}
	b, err := base64.StdEncoding.DecodeString(given)
	return string(b), err
}
