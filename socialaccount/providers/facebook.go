package providers

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"golang.org/x/oauth2"

	"github.com/headless-auth/headless/socialaccount"
)

// Facebook is Facebook Login, for apps also with the ID tokens of Limited
// Login.
func Facebook(c Client) socialaccount.Provider { return facebook.Provider(c) }

var facebook = Spec{
	ID: "facebook", Name: "Facebook",
	Settings: []Setting{
		{Name: "VERSION", Default: "v19.0", Help: "of the Graph API"},
		{Name: "GRAPH_API_URL", Kind: URL, Default: "https://graph.facebook.com"},
		{Name: "FIELDS", Default: "id,email,name,first_name,last_name,verified,locale,timezone,link,gender,updated_time", Help: "what to ask of the profile"},
		{Name: "EXCHANGE_TOKEN", Kind: Flag, Default: "false", Help: "true: get a token that lasts for weeks"},
	},
	AuthorizeURL:   "https://www.facebook.com/{VERSION}/dialog/oauth",
	TokenURL:       "{GRAPH_API_URL}/{VERSION}/oauth/access_token",
	Issuer:         "https://www.facebook.com",
	EmailScopes:    []string{"email"},
	ScopeDelimiter: ",",
	Token:          TokenRequest{Method: "GET"},
	IDToken:        &IDToken{KeysURL: "https://limited.facebook.com/.well-known/oauth/openid/jwks/", Login: true, Subject: "id"},
	Profile:        []Call{facebookMe},
	// The claims of Limited Login have other names.
	Map: Mapping{
		UID: "id|sub", Email: "email", Username: "username", Name: "name",
		FirstName: "first_name|given_name", LastName: "last_name|family_name",
	},
	VerifyToken: facebookToken,
	After:       facebookExchange,
}

var facebookMe = Call{
	URL: "{GRAPH_API_URL}/{VERSION}/me?fields={FIELDS}", Auth: Auth{Query: "access_token"},
	Sign: func(x *Exchange, params map[string][]string) {
		mac := hmac.New(sha256.New, []byte(x.Client.Secret))
		mac.Write([]byte(x.AccessToken))
		params["appsecret_proof"] = []string{hex.EncodeToString(mac.Sum(nil))}
	},
}

// facebookToken checks that an access token was made for this app, and reads
// the profile with it.
func facebookToken(ctx context.Context, x *Exchange) error {
	x.Set("input_token", x.AccessToken)
	x.Set("app_token", x.Client.ID+"|"+x.Client.Secret)
	info, err := x.Call(ctx, Call{
		URL: "{GRAPH_API_URL}/{VERSION}/debug_token?input_token={input_token}&access_token={app_token}", Auth: Auth{None: true}, Unwrap: "data",
	})
	if err != nil {
		return err
	}
	if !isTrue(child(info, "is_valid")) || textOf(child(info, "app_id")) != x.Client.ID {
		return errors.New("the token was made for another app")
	}
	if err := x.readProfile(ctx, []Call{facebookMe}); err != nil {
		return err
	}
	if id := textOf(child(info, "user_id")); id != "" && id != x.Text("id") {
		return errors.New("the token is somebody else's")
	}
	return nil
}

// facebookExchange trades the access token for one that lasts for weeks.
func facebookExchange(ctx context.Context, x *Exchange) error {
	if x.Get("EXCHANGE_TOKEN") != "true" || x.Grant == nil {
		return nil
	}
	answer, err := x.Call(ctx, Call{
		URL:  "{GRAPH_API_URL}/{VERSION}/oauth/access_token?grant_type=fb_exchange_token&client_id={client_id}&client_secret={secret}&fb_exchange_token={access_token}",
		Auth: Auth{None: true},
	})
	if err != nil {
		return err
	}
	t := textOf(child(answer, "access_token"))
	if t == "" {
		return errors.New("there is no access token in the answer")
	}
	x.Grant = &oauth2.Token{AccessToken: t, Expiry: expiry(x.Now, textOf(child(answer, "expires_in")))}
	return nil
}
