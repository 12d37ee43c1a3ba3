package store

import (
	"context"
	"time"
)

// Bucket is a sliding window: at most Amount takes within any stretch of Per.
type Bucket struct {
	// Key names the bucket; the rate is not part of it.
	Key    string
	Amount int
	Per    time.Duration
}

// Limits counts. Its operations are atomic: however many run at once, no more
// takes are granted than the bucket allows.
type Limits interface {
	// Take takes one from each bucket in order, and stops at the first that is
	// full. Zero means that all were granted; otherwise the result says how
	// long until the full one has room. A refused take is not counted; the
	// takes before it stay counted. A key that is not [Storable] is refused
	// with an error.
	Take(ctx context.Context, now time.Time, buckets ...Bucket) (retryAfter time.Duration, err error)
	// Peek tells what Take would answer, and takes nothing.
	Peek(ctx context.Context, now time.Time, buckets ...Bucket) (retryAfter time.Duration, err error)
	// GiveBack undoes one take of takenAt in each bucket; where there is none
	// it does nothing.
	GiveBack(ctx context.Context, takenAt time.Time, keys ...string) error
	// ClearLimits empties the buckets.
	ClearLimits(ctx context.Context, keys ...string) error
	// DeleteExpiredLimits forgets the buckets that no longer limit anything,
	// and returns how many.
	DeleteExpiredLimits(ctx context.Context, now time.Time) (int, error)
}
