// Package csrf makes and checks the tokens that a browser client sends along
// with every unsafe request, in the form that front ends written for Django
// expect: a cookie that scripts can read, and its value in a header.
// spec: core.md §4.2.
package csrf

import (
	"crypto/sha256"
	"crypto/subtle"
	"io"

	"github.com/headless-auth/headless/internal/secret"
)

const (
	alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	size     = 32 // a token
	half     = size / 2
	purpose  = "csrf"
)

// Tokens makes and checks tokens.
type Tokens struct {
	Keys *secret.Keys
	Rand io.Reader
}

// New returns a token for the session called bind; "" for none. Its first half
// is random and its second half a keyed hash of the first and of bind, so that
// a cookie planted from a sibling domain doesn't fit the victim's session.
func (t *Tokens) New(bind string) (string, error) {
	nonce, err := secret.Text(t.Rand, alphabet, half)
	if err != nil {
		return "", err
	}
	mac := encode([sha256.Size]byte(t.Keys.MAC(purpose, nonce, bind)))
	return nonce + string(mac[:]), nil
}

// Bound reports whether token is one that New made for bind.
func (t *Tokens) Bound(token, bind string) bool {
	if len(token) != size {
		return false
	}
	return t.Keys.Check(func(mac [sha256.Size]byte) bool {
		want := encode(mac)
		return subtle.ConstantTimeCompare(want[:], []byte(token[half:])) == 1
	}, purpose, token[:half], bind)
}

func encode(mac [sha256.Size]byte) (text [half]byte) {
	for i := range text {
		// 16 bits for each letter keep the bias below 0.1 %.
		text[i] = alphabet[(int(mac[2*i])<<8|int(mac[2*i+1]))%62]
	}
	return text
}

// places is where each letter is in the alphabet, counted from 1.
var places = func() (at [256]uint8) {
	for i := range alphabet {
		at[alphabet[i]] = uint8(i + 1)
	}
	return at
}()

// Secret reads a token as it was sent, plain (32 letters or digits) or masked
// (64), and returns the plain form.
func Secret(s string) (string, bool) {
	if len(s) != size && len(s) != 2*size {
		return "", false
	}
	for i := 0; i < len(s); i++ {
		if places[s[i]] == 0 {
			return "", false
		}
	}
	if len(s) == size {
		return s, true
	}
	b := make([]byte, size)
	for i := range b {
		c, m := places[s[size+i]], places[s[i]]
		b[i] = alphabet[(c+62-m)%62]
	}
	return string(b), true
}

// Equal reports in constant time whether what was submitted is the cookie's
// token. Either may be masked.
func Equal(cookie, submitted string) bool {
	c, ok1 := Secret(cookie)
	s, ok2 := Secret(submitted)
	return ok1 && ok2 && subtle.ConstantTimeCompare([]byte(c), []byte(s)) == 1
}
