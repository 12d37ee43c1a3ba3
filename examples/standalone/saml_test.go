package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"html"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/crewjam/saml"
	"github.com/crewjam/saml/samlsp"
)

// keyPair is a key with its certificate, in files as well.
func keyPair(t *testing.T) (key *rsa.PrivateKey, certificate *x509.Certificate, keyFile, certificateFile string) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "saml"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(err)
	certificate, err = x509.ParseCertificate(der)
	check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(err)
	keyFile, certificateFile = filepath.Join(t.TempDir(), "key.pem"), filepath.Join(t.TempDir(), "certificate.pem")
	check(os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	check(os.WriteFile(certificateFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return key, certificate, keyFile, certificateFile
}

// idp is an identity provider where ada is logged in.
type idp struct {
	*saml.IdentityProvider
	site func() *saml.EntityDescriptor
	out  int // how often she was logged out
}

// GetServiceProvider implements [saml.ServiceProviderProvider].
func (p *idp) GetServiceProvider(_ *http.Request, id string) (*saml.EntityDescriptor, error) {
	if site := p.site(); site.EntityID == id {
		return site, nil
	}
	return nil, os.ErrNotExist
}

// GetSession implements [saml.SessionProvider].
func (p *idp) GetSession(http.ResponseWriter, *http.Request, *saml.IdpAuthnRequest) *saml.Session {
	return &saml.Session{
		ID: "1", Index: "1", NameID: "ada", NameIDFormat: string(saml.PersistentNameIDFormat), CreateTime: time.Now(), ExpireTime: time.Now().Add(time.Hour),
		CustomAttributes: []saml.Attribute{{Name: "mail", Values: []saml.AttributeValue{{Type: "xs:string", Value: "ada@example.org"}}}},
	}
}

// InvalidateSession implements [saml.SessionInvalidator].
func (p *idp) InvalidateSession(_ http.ResponseWriter, _ *http.Request, rq *saml.IdpLogoutRequest) error {
	if rq.Request.NameID.Value == "ada" {
		p.out++
	}
	return nil
}

var (
	formAction = regexp.MustCompile(`action="([^"]*)"`)
	formField  = regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`)
)

// samlBrowser knows the server by the name that it has in its configuration.
type samlBrowser struct {
	*http.Client
	t      *testing.T
	server string
}

func (b *samlBrowser) fetch(rq *http.Request) (status int, location string, body []byte) {
	b.t.Helper()
	resp, err := b.Do(rq)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Location"), body
}

const samlSite = "http://auth.example.org"

func (b *samlBrowser) at(address string) string {
	if strings.HasPrefix(address, "/") {
		return b.server + address
	}
	return strings.Replace(address, samlSite, b.server, 1)
}

func (b *samlBrowser) get(address string) (int, string, []byte) {
	b.t.Helper()
	rq, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.at(address), http.NoBody)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.fetch(rq)
}

func (b *samlBrowser) post(address string, form url.Values) (int, string, []byte) {
	b.t.Helper()
	rq, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.at(address), strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	rq.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rq.Header.Set("Origin", samlSite)
	return b.fetch(rq)
}

// submit sends the form of a page that sends itself.
func (b *samlBrowser) submit(page []byte) (int, string, []byte) {
	b.t.Helper()
	action := formAction.FindSubmatch(page)
	if action == nil {
		b.t.Fatalf("there is no form in %s", page)
	}
	form := url.Values{}
	for _, f := range formField.FindAllSubmatch(page, -1) {
		form.Set(string(f[1]), html.UnescapeString(string(f[2])))
	}
	return b.post(html.UnescapeString(string(action[1])), form)
}

// TestSAML: a SAML login by configuration alone, and out again, with an identity
// provider that knows us by what we publish.
func TestSAML(t *testing.T) {
	t.Parallel()
	key, certificate, _, _ := keyPair(t)
	_, _, keyFile, certificateFile := keyPair(t)
	provider := &idp{}
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	at := func(path string) url.URL {
		u, err := url.Parse(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		return *u
	}
	provider.IdentityProvider = &saml.IdentityProvider{
		Key: key, Certificate: certificate, MetadataURL: at("/metadata"), SSOURL: at("/sso"), LogoutURL: at("/slo"),
		ServiceProviderProvider: provider, SessionProvider: provider,
	}
	mux.HandleFunc("/metadata", provider.ServeMetadata)
	mux.HandleFunc("/sso", provider.ServeSSO)
	mux.HandleFunc("/slo", provider.ServeSLO)

	entry, err := json.Marshal(map[string]any{
		"id": "saml", "slug": "acme", "provider_id": "acme", "name": "Acme", "entity_id": srv.URL + "/metadata", "metadata_url": srv.URL + "/metadata",
		"key": keyFile, "certificate": certificateFile, "attributes": map[string][]string{"email": {"mail"}}, "verified_domains": []string{"example.org"},
	})
	if err != nil {
		t.Fatal(err)
	}
	args := serverArgs(t, `, "social": {"internal": ["127.0.0.1"], "providers": [`+string(entry)+`]}`)
	config, err := os.ReadFile(args[1])
	if err != nil {
		t.Fatal(err)
	}
	config = bytes.Replace(config, []byte("https://app.example.org"), []byte(samlSite), 1)
	config = bytes.Replace(config, []byte(`"frontend": {`), []byte(`"frontend": {"social_login_error": "/error", `), 1)
	if err := os.WriteFile(args[1], config, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, secretEnv, args...)
	defer s.stop(t, syscall.SIGTERM)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &samlBrowser{t: t, server: s.url, Client: &http.Client{
		Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	provider.site = func() *saml.EntityDescriptor {
		status, _, body := b.get("/accounts/saml/acme/metadata/")
		site, err := samlsp.ParseMetadata(body)
		if err != nil || status != http.StatusOK {
			t.Errorf("our metadata: got %d, %v, %s", status, err, body)
		}
		return site
	}

	csrf := func() string {
		t.Helper()
		b.get("/_allauth/browser/v1/config")
		u, _ := url.Parse(s.url)
		for _, c := range jar.Cookies(u) {
			if c.Name == "csrftoken" {
				return c.Value
			}
		}
		t.Fatal("there is no CSRF token")
		return ""
	}
	status, location, body := b.post("/_allauth/browser/v1/auth/provider/redirect", url.Values{
		"provider": {"acme"}, "process": {"login"}, "callback_url": {"/welcome"}, "csrfmiddlewaretoken": {csrf()},
	})
	if status != http.StatusFound || !strings.HasPrefix(location, srv.URL+"/sso?") {
		t.Fatalf("got %d %s %s\n%v", status, location, body, s.log)
	}
	if status, _, body = b.get(location); status != http.StatusOK {
		t.Fatalf("the identity provider answers %d %s", status, body)
	}
	if status, location, body = b.submit(body); status != http.StatusSeeOther || location != "/accounts/saml/acme/acs/finish/" {
		t.Fatalf("got %d %s %s\n%v", status, location, body, s.log)
	}
	if status, location, _ = b.get(location); status != http.StatusFound || location != "/welcome" && location != samlSite+"/welcome" {
		t.Fatalf("got %d %s\n%v", status, location, s.log)
	}
	if status, _, body = b.get("/_allauth/browser/v1/auth/session"); status != http.StatusOK || !bytes.Contains(body, []byte("ada@example.org")) {
		t.Fatalf("got %d %s", status, body)
	}

	status, location, body = b.post("/_allauth/browser/ext/v1/auth/provider/logout", url.Values{"callback_url": {"/bye"}, "csrfmiddlewaretoken": {csrf()}})
	if status != http.StatusFound || !strings.HasPrefix(location, srv.URL+"/slo?") {
		t.Fatalf("got %d %s %s\n%v", status, location, body, s.log)
	}
	if status, location, body = b.get(location); status != http.StatusFound || provider.out != 1 {
		t.Fatalf("the identity provider answers %d %s, and has ended %d logins", status, body, provider.out)
	}
	if status, location, _ = b.get(location); status != http.StatusFound || location != "/bye" && location != samlSite+"/bye" {
		t.Errorf("got %d %s\n%v", status, location, s.log)
	}
	if status, _, body = b.get("/_allauth/browser/v1/auth/session"); status != http.StatusUnauthorized {
		t.Errorf("got %d %s", status, body)
	}
}
