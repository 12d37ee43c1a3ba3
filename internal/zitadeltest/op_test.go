// Package zitadel_test runs our OpenID Connect provider kind against an
// OpenID provider that others have written, the server of zitadel/oidc, with
// real clocks, real keys and a real browser.
package zitadel_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// idTokenLifetime is how long an ID token of the provider is good for.
const idTokenLifetime = 5 * time.Minute

// openID is the provider with what it knows. Its methods below are what the
// server asks of a storage.
type openID struct {
	url string

	mu       sync.Mutex
	key      *signingKey
	clients  map[string]*client
	people   map[string]person        // by subject
	requests map[string]*request      // by id
	codes    map[string]string        // ids of requests by code
	tokens   map[string]tokenOfPerson // by id

	srv *httptest.Server
}

type person struct {
	email    string
	verified bool
	name     string
}

type tokenOfPerson struct {
	subject string
	scopes  []string
}

// newOpenID starts a provider. Its name is localhost, while the sites of these
// tests are 127.0.0.1: so a browser takes them for different sites.
func newOpenID(t *testing.T) *openID {
	t.Helper()
	p := &openID{
		clients: map[string]*client{}, people: map[string]person{}, requests: map[string]*request{},
		codes: map[string]string{}, tokens: map[string]tokenOfPerson{},
	}
	p.rotate(t)
	mux := http.NewServeMux()
	p.srv = httptest.NewServer(mux)
	t.Cleanup(p.stop)
	_, port, _ := strings.Cut(p.srv.Listener.Addr().String(), ":")
	p.url = "http://localhost:" + port
	c := &op.Config{CodeMethodS256: true, AuthMethodPost: true, SupportedScopes: []string{"openid", "profile", "email"}}
	if _, err := rand.Read(c.CryptoKey[:]); err != nil {
		t.Fatal(err)
	}
	server, err := op.NewProvider(c, p, op.StaticIssuer(p.url), op.WithAllowInsecure())
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("GET /login", p.page)
	mux.Handle("POST /login", op.NewIssuerInterceptor(server.IssuerFromRequest).HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.logIn(w, r, server) }))
	mux.Handle("/", server)
	return p
}

func (p *openID) stop() { p.srv.Close() }

// rotate makes a new key. The old one is gone.
func (p *openID) rotate(t *testing.T) {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key = &signingKey{rand.Text(), k}
}

// register makes a client known.
func (p *openID) register(id, secret string, redirectURIs ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients[id] = &client{p, id, secret, redirectURIs}
}

// page is where people log in.
func (p *openID) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Log in</title><main><h1>Their login</h1><form method="post">
<input type="hidden" name="id" value="%s"><label>Email <input name="email"></label><label>Name <input name="name"></label>
<button>Allow</button><button name="deny" value="1">Deny</button></form></main></html>`, html.EscapeString(r.URL.Query().Get("id")))
}

// logIn believes whoever comes: the subject is made of the address.
func (p *openID) logIn(w http.ResponseWriter, r *http.Request, server *op.Provider) {
	p.mu.Lock()
	q := p.requests[r.PostFormValue("id")]
	email := r.PostFormValue("email")
	if q != nil && r.PostFormValue("deny") == "" {
		q.subject, q.at = "subject-of-"+email, time.Now()
		p.people[q.subject] = person{email, true, r.PostFormValue("name")}
	}
	p.mu.Unlock()
	switch {
	case q == nil:
		http.Error(w, "no such request", http.StatusBadRequest)
	case q.subject == "":
		op.AuthRequestError(w, r, q, oidc.ErrAccessDenied(), server)
	default:
		http.Redirect(w, r, op.AuthCallbackURL(server)(r.Context(), q.id), http.StatusSeeOther)
	}
}

// token is an ID token as an app has got it for itself, with somebody's
// consent: by the whole flow, as the provider serves it.
func (p *openID) token(t *testing.T, clientID, email string) string {
	t.Helper()
	c := p.clients[clientID]
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(rq *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(rq.URL.String(), p.url) {
			return nil
		}
		return http.ErrUseLastResponse
	}}
	get := func(method, target string, form url.Values) (*http.Response, []byte) {
		rq, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		rq.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := browser.Do(rq)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode >= 400 {
			t.Fatalf("%s: got %d %s, %v", target, resp.StatusCode, b, err)
		}
		return resp, b
	}
	back, verifier := c.redirectURIs[0], strings.Repeat("v", 43)
	page, _ := get("GET", p.url+"/authorize?"+url.Values{
		"client_id": {clientID}, "response_type": {"code"}, "scope": {"openid profile email"}, "redirect_uri": {back}, "state": {"s"},
		"code_challenge": {oidc.NewSHACodeChallenge(verifier)}, "code_challenge_method": {"S256"},
	}.Encode(), nil)
	done, _ := get("POST", p.url+"/login", url.Values{"id": {page.Request.URL.Query().Get("id")}, "email": {email}, "name": {"App User"}})
	at, err := url.Parse(done.Header.Get("Location"))
	if err != nil || at.Query().Get("code") == "" {
		t.Fatalf("got %s", done.Header.Get("Location"))
	}
	_, b := get("POST", p.url+"/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {at.Query().Get("code")}, "redirect_uri": {back}, "code_verifier": {verifier},
		"client_id": {clientID}, "client_secret": {c.secret},
	})
	var answer struct {
		IDToken string `json:"id_token"`
	}
	if err := json.Unmarshal(b, &answer); err != nil || answer.IDToken == "" {
		t.Fatalf("got %s, %v", b, err)
	}
	return answer.IDToken
}

// client is somebody who sends people there.
type client struct {
	p            *openID
	id, secret   string
	redirectURIs []string
}

func (c *client) GetID() string                       { return c.id }
func (c *client) RedirectURIs() []string              { return c.redirectURIs }
func (c *client) PostLogoutRedirectURIs() []string    { return nil }
func (c *client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c *client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodPost }
func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c *client) GrantTypes() []oidc.GrantType         { return []oidc.GrantType{oidc.GrantTypeCode} }
func (c *client) LoginURL(id string) string            { return c.p.url + "/login?id=" + id }
func (c *client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (c *client) IDTokenLifetime() time.Duration       { return idTokenLifetime }
func (c *client) DevMode() bool                        { return true } // redirect URIs over http
func (c *client) IsScopeAllowed(string) bool           { return false }
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return true } // apps bring nothing else
func (c *client) ClockSkew() time.Duration             { return 0 }
func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

// request is somebody who is being logged in.
type request struct {
	id string
	*oidc.AuthRequest
	subject string
	at      time.Time
}

func (q *request) GetID() string                      { return q.id }
func (q *request) GetACR() string                     { return "" }
func (q *request) GetAMR() []string                   { return []string{"pwd"} }
func (q *request) GetAudience() []string              { return []string{q.ClientID} }
func (q *request) GetAuthTime() time.Time             { return q.at }
func (q *request) GetClientID() string                { return q.ClientID }
func (q *request) GetSubject() string                 { return q.subject }
func (q *request) Done() bool                         { return q.subject != "" }
func (q *request) GetNonce() string                   { return q.Nonce }
func (q *request) GetState() string                   { return q.State }
func (q *request) GetRedirectURI() string             { return q.RedirectURI }
func (q *request) GetResponseType() oidc.ResponseType { return q.ResponseType }
func (q *request) GetResponseMode() oidc.ResponseMode { return q.ResponseMode }
func (q *request) GetScopes() []string                { return q.Scopes }
func (q *request) GetCodeChallenge() *oidc.CodeChallenge {
	if q.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: q.CodeChallenge, Method: q.CodeChallengeMethod}
}

type signingKey struct {
	id  string
	key *rsa.PrivateKey
}

func (k *signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k *signingKey) Key() any                                    { return k.key }
func (k *signingKey) ID() string                                  { return k.id }

type publicKey struct{ *signingKey }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return &k.key.PublicKey }

var (
	errUnknown = errors.New("not known here")
	errNone    = errors.New("there is none of it here")
)

func (p *openID) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := &request{id: rand.Text(), AuthRequest: r}
	p.requests[q.id] = q
	return q, nil
}

func (p *openID) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if q := p.requests[id]; q != nil {
		return q, nil
	}
	return nil, errUnknown
}

func (p *openID) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	p.mu.Lock()
	id := p.codes[code]
	p.mu.Unlock()
	return p.AuthRequestByID(ctx, id)
}

func (p *openID) SaveAuthCode(_ context.Context, id, code string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = id
	return nil
}

func (p *openID) DeleteAuthRequest(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.requests, id)
	return nil
}

func (p *openID) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := rand.Text()
	p.tokens[id] = tokenOfPerson{r.GetSubject(), slices.Clone(r.GetScopes())}
	return id, time.Now().Add(idTokenLifetime), nil
}

func (p *openID) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errNone
}

func (p *openID) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, op.ErrInvalidRefreshToken
}

func (p *openID) TerminateSession(context.Context, string, string) error { return nil }

func (p *openID) RevokeToken(context.Context, string, string, string) *oidc.Error { return nil }

func (p *openID) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (p *openID) SigningKey(context.Context) (op.SigningKey, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.key, nil
}

func (p *openID) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

func (p *openID) KeySet(context.Context) ([]op.Key, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return []op.Key{publicKey{p.key}}, nil
}

func (p *openID) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.clients[id]; c != nil {
		return c, nil
	}
	return nil, errUnknown
}

func (p *openID) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.clients[id]; c == nil || c.secret != secret {
		return errUnknown
	}
	return nil
}

func (p *openID) SetUserinfoFromScopes(_ context.Context, u *oidc.UserInfo, subject, _ string, scopes []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	who, ok := p.people[subject]
	if !ok {
		return errUnknown
	}
	u.Subject = subject
	if slices.Contains(scopes, oidc.ScopeEmail) {
		u.Email, u.EmailVerified = who.email, oidc.Bool(who.verified)
	}
	if slices.Contains(scopes, oidc.ScopeProfile) {
		u.Name = who.name
	}
	return nil
}

func (p *openID) SetUserinfoFromToken(ctx context.Context, u *oidc.UserInfo, tokenID, subject, _ string) error {
	p.mu.Lock()
	token, ok := p.tokens[tokenID]
	p.mu.Unlock()
	if !ok || token.subject != subject {
		return errUnknown
	}
	return p.SetUserinfoFromScopes(ctx, u, subject, "", token.scopes)
}

func (p *openID) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errNone
}

func (p *openID) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (p *openID) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNone
}

func (p *openID) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNone
}

func (p *openID) Health(context.Context) error { return nil }
