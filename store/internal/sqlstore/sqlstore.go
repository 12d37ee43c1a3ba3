// Package sqlstore is the store in SQL, once for every database. Packages
// sqlite and postgres adapt their drivers to [Database] and get everything
// else from here: each file holds the statements of one record beside the
// functions that run them.
//
// The statements are standard enough to run on both databases. What differs
// is the tables' DDL (migrations/), how times travel (each adapter takes and
// gives [time.Time]), and one locking clause ([Database.SkipLocked]).
//
// Ids are integers here and text outside; see number. The zero time is stored
// as what it is, the year 1, so that it needs no case of its own. Bytes that
// may be absent are NULL when they are, but for a session's state. What a session
// holds in text is in shorthand; see short.
package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headless-auth/headless/store"
)

// ErrBusy marks an error after which the same work may succeed if it is done
// again from the start: a lock that was not to be had, a deadlock, a
// transaction that could not be serialised. Adapters wrap it, [Store] retries.
var ErrBusy = errors.New("busy")

// Scan copies the current row to where dest points. Times come back in UTC.
type Scan func(dest ...any) error

// Querier runs statements. Its errors wrap [store.ErrConflict] where a
// uniqueness rule forbids a row, [store.ErrNotFound] where a row refers to one
// that does not exist, [store.ErrUnavailable] where the database can't be
// reached, and [ErrBusy].
type Querier interface {
	// Exec runs a statement and tells how many rows it changed.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Query runs a statement and calls each for every row.
	Query(ctx context.Context, each func(Scan) error, query string, args ...any) error
	// Write is Query for a statement that may be refused. A refusal leaves the
	// transaction that it is part of as it was.
	Write(ctx context.Context, each func(Scan) error, query string, args ...any) error
}

// Tx is a transaction of a [Database].
type Tx interface {
	Querier
	// Later is Query for a statement that nobody waits for: it may travel with
	// the next one or with the commit, which then fail for it.
	Later(ctx context.Context, each func(Scan) error, query string, args ...any) error
	Commit(ctx context.Context) error
	// Rollback ends the transaction even if ctx has ended.
	Rollback(ctx context.Context)
	// Native is the driver's own transaction, and why what waited for it has
	// failed.
	Native() (any, error)
}

// Database is what a [Store] needs of a database.
type Database struct {
	// Dialect is "postgres" or "sqlite".
	Dialect string
	// Read and Write run statements outside of transactions.
	Read, Write Querier
	// Begin starts a transaction that may write.
	Begin func(ctx context.Context) (Tx, error)
	// BeginMigration starts a transaction that nobody else's migration can run
	// beside. In it the table auth_migrations exists.
	BeginMigration func(ctx context.Context) (Tx, error)
	// SkipLocked makes a select lock its rows, and leave out those that
	// somebody else has locked. Empty where writers are alone anyway.
	SkipLocked string
	// Announced makes of a statement one that also tells those who watch
	// sessions whose it changes. What is to follow the statement makes it
	// return user_id and a column; the answer is that column. As long as
	// nobody is to be told it is the statement alone. Nil: nobody can watch.
	Announced func(statement, returning, column string) string
	// NullIsZero: NULL is scanned as the zero of whatever dest points to.
	NullIsZero bool
	// ReturnsJoined: an update can return columns of the tables that it is
	// joined with. Needs NullIsZero.
	ReturnsJoined bool
}

// Store implements [store.Store] and every optional ability on a [Database].
type Store struct {
	db          *Database
	read, write Querier
	tx          Tx       // nil outside of transactions
	watch       *watched // the same
}

var _ interface {
	store.Store
	store.SessionUser
	store.UserFinder
	store.SessionRefresher
	store.SessionDeferrer
	store.IntegerIDs
	store.Pinger
	store.AuditLog
	store.Backlog
	store.Migrator
} = (*Store)(nil)

// New returns a store on a database.
func New(db *Database) *Store {
	return &Store{db: db, read: checked{db.Read}, write: checked{db.Write}}
}

// IntegerIDs implements [store.IntegerIDs].
func (*Store) IntegerIDs() bool { return true }

const ping = `select 1`

// Ping implements [store.Pinger].
func (s *Store) Ping(ctx context.Context) error {
	_, err := one(ctx, s, scanInt, ping)
	return did("ping", err)
}

// Time asks a database that has a clock of its own, with its own words.
func Time(ctx context.Context, s *Store, query string) (time.Time, error) {
	t, err := one(ctx, s, scanTime, query)
	return t, did("ask for the time", err)
}

// InTx implements [store.Store].
func (s *Store) InTx(ctx context.Context, fn func(store.Store) error) error {
	own := func(s *Store) error { return fn(s) }
	if s.tx != nil {
		return s.nested(ctx, own)
	}
	return s.inTx(ctx, own)
}

// inTx is InTx for ourselves: joining, it leaves to the caller what was
// written before an error.
func (s *Store) inTx(ctx context.Context, fn func(*Store) error) error {
	if s.tx != nil {
		return fn(s)
	}
	return retry(ctx, func() error { return s.once(ctx, s.db.Begin, fn) })
}

// once runs fn in one transaction.
func (s *Store) once(ctx context.Context, begin func(context.Context) (Tx, error), fn func(*Store) error) error {
	tx, err := begin(ctx)
	if err != nil {
		return did("begin", err)
	}
	w := &watched{Querier: checked{tx}, tx: tx}
	committed := false
	defer func() { // also when fn panics
		if !committed {
			tx.Rollback(ctx)
		}
	}()
	err = fn(&Store{db: s.db, read: w, write: w, tx: tx, watch: w})
	switch {
	case w.busy != nil: // whatever fn made of it
		return w.busy
	case w.lost != nil:
		return errors.Join(err, w.lost)
	case err != nil:
		return err
	}
	committed = true
	return did("commit", tx.Commit(ctx))
}

const (
	savepoint = `savepoint auth_nested`
	undo      = `rollback to savepoint auth_nested`
	release   = `release savepoint auth_nested`
)

// nested runs fn in the transaction that there is, and undoes what it has
// written if it fails.
func (s *Store) nested(ctx context.Context, fn func(*Store) error) error {
	if _, err := s.exec(ctx, savepoint); err != nil {
		return did("begin", err)
	}
	good := false
	defer func() { // also when fn panics
		if good {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if _, err := s.exec(ctx, undo); err != nil {
			s.watch.lost = did("roll back", err)
		}
	}()
	if err := fn(s); err != nil {
		return err
	}
	_, err := s.exec(ctx, release)
	good = err == nil
	return did("commit", err)
}

// Native returns the driver's transaction of a store that was handed out by
// InTx.
func Native[T any](s store.Store) (tx T, ok bool) {
	// What a test has put in front of a store does not hide its transaction.
	if above, is := s.(interface{ Unwrap() store.Store }); is {
		return Native[T](above.Unwrap())
	}
	if s, is := s.(*Store); is && s.tx != nil {
		native, err := s.tx.Native()
		if s.watch.note(err) != nil { // the host is not told but by what it asks
			s.watch.lost = did("begin what was handed out", err)
		}
		tx, ok = native.(T)
	}
	return tx, ok
}

// watched remembers why a transaction can't be committed, in case that the
// error is lost on its way up.
type watched struct {
	Querier
	tx   Tx
	busy error // it has to be done again
	lost error // what should be undone, or handed out, could not be
}

func (w *watched) note(err error) error {
	if w.busy == nil && errors.Is(err, ErrBusy) {
		w.busy = err
	}
	return err
}

func (w *watched) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	n, err := w.Querier.Exec(ctx, query, args...)
	return n, w.note(err)
}

func (w *watched) Query(ctx context.Context, each func(Scan) error, query string, args ...any) error {
	return w.note(w.Querier.Query(ctx, each, query, args...))
}

func (w *watched) Write(ctx context.Context, each func(Scan) error, query string, args ...any) error {
	return w.note(w.Querier.Write(ctx, each, query, args...))
}

// later is Query for what nobody waits for.
func (w *watched) later(ctx context.Context, each func(Scan) error, query string, args ...any) error {
	if err := storable(args); err != nil {
		return err
	}
	return w.note(w.tx.Later(ctx, each, query, args...))
}

// did says what was being done when err happened.
func did(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
