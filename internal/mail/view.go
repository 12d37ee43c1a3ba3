package mail

import (
	"iter"
	"strings"

	"github.com/headless-auth/headless/internal/i18n"
)

// view is what the embedded templates show, as .mail.
type view struct {
	Intro, Outro, Footer Sentence // empty if there is nothing to say
	Code                 *codeBlock
	Links                []linkBlock
	Rows                 []row
}

type codeBlock struct {
	Lead, Warning Sentence
	Code          string
}

type linkBlock struct {
	Lead, Fallback Sentence
	URL, Button    string
}

type row struct{ Label, Value string }

// Pieces is the value, cut so that no piece looks like a link.
func (r row) Pieces() []string { return pieces(r.Value) }

// view says what a mail has to say: first the kind's own words, then each
// variable at its place, in the order of the table.
func (m *draft) view(values map[string]string) *view {
	say := func(key string) Sentence { return sentence(m.said, key, values) }
	own := func(key string) Sentence { return say(m.kind.Name + "." + key) }
	v := &view{Intro: own("intro"), Outro: own("outro"), Footer: say("footer")}
	if m.kind.Notice && len(v.Outro) == 0 {
		v.Outro = say("notice")
	}
	for _, x := range m.kind.all() {
		value := values[x.Name]
		if value == "" {
			continue
		}
		switch x.shown {
		case asCode:
			v.Code = &codeBlock{own(x.Name), say("code_warning"), value}
		case asLink:
			v.Links = append(v.Links, linkBlock{own(x.Name), say("link_fallback"), value, own(x.Name + ".button").String()})
		case asRow:
			v.Rows = append(v.Rows, row{say("row." + x.Name).String(), value})
		}
	}
	return v
}

// Sentence is text for people, in spans.
type Sentence []Span

// Span is a part of a sentence: our own words, or a value that was filled in.
type Span struct {
	Text    string
	Foreign bool // strangers have a say in it
}

// String implements fmt.Stringer.
func (s Sentence) String() string {
	var b strings.Builder
	for _, span := range s {
		b.WriteString(span.Text)
	}
	return b.String()
}

// Pieces is the span, cut so that no piece looks like a link.
func (s Span) Pieces() []string { return pieces(s.Text) }

// sentence fills the variables, written {name}, into the sentence of a key. It
// is empty if there is no such sentence.
func sentence(said i18n.Sentences, key string, values map[string]string) Sentence {
	var s Sentence
	for own, name := range parts(said.Text(key)) {
		if own != "" {
			s = append(s, Span{Text: own})
		}
		if name != "" {
			s = append(s, Span{Text: values[name], Foreign: name != "site"})
		}
	}
	return s
}

// parts yields the words of a sentence, each run with the name of the variable
// that follows it.
func parts(sentence string) iter.Seq2[string, string] {
	return func(yield func(own, name string) bool) {
		for sentence != "" {
			own, rest, _ := strings.Cut(sentence, "{")
			name, after, _ := strings.Cut(rest, "}")
			if !yield(own, name) {
				return
			}
			sentence = after
		}
	}
}
