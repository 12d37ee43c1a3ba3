package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/sqlite"
)

// sqlStore is what both have beyond the contracts.
type sqlStore interface {
	store.Store
	store.AuditLog
	Migrate(context.Context) error
	Pending(context.Context) ([]string, error)
	MigrateFrom(context.Context, fs.FS) error
	PendingFrom(context.Context, fs.FS) ([]string, error)
}

// database is one that can be opened by several "instances".
type database struct {
	url  string // what another process opens: sqlite:PATH or postgres://…
	open func(t *testing.T) sqlStore
	// columns of a table, with what they are called in the other dialect too.
	columns func(t *testing.T) map[string][]string
	exec    func(ctx context.Context, tx store.Store, statement string) error
}

// onBoth runs a test on a new database of each kind.
func onBoth(t *testing.T, test func(t *testing.T, db database)) {
	t.Run("sqlite", func(t *testing.T) { test(t, onSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, onPostgres(t)) })
}

func onSQLite(t *testing.T) database {
	path := filepath.Join(t.TempDir(), "auth.db")
	return database{
		url: "sqlite:" + path,
		open: func(t *testing.T) sqlStore {
			st, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			return st
		},
		columns: func(t *testing.T) map[string][]string {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			rows, err := db.QueryContext(t.Context(), `select m.name, c.name, c.type || case c."notnull" or c.pk when true then ' not null' else '' end
				from sqlite_schema m, pragma_table_info(m.name) c where m.type = 'table' and m.name not like 'sqlite_%'`)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			found := map[string][]string{}
			for rows.Next() {
				var table, column, kind string
				if err := rows.Scan(&table, &column, &kind); err != nil {
					t.Fatal(err)
				}
				found[table] = append(found[table], column+" "+kind)
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
			return found
		},
		exec: func(ctx context.Context, tx store.Store, statement string) error {
			native, ok := sqlite.Tx(tx)
			if !ok {
				return errors.New("no transaction")
			}
			_, err := native.ExecContext(ctx, statement)
			return err
		},
	}
}

func onPostgres(t *testing.T) database {
	url := testenv.Postgres(t)
	return database{
		url: url,
		open: func(t *testing.T) sqlStore {
			st, err := postgres.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			return st
		},
		columns: func(t *testing.T) map[string][]string {
			pool, err := pgxpool.New(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			rows, err := pool.Query(t.Context(), `select table_name, column_name, data_type, is_nullable = 'NO'
				from information_schema.columns where table_schema = current_schema() order by table_name, ordinal_position`)
			if err != nil {
				t.Fatal(err)
			}
			// What SQLite calls them.
			kinds := map[string]string{"bigint": "INTEGER", "integer": "INTEGER", "boolean": "INTEGER", "timestamp with time zone": "INTEGER", "text": "TEXT", "bytea": "BLOB"}
			found := map[string][]string{}
			var table, column, kind string
			var filled bool
			_, err = pgx.ForEachRow(rows, []any{&table, &column, &kind, &filled}, func() error {
				c := column + " " + kinds[kind]
				if filled {
					c += " not null"
				}
				found[table] = append(found[table], c)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return found
		},
		exec: func(ctx context.Context, tx store.Store, statement string) error {
			native, ok := postgres.Tx(tx)
			if !ok {
				return errors.New("no transaction")
			}
			_, err := native.Exec(ctx, statement)
			return err
		},
	}
}

// migrated opens a database with its tables.
func (db database) migrated(t *testing.T) sqlStore {
	t.Helper()
	st := db.open(t)
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return st
}

func TestDialectsEndInTheSameTables(t *testing.T) {
	lite, pg := onSQLite(t), onPostgres(t)
	lite.migrated(t)
	pg.migrated(t)
	got, want := lite.columns(t), pg.columns(t)
	if len(want) < 12 {
		t.Fatalf("found only these tables: %v", want)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("they differ:\nsqlite   %v\npostgres %v", got, want)
	}
}

func TestMigrate(t *testing.T) {
	first := fstest.MapFS{"0001_one.sql": {Data: []byte(`create table auth_one (n int); insert into auth_one values (1)`)}}
	both := fstest.MapFS{
		"0001_one.sql": first["0001_one.sql"],
		"0002_two.sql": {Data: []byte(`create table auth_two (n int); insert into auth_two select n from auth_one`)},
	}
	tables := func(t *testing.T, db database) string {
		t.Helper()
		var l []string
		for name := range db.columns(t) {
			if name != "auth_migrations" {
				l = append(l, name)
			}
		}
		slices.Sort(l)
		return strings.Join(l, " ")
	}
	pending := func(t *testing.T, st sqlStore, f fs.FS) string {
		t.Helper()
		l, err := st.PendingFrom(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(l, " ")
	}
	equal := func(t *testing.T, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}

	onBoth(t, func(t *testing.T, db database) {
		st := db.open(t)
		equal(t, pending(t, st, both), "0001_one 0002_two")
		equal(t, tables(t, db), "")

		t.Run("one after the other, each once", func(t *testing.T) {
			for _, f := range []fs.FS{first, first, both, both} {
				if err := st.MigrateFrom(t.Context(), f); err != nil {
					t.Fatal(err)
				}
			}
			equal(t, tables(t, db), "auth_one auth_two")
			equal(t, pending(t, st, both), "")
		})

		t.Run("a database newer than the program is left alone", func(t *testing.T) {
			err := st.MigrateFrom(t.Context(), first)
			if err == nil || !strings.Contains(err.Error(), "newer than this program") {
				t.Errorf("got %v", err)
			}
			if _, err := st.PendingFrom(t.Context(), first); err == nil {
				t.Error("got no error")
			}
		})

		t.Run("a released migration is never edited", func(t *testing.T) {
			edited := fstest.MapFS{"0001_one.sql": both["0002_two.sql"], "0002_two.sql": both["0002_two.sql"]}
			if err := st.MigrateFrom(t.Context(), edited); err == nil || !strings.Contains(err.Error(), "0001_one was changed") {
				t.Errorf("got %v", err)
			}
			other := fstest.MapFS{"0001_other.sql": first["0001_one.sql"], "0002_two.sql": both["0002_two.sql"]}
			if err := st.MigrateFrom(t.Context(), other); err == nil || !strings.Contains(err.Error(), "0001_one where this program has 0001_other") {
				t.Errorf("got %v", err)
			}
		})

		t.Run("one that fails midway leaves nothing", func(t *testing.T) {
			failing := fstest.MapFS{"0001_one.sql": both["0001_one.sql"], "0002_two.sql": both["0002_two.sql"],
				"0003_three.sql": {Data: []byte(`create table auth_three (n int); insert into auth_nowhere values (1)`)}}
			if err := st.MigrateFrom(t.Context(), failing); err == nil || !strings.Contains(err.Error(), "0003_three") {
				t.Errorf("got %v", err)
			}
			equal(t, tables(t, db), "auth_one auth_two")
			equal(t, pending(t, st, failing), "0003_three")
		})
	})
}

func TestMigrateByManyAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, db database) {
		const instances = 6
		var wg sync.WaitGroup
		errs := make([]error, instances)
		for i := range instances {
			st := db.open(t)
			wg.Go(func() { errs[i] = st.Migrate(t.Context()) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if l, err := db.open(t).Pending(t.Context()); err != nil || len(l) > 0 {
			t.Errorf("got %v, %v; want nothing pending", l, err)
		}
	})
}

// TestHostsOwnTable has a row of the host go with ours.
func TestHostsOwnTable(t *testing.T) {
	onBoth(t, func(t *testing.T, db database) {
		st, ctx := db.migrated(t), t.Context()
		if err := db.exec(ctx, st, `select 1`); err == nil {
			t.Error("got a transaction where there is none")
		}
		change := errors.New("changed my mind")
		for _, outcome := range []error{change, nil} {
			u := &store.User{Username: "ada"}
			err := st.InTx(ctx, func(tx store.Store) error {
				if outcome != nil { // DDL goes back as well
					if err := db.exec(ctx, tx, `create table profiles (user_id bigint)`); err != nil {
						return err
					}
				} else if err := db.exec(ctx, tx, `create table profiles (user_id bigint primary key references auth_users)`); err != nil {
					return err
				}
				if err := tx.CreateUser(ctx, u); err != nil {
					return err
				}
				if err := db.exec(ctx, tx, `insert into profiles values (`+u.ID+`)`); err != nil {
					return err
				}
				return outcome
			})
			if !errors.Is(err, outcome) {
				t.Fatalf("got %v, want %v", err, outcome)
			}
			_, hasTable := db.columns(t)["profiles"]
			if _, err := st.User(ctx, u.ID); (err == nil) != (outcome == nil) || hasTable != (outcome == nil) {
				t.Errorf("after %v: user %v, table %v", outcome, err, hasTable)
			}
		}
	})
}

// TestTakersInTwoInstances races two pools for the takes of one bucket, in
// both orders with another, which must not end in a deadlock.
func TestTakersInTwoInstances(t *testing.T) {
	onBoth(t, func(t *testing.T, db database) {
		ctx, now := t.Context(), time.Now()
		instances := []sqlStore{db.migrated(t), db.migrated(t)}
		const takers, amount = 200, 30
		var granted atomic.Int64
		var wg sync.WaitGroup
		for i := range takers {
			wg.Go(func() {
				buckets := []store.Bucket{
					{Key: "scarce", Amount: amount, Per: time.Hour},
					{Key: "plenty", Amount: 2 * takers, Per: time.Hour},
				}
				if i%4 >= 2 {
					slices.Reverse(buckets)
				}
				wait, err := instances[i%2].Take(ctx, now, buckets...)
				if err != nil {
					t.Error(err)
				} else if wait == 0 {
					granted.Add(1)
				}
			})
		}
		wg.Wait()
		if n := granted.Load(); n != amount {
			t.Errorf("%d were granted, want %d", n, amount)
		}
	})
}

// TestDeadlock has two transactions take crosswise, so that the database has
// to undo one of them, which is then done again.
func TestDeadlock(t *testing.T) {
	onBoth(t, func(t *testing.T, db database) {
		ctx, now := t.Context(), time.Now()
		var runs atomic.Int64
		var wg, bothHaveOne sync.WaitGroup
		bothHaveOne.Add(2)
		errs := make([]error, 2)
		for i, keys := range [][]string{{"a", "b"}, {"b", "a"}} {
			st := db.migrated(t)
			wg.Go(func() {
				first := true
				errs[i] = st.InTx(ctx, func(tx store.Store) error {
					runs.Add(1)
					for n, key := range keys {
						if n == 1 && first && t.Name() == "TestDeadlock/postgres" {
							first = false
							bothHaveOne.Done()
							bothHaveOne.Wait()
						}
						if wait, err := tx.Take(ctx, now, store.Bucket{Key: key, Amount: 2, Per: time.Hour}); err != nil || wait > 0 {
							return fmt.Errorf("%v, %w", wait, err)
						}
					}
					return nil
				})
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		if n := runs.Load(); t.Name() == "TestDeadlock/postgres" && n != 3 {
			t.Errorf("the two ran %d times, want one of them twice", n)
		}
		st := db.open(t)
		for _, key := range []string{"a", "b"} { // each was taken from twice
			if wait, err := st.Peek(ctx, now, store.Bucket{Key: key, Amount: 2, Per: time.Hour}); err != nil || wait == 0 {
				t.Errorf("%s: got %v, %v; want it to be full", key, wait, err)
			}
		}
	})
}

// TestTextThatCannotBeStored is not found, and refused without harm.
func TestTextThatCannotBeStored(t *testing.T) {
	onBoth(t, func(t *testing.T, db database) {
		st, ctx, now := db.migrated(t), t.Context(), time.Now()
		for _, bad := range []string{"a\x00b", "\x00", "\xff", "a\xc3"} {
			err := st.InTx(ctx, func(tx store.Store) error {
				for what, err := range map[string]error{
					"user":    second(tx.UserByUsername(ctx, bad)),
					"id":      second(tx.User(ctx, bad)),
					"account": second(tx.SocialAccount(ctx, bad, "1")),
					"uid":     second(tx.SocialAccount(ctx, "p", bad)),
					"token":   second(tx.SocialToken(ctx, "1", bad)),
				} {
					if !errors.Is(err, store.ErrNotFound) {
						t.Errorf("%s %q: got %v, want not found", what, bad, err)
					}
				}
				if l, err := tx.EmailsByAddress(ctx, bad); err != nil || len(l) > 0 {
					t.Errorf("got %v, %v", l, err)
				}
				if l, err := tx.PhonesByNumber(ctx, bad); err != nil || len(l) > 0 {
					t.Errorf("got %v, %v", l, err)
				}
				for what, err := range map[string]error{
					"user":    tx.CreateUser(ctx, &store.User{Username: bad}),
					"fields":  tx.CreateUser(ctx, &store.User{Fields: []byte(`{"x":"` + bad + `"}`)}),
					"session": tx.CreateSession(ctx, &store.Session{TokenHash: []byte("x"), UserAgent: bad}),
					"nonce":   tx.UseOnce(ctx, bad, now, now),
					"limit":   second(tx.Take(ctx, now, store.Bucket{Key: bad, Amount: 1, Per: time.Hour})),
				} {
					if err == nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
						t.Errorf("%s %q: got %v, want an error of no kind", what, bad, err)
					}
				}
				return tx.UseOnce(ctx, "good "+fmt.Sprintf("%x", bad), now, now) // the transaction is sound
			})
			if err != nil {
				t.Errorf("%q: %v", bad, err)
			}
		}
		// As an escape it is plain text.
		u := &store.User{Fields: []byte(`{"x":"\u0000"}`)}
		if err := st.CreateUser(ctx, u); err != nil {
			t.Fatal(err)
		}
		if back, err := st.User(ctx, u.ID); err != nil || string(back.Fields) != string(u.Fields) {
			t.Errorf("got %v, %v", back, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// TestBeforeMigrate fails with the reason.
func TestBeforeMigrate(t *testing.T) {
	onBoth(t, func(t *testing.T, db database) {
		st := db.open(t)
		_, err := st.User(t.Context(), "1")
		tx := st.InTx(t.Context(), func(tx store.Store) error { return tx.CreateUser(t.Context(), &store.User{}) })
		for _, err := range []error{err, tx} {
			if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "auth_") {
				t.Errorf("got %v, want the name of the missing table", err)
			}
		}
	})
}
