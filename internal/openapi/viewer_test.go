package openapi_test

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/browsertest"
)

func TestMain(m *testing.M) { os.Exit(browsertest.Main(m)) }

func TestViewer(t *testing.T) {
	t.Parallel()
	p := browsertest.New(t)
	auth, err := headless.New(full())
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(auth.Handler())
	t.Cleanup(srv.Close)
	contains := func(selector string, want ...string) {
		t.Helper()
		var got string
		p.Eval("document.querySelector("+"`"+selector+"`"+").innerText", &got)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: got %q, want %q in it", selector, got, w)
			}
		}
	}
	p.Open(srv.URL + "/_allauth/openapi.html")
	p.Heading("Example")
	contains("#main", "Introduction", "X-CSRFToken", "passkeys", "/_allauth/{client}/v1/auth/login")
	p.Inspect("openapi start")

	// An operation that the address names is open.
	p.Open(srv.URL + "/_allauth/openapi.html#login")
	p.See("completes the flow login")
	contains("#login", "username", "required", "curl -X POST 'https://app.example.org/_allauth/app/v1/auth/login'", "409")
	p.Eval("[...document.querySelectorAll('#login summary')].find((s) => s.innerText.startsWith('400')).click()", nil)
	p.See("email_password_mismatch")
	contains("#login .codes", "The email address or the password is not correct.")
	p.Eval("[...document.querySelectorAll('#login summary')].find((s) => s.innerText.startsWith('401')).click()", nil)
	p.See("verify email")
	p.Inspect("openapi operation")

	// Searching narrows both lists down.
	p.Press("/")
	if got := p.Focused(); got != "Search operations" {
		t.Errorf("a slash leads to %q", got)
	}
	p.Fill("Search operations", "unverified_primary_email")
	p.See("1 operation")
	p.Gone("This API signs people up")
	p.Fill("Search operations", "passkey")
	p.Gone("Log in with a password")

	// Dark, for who likes that better than their system does.
	p.Scheme("light")
	p.Click("Light or dark")
	p.Wait("it is dark", "getComputedStyle(document.body).backgroundColor === 'rgb(20, 23, 28)'", nil)
	p.Reload()
	p.Wait("it is dark still", "getComputedStyle(document.body).backgroundColor === 'rgb(20, 23, 28)'", nil)
}
