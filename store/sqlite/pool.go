package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/internal/sqlstore"
)

// pool runs statements on a database. It prepares each of them once, which is
// most of what a small one costs.
type pool struct {
	db *sql.DB

	mu       sync.RWMutex
	prepared map[string]*sql.Stmt
	wanted   []string // seen in transactions, and not prepared yet
	closed   bool
}

func newPool(db *sql.DB) *pool { return &pool{db: db, prepared: map[string]*sql.Stmt{}} }

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, stmt := range p.prepared {
		errs = append(errs, stmt.Close())
	}
	p.prepared, p.closed = nil, true
	return errors.Join(errs...)
}

var errClosed = fmt.Errorf("%w: the store is closed", store.ErrUnavailable)

func (p *pool) known(query string) (stmt *sql.Stmt, closed bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.prepared[query], p.closed
}

// statement prepares a query. It needs a free connection and so must not be
// called in a transaction, which may have the only one.
func (p *pool) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	stmt, closed := p.known(query)
	if closed {
		return nil, errClosed
	}
	if stmt != nil {
		return stmt, nil
	}
	stmt, err := p.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch first := p.prepared[query]; {
	case p.closed:
		return nil, errors.Join(errClosed, stmt.Close())
	case first != nil: // somebody was quicker
		return first, stmt.Close()
	}
	p.prepared[query] = stmt
	return stmt, nil
}

// want has a query prepared before the next transaction.
func (p *pool) want(query string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = append(p.wanted, query)
}

func (p *pool) prepareWanted(ctx context.Context) error {
	p.mu.Lock()
	wanted := p.wanted
	p.wanted = nil
	p.mu.Unlock()
	for _, query := range wanted {
		if _, err := p.statement(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// Exec implements [sqlstore.Querier].
func (p *pool) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	stmt, err := p.statement(ctx, query)
	if err != nil {
		return 0, translate(ctx, err)
	}
	return changed(ctx)(stmt.ExecContext(ctx, encode(args)...))
}

// Query implements [sqlstore.Querier].
func (p *pool) Query(ctx context.Context, each func(sqlstore.Scan) error, query string, args ...any) error {
	stmt, err := p.statement(ctx, query)
	if err != nil {
		return translate(ctx, err)
	}
	rows, err := stmt.QueryContext(ctx, encode(args)...)
	return scan(ctx, rows, err, each)
}

// Write implements [sqlstore.Querier]. What SQLite refuses it undoes alone.
func (p *pool) Write(ctx context.Context, each func(sqlstore.Scan) error, query string, args ...any) error {
	return p.Query(ctx, each, query, args...)
}

// A transaction that begins with reading may find, when it wants to write,
// that somebody else has written. So ours begin with a write that changes
// nothing, which waits for the lock instead. It is a statement and not "begin
// immediate", because how a host's database begins is the host's setting.
const (
	lock = `update auth_migrations set name = name where version < 0`

	createMigrations = `create table if not exists auth_migrations (
		version    integer primary key,
		name       text not null,
		checksum   text not null,
		applied_at integer not null
	) strict`
)

func (p *pool) begin(ctx context.Context) (sqlstore.Tx, error) {
	if err := p.prepareWanted(ctx); err != nil {
		return nil, translate(ctx, err)
	}
	return p.start(ctx, lock)
}

func (p *pool) beginMigration(ctx context.Context) (sqlstore.Tx, error) {
	if _, closed := p.known(""); closed {
		return nil, errClosed
	}
	// They are a setting of each connection, so of whoever opens it.
	var on bool
	if err := p.db.QueryRowContext(ctx, `pragma foreign_keys`).Scan(&on); err != nil {
		return nil, translate(ctx, err)
	}
	if !on {
		return nil, errors.New(`foreign keys are off; open the database with "_pragma=foreign_keys(1)"`)
	}
	return p.start(ctx, createMigrations+";"+lock)
}

func (p *pool) start(ctx context.Context, first string) (sqlstore.Tx, error) {
	if _, closed := p.known(""); closed {
		return nil, errClosed
	}
	t, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, translate(ctx, err)
	}
	x := &tx{p, t}
	if _, err := x.Exec(ctx, first); err != nil {
		x.Rollback(ctx)
		return nil, err
	}
	return x, nil
}

// tx is a transaction.
type tx struct {
	pool *pool
	tx   *sql.Tx
}

// statement is the prepared one, or nil.
func (t *tx) statement(ctx context.Context, query string) *sql.Stmt {
	stmt, _ := t.pool.known(query)
	if stmt == nil {
		return nil
	}
	return t.tx.StmtContext(ctx, stmt)
}

// Exec implements [sqlstore.Querier]. Without arguments the query may be
// several statements.
func (t *tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if stmt := t.statement(ctx, query); stmt != nil {
		return changed(ctx)(stmt.ExecContext(ctx, encode(args)...))
	}
	if len(args) > 0 || query == lock {
		t.pool.want(query)
	}
	return changed(ctx)(t.tx.ExecContext(ctx, query, encode(args)...))
}

// Query implements [sqlstore.Querier].
func (t *tx) Query(ctx context.Context, each func(sqlstore.Scan) error, query string, args ...any) error {
	if stmt := t.statement(ctx, query); stmt != nil {
		rows, err := stmt.QueryContext(ctx, encode(args)...)
		return scan(ctx, rows, err, each)
	}
	t.pool.want(query)
	rows, err := t.tx.QueryContext(ctx, query, encode(args)...)
	return scan(ctx, rows, err, each)
}

// Write implements [sqlstore.Querier].
func (t *tx) Write(ctx context.Context, each func(sqlstore.Scan) error, query string, args ...any) error {
	return t.Query(ctx, each, query, args...)
}

// Later implements [sqlstore.Tx]. There is no way that could be saved.
func (t *tx) Later(ctx context.Context, each func(sqlstore.Scan) error, query string, args ...any) error {
	return t.Query(ctx, each, query, args...)
}

// Commit implements [sqlstore.Tx].
func (t *tx) Commit(ctx context.Context) error { return translate(ctx, t.tx.Commit()) }

// Rollback implements [sqlstore.Tx].
func (t *tx) Rollback(context.Context) { _ = t.tx.Rollback() } // it fails only when it is over already

// Native implements [sqlstore.Tx].
func (t *tx) Native() (any, error) { return t.tx, nil }

// changed tells how many rows a statement has changed.
func changed(ctx context.Context) func(sql.Result, error) (int64, error) {
	return func(r sql.Result, err error) (int64, error) {
		if err != nil {
			return 0, translate(ctx, err)
		}
		return r.RowsAffected()
	}
}

// scan calls each for every row of a query.
func scan(ctx context.Context, rows *sql.Rows, err error, each func(sqlstore.Scan) error) error {
	if err != nil {
		return translate(ctx, err)
	}
	defer rows.Close()
	row := func(dest ...any) error { return rows.Scan(decode(dest)...) }
	// To the end, also of one row: a write is committed by its last step.
	for rows.Next() {
		if err := each(row); err != nil {
			return err
		}
	}
	return translate(ctx, rows.Err())
}

// Times are microseconds since 1970.

func encode(args []any) []any {
	for i, a := range args {
		if t, ok := a.(time.Time); ok {
			args[i] = t.UnixMicro()
		}
	}
	return args
}

func decode(dest []any) []any {
	for i, d := range dest {
		if t, ok := d.(*time.Time); ok {
			dest[i] = (*micros)(t)
		}
	}
	return dest
}

type micros time.Time

// Scan implements [sql.Scanner].
func (m *micros) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is a %T", v)
	}
	*m = micros(time.UnixMicro(n).UTC())
	return nil
}
