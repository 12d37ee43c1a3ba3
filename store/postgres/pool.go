package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headless-auth/headless/store/internal/sqlstore"
)

// pool runs statements outside of transactions.
type pool struct{ pool *pgxpool.Pool }

// Exec implements [sqlstore.Querier].
func (p *pool) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := p.pool.Exec(ctx, query, args...)
	return tag.RowsAffected(), translate(ctx, err)
}

// Query implements [sqlstore.Querier].
func (p *pool) Query(ctx context.Context, each func(sqlstore.Scan) error, query string, args ...any) error {
	acquired, err := p.pool.Acquire(ctx)
	if err != nil {
		return translate(ctx, err)
	}
	defer acquired.Release()
	c := acquired.Conn()
	for fresh := range 2 {
		s, err := prepared(ctx, c, query)
		if err != nil {
			return translate(ctx, err)
		}
		if s == nil || !s.encode(args) {
			break
		}
		if err = s.query(ctx, c, each); err == nil || fresh == 1 || !s.forget(ctx, c, query, err) {
			return err
		}
	}
	rows, err := c.Query(ctx, query, args...)
	return scan(ctx, rows, err, each)
}

// Write implements [sqlstore.Querier]. There is no transaction to spoil.
func (p *pool) Write(ctx context.Context, each func(sqlstore.Scan) error, query string, args ...any) error {
	return p.Query(ctx, each, query, args...)
}

func (p *pool) begin(ctx context.Context) (sqlstore.Tx, error) {
	t, err := p.pool.Begin(ctx)
	if err != nil {
		return nil, translate(ctx, err)
	}
	return &tx{t}, nil
}

// The lock's number is arbitrary; nobody else should use it.
const (
	lockMigrations = `select pg_advisory_xact_lock(7306937204118360417)`

	createMigrations = `create table if not exists auth_migrations (
		version    bigint primary key,
		name       text not null,
		checksum   text not null,
		applied_at timestamptz not null
	)`
)

func (p *pool) beginMigration(ctx context.Context) (sqlstore.Tx, error) {
	t, err := p.begin(ctx)
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{lockMigrations, createMigrations} {
		if _, err := t.Exec(ctx, statement); err != nil {
			t.Rollback(ctx)
			return nil, err
		}
	}
	return t, nil
}

// tx is a transaction.
type tx struct{ tx pgx.Tx }

// Exec implements [sqlstore.Querier]. Without arguments the query may be
// several statements.
func (t *tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := t.tx.Exec(ctx, query, args...)
	return tag.RowsAffected(), translate(ctx, err)
}

// Query implements [sqlstore.Querier].
func (t *tx) Query(ctx context.Context, each func(sqlstore.Scan) error, query string, args ...any) error {
	rows, err := t.tx.Query(ctx, query, args...)
	return scan(ctx, rows, err, each)
}

// Write implements [sqlstore.Querier]. An error spoils a transaction for good,
// so the statement runs behind a savepoint. All goes in one message; only a
// refusal costs another.
func (t *tx) Write(ctx context.Context, each func(sqlstore.Scan) error, query string, args ...any) error {
	b := &pgx.Batch{}
	b.Queue("savepoint auth_write")
	b.Queue(query, args...)
	b.Queue("release savepoint auth_write")
	err := t.send(ctx, b, each)
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) {
		_, undone := t.tx.Exec(ctx, "rollback to savepoint auth_write; release savepoint auth_write")
		err = errors.Join(err, translate(ctx, undone))
	}
	return err
}

// send runs a batch whose second statement returns rows.
func (t *tx) send(ctx context.Context, b *pgx.Batch, each func(sqlstore.Scan) error) error {
	answers := t.tx.SendBatch(ctx, b)
	_, err := answers.Exec()
	if err != nil {
		err = translate(ctx, err)
	} else {
		rows, failed := answers.Query()
		err = scan(ctx, rows, failed, each)
	}
	if closed := answers.Close(); err == nil {
		err = translate(ctx, closed)
	}
	return err
}

// Commit implements [sqlstore.Tx]. Whether it was sent is for us to say: to the
// driver a commit is safe to retry also if the connection ends before the
// answer, as it meets its own closed connection when it reads on.
func (t *tx) Commit(ctx context.Context) error {
	if t.tx.Conn().IsClosed() || ctx.Err() != nil {
		t.Rollback(ctx) // gives the connection back
		return translate(ctx, pgconn.ErrConnClosed)
	}
	err := t.tx.Commit(ctx)
	if e := (*pgconn.PgError)(nil); err == nil || errors.As(err, &e) || errors.Is(err, pgx.ErrTxCommitRollback) {
		return translate(ctx, err)
	}
	// No answer came. Nobody may believe that nothing was written, so this is
	// neither "unavailable" nor the end of the time for it.
	return fmt.Errorf("nobody knows whether the transaction was committed: %v", err)
}

// Rollback implements [sqlstore.Tx].
func (t *tx) Rollback(ctx context.Context) {
	// Without an answer the connection is closed, which rolls back too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = t.tx.Rollback(ctx)
}

// Native implements [sqlstore.Tx].
func (t *tx) Native() any { return t.tx }
