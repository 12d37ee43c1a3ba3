package importer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/importer"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/sqlite"
)

var update = flag.Bool("update", false, "write the golden files")

type nowhere struct{}

func (nowhere) Send(context.Context, account.Message) error { return nil }

// config is a site with further factors, whose hashes cost little.
func config(st store.Store) headless.Config {
	return headless.Config{
		Timeout: time.Minute, // the race detector makes old hashes slow
		URL:     "https://app.example.org", Secret: []byte("hush-hush-hush-hush-hush-hush-hush"), Store: st, Mailer: nowhere{},
		Logger:   slog.New(slog.NewTextHandler(io.Discard, nil)),
		Frontend: headless.Frontend{VerifyEmail: "/v/{key}", ResetPassword: "/r/{key}"},
		MFA:      &mfa.Config{SupportedTypes: []string{"totp", "recovery_codes", "webauthn"}},
		Account: account.Config{
			LoginMethods: []string{"email", "username"}, EmailVerification: account.None,
			Password: account.PasswordConfig{Argon2Memory: 64, Argon2Time: 1, BcryptPepper: []byte("pepper")},
		},
	}
}

func site(t testing.TB, st store.Store) *importer.Importer {
	t.Helper()
	m, err := importer.New(config(st))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// run imports, and returns what was said.
func run(t testing.TB, m *importer.Importer, source importer.Source, o importer.Options) (importer.Report, []string) {
	t.Helper()
	var said []string
	o.OnProblem = func(p importer.Problem) { said = append(said, p.Error()) }
	report, err := m.Import(t.Context(), source, o)
	if err != nil {
		t.Fatal(err)
	}
	return report, said
}

func export(t testing.TB, m *importer.Importer, secrets bool) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.Export(t.Context(), &b, importer.ExportOptions{Secrets: secrets}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// stores are new and empty, of each kind.
func stores(t *testing.T, test func(t *testing.T, open func() store.Store)) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, func() store.Store { return memory.New() })
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, func() store.Store {
			st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "auth.db"))
			if err == nil {
				err = st.Migrate(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			return st
		})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, func() store.Store {
			st, err := postgres.Open(t.Context(), testenv.Postgres(t))
			if err == nil {
				err = st.Migrate(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			return st
		})
	})
}

// What was exported and imported is exported as it was.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("testdata/users.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	stores(t, func(t *testing.T, open func() store.Store) {
		first := site(t, open())
		report, said := run(t, first, importer.JSONLines(bytes.NewReader(want)), importer.Options{Source: "elsewhere"})
		if want := (importer.Report{Read: 3, Created: 3}); report != want || said != nil {
			t.Fatalf("got %+v, %q", report, said)
		}
		all := export(t, first, true)
		if all != string(want) {
			t.Errorf("got\n%swant\n%s", all, want)
		}
		second := site(t, open())
		run(t, second, importer.JSONLines(strings.NewReader(all)), importer.Options{Source: "first"})
		if again := export(t, second, true); again != all {
			t.Errorf("got\n%swant\n%s", again, all)
		}
		for _, secret := range []string{"pbkdf2", "JBSWY3", "12345678"} {
			if open := export(t, first, false); strings.Contains(strings.ReplaceAll(open, "+31612345678", ""), secret) {
				t.Errorf("%q is in\n%s", secret, open)
			}
		}
	})
}

// A secret lies encrypted, as when it is set up here.
func TestFactorsAreSealed(t *testing.T) {
	t.Parallel()
	st := memory.New()
	run(t, site(t, st), importer.JSONLines(open(t, "users.jsonl")), importer.Options{})
	all, err := st.AuthenticatorsOf(t.Context(), "1")
	if err != nil || len(all) != 3 {
		t.Fatalf("got %d, %v", len(all), err)
	}
	for _, a := range all {
		if a.Type != store.WebAuthn && (!bytes.Contains(a.Data, []byte(`"k1:`)) || bytes.Contains(a.Data, []byte("JBSW")) || bytes.Contains(a.Data, []byte("12345678"))) {
			t.Errorf("%s: got %s", a.Type, a.Data)
		}
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	signer := firebase()
	for name, source := range map[string]func(f io.Reader) importer.Source{
		"users.jsonl": importer.JSONLines, "users.csv": importer.CSV, "wordpress.csv": importer.WordPress, "aspnet.csv": importer.ASPNET,
		"django.jsonl":      importer.Django,
		"auth0-users.jsonl": func(f io.Reader) importer.Source { return importer.Auth0(f, open(t, "auth0-hashes.jsonl")) },
		"firebase.json":     func(f io.Reader) importer.Source { return importer.Firebase(f, signer) },
		"devise.csv":        func(f io.Reader) importer.Source { return importer.Devise(f, true) },
	} {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			for r, err := range source(open(t, name)) {
				if err != nil {
					t.Fatal(err)
				}
				line, err := json.Marshal(r)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&got, "%d: %s\n", r.Line, line)
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got\n%swant\n%s", &got, want)
			}
			if report, said := run(t, site(t, memory.New()), source(open(t, name)), importer.Options{}); report.Refused > 0 || report.Created != report.Read {
				t.Errorf("got %+v, %q", report, said)
			}
		})
	}
	t.Run("a list as of Django's --format json", func(t *testing.T) {
		lines := strings.TrimSpace(read(t, "django.jsonl"))
		var lists [2][]string
		for i, text := range []string{lines, " [" + strings.ReplaceAll(lines, "\n", ",\n") + "]"} {
			for r, err := range importer.Django(strings.NewReader(text)) {
				if err != nil {
					t.Fatal(err)
				}
				b, _ := json.Marshal(r)
				lists[i] = append(lists[i], string(b))
			}
		}
		if a, b := strings.Join(lists[0], "\n"), strings.Join(lists[1], "\n"); a != b || len(lists[0]) != 2 {
			t.Errorf("got\n%s\nwant\n%s", b, a)
		}
	})
}

func read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Each problem has its line and field, and no secret.
func TestProblems(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, line, want string }{
		{"no JSON", `{"username": hunter2}`, "line 2: is no JSON object of this format"},
		{"an unknown member", `{"usrname": "hunter2"}`, `line 2: "usrname" is not known`},
		{"a member of another type", `{"username": 7}`, "line 2: username is number, which does not fit"},
		{"two in a line", `{"username": "a"} {"username": "b"}`, "line 2: has more than one JSON value"},
		{"no time", `{"username": "a", "created_at": "hunter2"}`, `line 2: has a time that is none such as "2026-01-31T12:00:00Z"`},
		{"nobody", `{"password_hash": "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"}`, "line 2: has no id, no address and no username: there is nobody to import"},
		{"no address", `{"emails": [{"email": "ada@"}]}`, `line 2: email "ada@" is no address`},
		{"an address twice", `{"emails": [{"email": "ada@example.org"}, {"email": "Ada@Example.org"}]}`, `line 2: email "ada@example.org" is there twice`},
		{"two primary ones", `{"emails": [{"email": "a@example.org", "primary": true}, {"email": "b@example.org", "primary": true}]}`, "line 2: email is primary twice"},
		{"blanks in a name", `{"username": " ada"}`, "line 2: username has blanks around it, or more than 150 characters"},
		{"a control character", `{"username": "a\u0000da"}`, "line 2: username is too long, or holds what is no text"},
		{"a local number", `{"username": "a", "phone": "0612345678"}`, `line 2: phone "0612345678" is no number in international form, such as +31612345678`},
		{"a hash of nothing known", `{"username": "a", "password_hash": "hunter2"}`, "line 2: password_hash is in no known format, or asks for unreasonable work"},
		{"a hash that costs too much", `{"username": "a", "password_hash": "$2b$31$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"}`, "line 2: password_hash is in no known format, or asks for unreasonable work"},
		{"a format of nothing known", `{"username": "a", "password_hash": "hunter2", "password_format": "rot13"}`, `line 2: password_hash has the format "rot13", which is not known`},
		{"a salt that is none", `{"username": "a", "password_hash": "hunter2", "password_format": "md5", "password_salt": "hex:hunter2"}`, "line 2: password_hash has a salt that can't be read"},
		{"a short secret", `{"username": "a", "totp": {"secret": "JBSWY3DP"}}`, "line 2: totp is no secret of at least 80 bits in base32"},
		{"codes of eight digits", `{"username": "a", "totp": {"secret": "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&digits=8"}}`, "line 2: totp has another digits than the site, which has 6"},
		{"an account without subject", `{"username": "a", "social": [{"provider": "google", "uid": ""}]}`, `line 2: social has "google" without a provider or a subject`},
		{"a hash that is no text", `{"username": "a", "password_hash": "pbkdf2_sha256$1000$\u0000salt$7kQnvik2EF+ZgxuPgZDCIKdNYs3JKaGATJCvSjVHMpY="}`, "line 2: password_hash holds what is no text"},
		{"fields that are no text", "{\"username\": \"a\", \"fields\": {\"x\": \"\xff\"}}", "line 2: fields is no JSON object, or too large"},
		{"fields that are none", `{"username": "a", "fields": [1]}`, "line 2: fields is no JSON object, or too large"},
		{"a line without end", `{"username": "` + strings.Repeat("a", 2<<20) + `"}`, "line 2: is longer than 1 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			st := memory.New()
			text := `{"username": "before"}` + "\n" + tt.line + "\n\n" + `{"username": "behind"}`
			for _, dry := range []bool{true, false} {
				report, said := run(t, site(t, st), importer.JSONLines(strings.NewReader(text)), importer.Options{DryRun: dry})
				if want := (importer.Report{Read: 3, Created: 2, Refused: 1}); report != want {
					t.Errorf("got %+v", report)
				}
				if len(said) != 1 || said[0] != tt.want {
					t.Errorf("got %q\nwant %q", said, tt.want)
				}
				if strings.Contains(strings.Join(said, ""), "hunter2") {
					t.Error("a secret is told")
				}
			}
		})
	}
	t.Run("what is no file of the format ends the import", func(t *testing.T) {
		t.Parallel()
		for want, source := range map[string]importer.Source{
			`column "usrname" is not known`:    importer.CSV(strings.NewReader("usrname\nada\n")),
			`column "user_pass" is missing`:    importer.WordPress(strings.NewReader("ID,user_login,user_email\n")),
			`column "id" is there twice`:       importer.CSV(strings.NewReader("id,ID\n")),
			"has no line with the names":       importer.CSV(strings.NewReader("")),
			"a quote is not where it belongs":  importer.CSV(strings.NewReader("id\nx\"y\n")),
			"is no JSON list of users":         importer.Firebase(strings.NewReader(`{"users": 7}`), firebase()),
			"password hashes: line 1: is no J": importer.Auth0(strings.NewReader(""), strings.NewReader("x")),
		} {
			_, err := site(t, memory.New()).Import(t.Context(), source, importer.Options{})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	})
	t.Run("columns that are missing or wrong", func(t *testing.T) {
		t.Parallel()
		_, said := run(t, site(t, memory.New()), importer.CSV(strings.NewReader("username,disabled,created_at\na,maybe,\nb,,yesterday\nc\n")), importer.Options{})
		want := []string{`line 2: disabled must be "true" or "false"`, `line 3: created_at is no time such as "2026-01-31T12:00:00Z"`, "line 4: has 1 columns, not 3"}
		if strings.Join(said, "\n") != strings.Join(want, "\n") {
			t.Errorf("got %q", said)
		}
	})
	t.Run("hashes that can't be read may be forgotten", func(t *testing.T) {
		t.Parallel()
		st := memory.New()
		report, said := run(t, site(t, st), importer.JSONLines(strings.NewReader(`{"username": "a", "password_hash": "hunter2"}`)), importer.Options{ForgetPasswords: true})
		u, err := st.UserByUsername(t.Context(), "a")
		if err != nil || report.Created != 1 || len(said) != 1 || u.Password.Usable() {
			t.Errorf("got %+v, %q, %v", report, said, err)
		}
	})
}

// A dry run finds what the real one would, and writes nothing.
func TestDryRun(t *testing.T) {
	t.Parallel()
	const file = `{"id": "1", "username": "ada", "emails": [{"email": "ada@example.org", "verified": true}], "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99", "password_format": "md5"}
{"id": "2", "username": "ADA"}
{"id": "3", "emails": [{"email": "ada@example.org", "verified": true}]}
{"id": "1", "username": "other"}
{"id": "4", "username": "grace"}`
	stores(t, func(t *testing.T, open func() store.Store) {
		st := open()
		m := site(t, st)
		report, said := run(t, m, importer.JSONLines(strings.NewReader(file)), importer.Options{DryRun: true})
		want := importer.Report{Read: 5, Created: 2, Duplicates: 3, Wrapped: 1}
		if report != want || len(said) != 3 {
			t.Errorf("got %+v, %q", report, said)
		}
		if all := export(t, m, false); all != "" {
			t.Errorf("it wrote\n%s", all)
		}
		report, _ = run(t, m, importer.JSONLines(strings.NewReader(file)), importer.Options{})
		if want = (importer.Report{Read: 5, Created: 2, Before: 1, Duplicates: 2, Wrapped: 1}); report != want {
			t.Errorf("then got %+v", report)
		}
		report, _ = run(t, m, importer.JSONLines(strings.NewReader(file)), importer.Options{DryRun: true})
		if want = (importer.Report{Read: 5, Before: 3, Duplicates: 2}); report != want {
			t.Errorf("at last got %+v", report)
		}
	})
}

func TestAgain(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, open func() store.Store) {
		m := site(t, open())
		var file strings.Builder
		for i := range 250 {
			fmt.Fprintf(&file, `{"id": "%d"}`+"\n", i) // nothing but the mark tells them apart
		}
		boom := errors.New("pulled the plug")
		cut := func(yield func(*importer.Record, error) bool) {
			for r, err := range importer.JSONLines(strings.NewReader(file.String())) {
				if r.ID == "120" {
					yield(nil, boom)
					return
				}
				if !yield(r, err) {
					return
				}
			}
		}
		o := importer.Options{Source: "x", BatchSize: 50}
		if report, err := m.Import(t.Context(), cut, o); !errors.Is(err, boom) || report.Created != 100 {
			t.Fatalf("got %+v, %v", report, err)
		}
		for i, want := range []importer.Report{{Read: 250, Created: 150, Before: 100}, {Read: 250, Before: 250}} {
			if report, said := run(t, m, importer.JSONLines(strings.NewReader(file.String())), o); report != want || said != nil {
				t.Errorf("run %d: got %+v, %q", i, report, said)
			}
		}
		if n := strings.Count(export(t, m, false), "\n"); n != 250 {
			t.Errorf("%d users", n)
		}
	})
}

// Two imports of one file at once make each user once.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, open func() store.Store) {
		m := site(t, open())
		var file strings.Builder
		for i := range 200 {
			fmt.Fprintf(&file, `{"id": "%d", "username": "user%d", "emails": [{"email": "user%d@example.org", "verified": true}]}`+"\n", i, i, i)
		}
		done := make(chan error)
		for range 2 {
			go func() {
				var err error
				for range 3 { // a race lost is told, and harmless: run it again
					if _, err = m.Import(t.Context(), importer.JSONLines(strings.NewReader(file.String())), importer.Options{BatchSize: 7}); err == nil {
						break
					}
				}
				done <- err
			}()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if report, _ := run(t, m, importer.JSONLines(strings.NewReader(file.String())), importer.Options{}); report.Before != 200 {
			t.Errorf("got %+v", report)
		}
		if n := strings.Count(export(t, m, false), "\n"); n != 200 {
			t.Errorf("%d users", n)
		}
	})
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	const theirs = `{"id": "1", "username": "ada", "first_name": "Ada", "emails": [{"email": "ada@example.org", "verified": true}, {"email": "more@example.org"}],
		"phone": "+31612345678", "password_hash": "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
		"totp": {"secret": "JBSWY3DPEHPK3PXP"}, "social": [{"provider": "google", "uid": "1152"}]}`
	line := strings.ReplaceAll(theirs, "\n", "")
	setup := func(t *testing.T, verified bool, hash string) (*importer.Importer, *memory.Store, *store.User) {
		st := memory.New()
		u := &store.User{Username: "lovelace", Password: store.PasswordHash(hash), CreatedAt: time.Now()}
		if err := st.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if err := st.CreateEmail(t.Context(), &store.EmailAddress{UserID: u.ID, Email: "ada@example.org", Primary: true, Verified: verified}); err != nil {
			t.Fatal(err)
		}
		return site(t, st), st, u
	}
	again := func(st store.Store, u *store.User) *store.User {
		n, err := st.User(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}

	t.Run("skip leaves the user alone", func(t *testing.T) {
		m, st, u := setup(t, true, "")
		report, said := run(t, m, importer.JSONLines(strings.NewReader(line)), importer.Options{})
		if report != (importer.Report{Read: 1, Duplicates: 1}) || len(said) != 1 || said[0] != "line 1: email is that of a user who is here already" {
			t.Errorf("got %+v, %q", report, said)
		}
		if n := again(st, u); n.FirstName != "" || n.Version != 1 {
			t.Errorf("got %+v", n)
		}
	})
	t.Run("fail ends the import, and its batch", func(t *testing.T) {
		m, st, _ := setup(t, true, "")
		for _, dry := range []bool{true, false} {
			_, err := m.Import(t.Context(), importer.JSONLines(strings.NewReader(`{"username": "first"}`+"\n"+line)), importer.Options{Duplicates: importer.Fail, DryRun: dry})
			var p *importer.Problem
			if !errors.As(err, &p) || p.Line != 2 {
				t.Errorf("got %v", err)
			}
		}
		if _, err := st.UserByUsername(t.Context(), "first"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("update adds what is lacking, again and again", func(t *testing.T) {
		m, st, u := setup(t, true, "pbkdf2_sha1$1000$saltsaltsaltsaltsalt12$W1zR0lX3SSnxjJJFq7BirlR/5qo=")
		for range 2 {
			report, said := run(t, m, importer.JSONLines(strings.NewReader(line)), importer.Options{Duplicates: importer.Update})
			if report != (importer.Report{Read: 1, Updated: 1}) || said != nil {
				t.Errorf("got %+v, %q", report, said)
			}
		}
		n := again(st, u)
		emails, _ := st.EmailsOf(t.Context(), u.ID)
		factors, _ := st.AuthenticatorsOf(t.Context(), u.ID)
		social, _ := st.SocialAccountsOf(t.Context(), u.ID)
		phone, err := st.PhoneOf(t.Context(), u.ID)
		if n.Username != "lovelace" || n.FirstName != "Ada" || n.Version != 2 || !strings.HasPrefix(string(n.Password), "$2b$") ||
			len(emails) != 2 || len(factors) != 1 || len(social) != 1 || err != nil || phone.Number != "+31612345678" {
			t.Errorf("got %+v, %d, %d, %d, %v", n, len(emails), len(factors), len(social), err)
		}
	})
	t.Run("update leaves a password of ours", func(t *testing.T) {
		const ours = "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$A6v4vSxXlHf+0tZ4Wq1b1d4m6xXqkqkqkqkqkqkqkqk"
		m, st, u := setup(t, true, ours)
		run(t, m, importer.JSONLines(strings.NewReader(line)), importer.Options{Duplicates: importer.Update})
		if n := again(st, u); string(n.Password) != ours {
			t.Error("it was replaced")
		}
	})
	// Whoever takes a name or claims an address before its owner arrives must
	// not get what is theirs.
	for name, tt := range map[string]struct {
		line string
		want importer.Report
	}{
		"somebody who only claims the address gets nothing": {line, importer.Report{Read: 1, Created: 1}},
		"somebody with the name gets nothing":               {`{"id": "1", "username": "Lovelace", "emails": [{"email": "x@example.org", "verified": true}], "social": [{"provider": "google", "uid": "1"}]}`, importer.Report{Read: 1, Refused: 1}},
		"a claim upon a claim is no proof":                  {`{"id": "1", "emails": [{"email": "ada@example.org"}], "social": [{"provider": "google", "uid": "1"}]}`, importer.Report{Read: 1, Refused: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			m, st, u := setup(t, false, "")
			if report, said := run(t, m, importer.JSONLines(strings.NewReader(tt.line)), importer.Options{Duplicates: importer.Update}); report != tt.want {
				t.Errorf("got %+v, %q", report, said)
			}
			social, _ := st.SocialAccountsOf(t.Context(), u.ID)
			factors, _ := st.AuthenticatorsOf(t.Context(), u.ID)
			if n := again(st, u); n.Version != 1 || len(social) != 0 || len(factors) != 0 {
				t.Errorf("got %+v", n)
			}
		})
	}
	t.Run("somebody who has the name of one who was imported, and left, gets nothing", func(t *testing.T) {
		for name, line := range map[string]string{
			"a username": `{"id": "1", "username": "ada", "phone": "+31612345678", "phone_verified": true, "social": [{"provider": "google", "uid": "1"}]}`,
			"a claim":    `{"id": "1", "emails": [{"email": "ada@example.org"}], "phone": "+31612345678", "social": [{"provider": "google", "uid": "1"}]}`,
		} {
			t.Run(name, func(t *testing.T) {
				stores(t, func(t *testing.T, open func() store.Store) {
					st := open()
					m := site(t, st)
					file := func() importer.Source { return importer.JSONLines(strings.NewReader(line)) }
					run(t, m, file(), importer.Options{})
					ada, err := st.SocialAccount(t.Context(), "google", "1")
					if err == nil {
						err = st.DeleteUser(t.Context(), ada.UserID)
					}
					eve := &store.User{Username: "ada", Password: "!", CreatedAt: time.Now()}
					if err == nil {
						err = st.CreateUser(t.Context(), eve)
					}
					if err == nil {
						err = st.CreateEmail(t.Context(), &store.EmailAddress{UserID: eve.ID, Email: "ada@example.org", Primary: true})
					}
					if err != nil {
						t.Fatal(err)
					}
					for _, dry := range []bool{true, false} {
						if report, said := run(t, m, file(), importer.Options{Duplicates: importer.Update, DryRun: dry}); report != (importer.Report{Read: 1, Refused: 1}) {
							t.Errorf("got %+v, %q", report, said)
						}
					}
					social, _ := st.SocialAccountsOf(t.Context(), eve.ID)
					if _, err := st.PhoneOf(t.Context(), eve.ID); !errors.Is(err, store.ErrNotFound) || len(social) != 0 {
						t.Errorf("got %v, %v", err, social)
					}
				})
			})
		}
	})
	t.Run("update knows again who was imported, by the name alone", func(t *testing.T) {
		m := site(t, memory.New())
		run(t, m, importer.JSONLines(strings.NewReader(`{"id": "1", "username": "ada"}`)), importer.Options{})
		report, said := run(t, m, importer.JSONLines(strings.NewReader(`{"id": "1", "username": "ada", "first_name": "Ada"}`)), importer.Options{Duplicates: importer.Update})
		if report != (importer.Report{Read: 1, Updated: 1}) {
			t.Errorf("got %+v, %q", report, said)
		}
	})
	t.Run("update lets nobody in who is kept out here, and ends the sessions of who is kept out there", func(t *testing.T) {
		m, st, u := setup(t, true, "")
		run(t, m, importer.JSONLines(strings.NewReader(strings.Replace(line, `{"id"`, `{"disabled": true, "id"`, 1))), importer.Options{Duplicates: importer.Update})
		if n := again(st, u); !n.Disabled || n.Epoch == u.Epoch {
			t.Errorf("got disabled %v, epoch %d", n.Disabled, n.Epoch)
		}
		run(t, m, importer.JSONLines(strings.NewReader(line)), importer.Options{Duplicates: importer.Update})
		if n := again(st, u); !n.Disabled {
			t.Error("it let a user in again")
		}
	})
	t.Run("an identity that is another's is told", func(t *testing.T) {
		m, st, u := setup(t, true, "")
		if err := st.SetPhone(t.Context(), &store.Phone{UserID: u.ID, Number: "+31612345678", Verified: true}); err != nil {
			t.Fatal(err)
		}
		for _, dry := range []bool{true, false} {
			_, said := run(t, m, importer.JSONLines(strings.NewReader(`{"username": "x", "phone": "+31612345678", "phone_verified": true}`)), importer.Options{DryRun: dry})
			if len(said) != 1 || said[0] != "line 1: phone is somebody else's" {
				t.Errorf("got %q", said)
			}
		}
		if _, err := st.UserByUsername(t.Context(), "x"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("half of it is here: %v", err)
		}
	})
	t.Run("no such way", func(t *testing.T) {
		if _, err := site(t, memory.New()).Import(t.Context(), importer.CSV(strings.NewReader("id\n")), importer.Options{Duplicates: "merge"}); err == nil {
			t.Error("taken")
		}
	})
}

// Passkeys are bound to the user's id.
func TestSecurityKeysNeedTheirID(t *testing.T) {
	t.Parallel()
	st := memory.New()
	if err := st.CreateUser(t.Context(), &store.User{Username: "first", CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	report, said := run(t, site(t, st), importer.JSONLines(open(t, "users.jsonl")), importer.Options{})
	if report.Created != 3 || len(said) != 1 || said[0] != "line 1: security_keys are bound to the id of before, and have to be set up anew" {
		t.Errorf("got %+v, %q", report, said)
	}
}

func TestRecordsRedactThemselves(t *testing.T) {
	t.Parallel()
	for r := range importer.JSONLines(open(t, "users.jsonl")) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if s := fmt.Sprintf(verb, r); s != fmt.Sprintf("{line %d [redacted]}", r.Line) {
				t.Errorf("%s: got %s", verb, s)
			}
			if s := fmt.Sprintf(verb, *r); s != fmt.Sprintf("{line %d [redacted]}", r.Line) {
				t.Errorf("%s: got %s", verb, s)
			}
		}
	}
}
