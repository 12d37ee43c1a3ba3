package providers

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/headless-auth/headless/internal/pattern"
	"github.com/headless-auth/headless/socialaccount"
)

const (
	maxIDToken = 32 << 10
	maxKeys    = 100
	minRSABits = 2048
	// leeway is how far the clocks of provider and site may differ.
	leeway = time.Minute
)

// signatures are the algorithms that ID tokens may be signed with. None of them
// works with a shared secret: a public key never verifies as one.
var signatures = []string{string(jose.RS256), string(jose.PS256), string(jose.ES256), string(jose.EdDSA)}

// keySet are a provider's public keys.
type keySet struct {
	url  string
	keys cached[[]jose.JSONWebKey]
}

// load reads the published keys. Kinds that we don't know are left out.
func (k *keySet) load(tools socialaccount.Tools) func(context.Context) ([]jose.JSONWebKey, error) {
	return func(ctx context.Context) ([]jose.JSONWebKey, error) {
		var set struct{ Keys []json.RawMessage }
		if err := getJSON(ctx, tools.HTTP, k.url, &set); err != nil {
			return nil, fmt.Errorf("keys of the provider: %w", err)
		}
		var keys []jose.JSONWebKey
		for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
			var key jose.JSONWebKey
			if json.Unmarshal(raw, &key) == nil && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
				keys = append(keys, key)
			}
		}
		if len(keys) == 0 {
			return nil, errors.New("keys of the provider: there are none")
		}
		return keys, nil
	}
}

// verifier is a keySet for one verification, as go-oidc asks for it.
type verifier struct {
	set        *keySet
	tools      socialaccount.Tools
	algorithms []jose.SignatureAlgorithm
}

// VerifySignature implements [oidc.KeySet]. Keys are looked up by their id
// among those that the provider publishes; whatever else a token says of keys
// is ignored. An unknown id has them read again, but only so often.
func (v *verifier) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, v.algorithms)
	if err != nil {
		return nil, err
	}
	header := jws.Signatures[0].Header
	for _, newer := range []bool{false, true} {
		keys, err := v.set.keys.get(ctx, v.tools.Now, newer, v.set.load(v.tools))
		if err != nil {
			return nil, err
		}
		known := false
		for _, key := range keys {
			if header.KeyID != "" && key.KeyID != header.KeyID || !fits(&key, header.Algorithm) {
				continue
			}
			known = true
			if payload, err := jws.Verify(key); err == nil {
				return payload, nil
			}
		}
		if known {
			return nil, errors.New("the signature is wrong")
		}
	}
	return nil, fmt.Errorf("the key %q is not the provider's", header.KeyID)
}

// fits reports whether a key is of the kind that an algorithm works with.
func fits(key *jose.JSONWebKey, algorithm string) bool {
	if key.Algorithm != "" && key.Algorithm != algorithm {
		return false
	}
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		return (algorithm == "RS256" || algorithm == "PS256") && k.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey:
		return algorithm == "ES256" && k.Curve.Params().BitSize == 256
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}

// expected is what an ID token must say to be taken.
type expected struct {
	issuers    []string
	algorithms []string
	audience   []string // one of these
	parties    []string // our client ids, any of which may have asked for it
	nonce      string   // empty: none was sent
	// accessToken came with it, and is checked if the token speaks of it.
	accessToken string
}

// compact is the one form that ID tokens have. RFC 7515 §7.1.
var compact = pattern.New(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)

// verifyIDToken verifies an ID token completely, uses it up, and returns its
// claims. OpenID Connect Core 1.0 §3.1.3.7; spec: socialaccount.md §9.2, §14.
func (k *keySet) verifyIDToken(ctx context.Context, tools socialaccount.Tools, raw string, want expected) (map[string]any, error) {
	if len(raw) > maxIDToken {
		return nil, errors.New("id token: too long")
	}
	if !compact.MatchString(raw) { // go-jose would read other forms as well
		return nil, errors.New("id token: malformed")
	}
	v := &verifier{set: k, tools: tools}
	for _, a := range want.algorithms {
		v.algorithms = append(v.algorithms, jose.SignatureAlgorithm(a))
	}
	// Audience and times are judged below: there may be several client ids, and
	// the same leeway goes for all times.
	token, err := oidc.NewVerifier("", v, &oidc.Config{
		SupportedSigningAlgs: want.algorithms, SkipClientIDCheck: true, SkipExpiryCheck: true, SkipIssuerCheck: true,
	}).Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("id token: %w", err)
	}
	claims, err := claimsOf(token)
	if err != nil {
		return nil, err
	}
	party := textOf(claims["azp"])
	switch {
	case !slices.Contains(want.issuers, token.Issuer):
		return nil, fmt.Errorf("id token: issued by %q", token.Issuer)
	case !slices.ContainsFunc(want.audience, func(id string) bool { return slices.Contains(token.Audience, id) }):
		return nil, fmt.Errorf("id token: made for %q", token.Audience)
	case len(token.Audience) > 1 && party == "", party != "" && !slices.Contains(want.parties, party):
		return nil, fmt.Errorf("id token: asked for by %q", party)
	case token.Subject == "":
		return nil, errors.New("id token: there is no subject")
	case token.Expiry.IsZero() || !tools.Now.Before(token.Expiry.Add(leeway)):
		return nil, errors.New("id token: expired")
	case token.IssuedAt.After(tools.Now.Add(leeway)), timeOf(claims["nbf"]).After(tools.Now.Add(leeway)):
		return nil, errors.New("id token: not valid yet")
	case want.nonce != "" && subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(want.nonce)) != 1:
		return nil, errors.New("id token: the nonce is another's")
	}
	if token.AccessTokenHash != "" && want.accessToken != "" {
		if err := token.VerifyAccessToken(want.accessToken); err != nil {
			return nil, fmt.Errorf("id token: %w", err)
		}
	}
	return claims, useOnce(ctx, tools, token, claims)
}

// useOnce refuses a token that was presented before, by its own id or else by
// all that it claims. Not by its text: whoever has it can write that in several
// ways, as the last digits of its parts have bits that mean nothing.
func useOnce(ctx context.Context, tools socialaccount.Tools, token *oidc.IDToken, claims map[string]any) error {
	id := textOf(claims["jti"])
	if id == "" {
		var all json.RawMessage
		if err := token.Claims(&all); err != nil {
			return fmt.Errorf("id token: %w", err)
		}
		id = string(all)
	}
	sum := sha256.Sum256([]byte(token.Issuer + "\x00" + id))
	if err := tools.UseOnce(ctx, "id_token:"+hex.EncodeToString(sum[:]), token.Expiry.Add(leeway)); err != nil {
		return fmt.Errorf("id token: used before: %w", err)
	}
	return nil
}

func claimsOf(token *oidc.IDToken) (map[string]any, error) {
	var raw json.RawMessage
	if err := token.Claims(&raw); err != nil {
		return nil, fmt.Errorf("id token: %w", err)
	}
	doc, err := decodeJSON(raw)
	claims, ok := doc.(map[string]any)
	if err != nil || !ok {
		return nil, errors.New("id token: the claims are no object")
	}
	return claims, nil
}

// timeOf reads a NumericDate; the zero time is none.
func timeOf(v any) time.Time {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}
	}
	f, err := n.Float64()
	if err != nil {
		return time.Time{}
	}
	return time.Unix(int64(min(max(f, 0), 1<<40)), 0)
}

// document is what a provider publishes about itself.
// OpenID Connect Discovery 1.0 §3; RFC 8414.
type document struct {
	Issuer       string   `json:"issuer"`
	AuthorizeURL string   `json:"authorization_endpoint"`
	TokenURL     string   `json:"token_endpoint"`
	UserInfoURL  string   `json:"userinfo_endpoint"`
	KeysURL      string   `json:"jwks_uri"`
	Algorithms   []string `json:"id_token_signing_alg_values_supported"`
	TokenAuth    []string `json:"token_endpoint_auth_methods_supported"`
	SendsIssuer  bool     `json:"authorization_response_iss_parameter_supported"`
}

const wellKnown = "/.well-known/"

// discoveryURL is where a server's document is. spec: socialaccount.md §2.1.
func discoveryURL(server string) string {
	if strings.Contains(server, wellKnown) {
		return server
	}
	return strings.TrimRight(server, "/") + wellKnown + "openid-configuration"
}

// discover reads a server's document and checks that it is about that server.
func discover(ctx context.Context, tools socialaccount.Tools, server string) (*document, error) {
	d := &document{}
	if err := getJSON(ctx, tools.HTTP, discoveryURL(server), d); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	// Discovery §4.3. The server may be written with or without a slash.
	own, _, _ := strings.Cut(server, wellKnown)
	if d.Issuer == "" || strings.TrimRight(d.Issuer, "/") != strings.TrimRight(own, "/") {
		return nil, fmt.Errorf("discovery: the issuer is %q", d.Issuer)
	}
	secure := strings.HasPrefix(server, "https:")
	for _, endpoint := range []string{d.AuthorizeURL, d.TokenURL, d.KeysURL, cmp.Or(d.UserInfoURL, d.TokenURL)} {
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (secure || u.Scheme != "http") {
			return nil, fmt.Errorf("discovery: the endpoint %q is no good URL", endpoint)
		}
	}
	return d, nil
}

// getJSON reads a public document.
func getJSON(ctx context.Context, client *http.Client, address string, v any) error {
	rq, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return errors.New("the URL is wrong")
	}
	rq.Header.Set("Accept", "application/json")
	status, _, body, err := do(client, rq)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return &statusError{rq.URL.Host, status}
	}
	if err := json.Unmarshal(body, v); err != nil {
		return errors.New("the answer is no JSON of the right form")
	}
	return nil
}
