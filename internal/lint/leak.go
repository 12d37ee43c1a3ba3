package main

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

// leak wants no secret in logs and errors. Requirement SEC-5.
var leak = &analysis.Analyzer{
	Name:     "leak",
	Doc:      "reports secrets among the arguments of what logs, prints, panics or makes an error",
	Requires: []*analysis.Analyzer{inspect.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		in := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
		for n := range in.PreorderSeq((*ast.CallExpr)(nil)) {
			call := n.(*ast.CallExpr)
			if !shows(pass, call) || inTest(pass, call.Pos()) {
				continue
			}
			for _, arg := range call.Args {
				for part := range parts(arg) {
					if name := secret(pass, part, called); name != "" && !excused(pass, part.Pos()) {
						pass.ReportRangef(part, "%s may be a secret and is shown here", name)
					}
				}
			}
		}
		return nil, nil
	},
}

// parts are an expression and, of text that is put together, its parts.
func parts(e ast.Expr) func(yield func(ast.Expr) bool) {
	return func(yield func(ast.Expr) bool) {
		ast.Inspect(e, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr, *ast.ParenExpr:
				return true
			case ast.Expr:
				yield(n)
			}
			return false
		})
	}
}

// shows reports whether a call shows its arguments to people: it logs, prints,
// panics or makes an error.
func shows(pass *analysis.Pass, call *ast.CallExpr) bool {
	if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" {
		return true
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	f, ok := pass.TypesInfo.Uses[sel.Sel].(*types.Func)
	if !ok || f.Pkg() == nil {
		return false
	}
	switch f.Pkg().Path() {
	case "log", "log/slog":
		return true
	case "errors":
		return f.Name() == "New"
	case "fmt":
		return f.Name() == "Errorf" || strings.HasPrefix(f.Name(), "Print")
	}
	return false
}
