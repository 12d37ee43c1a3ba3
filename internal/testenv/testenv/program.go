package testenv

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Program returns where a program is that a test runs: in PATH, or where
// Debian hides those of PostgreSQL. Without it the test is skipped or, under
// the command, fails.
func Program(t testing.TB, name string) string {
	t.Helper()
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	l, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	switch {
	case len(l) > 0:
		return slices.Max(l)
	case os.Getenv("HEADLESS_TEST_REQUIRE") == "1":
		t.Fatalf("%s is not installed, and HEADLESS_TEST_REQUIRE says that it has to be", name)
	default:
		t.Skipf("SKIPPED: %s is not installed", name)
	}
	return ""
}

// Nginx runs one with these blocks of its http section until the test ends,
// and returns when it listens at addr, as the blocks have it.
func Nginx(t testing.TB, addr, blocks string) {
	t.Helper()
	program, dir := Program(t, "nginx"), t.TempDir()
	conf := strings.ReplaceAll(`pid DIR/nginx.pid; error_log stderr; worker_processes 1; daemon off; master_process off;
events { worker_connections 64; }
http { access_log off; client_body_temp_path DIR/a; proxy_temp_path DIR/b; fastcgi_temp_path DIR/c; uwsgi_temp_path DIR/d; scgi_temp_path DIR/e;
`, "DIR", dir) + blocks + "\n}"
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	cmd := exec.Command(program, "-e", "stderr", "-p", dir, "-c", file)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
