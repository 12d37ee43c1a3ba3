package mail

import (
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	texttemplate "text/template"

	"github.com/headless-auth/headless/internal/i18n"
)

// override reads the host's files and returns the languages they speak of.
func (r *Renderer) override(files fs.FS) (locales []string, err error) {
	isTag := regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`).MatchString
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dir, base := path.Split(name)
		ext := path.Ext(base)
		switch {
		case name == ".":
			return nil
		case strings.HasPrefix(base, "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			if dir != "" || !isTag(base) {
				return fmt.Errorf("%s: a folder is for one language and named by its tag, such as \"pt-BR\"", name)
			}
			locales = append(locales, base)
			return nil
		case ext != ".json" && ext != ".txt" && ext != ".html":
			return nil
		}
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if ext != ".json" {
			if !known(base) {
				return fmt.Errorf("%s: there is no template of this name", name)
			}
			if dir != "" {
				dir = i18n.Lookups(path.Clean(dir))[0] + "/"
			}
			r.templates[dir+base] = source{name, string(b), true}
			return nil
		}
		tag := strings.TrimSuffix(base, ext)
		if dir != "" || !isTag(tag) {
			return fmt.Errorf("%s: sentences are in files named by a language's tag, such as \"pt-BR.json\"", name)
		}
		sentences, err := i18n.Parse(b)
		if err == nil {
			err = check(sentences)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.catalog = r.catalog.With(tag, sentences)
		locales = append(locales, tag)
		return nil
	})
	return locales, err
}

// known says whether a file is a template of some mail.
func known(base string) bool {
	name, _, _ := strings.Cut(base, ".")
	ext := strings.TrimPrefix(base, name)
	if name == "layout" || name == "content" {
		return ext == ".html" || ext == ".txt"
	}
	return find(kinds, name) != nil && (ext == ".html" || ext == ".txt" || ext == ".subject.txt")
}

// sentenceKeys returns the keys of a catalog, each with the names of the
// variables that its sentence may use.
func sentenceKeys() map[string][]string {
	keys := map[string][]string{
		"footer": {"site", "email"}, "notice": {"site"}, "code_warning": {"site"}, "link_fallback": {"site"},
	}
	for _, k := range kinds {
		own := []string{"site"}
		for _, v := range k.all() {
			switch v.shown {
			case inSentence:
				own = append(own, v.Name)
			case asCode:
				keys[k.Name+"."+v.Name] = []string{"site"}
			case asLink:
				keys[k.Name+"."+v.Name] = []string{"site"}
				keys[k.Name+"."+v.Name+".button"] = []string{"site"}
			case asRow:
				keys["row."+v.Name] = nil
			}
		}
		keys[k.Name+".subject"] = []string{"site"}
		keys[k.Name+".intro"] = own
		keys[k.Name+".outro"] = own
	}
	for _, k := range texts {
		own := []string{"site"}
		for _, v := range k.Variables {
			if !v.Optional {
				own = append(own, v.Name)
			}
		}
		keys["sms."+k.Name] = own
	}
	return keys
}

// check finds sentences that nobody will say, and variables that they can't
// use.
func check(sentences map[string]string) error {
	keys := sentenceKeys()
	for _, key := range slices.Sorted(maps.Keys(sentences)) {
		variables, ok := keys[key]
		if !ok {
			return fmt.Errorf("there is no sentence %q", key)
		}
		said := placeholders(sentences[key])
		for _, name := range said {
			if !slices.Contains(variables, name) {
				return fmt.Errorf("%s: {%s} can't be said here", key, name)
			}
		}
		if slices.Contains(variables, code.Name) && !slices.Contains(said, code.Name) {
			return fmt.Errorf("%s: does not say {%s}", key, code.Name)
		}
		if needed := path.Ext(key) == ".subject" || path.Ext(key) == ".button" || strings.HasPrefix(key, "sms."); needed && strings.TrimSpace(sentences[key]) == "" {
			return fmt.Errorf("%s: can't be empty", key)
		}
	}
	return nil
}

// placeholders returns the names of the variables in a sentence.
func placeholders(sentence string) []string {
	var names []string
	for _, name := range parts(sentence) {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// parse makes a template of every layout with every content, the host's and
// ours.
func (r *Renderer) parse() error {
	builtin := sub("templates")
	for _, name := range []string{"layout.html", "content.html", "layout.txt", "content.txt"} {
		if _, ok := r.templates[name]; ok {
			continue
		}
		b, err := fs.ReadFile(builtin, name)
		if err != nil {
			return err
		}
		r.templates[name] = source{path: name, text: string(b)}
	}
	common, err := fs.ReadFile(builtin, "parts.html")
	if err != nil {
		return err
	}
	var layouts, contents []string
	for name := range r.templates {
		switch base := path.Base(name); {
		case strings.HasPrefix(base, "layout."):
			layouts = append(layouts, name)
		case strings.HasSuffix(base, ".subject.txt"):
			if r.text[name], err = text(r.templates[name].path).Parse(r.templates[name].text); err != nil {
				return err
			}
		default:
			contents = append(contents, name)
		}
	}
	for _, layout := range layouts {
		for _, content := range contents {
			key := layout + " " + content
			switch ext := path.Ext(layout); {
			case ext != path.Ext(content):
			case ext == ".html":
				if r.html[key], err = parseHTML(string(common), r.templates[layout], r.templates[content]); err != nil {
					return err
				}
			default:
				if r.text[key], err = parseText(r.templates[layout], r.templates[content]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func text(name string) *texttemplate.Template {
	return texttemplate.New(name).Option("missingkey=error").Funcs(texttemplate.FuncMap{"wrap": wrap})
}

func parseText(layout, content source) (*texttemplate.Template, error) {
	t, err := text(layout.path).Parse(layout.text)
	if err != nil {
		return nil, err
	}
	c, err := t.New(content.path).Parse(content.text)
	if err != nil {
		return nil, err
	}
	_, err = t.AddParseTree("content", c.Tree)
	return t, err
}

func parseHTML(common string, layout, content source) (*htmltemplate.Template, error) {
	t, err := htmltemplate.New(layout.path).Option("missingkey=error").Parse(common)
	if err != nil {
		return nil, err
	}
	if t, err = t.Parse(layout.text); err != nil {
		return nil, err
	}
	c, err := t.New(content.path).Parse(content.text)
	if err != nil {
		return nil, err
	}
	_, err = t.AddParseTree("content", c.Tree)
	return t, err
}

// tryOut renders with sample data whatever is not embedded: every mail that
// uses a template of the host's, with and without what is optional. A template
// must show what its mail is for.
func (r *Renderer) tryOut(locales []string) error {
	for _, locale := range append([]string{i18n.Default}, locales...) {
		for i := range kinds {
			for _, s := range kinds[i].Samples() {
				if err := r.try(&kinds[i], locale, s); err != nil {
					return err
				}
				if err := r.try(&kinds[i], locale, kinds[i].minimal(s)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *Renderer) try(k *Kind, locale string, s Sample) error {
	values, err := k.values(s.Data)
	if err != nil {
		return err
	}
	m := r.compose(k, locale, values)
	if _, err := m.subject(); err != nil {
		return err
	}
	for _, ext := range []string{"txt", "html"} {
		layout, content := m.files(ext)
		suspect := r.templates[content]
		if !suspect.own {
			suspect = r.templates[layout]
		}
		if !suspect.own {
			continue
		}
		body, err := m.body(ext)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", suspect.path, k.Name, err)
		}
		for _, v := range k.all() {
			if shown := v.shown == asCode || v.shown == asLink; shown && !v.Optional && !strings.Contains(body, values[v.Name]) {
				return fmt.Errorf("%s: %s: does not show .%s", suspect.path, k.Name, v.Name)
			}
		}
	}
	return nil
}
