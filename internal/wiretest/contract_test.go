package wiretest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
)

// docs/contract.md tells no more and no less than what is there.
func TestContract(t *testing.T) {
	b, err := os.ReadFile("../../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)

	t.Run("every endpoint is in the document", func(t *testing.T) {
		wiretest.EachOn(t, []string{"memory"}, everything, func(t *testing.T, w *World, c *Client) {
			var told []string
			for _, row := range table(t, doc, "endpoints") {
				if row[2] == "both" || row[2] == c.Kind {
					told = append(told, row[1]+" "+strings.Trim(row[0], "`"))
				}
			}
			c.LogIn(w.Make(Person{Phone: wiretest.FreshPhone()}))
			var mounted []string
			for _, path := range walk(t, w, c.Kind) {
				for method := range strings.SplitSeq(c.Do("OPTIONS", path, nil).Header.Get("Allow"), ", ") {
					if method != "HEAD" && method != "OPTIONS" {
						mounted = append(mounted, method+" "+path)
					}
				}
			}
			slices.Sort(told)
			slices.Sort(mounted)
			same(t, told, mounted...)
		})
	})

	t.Run("every error code is in the document", func(t *testing.T) {
		var told []string
		for _, row := range table(t, doc, "errors") {
			told = append(told, strings.Trim(row[0], "`"))
		}
		codes := slices.Concat(constants(t, "../../account"), constants(t, "../api"))
		if len(codes) < 25 {
			t.Fatalf("found only %q", codes)
		}
		// Those that are put together, or come from elsewhere.
		codes = append(codes, "csrf_failed", "client_ip_unknown", "unknown_phone", "password_too_similar", "password_too_short", "password_too_common", "password_entirely_numeric")
		for _, method := range []string{"email", "username", "phone"} {
			codes = append(codes, method+"_password_mismatch")
		}
		for _, code := range codes {
			if !slices.Contains(told, code) {
				t.Errorf("%s is not in the document", code)
			}
		}
		for _, code := range told {
			if !slices.Contains(codes, code) {
				t.Errorf("%s is no code", code)
			}
		}
	})

	t.Run("every setting is in the document", func(t *testing.T) {
		known := map[string]bool{}
		add := func(prefix string, v any) {
			for f := range reflect.TypeOf(v).Fields() {
				known[prefix+f.Name] = true
			}
		}
		add("Account.", account.Config{})
		add("PasswordConfig.", account.PasswordConfig{})
		add("CodeConfig.", account.CodeConfig{})
		add("CodeFormat.", account.CodeFormat{})
		must := len(known)
		add("", Config{})
		add("Hooks.", account.Hooks{})
		add("Session.", Config{}.Session)
		add("Mail.", Config{}.Mail)
		add("Frontend.", Config{}.Frontend)
		told := map[string]bool{}
		for _, row := range table(t, doc, "settings") {
			for _, field := range quoted.FindAllStringSubmatch(row[1], -1) {
				if told[field[1]] = true; !known[field[1]] && !strings.HasPrefix(field[1], "Test") {
					t.Errorf("%s is no setting", field[1])
				}
			}
		}
		compared := 0
		for field := range known {
			if prefix, _, deep := strings.Cut(field, "."); !deep || !slices.Contains([]string{"Account", "PasswordConfig", "CodeConfig", "CodeFormat"}, prefix) {
				continue
			}
			if compared++; !told[field] {
				t.Errorf("%s is not in the document", field)
			}
		}
		if compared != must {
			t.Errorf("compared %d settings, want %d", compared, must)
		}
	})

	t.Run("every test that the document names exists", func(t *testing.T) {
		tests := sentences(t)
		n := 0
		for _, name := range quoted.FindAllStringSubmatch(doc, -1) {
			if !strings.HasPrefix(name[1], "Test") {
				continue
			}
			n++
			parts := strings.Split(name[1], ": ")
			texts, ok := tests[parts[0]]
			if !ok {
				t.Errorf("there is no %s", parts[0])
			}
			// A sentence may itself hold a colon.
			for rest := strings.TrimPrefix(name[1], parts[0]); ok && rest != ""; {
				rest = strings.TrimPrefix(rest, ": ")
				found := ""
				for text := range texts {
					if (rest == text || strings.HasPrefix(rest, text+": ")) && len(text) > len(found) {
						found = text
					}
				}
				if found == "" {
					t.Errorf("%s has no part %q", parts[0], rest)
					break
				}
				rest = strings.TrimPrefix(rest, found)
			}
		}
		if n < 100 {
			t.Errorf("the document names only %d tests", n)
		}
	})

	t.Run("every row names what proves it", func(t *testing.T) {
		for _, name := range []string{"endpoints", "errors"} {
			for _, row := range table(t, doc, name) {
				if last := row[len(row)-1]; !strings.Contains(last, "`Test") && !strings.Contains(last, "](") {
					t.Errorf("%v is proven by nothing", row)
				}
			}
		}
		for _, row := range table(t, doc, "settings") {
			if row[2] == "" && !strings.HasPrefix(row[1], "not offered") && !strings.Contains(row[1], "](") {
				t.Errorf("%v is proven by nothing", row)
			}
		}
	})
}

var quoted = regexp.MustCompile("`([^`]+)`")

// table reads the rows of a table of the document, without its head.
func table(t *testing.T, doc, name string) [][]string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, "<!-- "+name+" -->\n")
	text, _, closed := strings.Cut(rest, "<!-- end -->")
	if !ok || !closed {
		t.Fatalf("the document has no table of %s", name)
	}
	var rows [][]string
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if i < 2 {
			continue
		}
		var row []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			row = append(row, strings.TrimSpace(cell))
		}
		rows = append(rows, row)
	}
	return rows
}

// parse reads the Go files of a folder.
func parse(t *testing.T, pattern string) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatal(pattern, err)
	}
	var files []*ast.File
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// constants lists the values of a package's constants of type Code.
func constants(t *testing.T, folder string) (codes []string) {
	t.Helper()
	for _, f := range parse(t, folder+"/*.go") {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				if name := typeName(v.Type); name != "Code" {
					continue
				}
				for _, x := range v.Values {
					code, err := strconv.Unquote(x.(*ast.BasicLit).Value)
					if err != nil {
						t.Fatal(err)
					}
					codes = append(codes, code)
				}
			}
		}
	}
	return codes
}

func typeName(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.SelectorExpr:
		return x.Sel.Name
	case *ast.Ident:
		return x.Name
	}
	return ""
}

// sentences are the texts in every test of this package: those of its own, and
// of the helpers that it may call.
func sentences(t *testing.T) map[string]map[string]bool {
	t.Helper()
	tests, helpers := map[string]map[string]bool{}, map[string]bool{}
	for _, f := range parse(t, "*_test.go") {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			into := helpers
			if strings.HasPrefix(fn.Name.Name, "Test") {
				into = map[string]bool{}
				tests[fn.Name.Name] = into
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					if text, err := strconv.Unquote(l.Value); err == nil && len(text) > 3 {
						into[text] = true
					}
				}
				return true
			})
		}
	}
	for _, texts := range tests {
		for text := range helpers {
			texts[text] = true
		}
	}
	return tests
}
