package sqlstore

import (
	"context"

	"github.com/headless-auth/headless/store"
)

const socialAccountColumns = `id, user_id, provider, uid, data, created_at, last_login_at`

func scanSocialAccount(row Scan) (*store.SocialAccount, error) {
	var a store.SocialAccount
	var id, user int64
	err := row(&id, &user, &a.Provider, &a.UID, &a.Data, &a.CreatedAt, &a.LastLoginAt)
	a.ID, a.UserID = text(id), text(user)
	return &a, err
}

const createSocialAccount = `insert into auth_social_accounts (user_id, provider, uid, data, created_at, last_login_at)
	values ($1, $2, $3, $4, $5, $6) returning id`

// CreateSocialAccount implements [store.SocialAccounts].
func (s *Store) CreateSocialAccount(ctx context.Context, a *store.SocialAccount) error {
	var id int64
	err := s.save(ctx, &id, createSocialAccount, number(a.UserID), a.Provider, a.UID, filled(a.Data),
		a.CreatedAt, a.LastLoginAt)
	if err != nil {
		return did("create social account", err)
	}
	a.ID = text(id)
	return nil
}

const socialAccount = `select ` + socialAccountColumns + ` from auth_social_accounts where provider = $1 and uid = $2`

// SocialAccount implements [store.SocialAccounts].
func (s *Store) SocialAccount(ctx context.Context, provider, uid string) (*store.SocialAccount, error) {
	a, err := one(ctx, s, scanSocialAccount, socialAccount, provider, uid)
	return found(a, "find social account", err)
}

const socialAccountsOf = `select ` + socialAccountColumns + ` from auth_social_accounts where user_id = $1
	order by created_at, id`

// SocialAccountsOf implements [store.SocialAccounts].
func (s *Store) SocialAccountsOf(ctx context.Context, userID string) ([]*store.SocialAccount, error) {
	l, err := list(ctx, s, scanSocialAccount, socialAccountsOf, number(userID))
	return l, did("list social accounts", err)
}

const updateSocialAccount = `update auth_social_accounts set data = $2, last_login_at = $3 where id = $1 returning id`

// UpdateSocialAccount implements [store.SocialAccounts].
func (s *Store) UpdateSocialAccount(ctx context.Context, a *store.SocialAccount) error {
	var id int64
	err := s.save(ctx, &id, updateSocialAccount, number(a.ID), filled(a.Data), a.LastLoginAt)
	return did("update social account", err)
}

const deleteSocialAccount = `delete from auth_social_accounts where id = $1`

// DeleteSocialAccount implements [store.SocialAccounts].
func (s *Store) DeleteSocialAccount(ctx context.Context, id string) error {
	_, err := s.exec(ctx, deleteSocialAccount, number(id))
	return did("delete social account", err)
}

const setSocialToken = `insert into auth_social_tokens (account_id, app, token, secret, expires_at)
	values ($1, $2, $3, $4, $5)
	on conflict (account_id, app) do update set token = excluded.token, secret = excluded.secret,
	expires_at = excluded.expires_at returning account_id`

// SetSocialToken implements [store.SocialAccounts].
func (s *Store) SetSocialToken(ctx context.Context, t *store.SocialToken) error {
	var id int64
	err := s.save(ctx, &id, setSocialToken, number(t.AccountID), t.App, filled(t.Token), filled(t.Secret), t.ExpiresAt)
	return did("set social token", err)
}

const socialToken = `select account_id, app, token, secret, expires_at from auth_social_tokens
	where account_id = $1 and app = $2`

// SocialToken implements [store.SocialAccounts].
func (s *Store) SocialToken(ctx context.Context, accountID, app string) (*store.SocialToken, error) {
	t, err := one(ctx, s, func(row Scan) (*store.SocialToken, error) {
		var t store.SocialToken
		var id int64
		err := row(&id, &t.App, &t.Token, &t.Secret, &t.ExpiresAt)
		t.AccountID = text(id)
		return &t, err
	}, socialToken, number(accountID), app)
	return found(t, "find social token", err)
}
