package store

import (
	"context"
	"time"
)

// EmailAddress is an address that a user claims, and perhaps has proven to own.
type EmailAddress struct {
	ID, UserID string
	// Email is in canonical form (lower case) and compared exactly.
	Email string
	// Verified: the user has shown to receive mail there. At most one user has
	// a given address verified.
	Verified bool
	// Primary: the address the user is written to. At most one for each user.
	Primary   bool
	CreatedAt time.Time
}

// Emails keeps email addresses, and [User].Email in step with them.
type Emails interface {
	// CreateEmail stores e and fills e.ID. ErrConflict: the user has that
	// address already, or has a primary one and e is primary, or e is verified
	// and somebody else has it verified.
	CreateEmail(ctx context.Context, e *EmailAddress) error
	// Email returns the address with that id. ErrNotFound.
	Email(ctx context.Context, id string) (*EmailAddress, error)
	// EmailsOf lists a user's addresses, oldest first.
	EmailsOf(ctx context.Context, userID string) ([]*EmailAddress, error)
	// EmailsByAddress lists every user's claim to an address: the verified one
	// first, then the oldest first.
	EmailsByAddress(ctx context.Context, email string) ([]*EmailAddress, error)
	// VerifyEmail marks the address with that id as verified, once. The text
	// must be the stored one. ErrNotFound: it is gone, is another text, or is
	// verified already. ErrConflict: another user has it verified.
	VerifyEmail(ctx context.Context, id, email string) error
	// ChangeEmail replaces the text of an unverified address. ErrNotFound: it
	// is gone or verified. ErrConflict: the user has the new address already.
	ChangeEmail(ctx context.Context, id, email string) error
	// MakePrimaryEmail makes the address with that id the only primary one of
	// its user. ErrNotFound: it is gone or somebody else's.
	MakePrimaryEmail(ctx context.Context, userID, id string) error
	// DeleteEmail removes an address. If it was the primary one the user has
	// none afterwards. An absent one is fine.
	DeleteEmail(ctx context.Context, id string) error
}
