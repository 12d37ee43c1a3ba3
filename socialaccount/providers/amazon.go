package providers

import "github.com/headless-auth/headless/socialaccount"

// Amazon is Login with Amazon.
func Amazon(c Client) socialaccount.Provider { return amazon.Provider(c) }

var amazon = Spec{
	ID: "amazon", Name: "Amazon",
	AuthorizeURL: "https://www.amazon.com/ap/oa",
	TokenURL:     "https://api.amazon.com/auth/o2/token",
	Scopes:       []string{"profile"},
	Profile:      []Call{{URL: "https://api.amazon.com/user/profile", Auth: Auth{Query: "access_token"}}},
	// Old answers have it all in "Profile".
	Map: Mapping{UID: "user_id|Profile.CustomerId", Email: "email|Profile.PrimaryEmail", Name: "name|Profile.Name"},
}
