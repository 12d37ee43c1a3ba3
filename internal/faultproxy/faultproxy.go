// Package faultproxy stands between a program under test and a server that it
// calls, such as PostgreSQL, Redis or a mail server, and has the way between
// them fail on request: refuse, fall silent, be slow, and, where PostgreSQL is
// spoken, break at the n-th statement, before or after the server has run it.
package faultproxy

import (
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// State is how the way is.
type State int

const (
	// Open lets everything pass.
	Open State = iota
	// Cut ends all connections and refuses new ones.
	Cut
	// Silent takes connections and bytes, and passes none on: a black hole.
	Silent
)

// Proxy is a way to a server.
type Proxy struct {
	// Addr is where the proxy listens, as host:port.
	Addr string

	to       string
	postgres bool
	listener net.Listener

	mu    sync.Mutex
	state State
	delay time.Duration
	links map[*link]bool
	plan  Plan
	seen  int
	turns int
	fired bool
	// committing: what it went wrong at was a commit.
	committing bool
}

// New returns an open way to a server at host:port, until the test ends.
func New(t testing.TB, to string) *Proxy { return start(t, to, false) }

// Postgres returns an open way to the PostgreSQL server of a URL, and the URL
// that leads along it, without TLS, as the proxy has to understand what is
// said.
func Postgres(t testing.TB, to string) (*Proxy, string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, u.Host, true)
	q := u.Query()
	q.Set("sslmode", "disable")
	u.Host = p.Addr
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // as a setting has it
	return p, u.String()
}

func start(t testing.TB, to string, postgres bool) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), to: to, postgres: postgres, listener: l, links: map[*link]bool{}}
	var running sync.WaitGroup
	running.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.Set(Cut)
		running.Wait()
	})
	return p
}

// Set changes the state, for connections that there are as well. Those that
// have lived through silence have lost bytes, and end with it.
func (p *Proxy) Set(s State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set(s)
}

func (p *Proxy) set(s State) {
	if s == Cut || s == Open && p.state == Silent {
		for l := range p.links {
			l.end()
		}
	}
	p.state = s
}

// Delay keeps everything that is sent to the server back for so long.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Heal lets everything pass again, and forgets the plan.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set(Open)
	p.delay, p.plan = 0, Plan{}
}

func (p *Proxy) accept() {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		running.Go(func() { p.serve(c) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	l := &link{proxy: p, client: client}
	p.mu.Lock()
	refused := p.state == Cut
	p.links[l] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.links, l)
		l.end()
		p.mu.Unlock()
	}()
	if refused {
		return
	}
	server, err := net.DialTimeout("tcp", p.to, 5*time.Second)
	if err != nil {
		return
	}
	p.mu.Lock()
	l.server = server
	if l.over {
		_ = server.Close()
	}
	p.mu.Unlock()
	var back sync.WaitGroup
	back.Go(l.back)
	l.forth()
	back.Wait()
}

// link is a connection, with what goes on beyond it.
type link struct {
	proxy          *Proxy
	client, server net.Conn
	over, deaf     bool   // deaf: answers are dropped, and the link ends with the next that is complete
	then           func() // is called then; nil: nothing is
}

// end closes both sides. The proxy is locked.
func (l *link) end() {
	l.over = true
	_ = l.client.Close()
	if l.server != nil {
		_ = l.server.Close()
	}
}

func (l *link) finish() {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	l.end()
}

// write passes bytes on, as the state has it.
func (l *link) write(to io.Writer, b []byte, slow bool) error {
	p := l.proxy
	p.mu.Lock()
	state, delay, over := p.state, p.delay, l.over
	p.mu.Unlock()
	switch {
	case over:
		return net.ErrClosed
	case state == Silent:
		return nil
	}
	if slow && delay > 0 {
		time.Sleep(delay) // the network's part, which is what is tested
	}
	_, err := to.Write(b)
	return err
}

// forth carries what the client says.
func (l *link) forth() {
	defer l.finish()
	if l.proxy.postgres {
		l.statements()
		return
	}
	l.bytes(l.server, l.client, func() bool { return l.step(false, false) == nil })
}

// back carries what the server says.
func (l *link) back() {
	defer l.finish()
	defer func() {
		l.proxy.mu.Lock()
		then := l.then
		l.proxy.mu.Unlock()
		if then != nil {
			then()
		}
	}()
	if l.proxy.postgres {
		l.answers()
		return
	}
	l.bytes(l.client, l.server, func() bool {
		l.proxy.mu.Lock()
		defer l.proxy.mu.Unlock()
		return !l.deaf
	})
}

// bytes carries what is sent at once, if it may be.
func (l *link) bytes(to, from net.Conn, may func() bool) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if n > 0 && (!may() || l.write(to, b[:n], to == l.server) != nil) || err != nil {
			return
		}
	}
}

var errPlanned = errors.New("the plan ends it")
