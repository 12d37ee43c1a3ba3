package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var block = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// TestReadme: what the README tells a stranger to type does what it says.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var program, script, answers string
	for _, m := range block.FindAllStringSubmatch(string(readme), -1) {
		switch {
		case m[1] == "go":
			program = m[2]
		case m[1] == "sh" && strings.Contains(m[2], "curl"):
			script += m[2]
		case m[1] == "json":
			answers += m[2]
		}
	}
	t.Run("the program builds", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		source, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
		for name, text := range map[string]string{source: program, overlay: `{"Replace": {"../readme/main.go": "` + source + `"}}`} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", os.DevNull, "-overlay", overlay, "../readme").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("the commands log in", func(t *testing.T) {
		t.Parallel()
		for _, tool := range []string{"bash", "curl"} {
			if _, err := exec.LookPath(tool); err != nil {
				t.Skipf("SKIPPED: %s is not installed", tool)
			}
		}
		dir := t.TempDir()
		url, _, stop := run(t, dir, "127.0.0.1:0")
		defer stop()
		script = strings.ReplaceAll(script, "http://127.0.0.1:8080", url)
		// The mail is sent after the answer; a person is slower than that.
		script = strings.Replace(script, "KEY=", "until curl -s '"+url+"/mail?json' | grep -q verify-email; do :; done; KEY=", 1)
		cmd := exec.CommandContext(t.Context(), "bash", "-ec", script)
		cmd.Dir, cmd.WaitDelay = dir, 10*time.Second
		got, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, got)
		}
		if got, want := shape(string(got)), shape(answers); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// shape is output without what differs from run to run.
func shape(s string) string {
	s = regexp.MustCompile(`"session_token":"[^"]*"|"at":[0-9.]+`).ReplaceAllString(s, "…")
	return strings.TrimSpace(regexp.MustCompile(`\s+`).ReplaceAllString(strings.ReplaceAll(s, "}{", "} {"), " "))
}
