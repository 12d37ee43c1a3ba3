package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// now is the time of a test, as callers give it: UTC, to the microsecond.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// ok ends the test if there is an error.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

// fails ends the test unless err is of that kind, and no other.
func fails(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want %q", err, kind)
	}
	for _, other := range []error{store.ErrNotFound, store.ErrConflict, store.ErrUnavailable} {
		if other != kind && errors.Is(err, other) {
			t.Fatalf("got error %v, which is %q and also %q", err, kind, other)
		}
	}
}

// got is for reading: got(st.User(ctx, id))(t).
func got[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

// absent is for reading what should not be there: absent(st.User(ctx, id))(t).
func absent[T any](v T, err error) func(t testing.TB) {
	return func(t testing.TB) {
		t.Helper()
		if err == nil {
			t.Fatalf("got %s, want %q", show(reflect.ValueOf(v)), store.ErrNotFound)
		}
		fails(t, err, store.ErrNotFound)
	}
}

// equal compares plain values.
func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// same compares records, or lists of them. Bytes may be nil or empty alike,
// JSON may be written in another way, and times must be UTC.
func same[T any](t testing.TB, got, want T) {
	t.Helper()
	if d := differences(reflect.ValueOf(got), reflect.ValueOf(want)); len(d) > 0 {
		t.Fatalf("%T differs:\n\t%s", got, strings.Join(d, "\n\t"))
	}
}

func differences(got, want reflect.Value) []string {
	if got.Kind() == reflect.Slice {
		if got.Len() != want.Len() {
			return []string{fmt.Sprintf("got %d records, want %d", got.Len(), want.Len())}
		}
		var l []string
		for i := range got.Len() {
			for _, d := range differences(got.Index(i), want.Index(i)) {
				l = append(l, fmt.Sprintf("[%d].%s", i, d))
			}
		}
		return l
	}
	if got.IsNil() || want.IsNil() {
		if got.IsNil() && want.IsNil() {
			return nil
		}
		return []string{fmt.Sprintf("got %v, want %v", got, want)}
	}
	got, want = got.Elem(), want.Elem()
	var l []string
	for f, g := range got.Fields() {
		w, name := want.FieldByIndex(f.Index), f.Name
		if got.Type() == reflect.TypeFor[store.SocialAccount]() && name == "Data" {
			g, w = g.Convert(reflect.TypeFor[json.RawMessage]()), w.Convert(reflect.TypeFor[json.RawMessage]())
		}
		if !sameField(g, w) {
			l = append(l, fmt.Sprintf("%s: got %s, want %s", name, show(g), show(w)))
		}
	}
	return l
}

func sameField(got, want reflect.Value) bool {
	switch w := want.Interface().(type) {
	case time.Time:
		g := got.Interface().(time.Time)
		return g.Equal(w) && g.Location() == time.UTC && g.IsZero() == w.IsZero()
	case json.RawMessage:
		return sameJSON(got.Bytes(), w, "")
	case store.Methods:
		return sameJSON(got.Bytes(), w, "[]")
	case []byte:
		return bytes.Equal(got.Bytes(), w)
	}
	return got.Equal(want)
}

// sameJSON compares JSON by its meaning. No text at all means the same as
// empty.
func sameJSON(a, b []byte, empty string) bool {
	if len(a) == 0 {
		a = []byte(empty)
	}
	if len(b) == 0 {
		b = []byte(empty)
	}
	if bytes.Equal(a, b) {
		return true
	}
	x, errA := decode(a)
	y, errB := decode(b)
	return errA == nil && errB == nil && reflect.DeepEqual(x, y)
}

func decode(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // ids of providers are long numbers
	err = d.Decode(&v)
	return v, err
}

// show formats what is compared, short enough to be read.
func show(v reflect.Value) string {
	var s string
	switch {
	case v.Kind() == reflect.String:
		s = fmt.Sprintf("%q", v.String())
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		s = fmt.Sprintf("%q", v.Bytes())
	case v.Kind() == reflect.Pointer && !v.IsNil():
		s = fmt.Sprintf("%+v", v.Elem())
	default:
		s = fmt.Sprint(v)
	}
	if len(s) > 300 {
		s = fmt.Sprintf("%s… (%d bytes)", s[:300], len(s))
	}
	return s
}

// clone copies a record with its bytes, so that a store which shares them
// can't change what is expected of it.
func clone[R any](r *R) *R {
	c := *r
	for _, f := range reflect.ValueOf(&c).Elem().Fields() {
		if f.Kind() == reflect.Slice && !f.IsNil() {
			f.SetBytes(bytes.Clone(f.Bytes()))
		}
	}
	return &c
}

// neverIDs are ids that no store has given out: look-alikes of id, which it
// has, and what strangers write into a URL.
func neverIDs(id string) []string {
	l := []string{
		"", "0", "-1", "abc", "999999999", "9007199254740993", "9223372036854775807", "9223372036854775808",
		"99999999999999999999", "1; drop table users", "' or '1'='1", "1e0", "1.0", "0x1", "٣", "１", "null",
		"00000000-0000-0000-0000-000000000000", "\x00", "1\x00", "\xff\xfe", "%", "*", strings.Repeat("9", 1000),
	}
	if id != "" {
		l = append(l, "0"+id, "+"+id, " "+id, id+" ", id+"\n", id+"\x00", id+".0", id+"; --", "-"+id)
	}
	return l
}

// call is a method by name.
type call struct {
	name string
	do   func(ctx context.Context) error
}

// calls makes calls of what only returns an error.
func calls(l ...call) []call { return l }

// val makes an error of what returns a value as well.
func val[T any](_ T, err error) error { return err }

// honoursContext runs calls with a context that has ended.
func honoursContext(t *testing.T, l []call) {
	t.Helper()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Hour))
	defer cancel()
	for _, c := range l {
		for _, ctx := range []context.Context{cancelled, expired} {
			if err := c.do(ctx); !errors.Is(err, ctx.Err()) {
				t.Errorf("%s: got error %v, want %q", c.name, err, ctx.Err())
			}
		}
	}
}

// oddTexts may be refused, but if they are taken they must come back.
var oddTexts = []string{
	"\x00", "a\x00b", "a\x00", "\xff\xfe", "a\xc3", "\ufeffa", "\U0001F600", "e\u0301", "a\r\nb", `a\"'b`, "%_", "\u202eabc",
}

// noTexts are among them, and no database can keep them as text.
var noTexts = []string{"\x00", "a\x00b", "a\x00", "\xff\xfe", "a\xc3"}

// refuses checks that a text was refused for what it is.
func refuses(t testing.TB, text string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("%q: got error %v, want one that says nothing else", text, err)
	}
}

// faithful checks what became of a text that may be refused: created says how
// keeping it went, and read reads it back.
func faithful(t testing.TB, text string, created error, read func() (string, error)) {
	t.Helper()
	if created != nil {
		if errors.Is(created, store.ErrConflict) || errors.Is(created, store.ErrNotFound) {
			t.Fatalf("%q: got error %v, which says something else", text, created)
		}
		if store.Storable(text) {
			t.Fatalf("%q: got error %v, but it is text like any other", text, created)
		}
		return
	}
	back, err := read()
	if err != nil || back != text {
		t.Fatalf("%q was taken, but came back as %q, error %v", text, back, err)
	}
}

// newUser makes a user without a name, for what belongs to one.
func newUser(t testing.TB, st store.Users) *store.User {
	t.Helper()
	u := &store.User{CreatedAt: now()}
	ok(t, st.CreateUser(t.Context(), u))
	return u
}

// owners makes ids of users: real ones if the store has users.
func owners(t testing.TB, st any) func() string {
	users, has := st.(store.Users)
	n := 1000
	return func() string {
		t.Helper()
		if has {
			return newUser(t, users).ID
		}
		n++
		return fmt.Sprint(n)
	}
}
