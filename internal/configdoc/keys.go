package main

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"

	"github.com/headless-auth/headless/internal/jsonconfig"
)

// setting is a key of the standalone server's file.
type setting struct {
	// Key is the path to it; [] stands for each entry of a list, NAME for each
	// member of an object.
	Key     string `json:"key"`
	Type    string `json:"type"`
	Default string `json:"default,omitempty"`
	Help    string `json:"help"`
}

// keys lists the keys of a struct and of those in it. An embedded struct's
// come first, but for those that the outer one has as well.
func (g *generator) keys(prefix, name string, above []string) (l []setting, err error) {
	spec, err := g.spec(name)
	if err != nil {
		return nil, err
	}
	s, ok := spec.Type.(*ast.StructType)
	if !ok || slices.Contains(above, name) {
		return nil, nil
	}
	above = append(slices.Clone(above), name)
	pkg, _, _ := strings.Cut(name, ".")
	for _, f := range s.Fields.List {
		inside, suffix := g.inside(pkg, f.Type)
		if len(f.Names) == 0 {
			embedded, err := g.keys(prefix, inside, above)
			if err != nil {
				return nil, err
			}
			l = append(l, embedded...)
			continue
		}
		settable, kind := g.describe(pkg, f.Type)
		if !settable {
			continue
		}
		for _, n := range f.Names {
			if !n.IsExported() {
				continue
			}
			key := prefix + jsonconfig.Key(n.Name)
			l = slices.DeleteFunc(l, func(x setting) bool {
				return x.Key == key || strings.HasPrefix(x.Key, key+".") || strings.HasPrefix(x.Key, key+"[")
			})
			l = append(l, newSetting(key, kind, unescape.Replace(text(f.Doc, f.Comment.Text()))))
			if inside == "" {
				continue
			}
			for inside := range strings.SplitSeq(inside, " or ") {
				below, err := g.keys(key+suffix+".", inside, above)
				if err != nil {
					return nil, err
				}
				for _, x := range below { // what several have is listed once
					if !slices.ContainsFunc(l, func(y setting) bool { return x.Key == y.Key }) {
						l = append(l, x)
					}
				}
			}
		}
	}
	return l, nil
}

// inside is the struct that a field holds, or a list or an object of, several
// joined by " or ", and what stands between their keys; empty if it holds none.
func (g *generator) inside(pkg string, e ast.Expr) (name, suffix string) {
	switch e := e.(type) {
	case *ast.StarExpr:
		return g.inside(pkg, e.X)
	case *ast.ArrayType:
		name, suffix = g.inside(pkg, e.Elt)
		return name, "[]" + suffix
	case *ast.MapType:
		name, suffix = g.inside(pkg, e.Value)
		return name, ".NAME" + suffix
	case *ast.SelectorExpr:
		name = e.X.(*ast.Ident).Name + "." + e.Sel.Name
	case *ast.Ident:
		name = pkg + "." + e.Name
	default:
		return "", ""
	}
	if as, ok := inFile[name]; ok {
		name = as
	}
	for one := range strings.SplitSeq(name, " or ") {
		spec, err := g.spec(one)
		if err != nil {
			return "", ""
		}
		if _, ok := spec.Type.(*ast.StructType); !ok {
			return "", ""
		}
	}
	return name, ""
}

var (
	unescape  = strings.NewReplacer(`\|`, "|", "&lt;", "<", `\*`, "*")
	byDefault = regexp.MustCompile(`Default:? (.+?)\.(?: |$)`)
	linked    = regexp.MustCompile(`\[([^]]+)\]\(#[^)]*\)`)
)

func newSetting(key, kind, help string) setting {
	s := setting{Key: key, Type: strings.ReplaceAll(linked.ReplaceAllString(kind, "object"), "`", ""), Help: help}
	if m := byDefault.FindStringSubmatch(help); m != nil {
		s.Default = m[1]
	} else if kind == "true or false" {
		s.Default = "false"
	}
	return s
}
