package main

import (
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"
)

func TestAnalyzers(t *testing.T) {
	for _, a := range analyzers {
		t.Run(a.Name, func(t *testing.T) { analysistest.Run(t, analysistest.TestData(), a, a.Name) })
	}
}

// The whole module holds to the rules.
func TestModule(t *testing.T) {
	pkgs, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax, Dir: "../.."}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 40 {
		t.Fatalf("only %d packages were found", len(pkgs))
	}
	graph, err := checker.Analyze(analyzers, pkgs, nil)
	if err != nil {
		t.Fatal(err)
	}
	for a := range graph.All() {
		if a.Err != nil {
			t.Errorf("%s: %v", a, a.Err)
		}
		for _, d := range a.Diagnostics {
			t.Errorf("%s: %s", strings.TrimPrefix(a.Package.Fset.Position(d.Pos).String(), "../../"), d.Message)
		}
	}
}
