package providers

import "github.com/headless-auth/headless/socialaccount"

// Patreon is patreon.com. Clients of its API v2 need the setting VERSION.
func Patreon(c Client) socialaccount.Provider { return patreon.Provider(c) }

var patreon = Spec{
	ID: "patreon", Name: "Patreon",
	Settings: []Setting{{Name: "VERSION", Default: "v1", Help: "v2 for new clients", Choices: map[string]map[string]string{
		"v1": {}, "v2": {},
	}}},
	AuthorizeURL: "https://www.patreon.com/oauth2/authorize",
	TokenURL:     "https://www.patreon.com/api/oauth2/token",
	Scopes:       []string{"pledges-to-me", "users", "my-campaign"},
	Profile:      []Call{{URL: "https://www.patreon.com/api/oauth2/api/current_user", Unwrap: "data"}},
	Map: Mapping{
		UID: "id", Email: "attributes.email", Name: "attributes.full_name",
		FirstName: "attributes.first_name", LastName: "attributes.last_name", Display: "attributes.email",
	},
	Adjust: func(s *Spec, c Client) error {
		if c.setting("VERSION") == "v2" {
			s.Scopes = []string{"identity", "identity[email]", "campaigns", "campaigns.members"}
			s.Profile = patreonV2
		}
		return nil
	},
}

var patreonV2 = []Call{
	{
		URL: "https://www.patreon.com/api/oauth2/v2/identity?include=memberships&fields%5Buser%5D=" +
			"email,first_name,full_name,image_url,last_name,social_connections,thumb_url,url,vanity",
		Unwrap: "data",
	},
	{
		URL: "https://www.patreon.com/api/oauth2/v2/members/{profile.relationships.memberships.data[0].id}" +
			"?include=currently_entitled_tiers&fields%5Btier%5D=title",
		Optional: true, Unwrap: "included[0].attributes.title", Into: "pledge_level",
	},
}
