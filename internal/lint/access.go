package main

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

// access wants every route to say who may call it. Requirement MFA-1: nobody
// is let in because somebody forgot to ask.
var access = &analysis.Analyzer{
	Name:     "access",
	Doc:      "reports api.Route literals that do not say who may call",
	Requires: []*analysis.Analyzer{inspect.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		in := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
		for n := range in.PreorderSeq((*ast.CompositeLit)(nil)) {
			lit := n.(*ast.CompositeLit)
			if !isRoute(pass.TypesInfo.TypeOf(lit)) || len(lit.Elts) == 0 || inTest(pass, lit.Pos()) {
				continue // an empty one is no route yet
			}
			if !says(lit, "Access") {
				pass.ReportRangef(lit, "the route does not say who may call it; set Access")
			}
		}
		return nil, nil
	},
}

// isRoute reports whether a type is Route of a package called api.
func isRoute(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Name() == "Route" && named.Obj().Pkg() != nil && named.Obj().Pkg().Name() == "api"
}

// says reports whether a literal sets a field, to something other than nil.
func says(lit *ast.CompositeLit, field string) bool {
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return true // without names all fields are there
		}
		if k, ok := kv.Key.(*ast.Ident); ok && k.Name == field {
			v, ok := kv.Value.(*ast.Ident)
			return !ok || v.Name != "nil"
		}
	}
	return false
}
