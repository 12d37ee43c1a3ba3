package providers

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/headless-auth/headless/socialaccount"
)

// Telegram is the Telegram Login Widget. ID is the bot's id, and Secret its
// whole token. There is no code and no token for us: the browser comes back
// with a profile that is signed, in the fragment of the URL.
func Telegram(c Client) socialaccount.Provider { return telegram.Provider(c) }

var telegram = Spec{
	ID: "telegram", Name: "Telegram",
	Settings:     []Setting{{Name: "auth_date_validity", Default: "30", Help: "how many seconds an answer can be used"}},
	AuthorizeURL: "https://oauth.telegram.org/auth",
	Map:          Mapping{UID: "id", Username: "username", FirstName: "first_name", LastName: "last_name"},
	protocol: func(p *provider) socialaccount.Provider {
		if p.client.Secret == "" {
			p.wrong("Secret", "is missing; write the bot's token")
		}
		seconds, err := strconv.Atoi(p.setting("auth_date_validity"))
		if err != nil || seconds <= 0 {
			p.wrong(`Settings["auth_date_validity"]`, "%q is no number of seconds", p.setting("auth_date_validity"))
		}
		return telegramProvider{p, time.Duration(seconds) * time.Second}
	},
}

type telegramProvider struct {
	*provider
	validity time.Duration
}

// Begin implements [socialaccount.Redirector].
func (p telegramProvider) Begin(_ context.Context, a *socialaccount.AuthRequest) (string, error) {
	origin, back, err := returnTo(a)
	if err != nil {
		return "", err
	}
	return withQuery(p.spec.AuthorizeURL, p.setting, map[string]string{
		"bot_id": p.client.ID, "origin": origin, "return_to": back, "request_access": "write", "embed": "0",
	})
}

// returnTo is the redirect URI with the state, for protocols that have no such
// thing, and the origin of both.
func returnTo(a *socialaccount.AuthRequest) (origin, address string, err error) {
	u, err := url.Parse(a.RedirectURI)
	if err != nil {
		return "", "", errors.New("the redirect URI is wrong")
	}
	u.RawQuery = url.Values{"state": {a.State}}.Encode()
	return u.Scheme + "://" + u.Host, u.String(), nil
}

// StateOf implements [socialaccount.Redirector].
func (telegramProvider) StateOf(callback url.Values) string { return callback.Get("state") }

//go:embed telegram.html
var telegramHTML string

var telegramPage = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("telegram").Parse(telegramHTML))
})

// telegramScript posts what is in the fragment, which a server never sees.
const telegramScript = `var found = /[#&]tgAuthResult=([^&]*)/.exec(location.hash), form = document.forms[0];
form.tgAuthResult.value = found ? decodeURIComponent(found[1]) : "";
form.submit();`

// Page implements [socialaccount.Interviewer].
func (telegramProvider) Page(csrf string, _ bool) socialaccount.Page {
	var b strings.Builder
	if err := telegramPage().Execute(&b, struct {
		CSRF   string
		Script template.JS
	}{csrf, telegramScript}); err != nil {
		panic(err) // a template of ours, and a builder does not fail
	}
	sum := sha256.Sum256([]byte(telegramScript))
	return socialaccount.Page{
		HTML:   []byte(b.String()),
		Policy: "default-src 'none'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; frame-ancestors 'none'",
	}
}

// Complete implements [socialaccount.Interviewer].
func (telegramProvider) Complete(form url.Values) bool { return form.Has("tgAuthResult") }

// Finish implements [socialaccount.Redirector].
func (p telegramProvider) Finish(ctx context.Context, a *socialaccount.AuthRequest, form url.Values) (*socialaccount.Identity, error) {
	raw := form.Get("tgAuthResult")
	if raw == "false" {
		return nil, socialaccount.ErrCancelled
	}
	profile, err := p.verify(ctx, a.Tools, raw)
	if err != nil {
		return nil, fmt.Errorf("telegram: %w", err)
	}
	x := p.exchange(a.Tools)
	x.Profile = profile
	return x.identity(ctx)
}

// verify checks the signature and the time of an answer, uses it up, and
// returns the profile in it. spec: providers.json, telegram.
func (p telegramProvider) verify(ctx context.Context, tools socialaccount.Tools, raw string) (map[string]any, error) {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(raw), "="))
	if err != nil {
		return nil, errors.New("the answer is no base64")
	}
	doc, err := decodeJSON(text)
	profile, ok := doc.(map[string]any)
	if err != nil || !ok {
		return nil, errors.New("the answer is no JSON object")
	}
	hash, err := hex.DecodeString(textOf(profile["hash"]))
	if err != nil {
		return nil, errors.New("the hash is not hexadecimal")
	}
	delete(profile, "hash")
	lines, err := telegramLines(profile)
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256([]byte(p.client.Secret))
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(lines))
	if !hmac.Equal(hash, mac.Sum(nil)) {
		return nil, errors.New("the answer is not signed for this bot")
	}
	at := timeOf(profile["auth_date"])
	delete(profile, "auth_date")
	if tools.Now.After(at.Add(p.validity)) || at.After(tools.Now.Add(leeway)) {
		return nil, errors.New("the answer is not of now")
	}
	if err := tools.UseOnce(ctx, "telegram:"+hex.EncodeToString(hash), at.Add(p.validity)); err != nil {
		return nil, fmt.Errorf("the answer was used before: %w", err)
	}
	return profile, nil
}

// telegramLines is what is signed: the members by name, one on each line, with
// numbers as they came.
func telegramLines(profile map[string]any) (string, error) {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(profile)) {
		switch v := profile[name].(type) {
		case string:
			// A name with a line break could be read as other members.
			if strings.Contains(v, "\n") {
				return "", fmt.Errorf("%q has several lines", name)
			}
			lines = append(lines, name+"="+v)
		case json.Number:
			lines = append(lines, name+"="+v.String())
		default:
			return "", fmt.Errorf("%q is neither text nor number", name)
		}
	}
	return strings.Join(lines, "\n"), nil
}
