package providers

import "github.com/headless-auth/headless/socialaccount"

// Odnoklassniki is OK.ru. Key is the application's public key.
func Odnoklassniki(c Client) socialaccount.Provider { return odnoklassniki.Provider(c) }

var odnoklassniki = Spec{
	ID: "odnoklassniki", Name: "Odnoklassniki",
	Settings:     []Setting{{Name: "key", Required: true, Help: "write the application's public key"}},
	AuthorizeURL: "https://www.odnoklassniki.ru/oauth/authorize",
	TokenURL:     "https://api.odnoklassniki.ru/oauth/token.do",
	Profile: []Call{{
		URL: "https://api.odnoklassniki.ru/fb.do?method=users.getCurrentUser&format=JSON&application_key={key}" +
			"&fields=age,birthday,current_status,current_status_date,current_status_id,email,first_name,gender,has_email,last_name," +
			"locale,location,name,online,photo_id,pic1024x768,pic190x190,pic640x480,pic_1,pic_2,uid",
		Auth: Auth{Query: "access_token"}, // which is not among what is signed
		Sign: func(x *Exchange, params map[string][]string) {
			params["sig"] = []string{md5Hex(sortedPairs(params) + md5Hex(x.AccessToken+x.Client.Secret))}
		},
	}},
	Map: Mapping{UID: "uid", Email: "email", FirstName: "first_name", LastName: "last_name"},
}
