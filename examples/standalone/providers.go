package main

import (
	"github.com/headless-auth/headless/internal/jsonconfig"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
	"github.com/headless-auth/headless/socialaccount/saml"
)

// provider is an entry of "social.providers": which one, and what a
// [providers.Client] has, such as
// {"id": "github", "client_id": "…", "secret": "env:GITHUB_SECRET"}.
type provider struct {
	// ID is the provider, such as "github" or "openid_connect". With "saml", the
	// rest is what saml.Config has.
	ID string
	// ClientID and Secret are what it gave us.
	ClientID, Secret string
	// Key is a third thing that some providers give.
	Key string
	// OtherClientIDs are those of our apps: their tokens are taken as well.
	OtherClientIDs []string
	// ProviderID names this registration on the wire and in the database.
	// Default: ID.
	ProviderID string
	// Name is shown to people. Default: the provider's own.
	Name string
	// Settings are the provider's, by name. See docs/providers.md.
	Settings map[string]string
	// Scopes are asked for in place of the usual ones.
	Scopes []string
	// AuthParams are further parameters of the authorization request.
	AuthParams map[string]string
	// PKCE switches PKCE (RFC 7636) on or off where that is not known rightly.
	PKCE *bool
	// Hidden: only apps are told of this registration.
	Hidden bool
	// VerifiedDomains are the domains whose addresses count as verified because
	// this provider names them; "*" is every domain.
	VerifiedDomains []string
	// EmailAuthentication says whether a verified address from here may lead to
	// an existing account. Default: as social.email_authentication says.
	EmailAuthentication *bool
}

// samlProvider is an entry with the id "saml".
type samlProvider struct {
	ID string
	saml.Config
}

func readProvider(v *jsonconfig.Value) any {
	if v.Member("id") == "saml" {
		var s samlProvider
		v.Into(&s)
		return saml.Provider(s.Config)
	}
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
