// Package jsonconfig fills a struct from JSON by the names of its fields, and
// refuses what it does not know.
//
// A field is reached by its Go name in snake case, as [Key] makes it:
// LoginMethods is "login_methods". Structs nest as objects, embedded structs
// do not. Durations are text such as "15m", byte slices are text. Any text may
// be "env:NAME" and is then taken from the environment. Functions, and
// interfaces without an entry in [Decoder].Types, can't be set.
//
// Whatever is wrong is reported at once, each with the path to it. No problem
// shows a value that came from the environment or goes into a byte slice.
package jsonconfig

import (
	"encoding"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Decoder says how to decode.
type Decoder struct {
	// Env looks up a variable. Default [os.LookupEnv].
	Env func(name string) (string, bool)
	// Types decode fields of types that have no form of their own, interfaces
	// above all. They return a value of that type, or call Value.Fail.
	Types map[reflect.Type]func(v *Value) any
}

// Problem is one thing that is wrong. Path is empty if it concerns the whole.
type Problem struct{ Path, Text string }

// String reads "path: text".
func (p Problem) String() string {
	if p.Path == "" {
		return p.Text
	}
	return p.Path + ": " + p.Text
}

// Problems are everything that is wrong, in the order of the file.
type Problems []Problem

// Error lists them, one a line.
func (p Problems) Error() string {
	l := make([]string, len(p))
	for i := range p {
		l[i] = p[i].String()
	}
	return strings.Join(l, "\n")
}

// Decode sets the struct that into points to. Fields that data does not name
// stay as they are. The error is [Problems]; into is incomplete then.
func (d *Decoder) Decode(data []byte, into any) error {
	r := &run{Decoder: d, env: d.Env}
	if r.env == nil {
		r.env = os.LookupEnv
	}
	root, problem := parse(data)
	if problem != nil {
		return Problems{*problem}
	}
	(&Value{run: r, node: root}).decode(reflect.ValueOf(into).Elem())
	if len(r.problems) > 0 {
		return r.problems
	}
	return nil
}

type run struct {
	*Decoder
	env      func(string) (string, bool)
	problems Problems
}

// Value is a part of the file.
type Value struct {
	run  *run
	node *node
	path string
}

// Into decodes v into what dst points to.
func (v *Value) Into(dst any) { v.decode(reflect.ValueOf(dst).Elem()) }

// Member is the text of a member of v as it is written, "" if there is none, for
// a look ahead: nothing is reported.
func (v *Value) Member(key string) string {
	if v.node.kind != object {
		return ""
	}
	if i := slices.Index(v.node.keys, key); i >= 0 && v.node.items[i].kind == text {
		return v.node.items[i].text
	}
	return ""
}

// Fail reports that v is not good.
func (v *Value) Fail(format string, args ...any) {
	v.run.problems = append(v.run.problems, Problem{v.path, fmt.Sprintf(format, args...)})
}

// Text is v's text, its variable filled in; false, if it is none, which has
// been reported then.
func (v *Value) Text() (string, bool) {
	if !v.is(text, `text in quotes`) {
		return "", false
	}
	name, ok := strings.CutPrefix(v.node.text, "env:")
	if !ok {
		return v.node.text, true
	}
	if name == "" {
		v.Fail(`names no variable; write "env:NAME"`)
		return "", false
	}
	s, ok := v.run.env(name)
	if !ok {
		v.Fail("the environment variable %s is not set", name)
	}
	return s, ok
}

func (v *Value) is(k kind, write string) bool {
	switch {
	case v.node.kind == k:
		return true
	case v.node.kind == null:
		v.Fail("is null; leave it out for the default, or write %s", write)
	default:
		v.Fail("is %s; write %s", v.node.kind, write)
	}
	return false
}

// plainKeys are made of these.
const plainKeys = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

func (v *Value) member(key string, n *node) *Value {
	path := key
	if key == "" || len(key) > 64 || strings.Trim(key, plainKeys) != "" {
		path = fmt.Sprintf("%.64q", key)
	}
	if v.path != "" {
		path = v.path + "." + path
	}
	return &Value{v.run, n, path}
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (v *Value) decode(dst reflect.Value) {
	t := dst.Type()
	if read := v.run.Types[t]; read != nil {
		if x := read(v); x != nil {
			dst.Set(reflect.ValueOf(x))
		}
		return
	}
	switch {
	case t == durationType:
		v.decodeDuration(dst)
	case reflect.PointerTo(t).Implements(textType):
		if s, ok := v.Text(); ok {
			if err := dst.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
				v.Fail("can't be read: %v", err)
			}
		}
	default:
		v.decodeKind(dst)
	}
}

func (v *Value) decodeKind(dst reflect.Value) {
	switch t := dst.Type(); t.Kind() {
	case reflect.Pointer:
		p := reflect.New(t.Elem())
		v.decode(p.Elem())
		dst.Set(p)
	case reflect.Struct:
		v.decodeStruct(dst)
	case reflect.Map:
		v.decodeMap(dst)
	case reflect.Slice:
		v.decodeSlice(dst)
	case reflect.String:
		if s, ok := v.Text(); ok {
			dst.SetString(s)
		}
	case reflect.Bool:
		if v.is(boolean, "true or false") {
			dst.SetBool(v.node.text == "true")
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.decodeInt(dst)
	case reflect.Float32, reflect.Float64:
		if v.is(number, "a number") {
			f, err := strconv.ParseFloat(v.node.text, t.Bits())
			if err != nil {
				v.Fail("is out of range")
			}
			dst.SetFloat(f)
		}
	default:
		v.Fail("can be set in Go code only")
	}
}

func (v *Value) decodeDuration(dst reflect.Value) {
	if !v.is(text, `a duration in quotes, such as "15m"`) {
		return
	}
	s, ok := v.Text()
	if !ok {
		return
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		v.Fail(`is no duration; write one such as "15m", "1h30m" or "500ms"`)
	}
	dst.SetInt(int64(d))
}

func (v *Value) decodeInt(dst reflect.Value) {
	if !v.is(number, "a whole number") {
		return
	}
	n, err := strconv.ParseInt(v.node.text, 10, 64)
	switch {
	case err != nil && strings.ContainsAny(v.node.text, ".eE"):
		v.Fail("is %s; write a whole number, without fraction or exponent", v.node.text)
	case err != nil || dst.OverflowInt(n):
		v.Fail("is out of range")
	default:
		dst.SetInt(n)
	}
}

func (v *Value) decodeSlice(dst reflect.Value) {
	t := dst.Type()
	if t.Elem().Kind() == reflect.Uint8 {
		if s, ok := v.Text(); ok {
			dst.SetBytes([]byte(s))
		}
		return
	}
	if !v.is(list, "a list: [ … ]") {
		return
	}
	l := reflect.MakeSlice(t, len(v.node.items), len(v.node.items))
	for i, n := range v.node.items {
		(&Value{v.run, n, fmt.Sprintf("%s[%d]", v.path, i)}).decode(l.Index(i))
	}
	dst.Set(l)
}

func (v *Value) decodeMap(dst reflect.Value) {
	if !v.is(object, "an object: { … }") {
		return
	}
	t := dst.Type()
	m := reflect.MakeMap(t)
	for i, key := range v.node.keys {
		member := v.member(key, v.node.items[i])
		if slices.Contains(v.node.keys[:i], key) {
			member.Fail("is given twice")
			continue
		}
		x := reflect.New(t.Elem()).Elem()
		member.decode(x)
		m.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), x)
	}
	dst.Set(m)
}

func (v *Value) decodeStruct(dst reflect.Value) {
	if !v.is(object, "an object: { … }") {
		return
	}
	known := v.run.fields(dst.Type())
	for i, key := range v.node.keys {
		member := v.member(key, v.node.items[i])
		f, ok := known[key]
		switch {
		case slices.Contains(v.node.keys[:i], key):
			member.Fail("is given twice")
		case !ok:
			member.Fail("%s", unknown(key, known))
		case !v.run.settable(f.Type, nil):
			member.Fail("can be set in Go code only")
		default:
			member.decode(dst.FieldByIndex(f.Index))
		}
	}
}

// fields are the fields of a struct by key, those of embedded structs among
// them: the outer one wins where both have a key.
func (r *run) fields(t reflect.Type) map[string]reflect.StructField {
	m := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(t) {
		if !f.IsExported() || f.Anonymous {
			continue
		}
		if old, ok := m[Key(f.Name)]; !ok || len(f.Index) < len(old.Index) {
			m[Key(f.Name)] = f
		}
	}
	return m
}

// settable reports whether a file can set anything in a value of type t.
func (r *run) settable(t reflect.Type, above []reflect.Type) bool {
	if r.Types[t] != nil || reflect.PointerTo(t).Implements(textType) {
		return true
	}
	if slices.Contains(above, t) {
		return false
	}
	switch t.Kind() {
	case reflect.Struct:
		for _, f := range r.fields(t) {
			if r.settable(f.Type, append(above, t)) {
				return true
			}
		}
		return false
	case reflect.Pointer, reflect.Map:
		return r.settable(t.Elem(), append(above, t))
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Uint8 || r.settable(t.Elem(), append(above, t))
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64:
		return true
	default:
		return false
	}
}

// unknown says what may have been meant by a key.
func unknown(key string, known map[string]reflect.StructField) string {
	best, least := "", min(len(key)/2+1, 8)
	if len(key) > 64 {
		least = 0
	}
	for _, k := range slices.Sorted(maps.Keys(known)) {
		if d := distance(strings.ToLower(key), k); d < least {
			best, least = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("is no setting; did you mean %q?", best)
	case len(known) <= 12:
		return "is no setting; write one of " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
	}
	return "is no setting"
}

// distance is how many letters have to be added, dropped or replaced to get
// from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := left
			if a[i] != b[j] {
				d = 1 + min(left, row[j], row[j+1])
			}
			left, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
