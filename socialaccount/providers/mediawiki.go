package providers

import "github.com/headless-auth/headless/socialaccount"

// MediaWiki is Wikimedia, or a MediaWiki of one's own.
func MediaWiki(c Client) socialaccount.Provider { return mediaWiki.Provider(c) }

var mediaWiki = Spec{
	ID: "mediawiki", Name: "MediaWiki",
	Settings: []Setting{
		{Name: "REST_API", Kind: URL, Default: "https://meta.wikimedia.org/w/rest.php"},
		{Name: "USER_AGENT", Default: userAgent, Help: "Wikimedia asks for a name and a contact"},
	},
	AuthorizeURL: "{REST_API}/oauth2/authorize",
	TokenURL:     "{REST_API}/oauth2/access_token",
	Token:        TokenRequest{Headers: map[string]string{"User-Agent": "{USER_AGENT}"}},
	Profile:      []Call{{URL: "{REST_API}/oauth2/resource/profile", Headers: map[string]string{"User-Agent": "{USER_AGENT}"}}},
	Map:          Mapping{UID: "sub", Email: "email", EmailVerified: "confirmed_email", Username: "username", Name: "realname"},
	Identified: func(_ *Exchange, id *socialaccount.Identity) error {
		if len(id.Emails) > 0 && !id.Emails[0].Verified {
			id.Email, id.Emails = "", nil // anybody can enter any address
		}
		return nil
	},
}
