package providers

import "github.com/headless-auth/headless/socialaccount"

// Google is Google's sign-in, One Tap included. Its ID tokens are taken from
// apps; list their client ids in OtherIDs.
func Google(c Client) socialaccount.Provider { return google.Provider(c) }

var google = Spec{
	ID: "google", Name: "Google",
	AuthorizeURL: "https://accounts.google.com/o/oauth2/v2/auth",
	TokenURL:     "https://oauth2.googleapis.com/token",
	Issuer:       "https://accounts.google.com",
	// The reference leaves "openid" out. With it there is an ID token with our
	// nonce.
	Scopes:      []string{"openid", "profile"},
	EmailScopes: []string{"email"},
	IDToken:     &IDToken{KeysURL: "https://www.googleapis.com/oauth2/v3/certs", Profile: true, Login: true, Prompt: true},
	Profile:     []Call{{URL: "https://www.googleapis.com/oauth2/v2/userinfo"}},
	Map: Mapping{
		UID: "sub|id", Email: "email", EmailVerified: "email_verified|verified_email",
		FirstName: "given_name", LastName: "family_name",
	},
}
