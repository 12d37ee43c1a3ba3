package postgres_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/faultproxy"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/postgres"
)

// line is a way to the server that can be cut.
type line struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	conns []net.Conn
	state string // "": open, "cut": refuses, "silent": takes and keeps quiet
}

// newLine returns a line and a URL that leads through it.
func newLine(t *testing.T, to string) (*line, string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{listener: listener, server: u.Host}
	t.Cleanup(func() {
		_ = listener.Close()
		l.set("cut")
	})
	go l.serve()
	u.Host = listener.Addr().String()
	return l, u.String()
}

func (l *line) serve() {
	for {
		c, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.mu.Lock()
		switch l.state {
		case "":
			if s, err := net.Dial("tcp", l.server); err == nil {
				l.conns = append(l.conns, c, s)
				go l.pass(c, s)
				go l.pass(s, c)
				break
			}
			fallthrough
		case "cut":
			_ = c.Close()
		case "silent":
			l.conns = append(l.conns, c)
		}
		l.mu.Unlock()
	}
}

// pass carries what is said, as long as the line is open.
func (l *line) pass(to, from net.Conn) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		if err != nil {
			_ = to.Close()
			return
		}
		l.mu.Lock()
		silent := l.state == "silent"
		l.mu.Unlock()
		if silent {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func (l *line) set(state string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = state
	if state != "silent" {
		for _, c := range l.conns {
			_ = c.Close()
		}
		l.conns = nil
	}
}

func TestServerOutOfReach(t *testing.T) {
	t.Parallel()
	l, url := newLine(t, testenv.Postgres(t))
	st := migrated(t, pool(t, url, ""))
	u := &store.User{Username: "ada"}
	if err := st.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	operations := map[string]func(ctx context.Context) error{
		"reading": func(ctx context.Context) error { _, err := st.User(ctx, u.ID); return err },
		"writing": func(ctx context.Context) error { return st.CreateUser(ctx, &store.User{Username: "bob"}) },
		"in a transaction": func(ctx context.Context) error {
			return st.InTx(ctx, func(tx store.Store) error { return tx.CreateUser(ctx, &store.User{Username: "bob"}) })
		},
		"a limit": func(ctx context.Context) error {
			_, err := st.Take(ctx, time.Now(), store.Bucket{Key: "k", Amount: 1, Per: time.Hour})
			return err
		},
		"ping": st.Ping,
	}
	for _, state := range []string{"cut", "silent"} {
		l.set(state)
		for name, operation := range operations {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			start := time.Now()
			err := operation(ctx)
			cancel()
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s, %s: got %v, want unavailable", state, name, err)
			}
			if state == "silent" && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, %s: got %v, want the context's error as well", state, name, err)
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("%s, %s: took %v", state, name, took)
			}
		}
		l.set("")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if _, err := st.User(ctx, u.ID); err != nil {
			t.Errorf("%s, and open again: got %v", state, err)
		}
		cancel()
	}
	if _, err := st.UserByUsername(t.Context(), "bob"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v, want nothing written", err)
	}
}

// TestCommitWithoutAnswer may have happened, so it must not be called
// "unavailable", which promises that it has not; whether the line falls silent
// or ends.
func TestCommitWithoutAnswer(t *testing.T) {
	t.Parallel()
	straight := testenv.Postgres(t)
	kept := migrated(t, pool(t, straight, ""))
	for name, fault := range map[string]faultproxy.Fault{"silent": faultproxy.Hole, "lost": faultproxy.LostCommit, "cut": faultproxy.Before} {
		proxy, url := faultproxy.Postgres(t, straight)
		st := migrated(t, pool(t, url, ""))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := st.InTx(ctx, func(tx store.Store) error {
			err := tx.CreateUser(ctx, &store.User{Username: name})
			proxy.Arm(faultproxy.Plan{Fault: fault, At: 1})
			return err
		})
		proxy.Heal()
		if err == nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "nobody knows") {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := kept.UserByUsername(t.Context(), name); (err == nil) != (name == "lost") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// What was not sent was not kept.
	proxy, url := faultproxy.Postgres(t, straight)
	err := migrated(t, pool(t, url, "")).InTx(t.Context(), func(tx store.Store) error {
		proxy.Set(faultproxy.Cut)
		_ = tx.CreateUser(t.Context(), &store.User{}) // which fails
		return nil
	})
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
}

// TestServerEndsConnections undoes what they had begun, and hurts nobody else.
func TestServerEndsConnections(t *testing.T) {
	t.Parallel()
	p := pool(t, testenv.Postgres(t), "&application_name=victim")
	st, ctx := migrated(t, p), t.Context()
	admin := pool(t, testenv.Postgres(t), "")
	end := func() {
		t.Helper()
		if _, err := admin.Exec(ctx, `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'`); err != nil {
			t.Fatal(err)
		}
	}
	err := st.InTx(ctx, func(tx store.Store) error {
		if err := tx.CreateUser(ctx, &store.User{Username: "ada"}); err != nil {
			return err
		}
		end()
		return tx.CreateUser(ctx, &store.User{Username: "bob"})
	})
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
	for _, name := range []string{"ada", "bob"} {
		if _, err := st.UserByUsername(ctx, name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v, want not found", err)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	st, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	if err := st.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("closed: got %v, want unavailable", err)
	}
	for _, bad := range []string{
		"postgres://u:hunter2@127.0.0.1:1/db?sslmode=disable", "postgres://u:hunter2@127.0.0.1:x/db", "://hunter2",
		"postgres://u:hunter2@127.0.0.1/db?pool_max_conns=none",
	} {
		st, err := postgres.Open(t.Context(), bad)
		if err == nil || st != nil {
			t.Errorf("%s: got a store", bad)
		} else if bad != "://hunter2" && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestCloseLeavesTheHostsPool(t *testing.T) {
	t.Parallel()
	p := pool(t, testenv.Postgres(t), "")
	if err := postgres.New(p).Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Ping(t.Context()); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestMigrationsAreThere(t *testing.T) {
	f, err := postgres.Migrations().Open("0001_initial.sql")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || !strings.Contains(string(b), "create table auth_users") {
		t.Errorf("got %q, %v", b, err)
	}
}

// TestCommitOnAConnectionThatHasEnded was not made, and is not in doubt: the
// server can't have got it.
func TestCommitOnAConnectionThatHasEnded(t *testing.T) {
	t.Parallel()
	straight := testenv.Postgres(t)
	kept := migrated(t, pool(t, straight, ""))
	u := &store.User{Username: "ada"}
	if err := kept.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	proxy, url := faultproxy.Postgres(t, straight)
	st, ctx := migrated(t, pool(t, url, "&pool_max_conns=1")), t.Context()
	for name, fn := range map[string]func(tx store.Store) error{
		"begun":     func(tx store.Store) error { return tx.CreateUser(ctx, &store.User{Username: "bob"}) },
		"not begun": func(tx store.Store) error { return tx.RecordLogin(ctx, u.ID, time.Now()) },
	} {
		err := st.InTx(ctx, func(tx store.Store) error {
			defer proxy.Set(faultproxy.Cut)
			return fn(tx)
		})
		proxy.Set(faultproxy.Open)
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: got %v, want unavailable", name, err)
		}
	}
	if _, err := kept.UserByUsername(ctx, "bob"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v, want not found", err)
	}
	if now, err := kept.User(ctx, u.ID); err != nil || !now.LastLoginAt.IsZero() {
		t.Errorf("got %v, %v", now, err)
	}
}
