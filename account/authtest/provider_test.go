package authtest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

var ada = authtest.Identity{Subject: "42", Email: "ada@example.org", EmailVerified: true, Name: "Ada"}

func TestLoginAtAProvider(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{authtest.Browser, authtest.App} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := authtest.NewProvider("example")
			site := authtest.New(t, headless.Config{}, p)
			u := site.Client(t, kind).LoginAt(p, ada).LoggedIn()
			if u["email"] != "ada@example.org" {
				t.Errorf("got %v", u)
			}
			p.Rotate()
			site.Clock.Advance(time.Hour) // keys are remembered for a while
			again := site.Client(t, kind).LoginAt(p, ada)
			if again.LoggedIn()["id"] != u["id"] {
				t.Errorf("got %s, want the same person", again.Data)
			}
		})
	}
}

func TestProvidersThatLie(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]func(p *authtest.Provider){
		"about who issues":     func(p *authtest.Provider) { p.Claims(func(c authtest.M) { c["iss"] = "https://evil.test" }) },
		"about whom it is for": func(p *authtest.Provider) { p.Claims(func(c authtest.M) { c["aud"] = "another-site" }) },
		"about the nonce":      func(p *authtest.Provider) { p.Claims(func(c authtest.M) { c["nonce"] = "guessed" }) },
		"about the time":       func(p *authtest.Provider) { p.Claims(func(c authtest.M) { c["exp"] = 1 }) },
		"about its keys":       func(p *authtest.Provider) { p.Lie(authtest.KeysPath, func(a authtest.M) { a["keys"] = []any{} }) },
		"about who it is": func(p *authtest.Provider) {
			p.Lie(authtest.DiscoveryPath, func(a authtest.M) { a["issuer"] = "https://evil.test" })
		},
		"about there being any": func(p *authtest.Provider) { p.Lie(authtest.TokenPath, func(a authtest.M) { delete(a, "id_token") }) },
		"and break down":        func(p *authtest.Provider) { p.Fail(authtest.TokenPath, http.StatusBadGateway) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := authtest.NewProvider("example")
			lie(p)
			site := authtest.New(t, headless.Config{}, p)
			site.Client(t, authtest.Browser).LoginAt(p, ada).NothingPending()
			if p.Seen(authtest.DiscoveryPath) == 0 {
				t.Error("the provider was not asked")
			}
		})
	}
}

// A test calls nobody outside: a provider that is no part of it can't be
// reached, and one that is stays where it is.
func TestNobodyIsCalled(t *testing.T) {
	t.Parallel()
	p := authtest.NewProvider("example")
	c := headless.Config{Social: &socialaccount.Config{Providers: []socialaccount.Provider{
		providers.OpenIDConnect(providers.Client{ID: "id", Secret: "secret", ProviderID: "real", Name: "Real", Settings: map[string]string{"server_url": "https://id.example.org"}}),
	}}}
	site := authtest.New(t, c, p)
	if len(c.Social.Providers) != 1 {
		t.Error("the caller's configuration has changed")
	}
	b := site.Client(t, authtest.Browser)
	r := b.Form(b.API("/auth/provider/redirect"), map[string][]string{"provider": {"real"}, "process": {"login"}, "callback_url": {site.URL + "/"}})
	if at := r.Is(http.StatusFound).Header.Get("Location"); !strings.HasPrefix(at, site.URL+"/?error=unknown") {
		t.Errorf("got %s", at)
	}
	if _, err := p.Consent("https://id.example.org/authorize?x=1", ada); err == nil {
		t.Error("it consents for another provider")
	}
}
