package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/jsonconfig"
	"github.com/headless-auth/headless/internal/pattern"
)

// configCommands show settings.
func configCommands() []command {
	return []command{
		{name: "show", about: "show the settings that are in effect, defaults filled in, without secrets", setup: showCommand},
		{name: "keys", about: "list every key of the file, with its default and what it is for", args: "[PREFIX]",
			help: "With a PREFIX, such as account.password, only the keys that begin with it.", setup: settingsCommand},
	}
}

// keyList is every key of the file, as docs/configuration.md has them.
//
//go:embed settings.json
var keyList []byte

type keyHelp struct {
	Key, Type, Default, Help string
}

func settingsCommand(o *options) action {
	asJSON := o.Bool("json", false, "write JSON")
	return func(context.Context) error {
		var all, chosen []keyHelp
		if err := json.Unmarshal(keyList, &all); err != nil {
			return err
		}
		prefix := ""
		if len(o.args) > 0 {
			prefix = o.args[0]
		}
		for _, k := range all {
			if strings.HasPrefix(k.Key, prefix) {
				chosen = append(chosen, k)
			}
		}
		if len(chosen) == 0 {
			return &exitError{exitAbsent, fmt.Errorf("no key begins with %q", prefix)}
		}
		if *asJSON {
			l := make([]map[string]string, len(chosen))
			for i, k := range chosen {
				l[i] = map[string]string{"key": k.Key, "type": k.Type, "default": k.Default, "help": k.Help}
			}
			return writeJSON(o.out, l, "  ")
		}
		for _, k := range chosen {
			about := k.Type
			if k.Default != "" {
				about += "; default " + k.Default
			}
			fmt.Fprintf(o.out, "%s (%s)\n", k.Key, about)
			if k.Help != "" {
				fmt.Fprintf(o.out, "    %s\n", k.Help)
			}
		}
		return nil
	}
}

func showCommand(o *options) action {
	o.config()
	return func(context.Context) error {
		s, err := o.settings()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(o.file)
		if err != nil {
			return err
		}
		var file any
		if err := json.Unmarshal(data, &file); err != nil {
			return err
		}
		s.Config = s.Defaults()
		text, ok := shown(reflect.ValueOf(*s), file, "")
		if !ok {
			return nil
		}
		var b bytes.Buffer
		if err := json.Indent(&b, text, "", "  "); err != nil {
			return err
		}
		_, err = fmt.Fprintln(o.out, &b)
		return err
	}
}

// hidden is what is shown of a secret.
const hidden = "[redacted]"

var (
	// secretKeys are the keys of secrets in what the library does not show,
	// such as providers.
	secretKeys = pattern.New(`(secret|password|token|private|key)s?$`)
	// secretTexts are fields with secrets that are plain text.
	secretTexts = map[string]bool{"mfa.django_secret_key": true, "mfa.insecure_bypass_code": true}
	// addresses may have a password in them.
	addresses = map[string]bool{"database": true, "redis": true, "smtp": true, "sms_webhook": true}
)

// shown is a value as JSON. What the file says tells which variable a text comes
// from, and what it is where the library keeps that to itself. False: there is
// nothing to show.
func shown(v reflect.Value, file any, path string) (json.RawMessage, bool) {
	t := v.Type()
	switch {
	case types[t] != nil && t != reflect.TypeFor[fs.FS]():
		if file == nil {
			return nil, false
		}
		text := redacted(file, "")
		if hook, ok := text.(map[string]any); ok && t == reflect.TypeFor[account.Webhook]() {
			if address, ok := hook["url"].(string); ok {
				hook["url"] = withoutPassword(address)
			}
		}
		return marshal(text)
	case t == reflect.TypeFor[time.Duration]():
		return marshal(v.Interface().(time.Duration).String())
	case t == reflect.TypeFor[time.Time]():
		return marshal(v.Interface())
	}
	switch t.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil, false
		}
		return shown(v.Elem(), file, path)
	case reflect.Struct:
		return shownStruct(v, file, path)
	case reflect.Map:
		m := map[string]json.RawMessage{}
		members, _ := file.(map[string]any)
		for _, k := range v.MapKeys() {
			if text, ok := shown(v.MapIndex(k), members[k.String()], path+"."+k.String()); ok {
				m[k.String()] = text
			}
		}
		return marshal(m)
	case reflect.Slice:
		return shownSlice(v, file, path)
	case reflect.String:
		text := v.String()
		switch {
		case text != "" && isVariable(file) && (secretTexts[path] || addresses[path]):
			return marshal(file)
		case text != "" && secretTexts[path]:
			text = hidden
		case addresses[path]:
			text = withoutPassword(text)
		}
		return marshal(text)
	case reflect.Interface:
		if dir, ok := v.Interface().(fs.FS); ok && dir != nil && types[t] != nil {
			return marshal(fmt.Sprint(dir))
		}
		return nil, false
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint8, reflect.Uint32, reflect.Float64:
		return marshal(v.Interface())
	}
	return nil, false // functions
}

func shownSlice(v reflect.Value, file any, path string) (json.RawMessage, bool) {
	of := v.Type().Elem()
	if of.Kind() == reflect.Interface && types[of] == nil {
		return nil, false // of Go's alone
	}
	if of.Kind() == reflect.Uint8 {
		if isVariable(file) {
			return marshal(file)
		}
		if v.Len() == 0 {
			return nil, false
		}
		return marshal(hidden)
	}
	l := []json.RawMessage{}
	items, _ := file.([]any)
	for i := range v.Len() {
		var item any
		if i < len(items) {
			item = items[i]
		}
		if text, ok := shown(v.Index(i), item, path+"[]"); ok {
			l = append(l, text)
		}
	}
	if len(l) == 0 && v.Len() > 0 {
		return nil, false
	}
	return marshal(l)
}

// isVariable reports whether the file says which variable a text comes from.
func isVariable(file any) bool {
	text, ok := file.(string)
	return ok && strings.HasPrefix(text, "env:")
}

// shownStruct shows the fields in their order. The outer one counts where an
// embedded struct has the same.
func shownStruct(v reflect.Value, file any, path string) (json.RawMessage, bool) {
	members, _ := file.(map[string]any)
	best := map[string]reflect.StructField{}
	var order []string
	for _, f := range reflect.VisibleFields(v.Type()) {
		if !f.IsExported() || f.Anonymous {
			continue
		}
		key := jsonconfig.Key(f.Name)
		if old, ok := best[key]; !ok {
			order = append(order, key)
		} else if len(f.Index) >= len(old.Index) {
			continue
		}
		best[key] = f
	}
	b := []byte{'{'}
	for _, key := range order {
		at := strings.TrimPrefix(path+"."+key, ".")
		text, ok := shown(v.FieldByIndex(best[key].Index), members[key], at)
		if !ok {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, strconv.Quote(key)...), ':'), text...)
	}
	return append(b, '}'), len(b) > 1
}

func marshal(v any) (json.RawMessage, bool) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, false
	}
	return bytes.TrimSpace(b.Bytes()), true
}

// redacted is a part of a file without its secrets, but with the variables that
// they come from.
func redacted(v any, key string) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, x := range v {
			m[k] = redacted(x, k)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, x := range v {
			l[i] = redacted(x, key)
		}
		return l
	case string:
		if secretKeys.MatchString(key) && !strings.HasPrefix(v, "env:") {
			return hidden
		}
	}
	return v
}

// withoutPassword is an address that may be shown.
func withoutPassword(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return hidden
	}
	if u.Opaque != "" || u.Scheme == "sqlite" {
		return address // a file
	}
	service := u.Scheme == "https" || u.Scheme == "http" // many have a token in the path
	if service && strings.Trim(u.Path, "/") != "" {
		u.Path, u.RawPath = "/redacted", ""
	}
	if _, set := u.User.Password(); set {
		u.User = url.UserPassword(u.User.Username(), "redacted")
	} else if service && u.User != nil {
		u.User = url.User("redacted")
	}
	if u.RawQuery != "" { // which may have one as well
		q := u.Query()
		for k := range q {
			if secretKeys.MatchString(strings.ToLower(k)) {
				q.Set(k, "redacted")
			}
		}
		u.RawQuery = q.Encode()
	}
	return u.String()
}
