package jsonconfig

import (
	"strings"
	"unicode"

	"github.com/headless-auth/headless/internal/pattern"
)

// words are written as one although they have capitals inside.
var words = strings.NewReplacer("IDs", "Ids", "IPs", "Ips", "URLs", "Urls", "SSOURL", "SsoUrl", "SLOURL", "SloUrl", "OAuth", "Oauth", "OpenID", "Openid", "OpenAPI", "Openapi", "WebAuthn", "Webauthn")

// Key is a Go name in snake case: ClientIPHeader is "client_ip_header".
func Key(name string) string {
	name = words.Replace(name)
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			before, after := rune(name[i-1]), rune(0)
			if i+1 < len(name) {
				after = rune(name[i+1])
			}
			if !unicode.IsUpper(before) || unicode.IsLower(after) {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

var names = pattern.New(`[A-Z][A-Za-z0-9]*`)

// Path is a Go path in snake case: Account.LoginMethods[1] is
// "account.login_methods[1]". Map keys, as in Limits["x"], become members.
func Path(path string) string {
	head, key, ok := strings.Cut(path, `["`)
	head = names.Regexp().ReplaceAllStringFunc(head, Key)
	if !ok {
		return head
	}
	key, tail, _ := strings.Cut(key, `"]`)
	return head + "." + key + Path(tail)
}
