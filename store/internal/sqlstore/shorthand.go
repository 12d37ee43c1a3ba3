package sqlstore

import "strings"

// Sessions are many, and most of what they hold in text is the same in all of
// them: how somebody logged in, and by which browser. So these phrases are
// kept as one control character each, which the text itself hardly has. What
// has any is kept as it is, behind the last of them.
//
// There are sessions with all of these in databases: the list may get more,
// but none of them may ever change.
var phrases = []struct{ code, phrase string }{
	{"\x01", `[{"method":"password","at":1`},
	{"\x02", `,"email":"`},
	{"\x03", `.com"}]`},
	{"\x04", `"}]`},
	{"\x05", `[{"method":"`},
	{"\x06", `"},{"method":"`},
	{"\x07", `","at":1`},
	{"\x08", `,"username":"`},
	{"\x09", `,"reauthenticated":true`},
	{"\x0b", `Mozilla/5.0 (`},
	{"\x0c", `Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/`},
	{"\x0e", `Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/`},
	{"\x0f", `Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/`},
	{"\x10", `X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/`},
	{"\x11", `Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/`},
	{"\x12", `iPhone; CPU iPhone OS `},
	{"\x13", ` like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/`},
	{"\x14", `.0.0.0 Safari/537.36`},
	{"\x15", `.0.0.0 Mobile Safari/537.36`},
	{"\x16", ` Mobile/15E148 Safari/604.1`},
	{"\x17", ` Safari/605.1.15`},
	{"\x18", ` Gecko/20100101 Firefox/`},
	{"\x19", `Windows NT 10.0; Win64; x64; rv:`},
	{"\x1a", `X11; Linux x86_64; rv:`},
	{"\x1b", `Macintosh; Intel Mac OS X 10.15; rv:`},
	{"\x1c", `okhttp/`},
	{"\x1d", ` CFNetwork/`},
	{"\x1e", ` Darwin/`},
}

const (
	asItIs      = 0x1f
	lastControl = 0x1f
)

var (
	shortening = strings.NewReplacer(pairs()...)
	expanded   = byCode()
)

func pairs() (l []string) {
	for _, p := range phrases {
		l = append(l, p.phrase, p.code)
	}
	return l
}

func byCode() (l [lastControl + 1]string) {
	for _, p := range phrases {
		l[p.code[0]] = p.phrase
	}
	return l
}

// short is how a text is kept.
func short(text string) string {
	for i := range len(text) {
		if text[i] <= lastControl {
			return string(rune(asItIs)) + text
		}
	}
	return shortening.Replace(text)
}

// long is the text that was kept.
func long[T ~string | ~[]byte](kept T) T {
	if len(kept) > 0 && kept[0] == asItIs {
		return kept[1:]
	}
	size := len(kept)
	for i := range len(kept) {
		if c := kept[i]; c <= lastControl {
			size += len(expanded[c])
		}
	}
	if size == len(kept) {
		return kept
	}
	text := make([]byte, 0, size)
	for i := range len(kept) {
		if c := kept[i]; c <= lastControl {
			text = append(text, expanded[c]...)
		} else {
			text = append(text, c)
		}
	}
	return T(text)
}
