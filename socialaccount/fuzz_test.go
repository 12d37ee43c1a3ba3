package socialaccount

import (
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/headless-auth/headless/internal/api"
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

// What an app hands in is for one provider that takes tokens, and for one of
// our own ids there; else something is said to be wrong.
func FuzzToken(f *testing.F) {
	for _, s := range []string{
		`{"provider":"a","process":"login","token":{"client_id":"1","id_token":"x"}}`, `{"provider":"kind","process":"connect","token":{"client_id":"1,2","access_token":"x"}}`, `{"provider":"a","process":"login","token":[]}`, `{"provider":1,"process":[],"token":"x"}`, `{"provider":"\u0000","process":"redirect","token":{}}`,
		`{"provider":" a ","process":"login","token":{"client_id":2,"id_token":null,"access_token":1}}`, `{"provider":"mute","process":"login","token":{"client_id":"1","id_token":"x"}}`, `{"provider":"open","process":"login","token":{"access_token":"x"}}`, `{"provider":"kind","process":"login","token":{"client_id":"","id_token":"x"}}`, `{}`,
	} {
		f.Add([]byte(s))
	}
	takes := takesTokens{}
	s := &Social{providers: []*entry{
		{Info: Info{ID: "a", Kind: "kind", ClientIDs: []string{"1", "2"}}, verify: takes}, {Info: Info{ID: "b", Kind: "kind", ClientIDs: []string{"2", "3"}}, verify: takes},
		{Info: Info{ID: "open", Kind: "open"}, verify: takes}, {Info: Info{ID: "mute", Kind: "mute", ClientIDs: []string{"1"}}},
	}}
	f.Fuzz(func(t *testing.T, body []byte) {
		var raw map[string]json.RawMessage
		if !utf8.Valid(body) || json.Unmarshal(body, &raw) != nil {
			return // the body's reader has refused it
		}
		in := api.ReadInput(t.Context(), tokenInput, raw)
		e, process, token := s.readToken(in)
		if in.Err() != nil {
			return
		}
		if e == nil || e.verify == nil || process != processLogin && process != processConnect || token.IDToken == "" && token.AccessToken == "" ||
			len(e.ClientIDs) > 0 && !slices.Contains(e.ClientIDs, token.ClientID) && token.ClientID != strings.Join(e.ClientIDs, ",") {
			t.Fatalf("%q: took %+v, %q, %+v", body, e, process, token)
		}
	})
}

type takesTokens struct{ TokenVerifier }

// A page that leads to its own URL leads nowhere else, whatever is in it.
func FuzzReload(f *testing.F) {
	for _, s := range []string{"a=b", "a=b&c=d", `"><script>alert(1)</script>`, "x;url=https://evil.test", "%22%3e", "'", "&amp;", "\u2028"} {
		f.Add("/accounts/x/login/callback/", s)
		f.Add("/"+s, "")
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		u, err := url.Parse("https://app.example.org/")
		if err != nil {
			t.Fatal(err)
		}
		u.Path, u.RawQuery = path, query
		target := u.EscapedPath() + "?" + query + "&" + reloaded + "="
		doc := string(reload(u)("").HTML)
		_, link, _ := strings.Cut(doc, `<a href="`)
		link, rest, found := strings.Cut(link, `"`)
		_, refresh, _ := strings.Cut(doc, `content="0;url=`)
		refresh, _, _ = strings.Cut(refresh, `"`)
		if !found || !strings.HasPrefix(rest, ">Go on</a><script>") || html.UnescapeString(link) != target || html.UnescapeString(refresh) != target || strings.Count(doc, "<script>") != 1 {
			t.Fatalf("%q became %s", target, doc)
		}
	})
}
