package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/sqlite"
)

// program is a process that does what a command line says.
func program(t *testing.T, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), "STANDALONE_RUN=1"), secretEnv...)
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

// manyUsers writes a file of users.
func manyUsers(t *testing.T, n int) string {
	t.Helper()
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"id":"%d","username":"user%d","emails":[{"email":"user%d@example.org","verified":true},{"email":"other%d@example.org"}],`+
			`"password_hash":"pbkdf2_sha256$1000$saltsaltsaltsaltsalt12$7kQnvik2EF+ZgxuPgZDCIKdNYs3JKaGATJCvSjVHMpY=","created_at":"2024-01-02T03:04:05Z",`+
			`"social":[{"provider":"google","uid":"%d"}]}`+"\n", i, i, i, i, i)
	}
	file := filepath.Join(t.TempDir(), "users.jsonl")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestImportSurvivesAKill: ten thousand users, the process killed half-way, and
// the same command again: none is doubled, none is lost.
func TestImportSurvivesAKill(t *testing.T) {
	t.Parallel()
	const all = 10_000
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url, st := "sqlite:"+filepath.Join(t.TempDir(), "auth.db"), store.Store(nil)
			if kind == "postgres" {
				url = testenv.Postgres(t)
				p, err := postgres.Open(t.Context(), url)
				if err == nil {
					err = p.Migrate(t.Context())
				}
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = p.Close() })
				st = p
			} else {
				s, err := sqlite.Open(t.Context(), strings.TrimPrefix(url, "sqlite:"))
				if err == nil {
					err = s.Migrate(t.Context())
				}
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				st = s
			}
			args := append(append([]string{"import"}, serverArgs(t)...), "-database", url, manyUsers(t, all))

			killed, _, stderr := program(t, args...)
			if err := killed.Start(); err != nil {
				t.Fatal(err)
			}
			half := fmt.Sprint(all / 2)
			for {
				if _, err := st.User(t.Context(), half); err == nil {
					break
				}
				if t.Context().Err() != nil {
					t.Fatalf("it does not get on: %v", stderr)
				}
			}
			if err := killed.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := killed.Wait(); err == nil {
				t.Fatalf("it was done before it was killed: %v", stderr)
			}
			before := len(exported(t, args, url))
			if before < all/2 || before >= all {
				t.Fatalf("%d users when it was killed", before)
			}

			start := time.Now()
			again, stdout, stderr := program(t, args...)
			if err := again.Run(); err != nil {
				t.Fatalf("%v: %v", err, stderr)
			}
			t.Logf("%d users when it was killed, the others in %v\n%v", before, time.Since(start), stdout)
			for _, line := range []string{
				fmt.Sprintf("%9d read\n", all), fmt.Sprintf("%9d created\n", all-before),
				fmt.Sprintf("%9d imported by an earlier run\n", before), "        0 refused\n",
			} {
				if !strings.Contains(stdout.String(), line) {
					t.Errorf("%q is not in\n%v", line, stdout)
				}
			}
			if users := exported(t, args, url); len(users) != all {
				t.Errorf("%d users", len(users))
			}
		})
	}
}

// exported are all users by name; none may be there twice.
func exported(t *testing.T, args []string, url string) map[string]bool {
	t.Helper()
	cmd, stdout, stderr := program(t, "export", "-config", args[2], "-database", url, "-smtp", "smtp://127.0.0.1:1")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v", err, stderr)
	}
	users := map[string]bool{}
	for line := range strings.Lines(stdout.String()) {
		var u struct {
			Username string
			Emails   []struct{ Email string }
		}
		if err := json.Unmarshal([]byte(line), &u); err != nil {
			t.Fatal(err)
		}
		if users[u.Username] || len(u.Emails) != 2 {
			t.Errorf("%s is doubled, or half: %s", u.Username, line)
		}
		users[u.Username] = true
	}
	return users
}

func TestImport(t *testing.T) {
	t.Parallel()
	write := func(name, text string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	config := serverArgs(t)
	in := func(stdin string, args ...string) (int, string, string) {
		cmd, stdout, stderr := program(t, append(append([]string{args[0]}, config...), args[1:]...)...)
		cmd.Stdin = strings.NewReader(stdin)
		_ = cmd.Run()
		return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
	}
	users := "{\"username\": \"ada\", \"password_hash\": \"$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e\"}\n"
	if status, out, err := in(users+"{\"emails\": [{\"email\": \"x\"}]}\n", "import", "-"); status != 1 || !strings.Contains(out, "        1 created\n") ||
		!strings.Contains(err, "line 2: email \"x\" is no address\n") || !strings.Contains(err, "standalone: 1 of 2 users were refused") {
		t.Errorf("got %d, %s, %s", status, out, err)
	}
	if status, out, err := in(users+`{"username": "grace"}`, "import", "-dry-run", "-"); status != 0 || !strings.Contains(out, "dry run: nobody was stored\n        2 read\n        1 created\n") {
		t.Errorf("got %d, %s, %s", status, out, err)
	}
	dump := filepath.Join(t.TempDir(), "users.jsonl")
	for _, tt := range []struct {
		args   []string
		status int
		err    string
	}{
		{[]string{"export", "-o", dump}, 0, "1 users were exported"},
		{[]string{"export", "-o", dump}, 1, "file exists"},
		{[]string{"import", "-format", "xml", dump}, 2, `"xml" is no format; write one of aspnet, auth0, csv, devise, django, firebase, jsonl, wordpress`},
		{[]string{"import"}, 2, "FILE is missing"},
		{[]string{"import", "-duplicates", "merge", dump}, 2, "write skip, update or fail"},
		{[]string{"import", "-provider", "google", dump}, 2, `write "theirs=ours"`},
		{[]string{"import", filepath.Join(t.TempDir(), "none")}, 1, "no such file"},
		{[]string{"import", "-format", "firebase", "-firebase-signer-key", "***", dump}, 2, "-firebase-signer-key is no base64"},
		{[]string{"import", "-format", "firebase", "-firebase-signer-key", "env:NOT_SET_ANYWHERE", dump}, 2, "NOT_SET_ANYWHERE is not set"},
		{[]string{"import", "-format", "csv", write("u.csv", "nmae\n")}, 1, `column "nmae" is not known`},
		{[]string{"import", "-database", "memory:", dump}, 1, "the database is in memory"},
	} {
		if status, _, err := in("", tt.args...); status != tt.status || !strings.Contains(err, tt.err) {
			t.Errorf("%q: got %d, %s", tt.args, status, err)
		}
	}
	text, err := os.ReadFile(dump)
	if err != nil || strings.Contains(string(text), "$2b$") || !strings.Contains(string(text), `"ada"`) {
		t.Errorf("got %s, %v", text, err)
	}
	if info, err := os.Stat(dump); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	if _, out, _ := in("", "export", "-secrets"); !strings.Contains(out, "$2b$") {
		t.Errorf("got %s", out)
	}
}

var block = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// TestImportingPage runs the commands of docs/importing.md, each block on a
// database of its own, with the files that the page shows and those that the
// readers' tests have.
func TestImportingPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/importing.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	var scripts []string
	for _, m := range block.FindAllStringSubmatch(string(page), -1) {
		switch kind, text := m[1], m[2]; {
		case kind == "sh":
			scripts = append(scripts, text)
		case kind == "csv":
			shown["users.csv"] = text
		case kind == "json" && strings.Contains(text, "username"):
			shown["users.jsonl"] = text
		}
	}
	if len(scripts) < 7 || len(shown) != 2 {
		t.Fatalf("the page has %d scripts and %d files", len(scripts), len(shown))
	}
	scripts = append(scripts, "standalone import -config auth.json -format csv users.csv\n")
	for _, script := range scripts {
		t.Run(strings.TrimSpace(script), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("../../account/importer/testdata")); err != nil {
				t.Fatal(err)
			}
			for name, text := range shown {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			config := `{"url": "https://app.example.org", "secret": "env:STANDALONE_SECRET", "mail_from": "a@example.org", "smtp": "smtp://127.0.0.1:1",
				"database": "sqlite:auth.db", "frontend": {"reset_password": "/r/{key}"}, "mfa": {},
				"account": {"email_verification": "none", "password": {"argon2_memory": 64, "bcrypt_pepper": "pepper"}}}`
			if err := os.WriteFile(filepath.Join(dir, "auth.json"), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			// The test itself is the program.
			sh := exec.CommandContext(t.Context(), "sh", "-e", "-c", `standalone() { STANDALONE_RUN=1 "$TEST" "$@"; }`+"\n"+script)
			sh.Dir = dir
			sh.Env = append(append(os.Environ(), "TEST="+os.Args[0]), secretEnv...)
			out, err := sh.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "        0 refused\n") || strings.Contains(string(out), "        0 created\n") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestBar(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"[###############...............] 5000/10000 50%, 1000/s, 5s left": (&bar{total: 10_000}).line(5000, 5*time.Second),
		"[##############################] 10/10 100%, 5/s":                 (&bar{total: 10}).line(10, 2*time.Second),
		"500 users, 100/s": (&bar{}).line(500, 5*time.Second),
	} {
		if got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
	var out bytes.Buffer
	b := newBar(&out, 2)
	b.show(1)
	b.clear()
	b.show(2)
	b.show(2)
	b.end()
	if got := out.String(); strings.ContainsAny(got, "\r\x1b") || strings.Count(got, "\n") != 1 {
		t.Errorf("got %q, which is for a terminal", got)
	}
}
