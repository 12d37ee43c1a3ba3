package providers

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"html/template"
	"math/big"
	"net/url"
	"strings"
	"sync"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/socialaccount"
)

// Dummy believes whatever it is told. It is for development and tests, and
// refuses to run unless [socialaccount.Config].Development is set.
// spec: socialaccount.md §16.
func Dummy() socialaccount.Provider { return dummy{} }

type dummy struct{}

// Info implements [socialaccount.Provider].
func (dummy) Info() socialaccount.Info {
	return socialaccount.Info{ID: "dummy", Name: "Dummy", Path: "dummy/authenticate/", DevelopmentOnly: true}
}

// Begin implements [socialaccount.Redirector]: the form is at the callback's
// own path.
func (dummy) Begin(_ context.Context, a *socialaccount.AuthRequest) (string, error) {
	u, err := url.Parse(a.RedirectURI)
	if err != nil {
		return "", err
	}
	return u.EscapedPath() + "?" + url.Values{"state": {a.State}}.Encode(), nil
}

// StateOf implements [socialaccount.Redirector].
func (dummy) StateOf(callback url.Values) string { return callback.Get("state") }

//go:embed dummy.html
var dummyHTML string

var dummyPage = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("dummy").Parse(dummyHTML))
})

// Page implements [socialaccount.Interviewer].
func (dummy) Page(csrf string, invalid bool) socialaccount.Page {
	var b strings.Builder
	if err := dummyPage().Execute(&b, struct {
		CSRF    string
		Invalid bool
	}{csrf, invalid}); err != nil {
		panic(err) // a template of ours, and a builder does not fail
	}
	return socialaccount.Page{HTML: []byte(b.String()), Policy: "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"}
}

// Complete implements [socialaccount.Interviewer].
func (dummy) Complete(form url.Values) bool {
	_, err := dummyIdentity(dummyForm(form))
	return err == nil || form.Get("action") == "cancel"
}

// Finish implements [socialaccount.Redirector].
func (dummy) Finish(_ context.Context, _ *socialaccount.AuthRequest, form url.Values) (*socialaccount.Identity, error) {
	if form.Get("action") == "cancel" {
		return nil, socialaccount.ErrCancelled
	}
	return dummyIdentity(dummyForm(form))
}

func dummyForm(form url.Values) map[string]any {
	m := map[string]any{}
	for _, name := range []string{"id", "email", "username", "first_name", "last_name", "phone"} {
		m[name] = form.Get(name)
	}
	for _, name := range []string{"email_verified", "phone_verified"} {
		v := strings.ToLower(form.Get(name))
		m[name] = v != "" && v != "false" && v != "0"
	}
	return m
}

// VerifyToken implements [socialaccount.TokenVerifier]: the ID token is plain
// JSON.
func (dummy) VerifyToken(_ context.Context, _ socialaccount.Tools, t socialaccount.Token) (*socialaccount.Identity, error) {
	doc, err := decodeJSON([]byte(t.IDToken))
	m, ok := doc.(map[string]any)
	if err != nil || !ok {
		return nil, errors.New("the token is no JSON object")
	}
	return dummyIdentity(m)
}

func dummyIdentity(m map[string]any) (*socialaccount.Identity, error) {
	id := &socialaccount.Identity{
		UID: strings.TrimSpace(textOf(m["id"])), Username: textOf(m["username"]), FirstName: textOf(m["first_name"]),
		LastName: textOf(m["last_name"]), Phone: textOf(m["phone"]), PhoneVerified: isTrue(m["phone_verified"]),
	}
	n, ok := new(big.Int).SetString(id.UID, 10)
	if !ok || len(id.UID) > 40 {
		return nil, errors.New("the id is no integer")
	}
	id.UID = n.String()
	profile := map[string]any{"id": json.Number(id.UID)}
	if s := textOf(m["email"]); strings.TrimSpace(s) != "" {
		email, ok := account.CleanEmail(s)
		if !ok {
			return nil, errors.New("the email address is none")
		}
		id.Email = email
		id.Emails = []socialaccount.Email{{Address: email, Verified: isTrue(m["email_verified"]), Primary: true}}
		profile["email"], profile["email_verified"] = email, isTrue(m["email_verified"])
	}
	for _, name := range []string{"username", "first_name", "last_name", "phone"} {
		if s := textOf(m[name]); s != "" {
			profile[name] = s
		}
	}
	var err error
	id.Profile, err = json.Marshal(profile)
	return id, err
}
