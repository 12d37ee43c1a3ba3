package smtptest_test

import (
	"encoding/base64"
	"net/textproto"
	"strconv"
	"strings"
	"testing"

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
