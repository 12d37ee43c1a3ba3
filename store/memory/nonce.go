package memory

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/headless-auth/headless/store"
)

// noText is what is wrong with a key that a database could not hold. Here it
// could be kept, but what works on one store has to work on all.
const noText = "the key holds a NUL byte or is not UTF-8"

// UseOnce implements [store.Nonces]. A mark until the zero time stays for ever.
func (s *Store) UseOnce(ctx context.Context, key string, now, until time.Time) error {
	if !store.Storable(key) {
		return errors.New("use once: " + noText)
	}
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	if end, ok := t.nonces.get(key); ok && end > now.UnixMicro() {
		return conflict("use once: it was used")
	}
	end := until.UnixMicro()
	if until.IsZero() {
		end = math.MaxInt64
	}
	t.nonces.set(key, end)
	return nil
}

// DeleteExpiredNonces implements [store.Nonces].
func (s *Store) DeleteExpiredNonces(ctx context.Context, now time.Time) (int, error) {
	t, err := s.write(ctx)
	if err != nil {
		return 0, err
	}
	defer s.doneWriting()
	defer t.shrink()
	at := now.UnixMicro()
	return t.nonces.sweep(func(end int64) bool { return end <= at }), nil
}
