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
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/redis"
)

// With a million:
//
//	go run ./internal/testenv go test ./internal/races -run TestManyAddresses -v -timeout 1h -races.addresses 1000000
var addresses = flag.Int("races.addresses", 2000, "how many addresses strangers call from")

// Strangers from ever so many addresses leave nothing for good: what is counted
// against an address is forgotten, and so is what they have begun. Requirements
// LIM-6, DOS-2.
func TestManyAddresses(t *testing.T) {
	t.Run("in memory", func(t *testing.T) {
		st := memory.New()
		w := wiretest.New(t, st, func(c *headless.Config) { many(t, c) })
		ctx := t.Context()
		var held [3]uint64
		for round := range held {
			strangers(t, w, round)
			// What a wrong guess leaves goes with the address, at the latest after
			// an hour; sessions of strangers live a day.
			w.Clock.Advance(time.Hour)
			limits, err := st.DeleteExpiredLimits(ctx, w.Clock.Now())
			if err != nil || limits < *addresses {
				t.Errorf("%d limits are forgotten, %v", limits, err)
			}
			w.Clock.Advance(24 * time.Hour)
			begun, err := st.DeleteExpiredSessions(ctx, w.Clock.Now())
			if err != nil || begun != *addresses {
				t.Errorf("%d sessions are over, %v", begun, err)
			}
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			held[round] = m.HeapAlloc
			t.Logf("round %d: %d limits and %d sessions came and went; the heap is %d KiB", round+1, limits, begun, m.HeapAlloc>>10)
		}
		if held[2] > held[1]+4<<20 {
			t.Errorf("the heap has grown from %d to %d", held[1], held[2])
		}
	})

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
		strangers(t, w, 0)
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

func many(t *testing.T, c *headless.Config) {
	t.Helper()
	p := plan{Kind: "limits", IDP: c.URL}
	if err := p.configure(c); err != nil {
		t.Fatal(err)
	}
}

// strangers call once from each address: some look, which is no reason to
// remember anybody, mistype, and begin something.
func strangers(t *testing.T, w *wiretest.World, round int) {
	t.Helper()
	handler := w.Auth.Handler()
	call := func(i int, method, path, body string) int {
		r := httptest.NewRequest(method, w.URL+"/_allauth/app/v1"+path, strings.NewReader(body))
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("2001:db8:%x:%x::1", i>>16&0xffff, i&0xffff))
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		return rec.Code
	}
	var wg sync.WaitGroup
	const atOnce = 8
	for worker := range atOnce {
		wg.Go(func() {
			for i := worker; i < *addresses; i += atOnce {
				at := round*(*addresses) + i
				guess := fmt.Sprintf(`{"email":"nobody%d@example.org","password":"wrong"}`, i%100)
				for _, x := range []struct {
					got  int
					want int
				}{
					{call(at, http.MethodGet, "/auth/session", ""), http.StatusUnauthorized},
					{call(at, http.MethodPost, "/auth/login", guess), http.StatusBadRequest},
					{call(at, http.MethodGet, "/auth/webauthn/login", ""), http.StatusOK},
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
