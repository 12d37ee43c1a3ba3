package postgres

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headless-auth/headless/store/internal/sqlstore"
)

// scan calls each for every row of a query.
func scan(ctx context.Context, rows pgx.Rows, err error, each func(sqlstore.Scan) error) error {
	if err != nil {
		return translate(ctx, err)
	}
	defer rows.Close()
	row := func(dest ...any) error {
		if plainly(rows.FieldDescriptions(), rows.RawValues(), dest) {
			return nil
		}
		err := rows.Scan(dest...)
		for _, d := range dest {
			if t, ok := d.(*time.Time); ok {
				*t = t.UTC()
			}
		}
		return err
	}
	for rows.Next() {
		if err := each(row); err != nil {
			return err
		}
	}
	return translate(ctx, rows.Err())
}

// plainly reads a row of the few types that our tables have, without the
// driver's planning for every type that there is: the row of a session and its
// user is read with every request. It reports false if it can't.
func plainly(fields []pgconn.FieldDescription, values [][]byte, dest []any) bool {
	if len(fields) != len(values) || len(values) != len(dest) {
		return false
	}
	for i := range dest {
		if !plain(&fields[i], values[i], dest[i]) {
			return false
		}
	}
	return true
}

func plain(f *pgconn.FieldDescription, v []byte, dest any) bool {
	isBinary := f.Format == pgtype.BinaryFormatCode
	switch d := dest.(type) {
	case *string:
		if v == nil || f.DataTypeOID != pgtype.TextOID {
			return false
		}
		*d = string(v)
	case *[]byte:
		switch {
		case v == nil:
			*d = nil
		case f.DataTypeOID == pgtype.TextOID || f.DataTypeOID == pgtype.ByteaOID && isBinary:
			*d = append(make([]byte, 0, len(v)), v...)
		default:
			return false
		}
	case *int64:
		if len(v) != 8 || f.DataTypeOID != pgtype.Int8OID || !isBinary {
			return false
		}
		*d = int64(binary.BigEndian.Uint64(v)) //nolint:gosec // that is how it was sent
	case *bool:
		if len(v) != 1 || f.DataTypeOID != pgtype.BoolOID || !isBinary {
			return false
		}
		*d = v[0] != 0
	case *time.Time:
		if len(v) != 8 || f.DataTypeOID != pgtype.TimestamptzOID || !isBinary {
			return false
		}
		micro := int64(binary.BigEndian.Uint64(v)) //nolint:gosec // that is how it was sent
		if micro == math.MaxInt64 || micro == math.MinInt64 {
			return false // infinity
		}
		*d = epoch(micro)
	default:
		return false
	}
	return true
}

// epoch is the time so many microseconds after the beginning of 2000.
func epoch(micro int64) time.Time {
	const year2000, million = 946684800, 1_000_000
	return time.Unix(year2000+micro/million, micro%million*1000).UTC()
}
