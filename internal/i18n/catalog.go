package i18n

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Catalog holds sentences by key, one JSON object for each language. A
// language is read when somebody first asks for it, and then kept.
type Catalog struct {
	languages map[string]language // by the first of Lookups(tag)
}

type language struct {
	tag  string
	load func() map[string]string
}

// Open returns the catalog of the files named <tag>.json in files, which are
// the program's own: a broken one is a panic, when it is first read. For
// others there are [Parse] and [Catalog.With].
func Open(files fs.FS) *Catalog {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		panic(err)
	}
	c := &Catalog{languages: map[string]language{}}
	for _, name := range names {
		tag := strings.TrimSuffix(name, ".json")
		c.languages[Lookups(tag)[0]] = language{tag, sync.OnceValue(func() map[string]string {
			b, err := fs.ReadFile(files, name)
			if err != nil {
				panic(err)
			}
			sentences, err := Parse(b)
			if err != nil {
				panic(fmt.Sprintf("%s: %v", name, err))
			}
			return sentences
		})}
	}
	return c
}

// Parse reads the sentences of one language.
func Parse(b []byte) (map[string]string, error) {
	var sentences map[string]string
	if err := json.Unmarshal(b, &sentences); err != nil {
		return nil, fmt.Errorf("is no JSON object of strings: %w", err)
	}
	return sentences, nil
}

// With returns a catalog in which sentences take the place of those of the
// same key in the language tag, which may be a new one.
func (c *Catalog) With(tag string, sentences map[string]string) *Catalog {
	key := Lookups(tag)[0]
	under, ok := c.languages[key]
	if !ok {
		under = language{tag, func() map[string]string { return nil }}
	}
	with := &Catalog{languages: maps.Clone(c.languages)}
	with.languages[key] = language{under.tag, sync.OnceValue(func() map[string]string {
		all := map[string]string{}
		maps.Copy(all, under.load())
		maps.Copy(all, sentences)
		return all
	})}
	return with
}

// Locales returns the tags of all languages, [Default] first.
func (c *Catalog) Locales() []string {
	var tags []string
	for _, l := range c.languages {
		tags = append(tags, l.tag)
	}
	slices.SortFunc(tags, func(a, b string) int {
		switch Default {
		case a:
			return -1
		case b:
			return 1
		}
		return strings.Compare(a, b)
	})
	return tags
}

// Resolve returns the language that serves a tag best, if any does: "de" for
// "de-AT", "zh-Hans" for "zh-CN".
func (c *Catalog) Resolve(tag string) (string, bool) {
	for _, t := range Lookups(tag) {
		if l, ok := c.languages[t]; ok {
			return l.tag, true
		}
	}
	return "", false
}

// For returns the sentences for a tag: those of the best language, then those
// of less special ones, last those in [Default].
func (c *Catalog) For(tag string) Sentences {
	s := Sentences{Locale: Default}
	for _, t := range append(Lookups(tag), Default) {
		if l, ok := c.languages[t]; ok {
			if len(s.layers) == 0 {
				s.Locale = l.tag
			}
			s.layers = append(s.layers, l.load)
		}
	}
	return s
}

// Sentences are what a [Catalog] says to a reader of Locale.
type Sentences struct {
	Locale string
	layers []func() map[string]string
}

// Text returns the sentence of a key, or "" if there is none.
func (s Sentences) Text(key string) string {
	for _, l := range s.layers {
		if text, ok := l()[key]; ok {
			return text
		}
	}
	return ""
}
