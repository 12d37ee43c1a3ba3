// Package i18n holds what we say to people, by key and language, and finds the
// language that a reader wants. Its own catalog are the sentences for the
// API's error codes; clients key on the code, the sentence is a courtesy.
package i18n

import (
	"embed"
	"io/fs"
	"sync"
)

// Default is the language that is always there.
const Default = "en"

//go:embed errors/*.json
var files embed.FS

var errorTexts = sync.OnceValue(func() *Catalog {
	sub, err := fs.Sub(files, "errors")
	if err != nil {
		panic(err)
	}
	return Open(sub)
})

// Message returns the sentence for an error code, in English where the locale
// is not known. A code that has none gets one that fits all.
func Message(locale, code string) string {
	s := errorTexts().For(locale)
	if text := s.Text(code); text != "" {
		return text
	}
	return s.Text("other")
}

// Match returns the language that a header Accept-Language likes best, of
// those that are spoken here. [Default], if it likes none.
func Match(acceptLanguage string) string { return errorTexts().match(acceptLanguage) }

// Locales returns the tags of all languages spoken here, [Default] first.
func Locales() []string { return errorTexts().Locales() }
