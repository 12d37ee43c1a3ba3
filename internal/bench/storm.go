//go:build linux

package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// measureStorm measures session checks alone, and while so many clients do
// nothing but log in. One processor is kept from hashing passwords.
func (o *options) measureStorm(ctx context.Context, stores []string, clients int) error {
	fmt.Printf("%s, %d processors, %s; %d clients log in\n\n", processor(), runtime.NumCPU(), runtime.Version(), clients)
	fmt.Printf(header, "store", "operation", "conns", "", "rate/s", "cpu/op", "p50", "p99", "errors", "p99 to that of alone")
	for _, st := range stores {
		e, drop, err := prepare(ctx, st)
		if err != nil {
			return err
		}
		if e.store != "" {
			e.kind = spare
			err = o.storm(ctx, e, clients)
		}
		drop()
		if err != nil {
			return fmt.Errorf("storm on %s: %w", st, err)
		}
	}
	return nil
}

func (o *options) storm(ctx context.Context, e environment, clients int) error {
	s, err := start(ctx, e)
	if err != nil {
		return err
	}
	defer s.stop()
	people, err := s.signUp(16)
	if err != nil {
		return err
	}
	by := func(make func(*person) request) func(conn, i int) request {
		return func(conn, i int) request { return make(people[(conn+i)%len(people)]) }
	}
	check, login := by(operations["session"].ours), by(operations["login"].ours)
	for _, n := range o.conns {
		var alone, during, logins []sample
		var ratios []float64
		for range o.rounds {
			x, err := s.drive(n, o.slice, check, nil)
			if err != nil {
				return err
			}
			var y, z sample
			var err1, err2 error
			var wg sync.WaitGroup
			wg.Go(func() { z, err1 = s.drive(clients, o.slice, login, nil) })
			wg.Go(func() { y, err2 = s.drive(n, o.slice, check, nil) })
			wg.Wait()
			if err1 != nil || err2 != nil {
				return fmt.Errorf("%w %w", err1, err2)
			}
			y.cpu, z.cpu = 0, 0 // nobody knows whose it was
			alone, during, logins = append(alone, x), append(during, y), append(logins, z)
			ratios = append(ratios, float64(y.p99)/float64(max(x.p99, time.Microsecond)))
		}
		show(e.store, "session", n, "alone", median(alone), "")
		show(e.store, "login", clients, "storm", median(logins), "")
		show(e.store, "session", n, "storm", median(during), spread(ratios))
		if p99 := median(during).p99; o.bound > 0 && p99 > o.bound {
			return fmt.Errorf("session checks take %v at the 99th percentile, more than %v", p99, o.bound)
		}
	}
	return nil
}
