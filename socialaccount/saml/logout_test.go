package saml

import (
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount"
)

const (
	sls     = "//accounts/saml/acme/sls/"
	idpSLO  = "https://idp.test/slo"
	lostOut = errorPage + "?error=unknown&error_process=logout"
)

func withLogout() Config {
	c := inline()
	c.SLOURL, c.Key, c.Certificate = idpSLO, strangerPair().key, strangerPair().certificate
	return c
}

// message is what an identity provider says of logouts. With where, its zero
// value is a good request about ada.
type message struct {
	where string
	now   time.Time

	answers         string // the request it answers; then it is an answer
	id, name        string
	issuer, status  string
	indexes         []string
	notOnOrAfter    time.Time
	signer          pair
	method          string
	unsigned, plain bool // plain: without destination
}

func (m message) fill() message {
	m.id, m.name, m.issuer = cmp.Or(m.id, "id-"+rand.Text()), cmp.Or(m.name, "ada"), cmp.Or(m.issuer, idpEntity)
	m.status, m.method = cmp.Or(m.status, "Success"), cmp.Or(m.method, dsig.ECDSASHA256SignatureMethod)
	if m.signer.key == nil {
		m.signer = idpPair()
	}
	return m
}

// document is the message as XML, not signed.
func (m message) document(t testing.TB) *etree.Document {
	t.Helper()
	at := func(x time.Time) string { return x.UTC().Format("2006-01-02T15:04:05Z") }
	kind, content := "LogoutRequest", `<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">`+m.name+`</saml:NameID>`
	for _, x := range m.indexes {
		content += "<samlp:SessionIndex>" + x + "</samlp:SessionIndex>"
	}
	more := ""
	if m.answers != "" {
		kind, more = "LogoutResponse", ` InResponseTo="`+m.answers+`"`
		content = `<samlp:Status><samlp:StatusCode Value="` + status + m.status + `"/></samlp:Status>`
	}
	if !m.plain {
		more += ` Destination="` + m.where + `"`
	}
	if !m.notOnOrAfter.IsZero() {
		more += ` NotOnOrAfter="` + at(m.notOnOrAfter) + `"`
	}
	doc := etree.NewDocument()
	err := doc.ReadFromString(fmt.Sprintf(`<samlp:%[1]s xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="%[2]s" Version="2.0" IssueInstant="%[3]s"%[4]s><saml:Issuer>%[5]s</saml:Issuer>%[6]s</samlp:%[1]s>`,
		kind, m.id, at(m.now), more, m.issuer, content))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func (m message) parameter() string {
	if m.answers != "" {
		return "SAMLResponse"
	}
	return "SAMLRequest"
}

// form is the message by POST.
func (m message) form(t testing.TB, change ...func(doc *etree.Document)) url.Values {
	t.Helper()
	m = m.fill()
	doc := m.document(t)
	if !m.unsigned {
		sign(t, doc.Root(), m.signer, m.method)
	}
	for _, f := range change {
		f(doc)
	}
	return url.Values{m.parameter(): {encode(text(t, doc))}, "RelayState": {"back to there"}}
}

// query is the message by redirect.
func (m message) query(t testing.TB) string {
	t.Helper()
	m = m.fill()
	q := m.parameter() + "=" + url.QueryEscape(deflated(t, text(t, m.document(t)))) + "&RelayState=back%20to+there"
	if m.unsigned {
		return q
	}
	// By lower-case escapes, as some do: what is signed is what is sent.
	q += "&SigAlg=" + strings.ReplaceAll(url.QueryEscape(m.method), "%3A", "%3a")
	d := sha256.Sum256([]byte(q))
	sig, err := ecdsa.SignASN1(rand.Reader, m.signer.key, d[:])
	if err != nil {
		t.Fatal(err)
	}
	return q + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(sig))
}

func deflated(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 9)
	if err == nil {
		_, err = io.WriteString(w, s)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// byPost delivers a message by a cross-site POST, and follows.
func byPost(t *testing.T, c *wiretest.Client, form url.Values) *wiretest.Reply {
	t.Helper()
	d := c.Other()
	d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	d.Header.Set("Origin", "https://idp.test")
	r := d.Raw(http.MethodPost, sls, form.Encode())
	if r.Status != http.StatusSeeOther || r.Header.Get("Location") != "/accounts/saml/acme/sls/finish/" {
		return r
	}
	e := c.Clone()
	e.Header.Set("Cookie", r.Cookies[0].Name+"="+r.Cookies[0].Value)
	return e.Raw(http.MethodGet, sls+"finish/", nil)
}

func byRedirect(_ *testing.T, c *wiretest.Client, query string) *wiretest.Reply {
	return c.Raw(http.MethodGet, sls+"?"+query, nil)
}

// deliver is a binding.
type deliver func(t *testing.T, c *wiretest.Client, m message) *wiretest.Reply

var bindings = map[string]deliver{
	"POST":     func(t *testing.T, c *wiretest.Client, m message) *wiretest.Reply { return byPost(t, c, m.form(t)) },
	"redirect": func(t *testing.T, c *wiretest.Client, m message) *wiretest.Reply { return byRedirect(t, c, m.query(t)) },
}

// in logs somebody in by SAML.
func in(t *testing.T, w *wiretest.World, c *wiretest.Client, change func(a *answer)) *wiretest.Client {
	t.Helper()
	c = c.Other()
	a := ask(t, w, c, "login")
	change(&a)
	if a.attributes == nil {
		a.attributes = map[string][]string{}
	}
	a.attributes["http://schemas.auth0.com/email_verified"] = []string{"true"}
	a.attributes["urn:oid:0.9.2342.19200300.100.1.3"] = []string{wiretest.FreshEmail()}
	if got := post(t, c, text(t, a.document(t))); got != callbackURL {
		t.Fatalf("got %s", got)
	}
	c.Session().LoggedIn()
	return c
}

func index(s string) func(*answer) { return func(a *answer) { a.index = s } }

func where(w *wiretest.World) string { return w.URL + "/accounts/saml/acme/sls/" }

// sent is a message of ours.
type sent struct {
	XMLName      xml.Name
	ID           string `xml:",attr"`
	Destination  string `xml:",attr"`
	InResponseTo string `xml:",attr"`
	Issuer       string
	NameID       struct {
		Format string `xml:",attr"`
		Value  string `xml:",chardata"`
	}
	SessionIndex string
	Status       struct {
		StatusCode struct {
			Value string `xml:",attr"`
		}
	}
	Signature *struct{}
}

func readSent(t *testing.T, r *wiretest.Reply, parameter string) (s sent, u *url.URL) {
	t.Helper()
	u, err := url.Parse(r.Is(302).Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := base64.StdEncoding.DecodeString(u.Query().Get(parameter))
	if err == nil {
		b, err = io.ReadAll(flate.NewReader(bytes.NewReader(b)))
	}
	if err == nil {
		err = xml.Unmarshal(b, &s)
	}
	if err != nil {
		t.Fatalf("%s: %v", u, err)
	}
	return s, u
}

// verified checks that we have signed a URL.
func verified(t *testing.T, u *url.URL) {
	t.Helper()
	content, _, _ := strings.Cut(u.RawQuery, "&Signature=")
	sig, err := base64.StdEncoding.DecodeString(u.Query().Get("Signature"))
	d := sha256.Sum256([]byte(content))
	if err != nil || u.Query().Get("SigAlg") != dsig.ECDSASHA256SignatureMethod || !ecdsa.VerifyASN1(&strangerPair().key.PublicKey, d[:], sig) {
		t.Errorf("%s is not signed", u)
	}
}

func TestLogoutAtTheProvider(t *testing.T) {
	t.Parallel()
	for name, deliver := range bindings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, c := site(t, withLogout())
			one, two, three := in(t, w, c, index("1")), in(t, w, c, index("2")), in(t, w, c, index("3"))
			other := in(t, w, c, func(a *answer) { a.nameID, a.index = "eve", "1" })
			u := one.Session().LoggedIn()
			w.Events.Take()

			m := message{where: where(w), now: w.Clock.Now(), id: "id-of-theirs", indexes: []string{"1", "3"}}
			s, at := readSent(t, deliver(t, one, m), "SAMLResponse")
			verified(t, at)
			if s.XMLName.Local != "LogoutResponse" || s.InResponseTo != "id-of-theirs" || s.Destination != idpSLO || !strings.HasPrefix(at.String(), idpSLO+"?") ||
				s.Status.StatusCode.Value != status+"Success" || at.Query().Get("RelayState") != "back to there" || s.Issuer != w.URL+"/accounts/saml/acme/metadata/" {
				t.Errorf("got %s, %+v", at, s)
			}
			if got := strings.Join(w.Events.Take(), " "); !strings.Contains(got, "session_ended") || !strings.Contains(got, "user_logged_out") {
				t.Errorf("got events %s", got)
			}
			one.Session().NothingPending()
			three.Session().NothingPending()
			two.Session().LoggedIn()
			other.Session().LoggedIn()

			// Without sessions named, all of them end that come from there: here
			// in a browser that has none, as when the provider uses frames.
			m = message{where: where(w), now: w.Clock.Now()}
			deliver(t, c.Other(), m).Is(302)
			two.Session().NothingPending()
			other.Session().LoggedIn()
			if n := w.Sessions(fmt.Sprint(u["id"])); n != 0 {
				t.Errorf("there are %d sessions", n)
			}
			// Nobody logged in is fine.
			deliver(t, c.Other(), message{where: where(w), now: w.Clock.Now(), name: "nobody"}).Is(302)
		})
	}
	t.Run("leaves other logins of the same user alone", func(t *testing.T) {
		t.Parallel()
		w, c := site(t, withLogout())
		p := w.Make(wiretest.Person{})
		c.LogIn(p).LoggedIn()
		a := ask(t, w, c, "connect")
		if got := post(t, c, text(t, a.document(t))); got != callbackURL {
			t.Fatal(got)
		}
		byThem := in(t, w, c, index("1"))
		byRedirect(t, c, message{where: where(w), now: w.Clock.Now()}.query(t)).Is(302)
		c.Session().LoggedIn()
		byThem.Session().NothingPending()
	})
	t.Run("of somebody whose uid is an attribute is known by the browser's session", func(t *testing.T) {
		t.Parallel()
		w, c := site(t, withLogout())
		subject := func(a *answer) {
			a.nameID, a.format = "once-only", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
			a.attributes = map[string][]string{"urn:oasis:names:tc:SAML:attribute:subject-id": {"ada@idp.test"}}
		}
		one, two := in(t, w, c, subject), in(t, w, c, func(a *answer) { subject(a); a.nameID = "another" })
		m := message{where: where(w), now: w.Clock.Now(), name: "once-only"}
		byRedirect(t, c.Other(), m.query(t)).Is(302)
		one.Session().LoggedIn()
		byRedirect(t, one, m.query(t)).Is(302)
		one.Session().NothingPending()
		two.Session().LoggedIn()
	})
	t.Run("answers by POST where the provider wants that", func(t *testing.T) {
		t.Parallel()
		idp := metadata(t, `<SingleLogoutService Binding="`+saml2Post+`" Location="https://idp.test/slo" ResponseLocation="https://idp.test/slo/done"/>`)
		c := withLogout()
		c.SSOURL, c.SLOURL, c.Certificates, c.MetadataURL = "", "", nil, idp
		w, browser := site(t, c)
		r := byPost(t, in(t, w, browser, index("1")), message{where: where(w), now: w.Clock.Now(), id: "theirs"}.form(t)).Is(200)
		s := readPage(t, r, "https://idp.test/slo/done", "SAMLResponse")
		if s.InResponseTo != "theirs" || s.Signature == nil || !strings.Contains(string(r.Raw), `value="back to there"`) {
			t.Errorf("got %+v in %s", s, r.Raw)
		}
		inside := in(t, w, browser, index("1"))
		r = leave(inside).Is(200)
		if s := readPage(t, r, "https://idp.test/slo", "SAMLRequest"); s.NameID.Value != "ada" || s.Signature == nil {
			t.Errorf("got %+v", s)
		}
		inside.Session().NothingPending()
	})
	t.Run("a provider that wants no answer", func(t *testing.T) {
		t.Parallel()
		w, c := site(t, inline())
		one := in(t, w, c, index("1"))
		r := byRedirect(t, one, message{where: where(w), now: w.Clock.Now()}.query(t)).Is(302)
		if got := r.Header.Get("Location"); got != w.URL+"/" {
			t.Errorf("got %s", got)
		}
		one.Session().NothingPending()
	})
	t.Run("strict cookies", func(t *testing.T) {
		t.Parallel()
		w, c := site(t, withLogout(), func(h *headless.Config) { h.Session.CookieSameSite = "strict" })
		q := message{where: where(w), now: w.Clock.Now()}.query(t)
		r := byRedirect(t, c.Other(), q).Is(200)
		target := regexp.MustCompile(`url=([^"]*)`).FindStringSubmatch(string(r.Raw))
		if target == nil {
			t.Fatalf("got %s", r.Raw)
		}
		at := strings.NewReplacer("&amp;", "&").Replace(target[1])
		c.Other().Raw(http.MethodGet, "/"+at, nil).Is(302) // the signature still holds
	})
}

// In and out on every store: what works once has names that each can keep.
func TestEveryStore(t *testing.T) {
	t.Parallel()
	for name, open := range wiretest.Stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, c := siteOn(t, open(t), withLogout())
			one := in(t, w, c, index("1"))
			q := message{where: where(w), now: w.Clock.Now()}.query(t)
			byRedirect(t, c.Other(), q).Is(302)
			one.Session().NothingPending()
			byRedirect(t, c.Other(), q).Is(400)
			one = in(t, w, c, index("2"))
			s, _ := readSent(t, leave(one), "SAMLRequest")
			if got := byPost(t, one, message{where: where(w), now: w.Clock.Now(), answers: s.ID}.form(t)).Is(302).Header.Get("Location"); got != callbackURL {
				t.Errorf("got %s", got)
			}
		})
	}
}

// metadata publishes an identity provider with more in it.
func metadata(t *testing.T, more string) (at string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="%s"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>%s</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
%s<SingleSignOnService Binding="%s" Location="%s"/></IDPSSODescriptor></EntityDescriptor>`,
			idpEntity, base64.StdEncoding.EncodeToString(idpPair().certificate.Raw), more, saml2Redirect, idpSSO)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func readPage(t *testing.T, r *wiretest.Reply, action, parameter string) (s sent) {
	t.Helper()
	m := regexp.MustCompile(`action="([^"]*)"`).FindStringSubmatch(string(r.Raw))
	v := regexp.MustCompile(`name="` + parameter + `" value="([^"]*)"`).FindStringSubmatch(string(r.Raw))
	nonce := regexp.MustCompile(`<script nonce="([^"]+)"`).FindStringSubmatch(string(r.Raw))
	if m == nil || m[1] != action || v == nil || nonce == nil || !strings.Contains(r.Header.Get("Content-Security-Policy"), "'nonce-"+nonce[1]+"'") {
		t.Fatalf("got %s with %s", r.Raw, r.Header.Get("Content-Security-Policy"))
	}
	b, err := base64.StdEncoding.DecodeString(strings.NewReplacer("&#43;", "+").Replace(v[1]))
	if err == nil {
		err = xml.Unmarshal(b, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// leave logs a browser out here and there.
func leave(c *wiretest.Client) *wiretest.Reply {
	c.Get("/config")
	d := c.Clone()
	d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return d.Raw(http.MethodPost, "/ext/auth/provider/logout", url.Values{"callback_url": {callbackURL}}.Encode())
}

func TestLogoutHere(t *testing.T) {
	t.Parallel()
	for name, deliver := range bindings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, c := site(t, withLogout())
			one := in(t, w, c, index("1"))
			s, at := readSent(t, leave(one), "SAMLRequest")
			verified(t, at)
			if s.XMLName.Local != "LogoutRequest" || s.NameID.Value != "ada" || s.NameID.Format != "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" ||
				s.SessionIndex != "1" || s.Destination != idpSLO || !strings.HasPrefix(at.String(), idpSLO+"?") || at.Query().Has("RelayState") {
				t.Errorf("got %s, %+v", at, s)
			}
			one.Session().NothingPending()
			good := message{where: where(w), now: w.Clock.Now(), answers: s.ID}
			if got := deliver(t, c.Other(), good).Is(302).Header.Get("Location"); got != lostOut { // another browser's
				t.Errorf("got %s", got)
			}
			if got := deliver(t, one, good).Is(302).Header.Get("Location"); got != callbackURL {
				t.Errorf("got %s", got)
			}
			if got := deliver(t, one, good).Is(302).Header.Get("Location"); got != lostOut { // once
				t.Errorf("got %s", got)
			}
			for name, change := range map[string]func(m *message){
				"unsigned":            func(m *message) { m.unsigned = true },
				"another's key":       func(m *message) { m.signer = strangerPair() },
				"another destination": func(m *message) { m.where = "https://other.test/sls" },
				"another issuer":      func(m *message) { m.issuer = "https://other.test" },
				"expired":             func(m *message) { m.now = m.now.Add(-10 * time.Minute) },
				"refused":             func(m *message) { m.status = "Responder" },
			} {
				one := in(t, w, c, index("1"))
				s, _ := readSent(t, leave(one), "SAMLRequest")
				bad := message{where: where(w), now: w.Clock.Now(), answers: s.ID}
				change(&bad)
				if got := deliver(t, one, bad).Is(302).Header.Get("Location"); got != callbackURL+"?error=unknown&error_process=logout" {
					t.Errorf("%s: got %s", name, got)
				}
			}
		})
	}
	t.Run("without a provider's login it is a logout", func(t *testing.T) {
		t.Parallel()
		w, c := site(t, withLogout())
		c.LogIn(w.Make(wiretest.Person{})).LoggedIn()
		if got := leave(c).Is(302).Header.Get("Location"); got != callbackURL {
			t.Errorf("got %s", got)
		}
		c.Session().NothingPending()
		if got := leave(c).Is(302).Header.Get("Location"); got != callbackURL { // of nobody
			t.Errorf("got %s", got)
		}
	})
	t.Run("a provider that knows no logout is not asked", func(t *testing.T) {
		t.Parallel()
		w, c := site(t, inline())
		one := in(t, w, c, index("1"))
		if got := leave(one).Is(302).Header.Get("Location"); got != callbackURL {
			t.Errorf("got %s", got)
		}
		one.Session().NothingPending()
	})
	t.Run("open redirect", func(t *testing.T) {
		t.Parallel()
		w, c := site(t, withLogout())
		one := in(t, w, c, index("1"))
		one.Get("/config")
		d := one.Clone()
		d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r := d.Raw(http.MethodPost, "/ext/auth/provider/logout", "callback_url=https://evil.test/").Is(302)
		if got := r.Header.Get("Location"); got != lostOut {
			t.Errorf("got %s", got)
		}
		one.Session().LoggedIn()
	})
	t.Run("needs the CSRF token", func(t *testing.T) {
		t.Parallel()
		w, c := site(t, withLogout())
		one := in(t, w, c, index("1"))
		d := one.Clone()
		d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		d.Header.Set("X-CSRFToken", "")
		d.Raw(http.MethodPost, "/ext/auth/provider/logout", "callback_url=/").Is(403)
		one.Session().LoggedIn()
	})
	t.Run("after a signup that had to wait", func(t *testing.T) {
		t.Parallel()
		w, c := site(t, withLogout(), func(h *headless.Config) { h.Social.AskAtSignup = true })
		c = c.Other()
		a := ask(t, w, c, "login")
		a.attributes = map[string][]string{"http://schemas.auth0.com/email_verified": {"true"}, "urn:oid:0.9.2342.19200300.100.1.3": {"asked@example.org"}}
		if got := post(t, c, text(t, a.document(t))); got != callbackURL {
			t.Fatal(got)
		}
		c.Session().Pending("provider_signup")
		c.Post("/auth/provider/signup", wiretest.M{"email": "asked@example.org"}).LoggedIn()
		if s, _ := readSent(t, leave(c), "SAMLRequest"); s.NameID.Value != "ada" {
			t.Errorf("got %+v", s)
		}
	})
}

// Whoever can say that somebody has logged out can annoy them; what is refused
// does nothing.
func TestLogoutAttacks(t *testing.T) {
	t.Parallel()
	var why string
	w, c := site(t, withLogout(), func(h *headless.Config) {
		h.Social.Hooks.OnError = func(_ context.Context, _ socialaccount.Info, err error) { why = err.Error() }
	})
	victim := in(t, w, c, index("1"))
	refused := func(t *testing.T, r *wiretest.Reply, reason string) {
		t.Helper()
		if r.Is(400); !strings.Contains(why, reason) {
			t.Errorf("it is refused because %s, want %s", why, reason)
		}
		why = ""
		victim.Session().LoggedIn()
	}
	good := func() message { return message{where: where(w), now: w.Clock.Now()} }
	for name, tt := range map[string]struct {
		change func(m *message)
		reason string
	}{
		"unsigned":            {func(m *message) { m.unsigned = true }, "signature element not present"},
		"another destination": {func(m *message) { m.where = "https://other.test/sls" }, "Destination"},
		"no destination":      {func(m *message) { m.plain = true }, "Destination"},
		"another issuer":      {func(m *message) { m.issuer = "https://other.test" }, "issuer does not match"},
		"expired":             {func(m *message) { m.now = m.now.Add(-10 * time.Minute) }, "expired"},
		"no longer valid":     {func(m *message) { m.notOnOrAfter = m.now.Add(-5 * time.Minute) }, "expired"},
		"from the future":     {func(m *message) { m.now = m.now.Add(10 * time.Minute) }, "in the future"},
		"SHA-1":               {func(m *message) { m.method = dsig.ECDSASHA1SignatureMethod }, "SHA-1"},
		"another's key":       {func(m *message) { m.signer = strangerPair() }, ""},
		"two names":           {func(m *message) { m.name = "ada</saml:NameID><saml:NameID>eve" }, "several names"},
		"a long name":         {func(m *message) { m.name = strings.Repeat("a", 600) }, "too large"},
		"a comment":           {func(m *message) { m.name = "a<!-- -->da" }, "a comment"},
		"many sessions":       {func(m *message) { m.indexes = strings.Fields(strings.Repeat("1 ", 101)) }, "too large"},
	} {
		for binding, deliver := range bindings {
			t.Run(name+" by "+binding, func(t *testing.T) {
				m := good()
				tt.change(&m)
				refused(t, deliver(t, victim, m), tt.reason)
			})
		}
	}
	sneak := func(doc *etree.Document, into func(evil, original *etree.Element)) {
		original := doc.Root()
		evil := forge(original)
		evil.SelectElement("NameID").SetText("ada")
		into(evil, without(original))
		doc.SetRoot(evil)
	}
	for name, tt := range map[string]struct {
		change func(doc *etree.Document)
		reason string
	}{
		"a changed name": {func(doc *etree.Document) { doc.Root().SelectElement("NameID").SetText("ada") }, "verif"},
		"wrapping: in the signature": {func(doc *etree.Document) {
			sneak(doc, func(evil, original *etree.Element) { evil.SelectElement("Signature").AddChild(original) })
		}, "a message inside"},
		"wrapping: in an object": {func(doc *etree.Document) {
			sneak(doc, func(evil, original *etree.Element) {
				evil.SelectElement("Signature").CreateElement("ds:Object").AddChild(original)
			})
		}, "a message inside"},
		"wrapping: beside": {func(doc *etree.Document) {
			sneak(doc, func(evil, original *etree.Element) { evil.AddChild(original) })
		}, "a message inside"},
		"wrapping: among extensions": {func(doc *etree.Document) {
			sneak(doc, func(evil, original *etree.Element) { evil.CreateElement("samlp:Extensions").AddChild(original) })
		}, "a message inside"},
	} {
		t.Run(name, func(t *testing.T) {
			m := good()
			m.name = "eve"
			refused(t, byPost(t, victim, m.form(t, tt.change)), tt.reason)
		})
	}
	t.Run("a document type", func(t *testing.T) {
		m := good().fill()
		document := `<!DOCTYPE x [<!ENTITY e "ada">]>` + text(t, m.document(t))
		refused(t, byPost(t, victim, url.Values{"SAMLRequest": {encode(document)}}), "document type")
		refused(t, byRedirect(t, victim, "SAMLRequest="+url.QueryEscape(deflated(t, document))), "document type")
	})
	t.Run("what is none", func(t *testing.T) {
		for _, q := range []string{"", "SAMLRequest=", "RelayState=x", "SAMLRequest=%21", "SAMLRequest=YQ%3D%3D"} {
			victim.Raw(http.MethodGet, sls+"?"+q, nil).Is(400)
		}
		refused(t, byRedirect(t, victim, good().query(t)+"&SAMLResponse=x"), "no message")
		refused(t, byRedirect(t, victim, good().query(t)+"&SAMLRequest=x"), "twice")
		refused(t, byRedirect(t, victim, "SAMLRequest="+url.QueryEscape(deflated(t, strings.Repeat("<a>", 1<<20)))), "too large")
		refused(t, byRedirect(t, victim, strings.Replace(good().query(t), "RelayState=back", "RelayState=forth", 1)), "")
		refused(t, byPost(t, victim, url.Values{"SAMLRequest": {encode(text(t, good().fill().document(t)))}, "Signature": {"x"}, "SigAlg": {"y"}}), "signature element not present")
		victim.Raw(http.MethodGet, sls+"finish/", nil).Is(400)
		victim.Raw(http.MethodHead, sls+"?"+good().query(t), nil).Is(405)
		victim.Session().LoggedIn()
	})
	t.Run("replay", func(t *testing.T) {
		m := good()
		m.id, m.name = "once", "nobody"
		for binding, deliver := range bindings {
			m.id += binding
			deliver(t, c.Other(), m).Is(302)
			for _, again := range bindings {
				again(t, c.Other(), m).Is(400)
			}
		}
		// One that names the victim, from before they logged in again.
		m = good()
		q := m.query(t)
		byRedirect(t, victim, q).Is(302)
		victim.Session().NothingPending()
		victim = in(t, w, c, index("1"))
		byRedirect(t, victim, q).Is(400)
		victim.Session().LoggedIn()
	})
}

func FuzzSkimLogout(f *testing.F) {
	m := message{where: "x", now: time.Unix(0, 0)}.fill()
	f.Add([]byte(text(f, m.document(f))))
	m.answers = "id-1"
	f.Add([]byte(text(f, m.document(f))))
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, answers, err := skimLogout(b)
		if err != nil {
			return
		}
		doc := etree.NewDocument() // what judges it afterwards has to read the same
		if err := doc.ReadFromBytes(b); err != nil {
			t.Errorf("got %s of %q, %v", kind, b, err)
		} else if root := doc.Root(); root.Tag != kind || root.SelectAttrValue("InResponseTo", "") != answers {
			t.Errorf("got %s, %s of %q", kind, answers, b)
		}
	})
}
