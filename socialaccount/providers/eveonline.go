package providers

import "github.com/headless-auth/headless/socialaccount"

// EVEOnline is EVE Online by the first version of its sign-on, which has been
// superseded.
func EVEOnline(c Client) socialaccount.Provider { return eveOnline.Provider(c) }

var eveOnline = Spec{
	ID: "eveonline", Name: "EVE Online",
	AuthorizeURL: "https://login.eveonline.com/oauth/authorize",
	TokenURL:     "https://login.eveonline.com/oauth/token",
	TokenScopes:  []string{"publicData"},
	Profile:      []Call{{URL: "https://login.eveonline.com/oauth/verify"}},
	Map:          Mapping{UID: "CharacterOwnerHash", Name: "CharacterName", Display: "CharacterName|CharacterID"},
}
