package memory

import (
	"context"
	"slices"
	"time"

	"github.com/headless-auth/headless/store"
)

// CreateEmail implements [store.Emails]. ErrNotFound: no such user.
func (s *Store) CreateEmail(ctx context.Context, e *store.EmailAddress) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	switch {
	case !t.users.has(e.UserID):
		return notFound("create email: the user")
	case t.emailOf(e.UserID, func(x *store.EmailAddress) bool { return x.Email == e.Email }) != nil:
		return conflict("create email: the user has it")
	case e.Primary && t.emailOf(e.UserID, isPrimary) != nil:
		return conflict("create email: the user has a primary one")
	case e.Verified && t.verified(e.Email):
		return conflict("create email: it is verified")
	}
	e.ID = s.db.last.email.next()
	k := cloneEmail(e)
	k.CreatedAt = micro(e.CreatedAt)
	t.emails.set(k.ID, k)
	t.emailsOf.add(k.UserID, k.ID)
	t.claims.add(k.Email, k.ID)
	if k.Primary {
		t.setEmail(k.UserID, k.Email)
	}
	return nil
}

// Email implements [store.Emails].
func (s *Store) Email(ctx context.Context, id string) (*store.EmailAddress, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	e, ok := t.emails.get(id)
	if !ok {
		return nil, notFound("email")
	}
	return cloneEmail(e), nil
}

// EmailsOf implements [store.Emails].
func (s *Store) EmailsOf(ctx context.Context, userID string) ([]*store.EmailAddress, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	return copies(oldestFirst(&t.emails, t.emailsOf.of(userID), emailAge), cloneEmail), nil
}

// EmailsByAddress implements [store.Emails].
func (s *Store) EmailsByAddress(ctx context.Context, email string) ([]*store.EmailAddress, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	l := oldestFirst(&t.emails, t.claims.of(email), emailAge)
	if i := slices.IndexFunc(l, isVerified); i > 0 {
		v := l[i]
		copy(l[1:i+1], l[:i])
		l[0] = v
	}
	return copies(l, cloneEmail), nil
}

// VerifyEmail implements [store.Emails].
func (s *Store) VerifyEmail(ctx context.Context, id, email string) error {
	return s.changeEmail(ctx, id, func(t *tables, e *store.EmailAddress) error {
		if e.Email != email || e.Verified {
			return notFound("verify email")
		}
		if t.verified(email) {
			return conflict("verify email: another user has it verified")
		}
		e.Verified = true
		return nil
	})
}

// ChangeEmail implements [store.Emails]. The text it has already is fine.
func (s *Store) ChangeEmail(ctx context.Context, id, email string) error {
	return s.changeEmail(ctx, id, func(t *tables, e *store.EmailAddress) error {
		if e.Verified {
			return notFound("change email: an unverified one")
		}
		if t.emailOf(e.UserID, func(x *store.EmailAddress) bool { return x.Email == email && x.ID != id }) != nil {
			return conflict("change email: the user has the new one")
		}
		t.claims.remove(e.Email, id)
		t.claims.add(email, id)
		e.Email = email
		if e.Primary {
			t.setEmail(e.UserID, email)
		}
		return nil
	})
}

// MakePrimaryEmail implements [store.Emails].
func (s *Store) MakePrimaryEmail(ctx context.Context, userID, id string) error {
	return s.changeEmail(ctx, id, func(t *tables, e *store.EmailAddress) error {
		if e.UserID != userID {
			return notFound("make email primary: one of that user")
		}
		if old := t.emailOf(userID, isPrimary); old != nil {
			c := *old
			c.Primary = false
			t.emails.set(c.ID, &c)
		}
		e.Primary = true
		t.setEmail(userID, e.Email)
		return nil
	})
}

// changeEmail saves what change makes of an address, unless it fails.
func (s *Store) changeEmail(ctx context.Context, id string, change func(*tables, *store.EmailAddress) error) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	e, ok := t.emails.get(id)
	if !ok {
		return notFound("email")
	}
	c := *e
	if err := change(t, &c); err != nil {
		return err
	}
	t.emails.set(id, &c)
	return nil
}

// DeleteEmail implements [store.Emails].
func (s *Store) DeleteEmail(ctx context.Context, id string) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	t.deleteEmail(id)
	return nil
}

func (t *tables) deleteEmail(id string) {
	e, ok := t.emails.get(id)
	if !ok {
		return
	}
	t.emails.delete(id)
	t.emailsOf.remove(e.UserID, id)
	t.claims.remove(e.Email, id)
	if e.Primary {
		t.setEmail(e.UserID, "")
	}
}

// emailOf returns the first of a user's addresses that is like that, or nil.
func (t *tables) emailOf(userID string, like func(*store.EmailAddress) bool) *store.EmailAddress {
	return t.firstEmail(t.emailsOf.of(userID), like)
}

// verified reports whether anybody has an address verified.
func (t *tables) verified(email string) bool {
	return t.firstEmail(t.claims.of(email), isVerified) != nil
}

func (t *tables) firstEmail(ids []string, like func(*store.EmailAddress) bool) *store.EmailAddress {
	for _, id := range ids {
		if e, ok := t.emails.get(id); ok && like(e) {
			return e
		}
	}
	return nil
}

func isPrimary(e *store.EmailAddress) bool { return e.Primary }

func isVerified(e *store.EmailAddress) bool { return e.Verified }

func emailAge(e *store.EmailAddress) (time.Time, string) { return e.CreatedAt, e.ID }

func cloneEmail(e *store.EmailAddress) *store.EmailAddress { c := *e; return &c }
