package memory

import (
	"context"
	"slices"
	"time"

	"github.com/headless-auth/headless/store"
)

// identity is somebody at a provider.
type identity struct{ provider, uid string }

// CreateSocialAccount implements [store.SocialAccounts]. ErrNotFound: no such
// user.
func (s *Store) CreateSocialAccount(ctx context.Context, a *store.SocialAccount) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	if !t.users.has(a.UserID) {
		return notFound("create social account: the user")
	}
	if t.identities.has(identity{a.Provider, a.UID}) {
		return conflict("create social account: the identity is linked")
	}
	a.ID = s.db.last.social.next()
	k := cloneSocial(a)
	k.CreatedAt, k.LastLoginAt = micro(a.CreatedAt), micro(a.LastLoginAt)
	t.socials.set(k.ID, k)
	t.socialsOf.add(k.UserID, k.ID)
	t.identities.set(identity{k.Provider, k.UID}, k.ID)
	return nil
}

// SocialAccount implements [store.SocialAccounts].
func (s *Store) SocialAccount(ctx context.Context, provider, uid string) (*store.SocialAccount, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	id, _ := t.identities.get(identity{provider, uid})
	a, ok := t.socials.get(id)
	if !ok {
		return nil, notFound("social account")
	}
	return cloneSocial(a), nil
}

// SocialAccountsOf implements [store.SocialAccounts].
func (s *Store) SocialAccountsOf(ctx context.Context, userID string) ([]*store.SocialAccount, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	l := oldestFirst(&t.socials, t.socialsOf.of(userID), func(a *store.SocialAccount) (time.Time, string) { return a.CreatedAt, a.ID })
	return copies(l, cloneSocial), nil
}

// UpdateSocialAccount implements [store.SocialAccounts].
func (s *Store) UpdateSocialAccount(ctx context.Context, a *store.SocialAccount) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	old, ok := t.socials.get(a.ID)
	if !ok {
		return notFound("update social account")
	}
	k := *old
	k.Data, k.LastLoginAt = a.Data, micro(a.LastLoginAt)
	t.socials.set(k.ID, cloneSocial(&k))
	return nil
}

// DeleteSocialAccount implements [store.SocialAccounts].
func (s *Store) DeleteSocialAccount(ctx context.Context, id string) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	t.deleteSocial(id)
	return nil
}

func (t *tables) deleteSocial(id string) {
	if a, ok := t.socials.get(id); ok {
		t.socials.delete(id)
		t.socialsOf.remove(a.UserID, id)
		t.identities.delete(identity{a.Provider, a.UID})
		t.tokens.delete(id)
	}
}

// SetSocialToken implements [store.SocialAccounts].
func (s *Store) SetSocialToken(ctx context.Context, tok *store.SocialToken) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	if !t.socials.has(tok.AccountID) {
		return notFound("set social token: the account")
	}
	k := cloneToken(tok)
	k.ExpiresAt = micro(tok.ExpiresAt)
	l, _ := t.tokens.get(k.AccountID)
	l = slices.Clone(l)
	if i := slices.IndexFunc(l, func(x *store.SocialToken) bool { return x.App == k.App }); i >= 0 {
		l[i] = k
	} else {
		l = append(l, k)
	}
	t.tokens.set(k.AccountID, l)
	return nil
}

// SocialToken implements [store.SocialAccounts].
func (s *Store) SocialToken(ctx context.Context, accountID, app string) (*store.SocialToken, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	l, _ := t.tokens.get(accountID)
	for _, tok := range l {
		if tok.App == app {
			return cloneToken(tok), nil
		}
	}
	return nil, notFound("social token")
}

func cloneSocial(a *store.SocialAccount) *store.SocialAccount {
	c := *a
	own(&c.Data)
	return &c
}

func cloneToken(tok *store.SocialToken) *store.SocialToken {
	c := *tok
	own(&c.Token, &c.Secret)
	return &c
}
