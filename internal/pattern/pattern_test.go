package pattern_test

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/headless-auth/headless/internal/pattern"
)

func TestPattern(t *testing.T) {
	t.Parallel()
	p := pattern.New(`^(a+)(b*)$`)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if !p.MatchString("aab") || p.MatchString("ba") {
				t.Error("what matches is wrong")
			}
		})
	}
	all.Wait()
	if got := p.Regexp().FindStringSubmatch("aab"); len(got) != 3 || got[1] != "aa" || got[2] != "b" {
		t.Errorf("found %q", got)
	}
}

// Every pattern of this module is one.
func TestAllPatterns(t *testing.T) {
	t.Parallel()
	found := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || types.ExprString(call.Fun) != "pattern.New" || len(call.Args) != 1 {
				return true
			}
			v, err := types.Eval(files, nil, token.NoPos, types.ExprString(call.Args[0]))
			if err != nil || v.Value == nil {
				t.Errorf("%s: the pattern is no constant text", files.Position(call.Pos()))
				return true
			}
			found++
			if _, err := regexp.Compile(constant.StringVal(v.Value)); err != nil {
				t.Errorf("%s: %v", files.Position(call.Pos()), err)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 20 {
		t.Errorf("found %d patterns only", found)
	}
}
