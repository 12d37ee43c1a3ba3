package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain is the program itself where a test starts it.
func TestMain(m *testing.M) {
	if os.Getenv("QUICKSTART_RUN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// run starts the program in dir and returns its address, and how to stop it.
func run(t *testing.T, dir, addr string) (url string, output *bytes.Buffer, stop func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-addr", addr)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "QUICKSTART_RUN=1")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	output = &bytes.Buffer{}
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		output.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "  Open") {
			url = strings.Fields(lines.Text())[1]
		}
	}
	if url == "" {
		t.Fatalf("it did not start; it said %q", output)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return url, output, func() {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("stopped with %v", err)
		}
	}
}

func call(t *testing.T, method, url, token, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("X-Session-Token", token)
	}
	resp, err := http.DefaultTransport.RoundTrip(r) // as it is, without following redirects
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

func TestQuickstart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url, _, stop := run(t, dir, "127.0.0.1:0")
	api, person := url+"/_allauth/app/v1", `{"email": "ada@example.org", "password": "correct horse battery"}`

	if status, answer := call(t, "POST", api+"/auth/signup", "", person); status != 401 || !strings.Contains(answer, `"verify_email","is_pending":true`) {
		t.Fatalf("signup: got %d %s", status, answer)
	}
	key := ""
	for end := time.Now().Add(10 * time.Second); key == "" && time.Now().Before(end); { // it is sent after the answer
		if _, mails := call(t, "GET", url+"/mail?json", "", ""); strings.Contains(mails, "verify-email/") {
			key = regexp.MustCompile(`verify-email/([A-Za-z0-9._-]+)`).FindStringSubmatch(mails)[1]
		}
	}
	if status, answer := call(t, "POST", api+"/auth/email/verify", "", `{"key": "`+key+`"}`); status != 401 {
		t.Fatalf("verify: got %d %s", status, answer)
	}
	status, answer := call(t, "POST", api+"/auth/login", "", person)
	var login struct {
		Meta struct {
			Token string `json:"session_token"`
		}
	}
	if err := json.Unmarshal([]byte(answer), &login); status != 200 || err != nil {
		t.Fatalf("login: got %d %s", status, answer)
	}
	if status, answer := call(t, "GET", url+"/me", login.Meta.Token, ""); status != 200 || answer != "You are ada@example.org.\n" {
		t.Errorf("/me: got %d %q", status, answer)
	}
	if status, _ := call(t, "GET", url+"/me", "", ""); status != 401 {
		t.Errorf("/me for nobody: got %d, want 401", status)
	}
	for path, want := range map[string]string{"/": "<title>Quickstart</title>", "/app.js": "X-CSRFToken", "/style.css": "color-scheme", "/mail": "verify-email/"} {
		if status, answer := call(t, "GET", url+path, "", ""); status != 200 || !strings.Contains(answer, want) {
			t.Errorf("%s: got %d, and %q is missing", path, status, want)
		}
	}
	stop()

	for _, file := range []string{"quickstart.db", "quickstart.secret"} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s must be there for its owner alone: got %v, %v", file, info, err)
		}
	}
	url, _, stop = run(t, dir, strings.TrimPrefix(url, "http://"))
	defer stop()
	if status, _ := call(t, "GET", url+"/me", login.Meta.Token, ""); status != 200 {
		t.Errorf("/me after a restart: got %d, want 200", status)
	}
}

func TestTakenPort(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	url, output, stop := run(t, t.TempDir(), ln.Addr().String())
	defer stop()
	if !strings.Contains(output.String(), ln.Addr().String()+" is taken") {
		t.Errorf("it said %q", output)
	}
	if status, _ := call(t, "GET", url+"/", "", ""); status != 200 {
		t.Errorf("got %d, want 200", status)
	}
}

func TestOtherNamesStayOut(t *testing.T) {
	t.Parallel()
	url, _, stop := run(t, t.TempDir(), "127.0.0.1:0")
	defer stop()
	other := strings.Replace(url, "127.0.0.1", "localhost", 1)
	if status, answer := call(t, "GET", other+"/mail?json", "", ""); status != http.StatusTemporaryRedirect || strings.HasPrefix(answer, "[") {
		t.Errorf("got %d %q", status, answer)
	}
}

func TestStrangersStayOut(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:80", "localhost:0", "8080"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-addr", addr)
		cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "QUICKSTART_RUN=1")
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("%s: it started: %s", addr, out)
		}
	}
}
