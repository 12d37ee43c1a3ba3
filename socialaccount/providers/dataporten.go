package providers

import (
	"strings"

	"github.com/headless-auth/headless/socialaccount"
)

// Dataporten is Feide, formerly Dataporten, for Norwegian education.
func Dataporten(c Client) socialaccount.Provider { return dataporten.Provider(c) }

var dataporten = Spec{
	ID: "dataporten", Name: "Dataporten",
	AuthorizeURL: "https://auth.dataporten.no/oauth/authorization",
	TokenURL:     "https://auth.dataporten.no/oauth/token",
	Profile: []Call{{
		URL: "https://auth.dataporten.no/userinfo", Unwrap: "user",
		// Else the token was made for another client.
		Expect: map[string]string{"audience": "{client_id}"},
	}},
	Map:        Mapping{UID: "userid", Email: "email", Username: "{email:local}", Name: "name"},
	Identified: dataportenUsername,
}

// dataportenUsername prefers the Feide name, of which secondary ids look like
// "feide:andreas@example.no".
func dataportenUsername(x *Exchange, id *socialaccount.Identity) error {
	secondary, _ := child(x.Profile, "userid_sec").([]any)
	for _, v := range secondary {
		if feide, ok := strings.CutPrefix(textOf(v), "feide:"); ok {
			id.Username, _, _ = strings.Cut(feide, "@")
			return nil
		}
	}
	return nil
}
