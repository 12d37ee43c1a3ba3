package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/headless-auth/headless/store/internal/sqlstore"
)

// scan calls each for every row of a query that the driver runs.
func scan(ctx context.Context, rows pgx.Rows, err error, each func(sqlstore.Scan) error) error {
	if err != nil {
		return translate(ctx, err)
	}
	defer rows.Close()
	types := rows.Conn().TypeMap()
	row := func(dest ...any) error { return read(types, rows.FieldDescriptions(), rows.RawValues(), dest) }
	for rows.Next() {
		if err := each(row); err != nil {
			return err
		}
	}
	return translate(ctx, rows.Err())
}
