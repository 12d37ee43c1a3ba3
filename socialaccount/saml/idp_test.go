package saml

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

const (
	idpEntity = "https://idp.test/metadata"
	idpSSO    = "https://idp.test/sso"
)

// pair is a key with its certificate.
type pair struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

// PEM is the certificate's.
func (p pair) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.certificate.Raw}))
}

var (
	idpPair      = sync.OnceValue(newPair)
	strangerPair = sync.OnceValue(newPair)
)

func newPair() pair {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		panic(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return pair{k, c}
}

// answer is what an identity provider says. Its zero value, with request and
// where set, is a good one about ada.
type answer struct {
	request, where, audience string
	now                      time.Time

	id, nameID, format, issuer  string
	recipient, assertionRequest string
	index                       string // of the session
	attributes                  map[string][]string
	notOnOrAfter                time.Time
	signer                      pair
	method                      string
	unsigned, signResponse      bool
}

func (a answer) fill() answer {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&a.id, "id-"+rand.Text())
	set(&a.nameID, "ada")
	set(&a.format, "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent")
	set(&a.issuer, idpEntity)
	set(&a.index, "session-of-"+a.nameID)
	set(&a.recipient, a.where)
	set(&a.assertionRequest, a.request)
	set(&a.method, dsig.ECDSASHA256SignatureMethod)
	if a.notOnOrAfter.IsZero() {
		a.notOnOrAfter = a.now.Add(time.Minute)
	}
	if a.signer.key == nil {
		a.signer = idpPair()
	}
	return a
}

// document is the answer as XML.
func (a answer) document(t testing.TB) *etree.Document {
	t.Helper()
	a = a.fill()
	at := func(x time.Time) string { return x.UTC().Format("2006-01-02T15:04:05Z") }
	var attributes strings.Builder
	for name, values := range a.attributes {
		fmt.Fprintf(&attributes, `<saml:Attribute Name="%s">`, name)
		for _, v := range values {
			fmt.Fprintf(&attributes, `<saml:AttributeValue>%s</saml:AttributeValue>`, v)
		}
		attributes.WriteString(`</saml:Attribute>`)
	}
	statement := ""
	if attributes.Len() > 0 {
		statement = "<saml:AttributeStatement>" + attributes.String() + "</saml:AttributeStatement>"
	}
	doc := etree.NewDocument()
	err := doc.ReadFromString(fmt.Sprintf(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="response-%[1]s" Version="2.0" IssueInstant="%[2]s" Destination="%[3]s" InResponseTo="%[4]s"><saml:Issuer>%[5]s</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="%[1]s" Version="2.0" IssueInstant="%[2]s"><saml:Issuer>%[5]s</saml:Issuer><saml:Subject><saml:NameID Format="%[6]s">%[7]s</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData InResponseTo="%[8]s" NotOnOrAfter="%[9]s" Recipient="%[10]s"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="%[2]s" NotOnOrAfter="%[9]s"><saml:AudienceRestriction><saml:Audience>%[11]s</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="%[2]s" SessionIndex="%[13]s"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>%[12]s</saml:Assertion></samlp:Response>`,
		a.id, at(a.now), a.where, a.request, a.issuer, a.format, a.nameID, a.assertionRequest, at(a.notOnOrAfter), a.recipient, a.audience, statement, a.index))
	if err != nil {
		t.Fatal(err)
	}
	if a.unsigned {
		return doc
	}
	signed := doc.Root()
	if !a.signResponse {
		signed = signed.SelectElement("Assertion")
	}
	sign(t, signed, a.signer, a.method)
	return doc
}

// sign signs an element, enveloped.
func sign(t testing.TB, e *etree.Element, by pair, method string) {
	t.Helper()
	ctx, err := dsig.NewSigningContext(by.key, [][]byte{by.certificate.Raw})
	if err != nil {
		t.Fatal(err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := ctx.SetSignatureMethod(method); err != nil {
		t.Fatal(err)
	}
	signature, err := ctx.ConstructSignature(e.Copy(), true)
	if err != nil {
		t.Fatal(err)
	}
	e.InsertChildAt(e.SelectElement("Issuer").Index()+1, signature) // where the schema wants it
}

func text(t testing.TB, doc *etree.Document) string {
	t.Helper()
	s, err := doc.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// encode is a document as the form has it.
func encode(document string) string { return base64.StdEncoding.EncodeToString([]byte(document)) }
