package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headless-auth/headless/store"
)

// takes are the times of what was taken from a bucket, in microseconds,
// oldest first. They are kept as decimal numbers with spaces between, which
// every database can hold and a person can read.
type takes []int64

func readTakes(s string) (takes, error) {
	var l takes
	for f := range strings.FieldsSeq(s) {
		t, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("a bucket holds %q", f)
		}
		l = append(l, t)
	}
	return l, nil
}

func (l takes) String() string {
	var b []byte
	for i, t := range l {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendInt(b, t, 10)
	}
	return string(b)
}

// within returns those that count at now: the window is half open, so a take
// stops to count when it is exactly per old. Those of a clock ahead of ours
// count as well.
func (l takes) within(now time.Time, per time.Duration) takes {
	old := now.UnixMicro() - per.Microseconds()
	i, _ := slices.BinarySearch(l, old+1)
	return l[i:]
}

// wait says how long until the bucket has room.
func (l takes) wait(now time.Time, b store.Bucket) time.Duration {
	if b.Amount < 1 {
		return max(b.Per, 1) // never
	}
	l = l.within(now, b.Per)
	if len(l) < b.Amount {
		return 0
	}
	frees := l[len(l)-b.Amount] + b.Per.Microseconds()
	return time.Duration(frees-now.UnixMicro()) * time.Microsecond
}

// with adds a take, and forgets those that count no more.
func (l takes) with(now time.Time, per time.Duration) takes {
	l = slices.Clone(l.within(now, per))
	i, _ := slices.BinarySearch(l, now.UnixMicro())
	return slices.Insert(l, i, now.UnixMicro())
}

// bucket is a row.
type bucket struct {
	takes     takes
	expiresAt time.Time
	changed   bool
}

func scanBucket(row Scan) (*bucket, error) {
	var b bucket
	var s string
	err := row(&s, &b.expiresAt)
	if err == nil {
		b.takes, err = readTakes(s)
	}
	return &b, err
}

// take adds one, if there is room.
func (b *bucket) take(now time.Time, of store.Bucket) time.Duration {
	if wait := b.takes.wait(now, of); wait > 0 {
		return wait
	}
	b.takes, b.changed = b.takes.with(now, of.Per), true
	if end := now.Add(of.Per); end.After(b.expiresAt) {
		b.expiresAt = end
	}
	return 0
}

// Take implements [store.Limits].
func (s *Store) Take(ctx context.Context, now time.Time, buckets ...store.Bucket) (wait time.Duration, err error) {
	if len(buckets) == 0 {
		return 0, nil
	}
	// Most of what is refused at all is refused by the first bucket. That
	// needs no lock, so a flood costs no more than reading.
	if wait, err = s.Peek(ctx, now, buckets[0]); err != nil || wait > 0 {
		return wait, did("take", err)
	}
	keys := make([]string, len(buckets))
	for i, b := range buckets {
		keys[i] = b.Key
	}
	err = s.change(ctx, now, keys, func(locked map[string]*bucket) {
		for _, b := range buckets {
			if wait = locked[b.Key].take(now, b); wait > 0 {
				return
			}
		}
	})
	return wait, did("take", err)
}

// GiveBack implements [store.Limits].
func (s *Store) GiveBack(ctx context.Context, takenAt time.Time, keys ...string) error {
	err := s.change(ctx, takenAt, keys, func(locked map[string]*bucket) {
		for _, key := range keys {
			b := locked[key]
			if i, found := slices.BinarySearch(b.takes, takenAt.UnixMicro()); found {
				b.takes, b.changed = slices.Delete(b.takes, i, i+1), true
			}
		}
	})
	return did("give back", err)
}

// An upsert that changes nothing locks the row and reads what is in it.
const (
	lockBucket = `insert into auth_limits (key, takes, expires_at) values ($1, '', $2)
		on conflict (key) do update set key = excluded.key returning takes, expires_at`
	writeBucket = `update auth_limits set takes = $2, expires_at = $3 where key = $1`
)

// change locks buckets, always in the same order so that no two wait for each
// other, lets fn change them, and writes what it has changed.
func (s *Store) change(ctx context.Context, now time.Time, keys []string, fn func(locked map[string]*bucket)) error {
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	return s.inTx(ctx, func(s *Store) error {
		locked := make(map[string]*bucket, len(keys))
		for _, key := range keys {
			err := s.write.Write(ctx, func(row Scan) (err error) {
				locked[key], err = scanBucket(row)
				return err
			}, lockBucket, key, now)
			if err != nil {
				return err
			}
		}
		fn(locked)
		for _, key := range keys {
			if err := s.unlock(ctx, key, locked[key]); err != nil {
				return err
			}
		}
		return nil
	})
}

// unlock writes a bucket, if there is anything to write; an empty one limits
// nothing and goes.
func (s *Store) unlock(ctx context.Context, key string, b *bucket) (err error) {
	switch {
	case len(b.takes) == 0:
		_, err = s.exec(ctx, clearBucket, key)
	case b.changed:
		_, err = s.exec(ctx, writeBucket, key, b.takes.String(), b.expiresAt)
	}
	return err
}

const readBucket = `select takes, expires_at from auth_limits where key = $1`

// Peek implements [store.Limits].
func (s *Store) Peek(ctx context.Context, now time.Time, buckets ...store.Bucket) (time.Duration, error) {
	seen := map[string]*bucket{} // one that is named twice is taken from twice
	for _, b := range buckets {
		if seen[b.Key] == nil {
			l, err := list(ctx, s, scanBucket, readBucket, b.Key)
			if err != nil {
				return 0, did("peek", err)
			}
			seen[b.Key] = &bucket{}
			if len(l) > 0 {
				seen[b.Key] = l[0]
			}
		}
		if wait := seen[b.Key].take(now, b); wait > 0 {
			return wait, nil
		}
	}
	return 0, nil
}

const clearBucket = `delete from auth_limits where key = $1`

// ClearLimits implements [store.Limits].
func (s *Store) ClearLimits(ctx context.Context, keys ...string) error {
	keys = slices.Sorted(slices.Values(keys))
	err := s.inTx(ctx, func(s *Store) error {
		for _, key := range keys {
			if _, err := s.exec(ctx, clearBucket, key); err != nil {
				return err
			}
		}
		return nil
	})
	return did("clear limits", err)
}

const deleteExpiredLimits = `delete from auth_limits where expires_at <= $1`

// DeleteExpiredLimits implements [store.Limits].
func (s *Store) DeleteExpiredLimits(ctx context.Context, now time.Time) (int, error) {
	n, err := s.exec(ctx, deleteExpiredLimits, now)
	return int(n), did("delete expired limits", err)
}
