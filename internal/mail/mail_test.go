package mail_test

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/internal/i18n"
	"github.com/headless-auth/headless/internal/mail"
)

func renderer(t testing.TB) *mail.Renderer {
	t.Helper()
	r, err := mail.New(nil, mail.Site{Name: "Example", SubjectPrefix: "[Example] "})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// samples calls fn for every form of every mail in some languages.
func samples(t *testing.T, r *mail.Renderer, locales []string, fn func(t *testing.T, locale string, k mail.Kind, s mail.Sample)) {
	for _, locale := range locales {
		for _, k := range r.Kinds() {
			for _, s := range k.Samples() {
				t.Run(locale+"/"+s.Name, func(t *testing.T) {
					t.Parallel()
					fn(t, locale, k, s)
				})
			}
		}
	}
}

var (
	hrefs     = regexp.MustCompile(`href="([^"]*)"`)
	links     = regexp.MustCompile(`https?://[^\s<>"]+`)
	elements  = regexp.MustCompile(`<(/?[a-z0-9]+)`)
	forbidden = regexp.MustCompile(`(?i)<script|<img|<link|<iframe|<object|<form|\bsrc=|url\(|@import|javascript:|data:|<no value>|zgotmplz|\{\{|\}\}`)
	allowed   = strings.Fields("a body br h1 head html meta p span strong style table td th title tr")
	style     = regexp.MustCompile(`(?s)<style>.*</style>`)
	tags      = regexp.MustCompile(`<[^>]*>`)
	domains   = regexp.MustCompile(`[a-z]\.evil|evil\.[a-z]`)
	unseen    = regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{feff}\x{fffd}]`)
)

func TestMails(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	samples(t, r, r.Locales(), func(t *testing.T, locale string, k mail.Kind, s mail.Sample) {
		subject, text, page, err := r.Render(k.Name, locale, s.Data)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(subject, "[Example] ") || len(subject) < 14 || strings.ContainsAny(subject, "\r\n{}") {
			t.Errorf("subject is %q", subject)
		}
		for _, name := range []string{"code", "key", "activate_url", "email", "username"} {
			if v := s.Data[name]; v != "" && strings.Contains(subject, v) {
				t.Errorf("subject tells the %s: %q", name, subject)
			}
		}
		if bad := forbidden.FindString(page); bad != "" {
			t.Errorf("page contains %q", bad)
		}
		for _, e := range elements.FindAllStringSubmatch(page, -1) {
			if !slices.Contains(allowed, strings.TrimPrefix(e[1], "/")) {
				t.Errorf("page has an element %s", e[1])
			}
		}
		if !strings.Contains(page, `<html lang="`+locale+`"`) {
			t.Error("page does not tell its language")
		}
		if strings.ContainsAny(text, "{}<>") || strings.ContainsAny(withoutStyle(page), "{}") {
			t.Errorf("something is left to be filled in:\n%s", text)
		}
		for _, line := range strings.Split(text, "\n") {
			if strings.Contains(line, " ") && len([]rune(line)) > 120 && locale != "ja" && locale != "zh-Hans" {
				t.Errorf("line is too long: %s", line)
			}
		}

		var pages []string // that the mail links to
		for name, v := range s.Data {
			shown := name != "key" && (k.Name != "account_already_exists" || name != "signup_url")
			if strings.HasSuffix(name, "_url") && shown {
				pages = append(pages, v)
			}
			if !shown {
				continue
			}
			if !strings.Contains(strings.Join(strings.Fields(text), " "), v) {
				t.Errorf("text does not tell the %s", name)
			}
			if !strings.Contains(html.UnescapeString(withoutTags(page)), v) {
				t.Errorf("page does not tell the %s", name)
			}
		}
		if diff := cmp.Diff(pages, links.FindAllString(text, -1)); diff != "" {
			t.Errorf("links in the text:\n%s", diff)
		}
		for _, m := range hrefs.FindAllStringSubmatch(page, -1) {
			if !slices.Contains(pages, html.UnescapeString(m[1])) {
				t.Errorf("page links to %s", m[1])
			}
		}
		if n := len(hrefs.FindAllString(page, -1)); n != 2*len(pages) {
			t.Errorf("page has %d links, want a button and a plain one for each of %d", n, len(pages))
		}
		if code := s.Data["code"]; code != "" {
			if !strings.Contains(text, "\n\n    "+code+"\n\n") {
				t.Errorf("code has no line of its own:\n%s", text)
			}
			if !strings.Contains(page, `user-select:all;">`+code+`</td>`) {
				t.Error("code can't be selected with one click")
			}
		}
	})
}

func withoutStyle(page string) string { return style.ReplaceAllString(page, "") }

func withoutTags(page string) string { return tags.ReplaceAllString(withoutStyle(page), "") }

func TestRender(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	render := func(t *testing.T, kind, locale string, data map[string]string) (subject, text, page string) {
		t.Helper()
		subject, text, page, err := r.Render(kind, locale, data)
		if err != nil {
			t.Fatal(err)
		}
		return subject, text, page
	}

	t.Run("the text is a letter", func(t *testing.T) {
		t.Parallel()
		_, text, _ := render(t, "login_code", "", map[string]string{"email": "anna@example.org", "code": "123456"})
		want := `Enter this code to log in at Example:

    123456

Give this code to nobody. We will never ask you for it.

If you are not logging in right now, ignore this mail. Nobody gets in
without the code.

-- 
Example
This mail was sent to anna@example.org on behalf of Example.
`
		if diff := cmp.Diff(want, text); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the language that serves best", func(t *testing.T) {
		t.Parallel()
		for tag, want := range map[string]string{
			"de-AT": "Ihr Anmeldecode", "zh-CN": "您的登录验证码", "pt-BR": "O seu código de acesso", "fr": "Votre code de connexion",
			"tlh": "Your login code", "": "Your login code", "../../etc/passwd": "Your login code",
		} {
			if got, _, _ := render(t, "login_code", tag, map[string]string{"email": "a@b.example", "code": "1"}); got != "[Example] "+want {
				t.Errorf("%s: got %q, want %q", tag, got, want)
			}
		}
	})
	t.Run("the first variant that fits", func(t *testing.T) {
		t.Parallel()
		_, text, page := render(t, "email_confirmation", "", map[string]string{
			"email": "a@b.example", "key": "k", "activate_url": "https://example.org/v/k", "code": "123456",
		})
		if strings.Contains(text+page, "123456") || !strings.Contains(text, "https://example.org/v/k") {
			t.Errorf("got %s", text)
		}
	})
	t.Run("without what is optional", func(t *testing.T) {
		t.Parallel()
		_, text, page := render(t, "account_already_exists", "", map[string]string{"email": "a@b.example"})
		if strings.Contains(text, "forgotten") || strings.Contains(page, "href") {
			t.Errorf("got %s", text)
		}
		_, text, _ = render(t, "account_connected", "", map[string]string{"email": "a@b.example", "timestamp": "t", "ip": "i", "user_agent": "u"})
		if strings.Contains(text, "Provider:") {
			t.Errorf("got %s", text)
		}
	})
	t.Run("what a kind does not declare is not used", func(t *testing.T) {
		t.Parallel()
		_, text, page := render(t, "webauthn_added", "", map[string]string{
			"email": "a@b.example", "timestamp": "t", "ip": "i", "user_agent": "u", "name": "Buy here", "display": "Buy here", "site": "Buy here", "mail": "Buy here",
		})
		if strings.Contains(text+page, "Buy here") {
			t.Errorf("got %s", text)
		}
	})
	t.Run("the caller's data stays as it was", func(t *testing.T) {
		t.Parallel()
		data := map[string]string{"email": "a@b.example", "code": " 1 "}
		render(t, "login_code", "", data)
		if diff := cmp.Diff(map[string]string{"email": "a@b.example", "code": " 1 "}, data); diff != "" {
			t.Error(diff)
		}
	})
	for _, tc := range []struct {
		name, kind string
		data       map[string]string
		want       string
	}{
		{"no such kind", "newsletter", nil, `mail: "newsletter" is no kind of mail`},
		{"no code", "login_code", map[string]string{"email": "a@b.example"}, "mail: login_code: code is missing"},
		{"blank code", "login_code", map[string]string{"email": "a@b.example", "code": " \n"}, "mail: login_code: code is missing"},
		{"no address", "login_code", map[string]string{"code": "1"}, "mail: login_code: email is missing"},
		{"no variant", "email_confirmation", map[string]string{"email": "a@b.example", "key": "k"}, "mail: email_confirmation: code is missing"},
		{"no time", "password_set", map[string]string{"email": "a@b.example", "ip": "i", "user_agent": "u"}, "mail: password_set: timestamp is missing"},
		{"no page", "unknown_account", map[string]string{"email": "a@b.example", "signup_url": "javascript:alert(1)"}, "mail: unknown_account: signup_url is no http or https URL"},
		{"a page with a space", "unknown_account", map[string]string{"email": "a@b.example", "signup_url": "https://example.org/a b"}, "mail: unknown_account: signup_url is no http or https URL"},
		{"a page with a user", "unknown_account", map[string]string{"email": "a@b.example", "signup_url": "https://example.org@evil.example/"}, "mail: unknown_account: signup_url is no http or https URL"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			subject, text, page, err := r.Render(tc.kind, "de", tc.data)
			if err == nil || err.Error() != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if subject+text+page != "" {
				t.Errorf("half a mail: %q", subject+text+page)
			}
		})
	}
}

// What strangers write must be nothing but text. SECURITY-REQUIREMENTS INP-2.
func TestForeignTextIsInert(t *testing.T) {
	t.Parallel()
	attacks := []string{
		`<script>alert(1)</script>`,
		`"><img src=x onerror=alert(1)>`,
		`</title><h1>Buy</h1>`,
		"a\r\nBcc: victim@example.org\r\n\r\nBuy",
		`visit https://evil.example/login now`,
		`HTTP://evil.example`,
		`www.evil.example WWW.evil.example`,
		`{{.code}} {{template "code"}} {site} {email}`,
		"\u202Egnp.exe \u2066hidden\u2069 \u200B\uFEFF\x00\x1b[31m",
		strings.Repeat("long ", 1000),
		"\xff\xfe broken",
	}
	r := renderer(t)
	samples(t, r, []string{"en", "ja"}, func(t *testing.T, locale string, k mail.Kind, s mail.Sample) {
		for _, attack := range attacks {
			data := map[string]string{}
			for name, v := range s.Data {
				data[name] = v
			}
			for _, name := range []string{"user_agent", "username", "from_email", "to_email", "deleted_email", "email", "provider"} {
				if data[name] != "" {
					data[name] = attack
				}
			}
			subject, text, page, err := r.Render(k.Name, locale, data)
			if err != nil {
				t.Fatal(err)
			}
			own, ownText, _, err := r.Render(k.Name, locale, s.Data)
			if err != nil || subject != own {
				t.Errorf("%q gets into the subject: %q", attack, subject)
			}
			if strings.Count(text, "\n\n") != strings.Count(ownText, "\n\n") {
				t.Errorf("%q makes a paragraph", attack)
			}
			for _, e := range elements.FindAllStringSubmatch(page, -1) {
				if !slices.Contains(allowed, strings.TrimPrefix(e[1], "/")) {
					t.Errorf("%q makes an element %s", attack, e[1])
				}
			}
			if strings.Count(page, "<h1") != 1 || strings.Count(page, "</title>") != 1 {
				t.Errorf("%q makes another heading", attack)
			}
			for _, l := range append(links.FindAllString(text, -1), links.FindAllString(withoutTags(page), -1)...) {
				if !strings.HasPrefix(l, "https://example.org/") {
					t.Errorf("%q makes a link to %s", attack, l)
				}
			}
			if strings.Contains(strings.ToLower(text), "www.") {
				t.Errorf("%q makes a link: %s", attack, text)
			}
			if domains.MatchString(page) {
				t.Errorf("%q shows a domain in one piece", attack)
			}
			if unseen.MatchString(subject + text + page) {
				t.Errorf("%q leaves control characters", attack)
			}
			if len(text) > 5000 {
				t.Errorf("%.10q… makes a mail of %d bytes", attack, len(text))
			}
		}
	})
}

func TestSubject(t *testing.T) {
	t.Parallel()
	subject := func(site mail.Site) string {
		r, err := mail.New(nil, site)
		if err != nil {
			t.Fatal(err)
		}
		s, _, _, err := r.Render("login_code", "", map[string]string{"email": "a@b.example", "code": "1"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, tc := range []struct{ name, prefix, want string }{
		{"none", "", "Your login code"},
		{"brackets", "[Example] ", "[Example] Your login code"},
		{"a word", "Example: ", "Example: Your login code"},
		{"header lines", "Example\r\nBcc: victim@example.org\r\n", "Example Bcc: victim@example.org Your login code"},
		{"control characters", "\x00\x1bExample\u202e ", "Example Your login code"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := subject(mail.Site{Name: "Example", SubjectPrefix: tc.prefix}); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	if got := []rune(subject(mail.Site{SubjectPrefix: strings.Repeat("é", 500)})); len(got) != 200 || got[199] != '…' {
		t.Errorf("got %d characters", len(got))
	}
}

func TestSMS(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for _, tc := range []struct {
		name, kind, locale string
		data               map[string]string
		want               string
	}{
		{"a code for one site", "verification", "en", map[string]string{"code": "123456", "domain": "example.org"}, "123456 is your verification code for Example. Give it to nobody.\n\n@example.org #123456"},
		{"a code for any site", "verification", "de-CH", map[string]string{"code": "123456"}, "123456 ist Ihr Bestätigungscode für Example. Geben Sie ihn niemandem weiter."},
		{"no code", "unknown_account", "en", map[string]string{"code": "", "domain": "example.org"}, "Example: there is no account with this phone number. If you did not ask for a code, ignore this message."},
		{"one line only", "verification", "en", map[string]string{"code": "1\n2", "domain": "a\nb"}, "1 2 is your verification code for Example. Give it to nobody.\n\n@a b #1 2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := r.SMS(tc.kind, tc.locale, tc.data)
			if err != nil || got != tc.want {
				t.Errorf("got %q, %v, want %q", got, err, tc.want)
			}
		})
	}
	for _, locale := range r.Locales() {
		for _, k := range r.TextKinds() {
			for _, s := range k.Samples() {
				got, err := r.SMS(k.Name, locale, s.Data)
				if err != nil {
					t.Fatal(err)
				}
				if n := len([]rune(got)); n > 160 {
					t.Errorf("%s in %s has %d characters: %s", k.Name, locale, n, got)
				}
				if links.MatchString(got) || strings.ContainsAny(got, "{}") {
					t.Errorf("%s in %s: %s", k.Name, locale, got)
				}
			}
		}
	}
	if _, err := r.SMS("newsletter", "", nil); err == nil {
		t.Error("sends what is no kind of text message")
	}
	if _, err := r.SMS("verification", "", nil); err == nil || !strings.Contains(err.Error(), "code is missing") {
		t.Errorf("sends no code: %v", err)
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(i18n.Locales(), renderer(t).Locales()); diff != "" {
		t.Errorf("errors and mails are in different languages:\n%s", diff)
	}
}

func TestRendererIsSafeForGoroutines(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			code := fmt.Sprint(100000 + i)
			locale := r.Locales()[i%len(r.Locales())]
			_, text, page, err := r.Render("login_code", locale, map[string]string{"email": "a@b.example", "code": code})
			if err != nil || !strings.Contains(text, code) || !strings.Contains(page, code) {
				t.Errorf("%s: %v", locale, err)
			}
		})
	}
	wg.Wait()
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		renderer(b)
	}
}

func BenchmarkRender(b *testing.B) {
	r := renderer(b)
	data := map[string]string{"email": "anna@example.org", "code": "K7QX-M3PD"}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := r.Render("login_code", "de-AT", data); err != nil {
			b.Fatal(err)
		}
	}
}
