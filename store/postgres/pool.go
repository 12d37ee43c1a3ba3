package postgres

import (
	"context"

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
	c, err := p.pool.Acquire(ctx)
	if err != nil {
		return nil, translate(ctx, err)
	}
	return &tx{ctx: ctx, conn: c}, nil
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
