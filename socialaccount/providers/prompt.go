package providers

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/headless-auth/headless/socialaccount"
)

// promptProvider is one whose script for web pages posts ID tokens in the
// manner of Google Identity Services: a form with "credential", the token, and
// "g_csrf_token", which is in a cookie of that name as well.
type promptProvider struct{ tokenProvider }

// PromptPath implements [socialaccount.Prompter]. spec: providers.json, google.
func (p promptProvider) PromptPath() string {
	return strings.TrimSuffix(p.info.Path, "callback/") + "token/"
}

// ReceivePrompt implements [socialaccount.Prompter]. spec: socialaccount.md §17.
func (promptProvider) ReceivePrompt(r *http.Request) (url.Values, error) {
	c, err := r.Cookie("g_csrf_token")
	if err != nil || c.Value == "" || subtle.ConstantTimeCompare([]byte(c.Value), []byte(r.PostForm.Get("g_csrf_token"))) != 1 {
		return nil, socialaccount.ErrForeignPost
	}
	token := r.PostForm.Get("credential")
	nonce, err := claimedNonce(token)
	if err != nil {
		return nil, err
	}
	return url.Values{"nonce": {nonce}, "credential": {token}}, nil
}

// claimedNonce is the nonce that a token speaks of, whether that is true or not.
func claimedNonce(token string) (string, error) {
	if len(token) > maxIDToken || !compact.MatchString(token) {
		return "", errors.New("id token: malformed")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		return "", errors.New("id token: malformed")
	}
	claims, err := decodeJSON(payload)
	if err != nil {
		return "", errors.New("id token: malformed")
	}
	nonce := textOf(child(claims, "nonce"))
	if nonce == "" {
		return "", errors.New("id token: there is no nonce")
	}
	return nonce, nil
}

// FinishPrompt implements [socialaccount.Prompter].
func (p promptProvider) FinishPrompt(ctx context.Context, a *socialaccount.AuthRequest, posted url.Values) (*socialaccount.Identity, error) {
	e, err := p.endpoints(ctx, a.Tools)
	if err != nil {
		return nil, err
	}
	want := p.expected(e)
	want.audience, want.nonce = p.info.ClientIDs, a.Nonce
	x := p.exchange(a.Tools)
	claims, err := e.keys.verifyIDToken(ctx, a.Tools, posted.Get("credential"), want)
	if err != nil {
		return nil, err
	}
	x.Profile = claims
	return x.identity(ctx)
}
