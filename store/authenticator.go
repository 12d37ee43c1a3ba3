package store

import (
	"context"
	"time"
)

// Authenticator kinds, as the API shows them.
const (
	TOTP          = "totp"
	RecoveryCodes = "recovery_codes"
	WebAuthn      = "webauthn"
)

// Authenticator is a second factor of a user. A user has at most one of type
// [TOTP] and one of type [RecoveryCodes].
type Authenticator struct {
	ID, UserID string
	Type       string
	// Key finds the authenticator without its user (a WebAuthn credential id);
	// unique where not nil.
	Key []byte
	// Data belongs to package mfa. Secrets in it are encrypted.
	Data      []byte
	CreatedAt time.Time
	// LastUsedAt is zero for one that was never used.
	LastUsedAt time.Time
	// Version counts the updates; see [Authenticators.UpdateAuthenticator].
	Version int64
}

// Authenticators keeps second factors.
type Authenticators interface {
	// CreateAuthenticator stores a and fills a.ID, and a.Version with 1.
	// ErrConflict: the user has one of that type already (TOTP, recovery
	// codes), or the key is known.
	CreateAuthenticator(ctx context.Context, a *Authenticator) error
	// Authenticator returns the one with that id. ErrNotFound.
	Authenticator(ctx context.Context, id string) (*Authenticator, error)
	// AuthenticatorByKey returns the one with that key. ErrNotFound.
	AuthenticatorByKey(ctx context.Context, key []byte) (*Authenticator, error)
	// AuthenticatorsOf lists a user's authenticators, oldest first.
	AuthenticatorsOf(ctx context.Context, userID string) ([]*Authenticator, error)
	// UpdateAuthenticator saves Data and LastUsedAt if a.Version is still the
	// stored one, and increments it in both. ErrConflict: somebody else has
	// updated or deleted it.
	UpdateAuthenticator(ctx context.Context, a *Authenticator) error
	// DeleteAuthenticator removes one. An absent one is fine.
	DeleteAuthenticator(ctx context.Context, id string) error
}
