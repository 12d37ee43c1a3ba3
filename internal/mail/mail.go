// Package mail turns what has happened into mails and text messages: it knows
// every kind of them, and says it in the reader's language.
//
// Templates hold structure, catalogs hold sentences. There is one structure for
// all mails, templates/content.*, within one layout, templates/layout.*; the
// sentences are in locales/<language>.json. A host may override either, see
// [New].
package mail

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	texttemplate "text/template"
	"unicode"

	"github.com/headless-auth/headless/internal/i18n"
)

//go:embed templates locales
var files embed.FS

// Site is what every mail says of its sender.
type Site struct {
	Name          string
	SubjectPrefix string
}

// Renderer makes mails and text messages. It is safe for use by several
// goroutines.
type Renderer struct {
	site      Site
	catalog   *i18n.Catalog
	templates map[string]source // by "layout.html", "de/login_code.txt", the tag in lower case
	html      map[string]*htmltemplate.Template
	text      map[string]*texttemplate.Template
	ready     func() error // parses the templates, once
}

// source is a file of a template.
type source struct {
	path, text string
	own        bool // the host's, not ours
}

// New returns a renderer. The files in overrides, which may be nil, take the
// place of the embedded ones:
//
//	login_code.txt  login_code.html   the content of a kind's mail
//	login_code.subject.txt            its subject
//	content.txt     content.html      the content of all mails
//	layout.txt      layout.html       what is around it
//	de/…                              any of these, for one language
//	de.json                           sentences by key; a new language is welcome
//
// Each is tried out with sample data; what does not work is an error that
// names the file. Without overrides the first mail parses the templates.
func New(overrides fs.FS, site Site) (*Renderer, error) {
	prefix := clean(site.SubjectPrefix)
	if strings.TrimRightFunc(site.SubjectPrefix, unicode.IsSpace) != site.SubjectPrefix {
		prefix += " "
	}
	r := &Renderer{
		site: Site{Name: clean(site.Name), SubjectPrefix: prefix}, catalog: i18n.Open(sub("locales")),
		templates: map[string]source{},
		html:      map[string]*htmltemplate.Template{}, text: map[string]*texttemplate.Template{},
	}
	r.ready = sync.OnceValue(r.parse)
	if overrides == nil {
		return r, nil
	}
	locales, err := r.override(overrides)
	if err == nil {
		err = r.ready()
	}
	if err == nil {
		err = r.tryOut(locales)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func sub(dir string) fs.FS {
	f, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // dir is one of our own
	}
	return f
}

// Kinds returns all kinds of mails.
func (r *Renderer) Kinds() []Kind { return slices.Clone(kinds) }

// TextKinds returns all kinds of text messages.
func (r *Renderer) TextKinds() []Kind { return slices.Clone(texts) }

// Locales returns the tags of all languages that mails can be in.
func (r *Renderer) Locales() []string { return r.catalog.Locales() }

// Render makes a mail of a kind in the language that serves locale best. What
// data has beyond the kind's variables is not used.
func (r *Renderer) Render(kind, locale string, data map[string]string) (subject, text, html string, err error) {
	k := find(kinds, kind)
	if k == nil {
		return "", "", "", fmt.Errorf("mail: %q is no kind of mail", kind)
	}
	values, err := k.values(data)
	if err == nil {
		err = r.ready()
	}
	if err != nil {
		return "", "", "", fmt.Errorf("mail: %s: %w", kind, err)
	}
	m := r.compose(k, locale, values)
	if subject, err = m.subject(); err != nil {
		return "", "", "", fmt.Errorf("mail: %w", err)
	}
	if text, err = m.body("txt"); err != nil {
		return "", "", "", fmt.Errorf("mail: %w", err)
	}
	if html, err = m.body("html"); err != nil {
		return "", "", "", fmt.Errorf("mail: %w", err)
	}
	return subject, text, html, nil
}

// SMS makes a text message of a kind. If it has a code and the site's domain
// is known, its last line says so in the form from which programs fill in
// codes for that site only: "@example.org #123456".
func (r *Renderer) SMS(kind, locale string, data map[string]string) (string, error) {
	k := find(texts, kind)
	if k == nil {
		return "", fmt.Errorf("mail: %q is no kind of text message", kind)
	}
	values, err := k.values(data)
	if err != nil {
		return "", fmt.Errorf("mail: text message %s: %w", kind, err)
	}
	values["site"] = r.site.Name
	text := sentence(r.catalog.For(locale), "sms."+kind, values).String()
	if values["code"] != "" && values["domain"] != "" {
		text += "\n\n@" + values["domain"] + " #" + values["code"]
	}
	return text, nil
}

func find(kinds []Kind, name string) *Kind {
	for i := range kinds {
		if kinds[i].Name == name {
			return &kinds[i]
		}
	}
	return nil
}

// draft is one mail in the making.
type draft struct {
	*Renderer
	kind *Kind
	tags []string // where to look for templates: language by language, then ""
	said i18n.Sentences
	data map[string]any
}

// compose puts together what templates see.
func (r *Renderer) compose(k *Kind, locale string, values map[string]string) *draft {
	m := &draft{Renderer: r, kind: k, said: r.catalog.For(locale), data: map[string]any{}}
	for _, t := range i18n.Lookups(locale) {
		m.tags = append(m.tags, t+"/")
	}
	m.tags = append(m.tags, "")
	values["site"] = r.site.Name
	for name, v := range values {
		m.data[name] = v
	}
	m.data["locale"] = m.said.Locale
	m.data["mail"] = m.view(values)
	return m
}

// subject is one line of bounded length. It knows the site and nothing else:
// subjects end up in the logs of mail servers and on locked screens, where no
// code belongs.
func (m *draft) subject() (string, error) {
	title := sentence(m.said, m.kind.Name+".subject", map[string]string{"site": m.site.Name}).String()
	if file, ok := m.file(m.kind.Name + ".subject.txt"); ok {
		var err error
		if title, err = execute(m.text[file], map[string]any{"site": m.site.Name, "locale": m.said.Locale}); err != nil {
			return "", err
		}
	}
	title = clean(title)
	m.data["title"] = title
	m.data["subject"] = limit(m.site.SubjectPrefix+title, maxSubject)
	return m.data["subject"].(string), nil
}

// body renders the mail as "txt" or "html".
func (m *draft) body(ext string) (string, error) {
	layout, content := m.files(ext)
	if ext == "html" {
		return execute(m.html[layout+" "+content], m.data)
	}
	text, err := execute(m.text[layout+" "+content], m.data)
	return tidy(text), err
}

// files returns the templates of the mail's layout and content.
func (m *draft) files(ext string) (layout, content string) {
	layout, _ = m.file("layout." + ext)
	content, ok := m.file(m.kind.Name + "." + ext)
	if !ok {
		content, _ = m.file("content." + ext)
	}
	return layout, content
}

// file returns the key of a template, in the mail's language if there is one.
func (m *draft) file(name string) (string, bool) {
	for _, t := range m.tags {
		if _, ok := m.templates[t+name]; ok {
			return t + name, true
		}
	}
	return "", false
}

// executor is a template of either kind.
type executor interface {
	Execute(w io.Writer, data any) error
}

func execute(t executor, data map[string]any) (string, error) {
	var b strings.Builder
	// A template may not change what the next one sees.
	err := t.Execute(&b, maps.Clone(data))
	return b.String(), err
}
