package memory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/headless-auth/headless/store"
)

// CreateUser implements [store.Users].
func (s *Store) CreateUser(ctx context.Context, u *store.User) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	if !t.nameFree(u.Username, "") {
		return conflict("create user: the username is taken")
	}
	u.ID, u.Version = s.db.last.user.next(), 1
	k := cloneUser(u)
	k.Email, k.LastLoginAt = "", time.Time{}
	k.CreatedAt, k.DeactivatedAt = micro(u.CreatedAt), micro(u.DeactivatedAt)
	t.users.set(k.ID, k)
	t.setName(k.ID, "", k.Username)
	return nil
}

// User implements [store.Users].
func (s *Store) User(ctx context.Context, id string) (*store.User, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	return t.user(id)
}

// UserByUsername implements [store.Users].
func (s *Store) UserByUsername(ctx context.Context, username string) (*store.User, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	id, _ := t.usernames.get(store.FoldUsername(username)) // the empty name is never there
	return t.user(id)
}

// UsersByEmail implements [store.UserFinder].
func (s *Store) UsersByEmail(ctx context.Context, email string, limit int) ([]*store.User, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	claims := oldestFirst(&t.emails, t.claims.of(email), emailAge)
	if i := slices.IndexFunc(claims, isVerified); i >= 0 {
		claims = claims[i : i+1]
	}
	slices.SortStableFunc(claims, func(a, b *store.EmailAddress) int {
		switch {
		case a.Primary == b.Primary:
			return 0
		case a.Primary:
			return -1
		}
		return 1
	})
	var l []*store.User
	for _, c := range claims[:min(len(claims), max(limit, 0))] {
		if u, ok := t.users.get(c.UserID); ok {
			l = append(l, u)
		}
	}
	return copies(l, cloneUser), nil
}

// ListUsers implements [store.UserLister].
func (s *Store) ListUsers(ctx context.Context, after string, limit int) ([]*store.User, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	if after != "" && !isID(after) {
		return nil, nil
	}
	var l []*store.User
	for id, u := range t.users.all() {
		if compareIDs(id, after) > 0 {
			l = append(l, u)
		}
	}
	slices.SortFunc(l, func(a, b *store.User) int { return compareIDs(a.ID, b.ID) })
	return copies(l[:min(len(l), max(limit, 0))], cloneUser), nil
}

func (t *tables) user(id string) (*store.User, error) {
	u, ok := t.users.get(id)
	if !ok {
		return nil, notFound("user")
	}
	return cloneUser(u), nil
}

// UpdateUser implements [store.Users].
func (s *Store) UpdateUser(ctx context.Context, u *store.User) error {
	if u.Password == store.PasswordNotTold {
		return fmt.Errorf("update user: %w", store.ErrPasswordNotTold)
	}
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	old, ok := t.users.get(u.ID)
	if !ok || old.Version != u.Version {
		return conflict("update user: it was changed or deleted")
	}
	if !t.nameFree(u.Username, u.ID) {
		return conflict("update user: the username is taken")
	}
	u.Version++
	k := cloneUser(u)
	k.Email, k.CreatedAt, k.LastLoginAt = old.Email, old.CreatedAt, old.LastLoginAt
	k.DeactivatedAt = micro(u.DeactivatedAt)
	t.users.set(k.ID, k)
	t.setName(k.ID, old.Username, k.Username)
	t.tell(k.ID)
	return nil
}

// UpgradePassword implements [store.Users].
func (s *Store) UpgradePassword(ctx context.Context, userID string, old, new store.PasswordHash) error {
	return s.changeUser(ctx, userID, func(u *store.User) {
		if u.Password == old {
			u.Password = new
		}
	})
}

// RecordLogin implements [store.Users].
func (s *Store) RecordLogin(ctx context.Context, userID string, at time.Time) error {
	return s.changeUser(ctx, userID, func(u *store.User) { u.LastLoginAt = micro(at) })
}

func (s *Store) changeUser(ctx context.Context, id string, change func(*store.User)) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	if u, ok := t.users.get(id); ok {
		c := *u
		change(&c)
		t.users.set(id, &c)
	}
	return nil
}

// DeleteUser implements [store.Users].
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	u, ok := t.users.get(id)
	if !ok {
		return nil
	}
	for _, x := range t.emailsOf.of(id) {
		t.deleteEmail(x)
	}
	t.deletePhone(id)
	for _, x := range t.authenticatorsOf.of(id) {
		t.deleteAuthenticator(x)
	}
	for _, x := range t.socialsOf.of(id) {
		t.deleteSocial(x)
	}
	t.deleteBrowsers(t.browsersOf.of(id)...)
	t.deleteSessions(t.sessionsOf.of(id)...)
	t.setName(id, u.Username, "")
	t.users.delete(id)
	t.tell(id)
	return nil
}

// nameFree reports whether a user may have a name, who may have it already.
func (t *tables) nameFree(name, userID string) bool {
	owner, ok := t.usernames.get(store.FoldUsername(name))
	return name == "" || !ok || owner == userID
}

func (t *tables) setName(userID, old, name string) {
	if old != "" {
		t.usernames.delete(store.FoldUsername(old))
	}
	if name != "" {
		t.usernames.set(store.FoldUsername(name), userID)
	}
}

// setEmail keeps [store.User].Email in step.
func (t *tables) setEmail(userID, email string) {
	u, _ := t.users.get(userID)
	c := *u
	c.Email = email
	t.users.set(userID, &c)
	t.tell(userID)
}

func cloneUser(u *store.User) *store.User {
	c := *u
	own((*[]byte)(&c.Fields))
	return &c
}
