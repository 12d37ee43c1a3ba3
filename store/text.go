package store

import (
	"strings"
	"unicode/utf8"
)

// Storable reports whether every backend can keep a text: it is UTF-8 without a
// NUL byte. Stores refuse other keys.
func Storable(text string) bool {
	return strings.IndexByte(text, 0) < 0 && utf8.ValidString(text)
}
