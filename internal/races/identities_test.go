package races_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"html"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"regexp"
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
		for i := range l {
			l[i] = s.Client("app")
			l[i].Post("/auth/provider/token", tokenOf(s, "login", uid)).Pending("provider_signup")
		}
		return race{
			shot: func(i int) shot {
				return of(l[i], "POST", "/auth/provider/signup", M{"email": wiretest.FreshEmail()})
			},
			won: is("401"), wins: anyNumber, lost: []answer{"409", "400 :signup_conflict"},
			check: func(t *testing.T, _ []reply) { oneOwner(t, s, uid) },
		}
	}},

	{"connecting one identity with fifty users", "links", func(t *testing.T, s *site) race {
		uid := fresh()
		var l [crowd]*Client
		for i := range l {
			l[i] = s.Client("app")
			l[i].LogIn(s.Make(Person{}))
		}
		return race{
			shot:  func(i int) shot { return of(l[i], "POST", "/auth/provider/token", tokenOf(s, "connect", uid)) },
			lost:  []answer{"409", "400 :connected_other"},
			check: func(t *testing.T, _ []reply) { oneOwner(t, s, uid) },
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
		resp, err := http.Get(leaves(t, s, c, s.idp.URL+"/saml/metadata"))
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		field := regexp.MustCompile(`name="SAMLResponse" value="([^"]*)"`).FindSubmatch(page)
		if err != nil || field == nil {
			t.Fatalf("got %s, %v", page, err)
		}
		x := of(s.Client("browser"), "POST", samlPath, url.Values{"SAMLResponse": {html.UnescapeString(string(field[1]))}},
			"Origin", s.idp.URL, "Sec-Fetch-Site", "cross-site", "Cookie", "")
		return race{shot: arrives(t, s, c, x), won: is("302 /callback"), lost: wentWrong}
	}},
}

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
	p := &samlProvider{now: s.Clock.Now, site: func() *crewjam.EntityDescriptor {
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
	}}
	idp := &crewjam.IdentityProvider{
		Key: key, Certificate: certificate, MetadataURL: at("/saml/metadata"), SSOURL: at("/saml/sso"), ServiceProviderProvider: p, SessionProvider: p,
	}
	s.idp.Serve = func(w http.ResponseWriter, r *http.Request) bool {
		idp.Clock = dsig.NewFakeClockAt(s.Clock.Now())
		switch r.URL.Path {
		case "/saml/metadata":
			idp.ServeMetadata(w, r)
		case "/saml/sso":
			idp.ServeSSO(w, r)
		default:
			return false
		}
		return true
	}
}
