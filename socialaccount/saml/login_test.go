package saml

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml/xmlenc"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/store"
)

const (
	callbackURL = "https://spa.test/callback"
	errorPage   = "https://spa.test/provider/error"
	lost        = errorPage + "?error=unknown&error_process=login"
	unknown     = callbackURL + "?error=unknown&error_process=login"
	acs         = "//accounts/saml/acme/acs/"
)

func inline() Config {
	return Config{Slug: "acme", Name: "Acme", EntityID: idpEntity, SSOURL: idpSSO, Certificates: []string{idpPair().PEM()}}
}

// site is a site where people log in by SAML.
func site(t *testing.T, c Config, more ...func(*headless.Config)) (*wiretest.World, *wiretest.Client) {
	t.Helper()
	return siteOn(t, wiretest.Stores["memory"](t), c, more...)
}

func siteOn(t *testing.T, st store.Store, c Config, more ...func(*headless.Config)) (*wiretest.World, *wiretest.Client) {
	t.Helper()
	w := wiretest.New(t, st, func(h *headless.Config) {
		h.Frontend.SocialLoginError = errorPage
		h.Social = &socialaccount.Config{
			Providers: []socialaccount.Provider{Provider(c)}, CallbackURLs: []string{"https://spa.test"}, Internal: []string{"127.0.0.1"},
		}
		for _, change := range more {
			change(h)
		}
	})
	return w, w.Client("browser")
}

// begin sends a browser there, and returns where to.
func begin(t *testing.T, c *wiretest.Client, process string) *url.URL {
	t.Helper()
	c.Get("/config")
	d := c.Clone()
	d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r := d.Raw(http.MethodPost, "/auth/provider/redirect", url.Values{"provider": {idpEntity}, "process": {process}, "callback_url": {callbackURL}}.Encode())
	u, err := url.Parse(r.Is(302).Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

type request struct {
	ID                          string `xml:",attr"`
	Destination                 string `xml:",attr"`
	ProtocolBinding             string `xml:",attr"`
	AssertionConsumerServiceURL string `xml:",attr"`
	Issuer                      string
}

func read(t *testing.T, u *url.URL) (q request) {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err == nil {
		b, err = io.ReadAll(flate.NewReader(bytes.NewReader(b)))
	}
	if err == nil {
		err = xml.Unmarshal(b, &q)
	}
	if err != nil {
		t.Fatalf("%s: %v", u, err)
	}
	return q
}

// ask begins a login and returns a good answer to it.
func ask(t *testing.T, w *wiretest.World, c *wiretest.Client, process string) answer {
	t.Helper()
	q := read(t, begin(t, c, process))
	return answer{request: q.ID, where: q.AssertionConsumerServiceURL, audience: q.Issuer, now: w.Clock.Now()}
}

// post is a browser that posts an answer from the identity provider's site,
// and follows. It returns where it ends.
func post(t *testing.T, c *wiretest.Client, document string) string {
	t.Helper()
	d := c.Other() // without session: the request is cross-site
	d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	d.Header.Set("Origin", "https://idp.test")
	d.Header.Set("Sec-Fetch-Site", "cross-site")
	r := d.Raw(http.MethodPost, acs, url.Values{"SAMLResponse": {encode(document)}}.Encode()).Is(303)
	at := r.Header.Get("Location")
	if at != "/accounts/saml/acme/acs/finish/" {
		return at
	}
	if len(r.Cookies) != 1 || !r.Cookies[0].HttpOnly || r.Cookies[0].Path != at || len(r.Cookies[0].Value) > 3900 {
		t.Fatalf("got cookies %v", r.Cookies)
	}
	e := c.Clone()
	e.Header.Set("Cookie", r.Cookies[0].Name+"="+r.Cookies[0].Value)
	return e.Raw(http.MethodGet, acs+"finish/", nil).Is(302).Header.Get("Location")
}

func TestLogin(t *testing.T) {
	t.Parallel()
	w, c := site(t, inline())
	email := wiretest.FreshEmail()
	attributes := map[string][]string{
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress": {email}, "http://schemas.auth0.com/email_verified": {"Yes"},
		"urn:oid:2.5.4.42": {"Ada"}, "urn:oid:2.5.4.4": {"Lovelace"}, "groups": {"a", "b"},
	}
	t.Run("asks as agreed", func(t *testing.T) {
		u := begin(t, c.Other(), "login")
		q := read(t, u)
		site := w.URL + "/accounts/saml/acme/"
		if !strings.HasPrefix(u.String(), idpSSO+"?") || u.Query().Has("RelayState") || u.Query().Has("Signature") || !strings.HasPrefix(q.ID, "id-") ||
			q.Destination != idpSSO || q.Issuer != site+"metadata/" || q.AssertionConsumerServiceURL != site+"acs/" {
			t.Errorf("got %s, %+v", u, q)
		}
	})
	t.Run("logs in", func(t *testing.T) {
		a := ask(t, w, c, "login")
		a.attributes = attributes
		if got := post(t, c, text(t, a.document(t))); got != callbackURL {
			t.Fatalf("got %s", got)
		}
		u := c.Session().LoggedIn()
		if u["email"] != email || w.Emails(fmt.Sprint(u["id"])) == "" {
			t.Errorf("got %v", u)
		}
		var l []struct {
			UID      string
			Provider struct{ ID, Name string }
		}
		c.Get("/account/providers").Is(200).Into(&l)
		if len(l) != 1 || l[0].UID != "ada" || l[0].Provider.ID != idpEntity || l[0].Provider.Name != "Acme" {
			t.Errorf("got %+v", l)
		}
		rows, err := w.Store.SocialAccountsOf(t.Context(), fmt.Sprint(u["id"]))
		var profile map[string][]string
		if err != nil || len(rows) != 1 || json.Unmarshal(rows[0].Data, &profile) != nil || len(profile["groups"]) != 2 {
			t.Errorf("got %v, %v", rows, err)
		}
	})
	t.Run("again, with a signed answer", func(t *testing.T) {
		c := c.Other()
		a := ask(t, w, c, "login")
		a.signResponse = true
		if got := post(t, c, text(t, a.document(t))); got != callbackURL {
			t.Fatalf("got %s", got)
		}
		c.Session().LoggedIn()
	})
	t.Run("connects", func(t *testing.T) {
		a := ask(t, w, c, "connect")
		a.nameID = "countess"
		if got := post(t, c, text(t, a.document(t))); got != callbackURL {
			t.Fatalf("got %s", got)
		}
		if r := c.Get("/account/providers").Is(200); !strings.Contains(string(r.Raw), "countess") {
			t.Errorf("got %s", r.Raw)
		}
	})
	t.Run("leaves out attributes that are too many", func(t *testing.T) {
		c := c.Other()
		a := ask(t, w, c, "login")
		a.attributes = map[string][]string{"groups": strings.Fields(strings.Repeat("a-group-of-many ", 400))}
		if got := post(t, c, text(t, a.document(t))); got != callbackURL {
			t.Fatalf("got %s", got)
		}
		c.Session().LoggedIn()
	})
	t.Run("says no", func(t *testing.T) {
		c := c.Other()
		a := ask(t, w, c, "login")
		document := `<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" InResponseTo="` + a.request + `"><p:Status><p:StatusCode Value="` +
			status + `Responder"><p:StatusCode Value="` + status + `AuthnFailed"/></p:StatusCode></p:Status></p:Response>`
		if got := post(t, c, document); got != callbackURL+"?error=cancelled&error_process=login" {
			t.Errorf("got %s", got)
		}
		c.Session().NothingPending()
	})
}

// attacks are answers that must let nobody in.
func attacks(good func() answer, t *testing.T) map[string]string {
	with := func(change func(a *answer)) string {
		a := good()
		change(&a)
		return text(t, a.document(t))
	}
	plain := with(func(*answer) {})
	l := map[string]string{
		"unsigned":                   with(func(a *answer) { a.unsigned = true }),
		"another's key":              with(func(a *answer) { a.signer = strangerPair() }),
		"SHA-1":                      with(func(a *answer) { a.method = dsig.ECDSASHA1SignatureMethod }),
		"expired":                    with(func(a *answer) { a.now = a.now.Add(-10 * time.Minute) }),
		"no longer valid":            with(func(a *answer) { a.notOnOrAfter = a.now.Add(-5 * time.Minute) }),
		"from the future":            with(func(a *answer) { a.now = a.now.Add(10 * time.Minute) }),
		"another audience":           with(func(a *answer) { a.audience = "https://other.test/metadata" }),
		"another recipient":          with(func(a *answer) { a.recipient = "https://other.test/acs" }),
		"another destination":        with(func(a *answer) { a.recipient = a.where; a.where = "https://other.test/acs" }),
		"another issuer":             with(func(a *answer) { a.issuer = "https://other.test/idp" }),
		"an assertion for another":   with(func(a *answer) { a.assertionRequest = "id-of-another-request" }),
		"a name for once":            with(func(a *answer) { a.format = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" }),
		"a comment in the name":      strings.Replace(plain, ">ada<", ">ad<!-- -->a<", 1),
		"a changed name":             strings.Replace(plain, ">ada<", ">eve<", 1),
		"an entity":                  `<!DOCTYPE x [<!ENTITY e "ada">]>` + strings.Replace(plain, ">ada<", ">&e;<", 1),
		"an external entity":         `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + strings.Replace(plain, ">ada<", ">&e;<", 1),
		"a billion laughs":           `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>` + strings.Replace(plain, ">ada<", ">&c;<", 1),
		"an entity without its type": strings.Replace(plain, ">ada<", ">&e;<", 1),
		"depth":                      strings.Repeat("<a>", 5000) + strings.Repeat("</a>", 5000),
		"width":                      strings.Replace(plain, "</samlp:Response>", strings.Repeat("<a/>", 5000)+"</samlp:Response>", 1),
		"no XML":                     "ada",
		"something else":             "<a/>",
	}
	for name, wrap := range wrappings {
		a := good()
		a.signResponse = name == "XSW1" || name == "XSW2"
		doc := a.document(t)
		wrap(doc)
		l[name] = text(t, doc)
	}
	return l
}

// reasons are why they are refused.
var reasons = map[string]string{
	"unsigned": "signature element not present", "another's key": "trusted certs", "SHA-1": "SHA-1",
	"expired": "expired", "no longer valid": "expired", "from the future": "in the future",
	"another audience": "Audience", "another recipient": "Recipient", "another destination": "Destination", "another issuer": "Issuer",
	"an assertion for another": "request IDs", "a name for once": "another one every time",
	"a comment in the name": "a comment", "a changed name": "could not be verified",
	"an entity": "document type", "an external entity": "document type", "a billion laughs": "document type", "an entity without its type": "no XML",
	"depth": "too large", "width": "too large", "no XML": "is none", "something else": "is none",
	"XSW1": "an answer inside", "XSW2": "an answer inside", "XSW3": "several", "XSW4": "where it belongs",
	"XSW5": "several", "XSW6": "where it belongs", "XSW7": "where it belongs", "XSW8": "where it belongs",
}

// wrappings move what is signed to where it is not looked for, and put a
// forged one in its place: the eight of "On Breaking SAML" (Somorovsky et al.,
// 2012), by the names that testers use.
var wrappings = map[string]func(doc *etree.Document){
	"XSW1": func(doc *etree.Document) { // the signed answer in the signature of the forged one
		original := doc.Root()
		evil := forge(original)
		signature := original.SelectElement("Signature").Copy()
		original = without(original)
		signature.AddChild(original)
		replaceSignature(evil, signature)
		doc.SetRoot(evil)
	},
	"XSW2": func(doc *etree.Document) { // and beside the signature
		original := doc.Root()
		evil := forge(original)
		signature := original.SelectElement("Signature").Copy()
		replaceSignature(evil, signature)
		evil.InsertChildAt(signature.Index(), without(original))
		doc.SetRoot(evil)
	},
	"XSW3": func(doc *etree.Document) { // a forged assertion before the signed one
		a := doc.Root().SelectElement("Assertion")
		doc.Root().InsertChildAt(a.Index(), without(forge(a)))
	},
	"XSW4": func(doc *etree.Document) { // around the signed one
		a := doc.Root().SelectElement("Assertion")
		evil := without(forge(a))
		doc.Root().RemoveChild(a)
		evil.AddChild(a)
		doc.Root().AddChild(evil)
	},
	"XSW5": func(doc *etree.Document) { // the forged one has the signature
		a := doc.Root().SelectElement("Assertion")
		evil := forge(a)
		doc.Root().InsertChildAt(a.Index(), evil)
		a.RemoveChild(a.SelectElement("Signature"))
	},
	"XSW6": func(doc *etree.Document) { // with the original in it
		a := doc.Root().SelectElement("Assertion")
		evil := forge(a)
		doc.Root().RemoveChild(a)
		evil.SelectElement("Signature").AddChild(without(a))
		doc.Root().AddChild(evil)
	},
	"XSW7": func(doc *etree.Document) { // a forged one among extensions
		a := doc.Root().SelectElement("Assertion")
		extensions := etree.NewElement("samlp:Extensions")
		evil := without(forge(a))
		evil.CreateAttr("ID", a.SelectAttrValue("ID", ""))
		extensions.AddChild(evil)
		doc.Root().InsertChildAt(a.Index(), extensions)
	},
	"XSW8": func(doc *etree.Document) { // the original in an object of the signature
		a := doc.Root().SelectElement("Assertion")
		evil := forge(a)
		doc.Root().RemoveChild(a)
		object := etree.NewElement("ds:Object")
		object.AddChild(without(a))
		evil.SelectElement("Signature").AddChild(object)
		doc.Root().AddChild(evil)
	},
}

// forge is a copy about somebody else, under another id.
func forge(e *etree.Element) *etree.Element {
	evil := e.Copy()
	evil.CreateAttr("ID", "evil")
	for _, name := range evil.FindElements(".//NameID") {
		name.SetText("eve")
	}
	return evil
}

func without(e *etree.Element) *etree.Element {
	e = e.Copy()
	if s := e.SelectElement("Signature"); s != nil {
		e.RemoveChild(s)
	}
	return e
}

func replaceSignature(e, signature *etree.Element) {
	old := e.SelectElement("Signature")
	at := old.Index()
	e.RemoveChild(old)
	e.InsertChildAt(at, signature)
}

func TestAttacks(t *testing.T) {
	t.Parallel()
	var why string
	w, c := site(t, inline(), func(h *headless.Config) {
		h.Social.Hooks.OnError = func(_ context.Context, _ socialaccount.Info, err error) { why = err.Error() }
	})
	names := attacks(func() answer { return answer{request: "x", where: "y", audience: "z", now: w.Clock.Now()} }, t)
	for name := range names {
		t.Run(name, func(t *testing.T) {
			if reasons[name] == "" {
				t.Fatal("it has no reason")
			}
			why = ""
			c := c.Other()
			a := ask(t, w, c, "login")
			document := attacks(func() answer { return a }, t)[name]
			if got := post(t, c, document); got != unknown && got != lost {
				t.Errorf("got %s", got)
			}
			if !strings.Contains(why, reasons[name]) {
				t.Errorf("it is refused because %s, want %s", why, reasons[name])
			}
			c.Session().NothingPending()
		})
	}
	for name, wrap := range wrappings {
		// Without our own look at the outline, the library must not be taken
		// in either: it refuses, or reads what is signed.
		t.Run(name+", without the outline", func(t *testing.T) {
			a := answer{request: "id-1", where: "https://sp.test/accounts/saml/acme/acs/", audience: "https://sp.test/accounts/saml/acme/metadata/", now: w.Clock.Now()}
			a.signResponse = name == "XSW1" || name == "XSW2"
			doc := a.document(t)
			p := Provider(inline()).(*provider)
			sp, err := p.service(socialaccount.Tools{Now: w.Clock.Now()}, a.where, p.metadata)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := verify(sp, []byte(text(t, doc)), a.request); err != nil || got.Subject.NameID.Value != "ada" {
				t.Fatalf("before wrapping: %v", err)
			}
			wrap(doc)
			got, err := verify(sp, []byte(text(t, doc)), a.request)
			if err == nil && got.Subject.NameID.Value != "ada" {
				t.Errorf("it believes in %s", got.Subject.NameID.Value)
			}
		})
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	w, c := site(t, inline())
	a := ask(t, w, c, "login")
	document := text(t, a.document(t))
	if got := post(t, c.Other(), document); got != lost {
		t.Errorf("another browser has got in: %s", got)
	}
	if got := post(t, c, document); got != callbackURL {
		t.Fatalf("got %s", got)
	}
	if got := post(t, c, document); got != lost {
		t.Errorf("an answer has worked twice: %s", got)
	}
	t.Run("an assertion in the answer to another request", func(t *testing.T) {
		c := c.Other()
		b := ask(t, w, c, "login")
		if got := post(t, c, strings.Replace(document, a.request, b.request, 1)); got != unknown {
			t.Errorf("got %s", got)
		}
	})
	t.Run("an assertion of the same id", func(t *testing.T) {
		for i, want := range []string{callbackURL, unknown} {
			c := c.Other()
			b := ask(t, w, c, "login")
			b.id = "id-used-twice"
			if got := post(t, c, text(t, b.document(t))); got != want {
				t.Errorf("%d: got %s, want %s", i, got, want)
			}
		}
	})
	t.Run("an answer to nobody", func(t *testing.T) {
		b := answer{where: a.where, audience: a.audience, now: w.Clock.Now()}
		if got := post(t, c.Other(), text(t, b.document(t))); got != lost {
			t.Errorf("got %s", got)
		}
	})
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	key := newPair()
	c := inline()
	c.Key, c.Certificate = key.key, key.certificate
	w, browser := site(t, c)
	r := browser.Raw("GET", "//accounts/saml/acme/metadata/", nil).Is(200)
	for _, want := range []string{w.URL + "/accounts/saml/acme/acs/", `SingleLogoutService Binding="` + saml2Redirect + `" Location="` + w.URL + `/accounts/saml/acme/sls/"`, `entityID="` + w.URL + `/accounts/saml/acme/metadata/"`, saml2Post, base64.StdEncoding.EncodeToString(key.certificate.Raw)} {
		if !strings.Contains(string(r.Raw), want) {
			t.Errorf("%s is not in %s", want, r.Raw)
		}
	}
	if got := r.Header.Get("Content-Type"); got != "application/samlmetadata+xml" {
		t.Errorf("got %s", got)
	}
	if q := begin(t, browser, "login").Query(); q.Get("SigAlg") != dsig.ECDSASHA256SignatureMethod || q.Get("Signature") == "" {
		t.Errorf("the request is not signed: %v", q)
	}
	for _, path := range []string{"login/", ""} {
		browser.Raw("GET", "//accounts/saml/acme/"+path, nil).Is(404)
	}
	browser.Raw("GET", acs, nil).Is(405)
}

// What was encrypted for us is signed as well.
func TestEncrypted(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, idpPair().certificate, idpPair().certificate, key.Public(), idpPair().key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	c := inline()
	c.Key, c.Certificate = key, certificate
	w, browser := site(t, c)
	for name, tt := range map[string]struct {
		change func(a *answer)
		want   string
	}{
		"signed":        {func(*answer) {}, callbackURL},
		"unsigned":      {func(a *answer) { a.unsigned = true }, unknown},
		"another's key": {func(a *answer) { a.signer = strangerPair() }, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			c := browser.Other()
			a := ask(t, w, c, "login")
			tt.change(&a)
			doc := a.document(t)
			assertion := doc.Root().SelectElement("Assertion")
			plain := etree.NewDocument()
			plain.SetRoot(assertion.Copy())
			e := xmlenc.OAEP()
			e.BlockCipher, e.DigestMethod = xmlenc.AES256GCM, &xmlenc.SHA256
			data, err := e.Encrypt(certificate, []byte(text(t, plain)), nil)
			if err != nil {
				t.Fatal(err)
			}
			data.CreateAttr("Type", "http://www.w3.org/2001/04/xmlenc#Element")
			doc.Root().RemoveChild(assertion)
			doc.Root().CreateElement("saml:EncryptedAssertion").AddChild(data)
			if strings.Contains(text(t, doc), ">ada<") {
				t.Fatal("it is not encrypted")
			}
			if got := post(t, c, text(t, doc)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

const (
	saml2Redirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	saml2Post     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
)

// What the identity provider publishes is read when it is needed, kept for a
// while, and does for longer when the identity provider is down.
func TestMetadataURL(t *testing.T) {
	t.Parallel()
	calls, signer := 0, idpPair()
	var down bool
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		if down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintf(w, `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="%s"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>%s</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="%s"/></IDPSSODescriptor></EntityDescriptor>`,
			idpEntity, base64.StdEncoding.EncodeToString(signer.certificate.Raw), idpSSO)
	}))
	t.Cleanup(srv.Close)
	w, c := site(t, Config{Slug: "acme", EntityID: idpEntity, MetadataURL: srv.URL})
	login := func(with pair) string {
		t.Helper()
		c := c.Other()
		a := ask(t, w, c, "login")
		a.signer = with
		return post(t, c, text(t, a.document(t)))
	}
	down = true
	for range 2 {
		if got := begin(t, c, "login").String(); got != unknown {
			t.Errorf("got %s", got)
		}
	}
	if calls != 1 {
		t.Errorf("a dead provider got %d calls", calls)
	}
	down = false
	w.Clock.Advance(time.Minute)
	if got := login(idpPair()); got != callbackURL || calls != 2 {
		t.Errorf("got %s after %d calls", got, calls)
	}
	signer = strangerPair()
	if got := login(strangerPair()); got != unknown {
		t.Errorf("got %s", got)
	}
	w.Clock.Advance(5 * time.Hour)
	if got := login(strangerPair()); got != callbackURL || calls != 3 {
		t.Errorf("the new certificate is not known: %s after %d calls", got, calls)
	}
	if got := login(idpPair()); got != unknown {
		t.Errorf("the old certificate is believed: %s", got)
	}
	down = true
	w.Clock.Advance(5 * time.Hour)
	if got := login(strangerPair()); got != callbackURL {
		t.Errorf("got %s", got)
	}
	w.Clock.Advance(20 * time.Hour)
	if got := begin(t, c, "login").String(); got != unknown {
		t.Errorf("got %s", got)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(c *Config)
		want   string
	}{
		"none":               {func(*Config) {}, ""},
		"slug":               {func(c *Config) { c.Slug = "a/b" }, "Slug"},
		"entity id":          {func(c *Config) { c.EntityID = "" }, "EntityID"},
		"certificate":        {func(c *Config) { c.Certificates[0] = "x" }, "Certificates[0]"},
		"no certificate":     {func(c *Config) { c.Certificates = nil }, "Certificates"},
		"SLO URL":            {func(c *Config) { c.SLOURL = "javascript:x" }, "SLOURL"},
		"SSO URL":            {func(c *Config) { c.SSOURL = "javascript:x" }, "SSOURL"},
		"both ways":          {func(c *Config) { c.MetadataURL = "https://idp.test" }, "MetadataURL"},
		"key alone":          {func(c *Config) { c.Key = idpPair().key }, "Key"},
		"attribute":          {func(c *Config) { c.Attributes = map[string][]string{"mail": {"x"}} }, "Attributes"},
		"certificate alone":  {func(c *Config) { c.Certificate = idpPair().certificate }, "Key"},
		"base64 certificate": {func(c *Config) { c.Certificates[0] = base64.StdEncoding.EncodeToString(idpPair().certificate.Raw) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := inline()
			tt.change(&c)
			got := Provider(c).(socialaccount.Checker).Problems()
			if _, ok := got[tt.want]; ok != (tt.want != "") || len(got) > 1 {
				t.Errorf("got %v, want %q", got, tt.want)
			}
		})
	}
}

func FuzzSkim(f *testing.F) {
	a := answer{request: "x", where: "y", audience: "z", now: time.Unix(0, 0)}
	f.Add([]byte(text(f, a.document(f))))
	f.Add([]byte(`<!DOCTYPE x><a/>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := skim(b)
		if err != nil {
			return
		}
		doc := etree.NewDocument() // what judges it afterwards has to read the same
		if err := doc.ReadFromBytes(b); err != nil || len(o.inResponseTo) > maxID {
			t.Errorf("got %+v of %q, %v", o, b, err)
		} else if root := doc.Root(); root.Tag != "Response" || root.SelectAttrValue("InResponseTo", "") != o.inResponseTo {
			t.Errorf("got %+v of %q", o, b)
		}
	})
}
