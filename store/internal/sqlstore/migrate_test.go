package sqlstore

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestMigrationsAreNumbered(t *testing.T) {
	for name, files := range map[string][]string{
		"a gap":            {"0001_a.sql", "0003_c.sql"},
		"twice the same":   {"0001_a.sql", "0001_b.sql"},
		"not from the one": {"0002_b.sql"},
		"no number":        {"first.sql"},
	} {
		f := fstest.MapFS{}
		for _, n := range files {
			f[n] = &fstest.MapFile{Data: []byte("select 1")}
		}
		if _, err := migrations(f); err == nil {
			t.Errorf("%s: got no error for %v", name, files)
		}
	}
}

func TestDialectsHaveTheSameMigrations(t *testing.T) {
	var names []string
	for _, dialect := range []string{"postgres", "sqlite"} {
		l, err := migrations(Migrations(dialect))
		if err != nil {
			t.Fatal(err)
		}
		var n []string
		for _, m := range l {
			n = append(n, m.name)
		}
		names = append(names, strings.Join(n, " "))
	}
	if names[0] != names[1] || names[0] == "" {
		t.Errorf("got %q and %q", names[0], names[1])
	}
}
