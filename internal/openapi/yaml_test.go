package openapi_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/headless-auth/headless/internal/openapi"
)

// roundTrip checks that JSON and YAML of a value both lead back to it.
func roundTrip(t *testing.T, value any) {
	t.Helper()
	j, y := openapi.Encode(value)
	var fromJSON, fromYAML any
	if err := json.Unmarshal(j, &fromJSON); err != nil {
		t.Fatalf("%v in %s", err, j)
	}
	if err := yaml.Unmarshal(y, &fromYAML); err != nil {
		t.Fatalf("%v in\n%s", err, y)
	}
	b, err := json.Marshal(fromYAML) // the same types of numbers
	if err != nil {
		t.Fatal(err)
	}
	var again any
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(fromJSON, again) {
		t.Errorf("JSON %s\nYAML\n%s", j, y)
	}
}

var texts = []string{
	"", " ", "a", "yes", "NO", "y", "on", "null", "~", "true", "1", "1.5", "0x1f", "1e3", "1_000", "12:30:45", "2026-03-01", "-", "- a", "?", "? a",
	"a: b", "a:b", "a #b", "#a", "a ", " a", "key:", "@a", "`a`", "%a", "!a", "&a", "*a", "|", ">", "{a}", "[a]", "a, b", "'", `"`, `\`, `a\nb`,
	"a\nb", "a\n\nb\n", "a\nb\n\n", "\na\nb", " a\nb", "a \nb", "a\n  b\nc", "a\tb\nc", "\ta\nb", "a\n# b\n", "---\na", "a\n---\nb", "...", "=", "<<",
	"a\r\nb", "\x00", "\x07", "\x7f", "\u0085", "\u00a0", "\u2028a\nb", "\ufeff", "\ufffe", "é", "日本語", "😀", "\U000e0001", "NaN", ".inf", "nan", "inf",
	"/_allauth/{client}/v1/auth/login", "$ref", "#/components/x", "a/b (c), d.", "Label:", "n", "Off",
}

func TestNotations(t *testing.T) {
	t.Parallel()
	for _, s := range texts {
		roundTrip(t, s)
		roundTrip(t, openapi.Pair(s, s))
		roundTrip(t, openapi.Pair("a", openapi.Pair("b", openapi.Values(s, openapi.Pair(s, openapi.Values(openapi.Values(s), s))))))
	}
	roundTrip(t, openapi.Pair("a", openapi.Values(true, false, 0, -7, 1711555057.065702, openapi.Values(), openapi.Values(openapi.Values()), openapi.Pair("x", openapi.Values()))))
}

func FuzzNotations(f *testing.F) {
	for _, s := range texts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return // not in a configuration that was read
		}
		roundTrip(t, openapi.Pair("a", openapi.Values(openapi.Pair(s, s), s)))
	})
}
