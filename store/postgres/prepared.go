package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headless-auth/headless/store/internal/sqlstore"
)

// statement is one that is prepared on a connection. It is run without the
// driver's planning for all types that there are, as our tables have few, and
// every request runs one. It belongs to whoever has the connection.
type statement struct {
	name   string
	params []uint32
	fields []pgconn.FieldDescription
	// short is the statement to the driver, which copies the descriptions of
	// all fields each time: there is just one.
	short *pgconn.StatementDescription

	values [][]byte // of the parameters, and what some of them are written to
	text   []byte
}

// statements are a connection's, by their SQL; nil where the host wants
// statements run in another way, or traced.
type statements map[string]*statement

const ours = "headless" // our place among what belongs to a connection

func statementsOf(c *pgx.Conn) statements {
	data := c.PgConn().CustomData()
	if l, ok := data[ours].(statements); ok {
		return l
	}
	var l statements
	if f := c.Config(); f.Tracer == nil && f.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		l = statements{}
	}
	data[ours] = l
	return l
}

// prepared returns a query's statement; nil, if it has to be run by the driver.
func prepared(ctx context.Context, c *pgx.Conn, query string) (*statement, error) {
	l := statementsOf(c)
	if s, ok := l[query]; ok || l == nil {
		return s, nil
	}
	sum := sha256.Sum256([]byte(query))
	d, err := c.Prepare(ctx, fmt.Sprintf("%s_%x", ours, sum[:8]), query)
	if err != nil {
		return nil, err
	}
	// Empty text is not nil, which would be NULL.
	s := &statement{name: d.Name, params: d.ParamOIDs, fields: slices.Clone(d.Fields), text: make([]byte, 0, 64)}
	for i := range s.fields {
		s.fields[i].Format = pgtype.BinaryFormatCode
	}
	if len(s.fields) == 0 || !known(s) {
		s = nil
	} else {
		s.short = &pgconn.StatementDescription{Name: s.name, Fields: s.fields[:1]}
	}
	l[query] = s
	return s, nil
}

// known reports that the types are those that we read and write ourselves.
func known(s *statement) bool {
	for i := range s.fields {
		switch s.fields[i].DataTypeOID {
		case pgtype.BoolOID, pgtype.ByteaOID, pgtype.Int4OID, pgtype.Int8OID, pgtype.TextOID, pgtype.TimestamptzOID:
		default:
			return false
		}
	}
	return true
}

// encode writes the parameters, or reports that it can't.
func (s *statement) encode(args []any) bool {
	s.values, s.text = s.values[:0], s.text[:0]
	for i, a := range args {
		if i == len(s.params) || !s.param(s.params[i], a) {
			return false
		}
	}
	return len(args) == len(s.params)
}

func (s *statement) param(oid uint32, arg any) bool {
	start := len(s.text)
	switch a := arg.(type) {
	case nil:
		s.values = append(s.values, nil)
		return true
	case []byte:
		s.values = append(s.values, a)
		return oid == pgtype.ByteaOID
	case string:
		s.text = append(s.text, a...)
		if oid != pgtype.TextOID {
			return false
		}
	case bool:
		s.text = append(s.text, 0)
		if a {
			s.text[start] = 1
		}
		if oid != pgtype.BoolOID {
			return false
		}
	case int64:
		switch {
		case oid == pgtype.Int8OID:
			s.text = binary.BigEndian.AppendUint64(s.text, uint64(a)) //nolint:gosec // that is how it is sent
		case oid == pgtype.Int4OID && int64(int32(a)) == a: //nolint:gosec // that is what is asked
			s.text = binary.BigEndian.AppendUint32(s.text, uint32(a)) //nolint:gosec // that is how it is sent
		default:
			return false
		}
	case time.Time:
		s.text = binary.BigEndian.AppendUint64(s.text, uint64(sinceEpoch(a))) //nolint:gosec // that is how it is sent
		if oid != pgtype.TimestamptzOID {
			return false
		}
	default:
		return false
	}
	s.values = append(s.values, s.text[start:len(s.text):len(s.text)])
	return true
}

var binaryFormat = []int16{pgtype.BinaryFormatCode}

// query runs the statement with the parameters that encode has written.
func (s *statement) query(ctx context.Context, c *pgx.Conn, each func(sqlstore.Scan) error) (err error) {
	rows := c.PgConn().ExecStatement(ctx, s.short, s.values, binaryFormat, binaryFormat)
	clear(s.values) // they were sent
	row := func(dest ...any) error { return read(c.TypeMap(), s.fields, rows.Values(), dest) }
	for err == nil && rows.NextRow() {
		err = each(row)
	}
	if _, closed := rows.Close(); err == nil {
		err = translate(ctx, closed)
	}
	return err
}

// forget makes a statement be prepared anew, if that is why it has failed: a
// table has got other columns, or a pooler has discarded it. It has done
// nothing then.
func (s *statement) forget(ctx context.Context, c *pgx.Conn, query string, err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "0A000" && e.Code != "26000" { // feature_not_supported, invalid_sql_statement_name
		return false
	}
	delete(statementsOf(c), query)
	return c.Deallocate(ctx, s.name) == nil
}

// read copies a row to where dest points; NULL is zero.
func read(types *pgtype.Map, fields []pgconn.FieldDescription, values [][]byte, dest []any) error {
	if len(values) != len(dest) || len(fields) != len(dest) {
		return fmt.Errorf("a row has %d columns, not %d", len(values), len(dest))
	}
	for i, d := range dest {
		f := &fields[i]
		if values[i] == nil && zero(d) || plain(f, values[i], d) {
			continue
		}
		if err := types.Scan(f.DataTypeOID, f.Format, values[i], d); err != nil {
			return fmt.Errorf("column %s: %w", f.Name, err)
		}
		if t, ok := d.(*time.Time); ok {
			*t = t.UTC()
		}
	}
	return nil
}

func zero(dest any) bool {
	switch d := dest.(type) {
	case *string:
		*d = ""
	case *[]byte:
		*d = nil
	case *int64:
		*d = 0
	case *bool:
		*d = false
	case *time.Time:
		*d = time.Time{}
	default:
		return false
	}
	return true
}

// plain reads a value of the few types that our tables have. It reports false
// if it can't.
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
		switch {
		case !isBinary:
			return false
		case len(v) == 8 && f.DataTypeOID == pgtype.Int8OID:
			*d = int64(binary.BigEndian.Uint64(v)) //nolint:gosec // that is how it was sent
		case len(v) == 4 && f.DataTypeOID == pgtype.Int4OID:
			*d = int64(int32(binary.BigEndian.Uint32(v))) //nolint:gosec // that is how it was sent
		default:
			return false
		}
	case *bool:
		if len(v) != 1 || f.DataTypeOID != pgtype.BoolOID || !isBinary {
			return false
		}
		*d = v[0] == 1
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

// Times travel as microseconds since the beginning of 2000.
const year2000, million = 946684800, 1_000_000

func epoch(micro int64) time.Time {
	return time.Unix(year2000+micro/million, micro%million*1000).UTC()
}

func sinceEpoch(t time.Time) int64 {
	return (t.Unix()-year2000)*million + int64(t.Nanosecond())/1000
}
