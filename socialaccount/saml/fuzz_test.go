package saml

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/crewjam/saml"

	"github.com/headless-auth/headless/socialaccount"
)

var fuzzNow = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

func fuzzTools() socialaccount.Tools {
	return socialaccount.Tools{Now: fuzzNow, UseOnce: func(context.Context, string, time.Time) error { return nil }}
}

// No answer names anybody whom the identity provider has not signed for, to us,
// now; and what is wrong with it is told without repeating it.
func FuzzAnswer(f *testing.F) {
	const acs = "https://app.example.org/accounts/saml/acme/acs/"
	genuine := answer{request: "id-of-the-request", where: acs, audience: "https://app.example.org/accounts/saml/acme/metadata/", now: fuzzNow, nameID: "ada"}
	for _, a := range []answer{genuine, {request: "x", where: acs, audience: "y", now: fuzzNow, nameID: "eve"}} {
		f.Add([]byte(text(f, a.document(f))))
		a.signResponse = true
		f.Add([]byte(text(f, a.document(f))))
		a.unsigned = true
		f.Add([]byte(text(f, a.document(f))))
	}
	stranger := genuine
	stranger.signer, stranger.nameID = strangerPair(), "eve"
	f.Add([]byte(text(f, stranger.document(f))))
	good := text(f, genuine.document(f))
	f.Add([]byte(strings.Replace(good, "ada", "eve", 1)))
	f.Add([]byte(strings.Replace(good, "ada", "a<!-- -->da", 1)))
	f.Add([]byte(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y "z">]><x>&y;</x>`))
	p := Provider(inline()).(*provider)
	f.Fuzz(func(t *testing.T, document []byte) {
		values, err := p.Receive(t.Context(), fuzzTools(), acs, url.Values{"SAMLResponse": {encode(string(document))}})
		if err != nil {
			return
		}
		id, err := p.Finish(t.Context(), &socialaccount.AuthRequest{Tools: fuzzTools()}, values)
		if err == nil && (id.UID != "ada" || p.StateOf(values) != genuine.request) {
			t.Fatalf("%q is %+v, for %q", document, id, p.StateOf(values))
		}
	})
}

// A message about a logout is read from where it was put, once, and is not
// unpacked without end.
func FuzzReadLogout(f *testing.F) {
	m := message{where: "x", now: time.Unix(0, 0)}.fill()
	plain := text(f, m.document(f))
	f.Add("SAMLRequest", encode(plain), "relay", true)
	f.Add("SAMLRequest", deflated(f, plain), "relay", false)
	f.Add("SAMLResponse", deflated(f, strings.Repeat(" ", 4*maxMessage)), "", false)
	f.Add("RelayState", "x", "x", false)
	f.Add("SAMLRequest", "eJwDAAAAAAE=", "", false)
	f.Add("SAMLRequest", " \r\n", "", true)
	f.Fuzz(func(t *testing.T, name, value, relay string, post bool) {
		form := url.Values{name: {value}}
		form.Add("RelayState", relay)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://app.example.org/?"+form.Encode(), http.NoBody)
		if post {
			r = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://app.example.org/", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if err := r.ParseForm(); err != nil {
				t.Fatal(err)
			}
		}
		in, document, err := readLogout(r)
		if err != nil {
			return
		}
		if name != "SAMLRequest" && name != "SAMLResponse" || in.Form.Get(name) != value || len(document) > maxMessage && !post {
			t.Fatalf("%s=%q became %v and %d bytes", name, value, in.Form, len(document))
		}
		if again, err := decode(value); err != nil || post && !bytes.Equal(again, document) {
			t.Fatalf("%q became %q and then %q, %v", value, document, again, err)
		}
	})
}

// Metadata of another identity provider is not taken for ours.
func FuzzMetadata(f *testing.F) {
	const ours = `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + idpEntity + `"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="` + idpSSO + `"/></IDPSSODescriptor></EntityDescriptor>`
	for _, s := range []string{ours, strings.Replace(ours, idpEntity, "https://evil.test", 1), `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` + ours + `</EntitiesDescriptor>`, "", "<x/>", `<EntityDescriptor validUntil="x" cacheDuration="P"/>`, `<!DOCTYPE x><x/>`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		c := inline()
		c.SSOURL, c.Certificates, c.MetadataURL = "", nil, "https://idp.test/metadata"
		p := Provider(c).(*provider)
		tools := fuzzTools()
		tools.HTTP = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(document)), Request: r}, nil
		})}
		d, err := p.identityProvider(t.Context(), tools)
		if err != nil {
			return
		}
		if d == nil || d.EntityID != idpEntity {
			t.Fatalf("%q is taken for that of %+v", document, d)
		}
		// It may lack anything; whoever begins there is told so.
		_, err = p.Begin(t.Context(), &socialaccount.AuthRequest{Tools: tools, State: "s", RedirectURI: "https://app.example.org/accounts/saml/acme/acs/"})
		var invalid *saml.InvalidResponseError
		if errors.As(err, &invalid) {
			t.Fatal(err)
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
