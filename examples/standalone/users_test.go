package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/testenv/testenv"
)

// binary is the built program with a configuration and a database.
type binary struct {
	*testing.T
	env, config []string
}

// run does what a command line says, in a process of its own.
func (p *binary) run(stdin string, status int, args ...string) (stdout, stderr string) {
	p.Helper()
	cmd := exec.CommandContext(p.Context(), os.Args[0], append(args, p.config...)...)
	cmd.Env = append(append(os.Environ(), "STANDALONE_RUN=1"), p.env...)
	var out, err strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &err
	_ = cmd.Run() // its status tells
	if got := cmd.ProcessState.ExitCode(); got != status {
		p.Fatalf("%q: got status %d, want %d\n%s%s", args, got, status, &out, &err)
	}
	return out.String(), err.String()
}

// person reads a user.
func (p *binary) person(text string) *account.Person {
	p.Helper()
	var x account.Person
	if err := json.Unmarshal([]byte(text), &x); err != nil {
		p.Fatalf("%v: %s", err, text)
	}
	return &x
}

// onEach runs a test on SQLite and on PostgreSQL.
func onEach(t *testing.T, more string, test func(t *testing.T, p *binary)) {
	t.Parallel()
	for name, database := range map[string]func(t *testing.T) []string{
		"sqlite":   func(*testing.T) []string { return nil },
		"postgres": func(t *testing.T) []string { return []string{"-database", testenv.Postgres(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append(serverArgs(t, more), database(t)...)
			test(t, &binary{t, secretEnv, args})
		})
	}
}

func TestUsers(t *testing.T) {
	onEach(t, `, "mfa": {}, "session": {"list": true}`, func(t *testing.T, p *binary) {
		_, err := p.run("", 1, "users", "list")
		if !strings.Contains(err, "run standalone migrate up") && !strings.Contains(err, "no such file") {
			t.Errorf("before the tables are there: got %s", err)
		}
		s := start(t, p.env, p.config...)
		defer s.stop(t, syscall.SIGTERM)

		out, _ := p.run("correct horse battery\n", 0, "users", "create", "-email", "ada@example.org", "-email-verified", "-username", "Ada", "-password-stdin", "-json")
		ada := p.person(out)
		if !ada.HasUsablePassword || !ada.Emails[0].Verified || ada.Username != "Ada" {
			t.Errorf("got %s", out)
		}
		out, _ = p.run("", 0, "users", "create", "-email", "eve@example.org")
		if !strings.Contains(out, "eve@example.org (primary, not verified)") {
			t.Errorf("got %s", out)
		}
		status, answer, text := s.call(t, "POST", api+"/auth/login", "", person)
		if status != http.StatusOK {
			t.Fatalf("login: got %s", text)
		}
		session := func(want int) {
			t.Helper()
			token := answer["meta"].(map[string]any)["session_token"].(string)
			if status, _, text := s.call(t, "GET", api+"/auth/session", token, ""); status != want {
				t.Errorf("the session: got %d %s, want %d", status, text, want)
			}
		}
		session(http.StatusOK)

		for _, who := range []string{ada.ID, "ada@example.org", "ADA", "id:" + ada.ID, "username:ada", "email:Ada@example.org"} {
			if out, _ := p.run("", 0, "users", "find", who, "-json"); p.person(out).ID != ada.ID {
				t.Errorf("%s: got %s", who, out)
			}
		}
		out, _ = p.run("", 0, "users", "list")
		if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 2 || !strings.Contains(lines[1], "eve@example.org") {
			t.Errorf("got %s", out)
		}
		p.run("", 0, "users", "verify", "eve@example.org")
		p.run("", 0, "users", "end-sessions", "Ada")
		session(http.StatusGone)
		if out, _ := p.run("", 0, "users", "disable", "Ada", "-json"); !p.person(out).Disabled {
			t.Errorf("got %s", out)
		}
		if status, _, _ := s.call(t, "POST", api+"/auth/login", "", person); status != http.StatusUnauthorized {
			t.Errorf("a disabled user logs in: got %d", status)
		}
		p.run("", 0, "users", "enable", "Ada")
		p.run("", 0, "users", "reset-mfa", "Ada")
		p.run("another horse battery\n", 0, "users", "set-password", "Ada")
		if status, _, _ := s.call(t, "POST", api+"/auth/login", "", person); status != http.StatusBadRequest {
			t.Errorf("the former password: got %d", status)
		}
		_, err = p.run("12345678\n", 1, "users", "set-password", "Ada")
		if !strings.Contains(err, "(password_too_common)\n  password: ") || strings.Contains(err, "12345678") {
			t.Errorf("got %s", err)
		}

		out, _ = p.run("", 0, "users", "export", "Ada", "-as", "carol")
		for _, want := range []string{`"ada@example.org"`, `"account_disabled"`, `"by_operator": true`} {
			if !strings.Contains(out, want) {
				t.Errorf("%s is missing in %s", want, out)
			}
		}
		if strings.Contains(out, "argon2") || strings.Contains(out, "carol") || strings.Contains(out, "cli:") {
			t.Errorf("got %s", out)
		}

		if _, err := p.run("no\n", 1, "users", "delete", "Ada"); !strings.Contains(err, "Write yes to go on: standalone: nothing was deleted") {
			t.Errorf("got %s", err)
		}
		p.run("", 1, "users", "delete", "Ada")
		p.run("", 0, "users", "find", "Ada")
		p.run("yes\n", 0, "users", "delete", "Ada")
		p.run("", 3, "users", "find", "Ada")
		if out, _ := p.run("", 0, "users", "delete", "eve@example.org", "-yes", "-json"); !strings.Contains(out, `"deleted": "2"`) {
			t.Errorf("got %s", out)
		}
		if out, _ := p.run("", 0, "users", "list", "-json"); out != "" {
			t.Errorf("got %s", out)
		}
	})
}

// TestUsersRefused: what is wrong is said, without a process for each.
func TestUsersRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := configFile(t, "")
	base := []string{"-config", config, "-database", "sqlite:" + filepath.Join(dir, "auth.db")}
	if status, _, err := call(t, "", append([]string{"migrate", "up"}, base...)...); status != 0 {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, stdin string
		args        []string
		status      int
		err         string
	}{
		{"no user", "", []string{"users", "find"}, 2, "USER is missing"},
		{"two users", "", []string{"users", "find", "a", "b"}, 2, `"b" is too much`},
		{"no command", "", []string{"users"}, 2, "standalone users needs a command: find, list"},
		{"an unknown command", "", []string{"users", "ban"}, 2, `"ban" is no command of standalone users`},
		{"nobody", "", []string{"users", "find", "nobody"}, 3, "there is no such user"},
		{"nobody by address", "", []string{"users", "disable", "nobody@example.org"}, 3, "there is no such user"},
		{"nobody by number", "", []string{"users", "disable", "+31612345678"}, 3, "there is no such user"},
		{"no address", "", []string{"users", "find", "a@"}, 1, "email: "},
		{"an account for nobody", "", []string{"users", "create"}, 1, "email: "},
		{"a bad address", "", []string{"users", "create", "-email", "x"}, 1, "(invalid)"},
		{"bad fields", "", []string{"users", "create", "-fields", "x"}, 2, "invalid value"},
		{"no password", "", []string{"users", "create", "-email", "a@example.org", "-password-stdin"}, 2, "the password is missing on standard input"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := tt.args
			if len(args) > 1 {
				args = append(args, base...)
			}
			if status, out, err := call(t, tt.stdin, args...); status != tt.status || out != "" || !strings.Contains(err, tt.err) {
				t.Errorf("got %d, %q, %q; want %d, %q", status, out, err, tt.status, tt.err)
			}
		})
	}
	t.Run("a database in memory", func(t *testing.T) {
		if status, _, err := call(t, "", "users", "list", "-config", config); status != 2 || !strings.Contains(err, "in memory") {
			t.Errorf("got %d, %q", status, err)
		}
	})
}

// TestOperators: the API for operators, at an address of its own or beside
// everything else.
func TestOperators(t *testing.T) {
	const token = "back-office-0123456789-0123456789-0123456789"
	onEach(t, `, "admin": {"listen": "127.0.0.1:0", "token": "env:ADMIN_TOKEN", "tokens": {"night": "env:NIGHT_TOKEN"}}`, func(t *testing.T, p *binary) {
		p.env = append(p.env, "ADMIN_TOKEN="+token, "NIGHT_TOKEN=night"+token)
		s := start(t, p.env, append(p.config, "-log-requests")...)
		_, rest, _ := strings.Cut(s.log.String(), `msg="listening for operators" addr=`)
		office := "http://" + strings.Fields(rest)[0]
		ask := func(base, method, path, token, body string) (int, string) {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+token)
			return answerOf(t, r)
		}
		status, text := ask(office, "POST", "/_admin/v1/users", token, `{"email": "ada@example.org", "password": "correct horse battery"}`)
		if status != http.StatusOK {
			t.Fatalf("got %d %s", status, text)
		}
		if status, _, text := s.call(t, "POST", api+"/auth/login", "", person); status != http.StatusOK {
			t.Errorf("login: got %d %s", status, text)
		}
		if status, text = ask(office, "GET", "/_admin/v1/users/1/export", "night"+token, ""); status != http.StatusOK || strings.Count(text, `"by_operator":true`) != 2 || strings.Contains(text, "night") {
			t.Errorf("got %d %s", status, text)
		}
		if status, text = ask(office, "GET", "/_admin/v1/users", "wrong"+token, ""); status != http.StatusUnauthorized {
			t.Errorf("a wrong token: got %d %s", status, text)
		}
		if status, text = ask(s.url, "GET", "/_admin/v1/users", token, ""); status != http.StatusNotFound {
			t.Errorf("at the door of everybody: got %d %s", status, text)
		}
		if status, text = ask(office, "GET", api+"/config", token, ""); status != http.StatusNotFound {
			t.Errorf("the API at the door of operators: got %d %s", status, text)
		}
		s.stop(t, syscall.SIGTERM)
		if log := s.log.String(); strings.Contains(log, token) || !strings.Contains(log, "path=/_admin/v1/users") {
			t.Errorf("got %s", log)
		}
	})
	t.Run("beside everything else", func(t *testing.T) {
		t.Parallel()
		s := start(t, append(secretEnv, "ADMIN_TOKEN="+token), serverArgs(t, `, "admin": {"path": "/office", "token": "env:ADMIN_TOKEN"}`)...)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/office/v1/users", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		if status, text := answerOf(t, r); status != http.StatusOK || strings.TrimSpace(text) != `{"status":200,"data":{"users":[]}}` {
			t.Errorf("got %d %s", status, text)
		}
		s.stop(t, syscall.SIGTERM)
	})
	t.Run("off", func(t *testing.T) {
		t.Parallel()
		s := start(t, secretEnv, serverArgs(t)...)
		if status, _, text := s.call(t, "GET", "/_admin/v1/users", "", ""); status != http.StatusNotFound {
			t.Errorf("got %d %s", status, text)
		}
		s.stop(t, syscall.SIGTERM)
	})
}

// TestSettingsOfOperators: what is wrong with "admin" is said by its keys.
func TestSettingsOfOperators(t *testing.T) {
	t.Parallel()
	_, err := load(configFile(t, `, "addr": "127.0.0.1:1", "admin": {"listen": "8081", "path": "x", "token": "hush", "tokens": {"admin": "hush"}}`))
	for _, want := range []string{
		`admin.listen: "8081" is no address to listen at`, `admin.path: "x" can't be mounted`, `admin.token: is given in admin.tokens as well`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err = load(configFile(t, `, "admin": {"token": "hush"}`)); err == nil || !strings.Contains(err.Error(), "admin.token: needs at least 32 bytes, has 4") || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
	if _, err = load(configFile(t, `, "admin": {}`)); err == nil || !strings.Contains(err.Error(), "admin.tokens: is empty") {
		t.Errorf("got %v", err)
	}
}

// What users call themselves is text, and no orders to the operator's terminal.
func TestNamesAreNoOrders(t *testing.T) {
	t.Parallel()
	const name = "A\u001b[2J\u009b2J\u202eb"
	p := &binary{t, secretEnv, serverArgs(t, "")}
	p.run("", 0, "migrate", "up")
	out, _ := p.run("", 0, "users", "create", "-username", "ada", "-first-name", name, "-email", "ada@example.org", "-json")
	if ada := p.person(out); ada.FirstName != name {
		t.Fatalf("got %q", ada.FirstName)
	}
	out, said := p.run("", 0, "users", "find", "ada")
	if strings.ContainsAny(out+said, "\u001b\u009b\u202e") || !strings.Contains(out, `A\x1b[2J\u009b2J\u202eb`) {
		t.Errorf("got %q", out)
	}
}
