package invariants_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/sqlite"
)

// docs/schema.md has every table and every rule. Requirement TST-2.
func TestSchemaIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/schema.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("invariants.go")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t\w+ += "([a-z-]+)" +//`).FindAllStringSubmatch(string(source), -1) {
		want[m[1]] = true
	}
	if len(want) != 10 {
		t.Errorf("found %d rules", len(want))
	}
	for _, files := range []fs.FS{sqlite.Migrations(), postgres.Migrations()} {
		l, err := fs.Glob(files, "*.sql")
		if err != nil || len(l) == 0 {
			t.Fatalf("got %v, %v", l, err)
		}
		for _, name := range l {
			text, err := fs.ReadFile(files, name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^create table (\w+)`).FindAllStringSubmatch(string(text), -1) {
				want[m[1]] = true
			}
		}
	}
	for name := range want {
		if !strings.Contains(string(page), "\n| `"+name+"` |") {
			t.Errorf("docs/schema.md does not tell of %s", name)
		}
	}
}
