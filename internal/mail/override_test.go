package mail_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/internal/mail"
)

func fsOf(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	type mails map[string]string // what the mail must contain, by locale
	for _, tc := range []struct {
		name                string
		files               map[string]string
		kind                string
		subject, text, html mails
	}{
		{
			name:    "no files",
			kind:    "login_code",
			subject: mails{"en": "[Example] Your login code"},
		},
		{
			name: "content of one kind",
			files: map[string]string{
				"login_code.txt":  "Code for {{.site}}: {{.code}}",
				"login_code.html": "<p>Code: <b>{{.code}}</b></p>",
			},
			kind: "login_code",
			text: mails{"en": "Code for Example: 123456\n\n-- \nExample\n", "de": "Code for Example: 123456\n\n-- \nExample\nDiese E-Mail"},
			html: mails{"en": "<h1", "de": "<p>Code: <b>123456</b></p>"},
		},
		{
			name: "a language first, then its parent, then the base",
			files: map[string]string{
				"login_code.txt":       "base {{.code}}",
				"de/login_code.txt":    "deutsch {{.code}}",
				"de-AT/login_code.txt": "österreichisch {{.code}}",
				"zh-CN/login_code.txt": "中文 {{.code}}",
			},
			kind: "login_code",
			text: mails{"de-AT": "österreichisch 123456", "de-CH": "deutsch 123456", "de": "deutsch 123456", "fr": "base 123456", "": "base 123456", "zh-CN": "中文 123456", "zh-SG": "base 123456"},
		},
		{
			name:    "subjects",
			files:   map[string]string{"login_code.subject.txt": "A\r\ncode  for {{.site}}\n", "fr/login_code.subject.txt": "Un code"},
			kind:    "login_code",
			subject: mails{"en": "[Example] A code for Example", "fr": "[Example] Un code", "de": "[Example] A code for Example"},
			html:    mails{"en": ">A code for Example</h1>"},
		},
		{
			name: "layout and parts",
			files: map[string]string{
				"layout.html":     `<html><body class="ours">{{template "content" .}}{{with .mail.Code}}{{template "code" .}}{{end}}</body></html>`,
				"layout.txt":      "OURS\n{{template \"content\" .}}",
				"login_code.html": `{{with .mail.Outro}}{{template "paragraph" .}}{{end}}`,
			},
			kind: "login_code",
			text: mails{"en": "OURS\nEnter this code"},
			html: mails{"en": `<body class="ours">`, "it": "Senza il codice"},
		},
		{
			name:  "what is optional can be asked for",
			files: map[string]string{"password_reset_key.txt": "{{.password_reset_url}}{{if .username}} for {{.username}}{{end}}"},
			kind:  "password_reset_key",
			text:  mails{"en": "https://example.org/r/k\n"},
		},
		{
			name:    "sentences",
			files:   map[string]string{"de.json": `{"login_code.subject": "Code für {site}", "login_code.outro": ""}`, "de-AT.json": `{"login_code.subject": "Servus"}`},
			kind:    "login_code",
			subject: mails{"de": "[Example] Code für Example", "de-AT": "[Example] Servus", "en": "[Example] Your login code"},
			text:    mails{"de-AT": "nie danach\nfragen.\n\n-- "},
		},
		{
			name:    "a new language",
			files:   map[string]string{"sv.json": `{"login_code.subject": "Din kod", "login_code.code": "Koden till {site}:"}`},
			kind:    "login_code",
			subject: mails{"sv": "[Example] Din kod", "sv-FI": "[Example] Din kod"},
			text:    mails{"sv": "Koden till Example:\n\n    123456\n\nGive this code"},
			html:    mails{"sv": `<html lang="sv"`},
		},
		{
			name:  "other files are let be",
			files: map[string]string{".git/config.txt": "x", ".hidden.txt": "x", "README.md": "x", "logo.svg": "x"},
			kind:  "login_code",
			text:  mails{"en": "123456"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r, err := mail.New(fsOf(tc.files), mail.Site{Name: "Example", SubjectPrefix: "[Example] "})
			if err != nil {
				t.Fatal(err)
			}
			data := map[string]string{"email": "anna@example.org", "code": "123456", "key": "k", "password_reset_url": "https://example.org/r/k"}
			check := func(part string, want mails, pick func(subject, text, html string) string) {
				for locale, w := range want {
					subject, text, html, err := r.Render(tc.kind, locale, data)
					if err != nil {
						t.Fatal(err)
					}
					got := pick(subject, text, html)
					if part == "subject" && got != w || !strings.Contains(got, w) {
						t.Errorf("%s in %q: got %s, want %s", part, locale, got, w)
					}
				}
			}
			check("subject", tc.subject, func(s, _, _ string) string { return s })
			check("text", tc.text, func(_, s, _ string) string { return s })
			check("html", tc.html, func(_, _, s string) string { return s })
		})
	}
}

func TestBrokenOverridesAreFoundAtTheStart(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, file, text, want string }{
		{"does not parse", "login_code.txt", "{{.code", "unclosed action"},
		{"does not parse as HTML template", "de/login_code.html", "{{end}}", "unexpected {{end}}"},
		{"subject does not parse", "pt-BR/login_code.subject.txt", "{{", "unclosed action"},
		{"unknown variable", "login_code.txt", "{{.code}} {{.nmae}}", `no entry for key "nmae"`},
		{"unknown variable in HTML", "fr/login_code.html", "{{.code}} {{.nmae}}", `no entry for key "nmae"`},
		{"unknown variable behind what is optional", "password_reset_key.txt", "{{.password_reset_url}}{{if .username}}{{.nmae}}{{end}}", `no entry for key "nmae"`},
		{"unknown variable without what is optional", "password_reset_key.txt", "{{.password_reset_url}}{{if not .username}}{{.nmae}}{{end}}", `no entry for key "nmae"`},
		{"variable of another kind", "login_code.txt", "{{.code}} {{.username}}", `no entry for key "username"`},
		{"code in a subject", "login_code.subject.txt", "Your code: {{.code}}", `no entry for key "code"`},
		{"unknown function", "content.txt", "{{shout .site}}", `function "shout" not defined`},
		{"unknown part", "content.html", `{{template "image" .}}`, `no such template "image"`},
		{"unknown field", "content.html", `{{.mail.Code.Value}}`, "Value"},
		{"layout without content", "layout.txt", "{{.site}}", "does not show .activate_url"},
		{"code is not shown", "es/login_code.html", "<p>Hi</p>", "does not show .code"},
		{"link is not shown", "email_confirmation.txt", "{{.code}}", "does not show .activate_url"},
		{"HTML out of context", "login_code.html", `{{.code}}<a href='{{.site}}`, "ends in a non-text context"},
		{"no such mail", "login_codes.txt", "x", "no template of this name"},
		{"no such part of a mail", "login_code.body.txt", "x", "no template of this name"},
		{"no language", "mails/login_code.txt", "{{.code}}", "a folder is for one language"},
		{"too deep", "de/at/login_code.txt", "{{.code}}", "a folder is for one language"},
		{"sentences in a folder", "de/de.json", "{}", "named by a language's tag"},
		{"sentences of no language", "sentences.json", "{}", "named by a language's tag"},
		{"sentences are no JSON", "de.json", "{", "is no JSON object of strings"},
		{"no such sentence", "de.json", `{"login_code.title": "x"}`, `there is no sentence "login_code.title"`},
		{"no such variable in a sentence", "de.json", `{"login_code.outro": "{nmae}"}`, "login_code.outro: {nmae} can't be said here"},
		{"code in a subject's sentence", "de.json", `{"login_code.subject": "{code}"}`, "login_code.subject: {code} can't be said here"},
		{"empty subject", "de.json", `{"login_code.subject": " "}`, "login_code.subject: can't be empty"},
		{"empty button", "de.json", `{"unknown_account.signup_url.button": ""}`, "can't be empty"},
		{"text message without code", "de.json", `{"sms.verification": "Hallo"}`, "sms.verification: does not say {code}"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r, err := mail.New(fsOf(map[string]string{tc.file: tc.text}), mail.Site{Name: "Example"})
			if err == nil || r != nil {
				t.Fatal("nothing is found")
			}
			file := tc.file
			if strings.HasPrefix(tc.want, "a folder") {
				file = file[:strings.LastIndex(file, "/")]
			}
			if !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %q, want %s: … %s", err, tc.file, tc.want)
			}
		})
	}
}

func TestOverridesDoNotChangeTheEmbedded(t *testing.T) {
	t.Parallel()
	data := map[string]string{"email": "anna@example.org", "code": "123456"}
	_, before, _, err := renderer(t).Render("login_code", "de", data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mail.New(fsOf(map[string]string{"login_code.txt": "x {{.code}}", "de.json": `{"footer": "x"}`}), mail.Site{}); err != nil {
		t.Fatal(err)
	}
	_, after, _, err := renderer(t).Render("login_code", "de", data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
}
