package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDoctor(t *testing.T) {
	t.Parallel()
	const good = `{
		"url": "http://127.0.0.1:1", "database": "memory:", "secret": "fJ4uQk0zYb1vWm9TzRk2sXo7LpHn6cEd8gAiUqV3w5y=",
		"smtp": "smtp://127.0.0.1:1", "mail_from": "Example <noreply@example.org>",
		"frontend": {"verify_email": "/verify-email/{key}", "reset_password": "/reset-password/{key}"}}`
	t.Run("a server that does not run is a problem", func(t *testing.T) {
		t.Parallel()
		file := configFile(t, good)
		status, out, err := call(t, "", "doctor", "-config", file)
		if status != 1 || !strings.Contains(out, "PROBLEM: reachability: ") || !strings.Contains(out, "    mend: ") || !strings.Contains(err, "problems found: ") {
			t.Errorf("got %d\n%s\n%s", status, out, err)
		}
	})
	t.Run("warnings alone are fine", func(t *testing.T) {
		t.Parallel()
		status, out, err := call(t, "", "doctor", "-json", "-offline", "-config", configFile(t, good))
		var report struct {
			Findings []struct{ Check, Severity, What, Why, Mend string }
			Checked  []string
			Skipped  []struct{ Check, Why string }
		}
		if e := json.Unmarshal([]byte(out), &report); e != nil {
			t.Fatalf("%v\n%s", e, out)
		}
		if status != 0 || err != "" || len(report.Findings) == 0 || len(report.Checked) == 0 || len(report.Skipped) == 0 {
			t.Errorf("got %d, %q\n%s", status, err, out)
		}
	})
	t.Run("a bad number of servers", func(t *testing.T) {
		t.Parallel()
		if status, _, err := call(t, "", "doctor", "-replicas", "-1", "-config", configFile(t, good)); status != 2 {
			t.Errorf("got %d, %q", status, err)
		}
	})
}
