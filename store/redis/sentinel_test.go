package redis_test

import (
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/redis/go-redis/v9"
)

// startSentinel starts a sentinel that watches a master and acts alone.
func startSentinel(t *testing.T, path, host, port string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	_ = l.Close()
	_, own, _ := net.SplitHostPort(addr)
	dir := t.TempDir()
	file := dir + "/sentinel.conf"
	conf := "bind 127.0.0.1\nport " + own + "\ndir " + dir + "\nsentinel monitor main " + host + " " + port + " 1\n" +
		"sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n"
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, file, "--sentinel") //nolint:gosec // a test's own arguments
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	c := redis.NewSentinelClient(&redis.Options{Addr: addr})
	defer func() { _ = c.Close() }()
	eventually(t, func() error { return c.Ping(t.Context()).Err() })
	// The sentinel has to know the replica before it can make it the master.
	eventually(t, func() error {
		l, err := c.Replicas(t.Context(), "main").Result()
		if err == nil && len(l) == 0 {
			err = os.ErrNotExist
		}
		return err
	})
	return addr
}
