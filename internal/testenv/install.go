//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// needs are the Debian packages of what tests run, by one of its programs.
var needs = []struct {
	programs []string // any of them will do
	pkg      string
}{
	{[]string{"initdb"}, "postgresql"},
	{[]string{"redis-server"}, "redis-server"},
	{[]string{"nginx"}, "nginx-light"},
	{[]string{"chromium", "chromium-browser", "google-chrome", "chrome"}, "chromium"},
}

// find returns where a program is: in PATH, or where Debian hides those of the
// newest PostgreSQL. Empty if nowhere.
func find(name string) string {
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	l, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(l) == 0 {
		return ""
	}
	return slices.MaxFunc(l, func(a, b string) int { // 9.6 < 15: by length first
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
}

// missing names the packages of which nothing is installed.
func missing() []string {
	var l []string
	for _, n := range needs {
		if !slices.ContainsFunc(n.programs, func(p string) bool { return find(p) != "" }) {
			l = append(l, n.pkg)
		}
	}
	return l
}

// install installs what is missing.
func install(ctx context.Context) error {
	missing := missing()
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("these are missing: %s; install them, on Debian by: sudo apt-get install %[1]s",
			strings.Join(missing, " "))
	}
	for _, args := range [][]string{
		{"update", "-q"},
		append([]string{"install", "-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"}, missing...),
	} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w", strings.Join(args, " "), err)
		}
	}
	return nil
}
