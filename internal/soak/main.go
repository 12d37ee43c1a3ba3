//go:build linux

// Command soak keeps a server busy with people who do all kinds of things, right
// and wrong, and watches what the server holds: goroutines, memory, open files
// and connections, rows. It fails if any of that keeps growing, or if anything
// is answered 500.
//
//	go run ./internal/testenv go run ./internal/soak -for 1h
//	go run ./internal/testenv go run ./internal/soak -for 10m -store sqlite -people 16
//
// Sessions live a minute here and hashes are cheap, so that what is to be swept
// out comes and goes many times. Requirements REL-7, DOS-2, LIM-6.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	long := flag.Duration("for", time.Hour, "how long")
	st := flag.String("store", "postgres", `"postgres", "sqlite" or "memory"`)
	people := flag.Int("people", 32, "how many act at once")
	every := flag.Duration("every", 5*time.Second, "how often to look")
	serve := flag.Bool("serve", false, "be the server: used by this command itself")
	flag.Parse()
	run := func() error { return soak(ctx, *st, *long, *every, *people) }
	if *serve {
		run = func() error { return beServer(ctx, *st) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// look is what the server holds at a moment.
type look map[string]float64

func soak(ctx context.Context, st string, long, every time.Duration, people int) error {
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := start(ctx, st, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	for i := range people {
		if err := s.join(i); err != nil {
			return err
		}
	}
	life, end := context.WithTimeout(ctx, long)
	defer end()
	var wg sync.WaitGroup
	for i := range people {
		wg.Go(func() { s.live(life, i) })
	}
	var looks []look
	fmt.Printf("%8s %9s", "at", "answers")
	for _, what := range watched {
		fmt.Printf(" %11s", what)
	}
	fmt.Println()
	begin := time.Now()
	for tick := time.NewTicker(every); ; {
		select {
		case <-tick.C:
		case <-life.Done():
			wg.Wait()
			s.report(time.Since(begin))
			return errors.Join(ctx.Err(), s.wrong(), trends(looks))
		}
		l, err := s.look(life)
		if err != nil {
			if life.Err() == nil {
				return err
			}
			continue
		}
		l["answers"] = float64(s.answers())
		looks = append(looks, l)
		if n := len(looks); n == 1 || n%max(1, int(long/every/30)) == 0 {
			fmt.Printf("%8s %9d", time.Since(begin).Round(time.Second), s.answers())
			for _, what := range watched {
				fmt.Printf(" %11.0f", l[what])
			}
			fmt.Println()
		}
	}
}

// watched is what has to stay as it is; memory is in KiB. Each may change by so
// much without a reason.
var (
	watched = []string{"goroutines", "heap", "rss", "files", "sessions", "limits", "outbox", "nonces", "users"}
	slack   = look{"goroutines": 16, "heap": 4096, "rss": 16384, "files": 16, "sessions": 200, "limits": 500, "outbox": 50, "nonces": 100, "users": 40}
)

// trends tells what has kept growing after the first third, when all had come
// to its ordinary size. Growth is the straight line through what was seen, if it
// lies close to it: ups and downs are none.
//
// Sessions and limits live for a moment, so that there are as many as there were
// requests lately: they are taken at the same rate of requests throughout.
func trends(looks []look) error {
	looks = atOneRate(looks)
	looks = looks[len(looks)/3:]
	if len(looks) < 10 {
		return errors.New("there were too few looks to tell; take more time")
	}
	var errs []error
	for _, what := range watched {
		var y []float64
		for _, l := range looks {
			y = append(y, l[what])
		}
		growth, fit := line(y)
		mean := 0.0
		for _, v := range y {
			mean += v / float64(len(y))
		}
		verdict := "steady"
		if fit > 0.5 && growth > max(slack[what], mean/5) {
			verdict = "GROWS"
			errs = append(errs, fmt.Errorf("%s keep growing: by %.0f in the time, around %.0f", what, growth, mean))
		}
		fmt.Printf("%-11s mean %9.0f, least %9.0f, most %9.0f, line %+9.0f (r² %.2f): %s\n", what, mean, slices.Min(y), slices.Max(y), growth, fit, verdict)
	}
	return errors.Join(errs...)
}

// atOneRate returns what there would have been had requests come evenly. A tenth
// of the time is what lately means.
func atOneRate(looks []look) (even []look) {
	lately := max(1, len(looks)/10)
	for i, l := range looks {
		l = maps.Clone(l)
		if since := looks[max(0, i-lately)]; i > 0 {
			rate := (l["answers"] - since["answers"]) / float64(min(i, lately))
			mean := looks[len(looks)-1]["answers"] / float64(len(looks))
			if rate > 0 {
				l["sessions"] *= mean / rate
				l["limits"] *= mean / rate
			}
		}
		even = append(even, l)
	}
	return even
}

// line is the straight line of least squares: how much it rises from one end to
// the other, and how much of the ups and downs it explains.
func line(y []float64) (growth, fit float64) {
	n := float64(len(y))
	var sx, sy, sxx, syy, sxy float64
	for i, v := range y {
		x := float64(i)
		sx, sy, sxx, syy, sxy = sx+x, sy+v, sxx+x*x, syy+v*v, sxy+x*v
	}
	cov, vx, vy := n*sxy-sx*sy, n*sxx-sx*sx, n*syy-sy*sy
	if vx == 0 || vy <= 0 {
		return 0, 0
	}
	return cov / vx * (n - 1), math.Pow(cov, 2) / (vx * vy)
}

func (s *server) look(ctx context.Context) (l look, err error) {
	rq, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/look", http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("look: got %d", resp.StatusCode)
	}
	return l, json.NewDecoder(resp.Body).Decode(&l)
}
