package providers

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

const pathDocument = `{
	"id": 9007199254740993, "name": " Jo van Doe ", "none": null, "blank": " ", "yes": true, "half": 0.5,
	"email": "Jo@Example.org", "url": "https://example.org/u/jo/", "word": "x",
	"emails": [{"value": "a@example.org"}, {"value": "b@example.org"}],
	"a.b": {"https://x/y:z}|": "odd"}
}`

func TestPath(t *testing.T) {
	t.Parallel()
	doc, err := decodeJSON([]byte(pathDocument))
	if err != nil {
		t.Fatal(err)
	}
	setting := func(name string) string { return map[string]string{"FIELD": "email"}[name] }
	for path, want := range map[string]string{
		"id":                               "9007199254740993",
		"half":                             "0.5",
		"yes":                              "true",
		"name":                             "Jo van Doe",
		"none":                             "",
		"missing.further":                  "",
		"emails":                           "",
		"emails[1].value":                  "b@example.org",
		"emails[2].value":                  "",
		"emails.value":                     "",
		"none|blank|missing|id":            "9007199254740993",
		"['a.b']['https://x/y:z}|']":       "odd",
		"{['a.b']['https://x/y:z}|']}":     "odd",
		"{['a.b']['https://x/y:z}|']}|id":  "odd",
		"$FIELD":                           "Jo@Example.org",
		"{email:lower}":                    "jo@example.org",
		"{email:local:lower}":              "jo",
		"{url:base}":                       "jo",
		"{name:first}":                     "Jo",
		"{name:rest}":                      "van Doe",
		"{word:rest}":                      "",
		"user-{id} ({word})":               "user-9007199254740993 (x)",
		"{word} {blank}|{word} {none}|yes": "true",
		"":                                 "",
	} {
		p, err := parsePath(path, setting)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if got := p.text(doc); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	for _, path := range []string{"a.", ".a", "a..b", "a[", "a[x]", "a[-1]", "['a", "{a", "{a:upper}", "{}", "|", "a|", "$NONE"} {
		if _, err := parsePath(path, setting); err == nil {
			t.Errorf("%s: got no error", path)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range Specs() {
		for _, path := range []string{s.Map.UID, s.Map.Email, s.Map.Username, s.Map.Name} {
			f.Add(path, pathDocument)
		}
	}
	f.Add("{['a.b']['https://x/y:z}|']}|{email:local:lower}", pathDocument)
	f.Add("a[99999999999999999999]", `[[[]]]`)
	f.Fuzz(func(t *testing.T, path, document string) {
		p, err := parsePath(path, func(name string) string { return name })
		if err != nil {
			return
		}
		doc, err := decodeJSON([]byte(document))
		if err != nil {
			return
		}
		text := p.text(doc)
		if text != strings.TrimSpace(text) {
			t.Errorf("got %q, which begins or ends with a space", text)
		}
		if utf8.ValidString(path) && !utf8.ValidString(text) {
			t.Errorf("got %q, which is no UTF-8", text)
		}
		if v := p.value(nil); path != "." && !strings.HasPrefix(path, "$") && v != nil {
			t.Errorf("got %v from nothing", v)
		}
		if again := p.text(doc); again != text {
			t.Errorf("got %q, and then %q", text, again)
		}
	})
}

// FuzzExpandURL: behind the host's end no value changes what a URL is made of.
func FuzzExpandURL(f *testing.F) {
	for _, v := range []string{"a b", "../..", "a/b?c=d#e", "@evil.example", "%2e%2e", "{v}", "ä", "\x00"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		if v == "" {
			return
		}
		address, err := expandURL("https://api.example.org/users/{v}/x?a={v}&b=c", func(string) string { return v })
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatalf("%q: %v", address, err)
		}
		if u.Host != "api.example.org" || u.User != nil || u.Fragment != "" || u.Path != "/users/"+v+"/x" {
			t.Errorf("%q: got %#v", v, u)
		}
		if q := u.Query(); len(q) != 2 || q.Get("a") != v || q.Get("b") != "c" {
			t.Errorf("%q: got the query %q", v, u.RawQuery)
		}
	})
}

// Ids are compared exactly. Requirement SOC-4.
func TestPathOfID(t *testing.T) {
	t.Parallel()
	doc, err := decodeJSON([]byte(pathDocument))
	if err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]string{
		"id": "9007199254740993", "name": " Jo van Doe ", "blank|word": "x", "yes|word": "x", "none": "", "{word}-{yes}": "", "{word}-{id}": "x-9007199254740993",
	} {
		p, err := parsePath(where, func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		if got := p.id(doc); got != want {
			t.Errorf("%s: got %q, want %q", where, got, want)
		}
	}
}
