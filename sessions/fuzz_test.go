package sessions

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// A device's name is made of our own words, whatever an agent calls itself.
func FuzzDevice(f *testing.F) {
	for _, s := range []string{
		"", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/605", "okhttp/4.12", "<script>Firefox/", "Mozilla/\x00Edg/\xff", "curl/8",
	} {
		f.Add(s)
	}
	var names []string
	for _, app := range libraries {
		names = append(names, app.means)
	}
	for _, system := range systems {
		names = append(names, system.means)
		for _, browser := range browsers {
			names = append(names, browser.means, browser.means+" on "+system.means)
		}
	}
	f.Fuzz(func(t *testing.T, agent string) {
		if got := Device(agent); got != "" && !slices.Contains(names, got) {
			t.Fatalf("%q is %q", agent, got)
		}
	})
}

// A list of sessions to end holds ids, each once, or is refused.
func FuzzSessionIDs(f *testing.F) {
	for _, s := range []string{``, `null`, `[]`, `[1,"1","01"]`, `["a"]`, `[1.5]`, `[1e3]`, `[null]`, `[[1]]`, `[true]`, `{}`, `"1"`, `[9223372036854775808]`, `["\u0000"]`, `[-0]`} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, integers bool) {
		if len(raw) > 0 && !json.Valid(raw) {
			t.Skip() // the body's reader has refused it
		}
		ids, code := sessionIDs(json.RawMessage(raw), integers)
		if (code == "") != (len(ids) > 0) || code != "" && !slices.Contains([]api.Code{api.CodeRequired, codeInvalidList, codeInvalidID}, code) {
			t.Fatalf("%q: got %q, %q", raw, ids, code)
		}
		for i, id := range ids {
			n, err := strconv.ParseInt(id, 10, 64)
			if integers && (err != nil || strconv.FormatInt(n, 10) != id) || slices.Contains(ids[:i], id) {
				t.Fatalf("%q: got %q", raw, ids)
			}
		}
	})
}

// What a session keeps is read as it was written; what can't be read is
// nothing.
func FuzzSlots(f *testing.F) {
	for _, s := range []string{``, `{}`, `{"a":{"v":1,"x":5}}`, `{"a":{"v":null,"k":true}}`, `[]`, `{"a":1}`, "{\"\xff\":{\"v\":1}}", `{"a":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		m := entries(state)
		for name, e := range m {
			if e.Value == nil {
				delete(m, name) // never written
			}
		}
		b := encode(m)
		if again := encode(entries(b)); string(again) != string(b) {
			t.Fatalf("%q became %q and then %q", state, b, again)
		}
		for name, e := range entries(atLogin(state)) {
			if !e.Kept {
				t.Fatalf("%q: %s outlives a login", state, name)
			}
		}
	})
}

// Where requests save one session at once, each adds what it has proven and
// written, and nothing of another's is lost.
func FuzzMerge(f *testing.F) {
	f.Add([]byte(`[]`), "code", "totp", []byte(`{"a":{"v":1}}`), []byte(`{"a":{"v":1},"b":{"v":2}}`), []byte(`{"a":{"v":3}}`))
	f.Add([]byte(`[{"method":"password","at":1}]`), "", "x", []byte(``), []byte(`{"b":{"v":2}}`), []byte(`{"b":{"v":3}}`))
	f.Add([]byte(`{}`), "x", "", []byte(`[]`), []byte("\xff"), []byte(`null`))
	f.Fuzz(func(t *testing.T, kept []byte, mine, yours string, was, now, own []byte) {
		base := store.Session{ID: "1", TokenHash: []byte("h"), UserID: "u", Methods: kept, State: was}
		theirs, ours := base, base
		theirs.State, theirs.Version, ours.State = now, 2, own
		if yours != "" {
			theirs.Methods = base.Methods.With(store.Method{Method: yours, At: 2})
		}
		if mine != "" {
			ours.Methods = base.Methods.With(store.Method{Method: mine, At: 1})
		}
		stranger := theirs
		stranger.UserID = "v"
		if copied := ours; merge(&copied, &stranger, &base, nil) {
			t.Fatal("a session of somebody else's is written to")
		}
		if !merge(&ours, &theirs, &base, []api.Touch{{Slot: "b"}}) {
			return
		}
		if ours.Version != 2 {
			t.Fatalf("got version %d", ours.Version)
		}
		before, after, said := entries(was), entries(now), entries(ours.State)
		if !reflect.DeepEqual(before["b"], after["b"]) {
			t.Fatalf("both have written to one slot: %q, %q and %q became %q", was, now, own, ours.State)
		}
		for name, e := range after {
			if name != "b" && e.Value != nil && !reflect.DeepEqual(said[name], e) {
				t.Fatalf("%s was lost: %q, %q and %q became %q", name, was, now, own, ours.State)
			}
		}
		if n := len(base.Methods.List()); n < 98 {
			for _, x := range []struct {
				method string
				at     float64
			}{{mine, 1}, {yours, 2}} {
				if x.method != "" && !slices.ContainsFunc(ours.Methods.List()[n:], func(m store.Method) bool { return m.At == x.at }) {
					t.Fatalf("%q was lost: %q became %q", x.method, kept, ours.Methods)
				}
			}
		}
	})
}
