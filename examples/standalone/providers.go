package main

import (
	"github.com/headless-auth/headless/internal/jsonconfig"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

// provider is an entry of "social.providers": which one, and what a
// [providers.Client] has.
//
//	{"id": "github", "client_id": "…", "secret": "env:GITHUB_SECRET"}
type provider struct {
	// ID is the provider, such as "github" or "openid_connect".
	ID string
	// ClientID and Secret are what it gave us.
	ClientID, Secret, Key string
	// OtherClientIDs are those of apps.
	OtherClientIDs      []string
	ProviderID, Name    string
	Settings            map[string]string
	Scopes              []string
	AuthParams          map[string]string
	PKCE                *bool
	Hidden              bool
	VerifiedDomains     []string
	EmailAuthentication *bool
}

func readProvider(v *jsonconfig.Value) any {
	var s provider
	v.Into(&s)
	p, err := providers.ByID(s.ID, providers.Client{
		ID: s.ClientID, Secret: s.Secret, Key: s.Key, OtherIDs: s.OtherClientIDs, ProviderID: s.ProviderID, Name: s.Name,
		Settings: s.Settings, Scopes: s.Scopes, AuthParams: s.AuthParams, PKCE: s.PKCE, Hidden: s.Hidden,
		VerifiedDomains: s.VerifiedDomains, EmailAuthentication: s.EmailAuthentication,
	})
	if err != nil {
		v.Fail("%v", err)
		return nil
	}
	return socialaccount.Provider(p)
}
