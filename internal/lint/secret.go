package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// called are the names of secrets, tagged of what proves that something was
// made with one. A hash of a random token is neither: to find one with the same
// beginning is of no use.
var (
	called = regexp.MustCompile(`(?i)^(.*(password|passwd|secret|seed|verifier|recoverycode|passphrase)|(.*[a-z_])?token|(raw|plain|new|old|given|typed)?code)$`)
	tagged = regexp.MustCompile(`(?i)(mac|digest|signature|fingerprint|codehash)$`)
)

// secret returns the name under which an expression is a secret's text, or ""
// if it is none by name or by type. Types of our own redact themselves or are
// made for other things; only bare text can be shown by mistake.
func secret(pass *analysis.Pass, e ast.Expr, names ...*regexp.Regexp) string {
	e = ast.Unparen(e)
	if pass.TypesInfo.Types[e].Value != nil || !isText(pass.TypesInfo.TypeOf(e)) {
		return "" // constants are in the source
	}
	name := nameOf(pass, e)
	for _, re := range names {
		if name != "" && re.MatchString(name) {
			return name
		}
	}
	return ""
}

// nameOf is what an expression is called: a variable, a field, a function that
// is called, the text of an input.
func nameOf(pass *analysis.Pass, e ast.Expr) string {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.IndexExpr:
		return nameOf(pass, e.X)
	case *ast.SliceExpr:
		return nameOf(pass, e.X)
	case *ast.StarExpr:
		return nameOf(pass, e.X)
	case *ast.CallExpr:
		if pass.TypesInfo.Types[e.Fun].IsType() && len(e.Args) == 1 {
			return nameOf(pass, e.Args[0]) // a conversion
		}
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Text" && len(e.Args) == 1 {
			if v := pass.TypesInfo.Types[e.Args[0]].Value; v != nil { // rq.Input.Text("password")
				return strings.Trim(v.ExactString(), `"`)
			}
		}
	}
	return ""
}

func isText(t types.Type) bool {
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		return t.Info()&types.IsString != 0
	case *types.Slice:
		b, ok := t.Elem().(*types.Basic)
		return ok && b.Kind() == types.Byte
	}
	return false
}

// excuse begins a comment that says why something is fine.
const excuse = "// not secret: "

// excused reports whether the line of a position says why it is fine.
func excused(pass *analysis.Pass, at token.Pos) bool {
	line := pass.Fset.Position(at).Line
	for _, f := range pass.Files {
		if f.FileStart > at || at > f.FileEnd {
			continue
		}
		for _, g := range f.Comments {
			for _, c := range g.List {
				if strings.HasPrefix(c.Text, excuse) && len(c.Text) > len(excuse) && pass.Fset.Position(c.Pos()).Line == line {
					return true
				}
			}
		}
	}
	return false
}

// inTest reports whether a position is in a test, which may show what it likes.
func inTest(pass *analysis.Pass, at token.Pos) bool {
	return strings.HasSuffix(pass.Fset.Position(at).Filename, "_test.go")
}
