package wiretest_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/headless-auth/headless/internal/wiretest"
)

// same compares a list of words.
func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// equal compares by the JSON form.
func equal(t *testing.T, got, want any) {
	t.Helper()
	var g, w any
	for _, x := range []struct {
		v any
		p *any
	}{{got, &g}, {want, &w}} {
		b, err := json.Marshal(x.v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, x.p); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %v\nwant %v", g, w)
	}
}

// cookie is what an answer sets, nil if it does not.
func cookie(r *wiretest.Reply, name string) *http.Cookie {
	for _, k := range r.Cookies {
		if k.Name == name {
			return k
		}
	}
	return nil
}
