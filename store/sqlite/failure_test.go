package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/sqlite"
	"github.com/headless-auth/headless/store/storetest"
)

// TestMain is a process of its own when a test asks for it.
func TestMain(m *testing.M) {
	if path := os.Getenv("SQLITE_TEST_WRITE_UNTIL_KILLED"); path != "" {
		writeUntilKilled(path)
	}
	os.Exit(m.Run())
}

// writeUntilKilled writes in pairs, a user and an address, and says what was
// acknowledged.
func writeUntilKilled(path string) {
	ctx := context.Background()
	st, err := sqlite.Open(ctx, path)
	if err == nil {
		err = st.Migrate(ctx)
	}
	for i := 0; err == nil; i++ {
		u := &store.User{Username: fmt.Sprint("user", i), FirstName: strings.Repeat("x", 2000)}
		err = st.InTx(ctx, func(tx store.Store) error {
			if err := tx.CreateUser(ctx, u); err != nil {
				return err
			}
			return tx.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: fmt.Sprint(i, "@example.org"), Primary: true})
		})
		if err == nil {
			fmt.Println(u.ID)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKilled ends a process amidst writing, several times on one file: what
// was acknowledged is there, and nothing by halves.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.db")
	var acknowledged []string
	for round := range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SQLITE_TEST_WRITE_UNTIL_KILLED="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, enough := bufio.NewScanner(out), len(acknowledged)+20+7*round
		for lines.Scan() {
			acknowledged = append(acknowledged, lines.Text())
			if len(acknowledged) == enough {
				_ = cmd.Process.Kill()
			}
		}
		_ = cmd.Wait()
		if len(acknowledged) < enough {
			t.Fatalf("only %d were acknowledged", len(acknowledged))
		}
		// The next process would write the same names again.
		check(t, path, acknowledged)
	}
}

func check(t *testing.T, path string, acknowledged []string) {
	t.Helper()
	st, ctx := open(t, path), t.Context()
	for _, id := range acknowledged {
		u, err := st.User(ctx, id)
		if err != nil || u.Email == "" {
			t.Fatalf("user %s was acknowledged; got %v, %v", id, u, err)
		}
		u.Username = "" // free for the next process
		if err := st.UpdateUser(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var state string
	var halves int
	if err := db.QueryRowContext(ctx, `pragma integrity_check`).Scan(&state); err != nil || state != "ok" {
		t.Errorf("integrity: got %q, %v", state, err)
	}
	if err := db.QueryRowContext(ctx, `select count(*) from auth_users where id not in (select user_id from auth_emails)`).Scan(&halves); err != nil || halves > 0 {
		t.Errorf("%d users have no address, %v", halves, err)
	}
	// One may have been committed without getting to say so.
	if _, err := db.ExecContext(ctx, `update auth_users set username = '', username_folded = null`); err != nil {
		t.Error(err)
	}
}

// TestInstancesWaitForEachOther has several stores on one file write and read
// all they can; none may fail.
func TestInstancesWaitForEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.db")
	var wg sync.WaitGroup
	for i := range 4 {
		st, ctx := open(t, path), t.Context()
		for j := range 4 {
			wg.Go(func() {
				for k := range 10 {
					u := &store.User{Username: fmt.Sprint(i, j, k)}
					err := st.InTx(ctx, func(tx store.Store) error {
						if _, err := tx.UserByUsername(ctx, u.Username); !errors.Is(err, store.ErrNotFound) {
							return fmt.Errorf("found %s: %v", u.Username, err)
						}
						return tx.CreateUser(ctx, u)
					})
					if err != nil {
						t.Error(err)
					}
					if _, err := st.User(ctx, u.ID); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
}

// hold keeps the file locked for writing until the test ends, or release.
func hold(t *testing.T, path string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	release = func() {
		_ = tx.Rollback()
		_ = db.Close()
	}
	t.Cleanup(release)
	return release
}

func TestLockedBySomebodyElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.db")
	st := open(t, path)
	u := &store.User{Username: "ada"}
	if err := st.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	release := hold(t, path)
	for name, write := range map[string]func(context.Context) error{
		"alone":            func(ctx context.Context) error { return st.RecordLogin(ctx, u.ID, time.Now()) },
		"in a transaction": func(ctx context.Context) error { return st.InTx(ctx, func(store.Store) error { return nil }) },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		start := time.Now()
		err := write(ctx)
		cancel()
		if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want unavailable and the context's error", name, err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if err := write(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s, cancelled: got %v, want the context's error alone", name, err)
		}
	}
	if _, err := st.User(t.Context(), u.ID); err != nil {
		t.Errorf("reading beside a writer: %v", err)
	}
	release()
	if err := st.RecordLogin(t.Context(), u.ID, time.Now()); err != nil {
		t.Errorf("after the lock is gone: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "auth.db")+"?_pragma=foreign_keys(1)&_pragma=max_page_count(80)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	st, ctx := sqlite.New(db), t.Context()
	defer st.Close()
	if err := st.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	kept := 0
	for ; kept < 1000; kept++ {
		err = st.CreateUser(ctx, &store.User{Username: fmt.Sprint(kept), FirstName: strings.Repeat("x", 4000)})
		if err != nil {
			break
		}
	}
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "full") {
		t.Errorf("got %v, want unavailable because full", err)
	}
	var n int
	if err := db.QueryRowContext(ctx, `select count(*) from auth_users`).Scan(&n); err != nil || n != kept {
		t.Errorf("got %d users, %v; want %d", n, err, kept)
	}
}

// TestHostsDatabase has the settings that a host who sets none gets.
func TestHostsDatabase(t *testing.T) {
	for _, conns := range []int{1, 4} {
		t.Run(fmt.Sprintf("on %d connections", conns), func(t *testing.T) {
			open := func(t *testing.T) store.Store {
				db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "host.db")+"?_pragma=foreign_keys(1)")
				if err != nil {
					t.Fatal(err)
				}
				db.SetMaxOpenConns(conns)
				st := sqlite.New(db)
				t.Cleanup(func() { _, _ = st.Close(), db.Close() })
				if err := st.Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
				return st
			}
			storetest.Transactions(t, open)
			storetest.Nonces(t, func(t *testing.T) store.Nonces { return open(t) })
		})
	}
}

func TestHostsDatabaseWithoutForeignKeys(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "host.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := sqlite.New(db).Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "foreign_keys(1)") {
		t.Errorf("got %v, want what to do about it", err)
	}
}

func TestClose(t *testing.T) {
	for _, path := range []string{":memory:", filepath.Join(t.TempDir(), "auth.db")} {
		st, ctx := open(t, path), t.Context()
		if err := st.CreateUser(ctx, &store.User{}); err != nil {
			t.Fatal(err)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		_, read := st.User(ctx, "1")
		for _, err := range []error{
			read, st.Ping(ctx), st.CreateUser(ctx, &store.User{}), st.Migrate(ctx),
			st.InTx(ctx, func(store.Store) error { return nil }),
		} {
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: got %v, want unavailable", path, err)
			}
		}
	}
}

func TestCloseLeavesTheHostsDatabase(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := sqlite.New(db).Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.PingContext(t.Context()); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestOpen(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()

	t.Run("any name, and only for the owner", func(t *testing.T) {
		for _, name := range []string{"a b.db", "100%.db", "what?.db", "c#.db", "file:x.db", "ü.db", "x?_pragma=query_only(1)"} {
			path := filepath.Join(dir, name)
			if err := open(t, path).CreateUser(ctx, &store.User{}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: got %v, %v; want a file for its owner alone", name, info, err)
			}
		}
	})

	t.Run("in the current folder", func(t *testing.T) {
		t.Chdir(t.TempDir())
		for _, name := range []string{"auth.db", "file:auth.db"} {
			if err := open(t, name).CreateUser(ctx, &store.User{}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := os.Stat(name); err != nil {
				t.Error(err)
			}
		}
	})

	t.Run("a second time", func(t *testing.T) {
		path, u := filepath.Join(dir, "again.db"), &store.User{Username: "ada"}
		if err := open(t, path).CreateUser(ctx, u); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, path).UserByUsername(ctx, "Ada"); err != nil {
			t.Error(err)
		}
	})

	t.Run("two in memory are two", func(t *testing.T) {
		a, b := open(t, ":memory:"), open(t, ":memory:")
		if err := a.CreateUser(ctx, &store.User{Username: "ada"}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.UserByUsername(ctx, "ada"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v, want not found", err)
		}
	})

	t.Run("what can't be opened", func(t *testing.T) {
		text := filepath.Join(dir, "text")
		if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"", dir, filepath.Join(dir, "no", "folder.db"), text} {
			st, err := sqlite.Open(ctx, path)
			if err == nil || st != nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%q: got %v", path, err)
			}
		}
	})
}

// TestCancelledTransaction leaves the connection fit for the next.
func TestCancelledTransaction(t *testing.T) {
	for _, path := range []string{":memory:", filepath.Join(t.TempDir(), "auth.db")} {
		st := open(t, path)
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			err := st.InTx(ctx, func(tx store.Store) error {
				if err := tx.CreateUser(ctx, &store.User{Username: "ada"}); err != nil {
					return err
				}
				cancel()
				return tx.CreateUser(ctx, &store.User{Username: "bob"})
			})
			if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
				t.Fatalf("got %v, want the context's error", err)
			}
		}
		u := &store.User{Username: "ada"}
		if err := st.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if _, err := st.UserByUsername(t.Context(), "ada"); err != nil {
			t.Error(err)
		}
	}
}

func TestMigrationsAreThere(t *testing.T) {
	f, err := sqlite.Migrations().Open("0001_initial.sql")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || !strings.Contains(string(b), "create table auth_users") {
		t.Errorf("got %q, %v", b, err)
	}
}
