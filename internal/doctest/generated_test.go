package doctest_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/socialaccount"
)

var update = flag.Bool("update", false, "write what pages have from the code")

// fill compares what a page has between two comments with what it should have,
// or writes it.
func fill(t *testing.T, page, begin, want string) {
	t.Helper()
	text := read(t, page)
	before, rest, ok := strings.Cut(text, "<!-- "+begin+" -->\n")
	got, after, ok2 := strings.Cut(rest, "<!-- end -->")
	if !ok || !ok2 {
		t.Fatalf("%s has no place for %s", page, begin)
	}
	if *update {
		text = before + "<!-- " + begin + " -->\n" + want + "<!-- end -->" + after
		if err := os.WriteFile(filepath.Join("../..", page), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s is not up to date: run go test ./internal/doctest -update", page)
	}
}

// source is the code of a package, without its tests, by the files' names.
func source(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	names, err := filepath.Glob(filepath.Join("../..", dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = f
	}
	return files
}

// text is the value of a literal.
func text(t *testing.T, e ast.Expr) string {
	t.Helper()
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		t.Fatalf("%T is no literal", e)
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// cell is a comment for a table: one line, without what is only for readers of
// the code.
func cell(comment string) string {
	comment, _, _ = strings.Cut(strings.Join(strings.Fields(comment), " "), " spec: ")
	comment = strings.NewReplacer("|", `\|`, "[", "", "]", "", "<", "&lt;").Replace(comment)
	return strings.ToUpper(comment[:1]) + comment[1:]
}

// TestEvents: docs/customising.md lists the types that have a name and a
// subject.
func TestEvents(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	want.WriteString("| event | type | |\n| --- | --- | --- |\n")
	known := map[string][]string{
		"account": account.EventNames(), "sessions": sessions.EventNames(), "mfa": mfa.EventNames(), "socialaccount": socialaccount.EventNames(),
	}
	for _, pkg := range []string{"account", "sessions", "mfa", "socialaccount"} {
		docs, names := map[string]string{}, map[string]string{}
		var order []string
		files := source(t, pkg)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			for _, d := range files[name].Decls {
				switch d := d.(type) {
				case *ast.GenDecl:
					for _, s := range d.Specs {
						if s, ok := s.(*ast.TypeSpec); ok {
							docs[s.Name.Name] = s.Doc.Text()
							if s.Doc == nil {
								docs[s.Name.Name] = d.Doc.Text()
							}
						}
					}
				case *ast.FuncDecl:
					if d.Recv == nil || d.Name.Name != "Name" || d.Type.Results == nil {
						continue
					}
					id, ok := d.Recv.List[0].Type.(*ast.Ident)
					if ret, is := d.Body.List[0].(*ast.ReturnStmt); ok && is {
						if lit, is := ret.Results[0].(*ast.BasicLit); is {
							names[id.Name] = text(t, lit)
							order = append(order, id.Name)
						}
					}
				}
			}
		}
		if len(order) == 0 {
			t.Errorf("package %s has no events", pkg)
		}
		if got, want := slices.Sorted(slices.Values(known[pkg])), slices.Sorted(maps.Values(names)); !slices.Equal(got, want) {
			t.Errorf("%s.EventNames is %q, want %q", pkg, got, want)
		}
		for _, typ := range slices.Compact(order) {
			doc := strings.TrimPrefix(strings.TrimPrefix(docs[typ], typ+": "), typ+" is the event that ")
			fmt.Fprintf(&want, "| `%s` | `%s.%s` | %s |\n", names[typ], pkg, typ, cell(doc))
		}
	}
	fill(t, "docs/customising.md", "events", want.String())
}
