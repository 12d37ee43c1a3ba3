package sqlstore

import (
	"context"
	"time"

	"github.com/headless-auth/headless/store"
)

const trustedBrowserColumns = `id, user_id, token_hash, fingerprint, ip, user_agent, created_at, expires_at`

func scanTrustedBrowser(row Scan) (*store.TrustedBrowser, error) {
	var b store.TrustedBrowser
	var id, user int64
	err := row(&id, &user, &b.TokenHash, &b.Fingerprint, &b.IP, &b.UserAgent, &b.CreatedAt, &b.ExpiresAt)
	b.ID, b.UserID = text(id), text(user)
	return &b, err
}

const createTrustedBrowser = `insert into auth_trusted_browsers (user_id, token_hash, fingerprint, ip, user_agent,
	created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7) returning id`

// CreateTrustedBrowser implements [store.TrustedBrowsers].
func (s *Store) CreateTrustedBrowser(ctx context.Context, b *store.TrustedBrowser) error {
	var id int64
	err := s.save(ctx, &id, createTrustedBrowser, number(b.UserID), filled(b.TokenHash), filled(b.Fingerprint), b.IP,
		b.UserAgent, b.CreatedAt, b.ExpiresAt)
	if err != nil {
		return did("create trusted browser", err)
	}
	b.ID = text(id)
	return nil
}

const trustedBrowserByHash = `select ` + trustedBrowserColumns + ` from auth_trusted_browsers where token_hash = $1`

// TrustedBrowserByHash implements [store.TrustedBrowsers].
func (s *Store) TrustedBrowserByHash(ctx context.Context, tokenHash []byte) (*store.TrustedBrowser, error) {
	b, err := one(ctx, s, scanTrustedBrowser, trustedBrowserByHash, filled(tokenHash))
	return found(b, "find trusted browser", err)
}

const trustedBrowsersOf = `select ` + trustedBrowserColumns + ` from auth_trusted_browsers where user_id = $1
	order by created_at, id`

// TrustedBrowsersOf implements [store.TrustedBrowsers].
func (s *Store) TrustedBrowsersOf(ctx context.Context, userID string) ([]*store.TrustedBrowser, error) {
	l, err := list(ctx, s, scanTrustedBrowser, trustedBrowsersOf, number(userID))
	return l, did("list trusted browsers", err)
}

const deleteTrustedBrowser = `delete from auth_trusted_browsers where id = $1`

// DeleteTrustedBrowser implements [store.TrustedBrowsers].
func (s *Store) DeleteTrustedBrowser(ctx context.Context, id string) error {
	_, err := s.exec(ctx, deleteTrustedBrowser, number(id))
	return did("delete trusted browser", err)
}

const deleteTrustedBrowsersOf = `delete from auth_trusted_browsers where user_id = $1`

// DeleteTrustedBrowsersOf implements [store.TrustedBrowsers].
func (s *Store) DeleteTrustedBrowsersOf(ctx context.Context, userID string) error {
	_, err := s.exec(ctx, deleteTrustedBrowsersOf, number(userID))
	return did("delete trusted browsers", err)
}

const deleteExpiredTrustedBrowsers = `delete from auth_trusted_browsers where expires_at <= $1 and expires_at > $2`

// DeleteExpiredTrustedBrowsers implements [store.TrustedBrowsers].
func (s *Store) DeleteExpiredTrustedBrowsers(ctx context.Context, now time.Time) (int, error) {
	n, err := s.exec(ctx, deleteExpiredTrustedBrowsers, now, never)
	return int(n), did("delete expired trusted browsers", err)
}
