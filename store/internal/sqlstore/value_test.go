package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headless-auth/headless/store"
)

func TestNumber(t *testing.T) {
	for id, want := range map[string]int64{
		"1": 1, "9223372036854775807": 9223372036854775807,
		"": 0, "0": 0, "-1": 0, "+1": 0, "01": 0, " 1": 0, "1 ": 0, "1.0": 0, "1e3": 0, "0x1": 0, "1_000": 0,
		"9223372036854775808": 0, "abc": 0, "١": 0, "1\x00": 0,
	} {
		if got := number(id); got != want {
			t.Errorf("number(%q) = %d, want %d", id, got, want)
		}
	}
}

func TestRetry(t *testing.T) {
	busy := fmt.Errorf("statement: %w", ErrBusy)

	t.Run("until it works", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			err := retry(t.Context(), func() error {
				if n++; n < 10 {
					return busy
				}
				return nil
			})
			if err != nil || n != 10 {
				t.Errorf("got %v after %d times, want none after 10", err, n)
			}
		})
	})

	t.Run("not what is not busy", func(t *testing.T) {
		n, defect := 0, errors.New("defect")
		err := retry(t.Context(), func() error { n++; return defect })
		if !errors.Is(err, defect) || n != 1 {
			t.Errorf("got %v after %d times", err, n)
		}
	})

	t.Run("not for ever", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			err := retry(t.Context(), func() error { return busy })
			if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, ErrBusy) {
				t.Errorf("got %v, want unavailable because busy", err)
			}
			if took := time.Since(start); took < patience || took > patience+time.Second {
				t.Errorf("took %v", took)
			}
		})
	})

	t.Run("not beyond the context's time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			err := retry(ctx, func() error { return busy })
			if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want unavailable and the context's error", err)
			}
			if took := time.Since(start); took != time.Second {
				t.Errorf("took %v", took)
			}
		})
	})

	t.Run("cancelled is not unavailable", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		err := retry(ctx, func() error { cancel(); return busy })
		if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v, want the context's error alone", err)
		}
	})
}
