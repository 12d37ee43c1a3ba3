package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/internal/sqlstore"
)

// translate turns the driver's errors into the store's.
func translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var code int
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		code = e.Code()
	}
	switch code {
	case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY:
		return fmt.Errorf("%w: %w", store.ErrConflict, err)
	case lib.SQLITE_CONSTRAINT_FOREIGNKEY:
		return fmt.Errorf("%w: %w", store.ErrNotFound, err)
	}
	if ctx.Err() != nil {
		return sqlstore.Ended(ctx, err)
	}
	switch code & 0xff { // the rest says more precisely why
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_PROTOCOL:
		return fmt.Errorf("%w: %w", sqlstore.ErrBusy, err)
	case lib.SQLITE_CANTOPEN, lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_READONLY:
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}
