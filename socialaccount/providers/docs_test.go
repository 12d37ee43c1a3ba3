package providers_test

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/socialaccount/providers"
)

var update = flag.Bool("update", false, "write the table of docs/providers.md")

// The table in docs/providers.md lists what there is.
func TestDocs(t *testing.T) {
	t.Parallel()
	const file, begin, end = "../../docs/providers.md", "<!-- providers -->\n", "<!-- end -->"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(b), begin)
	was, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table", file)
	}
	table := providerTable()
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(table, was); diff != "" {
		t.Errorf("run: go test ./socialaccount/providers -run TestDocs -update\n%s", diff)
	}
}

func providerTable() string {
	var b strings.Builder
	b.WriteString("| id | function | settings | addresses |\n| --- | --- | --- | --- |\n")
	row := func(id, settings, addresses string) {
		info := constructors[id](providers.Client{ID: "a", Secret: "b"}).Info()
		name := "`" + id + "`"
		if info.Path != id+"/login/callback/" {
			name += ", `" + info.Path + "`"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", name, functionName(id), settings, addresses)
	}
	for _, s := range providers.Specs() {
		if s.ID > "dummy" && !strings.Contains(b.String(), "`dummy`") {
			row("dummy", "", "as you say; for development")
		}
		row(s.ID, settingsOf(s), addressesOf(s))
	}
	return b.String()
}

// functionName is the constructor's.
func functionName(id string) string {
	if id == "dummy" {
		return "Dummy"
	}
	name := runtime.FuncForPC(reflect.ValueOf(constructors[id]).Pointer()).Name()
	return name[strings.LastIndexByte(name, '.')+1:]
}

func settingsOf(s providers.Spec) string {
	var l []string
	for _, x := range s.Settings {
		name := "`" + x.Name + "`"
		switch {
		case x.Required:
			name = "**" + name + "**"
		case x.Default != "" && len(x.Default) < 50:
			name += " (" + x.Default + ")"
		}
		l = append(l, name)
	}
	return strings.Join(l, ", ")
}

func addressesOf(s providers.Spec) string {
	switch {
	case s.Map.Emails != nil:
		return "flag, several"
	case s.Map.EmailVerified == providers.Assumed:
		return "assumed"
	case s.Map.EmailVerified != "":
		return "flag"
	case s.Map.Email != "":
		return "unproven"
	}
	return "none"
}
