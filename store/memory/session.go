package memory

import (
	"context"
	"time"

	"github.com/headless-auth/headless/store"
)

// errNoSession is made once: strangers may ask often.
var errNoSession = notFound("session")

// CreateSession implements [store.Sessions]. ErrConflict: the token is known.
// The user may be kept elsewhere.
func (s *Store) CreateSession(ctx context.Context, x *store.Session) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	if len(x.TokenHash) == 0 {
		return errNoHash
	}
	if t.sessionHashes.has(string(x.TokenHash)) {
		return conflict("create session: the token is known")
	}
	x.ID, x.Version, x.Generation, x.RefreshedAt = s.db.last.session.next(), 1, 0, time.Time{}
	k := keepSession(x)
	t.putSession(k)
	if k.UserID != "" {
		t.sessionsOf.add(k.UserID, k.ID)
	}
	return nil
}

// SessionByHash implements [store.Sessions].
func (s *Store) SessionByHash(ctx context.Context, tokenHash []byte) (*store.Session, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	x, ok := t.sessionHashes.get(string(tokenHash))
	s.doneReading()
	if !ok {
		return nil, errNoSession
	}
	return cloneSession(x), nil
}

// SessionAndUser implements [store.SessionUser].
func (s *Store) SessionAndUser(ctx context.Context, tokenHash []byte) (*store.Session, *store.User, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, nil, err
	}
	x, ok := t.sessionHashes.get(string(tokenHash))
	return s.withUser(t, x, ok)
}

// SessionAndUserByID implements [store.SessionUser].
func (s *Store) SessionAndUserByID(ctx context.Context, id string) (*store.Session, *store.User, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, nil, err
	}
	x, ok := t.sessions.get(id)
	return s.withUser(t, x, ok)
}

// withUser ends reading.
func (s *Store) withUser(t *tables, x *store.Session, ok bool) (*store.Session, *store.User, error) {
	var u *store.User
	if ok && x.UserID != "" {
		u, _ = t.users.get(x.UserID)
	}
	s.doneReading()
	if !ok {
		return nil, nil, errNoSession
	}
	session, user := cloneBoth(x, u)
	return session, user, nil
}

// cloneBoth copies a session and its user, who may be nil.
func cloneBoth(x *store.Session, u *store.User) (*store.Session, *store.User) {
	if u == nil {
		return cloneSession(x), nil
	}
	// One allocation for both and one for their bytes: this is what every
	// authenticated request costs.
	both := &struct {
		session store.Session
		user    store.User
	}{*x, *u}
	own(&both.session.TokenHash, (*[]byte)(&both.session.Methods), &both.session.State, (*[]byte)(&both.user.Fields))
	return &both.session, &both.user
}

// Session implements [store.Sessions].
func (s *Store) Session(ctx context.Context, id string) (*store.Session, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	x, ok := t.sessions.get(id)
	s.doneReading()
	if !ok {
		return nil, errNoSession
	}
	return cloneSession(x), nil
}

// UpdateSession implements [store.Sessions]. ErrConflict, too: the new token
// is known.
func (s *Store) UpdateSession(ctx context.Context, x *store.Session) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	if len(x.TokenHash) == 0 {
		return errNoHash
	}
	old, ok := t.sessions.get(x.ID)
	if !ok || old.Version != x.Version {
		return conflict("update session: it was saved or ended")
	}
	if same, ok := t.sessionHashes.get(string(x.TokenHash)); ok && same.ID != x.ID {
		return conflict("update session: the token is known")
	}
	x.Version++
	k := keepSession(x)
	k.Generation, k.RefreshedAt = old.Generation, old.RefreshedAt
	t.sessionHashes.delete(string(old.TokenHash))
	t.putSession(k)
	t.tell(k.UserID)
	if k.UserID != old.UserID {
		t.tell(old.UserID)
		t.sessionsOf.remove(old.UserID, k.ID)
		if k.UserID != "" {
			t.sessionsOf.add(k.UserID, k.ID)
		}
	}
	return nil
}

// TouchSession implements [store.Sessions].
func (s *Store) TouchSession(ctx context.Context, x *store.Session, since time.Time) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	if old, ok := t.sessions.get(x.ID); ok && !old.SeenAt.After(since) {
		k := *old
		k.SeenAt, k.ExpiresAt = micro(x.SeenAt), micro(x.ExpiresAt)
		k.IP, k.UserAgent = x.IP, x.UserAgent
		t.putSession(&k)
	}
	return nil
}

// RefreshSession implements [store.SessionRefresher].
func (s *Store) RefreshSession(ctx context.Context, r *store.Refresh) (*store.Session, *store.User, error) {
	t, err := s.write(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer s.doneWriting()
	old, ok := t.sessions.get(r.SessionID)
	if !ok || old.UserID != r.UserID || old.Epoch != r.Epoch || over(old.ExpiresAt, r.Now) {
		return nil, nil, errNoSession
	}
	k := *old
	within := r.Now.Sub(k.RefreshedAt) < r.Grace
	switch {
	case r.Generation == k.Generation && !within:
		k.Generation++
		k.RefreshedAt = micro(r.Now)
	case r.Generation == k.Generation:
	case r.Generation == k.Generation-1 && within:
	default:
		return nil, nil, conflict("refresh session: the generation is another")
	}
	k.SeenAt, k.ExpiresAt, k.IP, k.UserAgent = micro(r.Now), micro(r.ExpiresAt), r.IP, r.UserAgent
	t.putSession(&k)
	u, _ := t.users.get(k.UserID)
	session, user := cloneBoth(&k, u)
	return session, user, nil
}

// DeleteSession implements [store.Sessions].
func (s *Store) DeleteSession(ctx context.Context, id string) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	t.deleteSessions(id)
	return nil
}

// SessionsOf implements [store.Sessions].
func (s *Store) SessionsOf(ctx context.Context, userID string) ([]*store.Session, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	l := oldestFirst(&t.sessions, t.sessionsOf.of(userID), func(x *store.Session) (time.Time, string) { return x.CreatedAt, x.ID })
	return copies(l, cloneSession), nil
}

// DeleteSessionsOf implements [store.Sessions].
func (s *Store) DeleteSessionsOf(ctx context.Context, userID, exceptID string) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	var ids []string
	for _, id := range t.sessionsOf.of(userID) {
		if id != exceptID {
			ids = append(ids, id)
		}
	}
	t.deleteSessions(ids...)
	return nil
}

// DeleteExpiredSessions implements [store.Sessions].
func (s *Store) DeleteExpiredSessions(ctx context.Context, now time.Time) (int, error) {
	t, err := s.write(ctx)
	if err != nil {
		return 0, err
	}
	defer s.doneWriting()
	defer t.shrink()
	var ids []string
	for id, x := range t.sessions.all() {
		if over(x.ExpiresAt, now) {
			ids = append(ids, id)
		}
	}
	t.deleteSessions(ids...)
	return len(ids), nil
}

func (t *tables) putSession(k *store.Session) {
	t.sessions.set(k.ID, k)
	t.sessionHashes.set(string(k.TokenHash), k)
}

func (t *tables) deleteSessions(ids ...string) {
	users := map[string]bool{}
	for _, id := range ids {
		if x, ok := t.sessions.get(id); ok {
			t.sessions.delete(id)
			t.sessionHashes.delete(string(x.TokenHash))
			users[x.UserID] = true
		}
	}
	for id := range users {
		t.tell(id)
		t.sessionsOf.keep(id, t.sessions.has)
	}
}

func keepSession(x *store.Session) *store.Session {
	k := cloneSession(x)
	k.CreatedAt, k.SeenAt, k.ExpiresAt = micro(x.CreatedAt), micro(x.SeenAt), micro(x.ExpiresAt)
	return k
}

func cloneSession(x *store.Session) *store.Session {
	c := *x
	own(&c.TokenHash, (*[]byte)(&c.Methods), &c.State)
	return &c
}
