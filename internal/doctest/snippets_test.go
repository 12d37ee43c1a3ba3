// Package doctest_test keeps what the documents show true: every Go snippet
// compiles, every link leads somewhere, and what can be generated from the code
// is.
//
// # Snippets
//
// A block marked go is a whole program, if it begins with package, or else a
// fragment: declarations, statements, or fields of one of our Config structs.
// Fragments need no imports for the standard library and for this module, and
// may use the variables of prelude. What else they need stands before them in
// a comment that readers don't see:
//
//	<!-- go
//	var roles map[string]string
//	-->
//
// Blocks marked "go illustration" are about modules that are none of ours, and
// are not compiled. A block of shell commands is run by a test that [scripts]
// names, or is marked "sh illustration".
package doctest_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// prelude is what every fragment finds.
const prelude = `
var (
	ctx    = context.Background()
	auth   *headless.Auth
	config headless.Config
	mux    *http.ServeMux
	st     *postgres.Store
	userID string
)

func check(err error) {}
`

// known are the packages that fragments need not import, besides ours.
var known = []string{
	"bytes", "context", "crypto", "crypto/rand", "database/sql", "embed", "encoding/base64", "encoding/json", "errors", "fmt", "io",
	"io/fs", "log", "log/slog", "maps", "net/http", "net/http/httptest", "net/url", "os", "os/signal", "slices", "strings", "testing", "time",
	"github.com/go-chi/chi/v5", "github.com/jackc/pgx/v5", "golang.org/x/crypto/argon2", "github.com/jackc/pgx/v5/pgxpool", "golang.org/x/oauth2",
}

// literals are the structs that a fragment may be fields of.
var literals = []string{
	"headless.Config", "account.Config", "account.Hooks", "sessions.Config", "mfa.Config", "socialaccount.Config", "tokens.JWTConfig",
}

// scripts are the pages whose shell commands are run, by tests that are
// elsewhere, in the file named.
var scripts = map[string]string{
	"README.md":               "examples/quickstart/readme_test.go",
	"docs/getting-started.md": "internal/doctest/getting_started_test.go",
	"docs/importing.md":       "examples/standalone/import_test.go",
}

// pages are the documents, by path below the module's folder.
func pages(t *testing.T) []string {
	t.Helper()
	l, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(l) == 0 {
		t.Fatalf("there are no documents (%v)", err)
	}
	for i := range l {
		l[i] = "docs/" + filepath.Base(l[i])
	}
	return append(l, "README.md")
}

func read(t *testing.T, page string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../..", page))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// block is code in a page.
type block struct {
	page string
	line int    // of its first line
	mark string // what stands after the fence: "go", "sh illustration"; "<!-- go" for what readers don't see
	text string
}

var fences = regexp.MustCompile("(?ms)^(?:```([^\n]*)\n(.*?)^```|<!-- go\n(.*?)^-->)$")

func blocks(t *testing.T, page string) (l []block) {
	t.Helper()
	text := read(t, page)
	for _, m := range fences.FindAllStringSubmatchIndex(text, -1) {
		b := block{page: page, line: 2 + strings.Count(text[:m[0]], "\n")}
		if m[2] >= 0 {
			b.mark, b.text = text[m[2]:m[3]], text[m[4]:m[5]]
		} else {
			b.mark, b.text = "<!-- go", text[m[6]:m[7]]
		}
		l = append(l, b)
	}
	return l
}

// library finds packages as the compiler has left them.
type library struct {
	byName map[string]string // those that need no import
	files  map[string]string // their export data, by path
	types  types.Importer
	fset   *token.FileSet
}

func newLibrary(t *testing.T, further []string) *library {
	t.Helper()
	l := &library{byName: map[string]string{}, files: map[string]string{}, fset: token.NewFileSet()}
	ask := slices.Concat(known, further)
	for line := range strings.Lines(golist(t, "-f", "{{.Name}} {{.ImportPath}}", "./...")) {
		name, p, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "main" && !strings.Contains(p, "/internal/") && !strings.HasSuffix(name, "_test") {
			l.byName[name] = p
			ask = append(ask, p)
		}
	}
	for _, p := range known {
		name := path.Base(p)
		if regexp.MustCompile(`^v\d+$`).MatchString(name) {
			name = path.Base(path.Dir(p))
		}
		l.byName[name] = p
	}
	l.byName["goredis"] = "github.com/redis/go-redis/v9" // as redis is ours
	ask = append(ask, l.byName["goredis"])
	for line := range strings.Lines(golist(t, append([]string{"-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, ask...)...)) {
		p, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		l.files[p] = file
	}
	l.types = importer.ForCompiler(l.fset, "gc", func(p string) (io.ReadCloser, error) {
		if l.files[p] == "" {
			return nil, fmt.Errorf("no export data for %s", p)
		}
		return os.Open(l.files[p])
	})
	return l
}

func golist(t *testing.T, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir, cmd.Stderr = "../..", &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	return string(out)
}

var imports = regexp.MustCompile(`(?m)^(?:import )?\s*(?:\w+ )?"([^"\n]+)"$`)

func TestSnippets(t *testing.T) {
	t.Parallel()
	var further []string
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			if head, _, ok := strings.Cut(b.text, ")\n"); b.mark == "go" && ok && strings.Contains(head, "import") {
				for _, m := range imports.FindAllStringSubmatch(head, -1) {
					further = append(further, m[1])
				}
			}
		}
	}
	l := newLibrary(t, further)
	for _, page := range pages(t) {
		t.Run(page, func(t *testing.T) {
			fragments := []*ast.File{l.parse(t, "//line prelude:1\n"+prelude)}
			for _, b := range blocks(t, page) {
				switch {
				case b.mark == "go" && strings.HasPrefix(b.text, "package "):
					f, err := parser.ParseFile(l.fset, "", "//line "+place(b)+"\n"+b.text, parser.SkipObjectResolution)
					if err != nil {
						t.Error(err)
						continue
					}
					l.check(t, []*ast.File{f})
				case b.mark == "go" || b.mark == "<!-- go":
					if f := l.fragment(t, b); f != nil {
						fragments = append(fragments, f)
					}
				}
			}
			l.check(t, fragments)
		})
	}
}

func place(b block) string { return fmt.Sprintf("%s:%d", b.page, b.line) }

var leadingImports = regexp.MustCompile(`(?s)^import (?:\(.*?\n\)|"[^"\n]*")\n`)

// fragment parses a fragment as what it turns out to be.
func (l *library) fragment(t *testing.T, b block) *ast.File {
	t.Helper()
	own := leadingImports.FindString(b.text)
	rest := b.text[len(own):]
	b.line += strings.Count(own, "\n")
	line := "//line " + place(b) + "\n"
	forms := []string{own + line + rest}
	for _, name := range literals {
		if l.hasFields(t, name, rest) {
			forms = append(forms, own+"var _ = "+name+"{\n"+line+strings.TrimSuffix(strings.TrimSpace(rest), ",")+",\n}")
			break
		}
	}
	forms = append(forms, own+"func _() {\n"+line+rest+"\n}") // last: a field with its value is also a label
	var err error
	for _, form := range forms {
		if _, err = parser.ParseFile(token.NewFileSet(), "", "package p\n"+form, parser.SkipObjectResolution); err == nil {
			return l.parse(t, form)
		}
	}
	t.Errorf("neither declarations nor fields nor statements: %v", err)
	return nil
}

// hasFields reports whether a text may be fields of a struct.
func (l *library) hasFields(t *testing.T, name, text string) bool {
	t.Helper()
	e, err := parser.ParseExpr("T{" + strings.TrimSuffix(strings.TrimSpace(text), ",") + "}")
	lit, ok := e.(*ast.CompositeLit)
	if err != nil || !ok {
		return false
	}
	pkg, typ, _ := strings.Cut(name, ".")
	p, err := l.types.Import(l.byName[pkg])
	if err != nil {
		t.Fatal(err)
	}
	s := p.Scope().Lookup(typ).Type().Underlying().(*types.Struct)
	fields := map[string]bool{}
	for f := range s.Fields() {
		fields[f.Name()] = true
	}
	for _, el := range lit.Elts {
		kv, ok := el.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		if id, ok := kv.Key.(*ast.Ident); !ok || !fields[id.Name] {
			return false
		}
	}
	return true
}

// parse parses a file without a package clause, and imports what it names.
func (l *library) parse(t *testing.T, text string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, s := range f.Imports {
		name := path.Base(strings.Trim(s.Path.Value, `"`))
		if s.Name != nil {
			name = s.Name.Name
		}
		has[name] = true
	}
	var head strings.Builder
	head.WriteString("package p\n")
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := s.X.(*ast.Ident); ok && l.byName[id.Name] != "" && !has[id.Name] {
				has[id.Name] = true
				fmt.Fprintf(&head, "import %s %q\n", id.Name, l.byName[id.Name])
			}
		}
		return true
	})
	f, err = parser.ParseFile(l.fset, "", head.String()+text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// check reports what the compiler would refuse, but for what is not used.
func (l *library) check(t *testing.T, files []*ast.File) {
	t.Helper()
	c := types.Config{Importer: l.types, Error: func(err error) {
		if e := err.(types.Error); !e.Soft {
			t.Error(e)
		}
	}}
	_, _ = c.Check("p", l.fset, files, nil)
}

// TestJavaScript: what is marked js parses. docs/frontend.md is run in a browser
// besides, beside the pages that it is about.
func TestJavaScript(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("SKIPPED: node is not installed")
	}
	file := filepath.Join(t.TempDir(), "snippet.mjs")
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			if b.mark != "js" {
				continue
			}
			if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.CommandContext(t.Context(), "node", "--check", file).CombinedOutput(); err != nil {
				t.Errorf("%s: %s", place(b), out)
			}
		}
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			if b.mark == "sh" && scripts[page] == "" {
				t.Errorf(`%s: no test runs these commands; write one, or mark the block "sh illustration"`, place(b))
			}
		}
	}
	for page, test := range scripts {
		if _, err := os.Stat(filepath.Join("../..", test)); err != nil {
			t.Errorf("%s: %v", page, err)
		}
	}
}
