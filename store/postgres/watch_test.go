package postgres_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/storetest"
)

// TestStoreThatAnnounces keeps the contracts as one that does not.
func TestStoreThatAnnounces(t *testing.T) {
	t.Parallel()
	open := opener(t, "&pool_max_conns=20")
	announcing := func(t *testing.T) store.Store {
		st := open(t)
		st.(store.SessionWatcher).AnnounceSessions()
		return st
	}
	storetest.Users(t, announcing)
	storetest.Emails(t, announcing)
	storetest.Sessions(t, func(t *testing.T) store.Sessions { return announcing(t) })
	storetest.Transactions(t, announcing)
	storetest.Concurrency(t, announcing)
}

// counter counts statements.
type counter struct{ n atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (*counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TestAnnouncingIsNoStatement: telling of a change goes with it.
func TestAnnouncingIsNoStatement(t *testing.T) {
	t.Parallel()
	f, err := pgxpool.ParseConfig(testenv.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{}
	f.ConnConfig.Tracer = c
	p, err := pgxpool.NewWithConfig(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	st, ctx := migrated(t, p), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	work := func() int64 {
		before := c.n.Load()
		u := &store.User{}
		must(st.CreateUser(ctx, u))
		s := &store.Session{TokenHash: []byte(u.ID), UserID: u.ID, ExpiresAt: time.Now().Add(time.Hour)}
		must(st.CreateSession(ctx, s))
		must(st.UpdateSession(ctx, s))
		_, _, err := st.SessionAndUser(ctx, s.TokenHash)
		must(err)
		must(st.TouchSession(ctx, s, time.Now()))
		must(st.InTx(ctx, func(tx store.Store) error {
			must(tx.UpdateUser(ctx, u))
			return tx.DeleteSessionsOf(ctx, u.ID, "")
		}))
		must(st.DeleteSession(ctx, s.ID))
		must(st.DeleteUser(ctx, u.ID))
		return c.n.Load() - before
	}
	silent := work()
	st.AnnounceSessions()
	if told := work(); told != silent || silent < 9 {
		t.Errorf("%d statements, and %d that announce", silent, told)
	}
}

// watching watches in the background.
func watching(t *testing.T, st *postgres.Store) (heard chan string, ended chan error) {
	heard, ended = make(chan string, 100), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() { ended <- st.WatchSessions(ctx, func(userID string) { heard <- userID }) }()
	return heard, ended
}

// TestListenerIsLost ends the connection that listens.
func TestListenerIsLost(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	name := "listener-" + strings.ToLower(t.Name())
	st := migrated(t, pool(t, url, "&application_name="+name))
	heard, ended := watching(t, st)
	if got := <-heard; got != "" {
		t.Fatalf("at first it hears %q", got)
	}
	_, err := pool(t, url, "").Exec(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and query ilike 'listen%'`, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, store.ErrUnavailable)
	}
}

// TestListenerBeforeMigrate fails, and so is tried again.
func TestListenerBeforeMigrate(t *testing.T) {
	t.Parallel()
	err := postgres.New(pool(t, testenv.Postgres(t), "")).WatchSessions(t.Context(), func(string) { t.Error("it hears") })
	if err == nil || !strings.Contains(err.Error(), "auth_sessions") {
		t.Errorf("got %v, want the name of the missing table", err)
	}
}

// mute passes on what a server sends, but for notifications, as a pooler does
// that has lent the connection to somebody else.
type mute struct {
	net.Conn
	mu   sync.Mutex
	left []byte
}

func (m *mute) Read(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.left) == 0 {
		var head [5]byte // a kind, and a length that counts itself
		if n, err := io.ReadFull(m.Conn, head[:1]); err != nil {
			return n, err
		}
		if _, err := io.ReadFull(m.Conn, head[1:]); err != nil {
			return 0, err
		}
		body := make([]byte, int(head[3])<<8|int(head[4])-4)
		if _, err := io.ReadFull(m.Conn, body); err != nil {
			return 0, err
		}
		if head[0] != 'A' {
			m.left = append(head[:], body...)
		}
	}
	n := copy(b, m.left)
	m.left = m.left[n:]
	return n, nil
}

// TestListenerBehindAPooler finds out that it hears nothing.
func TestListenerBehindAPooler(t *testing.T) {
	t.Parallel()
	f, err := pgxpool.ParseConfig(testenv.Postgres(t) + "&sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	dial := f.ConnConfig.DialFunc
	f.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		return &mute{Conn: c}, err
	}
	p, err := pgxpool.NewWithConfig(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	err = migrated(t, p).WatchSessions(t.Context(), func(string) { t.Error("it believes that it hears") })
	if err == nil || !strings.Contains(err.Error(), "pooler") {
		t.Errorf("got %v", err)
	}
}
