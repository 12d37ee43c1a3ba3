package store

import (
	"context"
	"time"
)

// TrustedBrowser is a browser that a user has declared their own, so that it
// need not prove a further factor for a while.
type TrustedBrowser struct {
	ID, UserID string
	// TokenHash is the SHA-256 of the token in the browser's cookie; unique.
	TokenHash []byte
	// Fingerprint of the password and authenticators that the user had; when
	// they change the trust is void.
	Fingerprint []byte
	// IP and UserAgent describe the browser when it was trusted.
	IP, UserAgent string
	CreatedAt     time.Time
	ExpiresAt     time.Time
}

// TrustedBrowsers keeps trusted browsers. An expired one may be returned or
// not; callers check.
type TrustedBrowsers interface {
	// CreateTrustedBrowser stores b and fills b.ID. ErrNotFound: no such user.
	CreateTrustedBrowser(ctx context.Context, b *TrustedBrowser) error
	// TrustedBrowserByHash finds one by its token's hash. ErrNotFound.
	TrustedBrowserByHash(ctx context.Context, tokenHash []byte) (*TrustedBrowser, error)
	// TrustedBrowsersOf lists a user's trusted browsers, oldest first.
	TrustedBrowsersOf(ctx context.Context, userID string) ([]*TrustedBrowser, error)
	// DeleteTrustedBrowser removes one. An absent one is fine.
	DeleteTrustedBrowser(ctx context.Context, id string) error
	// DeleteTrustedBrowsersOf removes all of a user.
	DeleteTrustedBrowsersOf(ctx context.Context, userID string) error
	// DeleteExpiredTrustedBrowsers removes those whose ExpiresAt is not after
	// now, and returns how many.
	DeleteExpiredTrustedBrowsers(ctx context.Context, now time.Time) (int, error)
}
