package mail

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxSubject = 200 // characters
	maxForeign = 320 // characters: the longest address
	lineWidth  = 72  // columns of the text variant
)

// clean makes one line of a text: without control and invisible characters,
// which forge header lines or turn the direction of reading.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError, unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}

// limit cuts a text to n characters.
func limit(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// inert keeps mail programs from making links of what strangers wrote: a
// space breaks what all of them take for one.
func inert(s string) string {
	s = strings.ReplaceAll(s, "://", ": //")
	for i := 0; i+4 <= len(s); i++ {
		if strings.EqualFold(s[i:i+4], "www.") {
			s = s[:i+3] + " " + s[i+3:]
		}
	}
	return limit(s, maxForeign)
}

// pieces cuts a text after each dot and at-sign. Set in elements of their own
// they look as before, and no mail program sees a domain or an address.
func pieces(s string) []string {
	var cut []string
	for s != "" {
		i := strings.IndexAny(s, ".@") + 1
		if i == 0 {
			i = len(s)
		}
		cut, s = append(cut, s[:i]), s[i:]
	}
	return cut
}

// isPage says whether s is a URL that may stand in a mail.
func isPage(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && !strings.ContainsAny(s, " <>\"")
}

// wrap breaks a text into lines between words. Scripts that have no spaces
// between words are left to the mail program.
func wrap(v any) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(fmt.Sprint(v)) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
		case column+1+n > lineWidth:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// tidy leaves one empty line where templates made several.
func tidy(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
	for strings.Contains(s, "\n\n\n") {
		s = strings.ReplaceAll(s, "\n\n\n", "\n\n")
	}
	return s + "\n"
}
