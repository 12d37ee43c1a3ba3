package postgres_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headless-auth/headless/internal/faultproxy"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/postgres"
)

// newSession is a session of a user; n tells its token apart.
func newSession(userID string, n byte) *store.Session {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &store.Session{TokenHash: bytes.Repeat([]byte{n}, 32), UserID: userID, CreatedAt: at, SeenAt: at, ExpiresAt: at.Add(time.Hour)}
}

func person(t *testing.T, st store.Store, name string) *store.User {
	t.Helper()
	u := &store.User{Username: name}
	if err := st.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u
}

// TestNothingDeferredIsLost: whatever comes later, a transaction that has lost a
// statement is not committed, and says why it was lost.
func TestNothingDeferredIsLost(t *testing.T) {
	t.Parallel()
	st, ctx := migrated(t, pool(t, testenv.Postgres(t), "")), t.Context()
	u := person(t, st, "ada")
	over, cancel := context.WithCancel(ctx)
	cancel()
	lose := func(tx *postgresTx, s *store.Session, ctx context.Context) {
		if err := tx.DeferSession(t.Context(), s); err != nil {
			t.Error(err)
		}
		if _, err := tx.User(ctx, u.ID); err == nil {
			t.Error("there was no loss")
		}
	}
	if err := st.CreateSession(ctx, newSession(u.ID, 1)); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		begun bool
		ctx   context.Context
		n     byte
		want  error
	}{
		"before it has begun": {false, over, 2, context.Canceled},
		"later":               {true, over, 2, context.Canceled},
		"refused":             {true, ctx, 1, store.ErrConflict},
		"refused at once":     {false, ctx, 1, store.ErrConflict},
	} {
		err := st.InTx(ctx, func(s store.Store) error {
			tx := inner(s)
			if tt.begun {
				if _, err := tx.User(ctx, u.ID); err != nil {
					return err
				}
			}
			lose(tx, newSession(u.ID, tt.n), tt.ctx)
			_ = tx.DeferSession(ctx, newSession(u.ID, 3))
			_, _ = tx.User(ctx, u.ID)
			return nil
		})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
		if l, err := st.SessionsOf(ctx, u.ID); err != nil || len(l) != 1 {
			t.Fatalf("%s: %d sessions, %v", name, len(l), err)
		}
	}
}

// TestUseAfterTheEnd fails, whatever the connection is used for by then.
func TestUseAfterTheEnd(t *testing.T) {
	t.Parallel()
	st, ctx := migrated(t, pool(t, testenv.Postgres(t), "&pool_max_conns=1")), t.Context()
	u := person(t, st, "ada")
	at := time.Now()
	nothing := func(store.Store) error { return nil }
	first := func(tx store.Store) error { return tx.RecordLogin(ctx, u.ID, at) }
	last := func(tx store.Store) error {
		_, err := tx.User(ctx, u.ID)
		return errors.Join(err, tx.RecordLogin(ctx, u.ID, at))
	}
	host := func(tx store.Store) error {
		postgres.Tx(tx)
		return tx.RecordLogin(ctx, u.ID, at)
	}
	for name, fn := range map[string]func(store.Store) error{"nothing": nothing, "all at once": first, "with the commit": last, "the host's": host} {
		for _, refused := range []error{nil, errors.New("refused")} {
			var kept store.Store
			var native pgx.Tx
			if err := st.InTx(ctx, func(tx store.Store) error {
				kept = tx
				if err := fn(tx); err != nil {
					return err
				}
				if name == "the host's" {
					native, _ = postgres.Tx(tx)
				}
				return refused
			}); !errors.Is(err, refused) {
				t.Fatal(err)
			}
			if native == nil {
				native, _ = postgres.Tx(kept)
			}
			if err := native.Rollback(ctx); !errors.Is(err, pgx.ErrTxClosed) {
				t.Errorf("%s: rolling back, the host gets %v", name, err)
			}
			for what, err := range map[string]error{
				"CreateUser": kept.CreateUser(ctx, &store.User{Username: "bob"}), "RecordLogin": kept.RecordLogin(ctx, u.ID, at),
				"InTx": kept.InTx(ctx, nothing),
			} {
				if err == nil {
					t.Errorf("%s, %v: %s has worked after the end", name, refused, what)
				}
			}
			if _, err := st.UserByUsername(ctx, "bob"); !errors.Is(err, store.ErrNotFound) {
				t.Fatalf("%s: got %v", name, err)
			}
		}
	}
}

// TestHostsTransactionIsDoneAgain, if what was deferred met somebody else on its
// way to the host; and the host finds there what was deferred before.
func TestHostsTransactionIsDoneAgain(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	st, ctx := migrated(t, pool(t, url, "&default_transaction_isolation=serializable")), t.Context()
	beside := postgres.New(pool(t, url, ""))
	u, at := person(t, st, "ada"), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	times := 0
	err := st.InTx(ctx, func(tx store.Store) error {
		times++
		if _, err := tx.User(ctx, u.ID); err != nil {
			return err
		}
		if times == 1 {
			if err := beside.RecordLogin(ctx, u.ID, at); err != nil {
				return err
			}
		}
		for _, at := range []time.Time{at.Add(time.Hour), at.Add(2 * time.Hour)} {
			if err := tx.RecordLogin(ctx, u.ID, at); err != nil {
				return err
			}
			native, _ := postgres.Tx(tx)
			var got time.Time
			if err := native.QueryRow(ctx, `select last_login_at from auth_users where id = $1`, u.ID).Scan(&got); err != nil {
				return err
			}
			if !got.Equal(at) {
				t.Errorf("the host finds %v", got)
			}
		}
		return nil
	})
	if err != nil || times != 2 {
		t.Errorf("got %v after %d times", err, times)
	}
	// A host that keeps its transaction sees what was done since, too.
	if err := st.InTx(ctx, func(tx store.Store) error {
		native, _ := postgres.Tx(tx)
		if err := tx.RecordLogin(ctx, u.ID, at); err != nil {
			return err
		}
		var got time.Time
		if err := native.QueryRow(ctx, `select last_login_at from auth_users where id = $1`, u.ID).Scan(&got); err != nil {
			return err
		}
		if !got.Equal(at) {
			t.Errorf("the host finds %v", got)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// TestHostIsToldWhy its transaction could not begin: by the store's error.
func TestHostIsToldWhy(t *testing.T) {
	t.Parallel()
	proxy, url := faultproxy.Postgres(t, testenv.Postgres(t))
	st, ctx := migrated(t, pool(t, url, "")), t.Context()
	for _, deaf := range []bool{false, true} {
		if err := st.Ping(ctx); err != nil {
			t.Fatal(err)
		}
		proxy.Arm(faultproxy.Plan{Fault: faultproxy.Before, At: 1})
		err := st.InTx(ctx, func(tx store.Store) error {
			native, ok := postgres.Tx(tx)
			if !ok {
				return errors.New("there is none")
			}
			if _, err := native.Exec(ctx, "select 1"); !deaf {
				return err
			}
			return nil
		})
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("deaf %t: got %v, want unavailable", deaf, err)
		}
	}
}

// TestCommitIsAnswered and then the server ends the connection, or it is a
// pooler that says so.
func TestCommitIsAnswered(t *testing.T) {
	t.Parallel()
	straight := testenv.Postgres(t)
	kept := migrated(t, pool(t, straight, ""))
	u := person(t, kept, "ada")
	for n, tt := range []struct {
		code     string
		answered bool // the commit, before that
		alone    bool
		want     error // nil: any but unavailable, if it was not answered
	}{
		{"57P01", true, false, nil},
		{"08P01", false, false, nil},
		{"08P01", false, true, nil},
		{"57P01", false, false, store.ErrUnavailable},
	} {
		st := postgres.New(pool(t, ending(t, straight, tt.code, tt.answered), "&default_query_exec_mode=exec"))
		err := st.InTx(t.Context(), func(tx store.Store) error {
			if tt.alone {
				return tx.CreateUser(t.Context(), &store.User{Username: "alone"})
			}
			return inner(tx).DeferSession(t.Context(), newSession(u.ID, byte(n+10)))
		})
		switch {
		case tt.answered && err != nil, !tt.answered && err == nil, !errors.Is(err, tt.want) && tt.want != nil, tt.want == nil && errors.Is(err, store.ErrUnavailable):
			t.Errorf("%d, %s: got %v", n, tt.code, err)
		}
	}
}

// ending is a way to a server, which ends with an error once a transaction was
// committed: with the answer to the commit before it, or in place of all.
func ending(t *testing.T, to, code string, answered bool) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	u.Host = l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", server)
			if err != nil {
				_ = c.Close()
				return
			}
			go func() { _, _ = io.Copy(s, c); _ = s.Close() }()
			go func() {
				defer func() { _ = c.Close() }()
				var unit []byte
				for head := make([]byte, 5); ; {
					if _, err := io.ReadFull(s, head); err != nil {
						return
					}
					body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
					if _, err := io.ReadFull(s, body); err != nil {
						return
					}
					unit = append(append(unit, head...), body...)
					if head[0] == 'C' && string(body) == "COMMIT\x00" {
						if !answered {
							unit = nil
						}
						e := "SFATAL\x00VFATAL\x00C" + code + "\x00Mended\x00\x00"
						unit = append(binary.BigEndian.AppendUint32(append(unit, 'E'), uint32(len(e)+4)), e...)
						_, _ = c.Write(unit)
						return
					}
					if head[0] == 'Z' || head[0] == 'R' {
						_, _ = c.Write(unit)
						unit = nil
					}
				}
			}()
		}
	}()
	return u.String()
}

type postgresTx struct {
	store.Store
	store.SessionDeferrer
}

func inner(tx store.Store) *postgresTx { return &postgresTx{tx, tx.(store.SessionDeferrer)} }
