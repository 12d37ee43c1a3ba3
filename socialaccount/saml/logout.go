package saml

import (
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/crewjam/saml"

	"github.com/headless-auth/headless/socialaccount"
)

// session is what the identity provider calls a login. SAML core §2.7.2.
func session(a *saml.Assertion) *socialaccount.ProviderSession {
	name := a.Subject.NameID
	if name == nil || len(name.Value) > maxName {
		return nil
	}
	s := &socialaccount.ProviderSession{Name: name.Value, Kept: map[string]string{}}
	for key, v := range map[string]string{formatNote: name.Format, qualifierNote: name.NameQualifier, serviceNote: name.SPNameQualifier} {
		if v != "" && len(v) <= maxName {
			s.Kept[key] = v
		}
	}
	for _, x := range a.AuthnStatements {
		if len(x.SessionIndex) <= maxName {
			s.Index = cmp.Or(s.Index, x.SessionIndex)
		}
	}
	return s
}

// What is noted of a name besides its text.
const (
	formatNote    = "format"
	qualifierNote = "qualifier"
	serviceNote   = "service"
)

// Bounds of what a message about a logout may have.
const (
	maxName    = 512
	maxIndexes = 100
	maxRelay   = 1 << 10 // the standard says 80
	maxMessage = 64 << 10
)

// LogoutPath implements [socialaccount.LogoutPartner].
func (p *provider) LogoutPath() string { return p.path("sls") }

// BeginLogout implements [socialaccount.LogoutPartner]. SAML profiles §4.4.
func (p *provider) BeginLogout(ctx context.Context, a *socialaccount.AuthRequest, s socialaccount.ProviderSession) (string, *socialaccount.Page, error) {
	idp, err := p.identityProvider(ctx, a.Tools)
	if err != nil {
		return "", nil, err
	}
	sp, err := p.service(a.Tools, a.RedirectURI, idp)
	if err != nil {
		return "", nil, err
	}
	to, binding := logoutEndpoint(sp)
	if to == "" {
		return "", nil, nil
	}
	rq, err := sp.MakeLogoutRequest(to, s.Name, saml.WithSessionIndex(s.Index), func(rq *saml.LogoutRequest) {
		rq.ID = "id-" + a.State // an XML name does not begin with a digit
		rq.NameID.Format, rq.NameID.NameQualifier, rq.NameID.SPNameQualifier = s.Kept[formatNote], s.Kept[qualifierNote], s.Kept[serviceNote]
	})
	if err != nil {
		return "", nil, err
	}
	a.State = rq.ID
	if binding == saml.HTTPPostBinding {
		page, err := posted(a.Tools, func(nonce string) []byte { return rq.PostWithNonce("", nonce) })
		return "", page, err
	}
	u, err := sp.RedirectLogoutRequestURL(rq, "")
	if err != nil {
		return "", nil, err
	}
	return u.String(), nil, nil
}

// logoutEndpoint is where the identity provider takes requests.
func logoutEndpoint(sp *saml.ServiceProvider) (at, binding string) {
	for _, binding := range []string{saml.HTTPRedirectBinding, saml.HTTPPostBinding} {
		if at := sp.GetSLOBindingLocation(binding); isHTTP(at) {
			return at, binding
		}
	}
	return "", ""
}

// posted is a page that posts a message by itself.
func posted(tools socialaccount.Tools, form func(nonce string) []byte) (*socialaccount.Page, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(tools.Rand, b); err != nil {
		return nil, err
	}
	nonce := base64.RawURLEncoding.EncodeToString(b)
	html := `<!doctype html><html lang="en"><meta charset="utf-8"><title>One moment</title>` + string(form(nonce)) + `</html>`
	return &socialaccount.Page{
		HTML:   []byte(html),
		Policy: "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
	}, nil
}

// ReceiveLogout implements [socialaccount.LogoutPartner]. A message that is not
// signed is none. What is wrong with an answer goes along, so that whoever waits
// for it is told; a request that is wrong is an error.
func (p *provider) ReceiveLogout(ctx context.Context, tools socialaccount.Tools, redirectURI string, r *http.Request) (*socialaccount.LogoutMessage, error) {
	m, err := p.receiveLogout(ctx, tools, redirectURI, r)
	if err != nil {
		return nil, fmt.Errorf("saml logout: %w", err)
	}
	return m, nil
}

func (p *provider) receiveLogout(ctx context.Context, tools socialaccount.Tools, redirectURI string, r *http.Request) (*socialaccount.LogoutMessage, error) {
	in, document, err := readLogout(r)
	if err != nil {
		return nil, err
	}
	kind, inResponseTo, err := skimLogout(document)
	if err != nil {
		return nil, err
	}
	idp, err := p.identityProvider(ctx, tools)
	if err != nil {
		return nil, err
	}
	sp, err := p.service(tools, redirectURI, idp)
	if err != nil {
		return nil, err
	}
	if kind == "LogoutResponse" {
		if inResponseTo == "" {
			return nil, errors.New("the answer is to no request of ours")
		}
		m := &socialaccount.LogoutMessage{State: inResponseTo}
		if _, err := sp.ParseLogoutResponse(in, []string{inResponseTo}); err != nil {
			text := private(err).Error()
			m.Problem = text[:min(len(text), maxProblem)]
		}
		return m, nil
	}
	rq, err := sp.ValidateLogoutRequest(in)
	if err != nil {
		return nil, private(err)
	}
	m := &socialaccount.LogoutMessage{ID: rq.ID, Until: rq.IssueInstant.Add(saml.MaxIssueDelay + saml.MaxClockSkew), Name: rq.NameID.Value, Relay: in.Form.Get("RelayState")}
	for _, x := range rq.AllSessionIndexes() {
		m.Indexes = append(m.Indexes, x.Value)
	}
	long := func(s string) bool { return len(s) > maxName }
	if long(m.ID) || long(m.Name) || len(m.Relay) > maxRelay || len(m.Indexes) > maxIndexes || slices.ContainsFunc(m.Indexes, long) {
		return nil, errors.New("the request is too large")
	}
	return m, nil
}

// private is what the library keeps to itself.
func private(err error) error {
	var invalid *saml.InvalidResponseError
	if errors.As(err, &invalid) {
		return invalid.PrivateErr
	}
	return err
}

// readLogout reads a message by the bindings that we have: what of the request
// counts, with its parameters as the form, and the document. SAML bindings
// §3.4, §3.5.
func readLogout(r *http.Request) (in *http.Request, document []byte, err error) {
	values := r.PostForm
	in = &http.Request{Method: r.Method, URL: &url.URL{}, Form: url.Values{}, PostForm: url.Values{}}
	if r.Method != http.MethodPost {
		values, in.URL = r.URL.Query(), r.URL
	}
	names := []string{}
	for _, name := range []string{"SAMLRequest", "SAMLResponse", "RelayState"} {
		switch l := values[name]; {
		case len(l) > 1:
			return nil, nil, errors.New("a parameter is there twice")
		case len(l) == 1 && l[0] != "":
			in.Form.Set(name, l[0])
			names = append(names, name)
		}
	}
	if len(names) == 0 || names[0] == "RelayState" || in.Form.Has("SAMLRequest") && in.Form.Has("SAMLResponse") {
		return nil, nil, errors.New("there is no message")
	}
	if document, err = decode(in.Form.Get(names[0])); err != nil {
		return nil, nil, err
	}
	if r.Method == http.MethodPost {
		in.PostForm = in.Form
		return in, document, nil
	}
	document, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(document)), maxMessage+1))
	if err == nil && len(document) > maxMessage {
		err = errors.New("the message is too large")
	}
	return in, document, err
}

// AnswerLogout implements [socialaccount.LogoutPartner].
func (p *provider) AnswerLogout(ctx context.Context, tools socialaccount.Tools, redirectURI string, m *socialaccount.LogoutMessage) (string, *socialaccount.Page, error) {
	idp, err := p.identityProvider(ctx, tools)
	if err != nil {
		return "", nil, err
	}
	sp, err := p.service(tools, redirectURI, answersTo(idp))
	if err != nil {
		return "", nil, err
	}
	to, binding := logoutEndpoint(sp)
	switch {
	case to == "":
		return "", nil, nil
	case binding == saml.HTTPPostBinding:
		resp, err := sp.MakeLogoutResponse(to, m.ID)
		if err != nil {
			return "", nil, err
		}
		page, err := posted(tools, func(nonce string) []byte { return resp.PostWithNonce(m.Relay, nonce) })
		return "", page, err
	}
	u, err := sp.MakeRedirectLogoutResponse(m.ID, m.Relay)
	if err != nil {
		return "", nil, err
	}
	return u.String(), nil, nil
}

// answersTo is an identity provider with its endpoints for answers in place of
// those for requests. SAML metadata §2.2.2.
func answersTo(idp *saml.EntityDescriptor) *saml.EntityDescriptor {
	own := *idp
	own.IDPSSODescriptors = slices.Clone(idp.IDPSSODescriptors)
	for i := range own.IDPSSODescriptors {
		d := &own.IDPSSODescriptors[i]
		d.SingleLogoutServices = slices.Clone(d.SingleLogoutServices)
		for j := range d.SingleLogoutServices {
			x := &d.SingleLogoutServices[j]
			x.Location = cmp.Or(x.ResponseLocation, x.Location)
		}
	}
	return &own
}
