package providers

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/pattern"
	"github.com/headless-auth/headless/socialaccount"
)

// Steam is Steam, by OpenID 2.0. Secret is the key for its Web API; ID can be
// anything.
func Steam(c Client) socialaccount.Provider { return steam.Provider(c) }

// Discovery at https://steamcommunity.com/openid leads here, always.
const steamEndpoint = "https://steamcommunity.com/openid/login"

var steam = Spec{
	ID: "steam", Name: "Steam",
	Settings:     []Setting{{Name: "REALM", Kind: URL, Help: "what people are told they log in at; by default the site's origin"}},
	AuthorizeURL: steamEndpoint,
	Profile: []Call{{
		URL:  "https://api.steampowered.com/ISteamUser/GetPlayerSummaries/v0002/?key={secret}&steamids={steamid}",
		Auth: Auth{None: true}, Unwrap: "response.players",
	}},
	Map: Mapping{UID: "steamid", Username: "personaname|steamid", Display: "personaname|steamid"},
	Identified: func(x *Exchange, id *socialaccount.Identity) error {
		id.FirstName = x.Text("realname")
		if parts := strings.Split(id.FirstName, " "); len(parts) == 2 {
			id.FirstName, id.LastName = parts[0], parts[1]
		}
		return nil
	},
	protocol: func(p *provider) socialaccount.Provider {
		if p.client.Secret == "" {
			p.wrong("Secret", "is missing; write the key for the Web API")
		}
		p.info.Path = strings.TrimSuffix(p.info.Path, "login/callback/") + "callback/"
		return steamProvider{p}
	},
}

type steamProvider struct{ *provider }

const (
	openID2       = "http://specs.openid.net/auth/2.0"
	openID2Select = openID2 + "/identifier_select"
)

// Begin implements [socialaccount.Redirector]. OpenID Authentication 2.0 §9.
func (p steamProvider) Begin(_ context.Context, a *socialaccount.AuthRequest) (string, error) {
	origin, back, err := returnTo(a)
	if err != nil {
		return "", err
	}
	return withQuery(p.spec.AuthorizeURL, p.setting, map[string]string{
		"openid.ns": openID2, "openid.mode": "checkid_setup", "openid.return_to": back,
		"openid.realm":    cmp.Or(p.setting("REALM"), origin),
		"openid.identity": openID2Select, "openid.claimed_id": openID2Select,
	})
}

// StateOf implements [socialaccount.Redirector].
func (steamProvider) StateOf(callback url.Values) string { return callback.Get("state") }

// Finish implements [socialaccount.Redirector].
func (p steamProvider) Finish(ctx context.Context, a *socialaccount.AuthRequest, callback url.Values) (*socialaccount.Identity, error) {
	switch callback.Get("openid.mode") {
	case "cancel":
		return nil, socialaccount.ErrCancelled
	case "id_res":
	default:
		return nil, errors.New("steam: the answer is none")
	}
	steamID, err := steamAssertion(a, callback)
	if err == nil {
		err = steamVerify(ctx, a, callback)
	}
	if err != nil {
		return nil, fmt.Errorf("steam: %w", err)
	}
	x := p.exchange(a.Tools)
	x.Set("steamid", steamID)
	if err := x.readProfile(ctx, p.spec.Profile); err != nil {
		return nil, err
	}
	// There is no profile of those who hide it.
	players, _ := x.Profile.([]any)
	x.Profile = map[string]any{"steamid": steamID}
	if len(players) > 0 {
		x.Profile = players[0]
	}
	if x.Text("steamid") != steamID {
		return nil, errors.New("steam: the profile is somebody else's")
	}
	return x.identity(ctx)
}

var steamIdentity = pattern.New(`^https://steamcommunity\.com/openid/id/([0-9]{1,20})$`)

// steamAssertion reads who somebody claims to be, and checks whatever can be
// checked without asking Steam. OpenID Authentication 2.0 §11.
func steamAssertion(a *socialaccount.AuthRequest, callback url.Values) (steamID string, err error) {
	_, back, err := returnTo(a)
	if err != nil {
		return "", err
	}
	get := func(name string) string { return callback.Get("openid." + name) }
	signed := strings.Split(get("signed"), ",")
	for _, name := range []string{"op_endpoint", "claimed_id", "identity", "return_to", "response_nonce", "assoc_handle"} {
		if !slices.Contains(signed, name) {
			return "", fmt.Errorf("%s is not signed", name)
		}
	}
	match := steamIdentity.Regexp().FindStringSubmatch(get("claimed_id"))
	// A nonce begins with its time.
	at, timeErr := time.Parse(time.RFC3339, first(get("response_nonce"), len("2006-01-02T15:04:05Z")))
	switch {
	case get("ns") != openID2 || get("op_endpoint") != steamEndpoint:
		return "", errors.New("the answer is another provider's")
	case get("return_to") != back:
		return "", errors.New("the answer was made for another request")
	case match == nil || get("identity") != get("claimed_id"):
		return "", errors.New("the identity is none of Steam's")
	case timeErr != nil || a.Now.Sub(at).Abs() > steamValidity:
		return "", errors.New("the answer is not of now")
	}
	return match[1], nil
}

// steamValidity is how old an answer can be.
const steamValidity = 5 * time.Minute

func first(s string, n int) string { return s[:min(n, len(s))] }

// steamVerify asks Steam whether an answer is its own, and uses it up.
// OpenID Authentication 2.0 §11.4.2.
func steamVerify(ctx context.Context, a *socialaccount.AuthRequest, callback url.Values) error {
	form := url.Values{}
	for name := range callback {
		if strings.HasPrefix(name, "openid.") {
			form.Set(name, callback.Get(name)) // what was checked, and nothing behind it
		}
	}
	form.Set("openid.mode", "check_authentication")
	rq, err := http.NewRequestWithContext(ctx, http.MethodPost, steamEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	rq.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, _, body, err := do(a.HTTP, rq)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return &statusError{rq.URL.Host, status}
	}
	valid := false
	for lines := bufio.NewScanner(bytes.NewReader(body)); lines.Scan(); {
		valid = valid || lines.Text() == "is_valid:true"
	}
	if !valid {
		return errors.New("the answer is not Steam's")
	}
	nonce := callback.Get("openid.response_nonce")
	if err := a.UseOnce(ctx, "steam:"+nonce, a.Now.Add(2*steamValidity)); err != nil {
		return fmt.Errorf("the answer was used before: %w", err)
	}
	return nil
}
