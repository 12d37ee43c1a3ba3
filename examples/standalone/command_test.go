package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// call does what a command line says, without a process of its own.
func call(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	status = run(t.Context(), args, stdio{strings.NewReader(stdin), &out, &err})
	return status, out.String(), err.String()
}

func TestCommands(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		args     []string
		status   int
		out, err string
	}{
		{"help", []string{"help"}, 0, "  mails         write a preview", ""},
		{"help by option", []string{"-h"}, 0, "usage: standalone COMMAND", ""},
		{"help of a command", []string{"help", "mails"}, 0, "  -out folder", ""},
		{"help of a command by option", []string{"serve", "-h"}, 0, "usage: standalone serve [options]", ""},
		{"help of nothing", []string{"help", "dance"}, 2, "", `"dance" is no command`},
		{"nothing at all", nil, 2, "", "-config is missing"},
		{"an unknown command", []string{"dance"}, 2, "", `"dance" is no command of standalone; write one of serve, check`},
		{"an unknown option", []string{"serve", "-x"}, 2, "", "flag provided but not defined: -x; standalone serve -h lists the options"},
		{"too many arguments", []string{"check", "-config", "x", "y"}, 2, "", `"y" is too much`},
		{"a good configuration", []string{"check", "-config", configFile(t, "")}, 0, "", "the configuration is good"},
		{"a bad configuration", []string{"check", "-config", configFile(t, `, "acount": {}`)}, 1, "", `did you mean "account"?`},
		{"mails without a folder", []string{"mails", "-config", configFile(t, "")}, 2, "", "-out is missing"},
		{"mails in no language", []string{"mails", "-config", configFile(t, ""), "-out", t.TempDir(), "-locales", "xx"}, 1, "", `"xx" is no language`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, out, err := call(t, "", tt.args...)
			if status != tt.status || !strings.Contains(out, tt.out) || !strings.Contains(err, tt.err) {
				t.Errorf("got %d, %q, %q; want %d, %q, %q", status, out, err, tt.status, tt.out, tt.err)
			}
			if err != "" && !strings.HasPrefix(err, "standalone: ") {
				t.Errorf("got %q, which does not say who speaks", err)
			}
		})
	}
	t.Run("mails", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if status, _, err := call(t, "", "mails", "-config", configFile(t, `, "name": "The Shop"`), "-out", dir, "-locales", "en"); status != 0 {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "en", "password_reset_key.txt"))
		if err != nil || !strings.HasPrefix(string(text), "Subject: [The Shop] ") {
			t.Errorf("got %q, %v", text, err)
		}
	})
}

// TestEveryCommandHasHelp: and its options have a description each.
func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	var walk func(path []string, l []command)
	walk = func(path []string, l []command) {
		for _, c := range l {
			path := append(slices.Clone(path), c.name)
			status, out, err := call(t, "", append([]string{"help"}, path...)...)
			if status != 0 || err != "" || !strings.HasPrefix(out, "usage: standalone "+strings.Join(path, " ")) || c.about == "" {
				t.Errorf("%v: got %d, %q, %q", path, status, out, err)
			}
			if (c.setup == nil) == (len(c.sub) == 0) {
				t.Errorf("%v has to have either an action or further commands", path)
			}
			walk(path, c.sub)
		}
	}
	walk(nil, commands())
}

// TestOptionsStandAnywhere: before arguments, after them, and between.
func TestOptionsStandAnywhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ args, want []string }{
		{[]string{"a", "-config", "f", "b"}, []string{"a", "b"}},
		{[]string{"-config", "f", "--", "-a", "b"}, []string{"-a", "b"}},
		{[]string{"a", "-config=f"}, []string{"a"}},
		{[]string{"-config", "f"}, nil},
	} {
		o := newOptions("test", stdio{})
		o.config()
		if err := o.parse(tt.args); err != nil || o.file != "f" || !slices.Equal(o.args, tt.want) {
			t.Errorf("%q: got %q and %q, %v", tt.args, o.file, o.args, err)
		}
	}
}
