package account

import (
	"context"
	"errors"

	"golang.org/x/text/unicode/norm"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// By says whom to find. Exactly one of its members is set.
type By struct{ Email, Username, Phone string }

// ErrNoList reports that the store can't go through its users: it is no
// [store.UserLister].
var ErrNoList = errors.New("the store does not list its users")

// Get returns the user with that id.
func (a *Admin) Get(ctx context.Context, id string) (*Person, error) {
	u, err := a.env.Store.User(ctx, id)
	if err != nil {
		return nil, err
	}
	return a.person(ctx, a.env.Store, u)
}

// Find returns who has a username, or claims an address or number: the one
// who has proven it first, then the others, as long as nobody has.
func (a *Admin) Find(ctx context.Context, by By) ([]*Person, error) {
	ids, err := a.lookUp(ctx, by)
	if err != nil {
		return nil, inputError(err)
	}
	l := []*Person{}
	for _, id := range ids {
		p, err := a.Get(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue // gone meanwhile
		}
		if err != nil {
			return nil, err
		}
		l = append(l, p)
	}
	return l, nil
}

func (a *Admin) lookUp(ctx context.Context, by By) (ids []string, err error) {
	switch by {
	case By{Email: by.Email}:
		email, ok := CleanEmail(by.Email)
		if !ok {
			return nil, api.Invalid("email", api.CodeInvalid)
		}
		l, err := a.env.Store.EmailsByAddress(ctx, email)
		for _, e := range l {
			ids = append(ids, e.UserID)
		}
		return ids, err
	case By{Phone: by.Phone}:
		number, wrong := a.account.cleanPhone(ctx, by.Phone)
		if len(wrong) > 0 {
			return nil, api.Invalid("phone", wrong[0].Code)
		}
		l, err := a.env.Store.PhonesByNumber(ctx, number)
		for _, p := range l {
			ids = append(ids, p.UserID)
		}
		return ids, err
	case By{Username: by.Username}:
		u, err := a.env.Store.UserByUsername(ctx, norm.NFKC.String(by.Username))
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return []string{u.ID}, nil
	}
	return nil, api.Invalid("", api.CodeInvalid)
}

// List returns up to limit users, in the order in which their accounts were
// made. The first page has an empty cursor; next is that of the following one,
// empty after the last.
func (a *Admin) List(ctx context.Context, cursor string, limit int) (people []*Person, next string, err error) {
	lister, ok := a.env.Store.(store.UserLister)
	if !ok {
		return nil, "", ErrNoList
	}
	users, err := lister.ListUsers(ctx, cursor, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(users) > limit {
		users = users[:max(limit, 0)]
		if len(users) > 0 {
			next = users[len(users)-1].ID
		}
	}
	people = make([]*Person, len(users))
	for i, u := range users {
		if people[i], err = a.person(ctx, a.env.Store, u); err != nil {
			return nil, "", err
		}
	}
	return people, next, nil
}
