package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/headless-auth/headless/store"
)

// exec runs a statement that changes rows and can't be refused.
func (s *Store) exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = s.again(ctx, func() error {
		n, err = s.write.Exec(ctx, query, args...)
		return err
	})
	return n, err
}

// one runs a query for one record. ErrNotFound, if there is none.
func one[T any](ctx context.Context, s *Store, scan func(Scan) (T, error), query string, args ...any) (found T, err error) {
	err = s.again(ctx, func() error {
		return atLeastOne(ctx, s.read.Query, func(row Scan) error {
			found, err = scan(row)
			return err
		}, query, args...)
	})
	return found, err
}

// list runs a query for any number of records.
func list[T any](ctx context.Context, s *Store, scan func(Scan) (T, error), query string, args ...any) (l []T, err error) {
	err = s.again(ctx, func() error {
		l = nil
		return s.read.Query(ctx, func(row Scan) error {
			v, err := scan(row)
			l = append(l, v)
			return err
		}, query, args...)
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// save runs a statement that changes one row, and scans what it returns.
// ErrNotFound, if it changed none.
func (s *Store) save(ctx context.Context, dest any, query string, args ...any) error {
	return s.again(ctx, func() error {
		return atLeastOne(ctx, s.write.Write, func(row Scan) error { return row(dest) }, query, args...)
	})
}

func scanInt(row Scan) (n int, err error) {
	err = row(&n)
	return n, err
}

func scanTime(row Scan) (t time.Time, err error) {
	err = row(&t)
	return t, err
}

type run func(ctx context.Context, each func(Scan) error, query string, args ...any) error

func atLeastOne(ctx context.Context, run run, each func(Scan) error, query string, args ...any) error {
	found := false
	err := run(ctx, func(row Scan) error {
		found = true
		return each(row)
	}, query, args...)
	if err == nil && !found {
		return store.ErrNotFound
	}
	return err
}

// again retries a single statement; one in a transaction is retried with it.
func (s *Store) again(ctx context.Context, op func() error) error {
	if s.tx != nil {
		return op()
	}
	return retry(ctx, op)
}

// patience is how long a busy database is asked again.
const patience = 5 * time.Second

// retry runs op until it is not [ErrBusy] any more, or patience or ctx ends.
func retry(ctx context.Context, op func() error) error {
	var start time.Time // of being busy
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := op()
		if err == nil || !errors.Is(err, ErrBusy) {
			return err
		}
		if start.IsZero() {
			start = time.Now()
		}
		if time.Since(start) > patience {
			return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
		}
		// Some chance, so that rivals do not meet again.
		t := time.NewTimer(pause/2 + rand.N(pause)) // #nosec G404 -- nobody gains by guessing it
		select {
		case <-ctx.Done():
			t.Stop()
			return Ended(ctx, err)
		case <-t.C:
		}
	}
}

// Ended is the error of an operation that failed after ctx had ended: the
// context's, and unavailable if time was what it lacked.
func Ended(ctx context.Context, err error) error {
	switch end := ctx.Err(); {
	case end == nil:
		return err
	case errors.Is(end, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w: %w", store.ErrUnavailable, end, err)
	default:
		return fmt.Errorf("%w: %w", end, err)
	}
}

// checked refuses text that not every database can hold, before it is sent
// and spoils a transaction. Reading, it is what no row has.
type checked struct{ Querier }

func (c checked) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := storable(args); err != nil {
		return 0, err
	}
	return c.Querier.Exec(ctx, query, args...)
}

func (c checked) Query(ctx context.Context, each func(Scan) error, query string, args ...any) error {
	if storable(args) != nil {
		return ctx.Err()
	}
	return c.Querier.Query(ctx, each, query, args...)
}

func (c checked) Write(ctx context.Context, each func(Scan) error, query string, args ...any) error {
	if err := storable(args); err != nil {
		return err
	}
	return c.Querier.Write(ctx, each, query, args...)
}

func storable(args []any) error {
	for _, a := range args {
		if t, ok := a.(string); ok && !store.Storable(t) {
			return errors.New("text holds a NUL byte or is not UTF-8")
		}
	}
	return nil
}
