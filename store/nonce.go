package store

import (
	"context"
	"time"
)

// Nonces remembers things that work once.
type Nonces interface {
	// UseOnce marks key as used until then. Of any number of calls at once,
	// one succeeds. ErrConflict: it is marked already, and its time is not over
	// at now. A key that is not [Storable] is refused with another error.
	UseOnce(ctx context.Context, key string, now, until time.Time) error
	// DeleteExpiredNonces forgets the marks whose time is over, and returns how
	// many.
	DeleteExpiredNonces(ctx context.Context, now time.Time) (int, error)
}
