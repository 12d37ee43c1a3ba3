package oidctest

import (
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
)

// discovery is the provider's configuration. OpenID Connect Discovery §3.
func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                         p.Issuer,
		"authorization_endpoint":                         p.Issuer + "/authorize",
		"token_endpoint":                                 p.Issuer + "/token",
		"userinfo_endpoint":                              p.Issuer + "/userinfo",
		"jwks_uri":                                       p.Issuer + "/jwks.json",
		"response_types_supported":                       []string{"code"},
		"grant_types_supported":                          []string{"authorization_code"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":               []string{"S256"},
		"scopes_supported":                               []string{"openid", "profile", "email"},
		"claims_supported":                               []string{"sub", "email", "email_verified", "name"},
		"authorization_response_iss_parameter_supported": true,
	})
}

//go:embed authorize.html
var authorizeHTML string

var authorizePage = template.Must(template.New("authorize").Parse(authorizeHTML))

// ask shows the sign-in page.
func (p *Provider) ask(w http.ResponseWriter, r *http.Request) { p.page(w, r, http.StatusOK, "") }

func (p *Provider) page(w http.ResponseWriter, r *http.Request, status int, wrong string) {
	client, refused := p.judge(r.URL.Query())
	if refused != "" {
		http.Error(w, refused, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = authorizePage.Execute(w, map[string]string{ // the client may be gone
		"Name": p.Name, "Site": client.ID, "Email": r.PostFormValue("email"), "Person": r.PostFormValue("name"), "Wrong": wrong,
	})
}

// judge finds the client that sends somebody here, or tells what is wrong with
// how it does. Only then may the browser be sent back there.
func (p *Provider) judge(q url.Values) (c Client, refused string) {
	c, ok := p.client(q.Get("client_id"))
	switch {
	case !ok:
		return c, "the client is not known"
	case !slices.Contains(c.RedirectURIs, q.Get("redirect_uri")):
		return c, "the redirect_uri is not registered"
	case q.Get("response_type") != "code":
		return c, "the response_type must be code"
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		return c, "the scope must contain openid"
	case q.Get("code_challenge") != "" && q.Get("code_challenge_method") != "S256":
		return c, "the code_challenge_method must be S256"
	}
	return c, ""
}

// answer takes the sign-in page's form and sends the browser back.
func (p *Provider) answer(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	client, refused := p.judge(q)
	if refused != "" {
		http.Error(w, refused, http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}, "iss": {p.Issuer}} // RFC 9207
	if r.PostFormValue("action") == "cancel" {
		back.Set("error", "access_denied")
	} else {
		address, err := mail.ParseAddress(r.PostFormValue("email"))
		if err != nil {
			p.page(w, r, http.StatusUnprocessableEntity, "This is no email address.")
			return
		}
		email := strings.ToLower(address.Address)
		sum := sha256.Sum256([]byte(email))
		back.Set("code", p.agree(client.ID, q, Person{
			Subject: hex.EncodeToString(sum[:8]), Email: email,
			EmailVerified: r.PostFormValue("unverified") == "", Name: strings.TrimSpace(r.PostFormValue("name")),
		}))
	}
	target, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		http.Error(w, "the redirect_uri is no URL", http.StatusBadRequest)
		return
	}
	target.RawQuery = back.Encode()
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
}

// agree is somebody's consent to an authorization request; it returns the code
// for it.
func (p *Provider) agree(client string, q url.Values, who Person) string {
	return p.keep(p.codes, grant{
		person: who, client: client, redirectURI: q.Get("redirect_uri"), scopes: strings.Fields(q.Get("scope")),
		nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), at: p.Now(),
	}, codeLifetime)
}

// Consent signs somebody in without a browser: it takes the URL that a site has
// sent one to, and returns where it is sent back to.
func (p *Provider) Consent(location string, who Person) (back *url.URL, err error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	client, refused := p.judge(q)
	if refused != "" {
		return nil, errors.New(refused)
	}
	if back, err = url.Parse(q.Get("redirect_uri")); err != nil {
		return nil, err
	}
	back.RawQuery = url.Values{"state": {q.Get("state")}, "iss": {p.Issuer}, "code": {p.agree(client.ID, q, who)}}.Encode()
	return back, nil
}

// token trades a code for tokens. RFC 6749 §4.1.3, RFC 7636 §4.6.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	fail := func(status int, code string) { writeJSON(w, status, map[string]string{"error": code}) }
	id, secret, basic := r.BasicAuth()
	if basic { // RFC 6749 §2.3.1: both are form-encoded first
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	client, ok := p.client(id)
	if !ok || subtle.ConstantTimeCompare([]byte(client.Secret), []byte(secret)) != 1 {
		fail(http.StatusUnauthorized, "invalid_client")
		return
	}
	if r.PostFormValue("grant_type") != "authorization_code" {
		fail(http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	p.mu.Lock()
	g, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	p.mu.Unlock()
	verifier := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || g.client != id || g.redirectURI != r.PostFormValue("redirect_uri") || p.Now().Sub(g.at) > codeLifetime ||
		g.challenge != "" && g.challenge != base64.RawURLEncoding.EncodeToString(verifier[:]) {
		fail(http.StatusBadRequest, "invalid_grant")
		return
	}
	access := p.keep(p.tokens, g, tokenLifetime)
	idToken, err := p.sign(g, access)
	if err != nil {
		fail(http.StatusInternalServerError, "server_error")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(tokenLifetime.Seconds()),
		"scope": strings.Join(g.scopes, " "), "id_token": idToken,
	})
}

// userinfo tells about the person behind an access token. OpenID Connect Core
// §5.3.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	g, ok := p.tokens[token]
	p.mu.Unlock()
	if !ok || p.Now().Sub(g.at) > tokenLifetime {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return
	}
	writeJSON(w, http.StatusOK, g.person.claims())
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
