package password

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Validators are the rules for new passwords. The zero value has all of them.
type Validators struct {
	// MinLength in characters. Default 8.
	MinLength int
	// AllowCommon, AllowNumeric and AllowSimilar switch off the rules against
	// common passwords, digits only, and likeness to the user's other details.
	AllowCommon, AllowNumeric, AllowSimilar bool
}

// Subject is the user whose password it is going to be, as far as known.
type Subject struct {
	Username, FirstName, LastName, Email string
}

// Check lists what is wrong with a password, as codes of the API in the order
// of the original. A nil subject resembles nothing. White space at the ends is
// kept in a password but counts for nothing here, as the original trimmed it.
// spec: account.md §0.
func (v Validators) Check(text string, s *Subject) (codes []string) {
	text = strings.TrimSpace(text)
	lower := strings.ToLower(text)
	least := v.MinLength
	def(&least, 8)
	for _, rule := range []struct {
		code   string
		broken bool
	}{
		{"password_too_similar", !v.AllowSimilar && s != nil && s.resembles(lower)},
		{"password_too_short", utf8.RuneCountInString(text) < least},
		{"password_too_common", !v.AllowCommon && common(lower)},
		{"password_entirely_numeric", !v.AllowNumeric && numeric(text)},
	} {
		if rule.broken {
			codes = append(codes, rule.code)
		}
	}
	return codes
}

func numeric(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
}

// resembles tells whether a password in lower case shares 70 % of its
// characters, in any order, with one of the user's details or a word of it.
func (s *Subject) resembles(lower string) bool {
	chars, n := map[rune]int{}, 0
	for _, r := range lower {
		chars[r]++
		n++
	}
	for _, detail := range []string{s.Username, s.FirstName, s.LastName, s.Email} {
		detail = strings.ToLower(detail)
		for _, part := range append(strings.FieldsFunc(detail, notWord), detail) {
			// 2·shared / (n+m) ≥ 0.7, in whole numbers. It takes a part of
			// about the password's length to get there.
			shared, m := overlap(chars, part)
			if m > 0 && 20*shared >= 7*(n+m) {
				return true
			}
		}
	}
	return false
}

func notWord(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsNumber(r) }

// overlap counts the characters of a text, and those of them that are also in
// a multiset.
func overlap(chars map[rune]int, text string) (shared, length int) {
	used := map[rune]int{}
	for _, r := range text {
		if length++; used[r] < chars[r] {
			used[r]++
			shared++
		}
	}
	return shared, length
}
