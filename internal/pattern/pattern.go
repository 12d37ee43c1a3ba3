// Package pattern has regular expressions that are compiled when they are
// first used. A compiled one takes up to 100 KiB to make; a program that starts
// makes none of those that nobody will ask.
package pattern

import (
	"regexp"
	"sync"
)

// Pattern is a regular expression. It is safe for use by several goroutines.
type Pattern struct {
	text     string
	once     sync.Once
	compiled *regexp.Regexp
}

// New returns the pattern that a text describes, in package regexp's syntax.
// One that describes none panics when it is first used; a test of this package
// compiles those of the whole module.
func New(text string) *Pattern { return &Pattern{text: text} }

// Regexp returns the compiled expression.
func (p *Pattern) Regexp() *regexp.Regexp {
	p.once.Do(func() { p.compiled = regexp.MustCompile(p.text) })
	return p.compiled
}

// MatchString reports whether s contains a match.
func (p *Pattern) MatchString(s string) bool { return p.Regexp().MatchString(s) }
