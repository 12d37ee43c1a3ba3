// Package postgres keeps everything in a PostgreSQL database:
//
//	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
//	…
//	st := postgres.New(pool)
//	err = st.Migrate(ctx)
//
// The tables' names begin with "auth_", so they can live beside the host's
// own; the search_path decides in which schema. [Tx] gives the host a hand in
// our transactions.
//
// Any size of pool will do, also one connection: a transaction never asks for
// a second one.
//
// # Behind a pooler
//
// Statements are prepared once per connection, which poolers in transaction
// mode may not support (PgBouncer does since 1.21, if max_prepared_statements
// is set). For others say so in the URL: "default_query_exec_mode=exec".
package postgres

import (
	"context"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/internal/sqlstore"
)

type base = sqlstore.Store

// Store implements [store.Store], with every optional ability, on PostgreSQL.
type Store struct {
	*base
	pool      *pool
	announces *atomic.Bool
	owned     *pgxpool.Pool
}

var _ interface {
	store.Store
	store.SessionUser
	store.UserFinder
	store.IntegerIDs
	store.Pinger
	store.AuditLog
	store.SessionWatcher
	store.UserLister
	store.Backlog
	store.Migrator
	store.Clock
} = (*Store)(nil)

// New returns a store on a pool of the host, who goes on to own it.
func New(p *pgxpool.Pool) *Store {
	db, announces := &pool{p}, &atomic.Bool{}
	return &Store{pool: db, announces: announces, base: sqlstore.New(&sqlstore.Database{
		Dialect:        "postgres",
		Read:           db,
		Write:          db,
		Begin:          db.begin,
		BeginMigration: db.beginMigration,
		SkipLocked:     " for update skip locked",
		NullIsZero:     true,
		ReturnsJoined:  true,
		Announced: func(statement, returning, column string) string {
			if !announces.Load() {
				return statement
			}
			return announced(statement+returning, column)
		},
	})}
}

// Open returns a store on a pool of its own, which Close closes. The URL may
// set the pool's size and more; see [pgxpool.ParseConfig].
func Open(ctx context.Context, url string) (*Store, error) {
	p, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("open postgres: %w", err) // without the password: pgx sees to it
	}
	s := New(p)
	s.owned = p
	if err := s.Ping(ctx); err != nil {
		p.Close()
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	return s, nil
}

// Migrate creates the tables, or brings them up to what this version of the
// code expects. It is safe to call on every start and by several instances at
// once: each step is one transaction, and they take turns. A database that a
// newer version has migrated is left alone, with an error.
func (s *Store) Migrate(ctx context.Context) error { return s.base.Migrate(ctx) }

// Pending names the steps that [Store.Migrate] would take, in order, and takes
// none.
func (s *Store) Pending(ctx context.Context) ([]string, error) { return s.base.Pending(ctx) }

const clock = `select clock_timestamp()`

// Time implements [store.Clock].
func (s *Store) Time(ctx context.Context) (time.Time, error) {
	return sqlstore.Time(ctx, s.base, clock)
}

// Close closes what [Open] has opened. The pool of [New] it leaves open.
func (s *Store) Close() error {
	if s.owned != nil {
		s.owned.Close()
	}
	return nil
}

// Migrations returns the SQL of the tables, for other tools. The store
// applies them itself; see [Store.Migrate].
func Migrations() fs.FS { return sqlstore.Migrations("postgres") }

// Tx returns the transaction behind a store that [store.Store].InTx has handed
// out. It belongs to the store, which commits it. Statements of the host in it
// go, or stay away, together with ours.
func Tx(tx store.Store) (pgx.Tx, bool) { return sqlstore.Native[pgx.Tx](tx) }
