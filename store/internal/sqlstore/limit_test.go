package sqlstore

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// TestTakesAgainstAModel compares with counting by hand.
func TestTakesAgainstAModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		of := store.Bucket{Amount: 1 + r.IntN(5), Per: time.Duration(1+r.IntN(20)) * time.Second}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var b bucket
		var granted []time.Time
		taken := func(now time.Time) (n int) {
			for _, g := range granted {
				if now.Sub(g) < of.Per {
					n++
				}
			}
			return n
		}
		for range 100 {
			now = now.Add(time.Duration(r.IntN(4)) * time.Second)
			full := taken(now) >= of.Amount
			wait := b.take(now, of)
			if (wait > 0) != full {
				t.Fatalf("%d of %d are taken, and take said %v", taken(now), of.Amount, wait)
			}
			if wait == 0 {
				granted = append(granted, now)
			} else if taken(now.Add(wait-1)) < of.Amount || taken(now.Add(wait)) >= of.Amount {
				t.Fatalf("the wait of %v is not how long it is full", wait)
			}
		}
		if got, err := readTakes(b.takes.String()); err != nil || got.String() != b.takes.String() {
			t.Fatalf("%q is read as %q, %v", b.takes, got, err)
		}
	}
}

// TestTakesOfAClockAhead count, and are in order.
func TestTakesOfAClockAhead(t *testing.T) {
	now, of := time.Unix(1000, 0), store.Bucket{Amount: 2, Per: time.Minute}
	var b bucket
	for _, at := range []time.Time{now.Add(30 * time.Second), now} {
		if wait := b.take(at, of); wait != 0 {
			t.Fatalf("got %v", wait)
		}
	}
	if got, want := b.takes.String(), "1000000000 1030000000"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := b.take(now, of), time.Minute; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestUnreadableTakes(t *testing.T) {
	if _, err := readTakes("1 2 x"); err == nil {
		t.Error("got no error")
	}
}
