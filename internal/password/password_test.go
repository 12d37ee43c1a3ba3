package password_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/headless-auth/headless/internal/password"
)

// cheap is as little work as Argon2 allows.
var cheap = password.Params{Memory: 8, Time: 1, Threads: 1}

func hasher(t testing.TB, p password.Params) *password.Hasher {
	t.Helper()
	h, err := password.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func verify(t *testing.T, h *password.Hasher, text, encoded string) (ok, upgrade bool) {
	t.Helper()
	ok, upgrade, err := h.Verify(t.Context(), text, encoded)
	if err != nil {
		t.Fatalf("Verify(%q, %q): %v", text, encoded, err)
	}
	return ok, upgrade
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		params password.Params
		want   string
	}{
		{"memory below eight blocks a thread", password.Params{Memory: 31, Threads: 4}, "Argon2Memory must be between 32 and 1048576, is 31"},
		{"negative memory", password.Params{Memory: -1}, "Argon2Memory must be between 8 and 1048576, is -1"},
		{"memory that no stored hash may ask for", password.Params{Memory: 1<<20 + 1}, "Argon2Memory must be between 8 and 1048576, is 1048577"},
		{"negative time", password.Params{Time: -1}, "Argon2Time must be between 1 and 215, is -1"},
		{"time that no stored hash may ask for", password.Params{Time: 216}, "Argon2Time must be between 1 and 215, is 216"},
		{"too many threads", password.Params{Threads: 65}, "Argon2Threads must be between 1 and 64, is 65"},
		{"negative concurrency", password.Params{MaxConcurrent: -1}, "MaxConcurrent must be between 1 and 65536, is -1"},
		{"negative wait", password.Params{MaxWait: -time.Second}, "MaxWait can't be negative, is -1s"},
		{"all mistakes at once", password.Params{Time: -1, MaxConcurrent: -2}, "Argon2Time must be between 1 and 215, is -1; MaxConcurrent must be between 1 and 65536, is -2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := password.New(tt.params)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestHash(t *testing.T) {
	t.Parallel()

	t.Run("the default is Argon2id with 19 MiB, two passes and one thread", func(t *testing.T) {
		h := hasher(t, password.Params{Rand: strings.NewReader("0123456789abcdef")})
		got, err := h.Hash(t.Context(), "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		if want := "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"; !strings.HasPrefix(got, want) || len(got) != len(want)+43 {
			t.Errorf("got %s\nwant %s and 43 characters", got, want)
		}
	})

	t.Run("what was hashed verifies, and nothing else does", func(t *testing.T) {
		h := hasher(t, cheap)
		long := strings.Repeat("long ", password.MaxBytes/5)
		for _, text := range []string{"correct horse", "", " spaces ", "пароль\x00日本", long} {
			encoded, err := h.Hash(t.Context(), text)
			if err != nil {
				t.Fatal(err)
			}
			if ok, upgrade := verify(t, h, text, encoded); !ok || upgrade {
				t.Errorf("%.20q: got %v, %v; want true, false", text, ok, upgrade)
			}
			for _, other := range []string{text + "x", text + " ", strings.ToUpper(text) + "X"} {
				if ok, upgrade := verify(t, h, other, encoded); ok || upgrade {
					t.Errorf("%.20q fits the hash of %.20q", other, text)
				}
			}
		}
	})

	t.Run("the same password never has the same hash", func(t *testing.T) {
		h := hasher(t, cheap)
		a, _ := h.Hash(t.Context(), "correct horse")
		b, _ := h.Hash(t.Context(), "correct horse")
		if a == b {
			t.Errorf("twice %s", a)
		}
	})

	t.Run("a password beyond the limit is refused unhashed", func(t *testing.T) {
		h := hasher(t, cheap)
		if _, err := h.Hash(t.Context(), strings.Repeat("x", password.MaxBytes+1)); !errors.Is(err, password.ErrTooLong) {
			t.Errorf("got %v", err)
		}
		if s := h.Stats(); s.Done != 0 {
			t.Errorf("got %+v", s)
		}
	})

	t.Run("no random source, no hash", func(t *testing.T) {
		p := cheap
		p.Rand = iotest.ErrReader(io.ErrClosedPipe)
		if got, err := hasher(t, p).Hash(t.Context(), "x"); got != "" || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestVerifyUpgrades(t *testing.T) {
	t.Parallel()
	encoded, err := hasher(t, password.Params{Memory: 16, Time: 2, Threads: 2}).Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		params password.Params
		want   bool
	}{
		{"the same cost", password.Params{Memory: 16, Time: 2, Threads: 2}, false},
		{"other memory", password.Params{Memory: 32, Time: 2, Threads: 2}, true},
		{"other time", password.Params{Memory: 16, Time: 1, Threads: 2}, true},
		{"other threads", password.Params{Memory: 16, Time: 2, Threads: 1}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hasher(t, tt.params)
			if ok, upgrade := verify(t, h, "correct horse", encoded); !ok || upgrade != tt.want {
				t.Errorf("got %v, %v; want true, %v", ok, upgrade, tt.want)
			}
			if ok, upgrade := verify(t, h, "wrong horse", encoded); ok || upgrade {
				t.Errorf("wrong password: got %v, %v; want false, false", ok, upgrade)
			}
		})
	}
}

func TestDummy(t *testing.T) {
	t.Parallel()
	h := hasher(t, cheap)
	if err := h.Dummy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.Stats(); got != (password.Stats{Done: 1}) {
		t.Errorf("got %+v", got)
	}
}

// gate is a random source that holds up whoever has the turn to hash.
type gate struct {
	entered chan struct{}
	open    chan struct{}
}

func newGate() *gate { return &gate{make(chan struct{}), make(chan struct{})} }

func (g *gate) Read(b []byte) (int, error) {
	g.entered <- struct{}{}
	<-g.open
	return len(b), nil
}

func TestTurns(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T, concurrent int) (*password.Hasher, *gate) {
		g := newGate()
		p := cheap
		p.Rand, p.MaxConcurrent, p.MaxWait = g, concurrent, 4*time.Second
		return hasher(t, p), g
	}
	hash := func(ctx context.Context, h *password.Hasher) chan error {
		c := make(chan error, 1)
		go func() {
			_, err := h.Hash(ctx, "correct horse")
			c <- err
		}()
		return c
	}

	t.Run("no more at once than allowed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, g := setup(t, 2)
			var results []chan error
			for range 5 {
				results = append(results, hash(t.Context(), h))
			}
			<-g.entered
			<-g.entered
			for done := range 4 {
				if done > 0 {
					g.open <- struct{}{}
					<-g.entered
				}
				synctest.Wait()
				if got := h.Stats(); got != (password.Stats{Done: int64(done), Waiting: int64(3 - done)}) {
					t.Fatalf("after %d: got %+v", done, got)
				}
			}
			g.open <- struct{}{}
			g.open <- struct{}{}
			for _, r := range results {
				if err := <-r; err != nil {
					t.Error(err)
				}
			}
			if got := h.Stats(); got != (password.Stats{Done: 5}) {
				t.Errorf("got %+v", got)
			}
		})
	})

	t.Run("first come, first served", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, g := setup(t, 1)
			first := hash(t.Context(), h)
			<-g.entered
			var waiting []chan error
			for range 10 {
				waiting = append(waiting, hash(t.Context(), h))
				synctest.Wait() // in the queue
			}
			g.open <- struct{}{}
			if err := <-first; err != nil {
				t.Fatal(err)
			}
			for i, w := range waiting {
				<-g.entered
				g.open <- struct{}{}
				synctest.Wait()
				select {
				case err := <-w:
					if err != nil {
						t.Fatal(err)
					}
				default:
					t.Fatalf("somebody went before number %d", i)
				}
			}
		})
	})

	t.Run("who waits too long is refused, and only then", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, g := setup(t, 1)
			first := hash(t.Context(), h)
			<-g.entered
			start := time.Now()
			_, _, err := h.Verify(t.Context(), "x", "!")
			if waited := time.Since(start); !errors.Is(err, password.ErrBusy) || waited != 4*time.Second {
				t.Errorf("Verify: got %v after %s", err, waited)
			}
			if err := h.Dummy(t.Context()); !errors.Is(err, password.ErrBusy) {
				t.Errorf("Dummy: got %v", err)
			}
			if err := <-hash(t.Context(), h); !errors.Is(err, password.ErrBusy) {
				t.Errorf("Hash: got %v", err)
			}
			g.open <- struct{}{}
			if err := <-first; err != nil {
				t.Error(err)
			}
			if got := h.Stats(); got != (password.Stats{Done: 1, Refused: 3}) {
				t.Errorf("got %+v", got)
			}
		})
	})

	t.Run("abandoned work is dropped while it waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, g := setup(t, 1)
			first := hash(t.Context(), h)
			<-g.entered
			ctx, cancel := context.WithCancel(t.Context())
			abandoned := hash(ctx, h)
			next := hash(t.Context(), h)
			synctest.Wait()
			cancel()
			if err := <-abandoned; !errors.Is(err, context.Canceled) {
				t.Errorf("abandoned: got %v", err)
			}
			g.open <- struct{}{}
			<-g.entered // next has the turn
			g.open <- struct{}{}
			if err := errors.Join(<-first, <-next); err != nil {
				t.Error(err)
			}
			if got := h.Stats(); got != (password.Stats{Done: 2}) {
				t.Errorf("got %+v", got)
			}
		})
	})

	t.Run("abandoned in the moment of its turn, nothing is hashed", func(t *testing.T) {
		// Which of the two is noticed first is the scheduler's choice; many
		// rounds see both.
		synctest.Test(t, func(t *testing.T) {
			for range 50 {
				h, g := setup(t, 1)
				first := hash(t.Context(), h)
				<-g.entered
				ctx, cancel := context.WithCancel(t.Context())
				abandoned := hash(ctx, h)
				synctest.Wait()
				cancel()
				g.open <- struct{}{}
				if err := <-first; err != nil {
					t.Fatal(err)
				}
				if err := <-abandoned; !errors.Is(err, context.Canceled) {
					t.Fatalf("abandoned: got %v", err)
				}
				if got := h.Stats(); got != (password.Stats{Done: 1}) {
					t.Fatalf("got %+v", got)
				}
			}
		})
	})

	t.Run("an ended context gets no turn", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		h := hasher(t, cheap)
		if _, _, err := h.Verify(ctx, "x", "!"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if got := h.Stats(); got != (password.Stats{}) {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("a failed hash gives its turn back", func(t *testing.T) {
		p := cheap
		p.MaxConcurrent, p.Rand = 1, iotest.ErrReader(io.ErrClosedPipe)
		h := hasher(t, p)
		for range 3 {
			if _, err := h.Hash(t.Context(), "x"); !errors.Is(err, io.ErrClosedPipe) {
				t.Fatal(err)
			}
		}
	})
}

// BenchmarkHash is one hash after another, at the default cost.
func BenchmarkHash(b *testing.B) {
	h := hasher(b, password.Params{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "correct horse"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHasherParallel is a rush of eight callers for each turn.
func BenchmarkHasherParallel(b *testing.B) {
	h := hasher(b, password.Params{MaxWait: time.Hour})
	b.SetParallelism(8)
	b.ReportAllocs()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := h.Dummy(b.Context()); err != nil {
				b.Error(err)
			}
		}
	})
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.PauseTotalNs-before.PauseTotalNs)/float64(b.N), "gc-pause-ns/op")
	b.ReportMetric(float64(after.NumGC-before.NumGC)/float64(b.N), "gcs/op")
	b.ReportMetric(float64(after.HeapSys)/(1<<20), "heap-MiB")
}
