package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/testenv/testenv"
)

// TestMain is the server itself where a test starts it.
func TestMain(m *testing.M) {
	if os.Getenv("STANDALONE_RUN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// server is a real process.
type server struct {
	*exec.Cmd
	url string
	log *logBuffer
	end chan struct{} // closed when it has said its last word
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs the server until it listens.
func start(t *testing.T, env []string, args ...string) *server {
	t.Helper()
	s := &server{Cmd: exec.CommandContext(t.Context(), os.Args[0], args...), log: &logBuffer{}, end: make(chan struct{})}
	s.Env = append(append(os.Environ(), "STANDALONE_RUN=1"), env...)
	out, err := s.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(io.TeeReader(out, s.log))
	for s.url == "" && lines.Scan() {
		if _, after, ok := strings.Cut(lines.Text(), "msg=listening addr="); ok {
			s.url = "http://" + strings.Fields(after)[0]
		}
	}
	if s.url == "" {
		t.Fatalf("it did not start: %v", s.log)
	}
	go func() {
		defer close(s.end)
		_, _ = io.Copy(s.log, out)
	}()
	return s
}

// Wait waits for the end of the process and of its log.
func (s *server) Wait() error {
	<-s.end
	return s.Cmd.Wait()
}

func (s *server) stop(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); (err == nil) != (sig == syscall.SIGTERM) {
		t.Errorf("after %v: got %v\n%v", sig, err, s.log)
	}
}

func (s *server) call(t *testing.T, method, path, token, body string) (status int, answer map[string]any, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("X-Session-Token", token)
	}
	status, text = answerOf(t, r)
	_ = json.Unmarshal([]byte(text), &answer) // the health pages are plain text
	return status, answer, text
}

func answerOf(t *testing.T, r *http.Request) (status int, text string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

const (
	api    = "/_allauth/app/v1"
	person = `{"email": "ada@example.org", "password": "correct horse battery"}`
)

func (s *server) signUp(t *testing.T) (token string) {
	t.Helper()
	status, answer, text := s.call(t, "POST", api+"/auth/signup", "", person)
	if status != http.StatusOK {
		t.Fatalf("signup: got %d %s", status, text)
	}
	return answer["meta"].(map[string]any)["session_token"].(string)
}

// serverArgs is a configuration that needs no mail, on SQLite.
func serverArgs(t *testing.T, more ...string) []string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "auth.json")
	config := `{"url": "https://app.example.org", "secret": "env:STANDALONE_SECRET", "mail_from": "a@example.org", "audit_log": true,
		"frontend": {"reset_password": "/r/{key}"}, "account": {"email_verification": "none", "password": {"argon2_memory": 64}}` + strings.Join(more, "") + "}"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"-config", file, "-addr", "127.0.0.1:0", "-database", "sqlite:" + filepath.Join(dir, "auth.db"), "-smtp", "smtp://127.0.0.1:1"}
}

var secretEnv = []string{"STANDALONE_SECRET=hush-hush-hush-hush-hush-hush-hush"}

func TestSessionsSurvive(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			args := serverArgs(t)
			s := start(t, secretEnv, args...)
			token := s.signUp(t)
			s.stop(t, sig)

			s = start(t, secretEnv, args...)
			if status, _, text := s.call(t, "GET", api+"/auth/session", token, ""); status != http.StatusOK {
				t.Errorf("after a restart: got %d %s", status, text)
			}
			other := start(t, secretEnv, append(args, "-migrate=false")...) // a second one on the same file
			if status, _, text := other.call(t, "DELETE", api+"/auth/session", token, ""); status != http.StatusUnauthorized {
				t.Errorf("logging out at the second: got %d %s", status, text)
			}
			if status, _, text := s.call(t, "GET", api+"/auth/session", token, ""); status != http.StatusGone {
				t.Errorf("then at the first: got %d %s", status, text)
			}
			other.stop(t, syscall.SIGTERM)
			s.stop(t, syscall.SIGTERM)
		})
	}
}

// TestServers: two of them on PostgreSQL and Redis are as one.
func TestServers(t *testing.T) {
	t.Parallel()
	env := append(secretEnv, "STANDALONE_REDIS="+testenv.Redis(t))
	args := serverArgs(t, `, "redis": "env:STANDALONE_REDIS"`)
	args = append(args, "-database", testenv.Postgres(t))
	one, other := start(t, env, args...), start(t, env, args...)
	token := one.signUp(t)
	if status, _, text := other.call(t, "GET", api+"/auth/session", token, ""); status != http.StatusOK {
		t.Errorf("at the other: got %d %s", status, text)
	}
	for _, s := range []*server{one, other} {
		if status, _, text := s.call(t, "GET", "/readyz", "", ""); status != http.StatusOK {
			t.Errorf("/readyz: got %d %s", status, text)
		}
		s.stop(t, syscall.SIGTERM)
	}
}

// TestDrain: on SIGTERM nobody new is let in, and who is inside is served.
func TestDrain(t *testing.T) {
	t.Parallel()
	s := start(t, secretEnv, serverArgs(t)...)
	addr := strings.TrimPrefix(s.url, "http://")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	half := len(person) / 2
	fmt.Fprintf(conn, "POST %s/auth/signup HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", api, len(person))
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("got %q, %v", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, person[:half])
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			break // the door is closed
		}
		c.Close()
		if time.Now().After(end) {
			t.Fatal("it still takes connections")
		}
	}
	_, _ = io.WriteString(conn, person[half:])
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("the request under way was cut off: %v\n%v", err, s.log)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("got %v", resp.Status)
	}
	if err := s.Wait(); err != nil || !strings.Contains(s.log.String(), "msg=stopped") {
		t.Errorf("got %v\n%v", err, s.log)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	s := start(t, secretEnv, serverArgs(t)...)
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, _, text := s.call(t, "GET", path, "", ""); status != http.StatusOK || text != "ok\n" {
			t.Errorf("%s: got %d %q", path, status, text)
		}
	}
	if status, _, _ := s.call(t, "GET", "/", "", ""); status != http.StatusNotFound {
		t.Errorf("/: got %d, want 404", status)
	}
	s.stop(t, syscall.SIGTERM)
}

// TestLogsKeepSecrets: neither settings nor what clients send shows up.
func TestLogsKeepSecrets(t *testing.T) {
	t.Parallel()
	s := start(t, secretEnv, append(serverArgs(t), "-log-requests")...)
	token := s.signUp(t)
	s.call(t, "GET", api+"/auth/session?code=hush-query", token, "")
	s.call(t, "GET", api+"/auth/password/reset", "", "")
	s.call(t, "POST", api+"/auth/login", "", `{"email": "ada@example.org", "password": "wrong hush"}`)
	s.stop(t, syscall.SIGTERM)
	log := s.log.String()
	if n := strings.Count(log, "msg=request "); n != 4 {
		t.Errorf("got %d lines of requests, want 4:\n%s", n, log)
	}
	if !strings.Contains(log, "method=POST path=/_allauth/app/v1/auth/login status=400") {
		t.Errorf("the line of the login is missing:\n%s", log)
	}
	for _, secret := range []string{"hush", "correct horse", token} {
		if strings.Contains(log, secret) {
			t.Errorf("the log shows %q:\n%s", secret, log)
		}
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	for name, more := range map[string][]string{
		"a port that is taken":       {"-addr", ln.Addr().String()},
		"a database out of reach":    {"-database", "sqlite:/no/such/folder/auth.db"},
		"a Redis that is not there":  {"-config", configFile(t, `, "redis": "redis://:hush@127.0.0.1:1/0"`)},
		"a server that is not there": {"-database", "postgres://postgres:hush@127.0.0.1:1/x?sslmode=disable&connect_timeout=2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], append(serverArgs(t), more...)...)
			cmd.Env = append(append(os.Environ(), "STANDALONE_RUN=1"), secretEnv...)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "standalone: ") || strings.Contains(string(out), "hush") {
				t.Errorf("got %v\n%s", err, out)
			}
		})
	}
}
