package i18n_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/internal/i18n"
)

var locales = []string{"en", "de", "es", "fr", "it", "ja", "nl", "pl", "pt", "zh-Hans"}

// codes are the error codes of the contract, by the part that names them.
var codes = map[string]string{
	"core.md §3.4": `required invalid max_length min_length null_characters_not_allowed invalid_phone email_mismatch phone_taken`,
	"account.md §0": `password_too_similar password_too_short password_too_common password_entirely_numeric
		username_blacklisted username_taken`,
	"account.md §16": `account_inactive cannot_remove_primary_email duplicate_email email_password_mismatch
		phone_password_mismatch username_password_mismatch email_taken phone_taken username_taken username_blacklisted
		enter_current_password incorrect_code incorrect_password invalid_login invalid_or_expired_key
		invalid_password_reset max_email_addresses too_many_login_attempts unknown_email unknown_phone
		unverified_primary_email select_only_one same_as_current rate_limited`,
	"mfa.md": `add_email_blocked cannot_delete_authenticator cannot_generate_recovery_codes incorrect_code unverified_email
		invalid_choice invalid_list invalid_pk_value max_length too_many_login_attempts`,
	"sessions-tokens.md §3": `required invalid_list invalid_pk_value invalid_choice`,
	"config-openapi.md §3": `account_not_found client_id_required invalid_token token_authentication_not_supported
		token_required required unknown_email unknown_provider invalid_url`,
	"socialaccount.md §18": `required invalid_choice invalid_token client_id_required token_required
		token_authentication_not_supported connected_other account_not_found no_password no_verified_email
		disconnect_last invalid email_taken username_taken username_blacklisted min_length max_length unknown_provider
		invalid_url unknown cancelled denied signup_closed permission_denied reauthentication_required`,
}

func TestEveryCodeOfTheContractHasASentence(t *testing.T) {
	t.Parallel()
	for part, list := range codes {
		for _, code := range strings.Fields(list) {
			checkCode(t, part, code)
		}
	}
}

func TestEveryCodeOfTheLibraryHasASentence(t *testing.T) {
	t.Parallel()
	declared := regexp.MustCompile(`\b(?:api\.)?Code\s*=\s*"([a-z_]+)"`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(b, -1) {
			checkCode(t, path, string(m[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkCode(t *testing.T, where, code string) {
	t.Helper()
	for _, l := range locales {
		text := i18n.Message(l, code)
		if text == i18n.Message(l, "other") {
			t.Errorf("%s: %s has no sentence in %s", where, code, l)
		}
		if l != "en" && text == i18n.Message("en", code) {
			t.Errorf("%s: %s is not translated to %s", where, code, l)
		}
	}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	files := os.DirFS("errors")
	read := func(locale string) map[string]string {
		b, err := fs.ReadFile(files, locale+".json")
		if err != nil {
			t.Fatal(err)
		}
		m, err := i18n.Parse(b)
		if err != nil {
			t.Fatalf("%s: %v", locale, err)
		}
		return m
	}
	english := read("en")
	for _, l := range locales {
		m := read(l)
		for code := range english {
			if m[code] == "" {
				t.Errorf("%s lacks %s", l, code)
			}
		}
		for code, text := range m {
			if english[code] == "" {
				t.Errorf("%s has a code of its own: %s", l, code)
			}
			if text != strings.TrimSpace(text) || !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "。") {
				t.Errorf("%s: %s is no sentence: %q", l, code, text)
			}
		}
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, locale, code, want string }{
		{"English", "en", "required", "This field is required."},
		{"no locale", "", "required", "This field is required."},
		{"a language that nobody speaks here", "tlh", "required", "This field is required."},
		{"a region", "de-AT", "required", "Dieses Feld ist erforderlich."},
		{"another spelling", "ZH_cn", "required", "此项为必填项。"},
		{"no such code", "nl", "no_such_code", "Deze waarde wordt niet geaccepteerd."},
		{"no code", "", "", "This value is not accepted."},
		{"a path", "../errors/de", "required", "This field is required."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := i18n.Message(tc.locale, tc.code); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(locales, i18n.Locales()); diff != "" {
		t.Error(diff)
	}
	for _, tc := range []struct{ name, header, want string }{
		{"none", "", "en"},
		{"one", "fr", "fr"},
		{"a region", "de-AT", "de"},
		{"Brazil", "pt-BR,pt;q=0.9,en;q=0.8", "pt"},
		{"Portugal", "pt-PT", "pt"},
		{"China", "zh-CN,zh;q=0.9", "zh-Hans"},
		{"Singapore", "zh-SG", "zh-Hans"},
		{"a script", "zh-Hans-HK", "zh-Hans"},
		{"Chinese", "zh", "zh-Hans"},
		{"Taiwan reads another script", "zh-TW,ja;q=0.5", "ja"},
		{"Hong Kong reads another script", "zh-HK", "en"},
		{"another script", "zh-Hant-CN", "en"},
		{"the heaviest wins", "de;q=0.5, it;q=0.9, fr;q=0.7", "it"},
		{"the first of equals wins", "nl, pl", "nl"},
		{"an unknown one is passed over", "tlh, sv;q=0.9, ja;q=0.1", "ja"},
		{"anything", "*", "en"},
		{"rather that than anything", "es, *;q=0.5", "es"},
		{"rather not", "de;q=0, fr;q=0.1", "fr"},
		{"case and space", "  DE-at ; Q=0.3 ,\tFR;q=0.2", "de"},
		{"broken weights", "de;q=2, fr;q=-1, it;q=NaN, es;q, pl;x=1, nl;q=0.1", "nl"},
		{"noise", ";;;,,,=,q=1,\x00,\xff\xfe,-,de-,", "de"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := i18n.Match(tc.header); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestMatchIsBoundedAgainstHostileHeaders(t *testing.T) {
	t.Parallel()
	start := time.Now()
	for name, header := range map[string]string{
		"many":       strings.Repeat("x-y-z,", 1<<18) + "de",
		"long":       strings.Repeat("a", 1<<20),
		"subtags":    "de" + strings.Repeat("-a", 1<<20),
		"underlines": strings.Repeat("_", 1<<20),
	} {
		if got := i18n.Match(header); got != "en" {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("took %v", d)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("de-AT;q=0.5,fr,*;q=0.1")
	f.Add("zh-Hant-TW, zh_CN;q=0.9")
	f.Fuzz(func(t *testing.T, header string) {
		if got := i18n.Match(header); !slices.Contains(locales, got) {
			t.Errorf("%q is matched with %q", header, got)
		}
	})
}

func TestCatalog(t *testing.T) {
	t.Parallel()
	c := i18n.Open(fstest.MapFS{
		"en.json": {Data: []byte(`{"a": "one", "b": "two"}`)},
		"de.json": {Data: []byte(`{"a": "eins", "b": "zwei"}`)},
		"ja.json": {Data: []byte(`broken`)}, // read by nobody below
	}).With("de-AT", map[string]string{"a": "oans"}).With("sv", map[string]string{"a": "ett"}).With("en", map[string]string{"b": "2"})

	if diff := cmp.Diff([]string{"en", "de", "de-AT", "ja", "sv"}, c.Locales()); diff != "" {
		t.Error(diff)
	}
	for _, tc := range []struct{ tag, locale, a, b string }{
		{"en", "en", "one", "2"},
		{"de", "de", "eins", "zwei"},
		{"de-at", "de-AT", "oans", "zwei"},
		{"de-CH", "de", "eins", "zwei"},
		{"sv-FI", "sv", "ett", "2"},
		{"", "en", "one", "2"},
	} {
		s := c.For(tc.tag)
		if s.Locale != tc.locale || s.Text("a") != tc.a || s.Text("b") != tc.b || s.Text("c") != "" {
			t.Errorf("%q: got %s, %q, %q, %q", tc.tag, s.Locale, s.Text("a"), s.Text("b"), s.Text("c"))
		}
	}
	for name, broken := range map[string]string{"list": `[]`, "number": `{"a": 1}`, "half": `{"a": "`} {
		if _, err := i18n.Parse([]byte(broken)); err == nil {
			t.Errorf("%s is taken for sentences", name)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a broken file of our own goes unnoticed")
		}
	}()
	c.For("ja").Text("a")
}

func BenchmarkMessage(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		i18n.Message("de-AT", "required")
	}
}
