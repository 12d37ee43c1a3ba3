package sqlstore

import (
	"context"

	"github.com/headless-auth/headless/store"
)

const authenticatorColumns = `id, user_id, type, key, data, created_at, last_used_at, version`

func scanAuthenticator(row Scan) (*store.Authenticator, error) {
	var a store.Authenticator
	var id, user int64
	err := row(&id, &user, &a.Type, &a.Key, &a.Data, &a.CreatedAt, &a.LastUsedAt, &a.Version)
	a.ID, a.UserID = text(id), text(user)
	return &a, err
}

const createAuthenticator = `insert into auth_authenticators (user_id, type, key, data, created_at, last_used_at, version)
	values ($1, $2, $3, $4, $5, $6, 1) returning id`

// CreateAuthenticator implements [store.Authenticators].
func (s *Store) CreateAuthenticator(ctx context.Context, a *store.Authenticator) error {
	var id int64
	err := s.save(ctx, &id, createAuthenticator, number(a.UserID), a.Type, filled(a.Key), filled(a.Data),
		a.CreatedAt, a.LastUsedAt)
	if err != nil {
		return did("create authenticator", err)
	}
	a.ID, a.Version = text(id), 1
	return nil
}

const authenticatorByID = `select ` + authenticatorColumns + ` from auth_authenticators where id = $1`

// Authenticator implements [store.Authenticators].
func (s *Store) Authenticator(ctx context.Context, id string) (*store.Authenticator, error) {
	a, err := one(ctx, s, scanAuthenticator, authenticatorByID, number(id))
	return found(a, "find authenticator", err)
}

const authenticatorByKey = `select ` + authenticatorColumns + ` from auth_authenticators where key = $1`

// AuthenticatorByKey implements [store.Authenticators].
func (s *Store) AuthenticatorByKey(ctx context.Context, key []byte) (*store.Authenticator, error) {
	a, err := one(ctx, s, scanAuthenticator, authenticatorByKey, filled(key))
	return found(a, "find authenticator by key", err)
}

const authenticatorsOf = `select ` + authenticatorColumns + ` from auth_authenticators where user_id = $1
	order by created_at, id`

// AuthenticatorsOf implements [store.Authenticators].
func (s *Store) AuthenticatorsOf(ctx context.Context, userID string) ([]*store.Authenticator, error) {
	l, err := list(ctx, s, scanAuthenticator, authenticatorsOf, number(userID))
	return l, did("list authenticators", err)
}

const updateAuthenticator = `update auth_authenticators set data = $3, last_used_at = $4, version = version + 1
	where id = $1 and version = $2 returning version`

// UpdateAuthenticator implements [store.Authenticators].
func (s *Store) UpdateAuthenticator(ctx context.Context, a *store.Authenticator) error {
	err := s.save(ctx, &a.Version, updateAuthenticator, number(a.ID), a.Version, filled(a.Data), a.LastUsedAt)
	return did("update authenticator", conflict(err))
}

const deleteAuthenticator = `delete from auth_authenticators where id = $1`

// DeleteAuthenticator implements [store.Authenticators].
func (s *Store) DeleteAuthenticator(ctx context.Context, id string) error {
	_, err := s.exec(ctx, deleteAuthenticator, number(id))
	return did("delete authenticator", err)
}
