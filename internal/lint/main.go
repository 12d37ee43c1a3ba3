// Command lint finds what no general tool looks for: routes without a rule of
// who may call them, secrets on their way into a log or an error, and secrets
// that are compared in a time that tells about them.
//
//	go run ./internal/lint ./...
//
// It goes by names: what is called token, password or code, and is text, counts
// as a secret. Where it is none, or must be shown, a comment at the end of the
// line says why:
//
//	if in.Code == "mfa_required" { // not secret: an error's code
package main

import (
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/multichecker"
)

// analyzers are all of ours.
var analyzers = []*analysis.Analyzer{access, leak, compare}

func main() { multichecker.Main(analyzers...) }
