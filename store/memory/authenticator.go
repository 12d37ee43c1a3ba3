package memory

import (
	"context"
	"time"

	"github.com/headless-auth/headless/store"
)

// CreateAuthenticator implements [store.Authenticators]. ErrNotFound: no such
// user. An empty key is none.
func (s *Store) CreateAuthenticator(ctx context.Context, a *store.Authenticator) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	switch {
	case !t.users.has(a.UserID):
		return notFound("create authenticator: the user")
	case t.hasSingle(a):
		return conflict("create authenticator: the user has one of that type")
	case t.keys.has(string(a.Key)):
		return conflict("create authenticator: the key is known")
	}
	a.ID, a.Version = s.db.last.authenticator.next(), 1
	k := cloneAuthenticator(a)
	k.CreatedAt, k.LastUsedAt = micro(a.CreatedAt), micro(a.LastUsedAt)
	t.authenticators.set(k.ID, k)
	t.authenticatorsOf.add(k.UserID, k.ID)
	if len(k.Key) > 0 {
		t.keys.set(string(k.Key), k.ID)
	}
	return nil
}

// hasSingle reports whether a's user has one like a, of which there is at most
// one.
func (t *tables) hasSingle(a *store.Authenticator) bool {
	if a.Type != store.TOTP && a.Type != store.RecoveryCodes {
		return false
	}
	for _, id := range t.authenticatorsOf.of(a.UserID) {
		if x, _ := t.authenticators.get(id); x.Type == a.Type {
			return true
		}
	}
	return false
}

// Authenticator implements [store.Authenticators].
func (s *Store) Authenticator(ctx context.Context, id string) (*store.Authenticator, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	return t.authenticator(id)
}

// AuthenticatorByKey implements [store.Authenticators].
func (s *Store) AuthenticatorByKey(ctx context.Context, key []byte) (*store.Authenticator, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	id, _ := t.keys.get(string(key)) // the empty key is never there
	return t.authenticator(id)
}

func (t *tables) authenticator(id string) (*store.Authenticator, error) {
	a, ok := t.authenticators.get(id)
	if !ok {
		return nil, notFound("authenticator")
	}
	return cloneAuthenticator(a), nil
}

// AuthenticatorsOf implements [store.Authenticators].
func (s *Store) AuthenticatorsOf(ctx context.Context, userID string) ([]*store.Authenticator, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	l := oldestFirst(&t.authenticators, t.authenticatorsOf.of(userID), func(a *store.Authenticator) (time.Time, string) { return a.CreatedAt, a.ID })
	return copies(l, cloneAuthenticator), nil
}

// UpdateAuthenticator implements [store.Authenticators].
func (s *Store) UpdateAuthenticator(ctx context.Context, a *store.Authenticator) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	old, ok := t.authenticators.get(a.ID)
	if !ok || old.Version != a.Version {
		return conflict("update authenticator: it was changed or deleted")
	}
	a.Version++
	k := *old
	k.Data, k.LastUsedAt, k.Version = a.Data, micro(a.LastUsedAt), a.Version
	t.authenticators.set(k.ID, cloneAuthenticator(&k))
	return nil
}

// DeleteAuthenticator implements [store.Authenticators].
func (s *Store) DeleteAuthenticator(ctx context.Context, id string) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	t.deleteAuthenticator(id)
	return nil
}

func (t *tables) deleteAuthenticator(id string) {
	if a, ok := t.authenticators.get(id); ok {
		t.authenticators.delete(id)
		t.authenticatorsOf.remove(a.UserID, id)
		t.keys.delete(string(a.Key))
	}
}

func cloneAuthenticator(a *store.Authenticator) *store.Authenticator {
	c := *a
	own(&c.Key, &c.Data)
	return &c
}
