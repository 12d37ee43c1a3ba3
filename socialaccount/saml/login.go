package saml

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/crewjam/saml"

	"github.com/headless-auth/headless/socialaccount"
)

// Begin implements [socialaccount.Redirector]. The state is the request's id,
// which the answer names. spec: socialaccount.md §3.3.
func (p *provider) Begin(ctx context.Context, a *socialaccount.AuthRequest) (string, error) {
	idp, err := p.identityProvider(ctx, a.Tools)
	if err != nil {
		return "", err
	}
	sp, err := p.service(a.Tools, a.RedirectURI, idp)
	if err != nil {
		return "", err
	}
	at := sp.GetSSOBindingLocation(saml.HTTPRedirectBinding)
	if !isHTTP(at) {
		return "", errors.New("saml: the identity provider takes no requests by redirect")
	}
	rq, err := sp.MakeAuthenticationRequest(at, saml.HTTPRedirectBinding, saml.HTTPPostBinding)
	if err != nil {
		return "", err
	}
	a.State = "id-" + a.State // an XML name does not begin with a digit
	rq.ID = a.State
	u, err := rq.Redirect("", sp)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

// StateOf implements [socialaccount.Redirector].
func (*provider) StateOf(callback url.Values) string { return callback.Get(stateField) }

// What Receive hands to Finish. The engine keeps it where nobody can change
// it.
const (
	stateField      = "state"
	resultField     = "result"
	attributesField = "attributes" // may get lost
)

// result is what has become of an answer.
type result struct {
	Identity  *socialaccount.Identity `json:"i,omitempty"`
	Assertion string                  `json:"a,omitempty"`
	Until     time.Time               `json:"u,omitzero"`
	Cancelled bool                    `json:"c,omitempty"`
	Problem   string                  `json:"p,omitempty"`
}

const maxProblem = 300

// Receive implements [socialaccount.Receiver]: it judges everything about an
// answer but whether it was asked for. What is wrong with it goes along, so
// that whoever asked is told.
func (p *provider) Receive(ctx context.Context, tools socialaccount.Tools, redirectURI string, form url.Values) (url.Values, error) {
	document, err := decode(form.Get("SAMLResponse"))
	if err != nil {
		return nil, fmt.Errorf("saml: %w", err)
	}
	seen, err := skim(document)
	if err != nil {
		return nil, fmt.Errorf("saml: %w", err)
	}
	if seen.inResponseTo == "" {
		return nil, errors.New("saml: the answer is to no request of ours")
	}
	r, attributes := &result{Cancelled: seen.cancelled}, []byte(nil)
	if !r.Cancelled {
		if r, attributes, err = p.judge(ctx, tools, redirectURI, document, seen); err != nil {
			text := err.Error()
			r = &result{Problem: text[:min(len(text), maxProblem)]}
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	values := url.Values{stateField: {seen.inResponseTo}, resultField: {string(b)}}
	if attributes != nil {
		values.Set(attributesField, string(attributes))
	}
	return values, nil
}

// Finish implements [socialaccount.Redirector]. That the state is this
// session's has been checked, and Receive has checked that the answer is to
// the request of that name.
func (p *provider) Finish(ctx context.Context, a *socialaccount.AuthRequest, callback url.Values) (*socialaccount.Identity, error) {
	var r result
	if err := json.Unmarshal([]byte(callback.Get(resultField)), &r); err != nil {
		return nil, errors.New("saml: there is no answer")
	}
	switch {
	case r.Cancelled:
		return nil, socialaccount.ErrCancelled
	case r.Problem != "":
		return nil, fmt.Errorf("saml: %s", r.Problem)
	case r.Assertion == "" || r.Identity == nil:
		return nil, errors.New("saml: there is no assertion")
	}
	sum := sha256.Sum256([]byte(p.EntityID + "\x00" + r.Assertion))
	if err := a.UseOnce(ctx, "saml:"+hex.EncodeToString(sum[:]), r.Until); err != nil {
		return nil, fmt.Errorf("saml: the assertion was used before: %w", err)
	}
	if s := callback.Get(attributesField); s != "" {
		r.Identity.Profile = json.RawMessage(s)
	}
	return r.Identity, nil
}

// decode reads the parameter SAMLResponse. SAML bindings §3.5.4.
func decode(s string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil || len(b) == 0 {
		return nil, errors.New("the answer is not base64")
	}
	return b, nil
}

// judge verifies an answer and reads who it is about.
func (p *provider) judge(ctx context.Context, tools socialaccount.Tools, redirectURI string, document []byte, seen outline) (*result, []byte, error) {
	idp, err := p.identityProvider(ctx, tools)
	if err != nil {
		return nil, nil, err
	}
	sp, err := p.service(tools, redirectURI, idp)
	if err != nil {
		return nil, nil, err
	}
	assertion, err := verify(sp, document, seen.inResponseTo)
	if err != nil {
		return nil, nil, err
	}
	id, attributes, err := p.identity(assertion)
	if err != nil {
		return nil, nil, err
	}
	return &result{Identity: id, Assertion: assertion.ID, Until: until(assertion)}, attributes, nil
}

// verify checks signature, issuer, audience, recipient, times and that the
// assertion answers a request, and returns what is signed.
func verify(sp *saml.ServiceProvider, document []byte, request string) (*saml.Assertion, error) {
	a, err := sp.ParseXMLResponse(document, []string{request}, sp.AcsURL)
	var invalid *saml.InvalidResponseError
	if errors.As(err, &invalid) {
		return nil, invalid.PrivateErr // the other one tells nothing
	}
	if err == nil && a.ID == "" {
		err = errors.New("the assertion has no id")
	}
	return a, err
}

// until is when an assertion is of no use any more, whatever clocks say.
func until(a *saml.Assertion) time.Time {
	return a.IssueInstant.Add(saml.MaxIssueDelay + 2*saml.MaxClockSkew)
}

// identity is who an assertion is about. spec: providers.json, saml.
func (p *provider) identity(a *saml.Assertion) (*socialaccount.Identity, []byte, error) {
	attributes := map[string][]string{}
	for _, statement := range a.AttributeStatements {
		for _, x := range statement.Attributes {
			for _, v := range x.Values {
				attributes[x.Name] = append(attributes[x.Name], v.Value)
			}
		}
	}
	get := func(field string) string {
		for _, name := range p.Attributes[field] {
			if l := attributes[name]; len(l) > 0 {
				return strings.TrimSpace(l[0])
			}
		}
		return ""
	}
	id := &socialaccount.Identity{
		UID: get(uidField), Email: get(emailField), Username: get(usernameField), FirstName: get(firstNameField), LastName: get(lastNameField),
	}
	if name := a.Subject.NameID; name != nil {
		if id.UID == "" && name.Format == string(saml.TransientNameIDFormat) {
			return nil, nil, errors.New("the name is another one every time; have the identity provider send a persistent one, or an attribute")
		}
		id.UID = cmp.Or(id.UID, name.Value)
		if id.Email == "" && (p.NameIDIsEmail || name.Format == string(saml.EmailAddressNameIDFormat)) {
			id.Email = name.Value
		}
	}
	if id.UID == "" {
		return nil, nil, errors.New("the assertion names nobody")
	}
	if id.Email != "" {
		verified := slices.Contains([]string{"true", "1", "t", "y", "yes"}, strings.ToLower(get(emailVerifiedField)))
		id.Emails = []socialaccount.Email{{Address: id.Email, Verified: verified, Primary: true}}
	}
	id.Session = session(a)
	b, err := json.Marshal(attributes)
	return id, b, err
}
