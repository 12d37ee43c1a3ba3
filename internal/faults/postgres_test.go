package faults_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/faultproxy"
)

// breakages are the faults, and at which statements they come in a short run:
// from that one on, at every so many. In a full run they come at each.
var breakages = []struct {
	fault       faultproxy.Fault
	name        string
	from, every int
}{
	{faultproxy.Before, "the connection ends before a statement", 1, 2},
	{faultproxy.After, "the connection ends after a statement", 2, 2},
	{faultproxy.LostCommit, "the answer to a commit is lost", 1, 1},
	{faultproxy.Slow, "a statement is slow", 1, 9},
	{faultproxy.Outage, "the database is away", 2, 6},
	{faultproxy.Hole, "the network is silent", 1, 15}, // each costs a timeout
}

// Whatever statement of whatever flow the way to PostgreSQL breaks at:
// requests end in time, nothing is half done, what was acknowledged is there,
// and people get to the end when they try again. REL-1, REL-2.
func TestPostgresBreaks(t *testing.T) {
	each(t, func(t *testing.T, f flow) {
		w, proxy := behind(t, f.change, 3)
		for _, b := range breakages {
			from, every, cases, slowest := b.from, b.every*thin, 0, time.Duration(0)
			if *full {
				from, every = 1, 1
			}
			for n := from; n < 200; n += every {
				fired, back := w.breaks(f, proxy, faultproxy.Plan{Fault: b.fault, At: n, Delay: timeout / 10}, fmt.Sprintf("%s, %d", b.name, n))
				if !fired {
					break
				}
				cases, slowest = cases+1, max(slowest, back)
			}
			if cases == 0 && b.fault != faultproxy.LostCommit {
				t.Errorf("%s: nothing broke", b.name)
			}
			w.sound(b.name)
			longest := time.Duration(w.longest.Swap(0))
			t.Logf("%s: %d times; service was back within %v; a request took up to %v", b.name, cases, slowest.Round(time.Millisecond), longest.Round(time.Millisecond))
		}
	})
}

// each runs a test of each flow, all at once: they wait most of the time.
func each(t *testing.T, test func(t *testing.T, f flow)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, f := range flows {
		wg.Go(func() {
			t.Run(strings.ReplaceAll(f.name, " ", "-"), func(t *testing.T) { test(t, f) })
		})
	}
}

// breaks has one person go through a flow that breaks, and then again. A machine
// may be too busy to do that in time; so what is late is late four times.
func (w *world) breaks(f flow, proxy *faultproxy.Proxy, plan faultproxy.Plan, what string) (fired bool, back time.Duration) {
	w.t.Helper()
	for try := 1; ; try++ {
		tr := w.newTrip()
		w.prepare(f, tr)
		proxy.Arm(plan)
		err := tr.goes(f.run)
		fired, seen := proxy.Fired()
		proxy.Heal()
		lost := errors.Is(err, errLost)
		switch {
		case err != nil && !lost:
			w.t.Fatalf("%s: %v", what, err)
		case lost && !fired:
			tr.late = fmt.Errorf("nothing broke in %d statements: %w", seen, err)
		case lost && plan.Fault == faultproxy.Slow:
			tr.late = fmt.Errorf("slow is not broken: %w", err)
		case lost && strings.Contains(err.Error(), ": 5") && strings.Contains(err.Error(), ": 500: ") != proxy.AtCommit():
			w.t.Errorf("%s, at a commit: %t: %v", what, proxy.AtCommit(), err) // 500: nobody knows what was kept
		}
		if fired {
			back = w.again(tr, f, what)
		}
		if tr.late == nil {
			return fired, back
		}
		if try == 4 {
			w.t.Fatalf("%s: %v", what, tr.late)
		}
	}
}

// patient does something as often as it takes, while all is well.
func (tr *trip) patient(what string, do func(*trip)) (took time.Duration) {
	tr.t.Helper()
	const whole = time.Minute
	for start := time.Now(); ; {
		err := tr.goes(do)
		switch took = time.Since(start); {
		case err == nil:
			return took
		case !errors.Is(err, errLost):
			tr.t.Fatalf("%s: %v", what, err)
		case took > whole:
			tr.t.Fatalf("%s: no service after %v: %v", what, took, err)
		}
	}
}

func (w *world) prepare(f flow, tr *trip) {
	w.t.Helper()
	if f.prepare != nil {
		tr.patient("prepare", func(tr *trip) {
			tr.c = tr.client()
			f.prepare(tr)
		})
	}
}

// again has somebody try again until it works, and tells how long that took.
func (w *world) again(tr *trip, f flow, what string) time.Duration {
	w.t.Helper()
	back := tr.patient(what+", again", func(tr *trip) {
		tr.anew()
		f.run(tr)
	})
	if back > recovery && tr.late == nil {
		tr.late = fmt.Errorf("no service within %v, but %v", recovery, back)
	}
	return back
}

// Whoever has got no answer to a commit may send the very same request again.
// They are answered as if it were the first, or told that it is done, or that
// their session is not the one they know; and they get to the end. REL-1.
func TestLostCommit(t *testing.T) {
	var mu sync.Mutex
	answers := map[int]int{}
	defer func() { t.Logf("answers to the second request, by status: %v", answers) }()
	each(t, func(t *testing.T, f flow) {
		w, proxy := behind(t, f.change, 3)
		for n := 1; ; n++ {
			tr := w.newTrip()
			w.prepare(f, tr)
			tr.stubborn = true
			proxy.Arm(faultproxy.Plan{Fault: faultproxy.LostCommit, At: n})
			err := tr.goes(f.run)
			proxy.Heal()
			if fired, _ := proxy.Fired(); !fired {
				break
			}
			switch mu.Lock(); tr.second {
			case 200, 202, 400, 401, 404, 409, 410:
				answers[tr.second]++
			default:
				if err == nil || !strings.Contains(err.Error(), "sent to") { // a browser is sent away, and begins anew
					t.Errorf("commit %d: got %d, %v", n, tr.second, err)
				}
			}
			mu.Unlock()
			if tr.stubborn = false; err != nil {
				t.Logf("commit %d: %v", n, err)
				w.again(tr, f, fmt.Sprint("commit ", n))
			}
		}
		w.sound("lost commits")
	})
}

// One connection is enough for everybody. REL-6.
func TestOneConnection(t *testing.T) {
	t.Parallel()
	w, _ := behind(t, func(c *headless.Config) {
		st := c.Store
		*c = everything()
		c.Store = st
	}, 1)
	w.patience = w.site.Config.Timeout
	w.everybody()
	w.sound("one connection")
}

// everything is a configuration with which most flows work.
func everything() headless.Config {
	c := config()
	c.Timeout = 30 * time.Second // it is a queue
	c.MFA.TOTPTolerance = 2      // the clock is everybody's, and moved by some
	for _, f := range flows {
		if f.change != nil && !f.apart {
			f.change(&c)
		}
	}
	return c
}

// everybody goes through those flows at once.
func (w *world) everybody() {
	var wg sync.WaitGroup
	for _, f := range flows {
		if f.apart {
			continue
		}
		for range 2 {
			wg.Go(func() {
				tr := w.newTrip()
				err := tr.goes(func(tr *trip) {
					if f.prepare != nil {
						f.prepare(tr)
					}
					f.run(tr)
				})
				if err != nil {
					w.t.Errorf("%s: %v", f.name, err)
				}
			})
		}
	}
	wg.Wait()
}
