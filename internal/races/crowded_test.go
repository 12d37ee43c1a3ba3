package races_test

import (
	"context"
	"runtime"
	"time"

	"github.com/headless-auth/headless/store"
)

// crowded is a store in the same process, where a request could come from its
// first call to its last one without anybody in between. It has everybody else
// go first where a decision might be made of what was read: outside of
// transactions, after reading and before writing.
type crowded struct{ able }

// able is a store with every ability.
type able interface {
	store.Store
	store.AuditLog
	store.IntegerIDs
	store.Pinger
	store.SessionRefresher
	store.SessionUser
	store.UserLister
}

// InTx implements [store.Store].
func (s crowded) InTx(ctx context.Context, fn func(store.Store) error) error {
	runtime.Gosched()
	return s.able.InTx(ctx, fn)
}

// SessionAndUser implements [store.SessionUser].
func (s crowded) SessionAndUser(ctx context.Context, tokenHash []byte) (*store.Session, *store.User, error) {
	defer runtime.Gosched()
	return s.able.SessionAndUser(ctx, tokenHash)
}

// SessionByHash implements [store.Sessions].
func (s crowded) SessionByHash(ctx context.Context, tokenHash []byte) (*store.Session, error) {
	defer runtime.Gosched()
	return s.able.SessionByHash(ctx, tokenHash)
}

// UpdateSession implements [store.Sessions].
func (s crowded) UpdateSession(ctx context.Context, x *store.Session) error {
	runtime.Gosched()
	return s.able.UpdateSession(ctx, x)
}

// User implements [store.Users].
func (s crowded) User(ctx context.Context, id string) (*store.User, error) {
	defer runtime.Gosched()
	return s.able.User(ctx, id)
}

// AuthenticatorsOf implements [store.Authenticators].
func (s crowded) AuthenticatorsOf(ctx context.Context, userID string) ([]*store.Authenticator, error) {
	defer runtime.Gosched()
	return s.able.AuthenticatorsOf(ctx, userID)
}

// UpdateAuthenticator implements [store.Authenticators].
func (s crowded) UpdateAuthenticator(ctx context.Context, a *store.Authenticator) error {
	runtime.Gosched()
	return s.able.UpdateAuthenticator(ctx, a)
}

// EmailsOf implements [store.Emails].
func (s crowded) EmailsOf(ctx context.Context, userID string) ([]*store.EmailAddress, error) {
	defer runtime.Gosched()
	return s.able.EmailsOf(ctx, userID)
}

// EmailsByAddress implements [store.Emails].
func (s crowded) EmailsByAddress(ctx context.Context, email string) ([]*store.EmailAddress, error) {
	defer runtime.Gosched()
	return s.able.EmailsByAddress(ctx, email)
}

// PhoneOf implements [store.Phones].
func (s crowded) PhoneOf(ctx context.Context, userID string) (*store.Phone, error) {
	defer runtime.Gosched()
	return s.able.PhoneOf(ctx, userID)
}

// SocialAccount implements [store.SocialAccounts].
func (s crowded) SocialAccount(ctx context.Context, provider, uid string) (*store.SocialAccount, error) {
	defer runtime.Gosched()
	return s.able.SocialAccount(ctx, provider, uid)
}

// Peek implements [store.Limits].
func (s crowded) Peek(ctx context.Context, now time.Time, buckets ...store.Bucket) (time.Duration, error) {
	defer runtime.Gosched()
	return s.able.Peek(ctx, now, buckets...)
}

// UseOnce implements [store.Nonces].
func (s crowded) UseOnce(ctx context.Context, key string, now, until time.Time) error {
	runtime.Gosched()
	return s.able.UseOnce(ctx, key, now, until)
}
