package redis

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// A session is read as it was written, is none, or is an error.
func FuzzReadSession(f *testing.F) {
	for _, s := range []string{"", "1", "-1", "x", "1.5", "9223372036854775807", "9223372036854775808", "1772366400123456", "\x00"} {
		f.Add([]byte("hash"), "7", "1", s, s, s, "2")
		f.Add([]byte(""), s, s, "1", "2", "", s)
	}
	f.Fuzz(func(t *testing.T, hash []byte, user, epoch, created, seen, expires, version string) {
		values := []any{string(hash), user, epoch, `[]`, "", "192.0.2.1", "agent", created, seen, expires, version, nil, nil}
		x, err := readSession("1", values)
		if err != nil || x == nil {
			if x != nil || (err == nil) != (len(hash) == 0) {
				t.Fatalf("%q: got %v, %v", values, x, err)
			}
			return
		}
		again := make([]any, len(sessionFields))
		written := writeSession(x)
		for i, name := range sessionFields {
			for j := 0; j < len(written); j += 2 {
				if written[j] == name {
					again[i] = fmt.Sprint(written[j+1])
					if b, ok := written[j+1].([]byte); ok {
						again[i] = string(b)
					}
				}
			}
		}
		again[10] = fmt.Sprint(x.Version)
		y, err := readSession("1", again)
		if err != nil || !reflect.DeepEqual(x, y) {
			t.Fatalf("%q became %+v and then %+v, %v", values, x, y, err)
		}
		for _, at := range []time.Time{x.CreatedAt, x.SeenAt, x.ExpiresAt} {
			if at.Location() != time.UTC {
				t.Fatalf("%v is not in UTC", at)
			}
		}
	})
}
