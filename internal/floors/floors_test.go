// Package floors_test keeps the rule of who may import whom.
// docs/architecture.md draws the house.
package floors_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// module is this module's path.
const module = "github.com/headless-auth/headless"

// floors are the packages of this module, bottom up. A package imports from
// the floors below its own only; so neighbours never know of each other. A
// name that ends in /... stands for all packages below it.
var floors = [][]string{
	{"account/observe", "internal/pattern", "store"},
	{"account/observe/opentelemetry", "account/observe/prom", "store/internal/sqlstore"},
	{"store/memory", "store/postgres", "store/redis", "store/sqlite", "store/storetest"},
	{"internal/clientip", "internal/cors", "internal/i18n", "internal/invariants", "internal/jsonconfig", "internal/jwt", "internal/outbound", "internal/password", "internal/redirect", "internal/secret"},
	{"internal/csrf", "internal/mail", "tokens/verify"},
	{"internal/site", "tokens"},
	{"internal/api"},
	{"internal/forward", "internal/openapi", "sessions"},
	{"account"},
	{"account/phone", "account/smtp", "account/strength", "account/webhook", "internal/admin", "mfa", "socialaccount"},
	{"internal/doctor", "socialaccount/providers", "socialaccount/saml"},
	{""}, // the root
	{"account/importer"},
	{"account/authtest/softauthn", "internal/bench", "internal/browsertest", "internal/compat", "internal/configdoc", "internal/doctest", "internal/faultproxy", "internal/fleet", "internal/floors", "internal/lint", "internal/oidctest", "internal/soak", "internal/testenv/..."},
	{"account/authtest"},
	{"internal/smtptest", "internal/wiretest"},
	{"internal/faults", "internal/races", "internal/zitadeltest"},
	{"examples/..."},
}

// bare are packages that whoever imports the root must not get along with it:
// drivers and senders are the host's choice, and tests stay at home.
var bare = []string{
	"database/sql", "modernc.org/...", "github.com/jackc/...", "github.com/redis/...",
	"net/smtp", "github.com/wneessen/...", module + "/account/smtp", module + "/account/webhook",
	"github.com/nyaruka/...", "github.com/trustelem/...", module + "/socialaccount/saml", "github.com/crewjam/...", "github.com/russellhaering/...", "github.com/beevik/...",
	module + "/store/memory", module + "/store/postgres", module + "/store/redis", module + "/store/sqlite", module + "/store/storetest",
	"testing", "net/http/httptest", "net/http/pprof", "github.com/google/go-cmp/...", "github.com/chromedp/...", "github.com/getkin/...", "github.com/zitadel/...",
	"go.opentelemetry.io/...", "github.com/prometheus/...", module + "/account/observe/opentelemetry", module + "/account/observe/prom",
	module + "/account/authtest/...", module + "/internal/bench", module + "/internal/browsertest", module + "/internal/doctest", module + "/internal/faultproxy", module + "/internal/faults", module + "/internal/fleet", module + "/internal/oidctest", module + "/internal/smtptest", module + "/internal/testenv/...", module + "/internal/wiretest",
}

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Module     *struct{ Path string }
}

// list asks the go command; without tests, as an importer sees us.
func list(t *testing.T, patterns ...string) (l []pkg) {
	t.Helper()
	// The test's result may be reused while all that it has looked at stays as
	// it is. What the go command reads does not count; so look at it as well.
	look := func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == ".git" {
			return fs.SkipDir
		}
		return err
	}
	if err := filepath.WalkDir("../..", look); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports,Deps,Module"}, patterns...)...)
	cmd.Dir, cmd.Stderr = "../..", &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return l
		} else if err != nil {
			t.Fatal(err)
		}
		l = append(l, p)
	}
}

func matches(pattern, path string) bool {
	above, ok := strings.CutSuffix(pattern, "/...")
	return path == above || ok && strings.HasPrefix(path, above+"/")
}

// floor is where a package of ours is; -1 if it has none.
func floor(path string) int {
	name := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	return slices.IndexFunc(floors, func(names []string) bool {
		return slices.ContainsFunc(names, func(pattern string) bool { return matches(pattern, name) })
	})
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		own := floor(p.ImportPath)
		if own < 0 {
			t.Errorf("%s has no floor; give it one in the table", p.ImportPath)
			continue
		}
		for _, path := range p.Imports {
			if ours := matches(module+"/...", path); ours && floor(path) >= own {
				t.Errorf("%s imports %s, which is not below it", p.ImportPath, path)
			}
		}
	}
}

func TestTheRootComesAlone(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, ".") {
		for _, dep := range p.Deps {
			if slices.ContainsFunc(bare, func(pattern string) bool { return matches(pattern, dep) }) {
				t.Errorf("whoever imports %s gets %s along", p.ImportPath, dep)
			}
		}
	}
}

// TestDependenciesAreExplained: docs/dependencies.md tells why of each module
// that we import, and of no other.
func TestDependenciesAreExplained(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		explained[m[1]] = true
	}
	all := list(t, "-deps", "-test", "./...")
	of := map[string]string{} // the module of a package
	for _, p := range all {
		if p.Module != nil {
			of[p.ImportPath] = p.Module.Path
		}
	}
	used := map[string]bool{}
	for _, p := range all {
		if p.Module == nil || p.Module.Path != module {
			continue
		}
		for _, path := range p.Imports {
			if m := of[path]; m != "" && m != module {
				used[m] = true
			}
		}
	}
	for m := range used {
		if !explained[m] {
			t.Errorf("%s is used; say why in docs/dependencies.md", m)
		}
	}
	for m := range explained {
		if !used[m] {
			t.Errorf("%s is explained in docs/dependencies.md, but not used", m)
		}
	}
}

// drivers are what comes with a store or a sender.
var drivers = []string{
	"database/sql", "modernc.org/...", "github.com/jackc/...", "github.com/redis/...", "net/smtp", "github.com/wneessen/...",
	"github.com/nyaruka/...", "github.com/trustelem/...", "github.com/crewjam/...", "github.com/google/go-cmp/...", "github.com/chromedp/...", "github.com/getkin/...",
}

// TestTheKitIsLight: a host's tests get no driver along either.
func TestTheKitIsLight(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./account/authtest") {
		for _, dep := range p.Deps {
			if slices.ContainsFunc(drivers, func(pattern string) bool { return matches(pattern, dep) }) {
				t.Errorf("whoever imports %s gets %s along", p.ImportPath, dep)
			}
		}
	}
}
