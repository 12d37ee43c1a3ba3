package api

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/headless-auth/headless/store"
)

// Texts that need care.
var hostile = []string{"", "plain", `"`, `\`, "\x00\n\x1f", "<script>&</script>", "ü\u2028\U0001F600", "\xff\xfe", "\x7f", strings.Repeat("x", 5000)}

func TestEnvelopeIsJSON(t *testing.T) {
	for _, text := range hostile {
		for _, extra := range []map[string]any{nil, {}, {"a": text}, {"a": 1, "b": []string{text}}} {
			for _, integer := range []bool{false, true} {
				e := &Env{
					IntegerIDs: integer,
					Display:    func(context.Context, *store.User) string { return text },
					Extra:      func(context.Context, *store.User) map[string]any { return extra },
				}
				user := e.userData(t.Context(), &store.User{ID: "7", Email: text, Username: text, Password: "x"})
				env := envelope{Status: 401, who: authData{User: user, Methods: methods(nil), Flows: &Flows{{ID: text}}}, auth: true, authenticated: true, Meta: extra, Errors: []Item{{Message: text, Code: "c"}}}
				b := &buffer{}
				if err := env.appendTo(b); err != nil {
					t.Fatal(err)
				}
				got := map[string]any{}
				if err := json.Unmarshal(b.b, &got); err != nil {
					t.Fatalf("%v in %s", err, b.b)
				}
				clean := strings.ToValidUTF8(text, "\uFFFD\uFFFD") // each byte for itself
				u := map[string]any{"id": "7", "has_usable_password": true}
				if integer {
					u["id"] = 7.0
				}
				if text != "" {
					u["display"], u["email"], u["username"] = clean, clean, clean
				}
				meta := map[string]any{"is_authenticated": true}
				for k, v := range plain(t, extra) {
					u[k], meta[k] = v, v
				}
				want := map[string]any{
					"status": 401.0, "meta": meta,
					"data":   map[string]any{"user": u, "methods": []any{}, "flows": []any{map[string]any{"id": clean}}},
					"errors": []any{map[string]any{"message": clean, "code": "c"}},
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("got  %v\nwant %v", got, want)
				}
				// The same as a part of something else.
				nested, err := json.Marshal(map[string]any{"user": user})
				if err != nil || !strings.Contains(string(nested), `"has_usable_password":true`) {
					t.Errorf("got %s, %v", nested, err)
				}
			}
		}
	}
}

func plain(t *testing.T, v map[string]any) (m map[string]any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEnvelopeWithoutParts(t *testing.T) {
	for want, env := range map[string]envelope{
		`{"status":409}`: {Status: 409},
		`{"status":200,"data":[1],"meta":{"a":1,"b":2}}`:                                                                    {Status: 200, Data: []int{1}, Meta: map[string]any{"b": 2, "a": 1}},
		`{"status":401,"data":{},"meta":{"is_authenticated":false}}`:                                                        {Status: 401, auth: true},
		`{"status":200,"data":{"user":{"has_usable_password":false}},"meta":{"is_authenticated":true,"session_token":"x"}}`: {Status: 200, auth: true, authenticated: true, Meta: map[string]any{"session_token": "x"}},
	} {
		b := &buffer{}
		if err := env.appendTo(b); err != nil || string(b.b) != want+"\n" {
			t.Errorf("got %s, %v, want %s", b.b, err, want)
		}
	}
}

func TestEnvelopeThatCannotBeWritten(t *testing.T) {
	for name, env := range map[string]envelope{
		"data":    {Data: make(chan int)},
		"meta":    {Meta: map[string]any{"x": make(chan int)}},
		"records": {auth: true, who: authData{Methods: json.RawMessage(`[{"method"`)}},
		"user":    {auth: true, authenticated: true, who: authData{User: userData{extra: map[string]any{"x": make(chan int)}}}},
	} {
		if err := env.appendTo(&buffer{}); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if err := (&envelope{auth: true, who: authData{Methods: json.RawMessage(`x`)}}).appendTo(&buffer{}); !errors.Is(err, errMethods) {
		t.Errorf("got %v", err)
	}
}
