package providers

import "github.com/headless-auth/headless/socialaccount"

// Microsoft is a Microsoft account, or one of an organization in Entra.
// Organizations can enter any address for their people: name a TENANT, or
// believe none of them.
func Microsoft(c Client) socialaccount.Provider { return microsoft.Provider(c) }

var microsoft = Spec{
	ID: "microsoft", Name: "Microsoft",
	Settings: []Setting{
		{Name: "TENANT", Default: "common", Help: `"organizations", "consumers", or the id of one tenant`},
		{Name: "login_url", Kind: URL, Default: "https://login.microsoftonline.com"},
		{Name: "graph_url", Kind: URL, Default: "https://graph.microsoft.com"},
	},
	AuthorizeURL: "{login_url}/{TENANT}/oauth2/v2.0/authorize",
	TokenURL:     "{login_url}/{TENANT}/oauth2/v2.0/token",
	Scopes:       []string{"User.Read"},
	Profile: []Call{{
		URL: "{graph_url}/v1.0/me?$select=businessPhones,displayName,givenName,id,jobTitle,mail,mobilePhone,officeLocation," +
			"preferredLanguage,surname,userPrincipalName,mailNickname,companyName",
	}},
	Map: Mapping{
		UID: "id", Email: "mail|userPrincipalName", Username: "mailNickname",
		FirstName: "givenName", LastName: "surname",
	},
}
