//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is one that was started here.
type server struct {
	url   string
	dir   string // everything it writes, and its log
	end   os.Signal
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
}

// start runs a server in its own folder until it answers.
func (s *server) start(ctx context.Context, answers func(context.Context) error) error {
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.ended = make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("%s ended at once:\n%s", s.cmd.Path, s.log())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w\n%s", s.cmd.Path, err, s.log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *server) log() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return strings.TrimSpace(string(b))
}

// stop ends the server and removes what it wrote.
func (s *server) stop() {
	if s.ended != nil {
		_ = s.cmd.Process.Signal(s.end)
		select {
		case <-s.ended:
		case <-time.After(10 * time.Second):
			_ = s.cmd.Process.Kill()
			<-s.ended
		}
	}
	_ = os.RemoveAll(s.dir)
}

// startPostgres makes a cluster and starts it. Nothing is synced to disk:
// nobody will miss it.
func startPostgres(ctx context.Context) (*server, error) {
	who, err := unprivileged()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &server{end: syscall.SIGINT} // "fast": without waiting for clients
	if s.dir, err = os.MkdirTemp("", "headless-postgres-"); err != nil {
		return nil, err
	}
	if who != nil {
		err = os.Chown(s.dir, int(who.Uid), int(who.Gid))
	}
	if err == nil {
		err = s.cluster(ctx, who, port)
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *server) cluster(ctx context.Context, who *syscall.Credential, port string) error {
	as := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(find(name), args...)
		cmd.Dir, cmd.SysProcAttr = s.dir, &syscall.SysProcAttr{Credential: who}
		return cmd
	}
	data := filepath.Join(s.dir, "data")
	out, err := as("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
		"--no-sync", "--no-instructions").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	s.url = "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable"
	s.cmd = as("postgres", "-D", data, "-h", "127.0.0.1", "-p", port, "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		"-c", "max_connections=400", "-c", "shared_buffers=64MB", "-c", "jit=off", "-c", "autovacuum=off")
	return s.start(ctx, func(ctx context.Context) error {
		c, err := pgx.Connect(ctx, s.url)
		if err != nil {
			return err
		}
		return c.Close(ctx)
	})
}

// startRedis starts one that writes nothing. It has many databases, so that
// every test can have its own.
func startRedis(ctx context.Context) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &server{end: syscall.SIGTERM}
	if s.dir, err = os.MkdirTemp("", "headless-redis-"); err != nil {
		return nil, err
	}
	s.url = "redis://127.0.0.1:" + port + "/0"
	s.cmd = exec.Command(find("redis-server"), "--bind", "127.0.0.1", "--port", port, "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--databases", "10000", "--loglevel", "warning")
	err = s.start(ctx, func(ctx context.Context) error { return pingRedis(ctx, "127.0.0.1:"+port) })
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func pingRedis(ctx context.Context, address string) error {
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "+PONG") {
		err = fmt.Errorf("redis answers %q", line)
	}
	return err
}

// unprivileged is who runs PostgreSQL, which refuses to be run by root. Nil if
// that is not who we are.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("postgres refuses to be run by root, and there is neither a user postgres nor nobody; run me as somebody else")
}

// freePort returns one that nobody listens on at the moment.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
