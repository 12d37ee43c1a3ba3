package sqlstore

import (
	"context"
	"time"

	"github.com/headless-auth/headless/store"
)

const sessionColumns = `s.id, s.token_hash, coalesce(s.user_id, 0), s.epoch, s.methods, s.state, s.ip, s.user_agent,
	s.created_at, s.seen_at, s.expires_at, s.version`

func scanSession(row Scan) (*store.Session, error) {
	var s store.Session
	var id, user int64
	err := row(&id, &s.TokenHash, &user, &s.Epoch, (*[]byte)(&s.Methods), &s.State, &s.IP, &s.UserAgent,
		&s.CreatedAt, &s.SeenAt, &s.ExpiresAt, &s.Version)
	s.ID, s.UserID = text(id), text(user)
	s.Methods, s.State = filled(s.Methods), filled(s.State)
	return &s, err
}

const createSession = `insert into auth_sessions (token_hash, user_id, epoch, methods, state, ip, user_agent,
	created_at, seen_at, expires_at, version) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1) returning id`

// CreateSession implements [store.Sessions].
func (s *Store) CreateSession(ctx context.Context, x *store.Session) error {
	var id int64
	err := s.save(ctx, &id, createSession, filled(x.TokenHash), optional(x.UserID), x.Epoch, string(x.Methods),
		filled(x.State), x.IP, x.UserAgent, x.CreatedAt, x.SeenAt, x.ExpiresAt)
	if err != nil {
		return did("create session", err)
	}
	x.ID, x.Version = text(id), 1
	return nil
}

const sessionByHash = `select ` + sessionColumns + ` from auth_sessions s where s.token_hash = $1`

// SessionByHash implements [store.Sessions].
func (s *Store) SessionByHash(ctx context.Context, tokenHash []byte) (*store.Session, error) {
	x, err := one(ctx, s, scanSession, sessionByHash, filled(tokenHash))
	return found(x, "find session by token", err)
}

const sessionByID = `select ` + sessionColumns + ` from auth_sessions s where s.id = $1`

// Session implements [store.Sessions].
func (s *Store) Session(ctx context.Context, id string) (*store.Session, error) {
	x, err := one(ctx, s, scanSession, sessionByID, number(id))
	return found(x, "find session", err)
}

// A session without a user is joined with nothing; the columns have to be
// there all the same.
const sessionAndUser = `select ` + sessionColumns + `, coalesce(u.username, ''), coalesce(e.email, ''),
	coalesce(u.password, ''), coalesce(u.first_name, ''), coalesce(u.last_name, ''), coalesce(u.disabled, false),
	coalesce(u.deactivated_at, s.created_at), coalesce(u.epoch, 0), coalesce(u.fields, ''),
	coalesce(u.created_at, s.created_at), coalesce(u.last_login_at, s.created_at), coalesce(u.version, 0)
	from auth_sessions s left join auth_users u on u.id = s.user_id
	left join auth_emails e on e.user_id = u.id and e.is_primary where s.token_hash = $1`

type sessionUser struct {
	session store.Session
	user    store.User
}

func scanSessionUser(row Scan) (*sessionUser, error) {
	var x sessionUser
	var id, user int64
	s, u := &x.session, &x.user
	err := row(&id, &s.TokenHash, &user, &s.Epoch, (*[]byte)(&s.Methods), &s.State, &s.IP, &s.UserAgent,
		&s.CreatedAt, &s.SeenAt, &s.ExpiresAt, &s.Version,
		&u.Username, &u.Email, (*string)(&u.Password), &u.FirstName, &u.LastName, &u.Disabled,
		&u.DeactivatedAt, &u.Epoch, (*[]byte)(&u.Fields), &u.CreatedAt, &u.LastLoginAt, &u.Version)
	s.ID, s.UserID = text(id), text(user)
	s.Methods, s.State = filled(s.Methods), filled(s.State)
	u.ID, u.Fields = s.UserID, filled(u.Fields)
	return &x, err
}

// SessionAndUser implements [store.SessionUser].
func (s *Store) SessionAndUser(ctx context.Context, tokenHash []byte) (*store.Session, *store.User, error) {
	x, err := one(ctx, s, scanSessionUser, sessionAndUser, filled(tokenHash))
	switch {
	case err != nil:
		return nil, nil, did("find session and user", err)
	case x.user.ID == "":
		return &x.session, nil, nil
	}
	return &x.session, &x.user, nil
}

const updateSession = `update auth_sessions set token_hash = $3, user_id = $4, epoch = $5, methods = $6, state = $7,
	ip = $8, user_agent = $9, created_at = $10, seen_at = $11, expires_at = $12, version = version + 1
	where id = $1 and version = $2 returning version`

// UpdateSession implements [store.Sessions].
func (s *Store) UpdateSession(ctx context.Context, x *store.Session) error {
	err := s.save(ctx, &x.Version, updateSession, number(x.ID), x.Version, filled(x.TokenHash), optional(x.UserID), x.Epoch,
		string(x.Methods), filled(x.State), x.IP, x.UserAgent, x.CreatedAt, x.SeenAt, x.ExpiresAt)
	return did("update session", conflict(err))
}

const touchSession = `update auth_sessions set seen_at = $2, ip = $3, user_agent = $4, expires_at = $5 where id = $1`

// TouchSession implements [store.Sessions].
func (s *Store) TouchSession(ctx context.Context, x *store.Session) error {
	_, err := s.exec(ctx, touchSession, number(x.ID), x.SeenAt, x.IP, x.UserAgent, x.ExpiresAt)
	return did("touch session", err)
}

const deleteSession = `delete from auth_sessions where id = $1`

// DeleteSession implements [store.Sessions].
func (s *Store) DeleteSession(ctx context.Context, id string) error {
	_, err := s.exec(ctx, deleteSession, number(id))
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
	_, err := s.exec(ctx, deleteSessionsOf, number(userID), number(exceptID))
	return did("delete sessions", err)
}

const deleteExpiredSessions = `delete from auth_sessions where expires_at <= $1 and expires_at > $2`

// DeleteExpiredSessions implements [store.Sessions].
func (s *Store) DeleteExpiredSessions(ctx context.Context, now time.Time) (int, error) {
	n, err := s.exec(ctx, deleteExpiredSessions, now, never)
	return int(n), did("delete expired sessions", err)
}
