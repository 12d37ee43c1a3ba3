package smtptest_test

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/internal/smtptest"
)

// dial returns a connection that has read the greeting.
func dial(t *testing.T, s *smtptest.Server) *textproto.Conn {
	t.Helper()
	conn, err := textproto.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, _, err := conn.ReadResponse(220); err != nil {
		t.Fatal(err)
	}
	return conn
}

// talk sends lines and checks the code of each answer.
func talk(t *testing.T, conn *textproto.Conn, script ...string) {
	t.Helper()
	for i := 0; i < len(script); i += 2 {
		if err := conn.PrintfLine("%s", script[i]); err != nil {
			t.Fatal(err)
		}
		code, text, err := conn.ReadResponse(0)
		if err != nil || script[i+1] != strconv.Itoa(code) {
			t.Errorf("%s: got %d %s, %v, want %s", script[i], code, text, err, script[i+1])
		}
	}
}

func TestProtocol(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t)
	talk(t, dial(t, s),
		"NOOP", "250",
		"HELO client", "250",
		"RCPT TO:<a@b.example>", "503",
		"DATA", "503",
		"MAIL TO:<a@b.example>", "503",
		"MAIL FROM:a@b.example", "503",
		"MAIL FROM:<>", "250",
		"MAIL FROM:<again@b.example>", "503",
		"DATA", "503",
		"RCPT", "503",
		"RCPT TO:<gone@b.example>", "250",
		"RSET", "250",
		"STARTTLS", "502",
		"AUTH PLAIN", "504",
		"VRFY a", "500",
		"mail from:<x@b.example> BODY=8BITMIME", "250",
		"rcpt to: <a@b.example>", "250",
		"RCPT TO:<c@d.example>", "250",
		"DATA", "354",
		"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: text/plain\r\n\r\nYour code:\r\n\r\n    K7QX-M3PD\r\n..\r\nhttps://example.org/a\r\n.", "250",
		"QUIT", "221",
	)
	m := s.Next(t)
	if m.From != "x@b.example" || m.Subject != "Grüße" || m.Code() != "K7QX-M3PD" || m.Text != "Your code:\n\n    K7QX-M3PD\n.\nhttps://example.org/a\n" {
		t.Errorf("got %+v", m)
	}
	if diff := cmp.Diff([]string{"a@b.example", "c@d.example"}, m.To); diff != "" {
		t.Error(diff)
	}
	if n := len(s.Mails()); n != 1 {
		t.Errorf("got %d mails", n)
	}
	if accepted, _ := s.Connections(); accepted != 1 {
		t.Errorf("got %d connections", accepted)
	}
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t)
	body := strings.Join([]string{
		"Content-Type: multipart/mixed; boundary=a", "",
		"--a", "Content-Type: multipart/alternative; boundary=b", "",
		"--b", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", "", base64.StdEncoding.EncodeToString([]byte("hi\r\nhttps://example.org/1")),
		"--b", "Content-Type: text/html", "Content-Transfer-Encoding: quoted-printable", "", `<a href=3D"https://example.org/2?a&amp;b">2</a><a href=3D"https://example.org/1">=`, "1</a>",
		"--b--",
		"--a", "Content-Type: application/octet-stream", "", "x",
		"--a--", ".",
	}, "\r\n")
	talk(t, dial(t, s), "EHLO client", "250", "MAIL FROM:<a@b.example>", "250", "RCPT TO:<a@b.example>", "250", "DATA", "354", body, "250")
	m := s.Next(t)
	if m.Text != "hi\nhttps://example.org/1" || m.HTML != `<a href="https://example.org/2?a&amp;b">2</a><a href="https://example.org/1">1</a>` || m.Code() != "" {
		t.Errorf("got %q and %q", m.Text, m.HTML)
	}
	if diff := cmp.Diff([]string{"https://example.org/1", "https://example.org/2?a&b"}, m.Links()); diff != "" {
		t.Error(diff)
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	plain := smtptest.Start(t, smtptest.Options{Username: "u", Password: "p"})
	talk(t, dial(t, plain),
		"EHLO client", "250",
		"MAIL FROM:<a@b.example>", "530",
		"AUTH LOGIN", "504",
		"AUTH PLAIN "+b64("half"), "501",
		"AUTH PLAIN "+b64("\x00u\x00wrong"), "535",
		"AUTH PLAIN", "334",
		b64("\x00u\x00p"), "235",
		"MAIL FROM:<a@b.example>", "250",
	)
	login := smtptest.Start(t, smtptest.Options{Username: "u", Password: "p", AuthLogin: true})
	talk(t, dial(t, login),
		"AUTH LOGIN "+b64("u"), "334",
		b64("p"), "235",
		"MAIL FROM:<a@b.example>", "250",
	)
	conn := dial(t, login)
	if err := conn.PrintfLine("AUTH LOGIN not base64"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.ReadResponse(0); err == nil {
		t.Error("the session goes on after nonsense")
	}
}

func TestReplies(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{Reply: func(command, rest string) string {
		switch {
		case command == "RCPT" && strings.Contains(rest, "busy"):
			return "450 4.2.1 busy"
		case command == "QUIT":
			return smtptest.HangUp
		}
		return ""
	}})
	conn := dial(t, s)
	talk(t, conn, "MAIL FROM:<a@b.example>", "250", "RCPT TO:<busy@b.example>", "450", "DATA", "503", "RCPT TO:<a@b.example>", "250")
	if err := conn.PrintfLine("QUIT"); err != nil {
		t.Fatal(err)
	}
	if line, err := conn.ReadLine(); err == nil {
		t.Errorf("got %s", line)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{TLS: true})
	if !strings.HasPrefix(s.URL, "smtps://127.0.0.1:") {
		t.Errorf("got %s", s.URL)
	}
	raw, err := tls.Dial("tcp", s.Addr, s.ClientTLS())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	conn := textproto.NewConn(raw)
	if _, _, err := conn.ReadResponse(220); err != nil {
		t.Fatal(err)
	}
	talk(t, conn, "EHLO client", "250", "QUIT", "221")

	start := smtptest.Start(t, smtptest.Options{StartTLS: true})
	plain, err := net.Dial("tcp", start.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	conn = textproto.NewConn(plain)
	if _, _, err := conn.ReadResponse(220); err != nil {
		t.Fatal(err)
	}
	talk(t, conn, "EHLO client", "250", "STARTTLS", "220")
	config := start.ClientTLS()
	config.ServerName = "localhost"
	conn = textproto.NewConn(tls.Client(plain, config))
	talk(t, conn, "STARTTLS", "502", "MAIL FROM:<a@b.example>", "250", "RCPT TO:<a@b.example>", "250", "DATA", "354", "Content-Type: text/plain\r\n\r\nx\r\n.", "250")
	if m := start.Next(t); !m.TLS {
		t.Error("the mail does not tell that it came over TLS")
	}
}

// watched is a test that fails in place of the real one.
type watched struct {
	testing.TB
	mu     sync.Mutex
	failed []string
}

func (w *watched) Errorf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = append(w.failed, fmt.Sprintf(format, args...))
}

func TestUnreadableMailFailsTheTest(t *testing.T) {
	t.Parallel()
	for _, mail := range []string{
		"no header at all",
		"Subject: x\r\n\r\nno content type",
		"Subject: =?unknown?q?x?=\r\nContent-Type: text/plain\r\n\r\n",
		"Content-Type: text/plain\r\nContent-Transfer-Encoding: uuencode\r\n\r\nx",
		"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n*",
		"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nbroken",
		"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: ;\r\n\r\n\r\n--a--",
	} {
		w := &watched{TB: t}
		s := smtptest.New(w)
		talk(t, dial(t, s), "MAIL FROM:<a@b.example>", "250", "RCPT TO:<a@b.example>", "250", "DATA", "354", mail+"\r\n.", "554")
		w.mu.Lock()
		if len(w.failed) != 1 || len(s.Mails()) != 0 {
			t.Errorf("%q: got %v", mail, w.failed)
		}
		w.mu.Unlock()
	}
}

func TestNextWaits(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t)
	got := make(chan *smtptest.Mail)
	go func() { got <- s.Next(t) }()
	talk(t, dial(t, s), "MAIL FROM:<a@b.example>", "250", "RCPT TO:<a@b.example>", "250", "DATA", "354", "Content-Type: text/plain\r\n\r\nx\r\n.", "250")
	if m := <-got; m.Text != "x\n" {
		t.Errorf("got %q", m.Text)
	}
}

func TestSilenceEndsWithTheClient(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{Reply: func(command, _ string) string {
		if command == "CONNECT" {
			return smtptest.Silence
		}
		return ""
	}})
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d bytes, %v", n, err)
	}
	_ = conn.Close()
}
