package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/headless-auth/headless/store"
)

// The address is read from where it is kept, so it is always in step. There is
// one; limit 1 lets a user be read all the same whom a damaged index has given
// two, so that they are found.
const userColumns = `u.id, u.username,
	coalesce((select e.email from auth_emails e where e.user_id = u.id and e.is_primary limit 1), ''),
	u.password, u.first_name, u.last_name, u.disabled, u.deactivated_at, u.epoch, u.fields,
	u.created_at, u.last_login_at, u.version`

func scanUser(row Scan) (*store.User, error) {
	var u store.User
	var id int64
	err := row(&id, &u.Username, &u.Email, (*string)(&u.Password), &u.FirstName, &u.LastName, &u.Disabled,
		&u.DeactivatedAt, &u.Epoch, (*[]byte)(&u.Fields), &u.CreatedAt, &u.LastLoginAt, &u.Version)
	u.ID, u.Fields = text(id), filled(u.Fields)
	return &u, err
}

const createUser = `insert into auth_users (username, username_folded, password, first_name, last_name, disabled,
	deactivated_at, epoch, fields, created_at, last_login_at, version)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1) returning id`

// CreateUser implements [store.Users].
func (s *Store) CreateUser(ctx context.Context, u *store.User) error {
	var id int64
	err := s.save(ctx, &id, createUser, u.Username, folded(u.Username), string(u.Password), u.FirstName, u.LastName,
		u.Disabled, u.DeactivatedAt, u.Epoch, string(u.Fields), u.CreatedAt, time.Time{})
	if err != nil {
		return did("create user", err)
	}
	u.ID, u.Version = text(id), 1
	return nil
}

const userByID = `select ` + userColumns + ` from auth_users u where u.id = $1`

// User implements [store.Users].
func (s *Store) User(ctx context.Context, id string) (*store.User, error) {
	u, err := one(ctx, s, scanUser, userByID, number(id))
	return found(u, "find user", err)
}

const userByUsername = `select ` + userColumns + ` from auth_users u where u.username_folded = $1`

// UserByUsername implements [store.Users].
func (s *Store) UserByUsername(ctx context.Context, username string) (*store.User, error) {
	u, err := one(ctx, s, scanUser, userByUsername, folded(username))
	return found(u, "find user by username", err)
}

const usersByEmail = `select c.verified, ` + userColumns + ` from auth_emails c join auth_users u on u.id = c.user_id
	where c.email = $1 order by c.verified desc, c.is_primary desc, c.created_at, c.id limit $2`

// UsersByEmail implements [store.UserFinder].
func (s *Store) UsersByEmail(ctx context.Context, email string, limit int) ([]*store.User, error) {
	verified := false
	l, err := list(ctx, s, func(row Scan) (*store.User, error) {
		var own bool
		u, err := scanUser(func(dest ...any) error { return row(append([]any{&own}, dest...)...) })
		verified = verified || own
		return u, err
	}, usersByEmail, email, max(limit, 0))
	if verified && len(l) > 1 {
		l = l[:1]
	}
	return l, did("find users by email address", err)
}

const listUsers = `select ` + userColumns + ` from auth_users u where u.id > $1 order by u.id limit $2`

// ListUsers implements [store.UserLister].
func (s *Store) ListUsers(ctx context.Context, after string, limit int) ([]*store.User, error) {
	id := number(after)
	if after != "" && id == 0 {
		limit = 0
	}
	l, err := list(ctx, s, scanUser, listUsers, id, max(limit, 0))
	return l, did("list users", err)
}

const updateUser = `update auth_users set username = $3, username_folded = $4, password = $5, first_name = $6,
	last_name = $7, disabled = $8, deactivated_at = $9, epoch = $10, fields = $11, version = version + 1
	where id = $1 and version = $2 returning version`

// UpdateUser implements [store.Users].
func (s *Store) UpdateUser(ctx context.Context, u *store.User) error {
	if u.Password == store.PasswordNotTold {
		return did("update user", store.ErrPasswordNotTold)
	}
	err := s.save(ctx, &u.Version, s.announced(updateUser, `, id as user_id`, "version"), number(u.ID), u.Version, u.Username, folded(u.Username),
		string(u.Password), u.FirstName, u.LastName, u.Disabled, u.DeactivatedAt, u.Epoch, string(u.Fields))
	return did("update user", conflict(err))
}

const upgradePassword = `update auth_users set password = $3 where id = $1 and password = $2`

// UpgradePassword implements [store.Users].
func (s *Store) UpgradePassword(ctx context.Context, userID string, old, new store.PasswordHash) error {
	_, err := s.exec(ctx, upgradePassword, number(userID), string(old), string(new))
	return did("upgrade password", err)
}

const recordLogin = `update auth_users set last_login_at = $2 where id = $1`

// RecordLogin implements [store.Users].
func (s *Store) RecordLogin(ctx context.Context, userID string, at time.Time) error {
	if s.tx != nil {
		return did("record login", s.watch.later(ctx, nil, recordLogin, number(userID), at))
	}
	_, err := s.exec(ctx, recordLogin, number(userID), at)
	return did("record login", err)
}

// What belongs to the user goes by foreign keys.
const deleteUser = `delete from auth_users where id = $1`

// DeleteUser implements [store.Users].
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	_, err := s.exec(ctx, s.announced(deleteUser, ` returning id as user_id`, "user_id"), number(id))
	return did("delete user", err)
}

// found hands out a record or the error that kept it away.
func found[T any](v *T, what string, err error) (*T, error) {
	if err != nil {
		return nil, did(what, err)
	}
	return v, nil
}

// conflict turns the absence of a row in a known version into what it means.
func conflict(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return store.ErrConflict
	}
	return err
}
