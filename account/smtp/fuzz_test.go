package smtp

import (
	"bytes"
	"io"
	"mime"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/headless-auth/headless/account"
)

// Whatever is in a message, its letter goes to one address and has the headers
// that we have given it.
func FuzzCompose(f *testing.F) {
	evil := "x\r\nBcc: victim@example.org\r\n\r\nbody\r\n.\r\n"
	for _, to := range []string{"anna@example.org", "anna@bücher.example", `"a b"@example.org`, "a@[192.0.2.1]", "Anna <a@example.org>", "a@example.org, b@example.org", "a@example.org\r\nBcc: b@example.org", "ä@example.org", "a@", "@", "a\x00@example.org", "(x)a@example.org", "<a@example.org>"} {
		f.Add(to, "subject", "de", "text")
		f.Add(to, evil, evil, evil)
	}
	f.Add("anna@example.org", "\u2028\u202e\xff", "de-DE-1996", strings.Repeat("long ", 300))
	m, err := New("smtp://127.0.0.1:1", Options{From: "Example <noreply@example.org>"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to, subject, locale, text string) {
		letter, err := m.compose(account.Message{To: to, Subject: subject, Locale: locale, Text: text, HTML: text})
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") || len(to) > 3 && strings.Contains(err.Error(), to) {
				t.Fatalf("%q is repeated: %v", to, err)
			}
			return
		}
		recipients, err := letter.GetRecipients()
		if err != nil || len(recipients) != 1 || strings.ContainsFunc(recipients[0], func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("to %q: goes to %q, %v", to, recipients, err)
		}
		var b bytes.Buffer
		if _, err := letter.WriteTo(&b); err != nil {
			t.Fatalf("to %q, subject %q: %v", to, subject, err)
		}
		got, err := netmail.ReadMessage(&b)
		if err != nil {
			t.Fatalf("to %q, subject %q: %v", to, subject, err)
		}
		if _, err := io.Copy(io.Discard, got.Body); err != nil {
			t.Fatal(err)
		}
		for name, values := range got.Header {
			if !slices.Contains([]string{"From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Auto-Submitted", "X-Auto-Response-Suppress", "Content-Language", "Content-Type", "Content-Transfer-Encoding"}, name) || len(values) != 1 {
				t.Fatalf("to %q, subject %q: has %s: %q", to, subject, name, values)
			}
		}
		if l, err := got.Header.AddressList("To"); err != nil || len(l) != 1 || l[0].Address != strings.Trim(recipients[0], "<>") && !strings.Contains(recipients[0], `"`) {
			t.Fatalf("to %q: says %v, %v, and goes to %q", to, l, err, recipients)
		}
		if s, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject")); err != nil || strings.ContainsAny(s, "\r\n\x00") {
			t.Fatalf("subject %q became %q, %v", subject, s, err)
		}
	})
}
