package providers

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/headless-auth/headless/socialaccount"
)

// Apple is Sign in with Apple. ID is the services id, Secret the key's id, Key
// the team's id, and the setting certificate_key the private key. The bundle
// ids of apps are OtherIDs.
func Apple(c Client) socialaccount.Provider { return apple.Provider(c) }

const appleIssuer = "https://appleid.apple.com"

var apple = Spec{
	ID: "apple", Name: "Apple",
	Settings: []Setting{
		{Name: "key", Required: true, Help: "write the team's id"},
		{Name: "certificate_key", Required: true, Help: "write the private key, in PEM"},
	},
	AuthorizeURL: appleIssuer + "/auth/authorize",
	TokenURL:     appleIssuer + "/auth/token",
	Issuer:       appleIssuer,
	Scopes:       []string{"name"},
	EmailScopes:  []string{"email"},
	ResponseType: "code id_token",
	AuthParams:   map[string]string{"response_mode": "form_post"},
	FormPost:     true,
	IDToken:      &IDToken{KeysURL: appleIssuer + "/auth/keys", Nonce: true, Required: true, Profile: true, Login: true},
	Map: Mapping{
		// A boolean or, as Apple documents, a text.
		UID: "sub", Email: "email", EmailVerified: "email_verified=true",
		FirstName: "name.firstName", LastName: "name.lastName",
	},
	Adjust: func(_ *Spec, c Client) error {
		_, err := appleKey(c)
		return err
	},
	Before:  appleSecret,
	After:   appleName,
	Display: appleDisplay,
}

func appleKey(c Client) (*ecdsa.PrivateKey, error) {
	text := c.setting("certificate_key")
	if text == "" {
		return nil, nil // which is reported by itself
	}
	block, _ := pem.Decode([]byte(strings.ReplaceAll(text, `\n`, "\n")))
	if block == nil {
		return nil, errors.New("certificate_key is no PEM text")
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := k.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("certificate_key is no private key for ES256")
	}
	return key, nil
}

// appleSecret makes the client secret, which is a token signed by us.
func appleSecret(_ context.Context, x *Exchange) error {
	key, err := appleKey(x.Client)
	if err != nil {
		return err
	}
	t := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": x.Get("key"), "sub": x.Client.ID, "aud": appleIssuer,
		"iat": x.Now.Unix(), "exp": x.Now.Add(time.Hour).Unix(),
	})
	t.Header["kid"] = x.Client.Secret
	secret, err := t.SignedString(key)
	x.Set("secret", secret)
	return err
}

// appleName takes the name from what the browser posted, which it does the
// first time only. Anybody may write there, so nothing else is taken.
func appleName(_ context.Context, x *Exchange) error {
	var user struct {
		Name struct{ FirstName, LastName string }
	}
	if json.Unmarshal([]byte(x.Callback.Get("user")), &user) != nil {
		return nil
	}
	const most = 150
	first, last := []rune(user.Name.FirstName), []rune(user.Name.LastName)
	if len(first)+len(last) > 0 {
		x.put("name", map[string]any{"firstName": string(first[:min(len(first), most)]), "lastName": string(last[:min(len(last), most)])})
	}
	return nil
}

// appleDisplay prefers an address to a name, unless it is a relay's.
func appleDisplay(profile any) string {
	if email := textOf(child(profile, "email")); email != "" && !strings.HasSuffix(email, "@privaterelay.appleid.com") {
		return email
	}
	name := child(profile, "name")
	return strings.TrimSpace(textOf(child(name, "firstName")) + " " + textOf(child(name, "lastName")))
}
