package providers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/headless-auth/headless/internal/pattern"
	"github.com/headless-auth/headless/socialaccount"
)

// provider is a Spec with our registration.
type provider struct {
	spec     Spec
	client   Client
	info     socialaccount.Info
	settings map[string]string // by lower-case name
	scopes   []string
	pkce     bool
	issuer   string
	problems map[string]string

	uid, email, verified, username, name, firstName, lastName, phone, display, displayIn, subject path
	verifiedIs                                                                                    string // what verified must say; "" is true
	list                                                                                          struct{ list, email, verified, primary path }

	keys         *keySet // those of the Spec, or nil
	discoveryURL string
	discovery    cached[*document]

	mu    sync.Mutex
	found *keySet // those that were discovered
}

// Provider is the provider that a Spec describes, with our registration there.
// What is wrong with either is reported by [headless.New].
func (s Spec) Provider(c Client) socialaccount.Provider {
	p := &provider{spec: s, client: c, settings: map[string]string{}, problems: map[string]string{}}
	p.build()
	switch {
	case p.spec.protocol != nil:
		return p.spec.protocol(p)
	case p.spec.RequestTokenURL != "":
		return oauth1Provider{p}
	case p.spec.IDToken != nil && p.spec.IDToken.Prompt:
		return promptProvider{tokenProvider{oauth2Provider{p}}}
	case p.spec.IDToken != nil && p.spec.IDToken.Login || p.spec.VerifyToken != nil:
		return tokenProvider{oauth2Provider{p}}
	}
	return oauth2Provider{p}
}

// Info implements [socialaccount.Provider].
func (p *provider) Info() socialaccount.Info { return p.info }

// Problems implements [socialaccount.Checker].
func (p *provider) Problems() map[string]string { return p.problems }

func (p *provider) wrong(field, format string, args ...any) {
	p.problems[field] = fmt.Sprintf(format, args...)
}

// setting is the value of a setting by its name, in any case.
func (p *provider) setting(name string) string { return p.settings[strings.ToLower(name)] }

func (p *provider) build() {
	p.readSettings()
	if p.spec.Adjust != nil {
		if err := p.spec.Adjust(&p.spec, p.client); err != nil {
			p.wrong("Settings", "%v", err)
		}
	}
	s, c := &p.spec, &p.client
	s.ScopeDelimiter = cmp.Or(s.ScopeDelimiter, " ")
	s.ResponseType = cmp.Or(s.ResponseType, "code")
	s.CodeParam = cmp.Or(s.CodeParam, "code")
	if s.IDToken != nil {
		t := *s.IDToken
		if s.IDToken = &t; len(t.Algorithms) == 0 && s.Discovery == "" {
			s.IDToken.Algorithms = signatures[:1]
		}
	}
	p.describe()
	p.pkce = !s.NoPKCE
	if c.PKCE != nil {
		p.pkce = *c.PKCE
	}
	p.scopes = s.Scopes
	if c.Scopes != nil {
		p.scopes = c.Scopes
	}
	p.issuer = p.expandSettings("Issuer", s.Issuer)
	if p.discoveryURL = p.expandSettings("Discovery", s.Discovery); p.discoveryURL != "" {
		p.info.DiscoveryURL = discoveryURL(p.discoveryURL)
	}
	if s.IDToken != nil && s.IDToken.KeysURL != "" {
		p.keys = &keySet{url: p.expandSettings("IDToken.KeysURL", s.IDToken.KeysURL)}
	}
	p.readMapping()
	p.check()
}

// readSettings takes the operator's settings, the defaults, and what follows
// from them.
func (p *provider) readSettings() {
	given := map[string]string{"key": p.client.Key}
	for name, v := range p.client.Settings {
		given[strings.ToLower(name)] = v
	}
	declared := map[string]bool{"key": true}
	for i := range p.spec.Settings {
		s := &p.spec.Settings[i]
		name := strings.ToLower(s.Name)
		declared[name] = true
		v := cmp.Or(strings.TrimSpace(given[name]), s.Default)
		if v == "" && s.Required {
			field := fmt.Sprintf("Settings[%q]", s.Name)
			if name == "key" {
				field = "Key"
			}
			p.wrong(field, "is missing; %s", cmp.Or(s.Help, "the provider needs it"))
			continue
		}
		p.settings[name] = p.judge(s, v)
	}
	for name := range given {
		if !declared[name] {
			p.wrong(fmt.Sprintf("Settings[%q]", name), "is no setting of %s", p.spec.ID)
		}
	}
	if _, ok := p.settings["key"]; !ok {
		p.settings["key"] = p.client.Key
	}
	for i := range p.spec.Settings {
		p.choose(&p.spec.Settings[i])
	}
}

var hostName = pattern.New(`^[A-Za-z0-9.-]+(:[0-9]{1,5})?$`)

func (p *provider) judge(s *Setting, v string) string {
	if v == "" {
		return ""
	}
	field := fmt.Sprintf("Settings[%q]", s.Name)
	switch s.Kind {
	case URL:
		u, err := url.Parse(v)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			p.wrong(field, `%q is no good URL; write "https://id.example.org"`, v)
		}
		return strings.TrimRight(v, "/")
	case Host:
		if !hostName.MatchString(v) {
			p.wrong(field, `%q is no host name; write "id.example.org"`, v)
		}
	case Flag:
		if v = strings.ToLower(v); v != "true" && v != "false" {
			p.wrong(field, `must be "true" or "false"`)
		}
	}
	return v
}

// choose adds the values that follow from a setting.
func (p *provider) choose(s *Setting) {
	if s.Choices == nil {
		return
	}
	v := p.setting(s.Name)
	further, ok := s.Choices[v]
	if !ok && v != "" {
		further, ok = s.Choices["*"]
	}
	if !ok && v != "" {
		p.wrong(fmt.Sprintf("Settings[%q]", s.Name), "%q is none of %s", v, strings.Join(slices.Sorted(maps.Keys(s.Choices)), ", "))
	}
	for name, template := range further {
		p.settings[strings.ToLower(name)] = p.expandSettings("Settings", template)
	}
}

// expandSettings fills a template in which there are settings only.
func (p *provider) expandSettings(field, template string) string {
	v, err := expandURL(template, p.setting)
	var missing *missingError
	if errors.As(err, &missing) && len(p.problems) == 0 {
		p.wrong(field, "%q: %v", template, err)
	}
	return v
}

var goodID = pattern.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// describe fills in what the rest of the program knows.
func (p *provider) describe() {
	s, c := &p.spec, &p.client
	id := cmp.Or(c.ProviderID, s.ID)
	if !goodID.MatchString(id) {
		p.wrong("ProviderID", "%q is no id; use letters, digits, - and _", id)
	}
	slug := cmp.Or(s.Slug, s.ID)
	if c.ProviderID != "" && c.ProviderID != s.ID {
		slug = c.ProviderID
	}
	p.info = socialaccount.Info{
		ID: id, Kind: s.ID, Name: cmp.Or(c.Name, s.Name, id), Path: slug + "/login/callback/", FormPost: s.FormPost,
		Hidden: c.Hidden, VerifiedDomains: c.VerifiedDomains, EmailAuthentication: c.EmailAuthentication,
	}
	if s.RequestTokenURL == "" && s.protocol == nil {
		p.info.ClientIDs = append([]string{c.ID}, c.OtherIDs...)
	}
	if c.ID == "" {
		p.wrong("ID", "is missing; the provider gives it out, often as client id or consumer key")
	}
	for i, other := range c.OtherIDs {
		if other == "" || other == c.ID || slices.Contains(c.OtherIDs[:i], other) {
			p.wrong(fmt.Sprintf("OtherIDs[%d]", i), "%q is empty or written twice", other)
		}
	}
}

func (p *provider) readMapping() {
	m := &p.spec.Map
	verified := m.EmailVerified
	if verified == Assumed {
		verified = ""
	} else {
		verified, p.verifiedIs, _ = strings.Cut(verified, "=")
	}
	subject := "sub"
	if t := p.spec.IDToken; t != nil {
		subject = cmp.Or(t.Subject, subject)
	}
	var list EmailList
	if m.Emails != nil {
		list = *m.Emails
	}
	for name, f := range map[string]struct {
		path *path
		text string
	}{
		"UID": {&p.uid, m.UID}, "Email": {&p.email, m.Email}, "EmailVerified": {&p.verified, verified},
		"Username": {&p.username, m.Username}, "Name": {&p.name, m.Name}, "FirstName": {&p.firstName, m.FirstName},
		"LastName": {&p.lastName, m.LastName}, "Phone": {&p.phone, m.Phone}, "Display": {&p.display, m.Display},
		"DisplayIn": {&p.displayIn, m.DisplayIn}, "Subject": {&p.subject, subject}, "Emails.List": {&p.list.list, list.List}, "Emails.Email": {&p.list.email, list.Email},
		"Emails.Verified": {&p.list.verified, list.Verified}, "Emails.Primary": {&p.list.primary, list.Primary},
	} {
		var err error
		if *f.path, err = parsePath(f.text, p.setting); err != nil {
			field := "Spec.Map." + name
			if name == "Subject" {
				field = "Spec.IDToken." + name
			}
			p.wrong(field, "%v", err)
		}
	}
}

// check judges the Spec itself, which may be a host's own.
func (p *provider) check() {
	s, c := &p.spec, &p.client
	if s.Map.UID == "" && s.Identified == nil {
		p.wrong("Spec.Map.UID", "is missing: nobody can be told from anybody")
	}
	if s.Discovery == "" && s.protocol == nil {
		for name, v := range map[string]string{"AuthorizeURL": s.AuthorizeURL, "TokenURL": s.TokenURL} {
			if v == "" {
				p.wrong("Spec."+name, "is missing")
			}
		}
	}
	if t := s.IDToken; t != nil && s.Discovery == "" && (s.Issuer == "" || t.KeysURL == "") {
		p.wrong("Spec.IDToken", "needs Issuer and KeysURL")
	}
	if t := s.IDToken; t != nil {
		for _, a := range t.Algorithms {
			if !slices.Contains(signatures, a) {
				p.wrong("Spec.IDToken.Algorithms", "%q is none of %s", a, strings.Join(signatures, ", "))
			}
		}
	}
	for name := range c.AuthParams {
		if slices.Contains(reservedParams, name) {
			p.wrong(fmt.Sprintf("AuthParams[%q]", name), "is not for you to set")
		}
	}
	templates := map[string]string{"AuthorizeURL": s.AuthorizeURL, "TokenURL": s.TokenURL, "RequestTokenURL": s.RequestTokenURL}
	for i := range s.Profile {
		call, field := &s.Profile[i], fmt.Sprintf("Profile[%d].", i)
		templates[field+"URL"], templates[field+"Body"] = call.URL, call.Body
		for name, v := range call.Headers {
			templates[field+"Headers."+name] = v
		}
		for name, v := range call.Form {
			templates[field+"Form."+name] = v
		}
		if l := names(call.URL); len(l) > 0 && strings.HasPrefix(call.URL, "{") && len(call.Hosts) == 0 &&
			(strings.HasPrefix(l[0], "token.") || strings.HasPrefix(l[0], "profile.") || strings.HasPrefix(l[0], "callback.")) {
			p.wrong("Spec."+field+"Hosts", "is missing: the answer chooses the host")
		}
	}
	hooks := s.Begin != nil || s.Before != nil || s.After != nil || s.protocol != nil
	for field, template := range templates {
		for _, name := range names(template) {
			if !p.known(name) && !hooks && len(p.problems) == 0 {
				p.wrong("Spec."+field, "there is no {%s}", name)
			}
		}
	}
}

var reservedParams = []string{"client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method"}

// known reports whether a placeholder may have a value.
func (p *provider) known(name string) bool {
	from, _, dotted := strings.Cut(name, ".")
	if dotted {
		return slices.Contains([]string{"callback", "kept", "token", "profile"}, from)
	}
	_, ok := p.settings[strings.ToLower(name)]
	return ok || slices.Contains([]string{"client_id", "secret", "access_token", "redirect_uri", "state", "userinfo_endpoint"}, name)
}

// exchange begins an identification.
func (p *provider) exchange(tools socialaccount.Tools) *Exchange {
	x := &Exchange{Tools: tools, Client: p.client, p: p}
	l := p.scopes
	if tools.QueryEmail && p.client.Scopes == nil {
		l = slices.Concat(l, p.spec.EmailScopes)
	}
	if tools.KeepsTokens && p.client.Scopes == nil {
		l = slices.Concat(l, p.spec.TokenScopes)
	}
	for _, s := range l {
		if !slices.Contains(x.Scopes, s) {
			x.Scopes = append(x.Scopes, s)
		}
	}
	return x
}

// Limits of what is kept of a profile.
const (
	maxProfile = 64 << 10
	maxUID     = 191
)

// secrets are members that no stored profile has.
var secrets = []string{"access_token", "refresh_token", "id_token", "oauth_token", "oauth_token_secret", "token_type", "expires_in"}

// identity is what the profile says.
func (x *Exchange) identity(ctx context.Context) (*socialaccount.Identity, error) {
	p, s := x.p, &x.p.spec
	if s.After != nil {
		if err := s.After(ctx, x); err != nil {
			return nil, err
		}
	}
	for name, template := range s.Add {
		if v, err := expand(template, x.Get); err == nil {
			x.put(name, v)
		}
	}
	doc := x.Profile
	id := &socialaccount.Identity{
		UID: p.uid.id(doc), Email: p.email.text(doc), Username: p.username.text(doc), Name: p.name.text(doc),
		FirstName: p.firstName.text(doc), LastName: p.lastName.text(doc), Phone: p.phone.text(doc),
	}
	id.Emails = p.emails(doc, id.Email)
	if s.Identified != nil {
		if err := s.Identified(x, id); err != nil {
			return nil, err
		}
	}
	if id.UID == "" || len(id.UID) > maxUID || strings.ContainsRune(id.UID, 0) {
		return nil, errors.New("the profile has no id that could be kept")
	}
	id.Token = x.Grant
	var err error
	id.Profile, err = x.stored()
	return id, err
}

func (p *provider) emails(doc any, email string) (l []socialaccount.Email) {
	items, _ := p.list.list.value(doc).([]any)
	for _, item := range items {
		if e := p.list.email.text(item); e != "" {
			l = append(l, socialaccount.Email{Address: e, Verified: isTrue(p.list.verified.value(item)), Primary: isTrue(p.list.primary.value(item))})
		}
	}
	if len(items) > 0 || email == "" {
		return l
	}
	e := socialaccount.Email{Address: email, Primary: true}
	switch {
	case p.spec.Map.EmailVerified == Assumed:
		e.Verified, e.Assumed = true, true
	case p.verifiedIs != "":
		e.Verified = p.verified.text(doc) == p.verifiedIs
	default:
		// Any alternative will do: they are names for the same flag.
		for _, a := range p.verified.alternatives {
			e.Verified = e.Verified || isTrue(path{[]alternative{a}}.value(doc))
		}
	}
	return append(l, e)
}

// stored is what is kept of the profile: no secrets, and no more than fits.
func (x *Exchange) stored() (json.RawMessage, error) {
	doc := x.Stored
	if doc == nil {
		doc = x.Profile
	}
	// The claims of an ID token are no secret, the token is.
	if m, ok := doc.(map[string]any); ok {
		m = maps.Clone(m)
		for _, name := range slices.Concat(secrets, x.p.spec.Private) {
			if _, object := m[name].(map[string]any); !object || slices.Contains(x.p.spec.Private, name) {
				delete(m, name)
			}
		}
		doc = m
	}
	b, err := json.Marshal(doc)
	if err != nil || len(b) <= maxProfile {
		return b, err
	}
	small := map[string]any{}
	if m, ok := doc.(map[string]any); ok {
		for name, v := range m {
			if s := textOf(v); s != "" && len(name)+len(s) < 1<<10 && len(small) < 40 {
				small[name] = v
			}
		}
	}
	return json.Marshal(small)
}

// Display implements [socialaccount.Displayer].
func (p *provider) Display(profile json.RawMessage) string {
	doc, err := decodeJSON(profile)
	if err != nil {
		return ""
	}
	if p.spec.Display != nil {
		if s := p.spec.Display(doc); s != "" {
			return s
		}
	}
	if s := p.display.text(doc); s != "" {
		return s
	}
	if part := p.displayIn.value(doc); part != nil {
		return socialaccount.DisplayName(part)
	}
	return ""
}
