// Package saml logs people in through SAML 2.0 identity providers: the web
// browser profile, with requests by redirect and answers by POST, and single
// logout, by redirect or POST. It is apart from package providers because it
// brings XML signatures along.
//
//	saml.Provider(saml.Config{
//		Slug: "acme", EntityID: "https://idp.acme.example/metadata", MetadataURL: "https://idp.acme.example/metadata",
//	})
//
// What the identity provider has to be told is published below
// socialaccount.Config.CallbackPath, at saml/acme/metadata/.
// spec: socialaccount.md §15.
package saml

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/crewjam/saml"
	"github.com/crewjam/saml/samlsp"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/headless-auth/headless/internal/pattern"
	"github.com/headless-auth/headless/socialaccount"
)

// Config is an identity provider and what is agreed with it.
type Config struct {
	// Slug names the organisation in URLs: letters, digits, hyphens.
	Slug string
	// ProviderID names the provider on the wire and in the store. Default:
	// EntityID.
	ProviderID string
	// Name is shown to people. Default: Slug.
	Name string

	// EntityID is the identity provider's name for itself.
	EntityID string
	// MetadataURL is where it tells the rest. It is read again every four
	// hours; who it is read from is known by TLS alone.
	MetadataURL string
	// SSOURL is where people log in, in place of MetadataURL.
	SSOURL string
	// SLOURL is where they log out, in place of MetadataURL. Default: the
	// identity provider is not told of logouts.
	SLOURL string
	// Certificates are those that it signs with, in PEM or as in metadata; in
	// place of MetadataURL.
	Certificates []string

	// ServiceEntityID is our name. Default: the URL of our metadata.
	ServiceEntityID string
	// NameIDFormat is the kind of name that is asked for. Default: whatever
	// the identity provider chooses.
	NameIDFormat string
	// Key and Certificate sign our requests and, with an RSA key, decrypt
	// what was encrypted for us. Default: neither.
	Key         crypto.Signer
	Certificate *x509.Certificate

	// Attributes say what to take from which attributes; it takes the place of
	// [Attributes] altogether.
	Attributes map[string][]string
	// NameIDIsEmail takes the name for an address, whatever its format says.
	NameIDIsEmail bool

	// VerifiedDomains and EmailAuthentication are as in
	// [socialaccount.Info].
	VerifiedDomains     []string
	EmailAuthentication *bool
	// Hidden: browsers are not told of it.
	Hidden bool
}

// Attributes are the names under which identity providers tell of people, by
// what they are for; the first one that is present wins.
func Attributes() map[string][]string {
	return map[string][]string{
		uidField:           {"urn:oasis:names:tc:SAML:attribute:subject-id"},
		emailField:         {"urn:oid:0.9.2342.19200300.100.1.3", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"},
		emailVerifiedField: {"http://schemas.auth0.com/email_verified"},
		firstNameField:     {"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", "urn:oid:2.5.4.42"},
		lastNameField:      {"urn:oid:2.5.4.4"},
		usernameField:      {"http://schemas.auth0.com/nickname"},
	}
}

// What attributes are for.
const (
	uidField           = "uid"
	emailField         = "email"
	emailVerifiedField = "email_verified"
	firstNameField     = "first_name"
	lastNameField      = "last_name"
	usernameField      = "username"
)

// Provider returns an identity provider.
func Provider(c Config) socialaccount.Provider {
	p := &provider{Config: c, problems: map[string]string{}}
	p.ProviderID = cmp.Or(c.ProviderID, c.EntityID)
	if p.Attributes == nil {
		p.Attributes = Attributes()
	}
	p.check()
	return p
}

type provider struct {
	Config
	problems map[string]string

	mu       sync.Mutex
	metadata *saml.EntityDescriptor // of the identity provider
	readAt   time.Time
	triedAt  time.Time
	failed   error // of the last try to read it
}

var slugPattern = pattern.New(`^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$`)

func (p *provider) check() {
	wrong := func(field, format string, args ...any) { p.problems[field] = fmt.Sprintf(format, args...) }
	if !slugPattern.MatchString(p.Slug) {
		wrong("Slug", `%q can't be part of a URL; write the organisation's name, such as "acme"`, p.Slug)
	}
	if p.EntityID == "" {
		wrong("EntityID", "is missing; write the identity provider's entity id")
	}
	for field := range p.Attributes {
		if _, ok := Attributes()[field]; !ok {
			wrong("Attributes", "%q is not known", field)
		}
	}
	if (p.Key == nil) != (p.Certificate == nil) {
		wrong("Key", "goes with Certificate; write both or neither")
	} else if p.Key != nil && p.signatureMethod() == "" {
		wrong("Key", "is neither RSA nor ECDSA")
	}
	if p.MetadataURL != "" {
		if p.SSOURL != "" || p.SLOURL != "" || len(p.Certificates) > 0 {
			wrong("MetadataURL", "tells SSOURL, SLOURL and Certificates; write either")
		}
		if !isHTTP(p.MetadataURL) {
			wrong("MetadataURL", "%q is no URL", p.MetadataURL)
		}
		return
	}
	if !isHTTP(p.SSOURL) {
		wrong("SSOURL", "%q is no URL; write where people log in, or MetadataURL", p.SSOURL)
	}
	var logout []saml.Endpoint
	if p.SLOURL != "" {
		if !isHTTP(p.SLOURL) {
			wrong("SLOURL", "%q is no URL; write where people log out, or nothing", p.SLOURL)
		}
		logout = []saml.Endpoint{{Binding: saml.HTTPRedirectBinding, Location: p.SLOURL}}
	}
	if len(p.Certificates) == 0 {
		wrong("Certificates", "are missing; write what answers are signed with, or MetadataURL")
	}
	var keys []saml.KeyDescriptor
	for i, text := range p.Certificates {
		c, err := certificate(text)
		if err != nil {
			wrong(fmt.Sprintf("Certificates[%d]", i), "is no certificate: %v", err)
			continue
		}
		keys = append(keys, saml.KeyDescriptor{Use: "signing", KeyInfo: saml.KeyInfo{X509Data: saml.X509Data{
			X509Certificates: []saml.X509Certificate{{Data: base64.StdEncoding.EncodeToString(c.Raw)}},
		}}})
	}
	p.metadata = &saml.EntityDescriptor{EntityID: p.EntityID, IDPSSODescriptors: []saml.IDPSSODescriptor{{
		SSODescriptor:        saml.SSODescriptor{RoleDescriptor: saml.RoleDescriptor{KeyDescriptors: keys}, SingleLogoutServices: logout},
		SingleSignOnServices: []saml.Endpoint{{Binding: saml.HTTPRedirectBinding, Location: p.SSOURL}},
	}}}
}

func isHTTP(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

// certificate reads one as PEM, or as base64 alone, which is how metadata has
// it.
func certificate(text string) (*x509.Certificate, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return x509.ParseCertificate(block.Bytes)
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func (p *provider) signatureMethod() string {
	if p.Key == nil {
		return ""
	}
	switch p.Key.Public().(type) {
	case *rsa.PublicKey:
		return dsig.RSASHA256SignatureMethod
	case *ecdsa.PublicKey:
		return dsig.ECDSASHA256SignatureMethod
	}
	return ""
}

// Problems implements [socialaccount.Checker].
func (p *provider) Problems() map[string]string { return p.problems }

// Info implements [socialaccount.Provider].
func (p *provider) Info() socialaccount.Info {
	return socialaccount.Info{
		ID: p.ProviderID, Kind: "saml", Name: cmp.Or(p.Name, p.Slug, "SAML"), Path: p.path("acs"), FormPost: true, Hidden: p.Hidden,
		VerifiedDomains: p.VerifiedDomains, EmailAuthentication: p.EmailAuthentication,
	}
}

func (p *provider) path(name string) string {
	return strings.TrimSuffix("saml/"+p.Slug+"/"+name, "/") + "/"
}

// service is us, at a time. redirectURI is any of our URLs.
func (p *provider) service(tools socialaccount.Tools, redirectURI string, idp *saml.EntityDescriptor) (*saml.ServiceProvider, error) {
	root := redirectURI[:max(strings.LastIndex(redirectURI, p.path("")), 0)]
	var at [3]*url.URL
	for i, name := range []string{"acs", "metadata", "sls"} {
		var err error
		if at[i], err = url.Parse(root + p.path(name)); err != nil {
			return nil, err
		}
	}
	acs, about, sls := at[0], at[1], at[2]
	format := saml.NameIDFormat(p.NameIDFormat)
	if format == "" {
		format = saml.UnspecifiedNameIDFormat
	}
	return &saml.ServiceProvider{
		EntityID: cmp.Or(p.ServiceEntityID, about.String()), MetadataURL: *about, AcsURL: *acs, IDPMetadata: idp,
		Key: p.Key, Certificate: p.Certificate, SignatureMethod: p.signatureMethod(), AuthnNameIDFormat: format,
		AssertionConsumerServiceBindings: []string{saml.HTTPPostBinding},
		SloURL:                           *sls, LogoutBindings: []string{saml.HTTPRedirectBinding, saml.HTTPPostBinding},
		Clock:                  dsig.NewFakeClockAt(tools.Now),
		MetadataOmitValidUntil: true, // whoever reads it once keeps it
		RejectSHA1Signatures:   true, RejectUnknownConditions: true, RequireSignedResponseForCBC: true, RejectExpiredIDPMetadata: true,
	}, nil
}

// DocumentPath implements [socialaccount.Publisher].
func (p *provider) DocumentPath() string { return p.path("metadata") }

// Document implements [socialaccount.Publisher].
func (p *provider) Document(tools socialaccount.Tools, redirectURI string) (contentType string, body []byte, err error) {
	sp, err := p.service(tools, redirectURI, nil)
	if err != nil {
		return "", nil, err
	}
	body, err = xml.MarshalIndent(sp.Metadata(), "", "  ")
	return "application/samlmetadata+xml", append([]byte(xml.Header), body...), err
}

// How long what an identity provider publishes is believed, and how often a
// dead one is asked.
const (
	fresh       = 4 * time.Hour
	stale       = 24 * time.Hour
	retry       = 10 * time.Second
	maxMetadata = 1 << 20
)

// identityProvider is what is known of it.
func (p *provider) identityProvider(ctx context.Context, tools socialaccount.Tools) (*saml.EntityDescriptor, error) {
	p.mu.Lock()
	defer p.mu.Unlock() // who comes meanwhile needs it just as well
	now := tools.Now
	if p.MetadataURL == "" || p.metadata != nil && now.Sub(p.readAt) < fresh {
		return p.metadata, nil
	}
	if p.failed == nil || now.Sub(p.triedAt) >= retry {
		var read *saml.EntityDescriptor
		p.triedAt = now
		if read, p.failed = p.read(ctx, tools); p.failed == nil {
			p.metadata, p.readAt = read, now
		}
	}
	if p.failed != nil && (p.metadata == nil || now.Sub(p.readAt) >= stale) {
		return nil, fmt.Errorf("saml metadata: %w", p.failed)
	}
	return p.metadata, nil
}

func (p *provider) read(ctx context.Context, tools socialaccount.Tools) (*saml.EntityDescriptor, error) {
	rq, err := http.NewRequestWithContext(ctx, http.MethodGet, p.MetadataURL, nil)
	if err != nil {
		return nil, err
	}
	resp, err := tools.HTTP.Do(rq)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", rq.URL.Host, resp.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxMetadata+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxMetadata {
		return nil, errors.New("it is too large")
	}
	return samlsp.ParseMetadataByEntityID(b, p.EntityID)
}
