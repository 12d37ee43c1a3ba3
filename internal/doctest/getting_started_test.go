package doctest_test

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// output keeps what a program prints while it runs.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// TestGettingStarted does what docs/getting-started.md tells, and gets the
// answers that it shows.
func TestGettingStarted(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %s is not installed", tool)
		}
	}
	var program, script, answers, complaint string
	for _, b := range blocks(t, "docs/getting-started.md") {
		switch {
		case b.mark == "go":
			program = b.text
		case b.mark == "sh" && strings.Contains(b.text, "curl"):
			script += b.text + "echo\n"
		case b.mark == "json":
			answers += b.text
		case b.mark == "":
			complaint = b.text
		}
	}
	addr := freeAddr(t)
	move := func(text string) string { return strings.ReplaceAll(text, "127.0.0.1:8080", addr) }
	dir := t.TempDir()
	bin := build(t, dir, move(program))

	careless := exec.CommandContext(t.Context(), bin)
	careless.Dir, careless.Env = dir, []string{"AUTH_SECRET="}
	if out, err := careless.CombinedOutput(); err == nil || complaint == "" || !strings.Contains(string(out), complaint) {
		t.Errorf("without a secret: got %v %s, want %s", err, out, complaint)
	}

	var said output
	site := exec.CommandContext(t.Context(), bin)
	site.Dir, site.Stdout, site.Stderr, site.WaitDelay = dir, &said, &said, 10*time.Second
	site.Env = append(os.Environ(), "AUTH_SECRET=0123456789abcdef0123456789abcdef")
	if err := site.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = site.Process.Kill(); _ = site.Wait() })
	until(t, &said, "it answers", func() bool {
		r, err := http.Get("http://" + addr + "/_allauth/app/v1/config")
		if err == nil {
			r.Body.Close()
		}
		return err == nil
	})

	before, after, ok := strings.Cut(move(script), "KEY=AZqf…\n")
	if !ok {
		t.Fatal("the page does not tell to take a key out of the mail")
	}
	got := run(t, dir, before)
	key := regexp.MustCompile(`/verify-email/(\S+)`)
	until(t, &said, "the mail is shown", func() bool { return key.MatchString(said.String()) })
	got += run(t, dir, "API=http://"+addr+"/_allauth/app/v1\nKEY="+key.FindStringSubmatch(said.String())[1]+"\n"+after)
	if got, want := shape(got), shape(answers); got != want {
		t.Errorf("got\n%s\nwant\n%s\nthe program said\n%s", got, want, said.String())
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// build compiles a program as if it were in this module.
func build(t *testing.T, dir, program string) string {
	t.Helper()
	source, overlay, bin := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "hello")
	for name, text := range map[string]string{source: program, overlay: `{"Replace": {"../../examples/hello/main.go": "` + source + `"}}`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "-overlay", overlay, "../../examples/hello").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

func run(t *testing.T, dir, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-ec", script)
	cmd.Dir, cmd.WaitDelay = dir, 10*time.Second
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}

// until waits for another process, which has no clock of ours.
func until(t *testing.T, said *output, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s; the program said\n%s", what, said.String())
		}
	}
}

// shape is output without what differs from run to run.
func shape(s string) string {
	s = regexp.MustCompile(`"session_token":"[^"]*"|"at":[0-9.]+`).ReplaceAllString(s, "…")
	s = regexp.MustCompile(`}\s*{`).ReplaceAllString(s, "}\n{")
	return strings.TrimSpace(regexp.MustCompile(`\s*\n\s*`).ReplaceAllString(s, "\n"))
}
