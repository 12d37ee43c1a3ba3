package sessions

import (
	"slices"
	"testing"

	"github.com/headless-auth/headless/internal/api"
)

// spec: sessions-tokens.md §3.1.
func TestSessionIDs(t *testing.T) {
	for _, tt := range []struct {
		raw      string
		integers bool
		ids      []string
		code     api.Code
	}{
		{`[1,"2",1,"2"]`, true, []string{"1", "2"}, ""},
		{`["01"]`, true, []string{"1"}, ""},
		{`["a-b","a-b",7]`, false, []string{"a-b", "7"}, ""},
		{`["a-b"]`, true, nil, codeInvalidID},
		{`[1.5]`, true, nil, codeInvalidID},
		{`[99999999999999999999]`, true, nil, codeInvalidID},
		{`[null]`, false, nil, codeInvalidID},
		{`[{}]`, false, nil, codeInvalidID},
		{`"1"`, true, nil, codeInvalidList},
		{`{"a":1}`, true, nil, codeInvalidList},
		{`[]`, true, nil, api.CodeRequired},
		{`null`, true, nil, api.CodeRequired},
		{``, true, nil, api.CodeRequired},
	} {
		ids, code := sessionIDs([]byte(tt.raw), tt.integers)
		if code != tt.code || code == "" && !slices.Equal(ids, tt.ids) {
			t.Errorf("%s: got %q, %q, want %q, %q", tt.raw, ids, code, tt.ids, tt.code)
		}
	}
}
