package providers

import "github.com/headless-auth/headless/socialaccount"

// Flickr is flickr.com.
func Flickr(c Client) socialaccount.Provider { return flickr.Provider(c) }

var flickr = Spec{
	ID: "flickr", Name: "Flickr",
	AuthorizeURL:    "https://www.flickr.com/services/oauth/authorize",
	RequestTokenURL: "https://www.flickr.com/services/oauth/request_token",
	TokenURL:        "https://www.flickr.com/services/oauth/access_token",
	AuthParams:      map[string]string{"perms": "read"},
	// The first answer tells who it is, the second one tells of them.
	Profile: []Call{
		{URL: "https://api.flickr.com/services/rest?method=flickr.test.login&format=json&nojsoncallback=1"},
		{URL: "https://api.flickr.com/services/rest?method=flickr.people.getInfo&format=json&nojsoncallback=1&user_id={profile.user.id}"},
	},
	Map: Mapping{
		UID: "person.nsid", Username: "person.username._content", Name: "person.realname._content",
		Display: "person.username._content|person.realname._content",
	},
}
