package sessions

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// Texts of records are written in an alphabet of their own: a byte is a plain
// character, two digits, or a phrase that many sessions have. Whatever a text
// holds comes back as it was, if in more bytes: what is none of these is
// behind an escape.
const (
	address = 0x00 // the user's
	login   = 0x01 // when they logged in, as records of authentication have it
	escape  = 0xff // the next byte as it is
	digits  = 0x80 // 00 to 99
	upper   = digits + 100
	lowest  = 0x02 // of the phrases: to 0x1f, and from upper on
	visible = 0x20 // plain to 0x7f
)

// phrases are what user agents, records of authentication and accounts have in
// common. The order is of no matter: nothing of it is kept beyond the process.
var phrases = [...]string{
	// Browsers.
	"Mozilla/5.0 (", "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10", "X11; Linux x86_64", "Linux; Android ",
	"iPhone; CPU iPhone OS ", " like Mac OS X) ", ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/", ".0.0.0 Safari/537.36",
	".0.0.0 Mobile Safari/537.36", "AppleWebKit/605.1.15 (KHTML, like Gecko)", " Version/", " Mobile/15E148", " Safari/", "; rv:",
	".0) Gecko/20100101 Firefox/", " Edg/", " OPR/",
	// Apps.
	"okhttp/", " CFNetwork/", " Darwin/", "Dart/", "iOS ", "Android",
	// Records of authentication.
	`[{"method":"password","at":`, `{"method":"`, `","at":`, `,"email":"`, `,"username":"`, `,"phone":"`, `"}]`, `"},`, `}]`, `,"type":"`,
	`,"reauthenticated":true`, `,"passwordless":true`, `,"provider":"`, `,"uid":"`, `,"id":`, "mfa", "totp", "webauthn", "recovery_codes",
	"socialaccount", "password",
	// Accounts.
	"@gmail.com", "@outlook.com", "@icloud.com", "@example.", ".com", ".org", `":"`,
}

// code is the byte that stands for a phrase.
func code(i int) byte {
	if i < visible-lowest {
		return byte(lowest + i)
	}
	return byte(upper + i - (visible - lowest)) //nolint:gosec // a test counts the phrases
}

// phraseCode is a phrase by its code, and phrasesBy are those that begin with
// a character, longest first.
var (
	phraseCode = func() (t [256]string) {
		for i, p := range phrases {
			t[code(i)] = p
		}
		return t
	}()
	phrasesBy = func() (t [256][]byte) {
		for i, p := range phrases {
			t[p[0]] = append(t[p[0]], code(i))
		}
		for _, l := range t {
			slices.SortFunc(l, func(a, b byte) int { return cmp.Compare(len(phraseCode[b]), len(phraseCode[a])) })
		}
		return t
	}()
)

// alphabet has what a record's own phrases stand for; empty are none.
type alphabet [2]string

// append appends a text, with its length before it.
func (a *alphabet) append(b []byte, t string) []byte {
	start := len(b)
	b = append(b, 0)
	for len(t) > 0 {
		c, n := t[0], 1
		switch p := phraseOf(t); {
		case a.begins(t, address):
			b, n = append(b, address), len(a[address])
		case a.begins(t, login):
			b, n = append(b, login), len(a[login])
		case p != 0:
			b, n = append(b, p), len(phraseCode[p])
		case len(t) > 1 && isDigit(c) && isDigit(t[1]):
			b, n = append(b, digits+10*(c-'0')+t[1]-'0'), 2
		case c >= visible && c < digits:
			b = append(b, c)
		default:
			b = append(b, escape, c)
		}
		t = t[n:]
	}
	if n := len(b) - start - 1; n < 0x80 {
		b[start] = byte(n)
		return b
	}
	long := slices.Clone(b[start+1:])
	return append(binary.AppendUvarint(b[:start], uint64(len(long))), long...)
}

func (a *alphabet) begins(t string, own int) bool {
	return a[own] != "" && strings.HasPrefix(t, a[own])
}

// phraseOf is the longest phrase that a text begins with, or 0.
func phraseOf(t string) byte {
	for _, p := range phrasesBy[t[0]] {
		if strings.HasPrefix(t, phraseCode[p]) {
			return p
		}
	}
	return 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// read appends the text at the beginning of b, and returns what comes after
// it.
func (x *record) read(text, b, email []byte) (longer, rest []byte) {
	size, n := binary.Uvarint(b)
	t, rest := b[n:n+int(size)], b[n+int(size):] //nolint:gosec // as it was written
	for i := 0; i < len(t); i++ {
		switch c := t[i]; {
		case c >= visible && c < digits:
			text = append(text, c)
		case c >= digits && c < upper:
			text = append(text, '0'+(c-digits)/10, '0'+(c-digits)%10)
		case c == address:
			text = append(text, email...)
		case c == login:
			text = appendLogin(text, &x.session)
		case c == escape:
			i++
			text = append(text, t[i])
		default:
			text = append(text, phraseCode[c]...)
		}
	}
	return text, rest
}
