// Package sqlite keeps everything in an SQLite database, in a file or in
// memory:
//
//	st, err := sqlite.Open(ctx, "auth.db")
//	…
//	defer st.Close()
//	err = st.Migrate(ctx)
//
// It needs no C compiler. One process is its natural home; several may share
// a file on a local disk, and wait for each other to write.
//
// # Durability
//
// What a method has acknowledged survives the end of the process and the loss
// of power: the journal (WAL) is synced with every commit (synchronous=FULL).
// That makes a write cost what a sync of the disk costs. Reading is not
// affected, and never waits for a writer.
//
// # The host's own database
//
// [New] works on a database that the host has opened with this driver
// (modernc.org/sqlite), so that its tables and ours can change in one
// transaction; see [Tx]. Foreign keys have to be on, for every connection:
// "_pragma=foreign_keys(1)". "_pragma=journal_mode(WAL)" is recommended.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	_ "modernc.org/sqlite" // the driver

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/internal/sqlstore"
)

type base = sqlstore.Store

// Store implements [store.Store], with every optional ability, on SQLite.
type Store struct {
	*base
	pools []*pool
	owned bool
	scope string
}

var _ interface {
	store.Store
	store.SessionUser
	store.UserFinder
	store.IntegerIDs
	store.Pinger
	store.AuditLog
	store.UserLister
	store.Backlog
	store.Migrator
	store.Scope
} = (*Store)(nil)

// Settings of every connection: wait for writers of other processes, obey
// references, sync every commit.
const pragmas = "_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=synchronous(full)"

// Open opens the database in the file at path, and creates it, for its owner
// alone, if it is missing. The path ":memory:" is a database in memory, which
// no other Store sees and which ends with Close.
func Open(ctx context.Context, path string) (*Store, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string) (*Store, error) {
	if path == ":memory:" {
		// The connection is the database: there is one, and it stays.
		db, err := connect(ctx, "file::memory:?"+pragmas, 1)
		if err != nil {
			return nil, err
		}
		s := newStore(true, db, db)
		s.scope = store.ProcessScope
		return s, nil
	}
	// Whoever can read the file can read password hashes. An existing file is
	// not opened here: closing it again would drop SQLite's locks on it.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		err = f.Close()
	case errors.Is(err, fs.ErrExist):
		err = nil
	}
	if err != nil {
		return nil, err
	}
	dsn := "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path) + "?" + pragmas
	write, err := connect(ctx, dsn+"&_pragma=journal_mode(wal)", 1)
	if err != nil {
		return nil, err
	}
	read, err := connect(ctx, dsn+"&_pragma=query_only(1)", max(4, 2*runtime.GOMAXPROCS(0)))
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return newStore(true, read, write), nil
}

// connect opens a pool of up to n connections that stay open.
func connect(ctx context.Context, dsn string, n int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(translate(ctx, err), db.Close())
	}
	return db, nil
}

// New returns a store in a database of the host, who goes on to own it. See
// the package's comment for how it has to be opened.
func New(db *sql.DB) *Store { return newStore(false, db, db) }

func newStore(owned bool, read, write *sql.DB) *Store {
	w := newPool(write)
	pools, r := []*pool{w}, w
	if read != write {
		r = newPool(read)
		pools = append(pools, r)
	}
	return &Store{owned: owned, scope: store.MachineScope, pools: pools, base: sqlstore.New(&sqlstore.Database{
		Dialect:        "sqlite",
		Read:           r,
		Write:          w,
		Begin:          w.begin,
		BeginMigration: w.beginMigration,
	})}
}

// Migrate creates the tables, or brings them up to what this version of the
// code expects. It is safe to call on every start and by several instances at
// once: each step is one transaction, and they take turns. A database that a
// newer version has migrated is left alone, with an error.
func (s *Store) Migrate(ctx context.Context) error { return s.base.Migrate(ctx) }

// Pending names the steps that [Store.Migrate] would take, in order, and takes
// none.
func (s *Store) Pending(ctx context.Context) ([]string, error) { return s.base.Pending(ctx) }

// Scope implements [store.Scope]: a database in memory is one process's.
func (s *Store) Scope() string { return s.scope }

// Close closes the database that [Open] has opened. That of [New] it leaves
// open. The store can't be used any more.
func (s *Store) Close() error {
	var errs []error
	for _, p := range s.pools {
		errs = append(errs, p.close())
		if s.owned {
			errs = append(errs, p.db.Close())
		}
	}
	return errors.Join(errs...)
}

// Migrations returns the SQL of the tables, for other tools. The store
// applies them itself; see [Store.Migrate].
func Migrations() fs.FS { return sqlstore.Migrations("sqlite") }

// Tx returns the transaction behind a store that [store.Store].InTx has handed
// out. It belongs to the store, which commits it. Statements of the host in it
// go, or stay away, together with ours.
func Tx(tx store.Store) (*sql.Tx, bool) { return sqlstore.Native[*sql.Tx](tx) }
