package password_test

import (
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"unicode"

	"github.com/headless-auth/headless/internal/password"
)

const (
	similar = "password_too_similar"
	short   = "password_too_short"
	common  = "password_too_common"
	numeric = "password_entirely_numeric"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	ada := &password.Subject{Username: "ada.lovelace", FirstName: "Augusta", LastName: "King-Noel", Email: "Countess@analytical.example"}
	for _, tt := range []struct {
		name       string
		text       string
		subject    *password.Subject
		validators password.Validators
		want       []string
	}{
		{name: "a good password", text: "kwijibo-94-tram", subject: ada},
		{name: "any characters", text: "пароль 日本 ☃", subject: ada},

		{name: "too short", text: "kwijibo", want: []string{short}},
		{name: "length counts characters, not bytes", text: "ünïcödë", want: []string{short}},
		{name: "long enough in characters", text: "ünïcödë™"},
		{name: "empty", text: "", want: []string{short}},
		{name: "white space alone is no password", text: "          ", want: []string{short}},
		{name: "white space at the ends adds no length", text: "  kwijibo  ", want: []string{short}},
		{name: "another minimum", text: "kwijibo", validators: password.Validators{MinLength: 7}},
		{name: "another minimum, missed", text: "kwijibo-94-tra", validators: password.Validators{MinLength: 15}, want: []string{short}},

		{name: "common", text: "iloveyou1", want: []string{common}},
		{name: "common in another case", text: "FootBall1", want: []string{common}},
		{name: "common in white space", text: " trustno1\n", want: []string{common}},
		{name: "common, allowed", text: "iloveyou1", validators: password.Validators{AllowCommon: true}},

		{name: "digits only", text: "8203174659", want: []string{numeric}},
		{name: "digits of another script", text: "٨٢٠٣١٧٤٦٥٩", want: []string{numeric}},
		{name: "digits only, allowed", text: "8203174659", validators: password.Validators{AllowNumeric: true}},
		{name: "digits and a dot", text: "82031746.59"},

		{name: "the username", text: "ada.lovelace", subject: ada, want: []string{similar}},
		{name: "in another case", text: "ADA.LoveLace", subject: ada, want: []string{similar}},
		{name: "in another order", text: "ecalevol.ada", subject: ada, want: []string{similar}},
		{name: "a word of the username", text: "lovelace", subject: ada, want: []string{similar}},
		{name: "nearly the first name", text: "augusta1", subject: ada, want: []string{similar}},
		{name: "a double name", text: "kingnoel", subject: ada, want: []string{similar}},
		{name: "part of the address", text: "countess7", subject: ada, want: []string{similar}},
		{name: "the domain", text: "analytical", subject: ada, want: []string{similar}},
		{name: "reported once", text: "ada.lovelace", subject: &password.Subject{Username: "ada.lovelace", Email: "ada.lovelace@ada.lovelace"}, want: []string{similar}},
		{name: "similar, allowed", text: "ada.lovelace", subject: ada, validators: password.Validators{AllowSimilar: true}},
		{name: "nobody is known", text: "ada.lovelace"},
		{name: "nothing is known of somebody", text: "ada.lovelace", subject: &password.Subject{}},
		{name: "an underscore does not part words", text: "kwijibo9", subject: &password.Subject{Username: "kwijibo_springfield"}},
		{name: "a hyphen does", text: "kwijibo9", subject: &password.Subject{Username: "kwijibo-springfield"}, want: []string{similar}},
		// 2·7/20 is 0.7; 2·6/20 is not.
		{name: "exactly the ratio", text: "gfedcba-19", subject: &password.Subject{Username: "abcdefgxyz"}, want: []string{similar}},
		{name: "just below the ratio", text: "fedcba-719", subject: &password.Subject{Username: "abcdefwxyz"}},
		{name: "repeated characters count as often as both have them", text: "aaaaaaaaaa", subject: &password.Subject{Username: "aaaabbbbbb"}},

		{name: "all at once, in order", text: "1234567", subject: &password.Subject{Username: "1234567"}, want: []string{similar, short, common, numeric}},
		{name: "nothing matters", text: "1234567", subject: &password.Subject{Username: "1234567"},
			validators: password.Validators{MinLength: 1, AllowCommon: true, AllowNumeric: true, AllowSimilar: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.validators.Check(tt.text, tt.subject); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCommonPasswords(t *testing.T) {
	t.Parallel()
	is := func(text string) bool {
		return slices.Contains(password.Validators{}.Check(text, nil), common)
	}
	for _, text := range []string{
		"password", "Password", "PASSWORD", "123456", "12345678", "qwerty123", "iloveyou", "letmein1", "football1",
		"password1", "sunshine", "princess", "abc12345", "trustno1", "1q2w3e4r", "P@ssw0rd", "Passw0rd!", "Welcome123",
		"Summer2024", "Admin@123", "changeme", "correct horse battery staple", "пароль123", "contraseña",
	} {
		if !is(text) {
			t.Errorf("%s is not on the list", text)
		}
	}
	for _, text := range []string{"", "kwijibo-94-tram", "passwo~", "password\n123", "\x00", "~~~~", "яяяяяяяя", "!", "correct horse"} {
		if is(text) {
			t.Errorf("%q is on the list", text)
		}
	}
}

// A password that shares nothing with a subject is never called similar, and
// one that is a detail of the subject always is.
func TestSimilarityProperties(t *testing.T) {
	t.Parallel()
	v := password.Validators{MinLength: 1, AllowCommon: true, AllowNumeric: true}
	property := func(name string, rest string) bool {
		name = strings.TrimSpace(name)
		if name == "" || strings.ContainsFunc(name, unicode.IsUpper) {
			return true
		}
		mine := v.Check(name, &password.Subject{LastName: name})
		foreign := v.Check(strings.Repeat("\u2603", len(name)), &password.Subject{LastName: "x" + strings.ReplaceAll(rest, "\u2603", "")})
		return slices.Contains(mine, similar) && !slices.Contains(foreign, similar)
	}
	if err := quick.Check(property, nil); err != nil {
		t.Error(err)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("ada.lovelace", "ada.lovelace", "ada@example.org", 8)
	f.Add("12345678", "", "", 0)
	f.Add("\xff\xfe", "\xff", "@", -1)
	f.Add("İİİİİİİİ", "i̇i̇i̇i̇", "", 9)
	order := []string{similar, short, common, numeric}
	f.Fuzz(func(t *testing.T, text, username, email string, least int) {
		v := password.Validators{MinLength: least}
		got := v.Check(text, &password.Subject{Username: username, Email: email})
		at := -1
		for _, code := range got {
			i := slices.Index(order, code)
			if i <= at {
				t.Fatalf("%q: unknown code or wrong order", got)
			}
			at = i
		}
		if nobody := v.Check(text, nil); !slices.Equal(nobody, slices.DeleteFunc(got, func(c string) bool { return c == similar })) {
			t.Errorf("%q, but %q where nobody is known", got, nobody)
		}
		if again := v.Check(" "+text+"\n", nil); !slices.Equal(again, v.Check(text, nil)) {
			t.Errorf("%q with white space around", again)
		}
	})
}
