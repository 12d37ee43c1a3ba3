package site

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Problems collects what is wrong with a configuration, so that one error
// tells everything.
type Problems []string

// Add notes that a field is wrong, and what to write instead.
func (p *Problems) Add(field, what string) { *p = append(*p, field+": "+what) }

// Take notes what a part has found wrong with its own fields.
func (p *Problems) Take(prefix string, found map[string]string) {
	for _, field := range slices.Sorted(maps.Keys(found)) {
		p.Add(prefix+"."+field, found[field])
	}
}

// Err returns all of it as one error, or nil.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	word := "problems"
	if len(p) == 1 {
		word = "problem"
	}
	return fmt.Errorf("headless: %d %s in Config\n  %s", len(p), word, strings.Join(p, "\n  "))
}
