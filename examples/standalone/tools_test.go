package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/headless-auth/headless/internal/jsonconfig"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/tokens"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "auth.db") },
		"postgres": func(t *testing.T) string { return testenv.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := []string{"-config", configFile(t, ""), "-database", database(t)}
			migrate := func(want int, args ...string) (out, err string) {
				t.Helper()
				status, out, err := call(t, "", append(append([]string{"migrate"}, args...), config...)...)
				if status != want {
					t.Errorf("%q: got %d, want %d: %s%s", args, status, want, out, err)
				}
				return out, err
			}
			out, err := migrate(3, "status")
			if !strings.HasPrefix(out, "0001_initial\n") || !strings.Contains(err, "steps are missing") {
				t.Errorf("got %q, %q", out, err)
			}
			steps := strings.Count(out, "\n")
			if out, _ := migrate(0, "up", "-dry-run", "-sql"); !strings.Contains(out, "create table auth_users") || strings.Count(out, "\n-- 00") != steps-1 {
				t.Errorf("got %s", out)
			}
			migrate(3, "status")
			if out, err := migrate(0, "up"); strings.Count(out, "-- 00") != steps || !strings.Contains(err, "the tables are up to date") {
				t.Errorf("got %q, %q", out, err)
			}
			migrate(0, "status")
			if out, err := migrate(0, "up"); out != "" || !strings.Contains(err, "the tables are up to date") {
				t.Errorf("got %q, %q", out, err)
			}
		})
	}
}

func TestKeysAreMade(t *testing.T) {
	t.Parallel()
	_, one, _ := call(t, "", "keys", "secret")
	_, other, _ := call(t, "", "keys", "secret")
	if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(one)); err != nil || len(b) != 32 || one == other {
		t.Errorf("got %q and %q, %v", one, other, err)
	}
	for algorithm := range algorithms {
		file := filepath.Join(t.TempDir(), "key.pem")
		if status, _, err := call(t, "", "keys", "new", "-alg", algorithm, "-out", file); status != 0 {
			t.Fatalf("%s: %s", algorithm, err)
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v", algorithm, info, err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		k, err := tokens.ParseKey(text)
		if err == nil {
			_, err = tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Private: k, Algorithm: algorithm}}})
		}
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		if status, _, err := call(t, "", "keys", "new", "-out", file); status != 1 || !strings.Contains(err, "exists") {
			t.Errorf("over another: got %d, %q", status, err)
		}
	}
	if status, out, _ := call(t, "", "keys", "new"); status != 0 || !strings.HasPrefix(out, "-----BEGIN PRIVATE KEY-----") {
		t.Errorf("got %d, %q", status, out)
	}
	if status, _, err := call(t, "", "keys", "new", "-alg", "none"); status != 2 || !strings.Contains(err, "write one of ES256, EdDSA, RS256") {
		t.Errorf("got %d, %q", status, err)
	}
}

// TestRotateSecret: what the former secret has made stays good, and the rest of
// the file stays as it was written.
func TestRotateSecret(t *testing.T) {
	t.Run("in the file", func(t *testing.T) {
		file := configFile(t, `, "name":   "as  written"`)
		before, _ := os.ReadFile(file)
		status, out, err := call(t, "", "keys", "rotate", "secret", "-config", file)
		var change struct {
			Secret   string
			Previous []string `json:"previous_secrets"`
		}
		if json.Unmarshal([]byte(out), &change) != nil || status != 0 || len(change.Secret) != 44 || !slices.Equal(change.Previous, []string{"0123456789abcdef0123456789abcdef"}) {
			t.Errorf("got %d, %q, %q", status, out, err)
		}
		if now, _ := os.ReadFile(file); string(now) != string(before) {
			t.Errorf("it changed the file to %s", now)
		}
		if status, out, err := call(t, "", "keys", "rotate", "secret", "-config", file, "-write"); status != 0 || out != "" {
			t.Fatalf("got %d, %q, %q", status, out, err)
		}
		if now, _ := os.ReadFile(file); !strings.Contains(string(now), `"name":   "as  written"`) {
			t.Errorf("got %s", now)
		}
		s, e := load(file)
		if e != nil || len(s.PreviousSecrets) != 1 || string(s.PreviousSecrets[0]) != "0123456789abcdef0123456789abcdef" || len(s.Secret) != 44 {
			t.Fatalf("got %v", e)
		}
		call(t, "", "keys", "rotate", "secret", "-config", file, "-write")
		if again, e := load(file); e != nil || len(again.PreviousSecrets) != 2 || string(again.PreviousSecrets[0]) != string(s.Secret) {
			t.Errorf("got %v", e)
		}
	})
	t.Run("in the environment", func(t *testing.T) {
		t.Setenv("ROTATE_SECRET", "hush-hush-hush-hush-hush-hush-hush")
		file := configFile(t, `{"url": "https://app.example.org", "database": "memory:", "secret": "env:ROTATE_SECRET",
			"smtp": "smtp://127.0.0.1:1", "mail_from": "a@example.org", "frontend": {"verify_email": "/v/{key}", "reset_password": "/r/{key}"}}`)
		status, out, err := call(t, "", "keys", "rotate", "secret", "-config", file, "-write")
		if status != 0 || !strings.HasPrefix(out, "ROTATE_SECRET_PREVIOUS=(what ROTATE_SECRET is now)\nROTATE_SECRET=") || strings.Contains(out+err, "hush") {
			t.Fatalf("got %d, %q, %q", status, out, err)
		}
		_, secret, _ := strings.Cut(strings.TrimSpace(out), "\nROTATE_SECRET=")
		t.Setenv("ROTATE_SECRET_PREVIOUS", os.Getenv("ROTATE_SECRET"))
		t.Setenv("ROTATE_SECRET", secret)
		s, e := load(file)
		if e != nil || string(s.Secret) != secret || len(s.PreviousSecrets) != 1 || !strings.HasPrefix(string(s.PreviousSecrets[0]), "hush") {
			t.Errorf("got %v", e)
		}
		if _, out, _ := call(t, "", "keys", "rotate", "secret", "-config", file); !strings.Contains(out, "ROTATE_SECRET_PREVIOUS_2=") {
			t.Errorf("got %q", out)
		}
	})
}

func TestRotateSigningKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.pem"), filepath.Join(dir, "second.pem")
	call(t, "", "keys", "new", "-out", first)
	file := configFile(t, `, "tokens": {"issuer": "https://app.example.org", "keys": [ {"private": "`+first+`"} ]}`)
	status, out, err := call(t, "", "keys", "rotate", "signing", "-config", file, "-out", second, "-alg", "ES256", "-in", "2h", "-write")
	if status != 0 || out != "" || !strings.Contains(err, "it signs from ") {
		t.Fatalf("got %d, %q, %q", status, out, err)
	}
	if _, err := load(file); err != nil {
		t.Fatal(err)
	}
	var now struct {
		Tokens struct {
			Issuer string
			Keys   []struct {
				Private   string
				SignsFrom time.Time `json:"signs_from"`
			}
		}
	}
	text, _ := os.ReadFile(file)
	if e := json.Unmarshal(text, &now); e != nil || len(now.Tokens.Keys) != 2 || now.Tokens.Issuer == "" {
		t.Fatalf("got %s", text)
	}
	if k := now.Tokens.Keys; k[0].Private != first || k[1].Private != second || time.Until(k[1].SignsFrom) < time.Hour || time.Until(k[1].SignsFrom) > 2*time.Hour {
		t.Errorf("got %s", text)
	}
	for name, tt := range map[string]struct {
		args []string
		err  string
	}{
		"no file":              {nil, "-out is missing"},
		"a file that exists":   {[]string{"-out", second}, "exists"},
		"the past":             {[]string{"-out", "x", "-in", "-1h"}, "can't be negative"},
		"an algorithm":         {[]string{"-out", filepath.Join(dir, "x"), "-alg", "HS256"}, "makes no key"},
		"nothing to add it to": {[]string{"-out", filepath.Join(dir, "x"), "-config", configFile(t, "")}, "no tokens.keys"},
	} {
		status, _, err := call(t, "", append([]string{"keys", "rotate", "signing", "-config", file}, tt.args...)...)
		if status == 0 || !strings.Contains(err, tt.err) {
			t.Errorf("%s: got %d, %q", name, status, err)
		}
	}
}

// TestShow: what is in effect, and no secret.
func TestShow(t *testing.T) {
	t.Setenv("SHOW_TOKEN", "hush-hush-hush-hush-hush-hush-hush-hush")
	t.Setenv("SHOW_SMTP", "smtp://user:hush@127.0.0.1:1")
	dir := t.TempDir()
	call(t, "", "keys", "new", "-out", filepath.Join(dir, "key.pem"))
	pem, _ := os.ReadFile(filepath.Join(dir, "key.pem"))
	inline, _ := json.Marshal(string(pem))
	file := configFile(t, `{"url": "https://app.example.org", "database": "postgres://auth:hush@db.example.org/auth?sslpassword=hush&sslmode=require",
		"secret": "hush-hush-hush-hush-hush-hush-hush", "previous_secrets": ["hush hush hush hush hush hush hush"],
		"smtp": "env:SHOW_SMTP", "mail_from": "a@example.org", "redis": "redis://:hush@127.0.0.1/0",
		"frontend": {"verify_email": "/v/{key}", "reset_password": "/reset-password/{key}", "social_login_error": "/e"}, "mail": {"templates": "`+dir+`"},
		"sms_webhook": "https://hush@sms.example.org/hush",
		"webhooks": [{"url": "https://hooks.example.org/T0/hush?key=hush", "secrets": ["whsec_hushhushhushhushhushhushhushhush"], "events": ["user_*"]}],
		"admin": {"token": "env:SHOW_TOKEN", "tokens": {"night": "hush-0123456789-0123456789-0123456789"}}, "limits": {"login": "1/m/ip"},
		"mfa": {"django_secret_key": "hush"}, "tokens": {"issuer": "https://app.example.org", "keys": [{"private": `+string(inline)+`}]},
		"social": {"providers": [{"id": "google", "client_id": "us", "secret": "hush"}, {"id": "github", "client_id": "us", "secret": "env:SHOW_TOKEN"}]}}`)
	status, out, errText := call(t, "", "config", "show", "-config", file, "-addr", "127.0.0.1:7")
	if status != 0 {
		t.Fatal(errText)
	}
	var shown map[string]any
	if err := json.Unmarshal([]byte(out), &shown); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for path, want := range map[string]any{
		"addr": "127.0.0.1:7", "path": "/_allauth", "timeout": "5s", "secret": hidden, "previous_secrets": []any{hidden}, "smtp": "env:SHOW_SMTP",
		"database": "postgres://auth:redacted@db.example.org/auth?sslmode=require&sslpassword=redacted", "redis": "redis://:redacted@127.0.0.1/0",
		"frontend.reset_password": "/reset-password/{key}", "account.login_timeout": "15m0s", "session.lifetime": "336h0m0s", "session.cookie_name": "sessionid",
		"mail.templates": dir, "mfa.django_secret_key": hidden, "mfa.rpid": "app.example.org", "admin.token": "env:SHOW_TOKEN", "admin.tokens": map[string]any{"night": hidden},
		"sms_webhook": "https://redacted@sms.example.org/redacted",
		"webhooks":    []any{map[string]any{"url": "https://hooks.example.org/redacted?key=redacted", "secrets": []any{hidden}, "events": []any{"user_*"}}},
		"limits":      map[string]any{"login": "1/m/ip"}, "tokens": map[string]any{"issuer": "https://app.example.org", "keys": []any{map[string]any{"private": hidden}}},
		"social.providers": []any{map[string]any{"id": "google", "client_id": "us", "secret": hidden}, map[string]any{"id": "github", "client_id": "us", "secret": "env:SHOW_TOKEN"}},
	} {
		var got any = shown
		for key := range strings.SplitSeq(path, ".") {
			m, _ := got.(map[string]any)
			got = m[key]
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	if strings.Contains(out, "hush") || strings.Contains(out, "PRIVATE KEY") {
		t.Errorf("got %s", out)
	}
}

// TestShownSettingsAreGood: what is shown of a file without secrets is a file
// that says the same.
func TestShownSettingsAreGood(t *testing.T) {
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
		over := []string{"-database", "sqlite:x", "-smtp", "smtp://127.0.0.1:1", "-sms-webhook", "http://127.0.0.1:1"}
		status, out, errText := call(t, "", append([]string{"config", "show", "-config", configFile(t, text)}, over...)...)
		if status != 0 {
			t.Fatalf("%s: %s", name, errText)
		}
		out = strings.ReplaceAll(out, hidden, "0123456789abcdef0123456789abcdef")
		if strings.Contains(text, `"private"`) {
			continue // which is shown as no key
		}
		if _, err := load(configFile(t, out)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestSettingsKeys(t *testing.T) {
	t.Parallel()
	_, out, _ := call(t, "", "config", "keys", "-json")
	var l []map[string]string
	if err := json.Unmarshal([]byte(out), &l); err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]string{}
	for _, k := range l {
		if known[k["key"]] != nil || k["type"] == "" {
			t.Errorf("got %v", k)
		}
		known[k["key"]] = k
	}
	// Whatever the decoder takes is in the list.
	var walk func(prefix string, typ reflect.Type)
	walk = func(prefix string, typ reflect.Type) {
		for _, f := range reflect.VisibleFields(typ) {
			if !f.IsExported() || f.Anonymous || f.Type.Kind() == reflect.Func || f.Type.Kind() == reflect.Interface && types[f.Type] == nil || prefix == "" && f.Type.PkgPath() == "log/slog" {
				continue
			}
			key, typ := prefix+jsonconfig.Key(f.Name), f.Type
			if typ.Kind() == reflect.Pointer {
				typ = typ.Elem()
			}
			if strings.HasPrefix(key, "hooks") || strings.HasPrefix(key, "social.hooks") || slices.Contains([]string{"store", "stages", "logger"}, key) {
				continue
			}
			if known[key] == nil {
				t.Errorf("%s is not listed", key)
			}
			if typ.Kind() == reflect.Struct && strings.HasPrefix(typ.PkgPath(), "github.com/headless-auth/") {
				walk(key+".", typ)
			}
		}
	}
	walk("", reflect.TypeFor[settings]())
	if d := known["session.lifetime"]; d["type"] != "duration" || d["default"] != "14 days" {
		t.Errorf("got %v", d)
	}
	status, out, _ := call(t, "", "config", "keys", "admin.")
	if status != 0 || strings.Count(out, "\n") != 8 || !strings.Contains(out, "admin.path (text; default \"/_admin\")\n    Path is where it is.") {
		t.Errorf("got %d, %s", status, out)
	}
	if status, _, err := call(t, "", "config", "keys", "colour"); status != 3 || !strings.Contains(err, `no key begins with "colour"`) {
		t.Errorf("got %d, %s", status, err)
	}
}

// TestCompletion: the scripts work in the shells themselves.
func TestCompletion(t *testing.T) {
	t.Parallel()
	script := func(t *testing.T, shell string) string {
		t.Helper()
		if _, err := exec.LookPath(shell); err != nil {
			t.Skipf("SKIPPED: %s is not installed", shell)
		}
		_, out, _ := call(t, "", "completion", shell)
		file := filepath.Join(t.TempDir(), "standalone")
		if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	run := func(ctx context.Context, name string, args ...string) string {
		out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
		if err != nil {
			return err.Error() + string(out)
		}
		return string(out)
	}
	for line, want := range map[string]string{
		"standalone us":                  "users",
		"standalone users dis":           "disable",
		"standalone users disable ada -": "-as -addr -config -database -json -smtp -sms-webhook",
		"standalone keys rotate s":       "secret signing",
	} {
		t.Run("bash: "+line, func(t *testing.T) {
			t.Parallel()
			file := script(t, "bash")
			got := strings.Fields(run(t.Context(), "bash", "-c", `. "$1"; read -ra COMP_WORDS <<< "$2"; COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _standalone; echo "${COMPREPLY[@]}"`, "-", file, line))
			wanted := strings.Fields(want)
			slices.Sort(got)
			slices.Sort(wanted)
			if !slices.Equal(got, wanted) {
				t.Errorf("got %q, want %q", got, wanted)
			}
		})
		t.Run("fish: "+line, func(t *testing.T) {
			t.Parallel()
			file := script(t, "fish")
			out := run(t.Context(), "fish", "--no-config", "-c", `source $argv[1]; complete -C $argv[2]`, file, line)
			for word := range strings.FieldsSeq(want) {
				if !strings.Contains("\n"+out, "\n"+word+"\t") {
					t.Errorf("%s is missing in %q", word, out)
				}
			}
			if n := strings.Count(out, "\n"); n != len(strings.Fields(want)) {
				t.Errorf("got %q, want %q", out, want)
			}
		})
		t.Run("zsh: "+line, func(t *testing.T) {
			t.Parallel()
			file := script(t, "zsh")
			out := run(t.Context(), "zsh", "-f", "-c", `_describe() { print -l -- $next }; words=(${=2}); CURRENT=$#words; . $1`, "-", file, line)
			for word := range strings.FieldsSeq(want) {
				if !strings.Contains("\n"+out, "\n"+word+":") {
					t.Errorf("%s is missing in %q", word, out)
				}
			}
		})
	}
}

// TestReencrypt: after a change of the secret, and without the former one,
// further factors are as good as before.
func TestReencrypt(t *testing.T) {
	t.Parallel()
	const former, now = "former-former-former-former-former", "now-now-now-now-now-now-now-now-now"
	p := &binary{t, []string{"STANDALONE_SECRET=" + former}, serverArgs(t, `, "mfa": {"allow_unverified_email": true, "totp_tolerance": 1}, "previous_secrets": ["env:FORMER"]`)}
	p.env = append(p.env, "FORMER="+former)
	s := start(t, p.env, p.config...)
	token := s.signUp(t)
	if status, _, text := s.call(t, "POST", api+"/auth/reauthenticate", token, person); status != 200 {
		t.Fatalf("got %d %s", status, text)
	}
	_, answer, text := s.call(t, "GET", api+"/account/authenticators/totp", token, "")
	seed, _ := answer["meta"].(map[string]any)["secret"].(string)
	code := func(at time.Time) string {
		t.Helper()
		c, err := totp.GenerateCode(seed, at)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return `{"code": "` + c + `"}`
	}
	if status, _, text := s.call(t, "POST", api+"/account/authenticators/totp", token, code(time.Now())); status != 200 {
		t.Fatalf("got %d %s", status, text)
	}
	s.stop(t, syscall.SIGTERM)

	p.env = []string{"STANDALONE_SECRET=" + now, "FORMER=" + former}
	if _, err := p.run("", 0, "keys", "reencrypt"); !strings.Contains(err, "of 1 users") {
		t.Errorf("got %s", err)
	}
	p.env = []string{"STANDALONE_SECRET=" + now, "FORMER=" + now + "-other"} // which has made nothing
	s = start(t, p.env, p.config...)
	_, answer, _ = s.call(t, "POST", api+"/auth/login", "", person)
	token, _ = answer["meta"].(map[string]any)["session_token"].(string)
	if status, _, text := s.call(t, "POST", api+"/auth/2fa/authenticate", token, code(time.Now().Add(30*time.Second))); status != 200 {
		t.Errorf("got %d %s", status, text)
	}
	s.stop(t, syscall.SIGTERM)
}
