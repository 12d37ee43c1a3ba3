//go:build linux

// Command bench measures what requests cost: the library's, beside handlers
// that do the same questions and writes and nothing else, which are the limit.
//
//	go run ./internal/testenv go run ./internal/bench
//	go run ./internal/testenv go run ./internal/bench -stores postgres -ops session,refresh -conns 1,16 -rounds 7
//	go run ./internal/testenv go run ./internal/bench -scale 1e4,1e5,1e6
//	go run ./internal/testenv go run ./internal/bench -storm 8 -stores postgres
//	go run ./internal/testenv go run ./internal/bench -storm 500 -bound 100ms -stores sqlite,postgres
//	go run ./internal/testenv go run ./internal/bench -start bin/standalone -stores postgres,sqlite -conns 256
//
// Each server is a process of its own on the loopback interface, driven by
// closed loops from this one. Ours and the limit take turns in short slices, so
// that whatever else the machine does meets both; medians are shown. On a
// machine that is not idle, the processor time for each request is the figure
// to look at.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	stores := flag.String("stores", "memory,sqlite,postgres,redis", "the stores to measure; those without a server are left out")
	ops := flag.String("ops", "session,browser,jwt,cached,refresh,login,signup", "the operations to measure")
	conns := flag.String("conns", "16", "connections at once, one after another")
	scale := flag.String("scale", "", "measure session checks on PostgreSQL with so many users and sessions")
	flag.IntVar(&o.rounds, "rounds", 7, "turns of each server")
	flag.DurationVar(&o.slice, "slice", time.Second, "how long a turn takes")
	storm := flag.Int("storm", 0, "measure session checks while so many clients log in")
	flag.DurationVar(&o.bound, "bound", 0, "fail if a session check takes longer during a storm, for more than one in a hundred")
	program := flag.String("start", "", "measure how soon this program answers, and what it holds: examples/standalone, built")
	flag.StringVar(&o.agent, "agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		"what clients call themselves, in the sessions of -scale")
	flag.StringVar(&o.profiles, "profiles", "", "write processor profiles of the servers to files whose names begin so")
	serve := flag.String("serve", "", "be a server: used by this command itself")
	flag.Parse()
	var err error
	switch {
	case *serve != "":
		err = beServer(ctx, *serve)
	case *scale != "":
		err = o.measureScale(ctx, numbers(*scale))
	case *storm > 0:
		o.conns = numbers(*conns)
		err = o.measureStorm(ctx, strings.Split(*stores, ","), *storm)
	case *program != "":
		o.conns = numbers(*conns)
		err = o.measureStart(ctx, *program, strings.Split(*stores, ","))
	default:
		o.conns = numbers(*conns)
		err = o.measure(ctx, strings.Split(*stores, ","), strings.Split(*ops, ","))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// numbers reads "1,16" or "1e4,1e5".
func numbers(text string) (l []int) {
	for part := range strings.SplitSeq(text, ",") {
		if f, err := strconv.ParseFloat(part, 64); err == nil && f >= 1 {
			l = append(l, int(f))
		}
	}
	return l
}
