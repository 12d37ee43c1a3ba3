package memory_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return memory.New() })
}

func TestOuterStoreInTransaction(t *testing.T) {
	t.Run("reading shows what was there before", func(t *testing.T) {
		st, ctx := memory.New(), t.Context()
		u := &store.User{FirstName: "before"}
		must(t, st.CreateUser(ctx, u))
		must(t, st.InTx(ctx, func(tx store.Store) error {
			x := *u
			x.FirstName = "after"
			must(t, tx.UpdateUser(ctx, &x))
			outside, err := st.User(ctx, u.ID)
			must(t, err)
			if outside.FirstName != "before" {
				t.Errorf("got %q", outside.FirstName)
			}
			return nil
		}))
	})

	for name, do := range map[string]func(ctx context.Context, st store.Store) error{
		"a write": func(ctx context.Context, st store.Store) error {
			return st.CreateUser(ctx, &store.User{Username: "inner"})
		},
		"a transaction": func(ctx context.Context, st store.Store) error {
			return st.InTx(ctx, func(store.Store) error { return nil })
		},
	} {
		t.Run(name+" waits no longer than its context", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := memory.New()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := st.InTx(ctx, func(store.Store) error { return do(ctx, st) })
				if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got error %v", err)
				}
				works(t, st)
			})
		})

		t.Run(name+" does not wait for ever", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st, start := memory.New(), time.Now()
				err := st.InTx(t.Context(), func(store.Store) error { return do(t.Context(), st) })
				if !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("got error %v, want %q", err, store.ErrUnavailable)
				}
				if d := time.Since(start); d != 10*time.Second {
					t.Errorf("waited %v", d)
				}
				works(t, st)
			})
		})

		t.Run(name+" of another waits for its turn", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st, done := memory.New(), make(chan error, 1)
				must(t, st.InTx(t.Context(), func(tx store.Store) error {
					go func() { done <- do(t.Context(), st) }()
					time.Sleep(9 * time.Second) // of the test's own clock
					return tx.CreateUser(t.Context(), &store.User{Username: "outer"})
				}))
				must(t, <-done)
				works(t, st)
			})
		})
	}
}

func TestTransactionThatIsOver(t *testing.T) {
	st, ctx := memory.New(), t.Context()
	var kept store.Store
	must(t, st.InTx(ctx, func(tx store.Store) error { kept = tx; return nil }))
	_, err := kept.User(ctx, "1")
	for what, err := range map[string]error{
		"reading":  err,
		"writing":  kept.CreateUser(ctx, &store.User{}),
		"sweeping": func() error { _, err := kept.DeleteExpiredSessions(ctx, time.Now()); return err }(),
		"joining":  kept.InTx(ctx, func(store.Store) error { t.Error("the function was run"); return nil }),
	} {
		if err == nil || !strings.Contains(err.Error(), "the transaction is over") {
			t.Errorf("%s: got error %v", what, err)
		}
	}
	works(t, st)
}

func TestTransactionWhoseGoroutineExits(t *testing.T) {
	st, ctx, done := memory.New(), t.Context(), make(chan struct{})
	go func() {
		defer close(done)
		_ = st.InTx(ctx, func(tx store.Store) error {
			must(t, tx.CreateUser(ctx, &store.User{Username: "ada"}))
			runtime.Goexit() // as t.FailNow does
			return nil
		})
	}()
	<-done
	if _, err := st.UserByUsername(ctx, "ada"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got error %v, want %q", err, store.ErrNotFound)
	}
	works(t, st)
}

func TestTransactionWhoseContextEnds(t *testing.T) {
	st := memory.New()
	ctx, cancel := context.WithCancel(t.Context())
	err := st.InTx(ctx, func(tx store.Store) error {
		must(t, tx.CreateUser(ctx, &store.User{Username: "ada"}))
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %q", err, context.Canceled)
	}
	if _, err := st.UserByUsername(t.Context(), "ada"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got error %v, want %q", err, store.ErrNotFound)
	}
}

// Sweeping works in a transaction, too, with what it has changed itself.
func TestSweepInTransaction(t *testing.T) {
	st, ctx, now := memory.New(), t.Context(), time.Now()
	must(t, st.UseOnce(ctx, "kept", now, now.Add(time.Hour)))
	must(t, st.UseOnce(ctx, "over", now, now.Add(time.Minute)))
	for _, fail := range []error{errors.New("refused"), nil} {
		_ = st.InTx(ctx, func(tx store.Store) error {
			must(t, tx.UseOnce(ctx, "over as well", now, now.Add(time.Minute)))
			must(t, tx.UseOnce(ctx, "kept as well", now, now.Add(time.Hour)))
			for _, want := range []int{2, 0} {
				if n, err := tx.DeleteExpiredNonces(ctx, now.Add(time.Minute)); n != want || err != nil {
					t.Errorf("got %d, error %v, want %d", n, err, want)
				}
			}
			if err := tx.UseOnce(ctx, "kept", now, now); !errors.Is(err, store.ErrConflict) {
				t.Errorf("got error %v, want %q", err, store.ErrConflict)
			}
			return fail
		})
	}
	if n, err := st.DeleteExpiredNonces(ctx, now.Add(time.Hour)); n != 2 || err != nil {
		t.Errorf("got %d, error %v, want 2", n, err)
	}
}

// A store that has seen much and has swept it holds next to nothing.
func TestMemoryIsBounded(t *testing.T) {
	const n = 50_000
	st, ctx, now := memory.New(), t.Context(), time.Now()
	user := &store.User{}
	must(t, st.CreateUser(ctx, user))
	before := heap()
	for i := range n {
		_, err := st.Take(ctx, now, store.Bucket{Key: fmt.Sprintf("login:ip:%032d", i), Amount: 5, Per: time.Minute})
		must(t, err)
		must(t, st.UseOnce(ctx, fmt.Sprintf("%064d", i), now, now.Add(time.Minute)))
		must(t, st.CreateSession(ctx, &store.Session{UserID: user.ID, TokenHash: fmt.Appendf(nil, "%032d", i), ExpiresAt: now.Add(time.Minute)}))
		must(t, st.CreateTrustedBrowser(ctx, &store.TrustedBrowser{UserID: user.ID, TokenHash: fmt.Appendf(nil, "%032d", i), ExpiresAt: now.Add(time.Minute)}))
		must(t, st.AppendAudit(ctx, &store.AuditEntry{UserID: user.ID, At: now}))
	}
	full := heap()
	later := now.Add(time.Minute)
	for what, sweep := range map[string]func(context.Context, time.Time) (int, error){
		"limits": st.DeleteExpiredLimits, "nonces": st.DeleteExpiredNonces, "sessions": st.DeleteExpiredSessions,
		"trusted browsers": st.DeleteExpiredTrustedBrowsers, "audit entries": st.DeleteAuditBefore,
	} {
		if swept, err := sweep(ctx, later); swept != n || err != nil {
			t.Errorf("%s: swept %d, error %v", what, swept, err)
		}
	}
	if left := heap() - before; left > (full-before)/20 {
		t.Errorf("%d of %d bytes are left", left, full-before)
	}
	works(t, st)
}

// However often a bucket is taken from, it holds what its amount allows.
func TestBucketIsBounded(t *testing.T) {
	st, ctx, now := memory.New(), t.Context(), time.Now()
	b := store.Bucket{Key: "k", Amount: 100, Per: time.Second}
	before := heap()
	for range 200_000 {
		now = now.Add(5 * time.Millisecond)
		_, err := st.Take(ctx, now, b)
		must(t, err)
	}
	if left := heap() - before; left > 64<<10 {
		t.Errorf("a bucket of %d holds %d bytes", b.Amount, left)
	}
	runtime.KeepAlive(st)
}

func TestSessionAndUserIsLean(t *testing.T) {
	st, ctx := memory.New(), t.Context()
	u := &store.User{Username: "ada", Fields: []byte(`{"a":1}`)}
	must(t, st.CreateUser(ctx, u))
	hash := make([]byte, 32)
	must(t, st.CreateSession(ctx, &store.Session{UserID: u.ID, TokenHash: hash, Methods: store.Methods(`[]`), State: []byte("state")}))
	if n := testing.AllocsPerRun(1000, func() { _, _, _ = st.SessionAndUser(ctx, hash) }); n > 2 {
		t.Errorf("got %v allocations, want at most 2", n)
	}
	if n := testing.AllocsPerRun(1000, func() { _, _, _ = st.SessionAndUser(ctx, hash[1:]) }); n > 0 {
		t.Errorf("got %v allocations for an unknown token, want none", n)
	}
}

func Benchmark(b *testing.B) {
	storetest.Benchmarks(b, func(*testing.B) store.Store { return memory.New() })
}

// Taking costs the same among a million buckets as among few.
func BenchmarkTakeAmongBuckets(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			st, ctx, now := memory.New(), b.Context(), time.Now()
			keys := make([]string, n)
			for i := range keys {
				keys[i] = fmt.Sprintf("login:%032d", i)
				if _, err := st.Take(ctx, now, store.Bucket{Key: keys[i], Amount: 30, Per: time.Minute}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				now = now.Add(time.Microsecond)
				if _, err := st.Take(ctx, now, store.Bucket{Key: keys[i*7919%n], Amount: 30, Per: time.Minute}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("sweep of 1000000", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			st, ctx, now := memory.New(), b.Context(), time.Now()
			for i := range 1_000_000 {
				_, _ = st.Take(ctx, now, store.Bucket{Key: fmt.Sprintf("login:%032d", i), Amount: 30, Per: time.Minute})
			}
			b.StartTimer()
			if n, err := st.DeleteExpiredLimits(ctx, now.Add(time.Minute)); n != 1_000_000 || err != nil {
				b.Fatal(n, err)
			}
		}
	})
}

// works checks that nobody holds a lock.
func works(t *testing.T, st *memory.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	must(t, st.CreateUser(ctx, &store.User{}))
	must(t, st.InTx(ctx, func(tx store.Store) error { return tx.CreateUser(ctx, &store.User{}) }))
	must(t, st.Ping(ctx))
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
