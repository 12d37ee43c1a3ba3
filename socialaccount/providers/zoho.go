package providers

import "github.com/headless-auth/headless/socialaccount"

// Zoho is zoho.com.
func Zoho(c Client) socialaccount.Provider { return zoho.Provider(c) }

var zoho = Spec{
	ID: "zoho", Name: "Zoho",
	AuthorizeURL: "https://accounts.zoho.com/oauth/v2/auth",
	TokenURL:     "https://accounts.zoho.com/oauth/v2/token",
	Scopes:       []string{"aaaserver.profile.READ"},
	Profile:      []Call{{URL: "https://accounts.zoho.com/oauth/user/info"}},
	Map:          Mapping{UID: "ZUID", Email: "Email", Username: "Display_Name", FirstName: "First_Name", LastName: "Last_Name"},
}
