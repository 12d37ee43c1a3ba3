package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// Nonces tests the contract [store.Nonces].
func Nonces(t *testing.T, open func(t *testing.T) store.Nonces) {
	t.Run("a key works once until its time is over", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		until := at.Add(time.Hour)
		ok(t, st.UseOnce(ctx, "k", at, until))
		for _, later := range []time.Duration{0, time.Microsecond, time.Minute, time.Hour - time.Microsecond, -time.Hour} {
			fails(t, st.UseOnce(ctx, "k", at.Add(later), until.Add(time.Hour)), store.ErrConflict)
		}
		// The refused calls have not prolonged it.
		ok(t, st.UseOnce(ctx, "k", until, until.Add(time.Minute)))
		fails(t, st.UseOnce(ctx, "k", until.Add(time.Minute-time.Microsecond), until.Add(time.Hour)), store.ErrConflict)
		ok(t, st.UseOnce(ctx, "k", until.Add(time.Minute), until.Add(time.Hour)))
	})

	t.Run("a mark that is over at once marks nothing", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		ok(t, st.UseOnce(ctx, "k", at, at))
		ok(t, st.UseOnce(ctx, "k", at, at.Add(-time.Minute)))
		ok(t, st.UseOnce(ctx, "k", at, at.Add(time.Microsecond)))
		fails(t, st.UseOnce(ctx, "k", at, at.Add(time.Minute)), store.ErrConflict)
	})

	t.Run("the zero time is never over", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		ok(t, st.UseOnce(ctx, "k", at, time.Time{}))
		fails(t, st.UseOnce(ctx, "k", at.AddDate(1000, 0, 0), at.AddDate(1001, 0, 0)), store.ErrConflict)
		equal(t, "swept", got(st.DeleteExpiredNonces(ctx, at.AddDate(1000, 0, 0)))(t), 0)
		fails(t, st.UseOnce(ctx, "k", at, at.Add(time.Hour)), store.ErrConflict)
	})

	t.Run("keys are compared exactly", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		for _, key := range []string{"k", "K", "k ", " k", "kk", "", "k:1", "ḱ", "k\u0301", "%", "k%", "_", "*"} {
			ok(t, st.UseOnce(ctx, key, at, at.Add(time.Hour)))
			fails(t, st.UseOnce(ctx, key, at, at.Add(time.Hour)), store.ErrConflict)
		}
	})

	t.Run("marks whose time is over are swept", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		end := at.Add(time.Hour)
		ok(t, st.UseOnce(ctx, "early", at, end.Add(-time.Microsecond)))
		ok(t, st.UseOnce(ctx, "just", at, end))
		ok(t, st.UseOnce(ctx, "late", at, end.Add(time.Microsecond)))
		equal(t, "swept", got(st.DeleteExpiredNonces(ctx, end))(t), 2)
		equal(t, "swept again", got(st.DeleteExpiredNonces(ctx, end))(t), 0)
		ok(t, st.UseOnce(ctx, "just", at, end))
		fails(t, st.UseOnce(ctx, "late", at, end), store.ErrConflict)
		equal(t, "swept later", got(st.DeleteExpiredNonces(ctx, end.Add(time.Minute)))(t), 2)
	})

	t.Run("keys that are no text are refused", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		for _, key := range noTexts {
			refuses(t, key, st.UseOnce(ctx, key, at, at.Add(time.Hour)))
		}
		equal(t, "swept", got(st.DeleteExpiredNonces(ctx, at.Add(2*time.Hour)))(t), 0)
	})

	t.Run("odd keys are kept or refused", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		ok(t, st.UseOnce(ctx, "a", at, at.Add(time.Hour)))
		for _, key := range append(oddTexts, strings.Repeat("k", 1000)) {
			err := st.UseOnce(ctx, key, at, at.Add(time.Hour))
			faithful(t, key, err, func() (string, error) {
				fails(t, st.UseOnce(ctx, key, at, at.Add(time.Hour)), store.ErrConflict)
				return key, nil
			})
		}
	})

	t.Run("a context that has ended is honoured", func(t *testing.T) {
		st, at := open(t), now()
		honoursContext(t, calls(
			call{"UseOnce", func(ctx context.Context) error { return st.UseOnce(ctx, "k", at, at.Add(time.Hour)) }},
			call{"DeleteExpiredNonces", func(ctx context.Context) error { return val(st.DeleteExpiredNonces(ctx, at)) }},
		))
		ok(t, st.UseOnce(t.Context(), "k", at, at.Add(time.Hour)))
	})

	raceNonces(t, open)
}
