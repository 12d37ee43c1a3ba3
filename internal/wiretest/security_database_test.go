package wiretest_test

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pquerna/otp/totp"

	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store/sqlite"
	"github.com/headless-auth/headless/tokens"
)

// Whoever reads the whole database, and what is left in its pages and its
// journal, finds nothing to log in with. Requirement SEC-1.
func TestDatabaseHoldsNoCredential(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"session tokens and links": func(*Config) {},
		"signed tokens and codes": func(c *Config) {
			withJWT(t, tokens.JWTConfig{})(c)
			codeVerification(c)
			resetByCode(c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			st, err := sqlite.Open(t.Context(), filepath.Join(dir, "auth.db"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			if err := st.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			w := wiretest.New(t, st, func(c *Config) {
				loginByCode(c)
				change(c)
				c.AuditLog, c.MFA = st, &mfa.Config{Trust: true}
			})
			for _, kind := range []string{"app", "browser"} {
				p, secrets := w.Make(Person{}), map[string]string{"password": wiretest.Password}
				c := w.Client(kind)
				note := func(what string, r *wiretest.Reply) {
					if secrets[what] = c.Credential(); c.Credential() == "" {
						t.Fatalf("%s: no credential came", what)
					}
					if g := granted(r); g.access != "" {
						secrets[what+", access"], secrets[what+", refresh"] = g.access, g.refresh
					}
				}
				wrong := c.Other()
				wrong.Post("/auth/login", M{"email": p.Email, "password": "wrong-Plum-9"}).Is(400)
				secrets["wrong password"] = "wrong-Plum-9"

				wrong.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
				secrets["login code"] = w.Inbox.Mail(t, p.Email, "login_code").Data["code"]
				secrets["session that waits"] = wrong.Credential()

				reset := c.Other()
				reset.Post("/auth/password/request", M{"email": p.Email})
				for _, m := range w.Inbox.Mails(p.Email) {
					secrets["reset"] = m.Data["key"] + m.Data["code"]
				}

				fresh := wiretest.FreshEmail()
				up := c.Other()
				up.Post("/auth/signup", M{"email": fresh, "password": "another-Plum-9"}).Pending("verify_email")
				m := w.Inbox.Mail(t, fresh, "email_confirmation_signup")
				secrets["verification"], secrets["new password"] = m.Data["key"]+m.Data["code"], "another-Plum-9"

				note("session", c.LogIn(p))
				seed, _ := c.Get("/account/authenticators/totp").Is(404).Meta["secret"].(string)
				code, err := totp.GenerateCode(seed, w.Clock.Now())
				if err != nil {
					t.Fatal(err)
				}
				c.Post("/account/authenticators/totp", M{"code": code}).Is(200)
				var d struct {
					Unused []string `json:"unused_codes"`
				}
				c.Get("/account/authenticators/recovery-codes").Is(200).Into(&d)
				if len(d.Unused) != 10 {
					t.Fatalf("got %q", d.Unused)
				}
				secrets["TOTP seed"], secrets["recovery code"] = seed, d.Unused[7]
				in := c.Other()
				in.Post("/auth/login", M{"email": p.Email, "password": wiretest.Password}).Pending("mfa_authenticate")
				secrets["session at a stage"] = in.Credential()

				files, err := filepath.Glob(filepath.Join(dir, "*"))
				if err != nil {
					t.Fatal(err)
				}
				var all []byte
				for _, name := range files {
					b, err := os.ReadFile(name)
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, b...)
				}
				if !bytes.Contains(all, []byte(p.Email)) {
					t.Fatal("this is not the database")
				}
				for what, secret := range secrets {
					if len(secret) < 6 {
						t.Errorf("%s: got %q", what, secret)
						continue
					}
					for _, form := range forms(secret) {
						if bytes.Contains(all, form) {
							t.Errorf("%s: the database has the %s, as %q", kind, what, form)
						}
					}
				}
			}
		})
	}
}

// forms are the ways to write a secret down.
func forms(secret string) [][]byte {
	plain := []byte(secret)
	l := [][]byte{plain, []byte(hex.EncodeToString(plain)), []byte(base64.StdEncoding.EncodeToString(plain))}
	if bare := strings.ReplaceAll(secret, "-", ""); bare != secret {
		l = append(l, []byte(bare))
	}
	for _, decode := range []func(string) ([]byte, error){base64.RawURLEncoding.DecodeString, base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString} {
		if b, err := decode(secret); err == nil && len(b) > 8 {
			l = append(l, b, []byte(hex.EncodeToString(b)))
		}
	}
	return l
}
