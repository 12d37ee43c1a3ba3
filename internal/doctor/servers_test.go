package doctor_test

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store/memory"
)

// site is a running one.
type site struct {
	*testing.T
	auth *headless.Auth
	srv  *httptest.Server
	// front is what has the site's URL.
	front string
}

type nobody struct{}

func (nobody) Send(context.Context, account.Message) error { return nil }

// config is one with which nothing is wrong but that it is in memory.
func config(url string) headless.Config {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	return headless.Config{
		URL: url, Secret: secret, Store: memory.New(), Mailer: nobody{}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Frontend: headless.Frontend{VerifyEmail: "/v/{key}", ResetPassword: "/r/{key}", SocialLoginError: "/e"},
	}
}

// start runs a site whose URL is that of front, or its own.
func start(t *testing.T, front string, change func(*headless.Config)) *site {
	t.Helper()
	s := &site{T: t, srv: httptest.NewUnstartedServer(nil), front: front}
	if s.front == "" {
		s.front = "http://" + s.srv.Listener.Addr().String()
	}
	c := config(s.front)
	if change != nil {
		change(&c)
	}
	var err error
	if s.auth, err = headless.New(c); err != nil {
		t.Fatal(err)
	}
	s.srv.Config.Handler = s.auth.Handler()
	s.srv.Start()
	t.Cleanup(s.srv.Close)
	return s
}

// serve puts something in place of the API alone.
func (s *site) serve(h http.Handler) *site {
	s.srv.Config.Handler = h
	return s
}

func (s *site) addr() string { return s.srv.Listener.Addr().String() }

func (s *site) examine(o headless.DoctorOptions) *headless.DoctorReport {
	s.Helper()
	if o.Resolver == nil {
		o.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, net.UnknownNetworkError("there is no name server")
		}}
	}
	return headless.Doctor(s.Context(), s.auth, o)
}

// found wants a finding of a check, with words in it.
func found(t *testing.T, r *headless.DoctorReport, severity, check, words string) {
	t.Helper()
	for _, f := range r.Findings {
		if f.Check == check && string(f.Severity) == severity && strings.Contains(f.What+" "+f.Mend, words) {
			if severity != "note" && (f.Why == "" || f.Mend == "") {
				t.Errorf("it is not said why, or how to mend it: %+v", f)
			}
			return
		}
	}
	var b strings.Builder
	_ = r.Write(&b)
	t.Errorf("no %s of %s with %q; got\n%s", severity, check, words, &b)
}

// clean wants no problem and no warning of a check that was made.
func clean(t *testing.T, r *headless.DoctorReport, checks ...string) {
	t.Helper()
	for _, check := range checks {
		for _, f := range r.Findings {
			if f.Check == check && f.Severity != "note" {
				t.Errorf("found %+v", f)
			}
		}
		for _, s := range r.Skipped {
			if s.Check == check {
				t.Errorf("%s was not checked: %s", check, s.Why)
			}
		}
	}
}

func freeAddr(t *testing.T, host string) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// nginx runs one with a server block at addr.
func nginx(t *testing.T, addr, block string) {
	t.Helper()
	testenv.Nginx(t, addr, strings.ReplaceAll(block, "ADDR", addr))
}

// names is a name server that knows these records: "MX example.net" and so on.
func names(t *testing.T, records map[string][]string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		for buf := make([]byte, 1500); ; {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Header = dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionAvailable: true}
			m.Additionals = nil
			l, known := records[strings.TrimPrefix(q.Type.String(), "Type")+" "+strings.TrimSuffix(q.Name.String(), ".")]
			if !known {
				m.RCode = dnsmessage.RCodeNameError
			}
			for _, text := range l {
				h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}
				switch q.Type {
				case dnsmessage.TypeMX:
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.MXResource{Pref: 10, MX: dnsmessage.MustNewName(text)}})
				case dnsmessage.TypeTXT:
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.TXTResource{TXT: []string{text}}})
				case dnsmessage.TypeA:
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: [4]byte(net.ParseIP(text).To4())}})
				}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}
