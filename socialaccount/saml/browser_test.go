package saml

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/browsertest"
)

func TestMain(m *testing.M) { os.Exit(browsertest.Main(m)) }

// The answer comes from another site, so that the session's cookie stays at
// home: a real browser has to find its way nevertheless.
func TestBrowser(t *testing.T) {
	t.Parallel()
	idp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := read(t, r.URL)
		a := answer{request: q.ID, where: q.AssertionConsumerServiceURL, audience: q.Issuer, now: time.Now(), nameID: "grace", attributes: map[string][]string{"urn:oid:0.9.2342.19200300.100.1.3": {"grace@example.org"}, "http://schemas.auth0.com/email_verified": {"true"}}}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Log in</title><link rel="icon" href="data:,"><main><h1>Their login</h1>
<form method="post" action="%s"><input type="hidden" name="SAMLResponse" value="%s"><button>Allow</button></form></main></html>`,
			q.AssertionConsumerServiceURL, encode(text(t, a.document(t))))
	}))
	t.Cleanup(idp.Close)
	c := inline()
	at, err := url.Parse(idp.URL)
	if err != nil {
		t.Fatal(err)
	}
	c.SSOURL = "http://localhost:" + at.Port() + "/sso" // while the site is 127.0.0.1
	w, _ := site(t, c, func(h *headless.Config) { h.Now = time.Now })
	w.Mux.HandleFunc("GET /front", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Front end</title><link rel="icon" href="data:,"><main><h1>Front end</h1>
<p id="user">…</p><form method="post" action="/_allauth/browser/v1/auth/provider/redirect"><input type="hidden" name="provider" value="%s">
<input type="hidden" name="process" value="login"><input type="hidden" name="callback_url" value="/front"><input type="hidden" name="csrfmiddlewaretoken">
<button>Log in there</button></form></main>
<script>
(async () => {
  await fetch("/_allauth/browser/v1/config");
  document.forms[0].csrfmiddlewaretoken.value = document.cookie.match(/csrftoken=([^;]*)/)[1];
  const session = await (await fetch("/_allauth/browser/v1/auth/session")).json();
  user.textContent = session.meta.is_authenticated ? "Logged in by " + session.data.methods.map((m) => m.uid) : "Nobody is logged in";
})();
</script></html>`, idpEntity)
	})
	page := browsertest.New(t)
	page.Open(w.URL + "/front")
	page.See("Nobody is logged in")
	page.Click("Log in there")
	page.Heading("Their login")
	page.Click("Allow")
	page.See("Logged in by grace")
	if got := page.URL(); strings.Contains(got.String(), "error") {
		t.Errorf("came back to %s", got)
	}
}
