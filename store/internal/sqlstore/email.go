package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/headless-auth/headless/store"
)

const emailColumns = `id, user_id, email, verified, is_primary, created_at`

func scanEmail(row Scan) (*store.EmailAddress, error) {
	var e store.EmailAddress
	var id, user int64
	err := row(&id, &user, &e.Email, &e.Verified, &e.Primary, &e.CreatedAt)
	e.ID, e.UserID = text(id), text(user)
	return &e, err
}

const createEmail = `insert into auth_emails (user_id, email, verified, is_primary, created_at)
	values ($1, $2, $3, $4, $5) returning id`

// CreateEmail implements [store.Emails].
func (s *Store) CreateEmail(ctx context.Context, e *store.EmailAddress) error {
	var id int64
	create := createEmail
	if e.Primary {
		create = s.announced(create, `, user_id`, "id")
	}
	err := s.save(ctx, &id, create, number(e.UserID), e.Email, e.Verified, e.Primary, e.CreatedAt)
	if err != nil {
		return did("create email address", err)
	}
	e.ID = text(id)
	return nil
}

const emailByID = `select ` + emailColumns + ` from auth_emails where id = $1`

// Email implements [store.Emails].
func (s *Store) Email(ctx context.Context, id string) (*store.EmailAddress, error) {
	e, err := one(ctx, s, scanEmail, emailByID, number(id))
	return found(e, "find email address", err)
}

const emailsOf = `select ` + emailColumns + ` from auth_emails where user_id = $1 order by created_at, id`

// EmailsOf implements [store.Emails].
func (s *Store) EmailsOf(ctx context.Context, userID string) ([]*store.EmailAddress, error) {
	l, err := list(ctx, s, scanEmail, emailsOf, number(userID))
	return l, did("list email addresses", err)
}

const emailsByAddress = `select ` + emailColumns + ` from auth_emails where email = $1
	order by verified desc, created_at, id`

// EmailsByAddress implements [store.Emails].
func (s *Store) EmailsByAddress(ctx context.Context, email string) ([]*store.EmailAddress, error) {
	l, err := list(ctx, s, scanEmail, emailsByAddress, email)
	return l, did("find email address", err)
}

const verifyEmail = `update auth_emails set verified = true
	where id = $1 and email = $2 and not verified returning id`

// VerifyEmail implements [store.Emails].
func (s *Store) VerifyEmail(ctx context.Context, id, email string) error {
	var n int64
	return did("verify email address", s.save(ctx, &n, verifyEmail, number(id), email))
}

const changeEmail = `update auth_emails set email = $2 where id = $1 and not verified returning id`

// ChangeEmail implements [store.Emails].
func (s *Store) ChangeEmail(ctx context.Context, id, email string) error {
	var n int64
	return did("change email address", s.save(ctx, &n, s.announced(changeEmail, `, user_id`, "id"), number(id), email))
}

// The unique index is checked row by row, so the old one steps down first, if
// there is a new one.
const (
	stepDownEmail = `update auth_emails set is_primary = false where user_id = $1 and is_primary and id <> $2
		and exists (select 1 from auth_emails n where n.id = $2 and n.user_id = $1)`
	makePrimaryEmail = `update auth_emails set is_primary = true where user_id = $1 and id = $2 returning id`
)

// MakePrimaryEmail implements [store.Emails].
func (s *Store) MakePrimaryEmail(ctx context.Context, userID, id string) error {
	err := s.inTx(ctx, func(s *Store) error {
		user, email := number(userID), number(id)
		for range 5 {
			if _, err := s.exec(ctx, stepDownEmail, user, email); err != nil {
				return err
			}
			err := s.save(ctx, &email, s.announced(makePrimaryEmail, `, user_id`, "id"), user, email)
			if !errors.Is(err, store.ErrConflict) {
				return err
			}
			// Somebody else has made another one primary in between.
		}
		return fmt.Errorf("%w: too many at once", store.ErrUnavailable)
	})
	return did("make email address primary", err)
}

const deleteEmail = `delete from auth_emails where id = $1`

// DeleteEmail implements [store.Emails].
func (s *Store) DeleteEmail(ctx context.Context, id string) error {
	_, err := s.exec(ctx, s.announced(deleteEmail, ` returning user_id`, "user_id"), number(id))
	return did("delete email address", err)
}
