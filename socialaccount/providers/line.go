package providers

import (
	"context"
	"slices"

	"github.com/headless-auth/headless/socialaccount"
)

// LINE is line.me. It tells addresses if the scopes "openid" and "email" are asked
// for, which a channel needs a permission for.
func LINE(c Client) socialaccount.Provider { return line.Provider(c) }

var line = Spec{
	ID: "line", Name: "Line",
	AuthorizeURL: "https://access.line.me/oauth2/v2.1/authorize",
	TokenURL:     "https://api.line.me/oauth2/v2.1/token",
	// The reference asks for nothing, which LINE refuses.
	Scopes: []string{"profile"},
	Map: Mapping{
		UID: "userId|sub", Email: "email", Username: "email|userId|sub", Name: "name|displayName",
		FirstName: "first_name", LastName: "last_name",
	},
	After: lineProfile,
}

// lineProfile reads the profile. An address is in the ID token only, which is
// signed with a shared secret, so that LINE itself is asked to verify it.
func lineProfile(ctx context.Context, x *Exchange) (err error) {
	c := Call{URL: "https://api.line.me/v2/profile"}
	if slices.Contains(x.Scopes, "email") {
		c = Call{
			URL:  "https://api.line.me/oauth2/v2.1/verify",
			Form: map[string]string{"client_id": "{client_id}", "id_token": "{token.id_token}"},
			Auth: Auth{None: true}, Expect: map[string]string{"aud": "{client_id}"},
		}
	}
	x.Profile, err = x.Call(ctx, c)
	return err
}
