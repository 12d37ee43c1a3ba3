package providers

import (
	"crypto/md5" // #nosec G501 -- the only signature that this provider knows
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/headless-auth/headless/socialaccount"
)

// MailRu is Mail.ru by its older API.
func MailRu(c Client) socialaccount.Provider { return mailru.Provider(c) }

var mailru = Spec{
	ID: "mailru", Name: "Mail.RU",
	AuthorizeURL: "https://connect.mail.ru/oauth/authorize",
	TokenURL:     "https://connect.mail.ru/oauth/token",
	Profile: []Call{{
		URL:  "https://www.appsmail.ru/platform/api?method=users.getInfo&app_id={client_id}&secure=1&uids={token.x_mailru_vid}",
		Auth: Auth{None: true}, // the signature stands in for the token
		Sign: func(x *Exchange, params map[string][]string) {
			params["sig"] = []string{md5Hex(sortedPairs(params) + x.Client.Secret)}
		},
		Unwrap: "[0]",
	}},
	Map: Mapping{UID: "uid", Email: "email", Username: "nick", FirstName: "first_name", LastName: "last_name"},
}

// sortedPairs is "a=1b=2", as Mail.ru and Odnoklassniki sign it.
func sortedPairs(params map[string][]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(params)) {
		b.WriteString(name + "=" + params[name][0])
	}
	return b.String()
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s)) // #nosec G401 -- as above
	return hex.EncodeToString(sum[:])
}
