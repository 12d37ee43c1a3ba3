package store

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// FoldUsername returns the text under which a store finds a username: two names
// have the same one if and only if they are equal under simple Unicode folding,
// as [strings.EqualFold] has it. Each letter becomes the least of those that
// fold together; bytes that are no text stay as they are. It is not for showing:
// of "ada" it makes "ADA", and of "ß" nothing else. Stores of a host's own that
// keep names should keep it beside them, with a unique index.
func FoldUsername(name string) string {
	var b strings.Builder
	b.Grow(len(name))
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && size == 1 {
			b.WriteByte(name[i])
		} else {
			least := r
			for x := unicode.SimpleFold(r); x != r; x = unicode.SimpleFold(x) {
				least = min(least, x)
			}
			b.WriteRune(least)
		}
		i += size
	}
	return b.String()
}
