package races_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"
	"github.com/crewjam/saml/samlsp"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
)

const (
	googleClient = "web.apps.googleusercontent.com"
	callbackURL  = "https://spa.test/callback"
	promptPath   = "//accounts/google/login/token/"
	samlPath     = "//accounts/saml/acme/acs/"
)

var counter atomic.Int64

// fresh is a name that nobody has had at a provider.
func fresh() string { return fmt.Sprint("uid-", counter.Add(1)) }

// calls reaches Google's keys at the identity provider of the tests, and
// everybody else as usual.
type calls struct{ keys string }

// RoundTrip implements [http.RoundTripper].
func (c calls) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "www.googleapis.com" {
		at, err := url.Parse(c.keys)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.URL, r.Host = at, ""
	}
	return http.DefaultTransport.RoundTrip(r)
}

// tokenOf is an app's login with an ID token that nobody has used.
func tokenOf(s *site, process, uid string) M {
	token := s.idp.Token(M{"sub": uid, "jti": rand.Text()}, nil)
	return M{"provider": "idp", "process": process, "token": M{"client_id": wiretest.IDPClient, "id_token": token}}
}

// known is somebody who has logged in by a provider before.
func known(t *testing.T, s *site, provider, uid string) *Person {
	t.Helper()
	p := s.Make(Person{})
	err := s.Store.CreateSocialAccount(t.Context(), &store.SocialAccount{UserID: p.ID, Provider: provider, UID: uid, CreatedAt: s.Clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// oneOwner checks that an identity belongs to somebody, who has nothing else.
func oneOwner(t *testing.T, s *site, uid string) {
	t.Helper()
	a, err := s.Store.SocialAccount(t.Context(), "idp", uid)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := s.Store.SocialAccountsOf(t.Context(), a.UserID); err != nil || len(l) != 1 {
		t.Errorf("got %d accounts, %v", len(l), err)
	}
}

// leaves is a browser that goes to a provider; it returns where to.
func leaves(t *testing.T, s *site, c *Client, provider string) string {
	t.Helper()
	c.Get("/config")
	r, err := s.send(t.Context(), 0, of(c, "POST", "/auth/provider/redirect", url.Values{"provider": {provider}, "process": {"login"}, "callback_url": {callbackURL}}))
	if err != nil || r.header.Get("Location") == "" {
		t.Fatalf("got %s %s, %v", r.answer, r.body, err)
	}
	for _, k := range (&http.Response{Header: r.header}).Cookies() {
		c.SetCookie(k.Name, k.Value)
	}
	return r.header.Get("Location")
}

// wentWrong are the answers to a browser that is late.
var wentWrong = []answer{"302 /error unknown", "302 /callback unknown", "302 /error permission_denied"}

// identities are what comes from identity providers. Requirements ONE-1, ONE-4.
var identities = []contest{
	{"a state", "links", func(t *testing.T, s *site) race {
		uid := fresh()
		known(t, s, "idp", uid)
		c := s.Client("browser")
		back := s.idp.Consent(t, leaves(t, s, c, "idp"), M{"sub": uid})
		before := s.idp.Seen("/token")
		return race{
			shot: func(int) shot { return of(c, "GET", "//"+back.RequestURI()[1:], nil) },
			won:  is("302 /callback"), lost: wentWrong,
			check: func(t *testing.T, _ []reply) {
				if n := s.idp.Seen("/token") - before; n != 1 {
					t.Errorf("the code was sent %d times", n)
				}
			},
		}
	}},

	{"an ID token", "links", func(t *testing.T, s *site) race {
		uid := fresh()
		known(t, s, "idp", uid)
		body := tokenOf(s, "login", uid)
		return race{
			shot: func(int) shot { return of(s.Client("app"), "POST", "/auth/provider/token", body) },
			lost: []answer{"400 token:invalid_token"},
		}
	}},

	{"a pending signup", "links", func(t *testing.T, s *site) race {
		uid, c := fresh(), s.Client("app")
		c.Post("/auth/provider/token", tokenOf(s, "login", uid)).Pending("provider_signup")
		return race{
			shot: func(i int) shot {
				return of(c, "POST", "/auth/provider/signup", M{"email": wiretest.FreshEmail()})
			},
			won: is("401"), lost: tooLate,
			check: func(t *testing.T, all []reply) {
				oneOwner(t, s, uid)
				waiting := 0
				for _, r := range all {
					if pendingIn(r) == "verify_email" {
						waiting++
					}
				}
				if waiting != 1 {
					t.Errorf("%d accounts were made", waiting)
				}
			},
			wins: anyNumber,
		}
	}},

	{"fifty pending signups with one identity", "links", func(t *testing.T, s *site) race {
		uid := fresh()
		var l [crowd]*Client
		everybody(t, func(i int) {
			l[i] = s.Client("app")
			l[i].Post("/auth/provider/token", tokenOf(s, "login", uid)).Pending("provider_signup")
		})
		return race{
			shot: func(i int) shot {
				return of(l[i], "POST", "/auth/provider/signup", M{"email": wiretest.FreshEmail()})
			},
			won: is("401"), wins: anyNumber, lost: []answer{"409", "400 :signup_conflict"},
			check: func(t *testing.T, _ []reply) { oneOwner(t, s, uid) },
		}
	}},

	{"connecting one identity with fifty users", "links", func(t *testing.T, s *site) race {
		uid, l := fresh(), scene(s, func() []*Client { return members(s, Person{}, crowd) })
		return race{
			shot: func(i int) shot { return of(l[i], "POST", "/auth/provider/token", tokenOf(s, "connect", uid)) },
			lost: []answer{"409", "400 :connected_other"},
		}
	}},

	{"a nonce of One Tap", "links", func(t *testing.T, s *site) race {
		uid, c := fresh(), s.Client("browser")
		known(t, s, "google", uid)
		c.Get("/config")
		var d struct{ Nonce string }
		c.Post("/ext/auth/provider/prompt", M{"provider": "google", "process": "login", "callback_url": callbackURL}).Is(200).Into(&d)
		token := s.idp.Token(M{"sub": uid, "email": wiretest.FreshEmail(), "email_verified": true}, M{"iss": "https://accounts.google.com", "aud": googleClient, "azp": googleClient, "nonce": d.Nonce})
		x := of(s.Client("browser"), "POST", promptPath, url.Values{"credential": {token}, "g_csrf_token": {"abc"}},
			"Origin", "https://accounts.google.com", "Sec-Fetch-Site", "cross-site", "Cookie", "g_csrf_token=abc")
		return race{shot: arrives(t, s, c, x), won: is("302 /callback"), lost: wentWrong}
	}},

	{"an assertion of SAML", "links", func(t *testing.T, s *site) race {
		c := s.Client("browser")
		return race{shot: arrives(t, s, c, asserted(t, s, c)), won: is("302 /callback"), lost: wentWrong}
	}},

	{"an assertion of SAML, posted ten times", "links", func(t *testing.T, s *site) race {
		c := s.Client("browser")
		x := asserted(t, s, c)
		var l [10]func(int) shot
		several(t, len(l), func(i int) { l[i] = arrives(t, s, c, x) })
		return race{shot: func(i int) shot { return l[i/2%len(l)](i) }, won: is("302 /callback"), lost: wentWrong}
	}},

	{"an assertion of SAML, in answer to ten sessions", "links", func(t *testing.T, s *site) race {
		// Each asks, and the provider answers each with what has one name.
		s.saml.assertion.Store("id-" + rand.Text())
		defer s.saml.assertion.Store("")
		var l [10]func(int) shot
		several(t, len(l), func(i int) {
			c := s.Client("browser")
			l[i] = arrives(t, s, c, asserted(t, s, c))
		})
		return race{shot: func(i int) shot { return l[i/2%len(l)](i) }, won: is("302 /callback"), lost: wentWrong}
	}},

	{"a logout that SAML asks for", "links", func(t *testing.T, s *site) race {
		x := shot{method: "GET", path: "/accounts/saml/acme/sls/?" + s.saml.logout(t, s.URL+"/accounts/saml/acme/sls/"), header: http.Header{}}
		return race{shot: func(int) shot { return x }, won: is("302 /"), lost: []answer{"400"}}
	}},

	{"the last way in", "caps", func(t *testing.T, s *site) race {
		// Nobody can remove the last two at once.
		p := s.Make(Person{})
		var uids [2]string
		for i := range uids {
			uids[i] = fresh()
			err := s.Store.CreateSocialAccount(t.Context(), &store.SocialAccount{UserID: p.ID, Provider: "idp", UID: uids[i], CreatedAt: s.Clock.Now()})
			if err != nil {
				t.Fatal(err)
			}
		}
		c := s.Client("app")
		c.LogIn(p)
		u := s.User(p.ID)
		u.Password = ""
		if err := s.Store.UpdateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		return race{
			shot: func(i int) shot {
				return of(c, "DELETE", "/account/providers", M{"provider": "idp", "account": uids[i/2%2]})
			},
			atMost: true, lost: []answer{"409", "400 :no_password", "400 :account_not_found"},
			check: func(t *testing.T, _ []reply) {
				if l, err := s.Store.SocialAccountsOf(t.Context(), p.ID); err != nil || len(l) == 0 {
					t.Errorf("there are %d left, %v", len(l), err)
				}
			},
		}
	}},
}

// asserted is what a browser posts that comes from a SAML provider.
func asserted(t *testing.T, s *site, c *Client) shot {
	t.Helper()
	resp, err := http.Get(leaves(t, s, c, s.idp.URL+"/saml/metadata"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	field := responseField.FindSubmatch(page)
	if err != nil || field == nil {
		t.Fatalf("got %s, %v", page, err)
	}
	return of(s.Client("browser"), "POST", samlPath, url.Values{"SAMLResponse": {html.UnescapeString(string(field[1]))}},
		"Origin", s.idp.URL, "Sec-Fetch-Site", "cross-site", "Cookie", "")
}

var responseField = regexp.MustCompile(`name="SAMLResponse" value="([^"]*)"`)

// arrives sends what a provider's page posts, and returns how the browser goes
// on, with the cookie that it got.
func arrives(t *testing.T, s *site, c *Client, posted shot) func(int) shot {
	t.Helper()
	r, err := s.send(t.Context(), 0, posted)
	if err != nil || len(r.header.Values("Set-Cookie")) != 1 {
		t.Fatalf("got %s %s, %v", r.answer, r.body, err)
	}
	k := (&http.Response{Header: r.header}).Cookies()[0]
	next := of(c, "GET", "/", nil)
	next.path = r.header.Get("Location")
	next.header.Set("Cookie", next.header.Get("Cookie")+"; "+k.Name+"="+k.Value)
	return func(int) shot { return next }
}

// samlProvider is an identity provider where somebody is logged in.
type samlProvider struct {
	site func() *crewjam.EntityDescriptor
	now  func() time.Time

	key    *rsa.PrivateKey
	entity string
	// assertion names all assertions, if it is not empty.
	assertion atomic.Value
}

// MakeAssertion implements [crewjam.AssertionMaker].
func (p *samlProvider) MakeAssertion(rq *crewjam.IdpAuthnRequest, session *crewjam.Session) error {
	err := crewjam.DefaultAssertionMaker{}.MakeAssertion(rq, session)
	if id, _ := p.assertion.Load().(string); err == nil && id != "" {
		rq.Assertion.ID = id
	}
	return err
}

// logout is a signed request to end sessions, as a query. SAML bindings §3.4.4.1.
func (p *samlProvider) logout(t *testing.T, to string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		_, err = fmt.Fprintf(w, `<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="id-%s" Version="2.0" IssueInstant="%s" Destination="%s"><saml:Issuer>%s</saml:Issuer><saml:NameID Format="%s">ada</saml:NameID></samlp:LogoutRequest>`,
			rand.Text(), p.now().UTC().Format("2006-01-02T15:04:05Z"), to, p.entity, crewjam.PersistentNameIDFormat)
	}
	if err == nil {
		err = w.Close()
	}
	q := "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString(b.Bytes())) + "&SigAlg=" + url.QueryEscape(dsig.RSASHA256SignatureMethod)
	sum := sha256.Sum256([]byte(q))
	signature, fail := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	if err != nil || fail != nil {
		t.Fatal(err, fail)
	}
	return q + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
}

// GetServiceProvider implements [crewjam.ServiceProviderProvider].
func (p *samlProvider) GetServiceProvider(_ *http.Request, id string) (*crewjam.EntityDescriptor, error) {
	if site := p.site(); site != nil && site.EntityID == id {
		return site, nil
	}
	return nil, os.ErrNotExist
}

// GetSession implements [crewjam.SessionProvider].
func (p *samlProvider) GetSession(http.ResponseWriter, *http.Request, *crewjam.IdpAuthnRequest) *crewjam.Session {
	return &crewjam.Session{
		ID: "1", Index: "1", NameID: "ada", NameIDFormat: string(crewjam.PersistentNameIDFormat), CreateTime: p.now(), ExpireTime: p.now().Add(time.Hour),
	}
}

// serveSAML makes the identity provider of a site speak SAML, too.
func (s *site) serveSAML(t *testing.T) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "saml"}, NotBefore: time.Now().AddDate(-5, 0, 0), NotAfter: time.Now().AddDate(5, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	at := func(path string) url.URL {
		u, err := url.Parse(s.idp.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		return *u
	}
	p := &samlProvider{now: s.Clock.Now, key: key, entity: s.idp.URL + "/saml/metadata", site: sync.OnceValue(func() *crewjam.EntityDescriptor {
		resp, err := http.Get(s.URL + "/accounts/saml/acme/metadata/")
		if err != nil {
			return nil
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil
		}
		site, err := samlsp.ParseMetadata(b)
		if err != nil {
			return nil
		}
		return site
	})}
	s.saml = p
	idp := &crewjam.IdentityProvider{
		Key: key, Certificate: certificate, MetadataURL: at("/saml/metadata"), SSOURL: at("/saml/sso"),
		ServiceProviderProvider: p, SessionProvider: p, AssertionMaker: p,
	}
	s.idp.Serve = func(w http.ResponseWriter, r *http.Request) bool {
		now := *idp
		now.Clock = dsig.NewFakeClockAt(s.Clock.Now())
		switch r.URL.Path {
		case "/saml/metadata":
			now.ServeMetadata(w, r)
		case "/saml/sso":
			now.ServeSSO(w, r)
		default:
			return false
		}
		return true
	}
}
