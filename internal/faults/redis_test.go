package faults_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/faultproxy"
	"github.com/headless-auth/headless/internal/invariants"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/redis"
)

// overRedis is a site with its sessions and limits in Redis, behind a proxy.
func overRedis(t *testing.T, change func(*headless.Config)) (*world, *faultproxy.Proxy) {
	t.Helper()
	u, err := url.Parse(testenv.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := faultproxy.New(t, u.Host)
	u.Host = proxy.Addr
	o, err := goredis.ParseURL(u.String())
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	kept := redis.New(client, redis.Options{})
	st := memory.New()
	c := config()
	c.NoLimits = false
	c.Store, c.SessionStore, c.LimitStore = st, kept, kept
	if change != nil {
		change(&c)
	}
	w := &world{t: t, direct: st, site: serve(t, c)}
	w.mails = boxes{w.site}
	w.site.Clock.Set(time.Now()) // Redis has a clock of its own
	return w, proxy
}

// Whatever command of whatever flow with sessions the way to Redis breaks at:
// people go on, and no session is lost that somebody was told of. REL-1, REL-2.
func TestRedisBreaksAtCommands(t *testing.T) {
	t.Parallel()
	w, proxy := overRedis(t, func(c *headless.Config) {
		everything := everything()
		everything.Store, everything.SessionStore, everything.LimitStore, everything.Social = c.Store, c.SessionStore, c.LimitStore, nil
		everything.Timeout = timeout
		*c = everything
	})
	// A session whose making broke before its token led to it, and could not be
	// undone as Redis was away, is in its user's list, of no use to anybody.
	leftOver := map[string]bool{}
	w.overlook = func(v invariants.Violation) bool {
		known := v.Table == "auth_sessions" && v.Rule == invariants.Unique && strings.HasSuffix(v.Text, "is not found by its token")
		if known {
			leftOver[v.ID] = true
		}
		return known
	}
	every := 5 * thin
	if *full {
		every = 1
	}
	cases, slowest := 0, time.Duration(0)
	for _, f := range flows {
		if f.apart || strings.HasPrefix(f.name, "social") {
			continue
		}
		for _, b := range breakages {
			if b.fault == faultproxy.LostCommit || b.fault == faultproxy.Hole && !*full {
				continue
			}
			for n := 1; n < 200; n += every {
				what := fmt.Sprintf("%s: %s, %d", f.name, b.name, n)
				fired, back := w.breaks(f, proxy, faultproxy.Plan{Fault: b.fault, At: n, Delay: timeout / 10}, what)
				if !fired {
					break
				}
				cases, slowest = cases+1, max(slowest, back)
			}
		}
		w.sound(f.name)
	}
	t.Logf("%d times, %d sessions left over; service was back within %v; a request took up to %v", cases, len(leftOver), slowest.Round(time.Millisecond), time.Duration(w.longest.Load()).Round(time.Millisecond))
}

// Without Redis whatever has a session or is limited fails closed, in time,
// and is back with it. Neither users nor sessions are lost. REL-2, REL-6.
func TestRedisBreaks(t *testing.T) {
	t.Parallel()
	w, proxy := overRedis(t, nil)
	in := w.newTrip()
	must(t, in, "login", loggedIn)
	ask := func(tr *trip) { tr.do("GET", "/auth/session", nil, 200) }
	for name, state := range map[string]faultproxy.State{"cut": faultproxy.Cut, "silent": faultproxy.Silent} {
		proxy.Set(state)
		out := w.newTrip()
		for what, flow := range map[string]func(*trip){
			"a session": ask,
			"a limit": func(*trip) {
				if err := out.goes(func(tr *trip) { tr.signUp() }); err != nil {
					panic(err)
				}
			},
		} {
			if err := in.goes(flow); !errors.Is(err, errLost) {
				t.Errorf("%s, %s: got %v, want 503", name, what, err)
			}
		}
		proxy.Heal()
		back := w.again(in, flow{run: func(tr *trip) { tr.logIn() }}, name)
		must(t, in, "the session that began meanwhile", ask)
		w.again(out, flow{run: signUpByLink}, name)
		in.inTime(name)
		out.inTime(name)
		t.Logf("%s: service was back within %v", name, back.Round(time.Millisecond))
		w.sound(name)
	}
	proxy.Delay(timeout / 20)
	must(t, in, "slow", ask)
}
