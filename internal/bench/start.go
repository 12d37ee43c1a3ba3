//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// measureStart measures the standalone server's program: how soon it answers,
// what it holds when idle, and with so many connections that are all busy. It
// is started once more than is counted, as the first time makes the tables.
func (o *options) measureStart(ctx context.Context, program string, stores []string) error {
	fmt.Printf("%-9s %16s %10s %14s %10s %10s %7s\n", "store", "first answer", "idle MiB", "not of a file", "conns", "busy MiB", "errors")
	for _, st := range stores {
		e, drop, err := prepare(ctx, st)
		if err != nil {
			return err
		}
		if e.store != "" {
			err = o.startOn(ctx, program, e)
		}
		drop()
		if err != nil {
			return fmt.Errorf("start on %s: %w", st, err)
		}
	}
	return nil
}

func (o *options) startOn(ctx context.Context, program string, e environment) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	database := map[string]string{"sqlite": "sqlite:" + e.dsn, "postgres": e.dsn, "memory": "memory:"}[e.store]
	config, err := json.Marshal(map[string]any{
		"url": "http://127.0.0.1", "secret": strings.Repeat("benchmark", 6), "database": database,
		"smtp": "smtp://127.0.0.1:1", "mail_from": "bench@example.org", "no_limits": true,
		"frontend": map[string]string{"verify_email": "/v/{key}", "reset_password": "/r/{key}"},
	})
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "auth.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return err
	}
	var took []time.Duration
	for round := range o.rounds + 1 {
		s, first, err := launch(ctx, program, file)
		if err != nil {
			return err
		}
		if round > 0 {
			took = append(took, first)
		}
		if round == o.rounds {
			err = o.busy(s, e.store, took)
		}
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		_ = s.cmd.Wait()
		if err != nil {
			return err
		}
	}
	return nil
}

// launch starts the program, and tells how long its first answer took.
func launch(ctx context.Context, program, file string) (*server, time.Duration, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, 0, err
	}
	s := &server{addr: l.Addr().String()}
	_ = l.Close()
	s.cmd = exec.CommandContext(ctx, program, "-config", file, "-addr", s.addr) //nolint:gosec // it is the user's
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, 0, err
	}
	for time.Since(begin) < 30*time.Second {
		if _, _, err := s.call(http.MethodGet, browser+"/config", ""); err == nil {
			return s, time.Since(begin), nil
		}
		time.Sleep(time.Millisecond)
	}
	_ = s.cmd.Process.Kill()
	return nil, 0, fmt.Errorf("%s does not answer", program)
}

func (o *options) busy(s *server, store string, took []time.Duration) error {
	time.Sleep(2 * time.Second)
	idle, own := s.memory()
	ask := render(http.MethodGet, browser+"/config", "")
	for _, n := range o.conns {
		x, err := s.drive(n, 2*time.Second, func(int, int) request { return ask }, nil)
		if err != nil {
			return err
		}
		busy, _ := s.memory()
		fmt.Printf("%-9s %16s %10.1f %14.1f %10d %10.1f %7d\n", store, fmt.Sprintf("%v [%v–%v]", middle(took).Round(time.Millisecond),
			slices.Min(took).Round(time.Millisecond), slices.Max(took).Round(time.Millisecond)), mib(idle), mib(own), n, mib(busy), x.errors)
	}
	return nil
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }
