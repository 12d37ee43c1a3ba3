package main

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

// compare wants secrets compared in constant time. Requirement SEC-3.
var compare = &analysis.Analyzer{
	Name:     "compare",
	Doc:      "reports comparisons of secrets that take longer the more is right",
	Requires: []*analysis.Analyzer{inspect.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		in := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
		for n := range in.PreorderSeq((*ast.BinaryExpr)(nil), (*ast.CallExpr)(nil)) {
			x, y := compared(pass, n)
			if x == nil || inTest(pass, n.Pos()) || constant(pass, x) || constant(pass, y) {
				continue // whether it is empty, or of a kind, may be known
			}
			for _, e := range []ast.Expr{x, y} {
				if name := secret(pass, e, called, tagged); name != "" && !excused(pass, e.Pos()) {
					pass.ReportRangef(n, "%s may be a secret; compare it in constant time", name)
					break
				}
			}
		}
		return nil, nil
	},
}

// compared returns what a node compares, nil if it does not.
func compared(pass *analysis.Pass, n ast.Node) (x, y ast.Expr) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if n.Op == token.EQL || n.Op == token.NEQ {
			return n.X, n.Y
		}
	case *ast.CallExpr:
		sel, ok := n.Fun.(*ast.SelectorExpr)
		if !ok || len(n.Args) != 2 {
			return nil, nil
		}
		f, ok := pass.TypesInfo.Uses[sel.Sel].(*types.Func)
		if !ok || f.Pkg() == nil {
			return nil, nil
		}
		switch f.Pkg().Path() + "." + f.Name() {
		case "bytes.Equal", "bytes.Compare", "bytes.EqualFold", "strings.EqualFold", "strings.Compare", "slices.Equal", "cmp.Compare", "reflect.DeepEqual":
			return n.Args[0], n.Args[1]
		}
	}
	return nil, nil
}

func constant(pass *analysis.Pass, e ast.Expr) bool {
	tv := pass.TypesInfo.Types[e]
	return tv.Value != nil || tv.IsNil()
}
