package sqlstore

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// Only what was given out as an id is read as one, and every id is read back.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1", "", "0", "-1", "01", "+1", " 1", "1.0", "9223372036854775807", "9223372036854775808", "１", "1\x00", "0x1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, id string) {
		switch n := number(id); {
		case n < 0:
			t.Fatalf("%q is %d", id, n)
		case n > 0 && text(n) != id:
			t.Fatalf("%q is %d, which is written %q", id, n, text(n))
		case n == 0:
			if real, err := strconv.ParseInt(id, 10, 64); err == nil && real > 0 && text(real) == id {
				t.Fatalf("%q is nobody's", id)
			}
		}
	})
}

// What a bucket holds is read as it was written, or is an error; and a take
// more is one more.
func FuzzTakes(f *testing.F) {
	for _, s := range []string{"", "1", "1 2 3", "3 2 1", " 1  2 ", "-1", "9223372036854775807", "9223372036854775808", "1,2", "x", "1\x002"} {
		f.Add(s, int64(5), 2)
	}
	f.Fuzz(func(t *testing.T, kept string, micro int64, amount int) {
		l, err := readTakes(kept)
		if err != nil {
			return
		}
		again, err := readTakes(l.String())
		if err != nil || !slices.Equal(l, again) {
			t.Fatalf("%q is read as %v, and then as %v, %v", kept, l, again, err)
		}
		const limit = 1 << 60 // times beyond it are none that a clock shows
		if !slices.IsSorted(l) || len(l) > 0 && (l[0] < -limit || l[len(l)-1] > limit) || micro < -limit || micro > limit {
			return
		}
		now, b := time.UnixMicro(micro), store.Bucket{Amount: amount, Per: time.Hour}
		before := len(l.within(now, b.Per))
		row := bucket{takes: l}
		wait := row.take(now, b)
		if wait > 0 {
			if amount > 0 && before < amount || !slices.Equal(row.takes, l) {
				t.Fatalf("%v: %d of %d are taken, and yet one has to wait %v", l, before, amount, wait)
			}
			return
		}
		if amount < 1 || before >= amount || len(row.takes) != before+1 || !slices.IsSorted(row.takes) {
			t.Fatalf("%v: %d of %d are taken, and then %v", l, before, amount, row.takes)
		}
	})
}
