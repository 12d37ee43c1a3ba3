package oidctest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

type signingKey struct {
	id      string
	private *rsa.PrivateKey
}

func newSigningKey() signingKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // the system's random source does not fail
	}
	return signingKey{rand.Text()[:8], key}
}

// jwks publishes the keys. RFC 7517.
func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range p.published() {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: string(jose.RS256), Use: "sig"})
	}
	writeJSON(w, http.StatusOK, set)
}

// sign makes an ID token. OpenID Connect Core §2, §3.1.3.6.
func (p *Provider) sign(g grant, accessToken string) (string, error) {
	key := p.published()[0]
	now := p.Now()
	claims := map[string]any{
		"iss": p.Issuer, "aud": g.client, "iat": now.Unix(), "exp": now.Add(tokenLifetime).Unix(), "auth_time": g.at.Unix(),
	}
	maps.Copy(claims, g.person.claims())
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	if accessToken != "" {
		sum := sha256.Sum256([]byte(accessToken))
		claims["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	}
	if p.ChangeClaims != nil {
		p.ChangeClaims(claims)
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key.private, KeyID: key.id}},
		(&jose.SignerOptions{}).WithType("JWT"),
	)
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

func (w Person) claims() map[string]any {
	c := map[string]any{"sub": w.Subject}
	if w.Email != "" {
		c["email"], c["email_verified"] = w.Email, w.EmailVerified
	}
	if w.Name != "" {
		c["name"] = w.Name
	}
	return c
}
