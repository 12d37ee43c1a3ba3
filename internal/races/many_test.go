package races_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/redis"
)

// With a million:
//
//	go run ./internal/testenv go test ./internal/races -run TestManyAddresses -v -timeout 5h -races.addresses 1000000
var addresses = flag.Int("races.addresses", 2000, "how many addresses strangers call from")

// Strangers from ever so many addresses leave nothing for good: what is counted
// against an address is forgotten, and so is what they have begun. Requirements
// LIM-6, DOS-2.
func TestManyAddresses(t *testing.T) {
	t.Run("in memory", func(t *testing.T) {
		st := memory.New()
		sizes := upTo(*addresses)
		held := comeAndGo(t, st, sizes)
		for i, n := range sizes {
			if each := (held[i].during - held[i].before) / n; n >= 1000 && each > 8<<10 {
				t.Errorf("each of %d addresses takes %d bytes", n, each)
			}
		}
		if first, last := held[0], held[2]; last.after > first.after+8<<20 {
			t.Errorf("of ever more addresses %d KiB are left, after %d", last.after>>10, first.after>>10)
		}
	})

	// Nothing of them is in this process, so a tenth tells as much.
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run("in "+name, func(t *testing.T) {
			st := wiretest.Stores[name](t)
			for i, h := range comeAndGo(t, st, upTo(*addresses/10)) {
				if h.during > h.before+16<<20 {
					t.Errorf("round %d: the heap has grown from %d to %d KiB", i+1, h.before>>10, h.during>>10)
				}
			}
		})
	}

	t.Run("in Redis", func(t *testing.T) {
		o, err := goredis.ParseURL(testenv.Redis(t))
		if err != nil {
			t.Fatal(err)
		}
		client := goredis.NewClient(o)
		t.Cleanup(func() { _ = client.Close() })
		kept := redis.New(client, redis.Options{})
		w := wiretest.New(t, memory.New(), func(c *headless.Config) {
			many(t, c)
			c.SessionStore, c.LimitStore, c.Now = kept, kept, time.Now
		})
		strangers(t, w, 0, *addresses)
		info, err := client.Info(t.Context(), "keyspace", "memory").Result()
		if err != nil {
			t.Fatal(err)
		}
		var keys, expires int
		if found := regexp.MustCompile(fmt.Sprintf(`db%d:keys=\d+,expires=\d+`, o.DB)).FindString(info); found == "" {
			t.Fatalf("got %s", info)
		} else if _, err := fmt.Sscanf(found[strings.Index(found, ":"):], ":keys=%d,expires=%d", &keys, &expires); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d keys, of which %d expire; %s", keys, expires, regexp.MustCompile(`used_memory_human:\S+`).FindString(info))
		if keys < *addresses || expires != keys {
			t.Errorf("of %d keys %d expire", keys, expires)
		}
	})
}

// upTo are how many come in each round.
func upTo(n int) []int { return []int{n / 100, n / 10, n} }

// heap is how many bytes are in use before strangers come, before they are
// forgotten, and after it.
type heap struct{ before, during, after int }

// comeAndGo lets strangers come, more in each round, and forgets them.
func comeAndGo(t *testing.T, st store.Store, sizes []int) (l []heap) {
	t.Helper()
	w := wiretest.New(t, st, func(c *headless.Config) { many(t, c) })
	ctx := t.Context()
	strangers(t, w, 0, 10) // whatever is made once
	for round, n := range sizes {
		h := heap{before: inUse()}
		start := time.Now()
		strangers(t, w, round+1, n)
		took := time.Since(start)
		h.during = inUse()
		// What a wrong guess leaves goes with the address, at the latest after
		// an hour; sessions of strangers live a day.
		w.Clock.Advance(time.Hour)
		counted, err := st.DeleteExpiredLimits(ctx, w.Clock.Now())
		if err != nil || counted < n {
			t.Errorf("%d limits are forgotten, %v", counted, err)
		}
		w.Clock.Advance(24 * time.Hour)
		begun, err := st.DeleteExpiredSessions(ctx, w.Clock.Now())
		if err != nil || begun < n {
			t.Errorf("%d sessions are over, %v", begun, err)
		}
		h.after = inUse()
		t.Logf("%d addresses in %v: %d limits and %d sessions came and went; the heap was %d KiB, then %d, then %d", n, took.Round(time.Millisecond), counted, begun, h.before>>10, h.during>>10, h.after>>10)
		l = append(l, h)
	}
	return l
}

// inUse is how many bytes of the heap are in use.
func inUse() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what a pool has kept goes with the second
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc) //nolint:gosec // a heap that fits
}

func many(t *testing.T, c *headless.Config) {
	t.Helper()
	p := plan{Kind: "limits", IDP: c.URL}
	if err := p.configure(c); err != nil {
		t.Fatal(err)
	}
}

// strangers call once from each address: some look, which is no reason to
// remember anybody, mistype, and begin something.
func strangers(t *testing.T, w *wiretest.World, round, n int) {
	t.Helper()
	handler := w.Auth.Handler()
	call := func(i int, method, path, body string) int {
		r := httptest.NewRequest(method, w.URL+"/_allauth/app/v1"+path, strings.NewReader(body))
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("2001:%x:%x:%x::1", 0xdb8+round, i>>16&0xffff, i&0xffff))
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		return rec.Code
	}
	var wg sync.WaitGroup
	const atOnce = 8
	for worker := range atOnce {
		wg.Go(func() {
			for i := worker; i < n; i += atOnce {
				guess := fmt.Sprintf(`{"email":"nobody%d@example.org","password":"wrong"}`, i%100)
				for _, x := range []struct {
					got  int
					want int
				}{
					{call(i, http.MethodGet, "/auth/session", ""), http.StatusUnauthorized},
					{call(i, http.MethodPost, "/auth/login", guess), http.StatusBadRequest},
					{call(i, http.MethodGet, "/auth/webauthn/login", ""), http.StatusOK},
				} {
					if x.got != x.want {
						t.Errorf("got %d, want %d", x.got, x.want)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}
