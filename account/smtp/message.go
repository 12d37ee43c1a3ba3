package smtp

import (
	"crypto/rand"
	"errors"
	netmail "net/mail"
	"strings"
	"unicode/utf8"

	"github.com/wneessen/go-mail"
	"golang.org/x/net/idna"

	"github.com/headless-auth/headless/account"
)

// compose makes a letter of a message. Its errors are for good.
func (m *Mailer) compose(msg account.Message) (*mail.Msg, error) {
	to, err := parseAddress(msg.To)
	if err != nil || to.Name != "" {
		return nil, errors.New("the recipient is no address")
	}
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	letter.FromMailAddress(m.from)
	letter.ToMailAddress(to)
	letter.Subject(oneLine(msg.Subject))
	letter.SetDate()
	letter.SetMessageIDWithValue(rand.Text() + "@" + m.from.Address[strings.LastIndexByte(m.from.Address, '@')+1:])
	// Nobody on holiday needs to answer us. RFC 3834 §5.
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	letter.SetGenHeader("X-Auto-Response-Suppress", "All")
	if isTag(msg.Locale) {
		letter.SetGenHeader("Content-Language", msg.Locale)
	}
	letter.SetBodyString(mail.TypeTextPlain, msg.Text)
	if msg.HTML != "" {
		letter.AddAlternativeString(mail.TypeTextHTML, msg.HTML)
	}
	return letter, nil
}

// parseAddress reads one address, with or without a name, and writes its
// domain in the form that every server knows.
func parseAddress(s string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil {
		return nil, errors.New("is no address")
	}
	at := strings.LastIndexByte(a.Address, '@')
	local, domain := a.Address[:at], a.Address[at+1:]
	if strings.ContainsFunc(local, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
		return nil, errors.New("has characters before the @ that mail servers do not take")
	}
	if !strings.HasPrefix(domain, "[") {
		if domain, err = idna.Lookup.ToASCII(domain); err != nil {
			return nil, errors.New("has a malformed domain")
		}
	}
	a.Address = local + "@" + domain
	return a, nil
}

// oneLine keeps a header in its line.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }), " ")
}

// isTag says whether s can stand in a header as a language tag.
func isTag(s string) bool {
	return s != "" && len(s) <= 35 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}
