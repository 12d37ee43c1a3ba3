package memory

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/headless-auth/headless/store"
)

// bucket holds the takes of a sliding window, in microseconds since the epoch,
// oldest first. They are never changed within their length: a transaction that
// is rolled back leaves the shorter or longer list that was there before.
type bucket struct {
	takes []int64
	per   int64
}

// live returns the takes that still count. Those of the future do: a clock that
// is set back grants nothing.
func (b bucket) live(now, per int64) []int64 {
	i, _ := slices.BinarySearch(b.takes, now-per+1)
	return b.takes[i:]
}

// with returns the takes with one more.
func with(takes []int64, now int64) []int64 {
	if n := len(takes); n == 0 || takes[n-1] <= now {
		return append(takes, now)
	}
	i, _ := slices.BinarySearch(takes, now)
	return slices.Concat(takes[:i], []int64{now}, takes[i:])
}

// wait says how long until a bucket with those live takes has room.
func wait(b store.Bucket, live []int64, now, per int64) time.Duration {
	switch n := len(live); {
	case b.Amount <= 0:
		return max(b.Per, time.Microsecond) // it never has
	case n >= b.Amount:
		return time.Duration(live[n-b.Amount]+per-now) * time.Microsecond
	}
	return 0
}

// Take implements [store.Limits]. A bucket without an amount is always full.
func (s *Store) Take(ctx context.Context, now time.Time, buckets ...store.Bucket) (time.Duration, error) {
	for _, b := range buckets {
		if !store.Storable(b.Key) {
			return 0, errors.New("take: " + noText)
		}
	}
	t, err := s.write(ctx)
	if err != nil {
		return 0, err
	}
	defer s.doneWriting()
	at := now.UnixMicro()
	for _, b := range buckets {
		per := b.Per.Microseconds()
		x, _ := t.limits.get(b.Key)
		live := x.live(at, per)
		if w := wait(b, live, at, per); w > 0 {
			return w, nil
		}
		t.limits.set(b.Key, bucket{takes: with(live, at), per: per})
	}
	return 0, nil
}

// Peek implements [store.Limits].
func (s *Store) Peek(ctx context.Context, now time.Time, buckets ...store.Bucket) (time.Duration, error) {
	t, err := s.read(ctx)
	if err != nil {
		return 0, err
	}
	defer s.doneReading()
	at := now.UnixMicro()
	for i, b := range buckets {
		per := b.Per.Microseconds()
		x, _ := t.limits.get(b.Key)
		live := x.live(at, per)
		for _, earlier := range buckets[:i] {
			if earlier.Key == b.Key {
				live = with(slices.Clip(live), at)
			}
		}
		if w := wait(b, live, at, per); w > 0 {
			return w, nil
		}
	}
	return 0, nil
}

// GiveBack implements [store.Limits].
func (s *Store) GiveBack(ctx context.Context, takenAt time.Time, keys ...string) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	for _, key := range keys {
		x, _ := t.limits.get(key)
		i, ok := slices.BinarySearch(x.takes, takenAt.UnixMicro())
		switch {
		case !ok:
		case len(x.takes) == 1:
			t.limits.delete(key)
		default:
			x.takes = slices.Concat(x.takes[:i], x.takes[i+1:])
			t.limits.set(key, x)
		}
	}
	return nil
}

// ClearLimits implements [store.Limits].
func (s *Store) ClearLimits(ctx context.Context, keys ...string) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	for _, key := range keys {
		t.limits.delete(key)
	}
	return nil
}

// DeleteExpiredLimits implements [store.Limits].
func (s *Store) DeleteExpiredLimits(ctx context.Context, now time.Time) (int, error) {
	t, err := s.write(ctx)
	if err != nil {
		return 0, err
	}
	defer s.doneWriting()
	defer t.shrink()
	at := now.UnixMicro()
	return t.limits.sweep(func(b bucket) bool { return len(b.live(at, b.per)) == 0 }), nil
}
