package store

import (
	"context"
	"encoding/json"
	"time"
)

// Session is what the server remembers of one client: who it is, or what it
// has half done.
type Session struct {
	// ID is public and stays the same when the token changes.
	ID string
	// TokenHash is the SHA-256 of the token that the client holds; unique.
	TokenHash []byte
	// UserID is empty until somebody is logged in.
	UserID string
	// Epoch is the user's [User].Epoch when they proved who they are.
	Epoch int64
	// Methods says how and when the user proved who they are.
	Methods Methods
	// State holds what is half done; see package sessions. Nil means nothing.
	State []byte
	// IP and UserAgent describe the client when the session was last saved.
	IP, UserAgent string
	// CreatedAt says when the user logged in, or, before that, when the
	// session was made.
	CreatedAt time.Time
	// SeenAt says when the client was last noticed.
	SeenAt time.Time
	// ExpiresAt ends the session, whatever else.
	ExpiresAt time.Time
	// Version counts the saves; see [Sessions.UpdateSession].
	Version int64
	// Generation counts the refresh tokens that took the place of an earlier
	// one, and RefreshedAt says when the last did. Only
	// [SessionRefresher.RefreshSession] changes them.
	Generation  int64
	RefreshedAt time.Time
}

// Methods is a JSON array of [Method], just as the API shows it; nil is the
// empty list. It is kept encoded because most requests only pass it on.
type Methods json.RawMessage

// Method records one proof of identity. spec: authentication records.
type Method struct {
	Method string `json:"method"`
	// At is in seconds since the epoch.
	At              float64 `json:"at"`
	Email           string  `json:"email,omitempty"`
	Username        string  `json:"username,omitempty"`
	Phone           string  `json:"phone,omitempty"`
	Provider        string  `json:"provider,omitempty"`
	UID             string  `json:"uid,omitempty"`
	ID              any     `json:"id,omitempty"`
	Type            string  `json:"type,omitempty"`
	Reauthenticated *bool   `json:"reauthenticated,omitempty"`
	Passwordless    *bool   `json:"passwordless,omitempty"`
}

// List decodes the records, oldest first. Unreadable ones read as none.
func (m Methods) List() []Method {
	var l []Method
	if len(m) > 0 && json.Unmarshal(m, &l) != nil {
		return nil
	}
	return l
}

// maxMethods bounds how many records a session has: a user can prove who they
// are any number of times.
const maxMethods = 100

// With returns m with a record appended, and without the oldest where there are
// too many; m itself is unchanged.
func (m Methods) With(x Method) Methods {
	l := append(m.List(), x)
	b, err := json.Marshal(l[max(0, len(l)-maxMethods):])
	if err != nil {
		panic(err) // plain fields always marshal
	}
	return Methods(b)
}

// Sessions keeps sessions. An expired one may be returned or not; callers
// check.
type Sessions interface {
	// CreateSession stores s and fills s.ID, and s.Version with 1.
	CreateSession(ctx context.Context, s *Session) error
	// SessionByHash finds a session by its token's hash. ErrNotFound.
	SessionByHash(ctx context.Context, tokenHash []byte) (*Session, error)
	// Session returns the session with that id. ErrNotFound.
	Session(ctx context.Context, id string) (*Session, error)
	// UpdateSession saves s if s.Version is still the stored one, and
	// increments it in both. A changed TokenHash takes the place of the old
	// one at once. ErrConflict: somebody else has saved or ended the session.
	UpdateSession(ctx context.Context, s *Session) error
	// TouchSession sets SeenAt, IP, UserAgent and ExpiresAt and changes no
	// version. It does nothing if the session was seen after since, or is
	// absent.
	TouchSession(ctx context.Context, s *Session, since time.Time) error
	// DeleteSession ends a session. An absent one is fine.
	DeleteSession(ctx context.Context, id string) error
	// SessionsOf lists a user's sessions, oldest first.
	SessionsOf(ctx context.Context, userID string) ([]*Session, error)
	// DeleteSessionsOf ends all sessions of a user but the one with the id
	// exceptID, which may be empty.
	DeleteSessionsOf(ctx context.Context, userID, exceptID string) error
	// DeleteExpiredSessions removes the sessions whose ExpiresAt is not after
	// now, and returns how many.
	DeleteExpiredSessions(ctx context.Context, now time.Time) (int, error)
}

// SessionUser is an optional ability of a [Store]: finding a session and its
// user in one question. It is what an authenticated request costs.
type SessionUser interface {
	// SessionAndUser finds a session by its token's hash, and its user, who is
	// nil if there is none. ErrNotFound: no such session.
	SessionAndUser(ctx context.Context, tokenHash []byte) (*Session, *User, error)
	// SessionAndUserByID is SessionAndUser for the session with that id.
	SessionAndUserByID(ctx context.Context, id string) (*Session, *User, error)
}

// SessionDeferrer is an optional ability of a [Store]: creating a session on the
// way to the commit, which saves a question of its own.
type SessionDeferrer interface {
	// DeferSession is CreateSession for a transaction that leaves s alone
	// before it asks for something else or ends: whatever it asks for next
	// finds the session, and by then, or when InTx returns, the ID is there and
	// an error told. Such an error is the transaction's. Outside of one it is
	// CreateSession.
	DeferSession(ctx context.Context, s *Session) error
}

// Refresh is the use of a refresh token.
type Refresh struct {
	// SessionID, UserID, Epoch and Generation are what the token was made for.
	SessionID, UserID string
	Epoch, Generation int64
	// Now is the time of the use. A session that has expired by then is not
	// refreshed.
	Now time.Time
	// Grace is how long after a refresh the generation before still counts, and
	// no other refresh changes the generation.
	Grace time.Duration
	// ExpiresAt, IP and UserAgent are written to the session, as is Now for
	// SeenAt.
	ExpiresAt     time.Time
	IP, UserAgent string
}

// SessionRefresher is an optional ability of a [Sessions], which refresh tokens
// need.
type SessionRefresher interface {
	// RefreshSession uses a refresh token, in one step: of any number of uses
	// at once, one changes the generation. If r.Generation is the session's,
	// and the last change is at least r.Grace ago, the generation is
	// incremented, and RefreshedAt becomes r.Now. If it is the session's, or
	// the one before, within r.Grace of the last change, the generation stays.
	// Either way the session is touched, no version changes, and the session
	// is returned as it is then, with its user, who is nil if there is none
	// here. ErrNotFound: there is no such session, or it has expired, or has
	// another user or epoch. ErrConflict: the generation is another one.
	RefreshSession(ctx context.Context, r *Refresh) (*Session, *User, error)
}
