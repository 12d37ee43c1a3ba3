package providers

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- the only signature that these providers know
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/oauth2"

	"github.com/headless-auth/headless/socialaccount"
)

// oauth1Provider is a Spec in OAuth 1.0a (RFC 5849).
type oauth1Provider struct{ *provider }

const keptSecret = "oauth_token_secret" // of the request token, in AuthRequest.Kept

// Begin implements [socialaccount.Redirector]: it gets a request token, which
// is what the provider hands back. RFC 5849 §2.1, §2.2.
func (p oauth1Provider) Begin(ctx context.Context, a *socialaccount.AuthRequest) (string, error) {
	x := p.exchange(a.Tools)
	x.Query, x.state, x.redirectURI = a.Query, a.State, a.RedirectURI
	if err := x.begin(ctx, a); err != nil {
		return "", err
	}
	form := url.Values{}
	if len(x.Scopes) > 0 {
		form.Set("scope", strings.Join(x.Scopes, " "))
	}
	answer, err := x.tokenCall(ctx, p.spec.RequestTokenURL, form, map[string]string{"oauth_callback": a.RedirectURI})
	if err != nil {
		return "", err
	}
	a.State, a.Kept[keptSecret] = textOf(answer["oauth_token"]), textOf(answer["oauth_token_secret"])
	q := map[string]string{}
	for _, params := range []map[string]string{p.spec.AuthParams, p.client.AuthParams} {
		for name, template := range params {
			if v, err := expand(template, x.Get); err == nil {
				q[name] = v
			}
		}
	}
	q["oauth_token"], q["oauth_callback"] = a.State, a.RedirectURI
	return withQuery(p.spec.AuthorizeURL, x.Get, q)
}

// StateOf implements [socialaccount.Redirector].
func (oauth1Provider) StateOf(callback url.Values) string {
	return cmp.Or(callback.Get("oauth_token"), callback.Get("denied"))
}

// Finish implements [socialaccount.Redirector]. RFC 5849 §2.3.
func (p oauth1Provider) Finish(ctx context.Context, a *socialaccount.AuthRequest, callback url.Values) (*socialaccount.Identity, error) {
	if callback.Has("denied") {
		return nil, socialaccount.ErrCancelled
	}
	x := p.exchange(a.Tools)
	x.Callback, x.Kept, x.state, x.redirectURI = callback, a.Kept, a.State, a.RedirectURI
	x.AccessToken, x.TokenSecret = a.State, a.Kept[keptSecret]
	oauth := map[string]string{}
	if v := callback.Get("oauth_verifier"); v != "" {
		oauth["oauth_verifier"] = v
	}
	answer, err := x.tokenCall(ctx, p.spec.TokenURL, nil, oauth)
	if err != nil {
		return nil, err
	}
	x.Token, x.AccessToken, x.TokenSecret = answer, textOf(answer["oauth_token"]), textOf(answer["oauth_token_secret"])
	if len(p.spec.Profile) == 0 {
		x.Profile = map[string]any(answer)
	}
	if err := x.readProfile(ctx, p.spec.Profile); err != nil {
		return nil, err
	}
	t := &oauth2.Token{AccessToken: x.AccessToken, TokenType: "OAuth"}
	x.Grant = t.WithExtra(map[string]any{socialaccount.TokenSecret: x.TokenSecret})
	return x.identity(ctx)
}

// tokenCall gets a request token or an access token.
func (x *Exchange) tokenCall(ctx context.Context, template string, form url.Values, oauth map[string]string) (map[string]any, error) {
	address, err := expandURL(template, x.Get)
	if err != nil {
		return nil, err
	}
	rq, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errors.New("the token URL is wrong")
	}
	rq.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := x.p.sign(x, rq, form, oauth); err != nil {
		return nil, err
	}
	status, header, body, err := do(x.HTTP, rq)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK && status != http.StatusCreated {
		return nil, fmt.Errorf("token request: %w", &statusError{rq.URL.Host, status})
	}
	answer, err := parseToken(header, body)
	if err == nil && textOf(answer["oauth_token"]) == "" {
		err = errors.New("there is no token in the answer")
	}
	if err != nil {
		return nil, fmt.Errorf("token request: %w", err)
	}
	return answer, nil
}

// sign signs a request with HMAC-SHA1. RFC 5849 §3.4.
func (p *provider) sign(x *Exchange, rq *http.Request, form url.Values, oauth map[string]string) error {
	nonce := make([]byte, 16)
	if _, err := io.ReadFull(x.Rand, nonce); err != nil {
		return fmt.Errorf("random source: %w", err)
	}
	params := map[string]string{
		"oauth_consumer_key": p.client.ID, "oauth_nonce": hex.EncodeToString(nonce), "oauth_signature_method": "HMAC-SHA1",
		"oauth_timestamp": strconv.FormatInt(x.Now.Unix(), 10), "oauth_version": "1.0",
	}
	if x.AccessToken != "" {
		params["oauth_token"] = x.AccessToken
	}
	for name, v := range oauth {
		params[name] = v
	}
	all := [][2]string{}
	for name, v := range params {
		all = append(all, [2]string{percent(name), percent(v)})
	}
	for _, values := range []url.Values{rq.URL.Query(), form} {
		for name, l := range values {
			for _, v := range l {
				all = append(all, [2]string{percent(name), percent(v)})
			}
		}
	}
	slices.SortFunc(all, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	var pairs []string
	for _, kv := range all {
		pairs = append(pairs, kv[0]+"="+kv[1])
	}
	u := *rq.URL
	u.RawQuery, u.Fragment, u.Host = "", "", strings.ToLower(u.Host)
	base := strings.ToUpper(rq.Method) + "&" + percent(u.String()) + "&" + percent(strings.Join(pairs, "&"))
	mac := hmac.New(sha1.New, []byte(percent(p.client.Secret)+"&"+percent(x.TokenSecret)))
	mac.Write([]byte(base))
	params["oauth_signature"] = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	var header []string
	for name, v := range params {
		header = append(header, percent(name)+`="`+percent(v)+`"`)
	}
	slices.Sort(header)
	rq.Header.Set("Authorization", "OAuth "+strings.Join(header, ", "))
	return nil
}

// percent encodes as RFC 5849 §3.6 has it.
func percent(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}
