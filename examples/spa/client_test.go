package main

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An app carries its session token itself. There is no better place to try the
// client in than a browser, which has what it needs.
func TestClientOfApps(t *testing.T) {
	w := start(t, nil)
	w.Go("/mailbox") // a page that has no client of its own
	w.Eval(`import("/client.js").then((m) => { window.app = m.createClient({ mode: "app" }) })`, nil)
	fields := func(email string) string {
		b, err := json.Marshal(map[string]any{"email": email, "password": password, "name": "Ada", "terms": true})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	type answer struct {
		State          string
		Waiting        *struct{ ID string }
		Reauthenticate bool
		Gone           bool
		User           struct{ Email string }
		Errors         []struct{ Param, Code string }
		Status         int
		Meta           struct{ Secret string }
	}
	ask := func(call string) (a answer) {
		t.Helper()
		w.Eval("app."+call, &a)
		return a
	}
	token := func() (s *string) {
		t.Helper()
		w.Eval("app.storage.get()", &s)
		return s
	}

	if a := ask(`session()`); a.State != "pending" || a.Waiting != nil || token() != nil {
		t.Errorf("at first: got %+v", a)
	}
	if a := ask(`signup({ email: "ada", password: "" })`); a.State != "invalid" || len(a.Errors) != 4 {
		t.Errorf("a wrong signup: got %+v", a)
	}
	if a := ask(`verifyEmail("x")`); a.State != "conflict" {
		t.Errorf("not the moment: got %+v", a)
	}
	if a := ask(`signup(` + fields("ada@example.org") + `)`); a.State != "pending" || a.Waiting == nil || a.Waiting.ID != "verify_email" {
		t.Fatalf("signup: got %+v", a)
	}
	if a := ask(`addEmail("eve@example.org")`); a.State != "limited" && a.State != "done" {
		t.Errorf("another address: got %+v", a)
	}
	half := token()
	if a := ask(`verifyEmail("` + w.Code("eve@example.org") + `")`); a.State != "authenticated" || a.User.Email != "eve@example.org" {
		t.Fatalf("verify: got %+v", a)
	}
	if now := token(); now == nil || half == nil || *now == *half {
		t.Error("the token has not changed with the login")
	}
	if a := ask(`totp()`); a.State != "done" || a.Meta.Secret == "" {
		t.Errorf("no authenticator app yet: got %+v", a)
	}
	if a := ask(`recoveryCodes()`); a.State != "done" {
		t.Errorf("no recovery codes yet: got %+v", a)
	}
	w.clock.advance(10 * minute)
	if a := ask(`addEmail("lovelace@example.org")`); a.State != "pending" || !a.Reauthenticate {
		t.Errorf("a proof is due: got %+v", a)
	}
	if a := ask(`call("GET", "no/such/thing")`); a.State != "failed" || a.Status != 404 {
		t.Errorf("nothing there: got %+v", a)
	}
	var status int
	if w.Eval(`app.fetch("/qr", { method: "POST", body: "x" }).then((r) => r.status)`, &status); status != 200 {
		t.Errorf("a route of the site's own: got %d", status)
	}
	old := *token()
	if a := ask(`logout()`); a.State != "pending" {
		t.Errorf("logout: got %+v", a)
	}
	w.Eval(`app.storage.set(`+`"`+old+`")`, nil)
	if a := ask(`session()`); a.State != "pending" || !a.Gone || token() != nil {
		t.Errorf("a dead token: got %+v", a)
	}
}

// The declarations are those of what is there.
func TestClientDeclarations(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		b, err := fs.ReadFile(files(), name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	names := func(text, from, to, pattern string) (l []string) {
		_, text, _ = strings.Cut(text, from)
		text, _, _ = strings.Cut(text, to)
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			l = append(l, m[1])
		}
		slices.Sort(l)
		return l
	}
	js := names(read("client.js"), "  return {\n    mode,", "\n  };\n}", `(?m)^    (?:async )?(\w+)(?:: |\(|,$)`)
	ts := names(read("client.d.ts"), "export interface Client {", "\n}", `(?m)^  (?:readonly )?(\w+)[(:]`)
	ts = slices.DeleteFunc(ts, func(s string) bool { return s == "mode" })
	if len(js) < 40 || !slices.Equal(js, ts) {
		t.Errorf("client.js has %v, client.d.ts %v", js, ts)
	}
	exports := `(?m)^export (?:async )?(?:function|const) (\w+)`
	if js, ts := names(read("client.js"), "", "\x00", exports), names(read("client.d.ts"), "", "\x00", exports); !slices.Equal(js, ts) {
		t.Errorf("client.js exports %v, client.d.ts %v", js, ts)
	}
}
