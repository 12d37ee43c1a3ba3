// Package phone knows which phone numbers exist: the numbering plan of every
// country. Set its [Clean] as a hook,
//
//	Hooks: account.Hooks{CleanPhone: phone.Clean},
//
// and numbers that nobody can have are refused before a message is sent to
// them. It is a package of its own because the plans take several megabytes.
package phone

import (
	"context"

	"github.com/nyaruka/phonenumbers"

	"github.com/headless-auth/headless/account"
)

// Clean returns a number in E.164 form, such as +31612345678. A number that
// no plan has is refused with "invalid_phone".
func Clean(_ context.Context, number string) (string, error) {
	n, err := phonenumbers.Parse(number, "")
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return "", account.Reject("phone", "invalid_phone", "")
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}

// Country returns the country of a number as ISO 3166 has it, such as "NL", or
// "" where it has none. Budgets for text messages are kept by it.
func Country(number string) string {
	n, err := phonenumbers.Parse(number, "")
	if err != nil {
		return ""
	}
	return phonenumbers.GetRegionCodeForNumber(n)
}
