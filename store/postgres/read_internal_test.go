package postgres

import (
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// What we read of an answer ourselves is what the driver would have read.
func FuzzRead(f *testing.F) {
	oids := []uint32{pgtype.BoolOID, pgtype.ByteaOID, pgtype.Int4OID, pgtype.Int8OID, pgtype.TextOID, pgtype.TimestamptzOID, pgtype.JSONBOID}
	for i, v := range []string{"\x01", "abc", "\x00\x00\x00\x01", "\x00\x00\x00\x00\x00\x00\x00\x01", "abc", "\x7f\xff\xff\xff\xff\xff\xff\xff", "{}"} {
		for j := range 5 {
			f.Add(uint8(i), uint8(j), v, true, false)
		}
		f.Add(uint8(i), uint8(1), "", true, true)
		f.Add(uint8(i), uint8(0), v, false, false)
	}
	f.Add(uint8(0), uint8(3), "\xff", true, false)
	f.Add(uint8(5), uint8(4), "\x80\x00\x00\x00\x00\x00\x00\x00", true, false)
	dest := []func() any{
		func() any { return new(string) }, func() any { return new([]byte) }, func() any { return new(int64) },
		func() any { return new(bool) }, func() any { return new(time.Time) },
	}
	types := pgtype.NewMap()
	f.Fuzz(func(t *testing.T, oid, into uint8, text string, binary, null bool) {
		field := pgconn.FieldDescription{Name: "x", DataTypeOID: oids[int(oid)%len(oids)], Format: pgtype.TextFormatCode}
		if binary {
			field.Format = pgtype.BinaryFormatCode
		}
		value := []byte(text)
		if null {
			value = nil
		}
		make := dest[int(into)%len(dest)]
		ours, theirs := make(), make()
		err := read(types, []pgconn.FieldDescription{field}, [][]byte{value}, []any{ours})
		if !plain(&field, value, make()) {
			return // the driver has read it
		}
		if err != nil {
			t.Fatalf("%v of %d: %v", value, field.DataTypeOID, err)
		}
		if err := types.Scan(field.DataTypeOID, field.Format, value, theirs); err != nil {
			t.Fatalf("%v of %d: the driver refuses what we take for %v: %v", value, field.DataTypeOID, ours, err)
		}
		if x, ok := theirs.(*time.Time); ok {
			*x = x.UTC()
		}
		if !reflect.DeepEqual(ours, theirs) {
			t.Fatalf("%v of %d: got %v, the driver %v", value, field.DataTypeOID, ours, theirs)
		}
	})
}
