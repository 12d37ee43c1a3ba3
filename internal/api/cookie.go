package api

import (
	"net/http"
	"net/textproto"
	"strings"
)

// CookieValue returns the value of a request's cookie, as [http.Request.Cookie]
// does, and makes nothing of all the others. Absent is "", as is empty.
func CookieValue(r *http.Request, name string) string {
	for _, line := range r.Header["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			n, value, _ := strings.Cut(textproto.TrimString(part), "=")
			if textproto.TrimString(n) != name {
				continue
			}
			if unambiguous(value) {
				return value
			}
			if c, err := r.Cookie(name); err == nil { // it knows about quotes, and what must not be
				return c.Value
			}
			return ""
		}
	}
	return ""
}

// unambiguous reports that a cookie's value can only be read in one way.
func unambiguous(value string) bool {
	for i := range len(value) {
		c := value[i]
		if c <= ' ' || c > '~' || c == '"' || c == ',' || c == '\\' {
			return false
		}
	}
	return true
}
