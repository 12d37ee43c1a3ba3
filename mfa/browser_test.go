package mfa_test

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/browsertest"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store/memory"
)

func TestMain(m *testing.M) { os.Exit(browsertest.Main(m)) }

// page is a front end in a few lines, as any site may have it.
//
//go:embed testdata/page.html
var page []byte

// visit opens a browser on a site of its own. Browsers have passkeys on secure
// origins only, and for names, not addresses.
func visit(t *testing.T) (*World, *browsertest.Page) {
	t.Helper()
	var url string
	w := wiretest.New(t, memory.New(), with(func(c *headless.Config) {
		signupByPasskey(c)
		c.URL = strings.Replace(c.URL, "127.0.0.1", "localhost", 1)
		url = c.URL
	}))
	w.Mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(page) })
	p := browsertest.New(t)
	p.Open(url + "/")
	return w, p
}

// script runs the page's own functions, and checks the status they answer.
func script(t *testing.T, p *browsertest.Page, want int, format string, args ...any) (data json.RawMessage) {
	t.Helper()
	for i, a := range args {
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		args[i] = string(b)
	}
	var r struct {
		Status int
		Data   json.RawMessage
	}
	call := fmt.Sprintf(format, args...)
	p.Eval(call, &r)
	if r.Status != want {
		t.Fatalf("%s: got %d %s, want %d", call, r.Status, r.Data, want)
	}
	return r.Data
}

// enterByPassword logs in as a person.
func enterByPassword(t *testing.T, p *browsertest.Page, who *Person, want int) {
	t.Helper()
	script(t, p, want, "api('POST', '/auth/login', %s)", M{"email": who.Email, "password": wiretest.Password})
}

func out(t *testing.T, p *browsertest.Page) {
	t.Helper()
	script(t, p, 401, "api('DELETE', '/auth/session')")
}

// A browser's own WebAuthn, from option to answer.
func TestBrowser(t *testing.T) {
	t.Parallel()
	t.Run("a security key is a second factor", func(t *testing.T) {
		t.Parallel()
		w, p := visit(t)
		who := w.Make(Person{})
		p.SecurityKey()
		enterByPassword(t, p, who, 200)
		script(t, p, 200, "create('/account/authenticators/webauthn', 'POST', 'stick')")
		out(t, p)
		enterByPassword(t, p, who, 401)
		script(t, p, 200, "get('/auth/webauthn/authenticate')")
		same(t, typesOf(t, script(t, p, 200, "api('GET', '/account/authenticators')")), "webauthn", "recovery_codes")
		// It is known, so that the browser refuses to make it again.
		var name string
		p.Eval("create('/account/authenticators/webauthn', 'POST').catch((e) => e.name)", &name)
		if name != "InvalidStateError" {
			t.Errorf("got %q, want InvalidStateError", name)
		}
	})

	t.Run("a passkey logs in alone", func(t *testing.T) {
		t.Parallel()
		w, p := visit(t)
		who := w.Make(Person{})
		device := p.Passkeys()
		enterByPassword(t, p, who, 200)
		var l struct {
			IsPasswordless bool `json:"is_passwordless"`
		}
		if err := json.Unmarshal(script(t, p, 200, "create('/account/authenticators/webauthn?passwordless', 'POST', 'laptop')"), &l); err != nil || !l.IsPasswordless {
			t.Errorf("got %+v, %v", l, err)
		}
		if n := device.Count(); n != 1 {
			t.Errorf("the device keeps %d passkeys, want 1", n)
		}
		for range 2 {
			out(t, p)
			script(t, p, 200, "get('/auth/webauthn/login')")
		}
		out(t, p)
		script(t, p, 200, "get('/auth/webauthn/login', 'conditional')")
		// Reauthentication.
		w.Clock.Advance(wait)
		script(t, p, 401, "api('GET', '/account/authenticators/webauthn')")
		script(t, p, 200, "get('/auth/webauthn/reauthenticate')")
		script(t, p, 200, "api('GET', '/account/authenticators/webauthn')")
	})

	t.Run("a passkey is all one needs to sign up", func(t *testing.T) {
		t.Parallel()
		w, p := visit(t)
		p.Passkeys()
		email := wiretest.FreshEmail()
		script(t, p, 401, "api('POST', '/auth/webauthn/signup', %s)", M{"email": email})
		code := w.Inbox.Mail(t, email, "email_confirmation_signup").Data["code"]
		script(t, p, 401, "api('POST', '/auth/email/verify', %s)", M{"key": code})
		script(t, p, 200, "create('/auth/webauthn/signup', 'PUT', 'phone')")
		out(t, p)
		script(t, p, 200, "get('/auth/webauthn/login')")
		if !strings.Contains(string(script(t, p, 200, "api('GET', '/auth/session')")), `"has_usable_password":false`) {
			t.Error("there is a password")
		}
	})
}

// typesOf are the types in a list of authenticators.
func typesOf(t *testing.T, data json.RawMessage) (types []string) {
	t.Helper()
	var l []struct{ Type string }
	if err := json.Unmarshal(data, &l); err != nil {
		t.Fatal(err)
	}
	for _, a := range l {
		types = append(types, a.Type)
	}
	return types
}
