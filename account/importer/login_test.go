package importer_test

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what recovery codes are derived with
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account/importer"
	"github.com/headless-auth/headless/store/memory"
)

// firebase are the parameters in the README of github.com/firebase/scrypt.
func firebase() importer.FirebaseHash {
	key, err := base64.StdEncoding.DecodeString("jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==")
	if err != nil {
		panic(err)
	}
	return importer.FirebaseHash{SignerKey: key, SaltSeparator: []byte{7}, Rounds: 8, MemCost: 14}
}

// TestLogin: people log in with the password that they have had elsewhere, and
// have a hash of ours from then on. The hashes were published, or made by
// another program; internal/password/convert_test.go and config-openapi.md §5
// say where.
func TestLogin(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, who, password string
		source              func(t *testing.T) importer.Source
	}{
		{"our own format, Django's PBKDF2", `"email": "ada@example.org"`, "correct horse", func(t *testing.T) importer.Source {
			lines := read(t, "users.jsonl")
			return importer.JSONLines(strings.NewReader(lines[:strings.Index(lines, `"totp"`)-1] + "}"))
		}},
		{"CSV, SHA-256", `"username": "ada"`, "abc", func(t *testing.T) importer.Source {
			return importer.CSV(strings.NewReader("username,password_hash,password_format\nada,ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad,sha256\n"))
		}},
		{"Auth0, bcrypt", `"email": "test2@example.com"`, "correct horse", func(t *testing.T) importer.Source {
			return importer.Auth0(open(t, "auth0-users.jsonl"), open(t, "auth0-hashes.jsonl"))
		}},
		{"Auth0, scrypt", `"email": "scrypt@example.com"`, "pleaseletmein", func(t *testing.T) importer.Source { return importer.Auth0(open(t, "auth0-users.jsonl"), nil) }},
		{"Firebase", `"email": "user1@example.com"`, "user1password", func(t *testing.T) importer.Source { return importer.Firebase(open(t, "firebase.json"), firebase()) }},
		{"WordPress, phpass", `"username": "admin"`, "JohnRipper", func(t *testing.T) importer.Source { return importer.WordPress(open(t, "wordpress.csv")) }},
		{"WordPress, bcrypt", `"username": "new"`, "correct horse battery staple, and more than seventy-two bytes of it, as it happens", func(t *testing.T) importer.Source { return importer.WordPress(open(t, "wordpress.csv")) }},
		{"WordPress, MD5", `"username": "ancient"`, "message digest", func(t *testing.T) importer.Source { return importer.WordPress(open(t, "wordpress.csv")) }},
		{"ASP.NET Identity version 2", `"email": "v2@example.org"`, "my password", func(t *testing.T) importer.Source { return importer.ASPNET(open(t, "aspnet.csv")) }},
		{"ASP.NET Identity version 3", `"email": "v3@example.org"`, "my password", func(t *testing.T) importer.Source {
			return importer.ASPNET(strings.NewReader("Id,Email,PasswordHash\n1,v3@example.org,AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==\n"))
		}},
		{"Devise with a pepper", `"email": "devise@example.org"`, "correct horse", func(t *testing.T) importer.Source { return importer.Devise(open(t, "devise.csv"), true) }},
	}
	for text, hashes := range map[string][]string{
		"password":      {"$pbkdf2$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI", "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ", "$pbkdf2-sha512$1212$RHY0Fr3IDMSVO/RSZyb5ow$eNLfBK.eVozomMr.1gYa17k9B7KIK25NOEshvhrSX.esqY3s.FvWZViXz4KoLlQI.BzY/YTNJOiKc5gBYFYGww", "$scrypt$ln=16,r=8,p=1$MTIzNDU2Nzg$NuB+vs2zc0fb2UzIRwwAV6ZWb3St8+X9IedYI1gQsoo"},
		"correct horse": {"pbkdf2_sha1$1000$saltsaltsaltsaltsalt12$W1zR0lX3SSnxjJJFq7BirlR/5qo=", "scrypt$16384$saltsaltsaltsaltsalt12$8$1$IkLPABwQi2bMaNC/nwmkOtdhKQBqN1gxT82fptJ64D7xmztjAAvqryJzUFGpDmDwMLuorliclxjx2QvICXzCNQ==", "argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHRzYWx0c2FsdHNhbHQxMg$A/RahqAODdL9cG4UICUqOw", "$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHRzYWx0c2FsdHNhbHQxMg$A/RahqAODdL9cG4UICUqOw", "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuIvyWZlBcE3WoQXKqRnwrLYJ6nenE0Bq", "bcrypt$$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "md5$saltsaltsaltsaltsalt12$a0b2162b9b8dc5ca7e0601bedaf83f43"},
		"secret":        {"argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q"},
		"test12345":     {"$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"},
		"JohnRipper":    {"$H$712345678WhEyvy1YWzT4647jzeOmo0"},
		"testing123":    {"{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr"},
	} {
		for _, hash := range hashes {
			name, _, _ := strings.Cut(strings.TrimLeft(hash, "${"), "$")
			tests = append(tests, struct {
				name, who, password string
				source              func(t *testing.T) importer.Source
			}{"our own format, " + name, `"username": "ada"`, text, func(*testing.T) importer.Source {
				return importer.JSONLines(strings.NewReader(fmt.Sprintf(`{"username": "ada", "password_hash": %q}`, hash)))
			}})
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			st := memory.New()
			if report, said := run(t, site(t, st), tt.source(t), importer.Options{}); report.Created == 0 || report.Refused > 0 {
				t.Fatalf("got %+v, %q", report, said)
			}
			auth, err := headless.New(config(st))
			if err != nil {
				t.Fatal(err)
			}
			login := func(password string) int {
				rq := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://app.example.org/_allauth/app/v1/auth/login", strings.NewReader(fmt.Sprintf(`{%s, "password": %q}`, tt.who, password)))
				w := httptest.NewRecorder()
				auth.Handler().ServeHTTP(w, rq)
				return w.Code
			}
			if got := login(tt.password + "!"); got != http.StatusBadRequest {
				t.Errorf("a wrong password: got %d", got)
			}
			for _, when := range []string{"at first", "again"} {
				if got := login(tt.password); got != http.StatusOK {
					t.Errorf("%s: got %d", when, got)
				}
			}
			renewed := 0
			users, err := st.ListUsers(t.Context(), "", 10)
			for _, u := range users {
				if strings.HasPrefix(string(u.Password), "$argon2id$v=19$m=64,t=1,p=1$") {
					renewed++
				}
			}
			if err != nil || renewed != 1 {
				t.Errorf("%d of %d users have a hash of ours, %v", renewed, len(users), err)
			}
		})
	}
}

// TestSecondFactors: codes of the app and of the list that people have had
// elsewhere let them in, each once.
func TestSecondFactors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"users.jsonl", "django.jsonl"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := memory.New()
			who, code, source := "ada@example.org", "12345678", importer.JSONLines(open(t, name))
			if name == "django.jsonl" {
				// The third of the seed, as two were used. spec: mfa.md §6.8
				who, code, source = "django@example.org", derived("seedseedseed", 2), importer.Django(open(t, name))
			}
			run(t, site(t, st), source, importer.Options{})
			c, now := config(st), time.Now()
			c.Now = func() time.Time { return now }
			auth, err := headless.New(c)
			if err != nil {
				t.Fatal(err)
			}
			var token string
			call := func(path, body string) int {
				rq := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://app.example.org/_allauth/app/v1/auth/"+path, strings.NewReader(body))
				rq.Header.Set("X-Session-Token", token)
				w := httptest.NewRecorder()
				auth.Handler().ServeHTTP(w, rq)
				var answer struct {
					Meta struct {
						SessionToken string `json:"session_token"`
					} `json:"meta"`
				}
				if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
					t.Fatal(err)
				}
				if answer.Meta.SessionToken != "" {
					token = answer.Meta.SessionToken
				}
				return w.Code
			}
			app, err := totp.GenerateCode("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", now)
			if err != nil {
				t.Fatal(err)
			}
			for _, try := range []struct {
				code string
				want int
			}{{app, http.StatusOK}, {app, http.StatusBadRequest}, {code, http.StatusOK}, {code, http.StatusBadRequest}} {
				token = ""
				if got := call("login", fmt.Sprintf(`{"email": %q, "password": "correct horse"}`, who)); got != http.StatusUnauthorized {
					t.Fatalf("login: got %d", got)
				}
				if got := call("2fa/authenticate", fmt.Sprintf(`{"code": %q}`, try.code)); got != try.want {
					t.Errorf("%s: got %d, want %d", try.code, got, try.want)
				}
			}
		})
	}
}

// derived is the recovery code of a seed with that index, of eight digits.
func derived(seed string, index int) (code string) {
	var message []byte
	for i := range index + 1 {
		message = fmt.Appendf(message, "%3d,", i)
		h := hmac.New(sha1.New, []byte(seed))
		h.Write(message)
		code = fmt.Sprintf("%08d", binary.BigEndian.Uint32(h.Sum(nil))%100_000_000)
	}
	return code
}

// No weak hash lies in the store, unless one wants it.
func TestWeakHashesAreWrapped(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		st := memory.New()
		report, _ := run(t, site(t, st), importer.WordPress(open(t, "wordpress.csv")), importer.Options{PlainPHPass: plain})
		users, err := st.ListUsers(t.Context(), "", 10)
		if err != nil || len(users) != 3 {
			t.Fatalf("got %d, %v", len(users), err)
		}
		var got []string
		for _, u := range users {
			scheme, _, _ := strings.Cut(string(u.Password), "$")
			got = append(got, scheme)
		}
		if want := map[bool]string{false: "wrapped  wrapped", true: "  wrapped"}[plain]; strings.Join(got, " ") != want {
			t.Errorf("plain %v: got %q", plain, got)
		}
		if want := map[bool]int{false: 2, true: 1}[plain]; report.Wrapped != want {
			t.Errorf("plain %v: got %+v", plain, report)
		}
	}
}

func FuzzSources(f *testing.F) {
	m := site(f, memory.New())
	sources := []func(s string) importer.Source{
		func(s string) importer.Source { return importer.JSONLines(strings.NewReader(s)) },
		func(s string) importer.Source { return importer.CSV(strings.NewReader(s)) },
		func(s string) importer.Source { return importer.WordPress(strings.NewReader(s)) },
		func(s string) importer.Source { return importer.ASPNET(strings.NewReader(s)) },
		func(s string) importer.Source { return importer.Devise(strings.NewReader(s), true) },
		func(s string) importer.Source { return importer.Django(strings.NewReader(s)) },
		func(s string) importer.Source { return importer.Firebase(strings.NewReader(s), firebase()) },
		func(s string) importer.Source {
			return importer.Auth0(strings.NewReader(s), strings.NewReader(s))
		},
	}
	for i, name := range []string{"users.jsonl", "users.csv", "wordpress.csv", "aspnet.csv", "devise.csv", "django.jsonl", "firebase.json", "auth0-users.jsonl"} {
		f.Add(uint8(i), read(f, name))
	}
	f.Fuzz(func(t *testing.T, kind uint8, text string) {
		report := importer.Report{}
		problems := 0
		o := importer.Options{DryRun: true, OnProblem: func(p importer.Problem) {
			problems++
			if p.Line <= 0 || p.Text == "" {
				t.Errorf("got %+v", p)
			}
		}}
		report, err := m.Import(t.Context(), sources[int(kind)%len(sources)](text), o)
		if err != nil {
			return // no file of this format
		}
		if report.Read != report.Created+report.Duplicates+report.Refused || problems < report.Refused {
			t.Errorf("got %+v, %d problems", report, problems)
		}
	})
}
