package store_test

import (
	"encoding/json"
	"testing"

	"github.com/headless-auth/headless/store"
)

// Whatever is kept as records of proofs, the one that is added is the last, and
// there are never too many.
func FuzzMethods(f *testing.F) {
	for _, s := range []string{``, `[]`, `null`, `[{"method":"password","at":1772366400.123456,"email":"a@example.org"}]`, `[{"id":{"a":[1e300]}}]`, `[{"at":1e999}]`, `{}`, `[null]`, "[{\"email\":\"\xff\"}]"} {
		f.Add([]byte(s), "code")
	}
	f.Fuzz(func(t *testing.T, kept []byte, method string) {
		m := store.Methods(kept)
		before := m.List()
		after := m.With(store.Method{Method: method, At: 1})
		l := after.List()
		if len(l) == 0 || len(l) > 100 || len(l) != min(len(before)+1, 100) || l[len(l)-1].At != 1 {
			t.Fatalf("%q with %q became %q", kept, method, after)
		}
		again, err := json.Marshal(l)
		if err != nil || !json.Valid(after) {
			t.Fatalf("%q became %q, %v", kept, after, err)
		}
		if twice, err := json.Marshal(store.Methods(again).List()); err != nil || string(twice) != string(again) {
			t.Fatalf("%q is read as %q, and then as %q", kept, again, twice)
		}
	})
}
