package smtp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	netmail "net/mail"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/smtp"
	"github.com/headless-auth/headless/internal/mail"
	"github.com/headless-auth/headless/internal/smtptest"
)

const from = "Example <noreply@example.org>"

func mailer(t testing.TB, serverURL string, o smtp.Options) *smtp.Mailer {
	t.Helper()
	if o.From == "" {
		o.From = from
	}
	m, err := smtp.New(serverURL, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func message() account.Message {
	return account.Message{
		To: "anna@example.org", Subject: "[Example] Bestätigen Sie Ihre E-Mail-Adresse", Kind: "email_confirmation", Locale: "de",
		Text: "Hallo,\n\n    123456\n\n.\n.. https://example.org/verify/abc?x=1&y=2\n" + strings.Repeat("lang und länger ", 100) + "\n",
		HTML: `<p>Hallo <a href="https://example.org/verify/abc?x=1&amp;y=2">hier</a></p>` + "\n",
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	server := smtptest.New(t)
	want := message()
	if err := mailer(t, server.URL, smtp.Options{}).Send(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	m := server.Next(t)
	if m.From != "noreply@example.org" || len(m.To) != 1 || m.To[0] != want.To {
		t.Errorf("envelope is from %s to %s", m.From, m.To)
	}
	if m.Subject != want.Subject {
		t.Errorf("got subject %q, want %q", m.Subject, want.Subject)
	}
	if diff := cmp.Diff(want.Text, m.Text); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want.HTML, m.HTML); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"https://example.org/verify/abc?x=1&y=2"}, m.Links()); diff != "" {
		t.Error(diff)
	}
	for name, pattern := range map[string]string{
		"From": `^"Example" <noreply@example\.org>$`, "To": `^<anna@example\.org>$`, "Message-Id": `^<[A-Z0-9]{26}@example\.org>$`,
		"Auto-Submitted": `^auto-generated$`, "Content-Language": `^de$`, "Content-Type": `^multipart/alternative;`, "Mime-Version": `^1\.0$`,
	} {
		if got := m.Header.Get(name); !regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("%s is %q, want %s", name, got, pattern)
		}
	}
	if d, err := m.Header.Date(); err != nil || time.Since(d).Abs() > time.Minute {
		t.Errorf("date is %v, %v", d, err)
	}
	for line := range strings.Lines(string(m.Raw)) {
		if len(line) > 998 || strings.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
			t.Errorf("not every server takes this line: %q", line)
		}
	}
	if _, open := server.Connections(); open > 1 {
		t.Errorf("%d connections are left open", open)
	}
}

func TestEveryMailArrivesAsItWasRendered(t *testing.T) {
	t.Parallel()
	server := smtptest.New(t)
	m := mailer(t, server.URL, smtp.Options{})
	r, err := mail.New(nil, mail.Site{Name: "Example", SubjectPrefix: "[Example] "})
	if err != nil {
		t.Fatal(err)
	}
	for _, locale := range r.Locales() {
		for _, k := range r.Kinds() {
			for _, s := range k.Samples() {
				subject, text, html, err := r.Render(k.Name, locale, s.Data)
				if err != nil {
					t.Fatal(err)
				}
				if err := m.Send(t.Context(), account.Message{To: s.Data["email"], Subject: subject, Text: text, HTML: html, Kind: k.Name, Locale: locale}); err != nil {
					t.Fatal(err)
				}
				got := server.Next(t)
				if diff := cmp.Diff([]string{subject, text, html}, []string{got.Subject, got.Text, got.HTML}); diff != "" {
					t.Errorf("%s in %s: %s", s.Name, locale, diff)
				}
				if got.Code() != s.Data["code"] || got.Header.Get("Content-Language") != locale {
					t.Errorf("%s in %s: got code %q, want %q", s.Name, locale, got.Code(), s.Data["code"])
				}
			}
		}
	}
}

func TestSendTextAlone(t *testing.T) {
	t.Parallel()
	server := smtptest.New(t)
	if err := mailer(t, server.URL, smtp.Options{From: "noreply@bücher.example"}).Send(t.Context(), account.Message{To: "a@b.example", Text: "x\n"}); err != nil {
		t.Fatal(err)
	}
	m := server.Next(t)
	if m.From != "noreply@xn--bcher-kva.example" || m.Text != "x\n" || m.HTML != "" || !strings.HasPrefix(m.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("got %+v", m)
	}
}

func TestRecipients(t *testing.T) {
	t.Parallel()
	server := smtptest.New(t)
	m := mailer(t, server.URL, smtp.Options{})
	for to, want := range map[string]string{
		"anna+tag@example.org":           "anna+tag@example.org",
		`"anna schmidt"@example.org`:     `"anna schmidt"@example.org`,
		`"a@b>c"@example.org`:            `"a@b>c"@example.org`,
		"anna@bücher.example":            "anna@xn--bcher-kva.example",
		"anna@[192.0.2.1]":               "anna@[192.0.2.1]",
		strings.Repeat("a", 64) + "@b.c": strings.Repeat("a", 64) + "@b.c",
	} {
		if err := m.Send(t.Context(), account.Message{To: to, Text: "x"}); err != nil {
			t.Errorf("%s: %v", to, err)
			continue
		}
		got := server.Next(t)
		if len(got.To) != 1 || got.To[0] != want {
			t.Errorf("%s: got %s, want %s", to, got.To, want)
		}
		if l, err := netmail.ParseAddressList(got.Header.Get("To")); err != nil || len(l) != 1 {
			t.Errorf("%s: header is %s, %v", to, got.Header.Get("To"), err)
		}
	}
	for _, to := range []string{
		"", "anna", "@example.org", "a@b.example, c@d.example", "Anna <anna@example.org>", "a@b.example\r\nBcc: c@d.example",
		"a@b.example>\r\nRCPT TO:<c@d.example", "änna@example.org", "a@exa mple.org", "a@b.example\x00", "a@-b-.example",
	} {
		err := m.Send(t.Context(), account.Message{To: to, Text: "x"})
		if !errors.Is(err, account.ErrPermanent) {
			t.Errorf("%q: got %v", to, err)
		}
	}
	if n := len(server.Mails()); n != 6 {
		t.Errorf("%d mails got through, want 6", n)
	}
}

// SECURITY-REQUIREMENTS INP-2: what is in a message stays where it belongs.
func TestHeadersCannotBeInjected(t *testing.T) {
	t.Parallel()
	server := smtptest.New(t)
	evil := "x\r\nBcc: victim@example.org\r\nX-Evil: 1\r\n\r\nbody\r\n.\r\nMAIL FROM:<evil@example.org>\r\n"
	m := message()
	m.Subject, m.Locale, m.Kind, m.Text, m.HTML = evil, evil, evil, evil, "<p>"+evil+"</p>"
	if err := mailer(t, server.URL, smtp.Options{}).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := server.Next(t)
	if got.Header.Get("Bcc") != "" || got.Header.Get("X-Evil") != "" || got.Header.Get("Content-Language") != "" {
		t.Errorf("headers were injected: %v", got.Header)
	}
	if !strings.HasPrefix(got.Subject, "x Bcc: victim@example.org X-Evil: 1 body") || strings.ContainsAny(got.Subject, "\r\n") {
		t.Errorf("got subject %q", got.Subject)
	}
	if got.Text != strings.ReplaceAll(evil, "\r\n", "\n") || len(server.Mails()) != 1 {
		t.Errorf("got text %q", got.Text)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	replyTo := func(command, answer string) func(string, string) string {
		return func(c, _ string) string {
			if c == command {
				return answer
			}
			return ""
		}
	}
	for _, tc := range []struct {
		name      string
		reply     func(command, rest string) string
		permanent bool
	}{
		{"recipient unknown", replyTo("RCPT", "550 5.1.1 no such user"), true},
		{"message refused", replyTo(".", "554 5.7.1 spam"), true},
		{"data refused", replyTo("DATA", "554 5.5.1 no"), true},
		{"mailbox busy", replyTo("RCPT", "450 4.2.1 busy"), false},
		{"greylisted at the end", replyTo(".", "451 4.7.1 later"), false},
		{"sender refused", replyTo("MAIL", "550 5.7.1 who are you"), false},
		{"service closing", replyTo("MAIL", "421 4.3.2 closing"), false},
		{"no service", replyTo("CONNECT", "554 no service here"), false},
		{"no hello", func(c, _ string) string {
			if c == "EHLO" || c == "HELO" {
				return "550 no"
			}
			return ""
		}, false},
		{"hangs up at once", replyTo("CONNECT", smtptest.HangUp), false},
		{"hangs up in the middle", replyTo("RCPT", smtptest.HangUp), false},
		{"hangs up instead of accepting", replyTo(".", smtptest.HangUp), false},
		{"talks nonsense", replyTo("MAIL", "what"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server := smtptest.Start(t, smtptest.Options{Reply: tc.reply})
			err := mailer(t, server.URL, smtp.Options{}).Send(t.Context(), message())
			if err == nil || errors.Is(err, account.ErrPermanent) != tc.permanent {
				t.Errorf("got %v, want permanent %v", err, tc.permanent)
			}
			if len(server.Mails()) != 0 {
				t.Error("the mail was sent")
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		if err := mailer(t, "smtp://"+l.Addr().String(), smtp.Options{}).Send(t.Context(), message()); err == nil || errors.Is(err, account.ErrPermanent) {
			t.Errorf("got %v", err)
		}
	})
}

// A mail that was accepted is not sent again for what comes after.
func TestAcceptedIsAccepted(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{smtptest.HangUp, "421 4.3.2 closing", "500 what"} {
		server := smtptest.Start(t, smtptest.Options{Reply: func(c, _ string) string {
			if c == "QUIT" || c == "RSET" {
				return answer
			}
			return ""
		}})
		if err := mailer(t, server.URL, smtp.Options{}).Send(t.Context(), message()); err != nil {
			t.Errorf("%s: %v", answer, err)
		}
		server.Next(t)
	}
}

func TestTimeoutCoversEveryPhase(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"CONNECT", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "."} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			server := smtptest.Start(t, smtptest.Options{Username: "u", Password: "p", Reply: func(c, _ string) string {
				if c == phase {
					return smtptest.Silence
				}
				return ""
			}})
			start := time.Now()
			err := mailer(t, server.URL, smtp.Options{Timeout: 100 * time.Millisecond}).Send(t.Context(), message())
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, account.ErrPermanent) {
				t.Errorf("got %v", err)
			}
			if d := time.Since(start); d > 3*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestCancelEndsADelivery(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := smtptest.Start(t, smtptest.Options{Reply: func(c, _ string) string {
		if c == "DATA" {
			cancel()
			return smtptest.Silence
		}
		return ""
	}})
	err := mailer(t, server.URL, smtp.Options{Timeout: time.Minute}).Send(ctx, message())
	if !errors.Is(err, context.Canceled) || errors.Is(err, account.ErrPermanent) {
		t.Errorf("got %v", err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name        string
		options     smtptest.Options
		url         func(addr string) string
		trust       bool
		sends, over bool // TLS
	}{
		{"STARTTLS, trusted", smtptest.Options{StartTLS: true}, nil, true, true, true},
		{"STARTTLS on this machine needs no trust", smtptest.Options{StartTLS: true}, nil, false, true, true},
		{"STARTTLS can be left out", smtptest.Options{StartTLS: true}, func(a string) string { return "smtp://" + a + "?tls=none" }, false, true, false},
		{"TLS, trusted", smtptest.Options{TLS: true}, nil, true, true, true},
		{"TLS, unknown certificate", smtptest.Options{TLS: true}, nil, false, false, false},
		{"TLS where there is none", smtptest.Options{}, func(a string) string { return "smtps://" + a }, false, false, false},
		{"password over STARTTLS", smtptest.Options{StartTLS: true, Username: "u", Password: "p@:/%"}, nil, true, true, true},
		{"password over TLS", smtptest.Options{TLS: true, Username: "u@example.org", Password: "p"}, nil, true, true, true},
		{"password by LOGIN", smtptest.Options{TLS: true, Username: "u", Password: "p", AuthLogin: true}, nil, true, true, true},
		{"password in clear on this machine", smtptest.Options{Username: "u", Password: "p"}, nil, false, true, false},
		{"LOGIN in clear on this machine", smtptest.Options{Username: "u", Password: "p", AuthLogin: true}, nil, false, true, false},
		{"wrong password", smtptest.Options{Username: "u", Password: "p"}, func(a string) string { return "smtp://u:S3CRET@" + a }, false, false, false},
		{"no password", smtptest.Options{Username: "u", Password: "p"}, func(a string) string { return "smtp://" + a }, false, false, false},
		{"password that nobody asks for", smtptest.Options{}, func(a string) string { return "smtp://u:S3CRET@" + a }, false, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server := smtptest.Start(t, tc.options)
			target := server.URL
			if tc.url != nil {
				target = tc.url(server.Addr)
			}
			o := smtp.Options{Timeout: 5 * time.Second}
			if tc.trust {
				o.TLS = server.ClientTLS()
			}
			err := mailer(t, target, o).Send(t.Context(), message())
			if (err == nil) != tc.sends {
				t.Fatalf("got %v, want sent %v", err, tc.sends)
			}
			if errors.Is(err, account.ErrPermanent) {
				t.Errorf("the operator's mistake loses mail: %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "S3CRET") {
				t.Errorf("the error tells the password: %v", err)
			}
			if !tc.sends {
				return
			}
			if m := server.Next(t); m.TLS != tc.over || m.User != tc.options.Username {
				t.Errorf("came over TLS %v from %q, want %v from %q", m.TLS, m.User, tc.over, tc.options.Username)
			}
		})
	}
}

// Elsewhere than on this machine, STARTTLS is not optional: whoever sits in
// between could leave it out.
func TestStartTLSCannotBeStripped(t *testing.T) {
	t.Parallel()
	// A name that leads here and is not known to do so.
	addrs, err := net.DefaultResolver.LookupHost(t.Context(), "localhost.")
	if err != nil || len(addrs) == 0 {
		t.Skip("localhost. has no address here")
	}
	server := smtptest.New(t)
	_, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	err = mailer(t, "smtp://localhost.:"+port, smtp.Options{}).Send(t.Context(), message())
	if err == nil || !strings.Contains(err.Error(), "STARTTLS") || len(server.Mails()) != 0 {
		t.Errorf("got %v", err)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, url string
		o         smtp.Options
		want      string
	}{
		{"no URL", "", smtp.Options{From: from}, "malformed"},
		{"no host", "smtp://", smtp.Options{From: from}, "malformed"},
		{"a path", "smtp://mail.example.org/x", smtp.Options{From: from}, "malformed"},
		{"an address only", "mail.example.org:25", smtp.Options{From: from}, "malformed"},
		{"control characters", "smtp://u:S3CRET@mail.example.org\n", smtp.Options{From: from}, "malformed"},
		{"another scheme", "http://u:S3CRET@mail.example.org", smtp.Options{From: from}, `scheme of the server's URL is "http"`},
		{"no such port", "smtp://u:S3CRET@mail.example.org:99999", smtp.Options{From: from}, `"99999" is no port`},
		{"no port number", "smtp://u:S3CRET@mail.example.org:x", smtp.Options{From: from}, "malformed"},
		{"unknown parameter", "smtp://u:S3CRET@mail.example.org?tsl=none", smtp.Options{From: from}, "only parameter"},
		{"unknown value", "smtp://u:S3CRET@mail.example.org?tls=off", smtp.Options{From: from}, "only parameter"},
		{"smtps without TLS", "smtps://mail.example.org?tls=none", smtp.Options{From: from}, "contradicts smtps"},
		{"password in clear", "smtp://u:S3CRET@mail.example.org?tls=none", smtp.Options{From: from}, "in clear"},
		{"username alone", "smtp://u@mail.example.org", smtp.Options{From: from}, "half of a username and password"},
		{"password alone", "smtp://:S3CRET@mail.example.org", smtp.Options{From: from}, "half of a username and password"},
		{"no sender", "smtp://mail.example.org", smtp.Options{}, `From is "": is no address`},
		{"sender is no address", "smtp://mail.example.org", smtp.Options{From: "noreply"}, `From is "noreply": is no address`},
		{"two senders", "smtp://mail.example.org", smtp.Options{From: "a@b.example, c@d.example"}, "is no address"},
		{"sender's domain", "smtp://mail.example.org", smtp.Options{From: "a@-.example"}, "malformed domain"},
		{"sender's local part", "smtp://mail.example.org", smtp.Options{From: "ä@b.example"}, "do not take"},
		{"negative timeout", "smtp://mail.example.org", smtp.Options{From: from, Timeout: -1}, "Timeout is -1ns"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m, err := smtp.New(tc.url, tc.o)
			if m != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "S3CRET") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
	for target, want := range map[string]string{
		"smtp://mail.example.org": "smtp server mail.example.org:587", "smtps://mail.example.org": "smtp server mail.example.org:465",
		"smtp://[::1]:25/": "smtp server [::1]:25", "smtp://relay:25?tls=none": "smtp server relay:25",
	} {
		if got := fmt.Sprint(mailer(t, target, smtp.Options{})); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
}

func TestMailerKeepsItsPassword(t *testing.T) {
	t.Parallel()
	m := mailer(t, "smtps://user:"+url.QueryEscape("S3CRET")+"@mail.example.org", smtp.Options{})
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&shown, verb+"\n", m)
		fmt.Fprintf(&shown, verb+"\n", struct{ Mailer account.Mailer }{m})
	}
	slog.New(slog.NewTextHandler(&shown, nil)).Info("made", "mailer", m)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("made", "mailer", m)
	if strings.Contains(shown.String(), "S3CRET") || strings.Contains(shown.String(), "user") {
		t.Errorf("got %s", shown.String())
	}
}

func TestOptionsAreCopied(t *testing.T) {
	t.Parallel()
	server := smtptest.Start(t, smtptest.Options{TLS: true})
	c := server.ClientTLS()
	m := mailer(t, server.URL, smtp.Options{TLS: c})
	c.RootCAs = nil
	c.MinVersion = tls.VersionTLS13
	if err := m.Send(t.Context(), message()); err != nil {
		t.Error(err)
	}
	if c.ServerName != "" {
		t.Error("the caller's configuration was changed")
	}
}

func TestSendFromManyGoroutines(t *testing.T) {
	t.Parallel()
	server := smtptest.New(t)
	m := mailer(t, server.URL, smtp.Options{})
	const n = 50
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			msg := message()
			msg.To = fmt.Sprintf("user%d@example.org", i)
			if err := m.Send(t.Context(), msg); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for range n {
		got := server.Next(t)
		seen[got.To[0]] = true
		seen[got.Header.Get("Message-Id")] = true
	}
	if len(seen) != 2*n {
		t.Errorf("got %d recipients and ids, want %d", len(seen), 2*n)
	}
}

func BenchmarkSend(b *testing.B) {
	server := smtptest.New(b)
	m := mailer(b, server.URL, smtp.Options{})
	for b.Loop() {
		if err := m.Send(b.Context(), message()); err != nil {
			b.Fatal(err)
		}
	}
}

// CheckMail goes as far as a mail would, and sends none.
func TestCheckMail(t *testing.T) {
	t.Parallel()
	server := smtptest.Start(t, smtptest.Options{StartTLS: true, Username: "u", Password: "right"})
	check := func(url string) error {
		m, err := smtp.New(url, smtp.Options{From: "Example <noreply@bücher.example>", TLS: server.ClientTLS()})
		if err != nil {
			t.Fatal(err)
		}
		want := account.MailServer{Name: "smtp server " + server.Addr, Sender: "noreply@xn--bcher-kva.example"}
		if got := m.MailServer(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		return m.CheckMail(t.Context())
	}
	if err := check(server.URL); err != nil {
		t.Error(err)
	}
	if err := check(strings.Replace(server.URL, "right", "wrong", 1)); err == nil {
		t.Error("a wrong password is taken")
	}
	if n := len(server.Mails()); n != 0 {
		t.Errorf("%d mails were sent", n)
	}
	if accepted, _ := server.Connections(); accepted != 2 {
		t.Errorf("got %d connections, want 2", accepted)
	}
	m, err := smtp.New("smtp://relay.example.org?tls=none", smtp.Options{From: "a@example.org"})
	if err != nil || !m.MailServer().Clear {
		t.Errorf("mails in clear are not told of: %v", err)
	}
}
