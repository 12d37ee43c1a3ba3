package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/headless-auth/headless/internal/csrf"
	"github.com/headless-auth/headless/store"
)

// Request is one call on its way through the path.
type Request struct {
	Env    *Env
	HTTP   *http.Request
	Client Client
	// Now is when the request came; it is the same throughout.
	Now time.Time
	// IP is the client's address.
	IP netip.Addr
	// User is who is logged in, nil for nobody.
	User *store.User
	// Session is never nil; Version 0 means that it is not stored.
	Session *store.Session
	// Input is what the client sent.
	Input  *Input
	Locale string

	// Credential is what the client presented, kept by package sessions.
	Credential Credential
	// NewToken is the token to hand out, set when the session is saved.
	NewToken string
	// CSRFToken is the one that the browser has, known once the session has
	// been presented.
	CSRFToken string
	// KeepCSRF leaves the browser's CSRF token alone unless somebody logs in:
	// it is no call of the front end.
	KeepCSRF bool
	// Started is the id of the user at the start, "" for nobody.
	Started string

	host    bool    // it is for a route of the host's own
	counted []Taken // against the endpoint's limit
	changed bool    // the session differs from what is stored
	touched []Touch
	rotate  bool // and gets a new token
	ended   []string
	stored  store.Session // as last read or saved
	tx      store.Store
	events  []any
	after   []func()
	// promised is how many of the events were.
	promised int
}

// CredentialKind is a way to be recognised.
type CredentialKind string

// The kinds of credentials.
const (
	Cookie       CredentialKind = "cookie"
	SessionToken CredentialKind = "session_token"
	AccessToken  CredentialKind = "access_token"
)

// Credential is what a client presented to be recognised.
type Credential struct {
	// Present: there was one, good or not.
	Present bool
	Kind    CredentialKind
	// Touched: the client's copy needs a new expiry.
	Touched bool
	// Epoch is the session's as it was found.
	Epoch int64
}

// Store is where flows read and write: the transaction, while one is open.
func (rq *Request) Store() store.Store {
	if rq.tx != nil {
		return rq.tx
	}
	return rq.Env.Store
}

// Sessions is Store for sessions.
func (rq *Request) Sessions() store.Sessions {
	if rq.Env.SharedSessions {
		return rq.Store()
	}
	return rq.Env.SessionStore
}

// MayBeStale reports whether the request can do with what was known of its
// session and user a moment ago, as it changes nothing of theirs.
func (rq *Request) MayBeStale() bool { return rq.host || csrf.Safe(rq.HTTP.Method) }

// Changed notes that the session has to be saved.
func (rq *Request) Changed() { rq.changed = true }

// Touch is a slot of the session that the request has put or dropped.
type Touch struct {
	Slot string
	// Blind: what was there before made no difference.
	Blind bool
}

// Touch notes that a slot has changed, so that the session has to be saved.
func (rq *Request) Touch(t Touch) {
	rq.touched = append(rq.touched, t)
	rq.changed = true
}

// Base is the session as the request last read or saved it, and what it has
// touched since.
func (rq *Request) Base() (store.Session, []Touch) { return rq.stored, rq.touched }

// Rotate notes that the session has to be saved under a new token, because
// what it is worth has changed.
func (rq *Request) Rotate() { rq.changed, rq.rotate = true, true }

// Claim is Rotate for a browser in whose session something begins that is worth
// having. Somebody else may have planted that session there, and still know its
// token. Apps have theirs from us.
func (rq *Request) Claim() {
	if rq.Client == Browser {
		rq.Rotate()
	}
}

// EndSession ends the current session and continues with an empty one. The
// stored one dies when the request is saved.
func (rq *Request) EndSession() {
	if rq.Session.ID != "" {
		rq.ended = append(rq.ended, rq.Session.ID)
	}
	rq.Session, rq.User = &store.Session{}, nil
	rq.changed, rq.rotate, rq.touched = false, false, nil
}

// Pending tells package sessions what to do when saving.
func (rq *Request) Pending() (changed, rotate bool, ended []string) {
	return rq.changed, rq.rotate, rq.ended
}

// Saved notes that the session is as stored.
func (rq *Request) Saved() {
	rq.changed, rq.rotate, rq.ended, rq.touched = false, false, nil, nil
	rq.stored = *rq.Session
}

// Emit notes an event to be told when everything is saved.
func (rq *Request) Emit(event any) { rq.events = append(rq.events, event) }

// AfterCommit runs fn when everything is saved. fn must not block.
func (rq *Request) AfterCommit(fn func()) { rq.after = append(rq.after, fn) }

// Hold sees to it, within a transaction, that nobody else who holds a user goes
// on until it ends: of two at once, one meets [store.ErrConflict]. It is
// for what is bounded or unique among that which belongs to a user.
// Requirement ONE-4.
func (rq *Request) Hold(ctx context.Context, userID string) error {
	u, err := rq.Store().User(ctx, userID)
	if err != nil {
		return err
	}
	if err := rq.Store().UpdateUser(ctx, u); err != nil {
		return err
	}
	if rq.User != nil && rq.User.ID == userID {
		rq.User.Version = u.Version
	}
	return nil
}

// InTx runs fn so that everything it writes, and the session as it is then,
// is stored together or not at all. It may run fn again if the store asks for
// it: the request, its session and its user are put back to what they were
// before, and fn must leave alone what else it has not made itself. Inside
// another InTx it joins that one.
func (rq *Request) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if rq.tx != nil {
		return fn(ctx)
	}
	before, session := *rq, *rq.Session
	var user store.User
	if rq.User != nil {
		user = *rq.User
	}
	restore := func() {
		*rq = before
		s := session
		rq.Session = &s
		if rq.User != nil {
			*rq.User = user
		}
	}
	inTx := rq.Env.Store.InTx
	if rq.Env.Observe != nil {
		inTx = rq.Env.observedTx
	}
	err := inTx(ctx, func(tx store.Store) error {
		restore()
		rq.tx = tx
		defer func() { rq.tx = nil }()
		if err := fn(ctx); err != nil {
			return err
		}
		if rq.Env.SharedSessions {
			if err := rq.Env.Sessions.Save(ctx, last(tx), rq); err != nil {
				return err
			}
		}
		return rq.promise(ctx)
	})
	if err != nil {
		restore()
		return err
	}
	if rq.Env.SharedSessions {
		rq.stored.ID = rq.Session.ID // which the end of the transaction may have brought
	}
	// Sessions that live elsewhere are saved once the rest is certain. If that
	// fails, the client stands where it stood, but the rest has happened: it is
	// told, and must not be done again.
	if err = rq.save(ctx); err != nil {
		events, after, promised := rq.events, rq.after, rq.promised
		restore()
		rq.events, rq.after, rq.promised = events, after, promised
		if errors.Is(err, store.ErrConflict) {
			err = &Error{Status: http.StatusConflict}
		}
	}
	return err
}

// last are a transaction's sessions, of which one is saved at its end.
func last(tx store.Store) store.Sessions {
	if d, ok := tx.(store.SessionDeferrer); ok {
		return deferred{tx, d}
	}
	return tx
}

type deferred struct {
	store.Sessions
	d store.SessionDeferrer
}

// CreateSession implements [store.Sessions].
func (s deferred) CreateSession(ctx context.Context, x *store.Session) error {
	return s.d.DeferSession(ctx, x)
}

// Reload reads the session anew, after another request has changed it. It
// reports whether it is still the client's: it was not ended, and has the token
// that it had.
func (rq *Request) Reload(ctx context.Context) (bool, error) {
	s, err := rq.Sessions().Session(ctx, rq.stored.ID)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil || !bytes.Equal(s.TokenHash, rq.stored.TokenHash) {
		return false, err
	}
	rq.Session, rq.stored = s, *s
	rq.changed, rq.rotate, rq.ended, rq.touched = false, false, nil, nil
	return true, nil
}

func (rq *Request) save(ctx context.Context) error {
	if !rq.changed && len(rq.ended) == 0 {
		return nil
	}
	return rq.Env.Sessions.Save(ctx, rq.Sessions(), rq)
}

// promise writes down events that somebody is to hear of for certain.
func (rq *Request) promise(ctx context.Context) error {
	if rq.Env.Promise == nil {
		return nil
	}
	for ; rq.promised < len(rq.events); rq.promised++ {
		if err := rq.Env.Promise(ctx, rq, rq.events[rq.promised]); err != nil {
			return err
		}
	}
	return nil
}

// deliver tells and sends what was waiting for the save.
func (rq *Request) deliver(ctx context.Context) {
	// Events of no transaction, such as failed logins.
	if err := rq.promise(ctx); err != nil {
		rq.Env.Log.ErrorContext(ctx, "events could not be written down for webhooks", "events", len(rq.events)-rq.promised, "error", err)
	}
	for _, fn := range rq.after {
		fn()
	}
	for _, e := range rq.events {
		rq.tell(ctx, e)
	}
	rq.after, rq.events, rq.promised = nil, nil, 0
}

// tell contains a host's subscriber: what happened has happened.
func (rq *Request) tell(ctx context.Context, event any) {
	defer func() {
		if p := recover(); p != nil {
			rq.Env.Log.ErrorContext(ctx, "event subscriber panicked", "panic", p)
		}
	}()
	if rq.Env.OnEvent != nil {
		rq.Env.OnEvent(ctx, event)
	}
}

// AuthenticatedWithin reports whether the user proved who they are less than d
// ago. spec: core.md §7.1.
func (rq *Request) AuthenticatedWithin(d time.Duration) bool {
	l := rq.Session.Methods.List()
	if len(l) == 0 {
		return false
	}
	at := time.UnixMicro(int64(l[len(l)-1].At * 1e6))
	return rq.Now.Sub(at) < d
}
