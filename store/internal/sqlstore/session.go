package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/headless-auth/headless/store"
)

const sessionColumns = `s.id, s.token_hash, coalesce(s.user_id, 0), s.epoch, s.methods, s.state, s.ip, s.user_agent,
	s.created_at, s.seen_at, s.expires_at, s.version, s.generation, s.refreshed_at`

func scanSession(row Scan) (*store.Session, error) {
	var s store.Session
	var id, user int64
	err := row(&id, &s.TokenHash, &user, &s.Epoch, (*[]byte)(&s.Methods), &s.State, &s.IP, &s.UserAgent,
		&s.CreatedAt, &s.SeenAt, &s.ExpiresAt, &s.Version, &s.Generation, &s.RefreshedAt)
	s.ID, s.UserID = text(id), text(user)
	s.Methods, s.State, s.UserAgent = filled(long(s.Methods)), filled(s.State), long(s.UserAgent)
	return &s, err
}

const createSession = `insert into auth_sessions (token_hash, user_id, epoch, methods, state, ip, user_agent,
	created_at, seen_at, expires_at, version, generation, refreshed_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, 0, $11) returning id`

// newSession are the arguments of createSession.
func newSession(x *store.Session) []any {
	return []any{filled(x.TokenHash), optional(x.UserID), x.Epoch, short(string(x.Methods)),
		blank(x.State), x.IP, short(x.UserAgent), x.CreatedAt, x.SeenAt, x.ExpiresAt, never}
}

// CreateSession implements [store.Sessions].
func (s *Store) CreateSession(ctx context.Context, x *store.Session) error {
	var id int64
	if err := s.save(ctx, &id, createSession, newSession(x)...); err != nil {
		return did("create session", err)
	}
	x.ID, x.Version, x.Generation, x.RefreshedAt = text(id), 1, 0, never
	return nil
}

// DeferSession implements [store.SessionDeferrer].
func (s *Store) DeferSession(ctx context.Context, x *store.Session) error {
	if s.tx == nil {
		return s.CreateSession(ctx, x)
	}
	x.Version, x.Generation, x.RefreshedAt = 1, 0, never
	return did("create session", s.watch.later(ctx, func(row Scan) error {
		var id int64
		err := row(&id)
		x.ID = text(id)
		return err
	}, createSession, newSession(x)...))
}

// byToken compares the beginning as well, which is what PostgreSQL has an index
// of.
const (
	byToken   = `s.token_hash = $1 and substr(s.token_hash, 1, 7) = $2`
	beginning = 7
)

const sessionByHash = `select ` + sessionColumns + ` from auth_sessions s where ` + byToken

// SessionByHash implements [store.Sessions].
func (s *Store) SessionByHash(ctx context.Context, tokenHash []byte) (*store.Session, error) {
	x, err := one(ctx, s, scanSession, sessionByHash, filled(tokenHash), filled(tokenHash[:min(len(tokenHash), beginning)]))
	return found(x, "find session by token", err)
}

const sessionByID = `select ` + sessionColumns + ` from auth_sessions s where s.id = $1`

// Session implements [store.Sessions].
func (s *Store) Session(ctx context.Context, id string) (*store.Session, error) {
	x, err := one(ctx, s, scanSession, sessionByID, number(id))
	return found(x, "find session", err)
}

// A session without a user is joined with nothing, and all columns of a user
// are NULL. Nearly every request reads them: a database that takes NULL for zero
// need not be told to.
const (
	sessionUserNulls = `s.id, s.token_hash, s.user_id, s.epoch, s.methods, s.state, s.ip, s.user_agent,
	s.created_at, s.seen_at, s.expires_at, s.version, s.generation, s.refreshed_at, u.username, e.email, u.password,
	u.first_name, u.last_name, u.disabled, u.deactivated_at, u.epoch, u.fields, u.created_at, u.last_login_at, u.version`
	sessionUserZeros = sessionColumns + `, coalesce(u.username, ''), coalesce(e.email, ''),
	coalesce(u.password, ''), coalesce(u.first_name, ''), coalesce(u.last_name, ''), coalesce(u.disabled, false),
	coalesce(u.deactivated_at, s.created_at), coalesce(u.epoch, 0), coalesce(u.fields, ''),
	coalesce(u.created_at, s.created_at), coalesce(u.last_login_at, s.created_at), coalesce(u.version, 0)`
	sessionUsers = ` from auth_sessions s left join auth_users u on u.id = s.user_id
	left join auth_emails e on e.user_id = u.id and e.is_primary where `
)

type sessionUser struct {
	session store.Session
	user    store.User
}

// destinations are where the columns go, for a moment of nearly every request.
var destinations = sync.Pool{New: func() any { return new([26]any) }}

func scanSessionUser(row Scan) (*sessionUser, error) {
	var x sessionUser
	var id, user int64
	s, u := &x.session, &x.user
	dest, _ := destinations.Get().(*[26]any)
	*dest = [...]any{&id, &s.TokenHash, &user, &s.Epoch, (*[]byte)(&s.Methods), &s.State, &s.IP, &s.UserAgent,
		&s.CreatedAt, &s.SeenAt, &s.ExpiresAt, &s.Version, &s.Generation, &s.RefreshedAt,
		&u.Username, &u.Email, (*string)(&u.Password), &u.FirstName, &u.LastName, &u.Disabled,
		&u.DeactivatedAt, &u.Epoch, (*[]byte)(&u.Fields), &u.CreatedAt, &u.LastLoginAt, &u.Version}
	err := row(dest[:]...)
	clear(dest[:])
	destinations.Put(dest)
	s.ID, s.UserID = text(id), text(user)
	s.Methods, s.State, s.UserAgent = filled(long(s.Methods)), filled(s.State), long(s.UserAgent)
	u.ID, u.Fields = s.UserID, filled(u.Fields)
	return &x, err
}

// both takes a pair apart.
func both(x *sessionUser, what string, err error) (*store.Session, *store.User, error) {
	switch {
	case err != nil:
		return nil, nil, did(what, err)
	case x.user.ID == "":
		return &x.session, nil, nil
	}
	return &x.session, &x.user, nil
}

const (
	sessionAndUser      = `select ` + sessionUserNulls + sessionUsers + byToken
	sessionAndUserZeros = `select ` + sessionUserZeros + sessionUsers + byToken
)

// SessionAndUser implements [store.SessionUser].
func (s *Store) SessionAndUser(ctx context.Context, tokenHash []byte) (*store.Session, *store.User, error) {
	query := sessionAndUser
	if !s.db.NullIsZero {
		query = sessionAndUserZeros
	}
	x, err := one(ctx, s, scanSessionUser, query, filled(tokenHash), filled(tokenHash[:min(len(tokenHash), beginning)]))
	return both(x, "find session and user", err)
}

const (
	sessionAndUserByID      = `select ` + sessionUserNulls + sessionUsers + `s.id = $1`
	sessionAndUserByIDZeros = `select ` + sessionUserZeros + sessionUsers + `s.id = $1`
)

// SessionAndUserByID implements [store.SessionUser].
func (s *Store) SessionAndUserByID(ctx context.Context, id string) (*store.Session, *store.User, error) {
	x, err := s.sessionAndUserByID(ctx, number(id))
	return both(x, "find session and user by id", err)
}

func (s *Store) sessionAndUserByID(ctx context.Context, id any) (*sessionUser, error) {
	query := sessionAndUserByID
	if !s.db.NullIsZero {
		query = sessionAndUserByIDZeros
	}
	return one(ctx, s, scanSessionUser, query, id)
}

const (
	refreshSession = `update auth_sessions as s set
		generation = case when s.generation = $4 and s.refreshed_at <= $6 then s.generation + 1 else s.generation end,
		refreshed_at = case when s.generation = $4 and s.refreshed_at <= $6 then $5 else s.refreshed_at end,
		seen_at = $5, expires_at = $7, ip = $8, user_agent = $9 `
	refreshable = `s.id = $1 and s.user_id = $2 and s.epoch = $3 and (s.expires_at > $5 or s.expires_at = $10)
		and (s.generation = $4 or s.generation = $4 + 1 and s.refreshed_at > $6)`
	// Where an update can return what is joined, one statement does it. NULL is
	// zero there.
	refreshReturning = refreshSession + `from auth_users u left join auth_emails e on e.user_id = u.id and e.is_primary
		where u.id = s.user_id and ` + refreshable + ` returning ` + sessionUserNulls
	refreshAlone = refreshSession + `where ` + refreshable + ` returning generation`
)

// RefreshSession implements [store.SessionRefresher].
func (s *Store) RefreshSession(ctx context.Context, r *store.Refresh) (*store.Session, *store.User, error) {
	args := []any{
		number(r.SessionID), number(r.UserID), r.Epoch, r.Generation, r.Now, r.Now.Add(-r.Grace), r.ExpiresAt, r.IP, short(r.UserAgent), never,
	}
	x, err := s.refresh(ctx, r, args)
	if !errors.Is(err, store.ErrNotFound) {
		return both(x, "refresh session", err)
	}
	switch old, err := s.Session(ctx, r.SessionID); {
	case err != nil:
		return nil, nil, did("refresh session", err)
	case old.UserID == r.UserID && old.Epoch == r.Epoch && (old.ExpiresAt.After(r.Now) || old.ExpiresAt.IsZero()):
		return nil, nil, did("refresh session", fmt.Errorf("the generation is another: %w", store.ErrConflict))
	}
	return nil, nil, did("refresh session", store.ErrNotFound)
}

func (s *Store) refresh(ctx context.Context, r *store.Refresh, args []any) (x *sessionUser, err error) {
	if s.db.ReturnsJoined {
		err = s.again(ctx, func() error {
			return atLeastOne(ctx, s.write.Write, func(row Scan) error {
				x, err = scanSessionUser(row)
				return err
			}, refreshReturning, args...)
		})
		return x, err
	}
	// The next change takes a token that nobody has before this call returns,
	// so what is read now is what was written.
	var generation int64
	if err := s.save(ctx, &generation, refreshAlone, args...); err != nil {
		return nil, err
	}
	return s.sessionAndUserByID(ctx, args[0])
}

const updateSession = `update auth_sessions set token_hash = $3, user_id = $4, epoch = $5, methods = $6, state = $7,
	ip = $8, user_agent = $9, created_at = $10, seen_at = $11, expires_at = $12, version = version + 1
	where id = $1 and version = $2 returning version`

// UpdateSession implements [store.Sessions].
func (s *Store) UpdateSession(ctx context.Context, x *store.Session) error {
	err := s.save(ctx, &x.Version, s.announced(updateSession, `, user_id`, "version"), number(x.ID), x.Version, filled(x.TokenHash), optional(x.UserID), x.Epoch,
		short(string(x.Methods)), blank(x.State), x.IP, short(x.UserAgent), x.CreatedAt, x.SeenAt, x.ExpiresAt)
	return did("update session", conflict(err))
}

const touchSession = `update auth_sessions set seen_at = $2, ip = $3, user_agent = $4, expires_at = $5
	where id = $1 and seen_at <= $6`

// TouchSession implements [store.Sessions].
func (s *Store) TouchSession(ctx context.Context, x *store.Session, since time.Time) error {
	_, err := s.exec(ctx, touchSession, number(x.ID), x.SeenAt, x.IP, short(x.UserAgent), x.ExpiresAt, since)
	return did("touch session", err)
}

const deleteSession = `delete from auth_sessions where id = $1`

// DeleteSession implements [store.Sessions].
func (s *Store) DeleteSession(ctx context.Context, id string) error {
	_, err := s.exec(ctx, s.announced(deleteSession, ` returning user_id`, "user_id"), number(id))
	return did("delete session", err)
}

const sessionsOf = `select ` + sessionColumns + ` from auth_sessions s where s.user_id = $1 order by s.created_at, s.id`

// SessionsOf implements [store.Sessions].
func (s *Store) SessionsOf(ctx context.Context, userID string) ([]*store.Session, error) {
	l, err := list(ctx, s, scanSession, sessionsOf, number(userID))
	return l, did("list sessions", err)
}

const deleteSessionsOf = `delete from auth_sessions where user_id = $1 and id <> $2`

// DeleteSessionsOf implements [store.Sessions].
func (s *Store) DeleteSessionsOf(ctx context.Context, userID, exceptID string) error {
	_, err := s.exec(ctx, s.announced(deleteSessionsOf, ` returning user_id`, "user_id"), number(userID), number(exceptID))
	return did("delete sessions", err)
}

const deleteExpiredSessions = `delete from auth_sessions where expires_at <= $1 and expires_at > $2`

// DeleteExpiredSessions implements [store.Sessions].
func (s *Store) DeleteExpiredSessions(ctx context.Context, now time.Time) (int, error) {
	n, err := s.exec(ctx, deleteExpiredSessions, now, never)
	return int(n), did("delete expired sessions", err)
}
