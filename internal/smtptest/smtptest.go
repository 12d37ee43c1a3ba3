// Package smtptest is a mail server for tests: it speaks SMTP over TCP on a
// free port of the loopback interface and keeps what it receives. On demand it
// asks for a password, speaks TLS, refuses, falls silent or hangs up.
package smtptest

import (
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// Options say how a server behaves. The zero Options accept everything.
type Options struct {
	// TLS speaks TLS from the first byte; StartTLS offers it.
	TLS, StartTLS bool
	// Username and Password, if set, have to be given before any mail.
	Username, Password string
	// AuthLogin takes them by the mechanism LOGIN alone, not PLAIN.
	AuthLogin bool
	// Reply, if set, may answer in place of the server: to "CONNECT", to a
	// command such as "RCPT" with what follows it, or to "." at the end of a
	// mail. "" leaves the answer to the server; see also [HangUp] and
	// [Silence].
	Reply func(command, rest string) string
}

// Replies that are none.
const (
	// HangUp drops the connection.
	HangUp = "hang up"
	// Silence answers nothing and waits until the client has gone.
	Silence = "silence"
)

// Server is a running mail server.
type Server struct {
	// URL is where it listens, with its username and password: smtp://… or
	// smtps://….
	URL string
	// Addr is host and port of the URL.
	Addr string

	options  Options
	tls      *tls.Config
	roots    *tls.Config
	listener net.Listener

	mu       sync.Mutex
	arrived  *sync.Cond
	mails    []*Mail
	taken    int
	conns    map[net.Conn]bool
	accepted int
	closed   bool
	running  sync.WaitGroup
}

// New starts a server that accepts everything, until the test ends.
func New(t testing.TB) *Server { return Start(t, Options{}) }

// Start starts a server, until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: listener.Addr().String(), options: o, listener: listener, conns: map[net.Conn]bool{}}
	s.arrived = sync.NewCond(&s.mu)
	s.URL = s.url()
	if o.TLS || o.StartTLS {
		if s.tls, s.roots, err = certificate(); err != nil {
			t.Fatal(err)
		}
	}
	s.running.Go(func() { s.accept(t) })
	t.Cleanup(s.close)
	return s
}

// ClientTLS returns a configuration of a client that trusts the server's
// certificate. Nobody else does.
func (s *Server) ClientTLS() *tls.Config { return s.roots.Clone() }

// Mails returns all mails received so far.
func (s *Server) Mails() []*Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Next returns the first mail that was not returned before, and waits for it
// to arrive.
func (s *Server) Next(t testing.TB) *Mail {
	t.Helper()
	const patience = 10 * time.Second
	late := false
	timer := time.AfterFunc(patience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		late = true
		s.arrived.Broadcast()
	})
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.taken == len(s.mails) && !late {
		s.arrived.Wait()
	}
	if s.taken == len(s.mails) {
		t.Fatalf("no mail within %v", patience)
	}
	s.taken++
	return s.mails[s.taken-1]
}

// Connections returns how many connections were made so far, and how many of
// them are open.
func (s *Server) Connections() (accepted, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted, len(s.conns)
}

func (s *Server) keep(m *Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	s.arrived.Broadcast()
}

func (s *Server) accept(t testing.TB) {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = conn.Close()
			return
		}
		s.accepted++
		s.conns[conn] = true
		s.mu.Unlock()
		s.running.Go(func() {
			s.serve(t, conn)
			_ = conn.Close()
			s.mu.Lock()
			delete(s.conns, conn)
			s.mu.Unlock()
		})
	}
}

func (s *Server) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}
