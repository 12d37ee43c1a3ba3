package providers

import "github.com/headless-auth/headless/socialaccount"

// ShareFile is sharefile.com.
func ShareFile(c Client) socialaccount.Provider { return shareFile.Provider(c) }

var shareFile = Spec{
	ID: "sharefile", Name: "ShareFile",
	Settings: []Setting{
		{Name: "SUBDOMAIN", Kind: Host, Default: "secure", Help: "the account's part of the host name"},
		{Name: "APICP", Kind: Host, Default: "sharefile.com"},
		{Name: "DEFAULT_URL", Kind: URL, Default: "https://secure.sharefile.com"},
	},
	AuthorizeURL: "{DEFAULT_URL}/oauth/authorize",
	TokenURL:     "https://{SUBDOMAIN}.{APICP}/oauth/token",
	Profile:      []Call{{URL: "https://{SUBDOMAIN}.sf-api.com/sf/v3/Users"}},
	Map:          Mapping{UID: "Id", Email: "Email", Username: "Username", Name: "FullName"},
}
