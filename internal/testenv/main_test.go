//go:build unix

package main

import (
	"bufio"
	"bytes"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain is the command itself when a test asks for it.
func TestMain(m *testing.M) {
	if os.Getenv("TESTENV_BE_THE_COMMAND") == "1" {
		main()
	}
	os.Exit(m.Run())
}

// command runs testenv around a shell script, with servers of its own.
func command(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	if l := missing(); len(l) > 0 {
		t.Skipf("SKIPPED: %v are not installed", l)
	}
	tmp := t.TempDir()
	// PostgreSQL is run by somebody else, who has to get there.
	for dir := tmp; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "sh", "-c", script)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "HEADLESS_TEST_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "TESTENV_BE_THE_COMMAND=1", "TMPDIR="+tmp)
	cmd.Stderr = os.Stderr
	return cmd
}

func gone(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" {
		t.Fatalf("got the address %q", address)
	}
	if c, err := net.Dial("tcp", u.Host); err == nil {
		c.Close()
		t.Errorf("%s still listens", u.Host)
	}
}

func TestStatusAndServers(t *testing.T) {
	cmd := command(t, `echo $HEADLESS_TEST_POSTGRES; echo $HEADLESS_TEST_REDIS; echo $HEADLESS_TEST_REQUIRE; exit 3`)
	var out bytes.Buffer
	cmd.Stdout = &out
	_ = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != 3 {
		t.Errorf("got status %d, want that of the command, 3", got)
	}
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 4 || lines[2] != "1" {
		t.Fatalf("the command saw %q", lines)
	}
	gone(t, lines[0])
	gone(t, lines[1])
}

func TestSignalsReachTheCommand(t *testing.T) {
	cmd := command(t, `trap 'exit 7' TERM; echo $HEADLESS_TEST_POSTGRES; while :; do sleep 0.05; done`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 7 {
		t.Errorf("got status %d, want that of the command, 7", got)
	}
	gone(t, address)
}

func TestCommandThatIsMissing(t *testing.T) {
	if l := missing(); len(l) > 0 {
		t.Skipf("SKIPPED: %v are not installed", l)
	}
	t.Setenv("HEADLESS_TEST_POSTGRES", "postgres://somewhere")
	t.Setenv("HEADLESS_TEST_REDIS", "redis://somewhere")
	status, err := run([]string{"/nowhere/to/be/found"})
	if status != 127 || err == nil {
		t.Errorf("got %d, %v; want 127 and why", status, err)
	}
}
