package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// files writes what generate reads, and returns where.
func files(t *testing.T, change func(map[string]string)) (report, differences, golden, deviations string) {
	t.Helper()
	dir := t.TempDir()
	text := map[string]string{
		"golden/full/app-login.json": `{"steps": [
			{"label": "log in", "request": {"method": "POST", "path": "/_allauth/app/v1/auth/login"}, "response": {"status": 200}},
			{"label": "a list", "request": {"method": "POST", "path": "/_allauth/app/v1/auth/login"}, "response": {"status": 500}},
			{"label": "who", "request": {"method": "GET", "path": "/_allauth/app/v1/auth/session?x"}, "response": {"status": 200}},
			{"label": "after", "request": {"method": "GET", "path": "/_allauth/app/v1/auth/session"}, "response": {"status": 200}}]}`,
		"golden/full/browser-methods.json": `{"steps": [
			{"label": "PUT", "request": {"method": "PUT", "path": "/_allauth/browser/v1/auth/login"}, "response": {"status": 400}},
			{"label": "GET", "request": {"method": "GET", "path": "/_allauth/browser/v1/auth/session"}, "response": {"status": 200}}]}`,
		"report.json": `{"variants": {"full": {"steps": {"equal": 2, "declared": 2, "ref_5xx": 1, "skipped": 1, "total": 6}}},
			"total": {"steps": {"equal": 2, "declared": 2, "ref_5xx": 1, "skipped": 1, "total": 6}, "scenarios": {"total": 2}},
			"rules": [{"id": "dead", "steps": 1}, {"id": "method", "steps": 1}]}`,
		"differences.json": `{"differences": [
			{"variant": "full", "scenario": "app-login", "step": 2, "label": "who", "request": "GET /_allauth/app/v1/auth/session?x", "pointer": "/response/body/data"},
			{"variant": "full", "scenario": "app-login", "step": 3, "label": "after", "request": "GET /_allauth/app/v1/auth/session", "pointer": "/mails"},
			{"variant": "full", "scenario": "browser-methods", "step": 0, "label": "PUT", "request": "PUT /_allauth/browser/v1/auth/login", "pointer": "/response/status"}]}`,
		"deviations.json": `[
			{"id": "dead", "scenarios": "login", "steps": ["GET /auth/session*"], "at": "body", "then": "skip-rest", "why": "It is | gone."},
			{"id": "method", "variants": ["f*"], "scenarios": ["*-methods"], "at": ["status", "body"], "why": "Methods come first."}]`,
	}
	if change != nil {
		change(text)
	}
	for name, s := range text {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "report.json"), filepath.Join(dir, "differences.json"), filepath.Join(dir, "golden"), filepath.Join(dir, "deviations.json")
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	page, err := generate(files(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "| ---") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	want := []string{
		"| operation | equal | declared | crash | not compared | total |",
		"| `POST /auth/login` | 1 | 0 | 1 |  | 2 |",
		"| other methods of `/auth/login` | 0 | 1 |  |  | 1 |",
		"| `GET /auth/session` | 1 | 1 |  | 1 | 3 |",
		"| variant | equal | declared | crash | not compared | total |",
		"| [full](../examples/standalone/testdata/contract/full.json) | 2 | 2 | 1 | 1 | 6 |",
		"| difference | why | steps | met at |",
		"| `dead` | It is \\| gone. | 1 | `GET /auth/session` |",
		"| `method` | Methods come first. | 1 | other methods of `/auth/login` |",
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Error(d)
	}
	for _, text := range []string{"2 conversations", "1 configurations", "Of 6 steps, **2 are equal** and **2 differ on purpose**", "In 1 steps"} {
		if !bytes.Contains(page, []byte(text)) {
			t.Errorf("the page does not say %q", text)
		}
	}
}

// A report that does not add up is not published.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(map[string]string){
		"a difference that is not declared": func(f map[string]string) {
			f["report.json"] = strings.Replace(f["report.json"], `"scenarios": {"total": 2}`, `"scenarios": {"total": 2}, "x": 0`, 1)
			f["report.json"] = strings.Replace(f["report.json"], `"total": {"steps": {"equal": 2`, `"total": {"steps": {"differing": 1, "equal": 2`, 1)
		},
		"a variant that was not played": func(f map[string]string) {
			f["report.json"] = strings.Replace(f["report.json"], `"rules"`, `"no_config": ["phone"], "rules"`, 1)
		},
		"a variant that broke off": func(f map[string]string) {
			f["report.json"] = strings.Replace(f["report.json"], `{"full": {`, `{"full": {"error": "hung", `, 1)
		},
		"other numbers than the recordings have": func(f map[string]string) {
			f["differences.json"] = `{"differences": []}`
		},
		"no report":                func(f map[string]string) { delete(f, "report.json") },
		"a report that is none":    func(f map[string]string) { f["report.json"] = "[" },
		"a recording that is none": func(f map[string]string) { f["golden/full/app-login.json"] = "[" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if page, err := generate(files(t, change)); err == nil {
				t.Errorf("got %s", page)
			}
		})
	}
}

// TestPublished: the page has every difference that is declared, with its
// reason as it is now.
func TestPublished(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("../../docs/contract-deviations.json")
	if err != nil {
		t.Fatal(err)
	}
	var rules []rule
	if err := json.Unmarshal(b, &rules); err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		if row := "| `" + r.ID + "` | " + strings.ReplaceAll(r.Why, "|", `\|`) + " | "; !bytes.Contains(page, []byte(row)) {
			t.Errorf("docs/compatibility.md does not have %q as it is declared; run make compatibility", r.ID)
		}
	}
}
