// Command configdoc writes docs/configuration.md: every setting, from the
// comments beside it in the code.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/headless-auth/headless/internal/jsonconfig"
)

const module = "github.com/headless-auth/headless"

// inFile tells what a file says of types that have no form of their own there:
// the structs whose keys they take, or plain text.
var inFile = map[string]string{
	"tokens.Strategy":        "tokens.JWTConfig",
	"socialaccount.Provider": "standalone.provider or saml.Config",
	"account.Webhook":        "standalone.hook",
	"crypto.Signer":          "a key in PEM, or the file that holds it",
	"crypto.PublicKey":       "a key in PEM, or the file that holds it",
	"x509.Certificate":       "a certificate in PEM, or the file that holds it",
	"fs.FS":                  "the folder they are in",
	"time.Duration":          "duration",
	"time.Time":              `time, such as "2026-01-31T12:00:00Z"`,
}

// written are the packages by the names that the code has for them.
var written = map[string]string{
	"headless": ".", "account": "account", "sessions": "sessions", "mfa": "mfa", "socialaccount": "socialaccount",
	"providers": "socialaccount/providers", "saml": "socialaccount/saml", "tokens": "tokens", "verify": "tokens/verify", "store": "store",
	"standalone": "examples/standalone",
}

func main() {
	log.SetFlags(0)
	root := flag.String("root", "../..", "`folder` of the module")
	out := flag.String("o", "", "`file` to write")
	keys := flag.String("keys", "", "JSON `file` to write, with every key of the standalone server")
	flag.Parse()
	page, list, err := generate(*root)
	if err == nil {
		err = os.WriteFile(*out, page, 0o644)
	}
	if err == nil && *keys != "" {
		err = os.WriteFile(*keys, list, 0o644)
	}
	if err != nil {
		log.Fatal("configdoc: ", err)
	}
}

// generator walks from struct to struct.
type generator struct {
	root  string
	types map[string]map[string]*ast.TypeSpec // by package and name
	words map[string][]string                 // the constants of a type, as "package.Name"
	files map[string][]*ast.File
	queue []string
	seen  map[string]bool
	out   bytes.Buffer
}

const intro = `# Configuration

<!-- Written by internal/configdoc from the code's comments: change them there, and run go generate ./... -->

Every setting, as a field of Go's ` + "`headless.Config`" + ` and as a key of the JSON file of the
[standalone server](standalone.md). What is left out has the default named here, which is the strict choice. Whatever
is wrong is reported at start, all of it at once, with the field or key it is about.

In the file, durations are text such as ` + "`\"15m\"`" + `, and any text may be ` + "`\"env:NAME\"`" + `: it is then taken from the
environment, where secrets belong. A setting without a key can be made in Go only.
`

// generate returns the page, and the list of keys.
func generate(root string) (page, keys []byte, err error) {
	g := &generator{root: root, types: map[string]map[string]*ast.TypeSpec{}, words: map[string][]string{}, files: map[string][]*ast.File{}, seen: map[string]bool{}}
	g.out.WriteString(intro)
	g.queue = []string{"headless.Config"}
	if err := g.sections(); err != nil {
		return nil, nil, err
	}
	if err := g.limits(); err != nil {
		return nil, nil, err
	}
	if err := g.section("standalone.settings", "The standalone server's own"); err != nil {
		return nil, nil, err
	}
	if err := g.sections(); err != nil {
		return nil, nil, err
	}
	l, err := g.keys("", "standalone.settings", nil)
	if err != nil {
		return nil, nil, err
	}
	keys, err = json.MarshalIndent(l, "", "\t")
	return g.out.Bytes(), append(keys, '\n'), err
}

// sections writes what is waiting.
func (g *generator) sections() error {
	for len(g.queue) > 0 {
		name := g.queue[0]
		g.queue = g.queue[1:]
		if err := g.section(name, ""); err != nil {
			return err
		}
	}
	return nil
}

// spec finds a type, as "package.Name".
func (g *generator) spec(name string) (*ast.TypeSpec, error) {
	pkg, typ, _ := strings.Cut(name, ".")
	if _, ok := g.types[pkg]; !ok {
		if err := g.parse(pkg); err != nil {
			return nil, err
		}
	}
	if s := g.types[pkg][typ]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("%s is no type", name)
}

func (g *generator) parse(pkg string) error {
	g.types[pkg] = map[string]*ast.TypeSpec{}
	dir, ok := written[pkg]
	if !ok {
		return nil // none of ours: nothing is known of its types
	}
	names, err := filepath.Glob(filepath.Join(g.root, dir, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		g.files[pkg] = append(g.files[pkg], f)
		for _, d := range f.Decls {
			if d, ok := d.(*ast.GenDecl); ok {
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						if s.Doc == nil {
							s.Doc = d.Doc
						}
						g.types[pkg][s.Name.Name] = s
					case *ast.ValueSpec:
						if d.Tok != token.CONST || len(s.Values) == 0 {
							continue
						}
						id, typed := s.Type.(*ast.Ident)
						if value, ok := s.Values[0].(*ast.BasicLit); ok && typed {
							g.words[pkg+"."+id.Name] = append(g.words[pkg+"."+id.Name], "`"+value.Value+"`")
						}
					}
				}
			}
		}
	}
	if len(g.files[pkg]) == 0 {
		return fmt.Errorf("%s: %w", filepath.Join(g.root, dir), fs.ErrNotExist)
	}
	return nil
}

// section is the table of a struct.
func (g *generator) section(name, title string) error {
	if g.seen[name] {
		return nil
	}
	g.seen[name] = true
	spec, err := g.spec(name)
	if err != nil {
		return err
	}
	s, ok := spec.Type.(*ast.StructType)
	if !ok {
		return fmt.Errorf("%s is no struct", name)
	}
	pkg, _, _ := strings.Cut(name, ".")
	if title == "" {
		title = "`" + name + "`"
		fmt.Fprintf(&g.out, "\n<a id=%q></a>\n\n## %s\n\n%s\n", anchor(name), title, text(spec.Doc, ""))
	} else {
		fmt.Fprintf(&g.out, "\n## %s\n", title)
	}
	g.out.WriteString("\n| Go | JSON | type | |\n| --- | --- | --- | --- |\n")
	for _, f := range s.Fields.List {
		var fields, keys []string
		settable, kind := g.describe(pkg, f.Type)
		for _, n := range f.Names {
			if n.IsExported() {
				fields = append(fields, "`"+n.Name+"`")
				keys = append(keys, "`"+jsonconfig.Key(n.Name)+"`")
			}
		}
		if len(fields) == 0 {
			continue
		}
		if !settable {
			keys = nil
		}
		if pkg == "standalone" {
			fields = nil
		}
		fmt.Fprintf(&g.out, "| %s | %s | %s | %s |\n", strings.Join(fields, "<br>"), strings.Join(keys, "<br>"), kind, text(f.Doc, f.Comment.Text()))
	}
	return nil
}

// describe tells whether a file can set a field, and what it holds.
func (g *generator) describe(pkg string, e ast.Expr) (settable bool, kind string) {
	switch e := e.(type) {
	case *ast.StarExpr:
		return g.describe(pkg, e.X)
	case *ast.ArrayType:
		if id, ok := e.Elt.(*ast.Ident); ok && id.Name == "byte" {
			return true, "secret text"
		}
		settable, kind = g.describe(pkg, e.Elt)
		return settable, "list of " + kind
	case *ast.MapType:
		settable, kind = g.describe(pkg, e.Value)
		return settable, "object of " + kind
	case *ast.SelectorExpr:
		return g.named(e.X.(*ast.Ident).Name + "." + e.Sel.Name)
	case *ast.Ident:
		switch e.Name {
		case "string":
			return true, "text"
		case "bool":
			return true, "true or false"
		case "int", "int64", "float64":
			return true, "number"
		}
		return g.named(pkg + "." + e.Name)
	}
	return false, "function"
}

func (g *generator) named(name string) (settable bool, kind string) {
	if as, ok := inFile[name]; ok {
		var links []string
		for as := range strings.SplitSeq(as, " or ") {
			if _, err := g.spec(as); err != nil {
				return true, inFile[name]
			}
			g.queue = append(g.queue, as)
			links = append(links, link(as))
		}
		return true, strings.Join(links, " or ")
	}
	spec, err := g.spec(name)
	if err != nil {
		return false, "`" + name + "`"
	}
	switch t := spec.Type.(type) {
	case *ast.StructType:
		g.queue = append(g.queue, name)
		return !strings.HasSuffix(name, ".Hooks"), link(name)
	case *ast.Ident:
		if words := g.words[name]; len(words) > 0 {
			return true, strings.Join(words, ", ")
		}
		pkg, _, _ := strings.Cut(name, ".")
		return g.describe(pkg, t)
	}
	return false, "`" + name + "`"
}

func anchor(name string) string { return strings.ToLower(strings.ReplaceAll(name, ".", "-")) }

func link(name string) string { return "[" + name + "](#" + anchor(name) + ")" }

var (
	docLink  = regexp.MustCompile(`(^|[^"])\[([A-Za-z.]+)\]`)
	citation = regexp.MustCompile(`(?i)\s*spec: [^;]*?\.md(,? §[0-9.]*[0-9])+\.`)
)

// text is a comment in one line, for a table. Paragraphs stay apart.
func text(doc *ast.CommentGroup, beside string) string {
	s := strings.TrimSpace(doc.Text())
	if s == "" {
		s = strings.TrimSpace(beside)
	}
	s = citation.ReplaceAllString(docLink.ReplaceAllString(s, "$1$2"), "")
	paragraphs := strings.Split(s, "\n\n")
	for i := range paragraphs {
		paragraphs[i] = strings.Join(strings.Fields(paragraphs[i]), " ")
	}
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`).Replace(strings.Join(paragraphs, " "))
}

// limits is the table of rate limits.
func (g *generator) limits() error {
	g.out.WriteString("\n## Rate limits\n\n" +
		"Keys of `Config.Limits`, with their defaults. A limit reads `amount/duration/per`, where `per` is `ip`, `user` or `key` (the\n" +
		"address or account it is about); several are joined by commas, and an empty one is none.\n\n| action | default |\n| --- | --- |\n")
	found := false
	for _, f := range g.files["account"] {
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || v.Names[0].Name != "defaultLimits" {
				return true
			}
			for _, e := range v.Values[0].(*ast.CompositeLit).Elts {
				kv := e.(*ast.KeyValueExpr)
				fmt.Fprintf(&g.out, "| `%s` | `%s` |\n", literal(kv.Key), literal(kv.Value))
				found = true
			}
			return false
		})
	}
	if !found {
		return fmt.Errorf("%s has no defaultLimits", module)
	}
	return nil
}

func literal(e ast.Expr) string {
	s, _ := strconv.Unquote(e.(*ast.BasicLit).Value)
	return s
}
