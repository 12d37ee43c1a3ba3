package socialaccount

import "strings"

// displayed are the members of a profile that an account may be named by, in
// the order in which they are tried. spec: socialaccount.md §2.4.
var displayed = []string{
	"username", "userName", "user_name", "login", "handle",
	"email", "Email", "mail", "email_address",
	"name", "display_name", "displayName", "displayname", "Display_Name", "nickname",
	"full_name", "fullName",
}

var (
	firstNames = []string{"first_name", "firstname", "firstName", "First_Name", "given_name", "givenName"}
	lastNames  = []string{"last_name", "lastname", "lastName", "Last_Name", "family_name", "familyName", "surname"}
)

// DisplayName names an account by its profile, as encoding/json decodes it; ""
// if nothing in it is a name.
func DisplayName(profile any) string {
	m, _ := profile.(map[string]any)
	for _, key := range displayed {
		if s := text(m[key]); s != "" {
			return s
		}
	}
	return strings.TrimSpace(last(m, firstNames) + " " + last(m, lastNames))
}

// last is the last of several members that is filled.
func last(m map[string]any, keys []string) (s string) {
	for _, key := range keys {
		if t := text(m[key]); t != "" {
			s = t
		}
	}
	return s
}

func text(v any) string {
	s, _ := v.(string)
	return strings.TrimSpace(s)
}
