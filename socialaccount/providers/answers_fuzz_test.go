package providers

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/headless-auth/headless/socialaccount"
)

var errOffline = errors.New("there is no network")

type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) { return nil, errOffline }

// alone are the tools of a provider that nobody answers.
func alone() socialaccount.Tools {
	return socialaccount.Tools{
		HTTP: &http.Client{Transport: offline{}}, Now: time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC), QueryEmail: true,
		UseOnce: func(context.Context, string, time.Time) error { return nil },
	}
}

// Whatever a provider says of somebody, they are nobody, or have an id and
// addresses that can be kept; and no token is kept with their profile.
func FuzzProfile(f *testing.F) {
	var all []*provider
	for _, s := range Specs() {
		p := &provider{spec: s, client: Client{ID: "a", Secret: "b", Key: "https://id.example.org"}, settings: map[string]string{}, problems: map[string]string{}}
		p.build()
		all = append(all, p)
	}
	for i, s := range []string{
		`{"id":1,"sub":"x","email":"a@example.org","email_verified":true}`, `{"id":"a\u0000b"}`, `{"id":1e400}`, `{"id":-0}`, `{"id":1.5,"sub":null}`, `{"id":{"id":1}}`, `[{"id":1}]`, `null`, `"x"`, `{"id":true,"emails":[{"email":[],"verified":"true"},null,1]}`,
		`{"id":"` + strings.Repeat("9", 200) + `"}`, `{"data":{"id":"1","user":{"id":"2"}},"response":{"user":{"id":3}}}`, `{"sub":"x","access_token":"hush","name":{"firstName":[],"lastName":{}}}`, `{"id":"x","picture":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}`,
	} {
		f.Add(uint8(i), []byte(s), `{"name":{"firstName":"Ada","lastName":"`+strings.Repeat("x", 200)+`"}}`)
		f.Add(uint8(7*i), []byte(s), `{"name":[]}`)
	}
	f.Fuzz(func(t *testing.T, n uint8, answer []byte, user string) {
		doc, err := decodeJSON(answer)
		if err != nil {
			return
		}
		p := all[int(n)%len(all)]
		x := p.exchange(alone())
		x.Profile, x.Callback = doc, url.Values{"user": {user}}
		id, err := x.identity(t.Context())
		if err != nil {
			return
		}
		if id.UID == "" || len(id.UID) > maxUID || strings.ContainsRune(id.UID, 0) || len(id.Profile) > maxProfile || !json.Valid(id.Profile) {
			t.Fatalf("%s: %q is %q, of whom %q is kept", p.spec.ID, answer, id.UID, id.Profile)
		}
		for _, e := range id.Emails {
			if e.Address == "" {
				t.Fatalf("%s: %q has the addresses %+v", p.spec.ID, answer, id.Emails)
			}
		}
		var kept map[string]json.RawMessage
		if json.Unmarshal(id.Profile, &kept) == nil {
			for _, name := range secrets {
				if _, ok := kept[name]; ok {
					t.Fatalf("%s: of %q is kept %q", p.spec.ID, answer, id.Profile)
				}
			}
		}
		again := p.exchange(alone())
		again.Profile, _ = decodeJSON(answer)
		if twice, err := again.identity(t.Context()); err != nil || twice.UID != id.UID {
			t.Fatalf("%s: %q is %q, and then %v, %v", p.spec.ID, answer, id.UID, twice, err)
		}
	})
}

// Nobody is who the widget's answer says, unless the bot has signed it.
func FuzzTelegram(f *testing.F) {
	const bot = "123:bot"
	p := Telegram(Client{ID: "123", Secret: bot}).(telegramProvider)
	key := sha256.Sum256([]byte(bot))
	signed := func(lines string) string {
		mac := hmac.New(sha256.New, key[:])
		mac.Write([]byte(lines))
		return hex.EncodeToString(mac.Sum(nil))
	}
	now := alone().Now
	hash := signed("auth_date=1773500966\nid=7")
	for _, s := range []string{
		`{"id":7,"auth_date":1773500966,"hash":"` + hash + `"}`, `{"id":"7\nx=1","auth_date":"1773500966","hash":"` + hash + `"}`, `{"id":{},"hash":""}`, `{"hash":null}`, `[]`, `{"id":7,"auth_date":1e400,"hash":"00"}`, `{"id":7,"auth_date":1773500966,"hash":"` + strings.ToUpper(hash) + `"}`, `{"id":7,"id":8,"auth_date":1773500966,"hash":"` + hash + `"}`,
	} {
		f.Add(base64.RawURLEncoding.EncodeToString([]byte(s)))
	}
	f.Add("false")
	f.Add("!")
	if now.Unix() != 1773500966 {
		f.Fatal("the seeds are not of now")
	}
	f.Fuzz(func(t *testing.T, raw string) {
		id, err := p.Finish(t.Context(), &socialaccount.AuthRequest{Tools: alone()}, url.Values{"tgAuthResult": {raw}})
		if err == nil && (id.UID != "7" || !strings.Contains(string(id.Profile), "7")) {
			t.Fatalf("%q is %+v", raw, id)
		}
	})
}

// Without Steam's word there is nobody, and what is not worth asking Steam
// about is not asked.
func FuzzSteam(f *testing.F) {
	p := Steam(Client{ID: "x", Secret: "x"}).(steamProvider)
	const back = "https://app.example.org/accounts/steam/login/callback/?state=s"
	good := url.Values{
		"openid.mode": {"id_res"}, "openid.ns": {openID2}, "openid.op_endpoint": {steamEndpoint}, "openid.claimed_id": {"https://steamcommunity.com/openid/id/7"}, "openid.identity": {"https://steamcommunity.com/openid/id/7"},
		"openid.return_to": {back}, "openid.response_nonce": {"2026-03-14T15:09:26Zxyz"}, "openid.signed": {"op_endpoint,claimed_id,identity,return_to,response_nonce,assoc_handle"},
	}
	f.Add(good.Encode())
	for _, change := range []string{"openid.mode=cancel", "openid.claimed_id=https://steamcommunity.com/openid/id/7%0a", "openid.response_nonce=2026", "openid.response_nonce=9999-99-99T99:99:99Z", "openid.signed=,", "openid.return_to=" + url.QueryEscape(back) + "&openid.return_to=x"} {
		f.Add(change + "&" + good.Encode())
	}
	f.Fuzz(func(t *testing.T, query string) {
		callback, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		a := &socialaccount.AuthRequest{Tools: alone(), State: "s", RedirectURI: "https://app.example.org/accounts/steam/login/callback/"}
		id, err := p.Finish(t.Context(), a, callback)
		if err == nil {
			t.Fatalf("%q is %+v", query, id)
		}
		if errors.Is(err, errOffline) {
			get := func(name string) string { return callback.Get("openid." + name) }
			if get("return_to") != back || get("op_endpoint") != steamEndpoint || get("identity") != get("claimed_id") || !steamIdentity.MatchString(get("claimed_id")) {
				t.Fatalf("Steam is asked about %q", query)
			}
		}
	})
}

// No token is good that the provider's key has not signed, and what is read of
// one before it is verified is what it says afterwards.
func FuzzIDToken(f *testing.F) {
	// A key whose private part nobody has kept; it is large enough to be used.
	const published = `{"kty":"EC","crv":"P-256","kid":"1","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}`
	// RFC 7515 §A.3 has the private part of another.
	for _, s := range []string{
		"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
		"eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJIUzI1NiJ9.eyJub25jZSI6IngifQ.AAAA", "..", "a.b.c", "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEiLCJiNjQiOmZhbHNlLCJjcml0IjpbImI2NCJdfQ.e30.AAAA", "eyJhbGciOiJFUzI1NiIsImp3ayI6e319.eyJub25jZSI6MX0.AAAA",
	} {
		f.Add(s)
	}
	var key jose.JSONWebKey
	if err := json.Unmarshal([]byte(published), &key); err != nil || !fits(&key, "ES256") {
		f.Fatal(err)
	}
	set := &keySet{url: "https://id.example.org/keys"}
	want := expected{issuers: []string{"joe"}, algorithms: []string{"ES256", "RS256"}, audience: []string{"a"}}
	f.Fuzz(func(t *testing.T, token string) {
		tools := alone()
		tools.HTTP = &http.Client{Transport: answering(`{"keys":[` + published + `]}`)}
		if claims, err := set.verifyIDToken(t.Context(), tools, token, want); err == nil {
			t.Fatalf("%q is good: %v", token, claims)
		}
		nonce, err := claimedNonce(token)
		if err != nil {
			return
		}
		x, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.HS256, jose.EdDSA, jose.PS256})
		if err != nil {
			return // it is refused
		}
		var claims struct{ Nonce any }
		if json.Unmarshal(x.UnsafePayloadWithoutVerification(), &claims) == nil {
			if text, ok := claims.Nonce.(string); ok && strings.TrimSpace(text) != strings.TrimSpace(nonce) {
				t.Fatalf("%q has the nonce %q, or %q", token, nonce, text)
			}
		}
	})
}

// answering is a provider that says the same whatever it is asked.
type answering string

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(a))), Request: r}, nil
}
