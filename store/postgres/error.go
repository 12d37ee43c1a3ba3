package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/internal/sqlstore"
)

// meanings of SQLSTATE codes, and of classes of them (their first two
// characters). https://www.postgresql.org/docs/current/errcodes-appendix.html
var meanings = map[string]error{
	"23505": store.ErrConflict,    // unique_violation
	"23503": store.ErrNotFound,    // foreign_key_violation
	"40001": sqlstore.ErrBusy,     // serialization_failure
	"40P01": sqlstore.ErrBusy,     // deadlock_detected
	"55P03": sqlstore.ErrBusy,     // lock_not_available
	"57014": store.ErrUnavailable, // query_canceled: statement_timeout
	"25006": store.ErrUnavailable, // read_only_sql_transaction: a replica
	"25P03": store.ErrUnavailable, // idle_in_transaction_session_timeout
	"08":    store.ErrUnavailable, // connection exceptions
	"53":    store.ErrUnavailable, // insufficient resources
	"57":    store.ErrUnavailable, // operator intervention: shutdown
	"58":    store.ErrUnavailable, // system errors
}

// translate turns the driver's errors into the store's.
func translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var code string
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) {
		code = e.Code
	}
	switch meaning := meanings[code]; {
	case meaning != nil && meaning != store.ErrUnavailable:
		return fmt.Errorf("%w: %w", meaning, err)
	case ctx.Err() != nil:
		return sqlstore.Ended(ctx, err)
	case meaning != nil, code != "" && meanings[code[:2]] != nil, code == "" && unreachable(err):
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}

// unreachable reports whether err comes from the way to the server.
func unreachable(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, puddle.ErrClosedPool)
}
