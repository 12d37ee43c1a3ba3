package doctest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// requirements is how many there are of each subject. See docs/security.md.
var requirements = map[string]int{
	"SES": 9, "REQ": 6, "SEC": 6, "JWT": 5, "ENU": 3, "LIM": 6, "ONE": 4, "PWD": 2, "RST": 2, "EML": 5, "SOC": 6, "WAN": 3, "MFA": 5,
	"INP": 2, "DOS": 2, "DIS": 2, "REL": 8, "TST": 3,
}

var (
	requirementRow = regexp.MustCompile(`(?m)^\| ([A-Z]{3})-([0-9]+) \|(.*)\|(.*)\|$`)
	requirementID  = regexp.MustCompile(`\b([A-Z]{3})-([0-9]+)\b`)
	span           = regexp.MustCompile("`([^`]+)`")
	testName       = regexp.MustCompile(`^(Test|Benchmark|Fuzz)[A-Z]`)
)

// TestSecurity: docs/security.md has a row for each requirement, and the tests
// which it says prove them are there.
func TestSecurity(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/security.md")
	known := func(subject, number string) bool {
		n, err := strconv.Atoi(number)
		return err == nil && n >= 1 && n <= requirements[subject]
	}
	rows := map[string]bool{}
	packages := map[string]tests{}
	for _, m := range requirementRow.FindAllStringSubmatch(page, -1) {
		id := m[1] + "-" + m[2]
		if rows[id] {
			t.Errorf("%s has two rows", id)
		}
		rows[id] = true
		if strings.TrimSpace(m[3]) == "" {
			t.Errorf("%s: the row does not say how it is met", id)
		}
		dir, proofs := "", 0
		for _, s := range span.FindAllStringSubmatch(m[4], -1) {
			if !testName.MatchString(s[1]) {
				if dir = s[1]; packages[dir] == nil {
					packages[dir] = testsOf(t, dir)
				}
				continue
			}
			if proofs++; dir == "" {
				t.Errorf("%s: %s is of no package", id, s[1])
			} else if why := packages[dir].lacks(s[1]); why != "" {
				t.Errorf("%s: %s: %s", id, dir, why)
			}
		}
		if proofs == 0 {
			t.Errorf("%s is proven by nothing", id)
		}
	}
	for subject, n := range requirements {
		for i := range n {
			if id := subject + "-" + strconv.Itoa(i+1); !rows[id] {
				t.Errorf("%s has no row", id)
			}
		}
	}
	for _, m := range requirementID.FindAllStringSubmatch(page, -1) {
		if _, ours := requirements[m[1]]; ours && !known(m[1], m[2]) {
			t.Errorf("there is no %s", m[0])
		}
	}
	for id := range rows {
		if subject, number, _ := strings.Cut(id, "-"); !known(subject, number) {
			t.Errorf("there is a row for %s, which is no requirement", id)
		}
	}
}

// tests are the texts that the tests of a package hold, by the test. Those of
// helpers and tables are under "".
type tests map[string]map[string]bool

func testsOf(t *testing.T, dir string) tests {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s has no tests", dir)
	}
	all := tests{"": {}}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, b, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			in := ""
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && testName.MatchString(fn.Name.Name) {
				in = fn.Name.Name
				all[in] = map[string]bool{}
			}
			ast.Inspect(d, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if s, err := strconv.Unquote(lit.Value); err == nil {
						all[in][s] = true
					}
				}
				return true
			})
		}
	}
	return all
}

// lacks says what of a test, named as Test or Test/part/part, is not there.
func (l tests) lacks(name string) string {
	test, parts, deep := strings.Cut(name, "/")
	texts, ok := l[test]
	if !ok {
		return "there is no " + test
	}
	for part := range strings.SplitSeq(parts, "/") {
		if deep && !texts[part] && !l[""][part] {
			return test + " has no part " + strconv.Quote(part)
		}
	}
	return ""
}
