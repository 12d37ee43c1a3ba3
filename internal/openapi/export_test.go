package openapi

import (
	"maps"
	"slices"
)

// Operations lists what the table of operations describes.
func Operations() []string { return slices.Sorted(maps.Keys(operations())) }

// Encode writes a value as JSON and as YAML.
func Encode(v any) (json, yaml []byte) { return appendJSON(nil, v), appendYAML(nil, v, 0) }

// Pair is an object of one member.
func Pair(name string, value any) any { return m(name, value) }

// Values is a list.
func Values(v ...any) any { return list(v...) }
