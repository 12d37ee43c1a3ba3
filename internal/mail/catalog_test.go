package mail

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/internal/i18n"
)

// Every language says everything, and fills the same variables into it.
func TestCatalogsAreComplete(t *testing.T) {
	t.Parallel()
	read := func(locale string) map[string]string {
		b, err := fs.ReadFile(sub("locales"), locale+".json")
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
	for _, locale := range i18n.Open(sub("locales")).Locales() {
		t.Run(locale, func(t *testing.T) {
			t.Parallel()
			m := read(locale)
			if err := check(m); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(english)), slices.Sorted(maps.Keys(m))); diff != "" {
				t.Error(diff)
			}
			for key, text := range m {
				if diff := cmp.Diff(placeholders(english[key]), placeholders(text)); diff != "" {
					t.Errorf("%s: %s", key, diff)
				}
				if strings.TrimSpace(text) != text || text == "" || strings.ContainsFunc(text, unicode.IsControl) || strings.ContainsAny(text, "<>&") {
					t.Errorf("%s: %q", key, text)
				}
				long := strings.HasSuffix(key, ".subject") || strings.HasSuffix(key, ".button") || strings.HasPrefix(key, "row.")
				if sentence := strings.HasSuffix(text, ".") || strings.HasSuffix(text, ":") || strings.HasSuffix(text, "。") || strings.HasSuffix(text, "："); sentence == long {
					t.Errorf("%s ends unlike the others: %q", key, text)
				}
				if locale != "en" && text == english[key] && !slices.Contains(sameEverywhere, key) {
					t.Errorf("%s is not translated", key)
				}
			}
		})
	}
}

// sameEverywhere are words that some language shares with English.
var sameEverywhere = []string{"row.provider"}

// Everything that the embedded templates ask for is there in English.
func TestEnglishIsComplete(t *testing.T) {
	t.Parallel()
	said := i18n.Open(sub("locales")).For(i18n.Default)
	for key := range sentenceKeys() {
		k, _, _ := strings.Cut(key, ".")
		optional := strings.HasSuffix(key, ".outro") && find(kinds, k).Notice || key == "login_code.intro" || key == "account_already_exists.signup_url"
		if said.Text(key) == "" && !optional {
			t.Errorf("there is no %s", key)
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	// spec: account.md §13, mfa.md §11, socialaccount.md §12
	want := strings.Fields(`email_confirmation_signup email_confirmation account_already_exists unknown_account login_code
		password_reset_key password_reset_code password_changed password_set password_reset email_changed email_deleted
		totp_activated totp_deactivated recovery_codes_generated webauthn_added webauthn_removed
		account_connected account_disconnected new_device account_closed`)
	var got []string
	for _, k := range kinds {
		got = append(got, k.Name)
		if k.Purpose == "" {
			t.Errorf("%s has no purpose", k.Name)
		}
		seen := map[string]bool{}
		for _, v := range k.all() {
			if v.Meaning == "" || v.Sample == "" || seen[v.Name] {
				t.Errorf("%s: %+v", k.Name, v)
			}
			seen[v.Name] = true
		}
		for _, s := range k.Samples() {
			if _, err := k.values(s.Data); err != nil {
				t.Errorf("%s: %v", s.Name, err)
			}
			if _, err := k.values(k.minimal(s).Data); err != nil {
				t.Errorf("%s without what is optional: %v", s.Name, err)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100)
	for _, tc := range []struct{ name, in, want string }{
		{"short", "a  b\nc", "a b c"},
		{"empty", "", ""},
		{"exactly", strings.Repeat("a", 70) + " b", strings.Repeat("a", 70) + " b"},
		{"one more", strings.Repeat("a", 70) + " bc", strings.Repeat("a", 70) + "\nbc"},
		{"a long word stays whole", "a " + long + " b", "a\n" + long + "\nb"},
		{"characters count, not bytes", strings.Repeat("é", 70) + " b", strings.Repeat("é", 70) + " b"},
	} {
		if got := wrap(tc.in); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func FuzzInert(f *testing.F) {
	f.Add("visit https://evil.example or WWW.evil.example\r\nnow")
	f.Add("wwww.www.www. :// ://:// \u202e")
	f.Fuzz(func(t *testing.T, s string) {
		got := inert(clean(s))
		if strings.Contains(got, "://") || strings.Contains(strings.ToLower(got), "www.") {
			t.Errorf("%q still links: %q", s, got)
		}
		if strings.ContainsFunc(got, unicode.IsControl) || len([]rune(got)) > maxForeign {
			t.Errorf("%q becomes %q", s, got)
		}
		if strings.Join(pieces(got), "") != got {
			t.Errorf("%q is cut to %q", got, pieces(got))
		}
	})
}
