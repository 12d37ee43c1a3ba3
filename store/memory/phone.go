package memory

import (
	"context"
	"slices"

	"github.com/headless-auth/headless/store"
)

// PhoneOf implements [store.Phones].
func (s *Store) PhoneOf(ctx context.Context, userID string) (*store.Phone, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	p, ok := t.phones.get(userID)
	if !ok {
		return nil, notFound("phone")
	}
	return clonePhone(p), nil
}

// PhonesByNumber implements [store.Phones].
func (s *Store) PhonesByNumber(ctx context.Context, number string) ([]*store.Phone, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	var l []*store.Phone
	for _, id := range t.numbers.of(number) {
		if p, ok := t.phones.get(id); ok {
			l = append(l, clonePhone(p))
		}
	}
	slices.SortFunc(l, func(a, b *store.Phone) int {
		switch {
		case a.Verified:
			return -1
		case b.Verified:
			return 1
		}
		return compareIDs(a.UserID, b.UserID)
	})
	return l, nil
}

// SetPhone implements [store.Phones].
func (s *Store) SetPhone(ctx context.Context, p *store.Phone) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	if !t.users.has(p.UserID) {
		return notFound("set phone: the user")
	}
	if p.Verified {
		for _, id := range t.numbers.of(p.Number) {
			if x, _ := t.phones.get(id); x.Verified && id != p.UserID {
				return conflict("set phone: another user has it verified")
			}
		}
	}
	t.deletePhone(p.UserID)
	t.phones.set(p.UserID, clonePhone(p))
	t.numbers.add(p.Number, p.UserID)
	return nil
}

// DeletePhone implements [store.Phones].
func (s *Store) DeletePhone(ctx context.Context, userID string) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	t.deletePhone(userID)
	return nil
}

func (t *tables) deletePhone(userID string) {
	if p, ok := t.phones.get(userID); ok {
		t.phones.delete(userID)
		t.numbers.remove(p.Number, userID)
	}
}

func clonePhone(p *store.Phone) *store.Phone { c := *p; return &c }
