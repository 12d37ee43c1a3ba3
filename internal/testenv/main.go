//go:build unix

// Command testenv runs a command beside a PostgreSQL and a Redis server of its
// own, such as
//
//	go run ./internal/testenv go test ./...
//
// Both listen on free ports of 127.0.0.1, keep nothing, and end with the
// command, whose exit status testenv passes on. The command finds them in
// HEADLESS_TEST_POSTGRES and HEADLESS_TEST_REDIS; where one of these is set
// already, that server is used instead. HEADLESS_TEST_REQUIRE=1 tells tests
// that a missing server is a failure; see package testenv beside this one.
//
// What is not installed is installed by apt-get, if there is one and we are
// root.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: testenv command [argument …]")
		os.Exit(2)
	}
	status, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
	}
	os.Exit(status)
}

// run starts the servers and then the command, and returns its exit status.
func run(args []string) (status int, err error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	child := make(chan *os.Process, 1)
	go func() { // until the command runs, a signal ends our waiting; then it is the command's
		var p *os.Process
		var early os.Signal // came while the command was being started
		for {
			select {
			case p = <-child:
				if early != nil {
					_ = p.Signal(early)
				}
			case s := <-signals:
				if p == nil {
					early = s
					cancel()
				} else {
					_ = p.Signal(s)
				}
			}
		}
	}()

	if err := install(ctx); err != nil {
		return 1, err
	}
	env := append(os.Environ(), "HEADLESS_TEST_REQUIRE=1")
	for _, s := range []struct {
		variable string
		start    func(context.Context) (*server, error)
	}{
		{"HEADLESS_TEST_POSTGRES", startPostgres},
		{"HEADLESS_TEST_REDIS", startRedis},
	} {
		if os.Getenv(s.variable) != "" {
			continue
		}
		running, err := s.start(ctx)
		if err != nil {
			return 1, err
		}
		defer running.stop()
		env = append(env, s.variable+"="+running.url)
	}

	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 127, err
	}
	child <- cmd.Process
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 1, err
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), nil // as a shell has it
	}
	return exit.ExitCode(), nil
}
