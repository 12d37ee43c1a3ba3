package providers

import (
	"strings"

	"github.com/headless-auth/headless/socialaccount"
)

// ORCID is orcid.org.
func ORCID(c Client) socialaccount.Provider { return orcid.Provider(c) }

var orcid = Spec{
	ID: "orcid", Name: "Orcid.org",
	Settings: []Setting{
		{Name: "BASE_DOMAIN", Kind: Host, Default: "orcid.org", Help: `"sandbox.orcid.org" for tests`},
		{Name: "MEMBER_API", Kind: Flag, Default: "false", Help: "true for members", Choices: map[string]map[string]string{
			"true":  {"api": "api.{BASE_DOMAIN}"},
			"false": {"api": "pub.{BASE_DOMAIN}"},
		}},
	},
	AuthorizeURL: "https://{BASE_DOMAIN}/oauth/authorize",
	TokenURL:     "https://{api}/oauth/token",
	Scopes:       []string{"/authenticate"},
	Profile:      []Call{orcidRecord(Auth{None: true})},
	Map: Mapping{
		UID: "orcid-identifier.path", Email: "person.emails.email[0].email",
		FirstName: "person.name.given-names.value", LastName: "person.name.family-name.value",
	},
	Adjust: func(s *Spec, c Client) error {
		if strings.EqualFold(c.setting("MEMBER_API"), "true") {
			s.Profile = []Call{orcidRecord(Auth{Query: "access_token"})}
		}
		return nil
	},
}

// orcidRecord reads the record of whom the token was given for.
func orcidRecord(a Auth) Call {
	return Call{URL: "https://{api}/v3.0/{token.orcid}/record", Auth: a, Headers: map[string]string{"Accept": "application/orcid+json"}}
}
