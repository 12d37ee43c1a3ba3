package jsonconfig_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/internal/jsonconfig"
)

type mode string

type inner struct {
	Enabled   bool
	MaxBytes  int64
	Small     int8
	Ratio     float64
	Mode      mode
	Timeout   time.Duration
	ServerURL string
}

type shape interface{ sides() int }

type square struct{ Width int }

func (square) sides() int { return 4 }

type hooks struct{ Before func() }

type base struct {
	Name    string
	Secret  []byte
	Old     [][]byte
	Origins []string
	Items   []inner
	Limits  map[string]string
	Modes   map[mode]inner
	Inner   inner
	Maybe   *inner
	Network netip.Prefix
	Shape   shape
	Rand    io.Reader
	Logger  *slog.Logger
	Hooks   hooks
	Locale  func(ctx context.Context) string
	Hidden  io.Writer
}

type settings struct {
	base
	Addr   string
	Hidden string
}

func decoder() *jsonconfig.Decoder {
	return &jsonconfig.Decoder{
		Env: func(name string) (string, bool) {
			s, ok := map[string]string{"SECRET": "hush-hush", "EMPTY": "", "MINUTE": "1m", "BAD": "hush-hush"}[name]
			return s, ok
		},
		Types: map[reflect.Type]func(*jsonconfig.Value) any{
			reflect.TypeFor[shape](): func(v *jsonconfig.Value) any {
				var s square
				v.Into(&s)
				if s.Width < 0 {
					v.Fail("is inside out")
					return nil
				}
				return s
			},
		},
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file string
		want       base
	}{
		{"nothing", `{}`, base{}},
		{"texts", `{"name": "x", "secret": "s", "old": ["a", "b"], "origins": []}`,
			base{Name: "x", Secret: []byte("s"), Old: [][]byte{[]byte("a"), []byte("b")}, Origins: []string{}}},
		{"a nested struct", `{"inner": {"enabled": true, "max_bytes": -9007199254740993, "ratio": 1.5, "mode": "m", "timeout": "1h30m", "server_url": "u"}}`,
			base{Inner: inner{Enabled: true, MaxBytes: -9007199254740993, Ratio: 1.5, Mode: "m", Timeout: 90 * time.Minute, ServerURL: "u"}}},
		{"a pointer", `{"maybe": {}}`, base{Maybe: &inner{}}},
		{"a list of structs", `{"items": [{"small": 127}, {}]}`, base{Items: []inner{{Small: 127}, {}}}},
		{"maps", `{"limits": {"a b": "env:SECRET"}, "modes": {"m": {"small": 1}}}`,
			base{Limits: map[string]string{"a b": "hush-hush"}, Modes: map[mode]inner{"m": {Small: 1}}}},
		{"variables", `{"secret": "env:SECRET", "name": "env:EMPTY", "inner": {"timeout": "env:MINUTE"}}`,
			base{Secret: []byte("hush-hush"), Inner: inner{Timeout: time.Minute}}},
		{"text that reads itself", `{"network": "10.0.0.0/8"}`, base{Network: netip.MustParsePrefix("10.0.0.0/8")}},
		{"an interface", `{"shape": {"width": 3}}`, base{Shape: square{3}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got settings
			if err := decoder().Decode([]byte(tt.file), &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.base, tt.want) {
				t.Errorf("got %+v, want %+v", got.base, tt.want)
			}
		})
	}
	t.Run("the outer field wins over the embedded one", func(t *testing.T) {
		t.Parallel()
		var got settings
		if err := decoder().Decode([]byte(`{"hidden": "h", "addr": "a"}`), &got); err != nil {
			t.Fatal(err)
		}
		if got.Hidden != "h" || got.Addr != "a" {
			t.Errorf("got %q and %q", got.Hidden, got.Addr)
		}
	})
	t.Run("what the file does not name stays", func(t *testing.T) {
		t.Parallel()
		got := settings{Addr: "before"}
		got.Inner.Mode = "before"
		if err := decoder().Decode([]byte(`{"inner": {"small": 1}}`), &got); err != nil {
			t.Fatal(err)
		}
		if got.Addr != "before" || got.Inner.Mode != "before" || got.Inner.Small != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file string
		want       []string
	}{
		{"no JSON", "{\n  \"name\": x\n}", []string{`line 2, column 11: invalid character 'x' looking for beginning of value`}},
		{"an empty file", "", []string{"line 1, column 1: unexpected end of JSON input"}},
		{"more than one value", "{} {}", []string{"line 1, column 4: invalid character '{' after top-level value"}},
		{"other encodings", "{\"name\": \"\xff\"}", []string{"is not UTF-8"}},
		{"depth", strings.Repeat("[", 100) + strings.Repeat("]", 100), []string{"nests deeper than 64 levels"}},
		{"no object", `[]`, []string{"is a list; write an object: { … }"}},
		{"an unknown key", `{"nam": 1, "inner": {"time_out": 1, "zzzzzzzzzz": 1}}`, []string{
			`nam: is no setting; did you mean "name"?`,
			`inner.time_out: is no setting; did you mean "timeout"?`,
			`inner.zzzzzzzzzz: is no setting; write one of enabled, max_bytes, mode, ratio, server_url, small, timeout`,
		}},
		{"the Go spelling", `{"Name": "x", "inner": {"ServerURL": "x"}}`, []string{
			`Name: is no setting; did you mean "name"?`,
			`inner.ServerURL: is no setting; did you mean "server_url"?`,
		}},
		{"odd keys", `{"a\nb": 1}`, []string{`"a\nb": is no setting`}},
		{"a key given twice", `{"name": "a", "name": "b", "n\u0061me": "c", "limits": {"a": "1", "a": "2"}}`, []string{
			"name: is given twice", "name: is given twice", "limits.a: is given twice",
		}},
		{"other types", `{"name": 1, "secret": true, "old": ["a", 2], "origins": "x", "items": [{"enabled": "yes"}, 7], "limits": [], "maybe": 1}`, []string{
			"name: is a number; write text in quotes",
			"secret: is true or false; write text in quotes",
			"old[1]: is a number; write text in quotes",
			"origins: is text; write a list: [ … ]",
			"items[0].enabled: is text; write true or false",
			"items[1]: is a number; write an object: { … }",
			"limits: is a list; write an object: { … }",
			"maybe: is a number; write an object: { … }",
		}},
		{"null", `{"name": null, "inner": null}`, []string{
			"name: is null; leave it out for the default, or write text in quotes",
			"inner: is null; leave it out for the default, or write an object: { … }",
		}},
		{"durations", `{"inner": {"timeout": 15}, "maybe": {"timeout": "15x"}}`, []string{
			`inner.timeout: is a number; write a duration in quotes, such as "15m"`,
			`maybe.timeout: is no duration; write one such as "15m", "1h30m" or "500ms"`,
		}},
		{"numbers", `{"inner": {"max_bytes": 1.5, "small": 128, "ratio": 1e999}, "maybe": {"max_bytes": 99999999999999999999, "small": 1e1, "ratio": "1"}}`, []string{
			"inner.max_bytes: is 1.5; write a whole number, without fraction or exponent",
			"inner.small: is out of range",
			"inner.ratio: is out of range",
			"maybe.max_bytes: is out of range",
			"maybe.small: is 1e1; write a whole number, without fraction or exponent",
			"maybe.ratio: is text; write a number",
		}},
		{"what Go alone can set", `{"rand": "x", "logger": {}, "hooks": {}, "locale": "en"}`, []string{
			"rand: can be set in Go code only", "logger: can be set in Go code only",
			"hooks: can be set in Go code only", "locale: can be set in Go code only",
		}},
		{"a variable that is missing", `{"secret": "env:NONE", "old": ["env:"], "limits": {"a": "env:NONE"}}`, []string{
			"secret: the environment variable NONE is not set",
			`old[0]: names no variable; write "env:NAME"`,
			"limits.a: the environment variable NONE is not set",
		}},
		{"an interface's own problems", `{"shape": {"width": -1}}`, []string{"shape: is inside out"}},
		{"problems inside an interface", `{"shape": {"height": 1}}`, []string{"shape.height: is no setting; write one of width"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var s settings
			err := decoder().Decode([]byte(tt.file), &s)
			if err == nil {
				t.Fatal("no error")
			}
			if d := cmp.Diff(tt.want, strings.Split(err.Error(), "\n")); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
	t.Run("without showing secrets", func(t *testing.T) {
		t.Parallel()
		var s settings
		err := decoder().Decode([]byte(`{"inner": {"timeout": "env:BAD"}, "secret": ["hush-hush"], "name": {"hush": "hush-hush"}}`), &s)
		if err == nil || strings.Contains(err.Error(), "hush-hush") {
			t.Errorf("got %v", err)
		}
	})
}

func TestKey(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"URL": "url", "SMS": "sms", "MFA": "mfa", "Name": "name", "LoginMethods": "login_methods", "ClientIPHeader": "client_ip_header",
		"CSRFCookieName": "csrf_cookie_name", "Argon2Memory": "argon2_memory", "IDs": "ids", "ClientIDs": "client_ids", "TrustedURLs": "trusted_urls",
		"OAuth2Client": "oauth2_client", "WebAuthn": "webauthn", "OpenIDConnect": "openid_connect", "OpenAPI": "openapi", "JWTKeys": "jwt_keys", "ClientID": "client_id",
	} {
		if got := jsonconfig.Key(name); got != want {
			t.Errorf("Key(%q) = %q, want %q", name, got, want)
		}
	}
	for path, want := range map[string]string{
		"URL": "url", "Account.LoginMethods[1]": "account.login_methods[1]", `Limits["reset_Password"]`: "limits.reset_Password", "MFA.Origins[0].ID": "mfa.origins[0].id",
	} {
		if got := jsonconfig.Path(path); got != want {
			t.Errorf("Path(%q) = %q, want %q", path, got, want)
		}
	}
}

// FuzzDecode: whatever is in the file, it is either taken or refused with
// problems that name no line twice over and show no secret.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"name": "env:SECRET", "inner": {"timeout": "1m"}, "items": [{"small": 3}]}`, `{"a": {"b": [1, null, true]}}`,
		`{"limits": {"a": "b", "a": "c"}}`, `[[[[`, `{"shape": {"width": 1}}`, "\xff", `{"inner": {"ratio": 1e400, "max_bytes": -0}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s settings
		err := decoder().Decode(data, &s)
		if err == nil {
			if !json.Valid(data) {
				t.Error("took what is no JSON")
			}
			return
		}
		var l jsonconfig.Problems
		if !errors.As(err, &l) || len(l) == 0 {
			t.Fatalf("got %T, want Problems", err)
		}
		for _, p := range l {
			if p.Text == "" || strings.ContainsAny(fmt.Sprint(p), "\n\r") {
				t.Errorf("%q is no line to print", p)
			}
		}
		if !strings.Contains(string(data), "hush") && strings.Contains(err.Error(), "hush") {
			t.Errorf("%v shows a secret", err)
		}
	})
}
