package sqlstore

import (
	"context"
	"time"
)

const useOnce = `insert into auth_nonces (key, expires_at) values ($1, $3)
	on conflict (key) do update set expires_at = excluded.expires_at
	where auth_nonces.expires_at <= $2 and auth_nonces.expires_at > $4 returning key`

// UseOnce implements [store.Nonces].
func (s *Store) UseOnce(ctx context.Context, key string, now, until time.Time) error {
	var used string
	return did("use once", conflict(s.save(ctx, &used, useOnce, key, now, until, never)))
}

const deleteExpiredNonces = `delete from auth_nonces where expires_at <= $1 and expires_at > $2`

// DeleteExpiredNonces implements [store.Nonces].
func (s *Store) DeleteExpiredNonces(ctx context.Context, now time.Time) (int, error) {
	n, err := s.exec(ctx, deleteExpiredNonces, now, never)
	return int(n), did("delete expired nonces", err)
}
