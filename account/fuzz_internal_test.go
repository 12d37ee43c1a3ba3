package account

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
)

// An address has one form, which stays the same and which no other address of
// the same domain shares.
func FuzzCleanEmail(f *testing.F) {
	for _, s := range []string{
		"ada@example.org", " ADA@Example.ORG ", `"a b"@example.org`, `"a\"@b"@example.org`, "a@localhost", "a@[127.0.0.1]", "a@[IPv6:::1]", "a@ex\u00e4mple.org", "a@xn--exmple-cua.org", "\u212Aim@example.org", "a@\u212A.org",
		"a@b", "a@@b.org", "", "@", "a@b.org\r\nBcc: c@d.org", "a@b..org", "a@-b.org", "a\u0000@b.org", "\uff41@b.org", "a@b.org.", "a@" + strings.Repeat("b.", 150) + "org", "a@xn--a.org",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean, ok := CleanEmail(s)
		if !ok {
			return
		}
		if again, ok := CleanEmail(clean); !ok || again != clean {
			t.Fatalf("%q became %q and then %q, %v", s, clean, again, ok)
		}
		if again, ok := CleanEmail(strings.ToUpper(clean)); ok && again != clean {
			t.Fatalf("%q and its capitals %q are two: %q", clean, strings.ToUpper(clean), again)
		}
		at := strings.LastIndexByte(clean, '@')
		local, typed := clean[:at], strings.TrimSpace(s)
		if !ascii(local) || strings.ContainsAny(clean, "\r\n\x00") || strings.ContainsAny(clean[at:], " ,;<>\"()") || !utf8.ValidString(clean) {
			t.Fatalf("%q became %q", s, clean)
		}
		// The local part is what was typed, but for ASCII capitals.
		if got := typed[:strings.LastIndexByte(typed, '@')]; len(got) != len(local) || !strings.EqualFold(got, local) {
			t.Fatalf("%q became %q", s, clean)
		}
	})
}

// A phone number is in E.164 form or refused.
func FuzzCleanPhone(f *testing.F) {
	for _, s := range []string{"+31612345678", "0612345678", "+0612345678", "+31 612345678", "+3161234567890123", "+31612", "+٣١٦١٢٣٤٥٦٧٨", "+31612345678\n", "tel:+31612345678", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := &Account{}
		clean, wrong := a.cleanPhone(context.Background(), s)
		ok := len(s) >= 7 && len(s) <= 16 && s[0] == '+' && s[1] != '0' && strings.Trim(s[1:], "0123456789") == ""
		if ok != (len(wrong) == 0) || ok && clean != s {
			t.Fatalf("%q: got %q, %v", s, clean, wrong)
		}
	})
}

// A username that is accepted is one word of letters, digits and a few signs,
// in one form.
func FuzzCleanUsername(f *testing.F) {
	for _, s := range []string{"ada", "Ada.Lovelace@+-_", "ａｄａ", "\ufb01sh", "a b", "a\u200bb", "admin", "ADMIN", "\u0130", "a\u0301", "\u1e9b\u0323", "²", "٣", "\x00", "a\xff", strings.Repeat("n", 200)} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, lower bool) {
		if !utf8.ValidString(s) {
			return // refused before
		}
		a := &Account{config: Config{UsernameBlacklist: []string{"admin"}, LowercaseUsernames: lower}}
		rq := fuzzRequest(memory.New())
		clean, err := a.cleanUsername(t.Context(), rq, s)
		if err != nil {
			var e *api.Error
			if !errors.As(err, &e) || e.Status != 400 {
				t.Fatalf("%q: got %v", s, err)
			}
			return
		}
		if strings.EqualFold(clean, "admin") || !norm.NFKC.IsNormalString(clean) || lower && clean != strings.ToLower(clean) {
			t.Fatalf("%q became %q", s, clean)
		}
		for _, r := range clean {
			if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("_@.+-", r) {
				t.Fatalf("%q became %q", s, clean)
			}
		}
		if again, err := a.cleanUsername(t.Context(), rq, clean); err != nil || again != clean {
			t.Fatalf("%q became %q and then %q, %v", s, clean, again, err)
		}
		if base := usernameBase(s); !ascii(base) || strings.ContainsAny(base, " @\x00") {
			t.Fatalf("%q is the base %q", s, base)
		}
	})
}

// A code matches however it is written, and nothing else does.
func FuzzCode(f *testing.F) {
	for _, s := range []string{"", "BCDF-GHJK", "bcdfghjk", " b c d f . g h j k ", "BCDFGHJ", "---", "\u212Acdfghjk", "BCDF\u2010GHJK", "123-456-789", "１２３", "\x00BCDFGHJK", "BCDFGHJKK"} {
		f.Add(s, false, 8)
		f.Add(s, true, 6)
	}
	keys := secret.NewKeys([]byte("0123456789abcdef0123456789abcdef"))
	f.Fuzz(func(t *testing.T, s string, numeric bool, length int) {
		if length < 5 || length > 64 {
			return
		}
		format := CodeFormat{Numeric: numeric, Length: length}
		code, err := format.new(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		plain := cleanCode(code)
		if len(plain) != length || strings.Trim(strings.ToUpper(plain), format.alphabet()) != "" {
			t.Fatalf("got %q", code)
		}
		c := &codes{use: "fuzz", config: CodeConfig{Format: format, MaxAttempts: 3}}
		p := process{UserID: "1", Email: "ada@example.org"}
		p.Hash = keys.MAC("code", c.parts(p, code)...)
		right := func(typed string) bool {
			return cleanCode(typed) != "" && keys.Verify(p.Hash, "code", c.parts(p, typed)...)
		}
		for _, typed := range []string{code, plain, strings.ToUpper(plain), " " + strings.ToLower(code) + "\t", strings.Join(strings.Split(plain, ""), "-"), plain[:1] + "!?." + plain[1:]} {
			if !right(typed) {
				t.Fatalf("%q is not %q", typed, code)
			}
		}
		if right(s) != (cleanCode(s) == plain) {
			t.Fatalf("%q is taken for %q", s, code)
		}
		if again := cleanCode(cleanCode(s)); again != cleanCode(s) {
			t.Fatalf("%q became %q and then %q", s, cleanCode(s), again)
		}
	})
}

func fuzzRequest(st store.Store) *api.Request {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return &api.Request{
		Env:  &api.Env{Store: st, SharedSessions: true, Keys: secret.NewKeys([]byte("0123456789abcdef0123456789abcdef")), Rand: rand.Reader, Now: func() time.Time { return now }},
		HTTP: httptest.NewRequest("POST", "/", nil), Now: now, Session: &store.Session{},
	}
}

// fuzzAccount is a user with one unverified address.
func fuzzAccount(f *testing.F) (*Account, *api.Request, *store.User, *store.EmailAddress) {
	f.Helper()
	st := memory.New()
	u := &store.User{Password: "x"}
	if err := st.CreateUser(context.Background(), u); err != nil {
		f.Fatal(err)
	}
	e := &store.EmailAddress{UserID: u.ID, Email: "ada@example.org", Primary: true}
	if err := st.CreateEmail(context.Background(), e); err != nil {
		f.Fatal(err)
	}
	u, err := st.User(context.Background(), u.ID)
	if err != nil {
		f.Fatal(err)
	}
	return &Account{config: Config{EmailVerificationLifetime: time.Hour, PasswordResetLifetime: time.Hour}}, fuzzRequest(st), u, e
}

// No key verifies an address but the one that was mailed.
func FuzzVerificationKey(f *testing.F) {
	a, rq, _, e := fuzzAccount(f)
	genuine := a.verificationKey(rq, e)
	for _, s := range []string{genuine, "", ".", "..", "1.2.3", genuine + ".", genuine[1:], strings.ToUpper(genuine), "0" + genuine, "+" + genuine, genuine[:40] + "\r" + genuine[40:], strings.Replace(genuine, ".", ".0", 1), genuine + "A", genuine + "=", strings.Repeat(".", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		found, _, err := a.emailOfKey(t.Context(), rq, key)
		if (err == nil) != (key == genuine) {
			t.Fatalf("%q: got %v, %v", key, found, err)
		}
		var wrong *api.Error
		if err != nil && (!errors.As(err, &wrong) || wrong.Status != 400) {
			t.Fatalf("%q: got %v", key, err)
		}
	})
}

// No key resets a password but the one that was mailed.
func FuzzResetKey(f *testing.F) {
	a, rq, u, e := fuzzAccount(f)
	genuine := resetKey(rq, u, e, []*store.EmailAddress{e})
	for _, s := range []string{genuine, "", "-", "a-b.c.d", genuine + ".", genuine[1:], strings.ToUpper(genuine), "a" + genuine, "-" + genuine, "\n" + genuine, "gg" + genuine[2:], strings.Replace(genuine, "-", "-a", 1), strings.Replace(genuine, ".", ".0", 1), genuine + "A", genuine + "="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		found, _, err := a.ofResetKey(t.Context(), rq, key)
		if (err == nil) != (key == genuine) {
			t.Fatalf("%q: got %v, %v", key, found, err)
		}
		var wrong *api.Error
		if err != nil && (!errors.As(err, &wrong) || wrong.Status != 400) {
			t.Fatalf("%q: got %v", key, err)
		}
	})
}

// What is taken for a host's own field has its type, is within its bounds, and
// reads back as what it was.
func FuzzFields(f *testing.F) {
	for _, s := range []string{`"x"`, `""`, `null`, `1`, `1.0`, `1e3`, `1e999`, `-0`, `9223372036854775808`, `true`, `"true"`, `[]`, `{}`, `"2026-02-30"`, `"2026-03-14"`, `"0000-00-00"`, `"2026-03-14T15:09:26Z"`, `"2026-03-14T15:09:60+24:00"`, `"a@example.org"`, `"https://x"`, `"javascript:x"`, `"//x"`, `"\u0000"`, `"\ud800"`, `" x "`} {
		f.Add([]byte(s))
	}
	var own []Field
	for _, kind := range fieldTypes {
		own = append(own, Field{Name: strings.ReplaceAll(kind, "-", "_"), Type: kind})
	}
	own = append(own, Field{Name: "colour", Choices: []string{"red", "blue"}}, Field{Name: "short", MaxLength: 3, MinLength: 2})
	if p := FieldProblems(own); len(p) > 0 {
		f.Fatal(p)
	}
	a := &Account{config: Config{Fields: own}}
	var inputs []api.Field
	for i := range own {
		inputs = append(inputs, own[i].input())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		body := map[string]json.RawMessage{}
		for _, x := range own {
			body[x.Name] = raw
		}
		if !json.Valid(raw) || !utf8.Valid(raw) {
			return // the body's reader has refused it
		}
		in := api.ReadInput(t.Context(), inputs, body)
		values, err := a.readFields(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range values {
			var bad bool
			switch v := v.(type) {
			case string:
				bad = v == "" || !utf8.ValidString(v) || strings.ContainsRune(v, 0) || v != strings.TrimSpace(v)
				switch name {
				case "colour":
					bad = bad || v != "red" && v != "blue"
				case "short":
					bad = bad || utf8.RuneCountInString(v) > 3 || utf8.RuneCountInString(v) < 2
				case "integer", "number", "boolean":
					bad = true
				}
			case int64:
				bad = name != "integer"
			case float64:
				bad = name != "number"
			case bool:
				bad = name != "boolean"
			default:
				bad = true
			}
			b, err := json.Marshal(v)
			if bad || err != nil {
				t.Fatalf("%q: took %#v for %s, %v", raw, v, name, err)
			}
			i := slices.IndexFunc(own, func(x Field) bool { return x.Name == name })
			if back := own[i].kept(b); back != v {
				t.Fatalf("%q: took %#v for %s, and read back %#v", raw, v, name, back)
			}
		}
	})
}
