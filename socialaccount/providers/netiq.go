package providers

import "github.com/headless-auth/headless/socialaccount"

// NetIQ is a NetIQ Access Manager.
func NetIQ(c Client) socialaccount.Provider { return netiq.Provider(c) }

var netiq = Spec{
	ID: "netiq", Name: "NetIQ",
	Settings: []Setting{
		{Name: "NETIQ_URL", Kind: URL, Required: true, Help: "write the server's URL"},
		{Name: "uid_field", Default: "sub", Help: "the claim that tells users apart"},
	},
	AuthorizeURL: "{NETIQ_URL}/nidp/oauth/nam/authz",
	TokenURL:     "{NETIQ_URL}/nidp/oauth/nam/token",
	Scopes:       []string{"openid", "profile", "email"},
	Profile:      []Call{{URL: "{NETIQ_URL}/nidp/oauth/nam/userinfo"}},
	Map:          Mapping{UID: "$uid_field", Email: "email", FirstName: "given_name", LastName: "family_name"},
}
