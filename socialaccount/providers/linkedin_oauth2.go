package providers

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/headless-auth/headless/socialaccount"
)

// LinkedIn is LinkedIn by an API that LinkedIn gives to nobody any more. Use
// [OpenIDConnect] with the server_url "https://www.linkedin.com/oauth".
func LinkedIn(c Client) socialaccount.Provider { return linkedInOAuth2.Provider(c) }

var linkedInOAuth2 = Spec{
	ID: "linkedin_oauth2", Name: "LinkedIn",
	Settings:     []Setting{{Name: "PROFILE_FIELDS", Default: "id,firstName,lastName", Help: "what to ask of the profile"}},
	AuthorizeURL: "https://www.linkedin.com/oauth/v2/authorization",
	TokenURL:     "https://www.linkedin.com/oauth/v2/accessToken",
	Scopes:       []string{"r_liteprofile"},
	EmailScopes:  []string{"r_emailaddress"},
	NoPKCE:       true, // it is for apps that LinkedIn counts as native
	Token:        TokenRequest{Method: "GET"},
	Profile: []Call{
		{URL: "https://api.linkedin.com/v2/me?projection=({PROFILE_FIELDS})"},
		{URL: "https://api.linkedin.com/v2/emailAddress?q=members&projection=(elements*(handle~))", When: ForEmail, Optional: true, Merge: true},
	},
	Map: Mapping{UID: "id", Email: "elements[0].handle~.emailAddress"},
	Identified: func(x *Exchange, id *socialaccount.Identity) error {
		id.FirstName, id.LastName = linkedInName(x.Profile, "firstName"), linkedInName(x.Profile, "lastName")
		return nil
	},
	Display: func(profile any) string {
		name := strings.TrimSpace(linkedInName(profile, "firstName") + " " + linkedInName(profile, "lastName"))
		return cmp.Or(textOf(child(profile, "emailAddress")), name)
	},
}

// linkedInName is a name in the language that its owner prefers, or else in
// the first one that there is.
func linkedInName(profile any, field string) string {
	name := child(profile, field)
	if s := textOf(name); s != "" {
		return s
	}
	locale, localized := child(name, "preferredLocale"), child(name, "localized")
	preferred := cmp.Or(textOf(child(locale, "language")), "en") + "_" + cmp.Or(textOf(child(locale, "country")), "US")
	if s := textOf(child(localized, preferred)); s != "" {
		return s
	}
	all, _ := localized.(map[string]any)
	for _, language := range slices.Sorted(maps.Keys(all)) {
		if s := textOf(all[language]); s != "" {
			return s
		}
	}
	return ""
}
