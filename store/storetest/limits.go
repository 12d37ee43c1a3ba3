package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// Limits tests the contract [store.Limits].
func Limits(t *testing.T, open func(t *testing.T) store.Limits) {
	// take takes and wants to hear to wait.
	take := func(t *testing.T, st store.Limits, at time.Time, want time.Duration, l ...store.Bucket) {
		t.Helper()
		if want == 0 {
			waits(t, "Peek", got(st.Peek(t.Context(), at, l...))(t), 0)
		}
		waits(t, "Take", got(st.Take(t.Context(), at, l...))(t), want)
	}
	peek := func(t *testing.T, st store.Limits, at time.Time, want time.Duration, l ...store.Bucket) {
		t.Helper()
		waits(t, "Peek", got(st.Peek(t.Context(), at, l...))(t), want)
	}

	t.Run("a window slides", func(t *testing.T) {
		st := open(t)
		for _, per := range []time.Duration{1500 * time.Microsecond, 250 * time.Millisecond, time.Second, 5 * time.Minute, 24 * time.Hour, 400 * 24 * time.Hour} {
			for _, amount := range []int{1, 2, 3, 50} {
				t.Run(fmt.Sprintf("%d in %v", amount, per), func(t *testing.T) {
					b, at := store.Bucket{Key: t.Name(), Amount: amount, Per: per}, now()
					step := max(per/time.Duration(2*amount), time.Microsecond).Truncate(time.Microsecond)
					for i := range amount {
						take(t, st, at.Add(time.Duration(i)*step), 0, b)
					}
					last := at.Add(time.Duration(amount-1) * step)
					take(t, st, last, at.Add(per).Sub(last), b)
					take(t, st, at.Add(per-time.Microsecond), time.Microsecond, b)
					// Room comes back take by take, just when each has left.
					for i := range amount {
						end := at.Add(per + time.Duration(i)*step)
						take(t, st, end, 0, b)
						wait := step
						if i == amount-1 {
							wait = per - time.Duration(i)*step // the first that came back
						}
						take(t, st, end, wait, b)
					}
				})
			}
		}
	})

	t.Run("no buckets limit nothing", func(t *testing.T) {
		st := open(t)
		take(t, st, now(), 0)
		ok(t, st.GiveBack(t.Context(), now()))
		ok(t, st.ClearLimits(t.Context()))
	})

	t.Run("several may be taken in the same moment", func(t *testing.T) {
		st, b, at := open(t), store.Bucket{Key: "k", Amount: 3, Per: time.Minute}, now()
		for range 3 {
			take(t, st, at, 0, b)
		}
		take(t, st, at, time.Minute, b)
		take(t, st, at.Add(time.Minute-time.Microsecond), time.Microsecond, b)
		for range 3 {
			take(t, st, at.Add(time.Minute), 0, b)
		}
		take(t, st, at.Add(time.Minute), time.Minute, b)
	})

	t.Run("a refused take is not counted", func(t *testing.T) {
		st, b, at := open(t), store.Bucket{Key: "k", Amount: 1, Per: time.Minute}, now()
		take(t, st, at, 0, b)
		for i := range 10 {
			d := time.Duration(i+1) * time.Second
			take(t, st, at.Add(d), time.Minute-d, b)
		}
		take(t, st, at.Add(time.Minute), 0, b)
	})

	t.Run("buckets are their own", func(t *testing.T) {
		st, at := open(t), now()
		for _, key := range []string{"k", "K", "k ", "kk", "", "k:1", "{k}", "k*", "%", "k_"} {
			take(t, st, at, 0, store.Bucket{Key: key, Amount: 1, Per: time.Minute})
		}
		take(t, st, at, time.Minute, store.Bucket{Key: "k", Amount: 1, Per: time.Minute})
		ok(t, st.ClearLimits(t.Context(), "k*", "%"))
		take(t, st, at, time.Minute, store.Bucket{Key: "k", Amount: 1, Per: time.Minute})
	})

	t.Run("the first full bucket stops, and those before stay taken", func(t *testing.T) {
		st, at := open(t), now()
		a := store.Bucket{Key: "a", Amount: 3, Per: time.Minute}
		b := store.Bucket{Key: "b", Amount: 1, Per: time.Hour}
		c := store.Bucket{Key: "c", Amount: 1, Per: time.Second}
		take(t, st, at, 0, a, b, c)
		take(t, st, at, time.Hour, a, b, c) // b is full; a is taken
		peek(t, st, at, time.Hour, a, b, c)
		take(t, st, at.Add(time.Second), time.Hour-time.Second, b, c, a) // b is full; the rest is untouched
		take(t, st, at.Add(time.Second), 0, c)
		take(t, st, at.Add(time.Second), 0, a)
		take(t, st, at.Add(time.Second), time.Minute-time.Second, a, b) // a is full after three
	})

	t.Run("a bucket listed twice is taken from twice", func(t *testing.T) {
		st, b, at := open(t), store.Bucket{Key: "k", Amount: 3, Per: time.Minute}, now()
		take(t, st, at, 0, b, b)
		waits(t, "Take", got(st.Take(t.Context(), at, b, b))(t), time.Minute)
		take(t, st, at, time.Minute, b)
	})

	t.Run("a peek takes nothing", func(t *testing.T) {
		st, b, at := open(t), store.Bucket{Key: "k", Amount: 2, Per: time.Minute}, now()
		for range 5 {
			peek(t, st, at, 0, b)
		}
		equal(t, "buckets", got(st.DeleteExpiredLimits(t.Context(), at.Add(time.Hour)))(t), 0)
		take(t, st, at, 0, b)
		peek(t, st, at.Add(time.Second), 0, b)
		take(t, st, at.Add(time.Second), 0, b)
		peek(t, st, at.Add(time.Second), 59*time.Second, b)
		peek(t, st, at.Add(time.Minute), 0, b)
		peek(t, st, at.Add(time.Second), 59*time.Second, b) // looking ahead has changed nothing
		take(t, st, at.Add(time.Second), 59*time.Second, b)
	})

	t.Run("one take is given back", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		b := store.Bucket{Key: "k", Amount: 3, Per: time.Minute}
		other := store.Bucket{Key: "other", Amount: 1, Per: time.Minute}
		second := at.Add(time.Second)
		take(t, st, at, 0, b, other)
		take(t, st, second, 0, b)
		take(t, st, second, 0, b)
		for _, when := range []time.Time{at.Add(-time.Microsecond), at.Add(time.Microsecond), second.Add(time.Hour), {}} {
			ok(t, st.GiveBack(ctx, when, "k")) // there is none of then
			ok(t, st.GiveBack(ctx, when, "unknown"))
		}
		take(t, st, second, 59*time.Second, b)
		ok(t, st.GiveBack(ctx, second, "k")) // one of two
		take(t, st, second, 0, b)
		take(t, st, second, 59*time.Second, b)
		ok(t, st.GiveBack(ctx, at, "k", "other", "unknown")) // the oldest: the next one leaves later
		take(t, st, at.Add(2*time.Second), 0, b, other)
		take(t, st, at.Add(2*time.Second), 59*time.Second, b)
		for range 5 {
			ok(t, st.GiveBack(ctx, second, "k")) // two are there
		}
		take(t, st, at.Add(3*time.Second), 0, b)
		take(t, st, at.Add(3*time.Second), 0, b)
		take(t, st, at.Add(3*time.Second), 59*time.Second, b)
	})

	t.Run("the last take can be given back", func(t *testing.T) {
		st, b, at := open(t), store.Bucket{Key: "k", Amount: 1, Per: time.Minute}, now()
		for range 3 {
			take(t, st, at, 0, b)
			take(t, st, at, time.Minute, b)
			ok(t, st.GiveBack(t.Context(), at, "k"))
			ok(t, st.GiveBack(t.Context(), at, "k"))
		}
	})

	t.Run("buckets are emptied", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		l := []store.Bucket{{Key: "a", Amount: 1, Per: time.Minute}, {Key: "b", Amount: 1, Per: time.Minute}, {Key: "c", Amount: 1, Per: time.Minute}}
		take(t, st, at, 0, l...)
		ok(t, st.ClearLimits(ctx, "a", "unknown", "c"))
		take(t, st, at, 0, l[0], l[2])
		take(t, st, at, time.Minute, l[1])
		ok(t, st.ClearLimits(ctx, "a", "b", "c"))
		take(t, st, at, 0, l...)
	})

	t.Run("the rate is not part of the bucket", func(t *testing.T) {
		st, at := open(t), now()
		rate := func(amount int, per time.Duration) store.Bucket {
			return store.Bucket{Key: "k", Amount: amount, Per: per}
		}
		for i := range 3 {
			take(t, st, at.Add(time.Duration(i)*time.Second), 0, rate(5, time.Minute))
		}
		// With two allowed there is room when two of the three have left.
		take(t, st, at.Add(2*time.Second), 59*time.Second, rate(2, time.Minute))
		take(t, st, at.Add(2*time.Second), 60*time.Second, rate(1, time.Minute))
		take(t, st, at.Add(2*time.Second), 58*time.Second, rate(3, time.Minute))
		take(t, st, at.Add(2*time.Second), 0, rate(4, time.Minute))
		take(t, st, at.Add(30*time.Second), time.Hour-28*time.Second, rate(2, time.Hour))
	})

	t.Run("a bucket without an amount is always full", func(t *testing.T) {
		st, at := open(t), now()
		for _, amount := range []int{0, -1} {
			b := store.Bucket{Key: "k", Amount: amount, Per: time.Minute}
			for range 2 {
				if w := got(st.Peek(t.Context(), at, b))(t); w <= 0 {
					t.Errorf("Peek of %d: got %v, want to wait", amount, w)
				}
				if w := got(st.Take(t.Context(), at, b))(t); w <= 0 {
					t.Errorf("Take of %d: got %v, want to wait", amount, w)
				}
			}
		}
	})

	t.Run("a clock that is set back grants no more", func(t *testing.T) {
		st, at := open(t), now()
		one := store.Bucket{Key: "one", Amount: 1, Per: 10 * time.Second}
		take(t, st, at, 0, one)
		take(t, st, at.Add(-6*time.Second), 16*time.Second, one)
		take(t, st, at.Add(-24*time.Hour), 24*time.Hour+10*time.Second, one)
		take(t, st, at.Add(9*time.Second), time.Second, one)
		take(t, st, at.Add(10*time.Second), 0, one)
		take(t, st, at, 20*time.Second, one)

		three := store.Bucket{Key: "three", Amount: 3, Per: 10 * time.Second}
		granted := 0
		for _, back := range []time.Duration{0, 5, 3, 9, 1, 2, 60, 5, 0} {
			if got(st.Take(t.Context(), at.Add(-back*time.Second), three))(t) == 0 {
				granted++
			}
		}
		equal(t, "granted", granted, 3)
	})

	t.Run("takes may come out of order", func(t *testing.T) {
		st, at := open(t), now()
		b := store.Bucket{Key: "k", Amount: 3, Per: 10 * time.Second}
		for _, d := range []time.Duration{2, 0, 1} {
			take(t, st, at.Add(d*time.Second), 0, b)
		}
		take(t, st, at.Add(2*time.Second), 8*time.Second, b)
		ok(t, st.GiveBack(t.Context(), at, "k"))
		take(t, st, at.Add(2*time.Second), 0, b)
		take(t, st, at.Add(2*time.Second), 9*time.Second, b)
	})

	t.Run("buckets that limit nothing any more are swept", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		short, long := store.Bucket{Key: "short", Amount: 5, Per: time.Minute}, store.Bucket{Key: "long", Amount: 1, Per: 24 * time.Hour}
		take(t, st, at, 0, short, long)
		take(t, st, at.Add(time.Second), 0, short)
		equal(t, "swept", got(st.DeleteExpiredLimits(ctx, at.Add(time.Minute)))(t), 0)
		equal(t, "swept", got(st.DeleteExpiredLimits(ctx, at.Add(time.Minute+time.Second)))(t), 1)
		equal(t, "swept again", got(st.DeleteExpiredLimits(ctx, at.Add(time.Minute+time.Second)))(t), 0)
		take(t, st, at.Add(time.Hour), 23*time.Hour, long)
		equal(t, "swept", got(st.DeleteExpiredLimits(ctx, at.Add(24*time.Hour)))(t), 1)
		take(t, st, at.Add(24*time.Hour), 0, long)
	})

	t.Run("it agrees with a plain model", func(t *testing.T) {
		for seed := range rounds(6) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) { modelLimits(t, open(t), uint64(seed)) })
		}
	})

	t.Run("keys that are no text are refused", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		for _, key := range noTexts {
			refuses(t, key, val(st.Take(ctx, at, store.Bucket{Key: key, Amount: 1, Per: time.Minute})))
		}
		equal(t, "swept", got(st.DeleteExpiredLimits(ctx, at.Add(time.Hour)))(t), 0)
	})

	t.Run("odd keys are kept or refused", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		take(t, st, at, 0, store.Bucket{Key: "a", Amount: 1, Per: time.Minute})
		for _, key := range append(oddTexts, strings.Repeat("k", 1000)) {
			b := store.Bucket{Key: key, Amount: 1, Per: time.Minute}
			w, err := st.Take(ctx, at, b)
			if err == nil {
				waits(t, fmt.Sprintf("Take from %q", key), w, 0)
			}
			faithful(t, key, err, func() (string, error) {
				take(t, st, at, time.Minute, b)
				ok(t, st.ClearLimits(ctx, key))
				take(t, st, at, 0, b)
				return key, nil
			})
		}
		take(t, st, at, time.Minute, store.Bucket{Key: "a", Amount: 1, Per: time.Minute})
	})

	t.Run("a context that has ended is honoured", func(t *testing.T) {
		st, b, at := open(t), store.Bucket{Key: "k", Amount: 1, Per: time.Minute}, now()
		honoursContext(t, calls(
			call{"Take", func(ctx context.Context) error { return val(st.Take(ctx, at, b)) }},
			call{"Peek", func(ctx context.Context) error { return val(st.Peek(ctx, at, b)) }},
			call{"GiveBack", func(ctx context.Context) error { return st.GiveBack(ctx, at, "k") }},
			call{"ClearLimits", func(ctx context.Context) error { return st.ClearLimits(ctx, "k") }},
			call{"DeleteExpiredLimits", func(ctx context.Context) error { return val(st.DeleteExpiredLimits(ctx, at)) }},
		))
		take(t, st, at, 0, b)
	})

	raceLimits(t, open)
}

// waits compares how long to wait, to within a microsecond.
func waits(t testing.TB, what string, got, want time.Duration) {
	t.Helper()
	if (got-want).Abs() > time.Microsecond || (got > 0) != (want > 0) || got < 0 {
		t.Fatalf("%s: got a wait of %v, want %v", what, got, want)
	}
}

// modelLimits compares a store with the contract written down plainly, over
// random operations at times that never go back.
func modelLimits(t *testing.T, st store.Limits, seed uint64) {
	ctx, at, rnd := t.Context(), now(), rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- a test that can be repeated
	buckets := []store.Bucket{
		{Key: "a", Amount: 1, Per: 3 * time.Second}, {Key: "b", Amount: 2, Per: 5 * time.Second},
		{Key: "c", Amount: 5, Per: 20 * time.Second}, {Key: "d", Amount: 20, Per: time.Minute},
	}
	taken := map[string][]time.Time{}
	expect := func(l []store.Bucket, counts bool) time.Duration {
		for _, b := range l {
			var live []time.Time
			for _, x := range taken[b.Key] {
				if x.After(at.Add(-b.Per)) {
					live = append(live, x)
				}
			}
			if len(live) >= b.Amount {
				return live[len(live)-b.Amount].Add(b.Per).Sub(at)
			}
			if counts {
				taken[b.Key] = append(taken[b.Key], at)
			}
		}
		return 0
	}
	for i := range 300 {
		at = at.Add(time.Duration(rnd.IntN(1500)) * time.Millisecond)
		var l []store.Bucket
		for _, n := range rnd.Perm(len(buckets))[:1+rnd.IntN(3)] {
			l = append(l, buckets[n])
		}
		key := l[0].Key
		switch n := rnd.IntN(20); {
		case n < 12:
			waits(t, fmt.Sprintf("step %d: Take", i), got(st.Take(ctx, at, l...))(t), expect(l, true))
		case n < 16:
			waits(t, fmt.Sprintf("step %d: Peek", i), got(st.Peek(ctx, at, l...))(t), expect(l, false))
		case n < 18 && len(taken[key]) > 0:
			j := rnd.IntN(len(taken[key]))
			ok(t, st.GiveBack(ctx, taken[key][j], key))
			taken[key] = append(taken[key][:j], taken[key][j+1:]...)
		case n < 19:
			got(st.DeleteExpiredLimits(ctx, at))(t)
		default:
			ok(t, st.ClearLimits(ctx, key))
			delete(taken, key)
		}
	}
}
