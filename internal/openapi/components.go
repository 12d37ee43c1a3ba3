package openapi

import (
	"maps"
	"slices"
	"strings"
)

// components are what the paths refer to, and what that refers to, by name.
func (d *draft) components(paths object) object {
	kinds := []struct {
		name string
		all  map[string]object
	}{{"schemas", d.schemas}, {"responses", d.responses}, {"parameters", d.describeParameters()}, {"examples", d.examples}}
	reached := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case object:
			for _, x := range v {
				if x.name != "$ref" {
					walk(x.value)
					continue
				}
				path := x.value.(string)
				if reached[path] {
					continue
				}
				reached[path] = true
				for _, k := range kinds {
					if name, ok := strings.CutPrefix(path, "#/components/"+k.name+"/"); ok {
						walk(k.all[name])
					}
				}
			}
		}
	}
	walk(paths)
	var o object
	for _, k := range kinds {
		var all object
		for _, name := range slices.Sorted(maps.Keys(k.all)) {
			if reached["#/components/"+k.name+"/"+name] {
				all = append(all, member{name, k.all[name]})
			}
		}
		o = o.with(k.name, all)
	}
	return o
}
