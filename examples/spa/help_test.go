package main

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/browsertest"
	"github.com/headless-auth/headless/store/sqlite"
)

// TestMain is the program itself where a test starts it.
func TestMain(m *testing.M) {
	if os.Getenv("SPA_RUN") != "" {
		main()
		return
	}
	os.Exit(browsertest.Main(m))
}

// clock stands still until it is moved: a code from an app is good for as long
// as a slow machine needs to enter it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is a running site, and a browser there.
type world struct {
	*testing.T
	*browsertest.Page
	site  *site
	clock *clock
	read  int // how many messages are read
}

func start(t *testing.T, change func(*options)) *world {
	t.Helper()
	t.Parallel()
	st, err := sqlite.Open(t.Context(), t.TempDir()+"/spa.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, clock: &clock{at: time.Now()}}
	srv, id := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	o := options{
		url: "http://localhost:" + portOf(srv.Listener), idURL: "http://" + id.Listener.Addr().String(),
		store: st, secret: []byte(strings.Repeat("s", 32)), now: w.clock.now, log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&o)
	}
	if w.site, err = newSite(o); err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler, id.Config.Handler = w.site, w.site.id
	srv.Start()
	t.Cleanup(srv.Close)
	id.Start()
	t.Cleanup(id.Close)
	w.Page = browsertest.New(t)
	return w
}

// Go opens a page of the site.
func (w *world) Go(path string) {
	w.Helper()
	w.Open(w.site.url + path)
}

// Message waits for the next message to an address or number, and takes it.
func (w *world) Message(to string) message {
	w.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); runtime.Gosched() {
		c := w.site.box.content()
		for c.Total > w.read {
			m := c.Messages[c.Total-w.read-1]
			w.read++
			if m.To == to {
				return m
			}
		}
	}
	w.Fatalf("there is no message to %s", to)
	return message{}
}

// Code takes the code out of the next message.
func (w *world) Code(to string) string {
	w.Helper()
	m := w.Message(to)
	if m.Code == "" {
		w.Fatalf("there is no code in %q", m.Text)
	}
	return m.Code
}

// Link takes the first link with a part in it out of the next message.
func (w *world) Link(to, part string) string {
	w.Helper()
	m := w.Message(to)
	for _, l := range m.Links {
		if strings.Contains(l, part) {
			return l
		}
	}
	w.Fatalf("there is no link with %q in %q", part, m.Text)
	return ""
}

const password = "correct horse battery"

// SignUp makes an account by password and goes to its page.
func (w *world) SignUp(name, email string) {
	w.Helper()
	w.signUp(name, email)
	w.Heading("Confirm your address")
	w.Fill("Code", w.Code(email))
	w.Click("Confirm")
	w.Heading("Hello, " + name)
}

// signUp fills in the form.
func (w *world) signUp(name, email string) {
	w.Helper()
	w.Go("/signup")
	w.Fill("Email", email)
	w.Fill("Password", password)
	w.Fill("Your name", name)
	w.Tick("I accept the terms of use")
	w.Click("Sign up")
}

// Elsewhere is another browser.
func (w *world) Elsewhere() *world {
	w.Helper()
	other := *w
	other.Page = browsertest.New(w.T)
	return &other
}

// LogOut logs out.
func (w *world) LogOut() {
	w.Helper()
	w.Click("Log out")
	w.See("You are logged out.")
	w.Heading("Log in")
}

// LogIn logs in by password, as far as that goes.
func (w *world) LogIn(email, password string) {
	w.Helper()
	w.Go("/login")
	w.Fill("Email or phone number", email)
	w.Fill("Password", password)
	w.Click("Log in")
}

const minute = time.Minute
