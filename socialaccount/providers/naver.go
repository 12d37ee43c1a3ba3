package providers

import "github.com/headless-auth/headless/socialaccount"

// Naver is naver.com.
func Naver(c Client) socialaccount.Provider { return naver.Provider(c) }

var naver = Spec{
	ID: "naver", Name: "Naver",
	AuthorizeURL: "https://nid.naver.com/oauth2.0/authorize",
	TokenURL:     "https://nid.naver.com/oauth2.0/token",
	Profile:      []Call{{URL: "https://openapi.naver.com/v1/nid/me", Unwrap: "response"}},
	Map:          Mapping{UID: "id", Email: "email", EmailVerified: Assumed},
}
