package socialaccount

import (
	"encoding/json"
	"strings"
	"testing"
)

// Whatever a profile holds, a name of it is a line of text or nothing.
func FuzzDisplayName(f *testing.F) {
	for _, s := range []string{`{"name":"Ada"}`, `{"name":7,"first_name":" Ada ","last_name":null}`, `[]`, `null`, `{"name":{"first":"x"}}`, `{"given_name":"\u0000"}`, `{"email":" a@b "}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var profile any
		if json.Unmarshal(b, &profile) != nil {
			return
		}
		if name := DisplayName(profile); name != strings.TrimSpace(name) {
			t.Fatalf("%q is called %q", b, name)
		}
	})
}
