package providers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/headless-auth/headless/internal/pattern"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/socialaccount"
)

// oauth2Provider is a Spec in OAuth 2.0 (RFC 6749) or OpenID Connect.
type oauth2Provider struct{ *provider }

// tokenProvider is one from which apps may bring tokens as well.
type tokenProvider struct{ oauth2Provider }

// endpoints is where the provider is asked.
type endpoints struct {
	authorize, token, userinfo, issuer string
	basic, sendsIssuer                 bool
	algorithms                         []string
	keys                               *keySet
}

// endpoints are those of the Spec, completed by what is discovered.
func (p *provider) endpoints(ctx context.Context, tools socialaccount.Tools) (*endpoints, error) {
	s := &p.spec
	e := &endpoints{authorize: s.AuthorizeURL, token: s.TokenURL, issuer: p.issuer, basic: s.Token.Basic, keys: p.keys}
	if s.IDToken != nil {
		e.algorithms = s.IDToken.Algorithms
	}
	if p.discoveryURL == "" {
		return e, nil
	}
	d, err := p.discovery.get(ctx, tools.Now, false, func(ctx context.Context) (*document, error) {
		return discover(ctx, tools, p.discoveryURL)
	})
	if err != nil {
		return nil, err
	}
	e.userinfo, e.issuer, e.sendsIssuer = d.UserInfoURL, d.Issuer, d.SendsIssuer
	if e.authorize == "" {
		e.authorize = d.AuthorizeURL
	}
	if e.token == "" {
		e.token = d.TokenURL
	}
	switch p.setting("token_auth_method") {
	case "client_secret_basic":
		e.basic = true
	case "":
		e.basic = slices.Contains(d.TokenAuth, "client_secret_basic") && !slices.Contains(d.TokenAuth, "client_secret_post")
	}
	if len(e.algorithms) == 0 {
		e.algorithms = slices.DeleteFunc(slices.Clone(signatures), func(a string) bool { return !slices.Contains(d.Algorithms, a) })
		if len(e.algorithms) == 0 {
			e.algorithms = signatures[:1]
		}
	}
	if e.keys == nil {
		e.keys = p.discoveredKeys(d.KeysURL)
	}
	return e, nil
}

// discoveredKeys are the keys at a URL; they are read anew when that changes.
func (p *provider) discoveredKeys(address string) *keySet {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == nil || p.found.url != address {
		p.found = &keySet{url: address}
	}
	return p.found
}

// openID reports whether ID tokens are asked for: then they have to come, and
// with the nonce that was sent.
func (p *provider) openID() bool {
	return p.spec.IDToken != nil && (p.spec.IDToken.Nonce || slices.Contains(p.scopes, "openid"))
}

// Begin implements [socialaccount.Redirector]. RFC 6749 §4.1.1.
func (p oauth2Provider) Begin(ctx context.Context, a *socialaccount.AuthRequest) (string, error) {
	e, err := p.endpoints(ctx, a.Tools)
	if err != nil {
		return "", err
	}
	x, s := p.exchange(a.Tools), &p.spec
	x.Query, x.state, x.redirectURI = a.Query, a.State, a.RedirectURI
	if err := x.begin(ctx, a); err != nil {
		return "", err
	}
	q := map[string]string{}
	for _, params := range []map[string]string{s.AuthParams, p.client.AuthParams} {
		for name, template := range params {
			if v, err := expand(template, x.Get); err == nil {
				q[name] = v
			}
		}
	}
	// These come last: nothing that was configured takes their place.
	standard := map[string]string{
		"client_id": p.client.ID, "redirect_uri": a.RedirectURI, "response_type": s.ResponseType,
		"scope": strings.Join(x.Scopes, s.ScopeDelimiter), "state": a.State,
	}
	if p.openID() {
		standard["nonce"] = a.Nonce
	}
	if p.pkce {
		standard["code_challenge"], standard["code_challenge_method"] = oauth2.S256ChallengeFromVerifier(a.Verifier), "S256"
	}
	rename(standard, s.AuthNames)
	maps.Copy(q, standard)
	return withQuery(e.authorize, x.Get, q)
}

// begin runs the Begin hook and keeps what it notes.
func (x *Exchange) begin(ctx context.Context, a *socialaccount.AuthRequest) error {
	x.Kept = map[string]string{}
	if x.p.spec.Begin != nil {
		if err := x.p.spec.Begin(ctx, x); err != nil {
			return err
		}
	}
	a.Kept = x.Kept
	return nil
}

// rename renames standard parameters, or leaves them out.
func rename(params, names map[string]string) {
	for from, to := range names {
		v, ok := params[from]
		if !ok {
			continue
		}
		delete(params, from)
		if to != "" {
			params[to] = v
		}
	}
}

// withQuery is a URL by a template with further parameters.
func withQuery(template string, value lookup, params map[string]string) (string, error) {
	address, err := expandURL(template, value)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", errors.New("the URL to authorize at is wrong")
	}
	q := u.Query()
	for name, v := range params {
		q.Set(name, v)
	}
	// Some providers don't know "+" for a space.
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String(), nil
}

// StateOf implements [socialaccount.Redirector].
func (oauth2Provider) StateOf(callback url.Values) string { return callback.Get("state") }

// Finish implements [socialaccount.Redirector]. RFC 6749 §4.1.2, §4.1.3.
func (p oauth2Provider) Finish(ctx context.Context, a *socialaccount.AuthRequest, callback url.Values) (*socialaccount.Identity, error) {
	e, err := p.endpoints(ctx, a.Tools)
	if err != nil {
		return nil, err
	}
	// RFC 9207: an answer that says whose it is must be the right one's.
	if iss := callback.Get("iss"); iss != "" && e.issuer != "" && iss != e.issuer || iss == "" && e.sendsIssuer {
		return nil, errors.New("the answer is another provider's")
	}
	code := callback.Get(p.spec.CodeParam)
	switch problem := callback.Get("error"); {
	case problem == "access_denied":
		return nil, socialaccount.ErrCancelled
	case problem != "":
		return nil, providerError(problem)
	case code == "":
		return nil, errors.New("the provider sent no code")
	}
	x := p.exchange(a.Tools)
	x.Callback, x.Kept = callback, a.Kept
	x.state, x.redirectURI, x.verifier, x.nonce = a.State, a.RedirectURI, a.Verifier, a.Nonce
	if err := x.redeem(ctx, e, map[string]string{
		"grant_type": "authorization_code", "code": code, "redirect_uri": a.RedirectURI,
	}); err != nil {
		return nil, err
	}
	if err := x.identify(ctx, e); err != nil {
		return nil, err
	}
	return x.identity(ctx)
}

var errorCode = pattern.New(`^[A-Za-z0-9_.-]{1,64}$`)

// providerError is an error that the provider tells; what it says is shown only
// if it looks like a code.
func providerError(code string) error {
	if !errorCode.MatchString(code) {
		code = "an error"
	}
	return fmt.Errorf("the provider says %s", code) // not secret: an error's code
}

// redeem makes a token request. RFC 6749 §4.1.3, §6.
func (x *Exchange) redeem(ctx context.Context, e *endpoints, params map[string]string) error {
	s := &x.p.spec.Token
	if x.p.spec.Before != nil {
		if err := x.p.spec.Before(ctx, x); err != nil {
			return err
		}
	}
	rq, err := x.tokenRequest(ctx, e, params)
	if err != nil {
		return err
	}
	status, header, body, err := do(x.HTTP, rq)
	if err != nil {
		return err
	}
	answer, err := parseToken(header, body)
	if err == nil && (status == http.StatusOK || status == http.StatusCreated) {
		if err = x.expect(s.Expect, answer); err == nil && s.Unwrap != "" {
			answer, _ = valueAt(answer, s.Unwrap).(map[string]any)
		}
	}
	if problem := textOf(answer["error"]); problem != "" {
		err = providerError(problem)
	} else if status != http.StatusOK && status != http.StatusCreated {
		err = &statusError{rq.URL.Host, status}
	}
	if err != nil {
		return fmt.Errorf("token request: %w", err)
	}
	for from, to := range s.Answer {
		if v, ok := answer[from]; ok {
			answer[to] = v
		}
	}
	x.Token, x.AccessToken = answer, textOf(answer["access_token"])
	if x.AccessToken == "" {
		return errors.New("token request: there is no access token in the answer")
	}
	x.Grant = &oauth2.Token{AccessToken: x.AccessToken, RefreshToken: x.remember(textOf(answer["refresh_token"])), TokenType: textOf(answer["token_type"])}
	x.Grant.Expiry = expiry(x.Now, textOf(answer["expires_in"]))
	return nil
}

// remember puts what is needed to renew a token with it into a form, where it is
// more than a refresh token.
func (x *Exchange) remember(refreshToken string) string {
	names := x.p.spec.Token.Remember
	if refreshToken == "" || len(names) == 0 {
		return refreshToken
	}
	form := url.Values{"refresh_token": {refreshToken}}
	for _, name := range names {
		if v := x.Callback.Get(name); v != "" && len(v) <= maxRemembered {
			form.Set(name, v)
		}
	}
	return form.Encode()
}

// maxRemembered bounds what is kept of a parameter.
const maxRemembered = 1 << 10

// recall is remember the other way round.
func (x *Exchange) recall(kept string) (refreshToken string) {
	if len(x.p.spec.Token.Remember) == 0 {
		return kept
	}
	form, err := url.ParseQuery(kept)
	if err != nil || form.Get("refresh_token") == "" {
		return kept // from elsewhere
	}
	x.Callback = form
	return form.Get("refresh_token")
}

// expiry is when a token ends that lasts for so many seconds; zero for one that
// does not say.
func expiry(now time.Time, seconds string) time.Time {
	n, err := strconv.ParseFloat(seconds, 64)
	if err != nil || n <= 0 || n > 1e9 {
		return time.Time{}
	}
	return now.Add(time.Duration(n * float64(time.Second)))
}

func (x *Exchange) tokenRequest(ctx context.Context, e *endpoints, params map[string]string) (*http.Request, error) {
	s := &x.p.spec.Token
	secret := x.Get("secret")
	params = maps.Clone(params)
	if x.p.pkce && x.verifier != "" {
		params["code_verifier"] = x.verifier
	}
	if !e.basic {
		params["client_id"], params["client_secret"] = x.Client.ID, secret
	}
	rename(params, s.Names)
	for name, template := range s.Extra {
		if v, err := expand(template, x.Get); err == nil {
			params[name] = v
		}
	}
	address, err := expandURL(e.token, x.Get)
	if err != nil {
		return nil, err
	}
	form := url.Values{}
	for name, v := range params {
		if v != "" {
			form.Set(name, v)
		}
	}
	method, body, contentType := s.Method, form.Encode(), "application/x-www-form-urlencoded"
	switch {
	case method == http.MethodGet:
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		address, body, contentType = address+separator+body, "", ""
	case s.JSON:
		b, err := json.Marshal(flat(form))
		if err != nil {
			return nil, err
		}
		body, contentType = string(b), "application/json"
	}
	if method == "" {
		method = http.MethodPost
	}
	rq, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, errors.New("the token URL is wrong")
	}
	rq.Header.Set("Accept", "application/json")
	if contentType != "" {
		rq.Header.Set("Content-Type", contentType)
	}
	if e.basic {
		rq.SetBasicAuth(url.QueryEscape(x.Client.ID), url.QueryEscape(secret))
	}
	for name, template := range s.Headers {
		v, err := expand(template, x.Get)
		if err != nil {
			return nil, err
		}
		rq.Header.Set(name, v)
	}
	return rq, nil
}

func flat(form url.Values) map[string]string {
	m := map[string]string{}
	for name := range form {
		m[name] = form.Get(name)
	}
	return m
}

// parseToken reads an answer that is JSON or a form, whatever it is called.
func parseToken(header http.Header, body []byte) (map[string]any, error) {
	if !isForm(header, body) {
		doc, err := decodeJSON(body)
		m, ok := doc.(map[string]any)
		if err == nil && !ok {
			err = errors.New("the answer is no object")
		}
		return m, err
	}
	form, err := url.ParseQuery(strings.TrimSpace(string(body)))
	if err != nil {
		return nil, errors.New("the answer is neither JSON nor a form")
	}
	m := map[string]any{}
	for name := range form {
		m[name] = form.Get(name)
	}
	return m, nil
}

// identify fills the profile: from the ID token, from calls, or from the answer
// to the token request.
func (x *Exchange) identify(ctx context.Context, e *endpoints) error {
	s := &x.p.spec
	claims, err := x.idToken(ctx, e)
	if err != nil {
		return err
	}
	calls := s.Profile
	switch {
	case s.IDToken != nil && s.IDToken.Profile && claims != nil:
		x.Profile, calls = any(claims), nil
	case x.p.discoveryURL != "" && calls == nil:
		return x.discovered(ctx, e, claims)
	case len(calls) == 0:
		x.Profile = maps.Clone(x.Token)
	}
	if err := x.readProfile(ctx, calls); err != nil || claims == nil || len(calls) == 0 {
		return err
	}
	// OpenID Connect Core 1.0 §5.3.2, whatever the endpoint is called.
	if x.p.subject.text(x.Profile) != textOf(claims["sub"]) {
		return errors.New("the profile is not about the subject of the id token")
	}
	return nil
}

// discovered reads the userinfo endpoint, whose answer must be about the
// subject of the ID token. OpenID Connect Core 1.0 §5.3.2.
func (x *Exchange) discovered(ctx context.Context, e *endpoints, claims map[string]any) error {
	stored := map[string]any{}
	if claims != nil {
		x.Profile, stored["id_token"] = claims, claims
	}
	if e.userinfo != "" && (claims == nil || x.p.setting("fetch_userinfo") != "false") {
		x.Set("userinfo_endpoint", e.userinfo)
		info, err := x.Call(ctx, Call{URL: "{userinfo_endpoint}"})
		if err != nil {
			return err
		}
		if claims != nil && textOf(child(info, "sub")) != textOf(claims["sub"]) {
			return errors.New("userinfo is about somebody else")
		}
		x.Profile, stored["userinfo"] = info, info
	}
	x.Stored = stored
	return nil
}

// idToken verifies the ID token that came with the access token or else, where
// it has to have our nonce, with the browser; nil means that there is none.
func (x *Exchange) idToken(ctx context.Context, e *endpoints) (map[string]any, error) {
	s := x.p.spec.IDToken
	if s == nil {
		return nil, nil
	}
	raw := textOf(x.Token["id_token"])
	if raw == "" && x.p.openID() {
		raw = x.Callback.Get("id_token")
	}
	if raw == "" {
		if s.Required || x.p.openID() && x.p.discoveryURL != "" {
			return nil, errors.New("there is no id token in the answer")
		}
		return nil, nil
	}
	want := x.p.expected(e)
	want.audience, want.accessToken = []string{x.Client.ID}, x.AccessToken
	if x.p.openID() {
		want.nonce = x.nonce
	}
	return e.keys.verifyIDToken(ctx, x.Tools, raw, want)
}

func (p *provider) expected(e *endpoints) expected {
	return expected{
		issuers: append([]string{e.issuer}, p.spec.IDToken.Issuers...), algorithms: e.algorithms, parties: p.info.ClientIDs,
	}
}

// Refresh implements [socialaccount.Refresher]. RFC 6749 §6.
func (p oauth2Provider) Refresh(ctx context.Context, tools socialaccount.Tools, refreshToken string) (*oauth2.Token, error) {
	e, err := p.endpoints(ctx, tools)
	if err != nil {
		return nil, err
	}
	e.token = cmp.Or(p.spec.Token.RefreshURL, e.token)
	x := p.exchange(tools)
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	if x.state, err = secret.Text(tools.Rand, alphabet, 32); err != nil { // some want one here, too
		return nil, err
	}
	err = x.redeem(ctx, e, map[string]string{"grant_type": "refresh_token", "refresh_token": x.recall(refreshToken)})
	return x.Grant, err
}

// VerifyToken implements [socialaccount.TokenVerifier].
// spec: socialaccount.md §9.2.
func (p tokenProvider) VerifyToken(ctx context.Context, tools socialaccount.Tools, t socialaccount.Token) (*socialaccount.Identity, error) {
	x, s := p.exchange(tools), &p.spec
	x.Client.ID = t.ClientID
	if s.VerifyToken != nil && t.AccessToken != "" {
		x.AccessToken, x.Grant = t.AccessToken, &oauth2.Token{AccessToken: t.AccessToken}
		if err := s.VerifyToken(ctx, x); err != nil {
			return nil, err
		}
		return x.identity(ctx)
	}
	if t.IDToken == "" || s.IDToken == nil || !s.IDToken.Login {
		return nil, errors.New("this kind of token is not taken")
	}
	e, err := p.endpoints(ctx, tools)
	if err != nil {
		return nil, err
	}
	want := p.expected(e)
	want.audience = []string{t.ClientID}
	if t.ClientID == strings.Join(p.info.ClientIDs, ",") {
		want.audience = p.info.ClientIDs
	}
	want.accessToken = t.AccessToken
	claims, err := e.keys.verifyIDToken(ctx, tools, t.IDToken, want)
	if err != nil {
		return nil, err
	}
	x.Profile = claims
	return x.identity(ctx)
}
