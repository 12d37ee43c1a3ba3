package compare

import (
	"bytes"
	"crypto/subtle"
	"strings"
)

type session struct {
	Token string
	MAC   []byte
	Kind  string
	Code  int
}

func same(s session, token string, mac []byte) bool {
	switch {
	case s.Token == "", mac == nil, s.Code == 7, s.Kind == "token":
		return false
	case s.Token == token: // want `Token may be a secret; compare it in constant time`
		return true
	case token != s.Kind: // want `token may be a secret`
		return true
	case bytes.Equal(s.MAC, mac): // want `MAC may be a secret`
		return true
	case strings.EqualFold(token, s.Kind): // want `token may be a secret`
		return true
	case token == s.Kind: // not secret: of a test
		return true
	}
	return subtle.ConstantTimeCompare([]byte(s.Token), []byte(token)) == 1
}
