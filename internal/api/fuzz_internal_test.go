package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// Bodies come from strangers. Whatever they hold, it is read as JSON has it or
// refused; what is taken from it is text that can be stored and shown.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		``, `null`, `{}`, `{"email":"ada@example.org","password":"x"}`, `{"email":12,"primary":true}`, `{"email":null,"primary":"False","n":1.5}`, `{"email":"a","email":"b"}`,
		`{"email":"\ud83d\ude00","password":"\u0000"}`, `{"email":"\ud800"}`, `{"email":"\\u0000 \" "}`, `[]`, `{"a":[[[[[{}]]]]]}`, "{\"email\":\"\xff\"}", `{"email":["x"]}`, ` { "code" : " a-b " } `,
		`{"email":1e999}`, `{"primary":[]}`, strings.Repeat(`{"a":`, 50), `{"email":"` + strings.Repeat("a", 400) + `"}`, "{}\v", "\u00a0null", "\u2028",
	} {
		f.Add([]byte(body))
	}
	fields := []Field{
		{Name: "email", Required: true, MaxLength: 320}, {Name: "password", Verbatim: true}, {Name: "code", MinLength: 2}, {Name: "primary", Kind: Bool, Required: true}, {Name: "n", Kind: Number},
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, fields := range [][]Field{fields, nil} {
			r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
			in, err := decode(context.Background(), r, 2000, fields)
			if err != nil {
				var e *Error
				if !errors.As(err, &e) || e.Status != http.StatusBadRequest && e.Status != http.StatusRequestEntityTooLarge || len(e.Items) != 1 {
					t.Fatalf("%q: got %v", body, err)
				}
				if (e.Status == http.StatusRequestEntityTooLarge) != (len(body) > 2000) {
					t.Fatalf("%d bytes: got %v", len(body), err)
				}
				continue
			}
			sent := bytes.Trim(body, " \t\r\n")
			if len(body) > 2000 || !utf8.Valid(body) || len(sent) > 0 && !json.Valid(body) {
				t.Fatalf("%q was accepted", body)
			}
			if fields == nil {
				continue
			}
			var plain map[string]any
			if len(sent) > 0 {
				d := json.NewDecoder(bytes.NewReader(body))
				d.UseNumber()
				if err := d.Decode(&plain); err != nil {
					t.Fatalf("%q was accepted: %v", body, err)
				}
			}
			wrong := in.Err() != nil
			for _, f := range fields {
				if _, sent := plain[f.Name]; sent != in.Has(f.Name) {
					t.Fatalf("%q: is %s there?", body, f.Name)
				}
				text := in.Text(f.Name)
				if !utf8.ValidString(text) || strings.ContainsRune(text, 0) || f.MaxLength > 0 && utf8.RuneCountInString(text) > f.MaxLength {
					t.Fatalf("%q: took %q for %s", body, text, f.Name)
				}
				if !f.Verbatim && text != strings.TrimSpace(text) {
					t.Fatalf("%q: %s is not trimmed: %q", body, f.Name, text)
				}
				if text != "" {
					var want string
					switch v := plain[f.Name].(type) {
					case string:
						want = v
					case json.Number:
						want = v.String()
					default:
						t.Fatalf("%q: took %q for %v", body, text, v)
					}
					if strings.TrimSpace(want) != strings.TrimSpace(text) {
						t.Fatalf("%q: took %q for %q", body, text, want)
					}
				}
				if !wrong && f.Required && text == "" && !in.Bool(f.Name) {
					t.Fatalf("%q: %s is missing and nothing is wrong", body, f.Name)
				}
			}
		}
	})
}

// The elements of a list are those that the decoder finds.
func FuzzElements(f *testing.F) {
	for _, s := range []string{`[]`, `[ ]`, ` [1] `, `[1,"a,b]",{"x":[1,2]},null]`, `["\\",""]`, `["\"",1]`, `{}`, `null`, `"[]"`, `[[[]],[,]]`, `[1 , 2]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return // the body's reader has refused it
		}
		var want []json.RawMessage
		err := json.Unmarshal(raw, &want)
		l, ok := Elements(raw)
		if ok != (err == nil && want != nil) {
			t.Fatalf("%q: got %v, want %v, %v", raw, ok, want, err)
		}
		if !ok {
			return
		}
		i := 0
		for x := range l {
			if i >= len(want) || !bytes.Equal(x, want[i]) {
				t.Fatalf("%q: %d is %q, want %q", raw, i, x, want)
			}
			i++
		}
		if i != len(want) {
			t.Fatalf("%q: got %d, want %q", raw, i, want)
		}
	})
}

// Rates are read one way or refused, and what is read limits something.
func FuzzParseRates(f *testing.F) {
	for _, s := range []string{"", "5/m", "5/m/ip", "10/300s/key,5/m/user", "1/3.5m", " 1/d , 2/h/key ", "0/m", "-1/m", "5/m/", "5//ip", "1e3/m", "1/1e300d", "1/NaNs", "1/Infs", "5/m/ip,", ",", "1/0x1ps"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseRates(s)
		if err != nil {
			if l != nil || strings.ContainsAny(err.Error(), "\n\r") && !strings.ContainsAny(s, "\n\r") {
				t.Fatalf("%q: got %v, %v", s, l, err)
			}
			return
		}
		if (len(l) == 0) != (strings.TrimSpace(s) == "") || len(l) != 0 && len(l) != strings.Count(s, ",")+1 {
			t.Fatalf("%q: got %v", s, l)
		}
		for _, r := range l {
			if r.Amount < 1 || r.Per <= 0 || r.By != "ip" && r.By != "user" && r.By != "key" {
				t.Fatalf("%q: got %+v", s, r)
			}
		}
	})
}
