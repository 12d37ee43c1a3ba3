package mail_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/internal/mail"
)

var update = flag.Bool("update", false, "write the tables of docs/mail.md")

// The tables in docs/mail.md say what the table of kinds says.
func TestDocs(t *testing.T) {
	t.Parallel()
	const file = "../../docs/mail.md"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := renderer(t)
	doc := string(b)
	for name, table := range map[string]string{
		"mails": mailTable(r.Kinds()), "texts": textTable(r.TextKinds()), "languages": languageTable(t, r.Locales()),
	} {
		begin, end := "<!-- "+name+" -->\n", "<!-- end -->"
		before, rest, ok1 := strings.Cut(doc, begin)
		was, after, ok2 := strings.Cut(rest, end)
		if !ok1 || !ok2 {
			t.Fatalf("%s has no place for the table of %s", file, name)
		}
		if !*update {
			if diff := cmp.Diff(table, was); diff != "" {
				t.Errorf("run: go test ./internal/mail -run TestDocs -update\n%s", diff)
			}
		}
		doc = before + begin + table + end + after
	}
	if *update {
		if err := os.WriteFile(file, []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func mailTable(kinds []mail.Kind) string {
	var b strings.Builder
	b.WriteString("| kind | what for | variables |\n| --- | --- | --- |\n")
	line := false
	for _, k := range kinds {
		if k.Notice && !line {
			line = true
			b.WriteString("| ⸻ | | |\n")
		}
		var vs []string
		own := slices.DeleteFunc(slices.Clone(k.Variables), func(v mail.Variable) bool {
			return slices.Contains([]string{"email", "timestamp", "ip", "user_agent"}, v.Name)
		})
		if len(own) > 0 {
			vs = append(vs, variables(own))
		}
		for _, v := range k.Variants {
			vs = append(vs, v.Name+": "+variables(v.Variables))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Name, k.Purpose, strings.Join(vs, "; "))
	}
	return b.String()
}

func variables(vs []mail.Variable) string {
	var l []string
	for _, v := range vs {
		mark := ""
		if v.Optional {
			mark = "?"
		}
		l = append(l, fmt.Sprintf("`%s`%s (%s)", v.Name, mark, v.Meaning))
	}
	return strings.Join(l, ", ")
}

func textTable(kinds []mail.Kind) string {
	var b strings.Builder
	b.WriteString("| kind | what for |\n| --- | --- |\n")
	for _, k := range kinds {
		fmt.Fprintf(&b, "| `%s` | %s |\n", k.Name, k.Purpose)
	}
	return b.String()
}

func languageTable(t *testing.T, locales []string) string {
	names := map[string]string{
		"de": "German", "es": "Spanish", "fr": "French", "it": "Italian", "ja": "Japanese", "nl": "Dutch",
		"pl": "Polish", "pt": "Portuguese, as in Brazil", "zh-Hans": "Chinese, simplified",
	}
	var b strings.Builder
	b.WriteString("| tag | language |\n| --- | --- |\n")
	for _, l := range locales {
		if l == "en" {
			continue
		}
		if names[l] == "" {
			t.Errorf("%s has no name", l)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", l, names[l])
	}
	return b.String()
}
