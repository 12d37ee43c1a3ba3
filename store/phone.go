package store

import "context"

// Phone is the phone number of a user, who has at most one.
type Phone struct {
	UserID string
	// Number is in E.164 form, "+" and digits, and compared exactly.
	Number string
	// Verified: the user has shown to receive messages there. At most one user
	// has a given number verified.
	Verified bool
}

// Phones keeps phone numbers.
type Phones interface {
	// PhoneOf returns a user's number. ErrNotFound.
	PhoneOf(ctx context.Context, userID string) (*Phone, error)
	// PhonesByNumber lists every user's claim to a number, the verified one
	// first, then by user id.
	PhonesByNumber(ctx context.Context, number string) ([]*Phone, error)
	// SetPhone stores p in place of the user's number, if any. ErrConflict: p
	// is verified and somebody else has it verified. ErrNotFound: no such user.
	SetPhone(ctx context.Context, p *Phone) error
	// DeletePhone removes a user's number. An absent one is fine.
	DeletePhone(ctx context.Context, userID string) error
}
