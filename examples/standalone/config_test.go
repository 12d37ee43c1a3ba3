package main

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/headless-auth/headless/internal/jsonconfig"
)

// configFile writes a configuration: keys that a good one needs, and more.
func configFile(t *testing.T, more string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "auth.json")
	text := `{
		"url": "https://app.example.org", "database": "memory:", "secret": "0123456789abcdef0123456789abcdef",
		"smtp": "smtp://127.0.0.1:1", "mail_from": "Example <noreply@example.org>",
		"frontend": {"verify_email": "/verify-email/{key}", "reset_password": "/reset-password/{key}"}` + more + "}"
	if strings.HasPrefix(more, "{") {
		text = more
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func load(file string, args ...string) (*settings, error) {
	o := newOptions("test", stdio{})
	o.config()
	if err := o.parse(append([]string{"-config", file}, args...)); err != nil {
		return nil, err
	}
	return o.settings()
}

func TestSettings(t *testing.T) {
	t.Parallel()
	t.Run("reach the library and the server", func(t *testing.T) {
		t.Parallel()
		s, err := load(configFile(t, `, "account": {"login_methods": ["email", "username"], "login_timeout": "5m"}, "log_requests": true, "audit_log": true`))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(s.Account.LoginMethods, []string{"email", "username"}) || s.Account.LoginTimeout.String() != "5m0s" || !s.LogRequests || !s.AuditLog {
			t.Errorf("got %v, %v, %v, %v", s.Account.LoginMethods, s.Account.LoginTimeout, s.LogRequests, s.AuditLog)
		}
		if s.Addr != "127.0.0.1:8080" || s.Mailer == nil || s.SMS != nil {
			t.Errorf("got addr %q, mailer %v, sms %v", s.Addr, s.Mailer, s.SMS)
		}
	})
	t.Run("on the command line win over the file", func(t *testing.T) {
		t.Parallel()
		s, err := load(configFile(t, `, "addr": "127.0.0.1:1"`), "-addr", "127.0.0.1:2", "-database", "sqlite:x.db", "-sms-webhook", "http://127.0.0.1:1/sms")
		if err != nil {
			t.Fatal(err)
		}
		if s.Addr != "127.0.0.1:2" || s.Database != "sqlite:x.db" || s.SMS == nil {
			t.Errorf("got addr %q, database %q, sms %v", s.Addr, s.Database, s.SMS)
		}
	})
}

func TestSettingsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, more string
		want       []string
	}{
		{"nothing at all", `{}`, []string{
			`database: is missing; write "sqlite:PATH", "postgres://…", or "memory:" to try things out`,
			`mail_from: is the sender of mails; write an address such as "Example <noreply@example.org>"`,
			`url: "" is no site; write "https://app.example.org"`,
			`frontend.verify_email: is missing; write the page that mails link to, such as "/verify-email/{key}"`,
			`frontend.reset_password: is missing; write the page that mails link to, such as "/reset-password/{key}"`,
			`smtp: is missing; use smtp.New, or a type with the one method Send`,
		}},
		{"what the file can't hold", `, "acount": {}, "account": {"login_methods": "email", "signup_field": []}, "hooks": {}, "mailer": "x", "name": "a", "name": "b"`, []string{
			`acount: is no setting; did you mean "account"?`,
			`account.login_methods: is text; write a list: [ … ]`,
			`account.signup_field: is no setting; did you mean "signup_fields"?`,
			`hooks: can be set in Go code only`,
			`mailer: can be set in Go code only`,
			`name: is given twice`,
		}},
		{"what the library refuses", `, "account": {"login_methods": ["email", "telepathy"]}, "session": {"lifetime": "-1s"}, "limits": {"login": "often", "nap": "1/m/ip"}`, []string{
			`account.login_methods[1]: "telepathy" is no login method; write "email", "username" or "phone"`,
			`session.lifetime: can't be negative; write a duration such as "336h"`,
			`limits.nap: is no action`,
			`limits.login: "often"`,
		}},
		{"phones without a sender", `, "account": {"login_methods": ["phone"], "signup_fields": ["phone*"], "email_verification": "none"}`, []string{`sms_webhook: is missing`}},
		{"a variable that is not there", `, "previous_secrets": ["env:STANDALONE_TEST_NO_SUCH_VARIABLE"]`, []string{
			`previous_secrets[0]: the environment variable STANDALONE_TEST_NO_SUCH_VARIABLE is not set`,
		}},
		{"templates that are no folder", `, "mail": {"templates": "/no/such/folder"}`, []string{`mail.templates: "/no/such/folder" is no folder`}},
		{"webhooks", `, "webhooks": [{"url": "https://crm.example.org/hush", "secrets": ["hush"]}, {"url": "http://crm.example.org", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
			{"url": "https://a.example.org", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "event": "x"}]`, []string{
			`webhooks[0]: Secrets[0] is not "whsec_"`,
			`webhooks[1]: events would be sent in clear`,
			`webhooks[2].event: is no setting`,
		}},
		{"two webhooks of one name", `, "webhooks": [{"url": "https://crm.example.org/a", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
			{"url": "https://crm.example.org/a", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}]`, []string{`webhooks[1]: has the name of another`}},
		{"forward auth", `, "forward_auth_path": "forward", "forward_auth_require": ["mfa", "luck"], "forward_auth": {"apps": ["wiki"]}`, []string{
			`forward_auth_path: "forward" is no path; write "/forward-auth"`,
			`forward_auth_require[1]: "luck" can't be required; write "mfa", "phishing_resistant" or "verified_email"`,
			`forward_auth.apps[0]: "wiki" is no origin`,
		}},
		{"the server's own", `, "addr": "8080", "log_format": "xml", "redis": "http://hush"`, []string{
			`redis: is no address of Redis; write "redis://user:password@host:6379/0"`,
			`addr: "8080" is no address to listen at; write "host:port"`,
			`log_format: "xml" is not known; write "text" or "json"`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := configFile(t, tt.more)
			_, err := load(file)
			if err == nil {
				t.Fatal("no error")
			}
			lines := strings.Split(err.Error(), "\n  ")
			if lines[0] != file {
				t.Errorf("got %q, want the file's name first", lines[0])
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), "\n  "+want) {
					t.Errorf("%q is missing", want)
				}
			}
			if len(lines)-1 != len(tt.want) {
				t.Errorf("got %d problems, want %d: %v", len(lines)-1, len(tt.want), err)
			}
		})
	}
	t.Run("a database that lasts needs a secret", func(t *testing.T) {
		t.Parallel()
		file := configFile(t, `{"url": "https://app.example.org", "smtp": "smtp://127.0.0.1:1", "mail_from": "a@example.org",
			"frontend": {"verify_email": "/v/{key}", "reset_password": "/r/{key}"}}`)
		for _, database := range []string{"sqlite:" + filepath.Join(t.TempDir(), "x.db"), "postgres://u:hush@127.0.0.1/x"} {
			_, err := load(file, "-database", database)
			if err == nil || !strings.Contains(err.Error(), "\n  secret: is missing; make one with") || strings.Contains(err.Error(), "hush") {
				t.Errorf("%s: got %v", database, err)
			}
		}
		if _, err := load(file, "-database", "memory:"); err != nil {
			t.Errorf("memory: got %v", err)
		}
		if _, err := load(file, "-database", "mysql://hush"); err == nil || !strings.Contains(err.Error(), "database: is none that is known") || strings.Contains(err.Error(), "hush") {
			t.Errorf("another database: got %v", err)
		}
	})
	t.Run("a short secret is not shown", func(t *testing.T) {
		t.Parallel()
		_, err := load(configFile(t, `{"secret": "hush-hush"}`))
		if err == nil || !strings.Contains(err.Error(), "secret: needs at least 32 bytes, has 9") || strings.Contains(err.Error(), "hush") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no file", func(t *testing.T) {
		t.Parallel()
		if _, err := load(""); err == nil || !strings.Contains(err.Error(), "-config is missing") {
			t.Errorf("got %v", err)
		}
		if _, err := load(filepath.Join(t.TempDir(), "none.json")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
}

// TestContractConfigs: the configurations of the contract check are good.
func TestContractConfigs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/contract/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("${CONTRACT_BASE_URL}", "http://127.0.0.1:8080", "${CONTRACT_OIDC_URL}", "http://127.0.0.1:8081").Replace(string(data))
		if _, err := load(configFile(t, text), "-database", "sqlite:x", "-smtp", "smtp://127.0.0.1:1", "-sms-webhook", "http://127.0.0.1:1"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDocument: the settings that docs/standalone.md shows are good.
func TestDocument(t *testing.T) {
	page, err := os.ReadFile("../../docs/standalone.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("no settings found")
	}
	t.Setenv("AUTH_SECRET", "0123456789abcdef0123456789abcdef")
	t.Setenv("SMTP_URL", "smtp://user:password@mail.example.org:587")
	if _, err := load(configFile(t, example)); err != nil {
		t.Error(err)
	}
}

// TestKeys: what a file can set has one key each.
func TestKeys(t *testing.T) {
	t.Parallel()
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] || !strings.HasPrefix(typ.PkgPath(), "github.com/headless-auth/") && typ.PkgPath() != "main" {
			return
		}
		seen[typ] = true
		keys := map[string]string{}
		for i := range typ.NumField() {
			f := typ.Field(i)
			if other, taken := keys[jsonconfig.Key(f.Name)]; taken {
				t.Errorf("%v: %s and %s are both %q", typ, other, f.Name, jsonconfig.Key(f.Name))
			}
			keys[jsonconfig.Key(f.Name)] = f.Name
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[settings]())
	if len(seen) < 8 {
		t.Errorf("saw %d structs only", len(seen))
	}
}

// FuzzSettings: whatever is in the file, the server starts or says what is
// wrong, a line each.
func FuzzSettings(f *testing.F) {
	files, err := filepath.Glob("testdata/contract/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"account": {"fields": [{"name": "x", "check": 1}], "code_format": {"length": -1}}, "tokens": {"keys": [{}]}, "limits": {"login": ""}}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		var s settings
		err := (&jsonconfig.Decoder{Types: types, Env: func(string) (string, bool) { return "", false }}).Decode(data, &s)
		if err == nil {
			s.Mail.Templates = nil
			err = s.judge(filepath.Join(dir, "x.json"))
		}
		if err == nil {
			return
		}
		for line := range strings.Lines(err.Error()) {
			if strings.TrimSpace(line) == "" {
				t.Errorf("%q has an empty line", err)
			}
		}
	})
}
