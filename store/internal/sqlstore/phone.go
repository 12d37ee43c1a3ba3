package sqlstore

import (
	"context"

	"github.com/headless-auth/headless/store"
)

func scanPhone(row Scan) (*store.Phone, error) {
	var p store.Phone
	var user int64
	err := row(&user, &p.Number, &p.Verified)
	p.UserID = text(user)
	return &p, err
}

const phoneOf = `select user_id, number, verified from auth_phones where user_id = $1`

// PhoneOf implements [store.Phones].
func (s *Store) PhoneOf(ctx context.Context, userID string) (*store.Phone, error) {
	p, err := one(ctx, s, scanPhone, phoneOf, number(userID))
	return found(p, "find phone number", err)
}

const phonesByNumber = `select user_id, number, verified from auth_phones where number = $1
	order by verified desc, user_id`

// PhonesByNumber implements [store.Phones].
func (s *Store) PhonesByNumber(ctx context.Context, number string) ([]*store.Phone, error) {
	l, err := list(ctx, s, scanPhone, phonesByNumber, number)
	return l, did("find phone number", err)
}

const setPhone = `insert into auth_phones (user_id, number, verified) values ($1, $2, $3)
	on conflict (user_id) do update set number = excluded.number, verified = excluded.verified returning user_id`

// SetPhone implements [store.Phones].
func (s *Store) SetPhone(ctx context.Context, p *store.Phone) error {
	var user int64
	return did("set phone number", s.save(ctx, &user, setPhone, number(p.UserID), p.Number, p.Verified))
}

const deletePhone = `delete from auth_phones where user_id = $1`

// DeletePhone implements [store.Phones].
func (s *Store) DeletePhone(ctx context.Context, userID string) error {
	_, err := s.exec(ctx, deletePhone, number(userID))
	return did("delete phone number", err)
}
