package mfa

import (
	"strconv"
	"strings"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/pattern"
)

var (
	uuidText   = pattern.New(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	uuidHandle = pattern.New(`^[0-9a-f]{32}$`)
)

// userHandle is how a user is known to authenticators: integer ids in base 36,
// UUIDs as 32 hex digits, others as they are. spec: mfa.md §7.3.
func userHandle(rq *api.Request, id string) []byte {
	if n, err := strconv.ParseInt(id, 10, 64); err == nil && rq.Env.IntegerIDs {
		return strconv.AppendInt(nil, n, 36)
	}
	if uuidText.MatchString(id) {
		return []byte(strings.ReplaceAll(id, "-", ""))
	}
	return []byte(id)
}

// userOfHandle is the inverse of userHandle; "" for what is no handle. What
// could be written in two ways is none.
func userOfHandle(rq *api.Request, handle []byte) string {
	s := string(handle)
	id := s
	switch {
	case len(s) == 0 || len(s) > 64:
		return ""
	case rq.Env.IntegerIDs:
		n, err := strconv.ParseInt(s, 36, 64)
		if err != nil || n < 0 {
			return ""
		}
		id = strconv.FormatInt(n, 10)
	case uuidHandle.MatchString(s):
		id = s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
	}
	if string(userHandle(rq, id)) != s {
		return ""
	}
	return id
}
