package providers

import "github.com/headless-auth/headless/socialaccount"

// OpenIDConnect is any OpenID Connect provider that publishes its
// configuration: Keycloak, Entra, Authelia and most others of today. Each needs
// a ProviderID and the setting server_url.
func OpenIDConnect(c Client) socialaccount.Provider {
	if c.ProviderID == "" {
		c.ProviderID = openIDConnect.ID
	}
	return openIDConnect.Provider(c)
}

var openIDConnect = Spec{
	ID: "openid_connect", Name: "OpenID Connect",
	Settings: []Setting{
		{Name: "server_url", Kind: URL, Required: true, Help: `write the issuer's URL, such as "https://id.example.org"`},
		{Name: "fetch_userinfo", Kind: Flag, Default: "true", Help: "false: the ID token's claims will do"},
		{Name: "uid_field", Default: "sub", Help: "the claim that tells users apart"},
		{Name: "token_auth_method", Help: "how we show who we are; by default what the server supports", Choices: map[string]map[string]string{
			"": {}, "client_secret_basic": {}, "client_secret_post": {},
		}},
	},
	Discovery: "{server_url}",
	Scopes:    []string{"openid", "profile", "email"},
	IDToken:   &IDToken{Login: true},
	Map: Mapping{
		UID: "$uid_field", Email: "email", EmailVerified: "email_verified",
		Username: "preferred_username", Name: "name", FirstName: "given_name", LastName: "family_name",
		// Logins by redirect store both documents, logins by token the claims.
		DisplayIn: "userinfo|id_token|.",
	},
}
