package smtptest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest"
)

// Mail is what a server has received.
type Mail struct {
	From string   // of the envelope
	To   []string // of the envelope
	TLS  bool     // it came over TLS
	User string   // who sent it, if that was asked

	Header  mail.Header
	Subject string // decoded
	Text    string // decoded, with plain line ends
	HTML    string
	Raw     []byte
}

// Links returns what the mail links to, in the text first, each once.
func (m *Mail) Links() []string { return m.message().Links() }

// Code returns what stands on a line of its own, indented: in our mails, the
// code. "" if there is none.
func (m *Mail) Code() string { return m.message().Code() }

// message is the mail as a mailbox would have got it.
func (m *Mail) message() authtest.Mail {
	return authtest.Mail{Message: account.Message{Text: m.Text, HTML: m.HTML}}
}

func (m *Mail) read(raw []byte) error {
	m.Raw = raw
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	m.Header = msg.Header
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject")); err != nil {
		return err
	}
	return m.part(textproto.MIMEHeader(msg.Header), msg.Body)
}

// part reads a part of the mail, and those in it.
func (m *Mail) part(header textproto.MIMEHeader, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := m.part(p.Header, p); err != nil {
				return err
			}
		}
	}
	switch encoding := strings.ToLower(header.Get("Content-Transfer-Encoding")); encoding {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "", "7bit", "8bit":
	default:
		return fmt.Errorf("unknown encoding %q", encoding)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	content := strings.ReplaceAll(string(b), "\r\n", "\n")
	switch kind {
	case "text/plain":
		m.Text = content
	case "text/html":
		m.HTML = content
	}
	return nil
}
