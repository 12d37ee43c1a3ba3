package providers_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

// logins are the recordings of logins that work, by name.
func logins(t *testing.T) map[string]*recording {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*recording{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := &recording{}
		if err := json.Unmarshal(b, r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if r.Error == "" {
			all[strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/"), ".json")] = r
		}
	}
	return all
}

// eachLogin runs a test for each recorded login.
func eachLogin(t *testing.T, test func(t *testing.T, id string, r *recording)) {
	for name, r := range logins(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, _, _ := strings.Cut(name, "/")
			test(t, id, r)
		})
	}
}

// cancelled is how somebody comes back from a provider who did not want to.
func cancelled(id string, r *recording) map[string]string {
	switch {
	case id == "dummy":
		return map[string]string{"action": "cancel"}
	case id == "steam":
		return map[string]string{"openid.mode": "cancel"}
	case id == "telegram":
		return map[string]string{"tgAuthResult": "false"}
	case r.Callback["oauth_token"] != "":
		return map[string]string{"oauth_token": "", "denied": r.Callback["oauth_token"]}
	}
	return map[string]string{"code": "", "error": "access_denied"}
}

func TestCancelledAtTheProvider(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, id string, r *recording) {
		_, err := r.login(t, r.provider(t, id), &replay{t: t, r: r}, cancelled(id, r))
		if !errors.Is(err, socialaccount.ErrCancelled) {
			t.Errorf("got error %v, want that it was cancelled", err)
		}
	})
}

// TestIDTokenOfTheBrowser: what a browser brings counts as an ID token only if
// it has our nonce. Else somebody could log in with one that they have found.
func TestIDTokenOfTheBrowser(t *testing.T) {
	t.Parallel()
	found := fmt.Sprintf(`{"iss": "https://accounts.google.com", "aud": "client id", "sub": "victim", "iat": %d, "exp": %d}`, start.Unix(), start.Unix()+60)
	for _, scopes := range [][]string{{"profile"}, {"openid", "profile"}} {
		r := &recording{Scopes: scopes, Keys: "https://www.googleapis.com/oauth2/v3/certs", Calls: []call{
			{Answer: json.RawMessage(`{"access_token": "a"}`)}, {Answer: json.RawMessage(`{"id": "attacker"}`)},
		}}
		who, err := r.login(t, r.provider(t, "google"), &replay{t: t, r: r, lenient: true}, map[string]string{"id_token": signed(t, []byte(found))})
		if err == nil && who.UID == "victim" {
			t.Errorf("%s: got in as somebody else", scopes)
		}
	}
}

// TestSubjects: a profile that is read besides an ID token is about the same
// person. Requirement SOC-3.
func TestSubjects(t *testing.T) {
	t.Parallel()
	idToken := fmt.Sprintf(`{"iss": "https://acme.test", "aud": "client id", "sub": "ada", "iat": %d, "exp": %d}`, start.Unix(), start.Unix()+60)
	for _, tt := range []struct {
		subject, profile string
		want             bool
	}{
		{"", `{"sub": "ada", "id": 1}`, true},
		{"", `{"sub": "eve", "id": 1}`, false},
		{"", `{"id": 1}`, false},
		{"user.oidc", `{"user": {"oidc": "ada"}, "id": 1}`, true},
		{"user.oidc", `{"user": {"oidc": "eve"}, "sub": "ada", "id": 1}`, false},
	} {
		p := providers.Spec{
			ID: "acme", AuthorizeURL: "https://acme.test/authorize", TokenURL: "https://acme.test/token", Issuer: "https://acme.test",
			IDToken: &providers.IDToken{KeysURL: "https://acme.test/keys", Subject: tt.subject},
			Profile: []providers.Call{{URL: "https://acme.test/me"}}, Map: providers.Mapping{UID: "id"},
		}.Provider(providers.Client{ID: "client id", Secret: "s3cret"})
		if problems := p.(socialaccount.Checker).Problems(); len(problems) > 0 {
			t.Fatal(problems)
		}
		for _, token := range []string{`, "id_token": "` + signed(t, []byte(idToken)) + `"`, ""} {
			r := &recording{Keys: "https://acme.test/keys", Calls: []call{
				{Answer: json.RawMessage(`{"access_token": "a"` + token + `}`)}, {Answer: json.RawMessage(tt.profile)},
			}}
			who, err := r.login(t, p, &replay{t: t, r: r, lenient: true}, nil)
			if want := tt.want || token == ""; (err == nil && who.UID == "1") != want {
				t.Errorf("%q, %s: got %+v, %v", tt.subject, tt.profile, who, err)
			}
		}
	}
}

// TestTokenScopes: some scopes are of use only where tokens are kept.
func TestTokenScopes(t *testing.T) {
	t.Parallel()
	for keeps, want := range map[bool]string{true: "publicData", false: ""} {
		a := &socialaccount.AuthRequest{Tools: tools(nil), State: "x", RedirectURI: redirectURI}
		a.KeepsTokens = keeps
		location, err := providers.EVEOnline(providers.Client{ID: "a", Secret: "b"}).(socialaccount.Redirector).Begin(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(location)
		if err != nil || u.Query().Get("scope") != want {
			t.Errorf("got %s, %v", location, err)
		}
	}
}

func TestErrorInTheCallback(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, id string, r *recording) {
		if id == "dummy" || id == "steam" || id == "telegram" || r.Callback["oauth_token"] != "" {
			t.Skip("its protocol knows no such parameter")
		}
		for _, code := range []string{"server_error", "<script>"} {
			_, err := r.login(t, r.provider(t, id), &replay{t: t, r: r}, map[string]string{"code": "", "error": code})
			if err == nil || errors.Is(err, socialaccount.ErrCancelled) || strings.Contains(err.Error(), "<") {
				t.Errorf("%s: got error %v", code, err)
			}
		}
		if _, err := r.login(t, r.provider(t, id), &replay{t: t, r: r}, map[string]string{"code": "", "authCode": ""}); err == nil {
			t.Error("there was no code, and no error")
		}
	})
}

// TestBadAnswers has the provider answer each request with something else:
// nobody is logged in as somebody else, and without its token nobody at all.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	bad := []struct {
		status     int
		kind, body string
	}{
		{500, "text/html", "<html>Internal Server Error</html>"},
		{200, "text/html", "<html>Sign in</html>"},
		{200, "application/json", ""},
		{200, "application/json", "{"},
		{200, "application/json", "{}"},
		{200, "application/json", "[]"},
		{200, "application/json", "null"},
		{200, "application/json", `"text"`},
		{200, "application/json", `{"error": "invalid_grant", "error_description": "expired"}`},
		{400, "application/json", `{"error": "invalid_grant", "error_description": "expired"}`},
		{200, "application/json", `{"access_token": null, "oauth_token": null, "id": null}`},
		{200, "application/json", `{"access_token": {"a": 1}, "data": [], "user": "x", "id": ["1"]}`},
		{200, "application/x-www-form-urlencoded", "access_token=&oauth_token="},
		{200, "application/x-www-form-urlencoded", "%zz"},
		{302, "text/html", ""},
	}
	eachLogin(t, func(t *testing.T, id string, r *recording) {
		for n := 1; n <= len(r.Calls); n++ {
			for _, b := range bad {
				fake := &replay{t: t, r: r, lenient: true, answer: func(i int) *http.Response {
					if i != n {
						return nil
					}
					return response(nil, b.status, b.kind, []byte(b.body))
				}}
				who, err := r.login(t, r.provider(t, id), fake, nil)
				if err == nil && who.UID != r.Identity.UID {
					t.Errorf("request %d, answer %s: got uid %q", n, b.body, who.UID)
				}
				isToken := strings.Contains(r.Calls[n-1].Request, "oauth") && r.Calls[n-1].Form["code"] != ""
				if err == nil && isToken {
					t.Errorf("request %d, answer %s: no token, and no error", n, b.body)
				}
			}
		}
	})
}

// TestBadMembers replaces each member of each answer: nobody is logged in as
// somebody else.
func TestBadMembers(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, id string, r *recording) {
		for n, c := range r.Calls {
			if c.Answer == nil {
				continue
			}
			for _, value := range []any{nil, " ", true, map[string]any{}, strings.Repeat("x", 192), "a\x00b"} {
				for doc := range replacedOnce(decoded(t, c.Answer), value) {
					who, err := r.loginWith(t, id, n, doc)
					if err == nil && who.UID != r.Identity.UID {
						t.Errorf("%v: got uid %q, want %q", doc, who.UID, r.Identity.UID)
					}
				}
			}
		}
	})
}

// TestFlagsAreReadStrictly has the provider say yes in other ways than true:
// no address counts as verified. spec: socialaccount.md §8.1.
func TestFlagsAreReadStrictly(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, id string, r *recording) {
		if slices.Contains([]string{"amazon_cognito", "apple", "dummy", "google", "miro", "zoom"}, id) {
			return // their flags are texts, numbers or in ID tokens: see the recordings
		}
		for _, v := range []any{"true", "yes", "1", "on", json.Number("1"), "false", json.Number("0"), nil, []any{true}, map[string]any{"true": true}} {
			other := *r
			other.Calls = nil
			for _, c := range r.Calls {
				if c.Answer != nil {
					c.Answer = encoded(t, replaceTrue(decoded(t, c.Answer), v))
				}
				other.Calls = append(other.Calls, c)
			}
			who, err := other.login(t, other.provider(t, id), &replay{t: t, r: &other, lenient: true}, nil)
			if err != nil {
				continue
			}
			for _, e := range who.Emails {
				if e.Verified && !e.Assumed {
					t.Errorf("%v for true: %s is verified", v, e.Address)
				}
			}
		}
	})
}

// loginWith is a login with another answer to request n.
func (r *recording) loginWith(t *testing.T, id string, n int, doc any) (*socialaccount.Identity, error) {
	t.Helper()
	other := *r
	other.Calls = slices.Clone(r.Calls)
	other.Calls[n].Answer = encoded(t, doc)
	return other.login(t, other.provider(t, id), &replay{t: t, r: &other, lenient: true}, nil)
}

// replacedOnce are the documents in which one member or element is another.
func replacedOnce(doc, value any) iter.Seq[any] {
	return func(yield func(any) bool) {
		switch v := doc.(type) {
		case map[string]any:
			for name, old := range v {
				for other := range chain(value, replacedOnce(old, value)) {
					m := maps.Clone(v)
					if m[name] = other; !yield(m) {
						return
					}
				}
			}
		case []any:
			for i, old := range v {
				for other := range chain(value, replacedOnce(old, value)) {
					l := slices.Clone(v)
					if l[i] = other; !yield(l) {
						return
					}
				}
			}
		}
	}
}

func chain(first any, further iter.Seq[any]) iter.Seq[any] {
	return func(yield func(any) bool) {
		if yield(first) {
			further(yield)
		}
	}
}

// replaceTrue is a document in which each true is something else.
func replaceTrue(doc, value any) any {
	switch v := doc.(type) {
	case bool:
		if v {
			return value
		}
	case map[string]any:
		m := map[string]any{}
		for name, old := range v {
			m[name] = replaceTrue(old, value)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, old := range v {
			l[i] = replaceTrue(old, value)
		}
		return l
	}
	return doc
}

func encoded(t *testing.T, doc any) []byte {
	t.Helper()
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFlagsThatMayBeText is about the providers that are known to send a text
// where a boolean belongs. No other is believed so. Requirement SOC-4.
func TestFlagsThatMayBeText(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"email_verified=true", "email_verified"} {
		acme := providers.Spec{
			ID: "acme", AuthorizeURL: "https://acme.example/authorize", TokenURL: "https://acme.example/token",
			Profile: []providers.Call{{URL: "https://acme.example/me"}},
			Map:     providers.Mapping{UID: "id", Email: "email", EmailVerified: flag},
		}
		for said, want := range map[string]bool{
			`true`: true, `"true"`: flag == "email_verified=true",
			`"True"`: false, `"1"`: false, `1`: false, `false`: false, `"false"`: false, `""`: false, `null`: false, `[true]`: false,
		} {
			profile := `{"id": "1", "email": "a@example.org", "email_verified": ` + said + `}`
			r := &recording{Calls: []call{{Answer: json.RawMessage(`{"access_token": "a"}`)}, {Answer: json.RawMessage(profile)}}}
			who, err := r.login(t, acme.Provider(providers.Client{ID: "a"}), &replay{t: t, r: r, lenient: true}, nil)
			if err != nil || len(who.Emails) != 1 || who.Emails[0].Verified != want {
				t.Errorf("%s, %s: got %v, %v, want %v", flag, said, who, err, want)
			}
		}
	}
}

// TestIdentities is about what any provider may answer.
func TestIdentities(t *testing.T) {
	t.Parallel()
	acme := providers.Spec{
		ID: "acme", AuthorizeURL: "https://acme.example/authorize", TokenURL: "https://acme.example/token",
		Profile: []providers.Call{{URL: "https://acme.example/me"}},
		Map: providers.Mapping{
			UID: "id", Email: "email", EmailVerified: "email_verified", Username: "login", Name: "name", FirstName: "first", LastName: "last",
		},
	}
	long := strings.Repeat("x", 191)
	for _, test := range []struct {
		profile string
		want    identity
		fails   bool
	}{
		{profile: `{"id": "1"}`, want: identity{UID: "1"}},
		{profile: `{"id": " 1 "}`, want: identity{UID: " 1 "}},
		{profile: `{"id": 0}`, want: identity{UID: "0"}},
		{profile: `{"id": 18446744073709551615}`, want: identity{UID: "18446744073709551615"}},
		{profile: `{"id": 340282366920938463463374607431768211455}`, want: identity{UID: "340282366920938463463374607431768211455"}},
		{profile: `{"id": 1e3}`, want: identity{UID: "1000"}},
		{profile: `{"id": 12.0}`, want: identity{UID: "12"}},
		{profile: `{"id": "` + long + `"}`, want: identity{UID: long}},
		{profile: `{"id": "` + long + `x"}`, fails: true},
		{profile: `{"id": "é` + long[1:] + `"}`, fails: true},
		{profile: `{"id": ""}`, fails: true},
		{profile: `{"id": "   "}`, fails: true},
		{profile: `{"id": null}`, fails: true},
		{profile: `{"id": {"a": "1"}}`, fails: true},
		{profile: `{"id": ["1"]}`, fails: true},
		{profile: `{"id": "a\u0000b"}`, fails: true},
		{profile: `{"id": "1"} {"id": "2"}`, fails: true},
		{profile: `{}`, fails: true},
		{
			profile: `{"id": 1, "email": "a@example.org", "email_verified": true, "login": null, "name": null, "first": null, "last": null}`,
			want:    identity{UID: "1", Email: "a@example.org", Emails: []string{"a@example.org*!"}},
		},
		{profile: `{"id": 1, "email": "a@example.org", "email_verified": "true"}`, want: identity{UID: "1", Email: "a@example.org", Emails: []string{"a@example.org!"}}},
		{profile: `{"id": 1, "email": "a@example.org", "email_verified": "1"}`, want: identity{UID: "1", Email: "a@example.org", Emails: []string{"a@example.org!"}}},
		{profile: `{"id": 1, "email": "a@example.org", "email_verified": 1}`, want: identity{UID: "1", Email: "a@example.org", Emails: []string{"a@example.org!"}}},
		{profile: `{"id": 1, "email": ["a@example.org"], "email_verified": true, "login": {"x": 1}}`, want: identity{UID: "1"}},
		{profile: `{"id": 1, "email": "  ", "email_verified": true, "name": " Jo  Doe "}`, want: identity{UID: "1", Name: "Jo  Doe"}},
	} {
		r := &recording{Calls: []call{{Answer: json.RawMessage(`{"access_token": "a"}`)}, {Answer: json.RawMessage(test.profile)}}}
		who, err := r.login(t, acme.Provider(providers.Client{ID: "a"}), &replay{t: t, r: r, lenient: true}, nil)
		if test.fails != (err != nil) {
			t.Errorf("%s: got error %v", test.profile, err)
		}
		if err != nil {
			continue
		}
		got := identity{
			UID: who.UID, Email: who.Email, Username: who.Username, Name: who.Name, FirstName: who.FirstName, LastName: who.LastName, Emails: emails(who),
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.profile, diff)
		}
	}
}
