package postgres

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/internal/sqlstore"
)

func TestTranslate(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	kinds := []error{store.ErrConflict, store.ErrNotFound, store.ErrUnavailable, sqlstore.ErrBusy, context.Canceled}
	for _, tt := range []struct {
		code string
		ctx  context.Context
		want error
	}{
		{"23505", context.Background(), store.ErrConflict},
		{"23505", ended, store.ErrConflict}, // it was refused all the same
		{"23503", context.Background(), store.ErrNotFound},
		{"40001", context.Background(), sqlstore.ErrBusy},
		{"40P01", context.Background(), sqlstore.ErrBusy},
		{"57P01", context.Background(), store.ErrUnavailable},
		{"57014", context.Background(), store.ErrUnavailable},
		{"57014", ended, context.Canceled}, // we asked for it
		{"08006", context.Background(), store.ErrUnavailable},
		{"53300", context.Background(), store.ErrUnavailable},
		{"25006", context.Background(), store.ErrUnavailable},
		{"42P01", context.Background(), nil}, // undefined_table: a defect
		{"23502", context.Background(), nil}, // not_null_violation: a defect
	} {
		cause := &pgconn.PgError{Code: tt.code}
		err := translate(tt.ctx, fmt.Errorf("driver: %w", cause))
		if !errors.Is(err, cause) {
			t.Errorf("%s: %v has lost its cause", tt.code, err)
		}
		for _, kind := range kinds {
			if got, want := errors.Is(err, kind), kind == tt.want; got != want {
				t.Errorf("%s: %v is %q: got %v, want %v", tt.code, err, kind, got, want)
			}
		}
	}
}
