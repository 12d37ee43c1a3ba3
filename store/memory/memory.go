// Package memory is a [store.Store] that keeps everything in memory: for tests,
// for trying things out, and for the parts that may be forgotten when the
// process ends.
//
//	st := memory.New()
//
// It is exact: it passes the whole of package storetest, and serves as the
// model of what the contracts mean. Its ids are integers. It forgets what has
// expired when it is told to, by the DeleteExpired methods; nothing runs by
// itself.
//
// # Transactions
//
// One write or transaction runs at a time. What a transaction has written lies
// beside the rest until it commits, so that others read undisturbed and never
// see a half of it.
//
// While its function runs, a transaction must go through the store it was
// given. Reading from the outer store shows what was there before; writing to
// it waits for the very transaction that it is called from. Such a wait ends
// with [store.ErrUnavailable], when the context does or after ten seconds.
//
// A joined transaction that fails takes the whole one with it, even if the
// outer function makes nothing of the error: it can't be undone by itself, and
// must not be kept.
package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/headless-auth/headless/store"
)

// patience is how long a write waits for its turn, at most.
const patience = 10 * time.Second

// Store keeps everything in memory. It is safe for use by several goroutines.
type Store struct {
	db *db
	tx *transaction // nil outside a transaction
}

var (
	_ store.Store            = (*Store)(nil)
	_ store.SessionUser      = (*Store)(nil)
	_ store.UserFinder       = (*Store)(nil)
	_ store.SessionRefresher = (*Store)(nil)
	_ store.IntegerIDs       = (*Store)(nil)
	_ store.Pinger           = (*Store)(nil)
	_ store.AuditLog         = (*Store)(nil)
	_ store.SessionWatcher   = (*Store)(nil)
	_ store.UserLister       = (*Store)(nil)
	_ store.Backlog          = (*Store)(nil)
	_ store.Scope            = (*Store)(nil)
)

// db is what a store and its transactions share.
type db struct {
	// writing has room for one: who has put something in may write.
	writing chan struct{}
	// mu guards kept against readers while a write is applied. Who writes may
	// read without it.
	mu   sync.RWMutex
	kept *tables
	// last are the ids given out; guarded by writing. They outlive a rollback,
	// as an id is never given out twice.
	last struct{ user, email, authenticator, social, browser, session, message, audit counter }

	watchers watchers
}

// transaction is what one InTx has written so far.
type transaction struct {
	tables *tables
	failed error // why it can't commit any more
	over   bool
}

// New returns an empty store.
func New() *Store {
	return &Store{db: &db{writing: make(chan struct{}, 1), kept: newTables()}}
}

// IntegerIDs implements [store.IntegerIDs]: they are.
func (s *Store) IntegerIDs() bool { return true }

// Scope implements [store.Scope].
func (s *Store) Scope() string { return store.ProcessScope }

// Ping implements [store.Pinger].
func (s *Store) Ping(ctx context.Context) error { return ctx.Err() }

// InTx implements [store.Store]. fn is run once.
func (s *Store) InTx(ctx context.Context, fn func(store.Store) error) error {
	if s.tx != nil {
		return s.join(ctx, fn)
	}
	if err := s.db.startWriting(ctx); err != nil {
		return err
	}
	defer s.db.stopWriting()
	tx := &transaction{tables: s.db.kept.begin()}
	defer func() { tx.over = true }()
	if err := fn(&Store{db: s.db, tx: tx}); err != nil {
		return err
	}
	if tx.failed != nil {
		return tx.failed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.db.mu.Lock()
	s.db.kept.commit(tx.tables)
	s.db.mu.Unlock()
	s.db.announce(tx.tables.changed)
	return nil
}

func (s *Store) join(ctx context.Context, fn func(store.Store) error) (err error) {
	if _, err := s.read(ctx); err != nil {
		return err
	}
	err = errors.New("it panicked")
	defer func() {
		if err != nil && s.tx.failed == nil {
			s.tx.failed = fmt.Errorf("a joined transaction failed: %w", err)
		}
	}()
	err = fn(s)
	return err
}

// startWriting waits for the turn to write.
func (d *db) startWriting(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case d.writing <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case d.writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to write: %w: %w", store.ErrUnavailable, ctx.Err())
	case <-timer.C:
		return fmt.Errorf("wait to write: a transaction has not ended for %v, or its function uses the outer store: %w", patience, store.ErrUnavailable)
	}
}

func (d *db) stopWriting() { <-d.writing }

// read returns the tables to look into. If there is no error, doneReading must
// follow.
func (s *Store) read(ctx context.Context) (*tables, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.tx != nil {
		return s.tx.current()
	}
	s.db.mu.RLock()
	return s.db.kept, nil
}

func (s *Store) doneReading() {
	if s.tx == nil {
		s.db.mu.RUnlock()
	}
}

// write returns the tables to change. If there is no error, doneWriting must
// follow.
func (s *Store) write(ctx context.Context) (*tables, error) {
	if s.tx != nil {
		return s.read(ctx)
	}
	if err := s.db.startWriting(ctx); err != nil {
		return nil, err
	}
	s.db.mu.Lock()
	return s.db.kept, nil
}

func (s *Store) doneWriting() {
	if s.tx == nil {
		changed := s.db.kept.changed
		s.db.kept.changed = nil
		s.db.mu.Unlock()
		s.db.announce(changed)
		s.db.stopWriting()
	}
}

func (tx *transaction) current() (*tables, error) {
	if tx.over {
		return nil, errors.New("the transaction is over; its store can't be used any more")
	}
	return tx.tables, nil
}

func notFound(what string) error { return fmt.Errorf("%s: %w", what, store.ErrNotFound) }

func conflict(what string) error { return fmt.Errorf("%s: %w", what, store.ErrConflict) }
