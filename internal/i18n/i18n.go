// Package i18n holds what the API says to people, by error code. Clients key
// on the code; the sentence is a courtesy.
package i18n

// Default is the locale that is complete.
const Default = "en"

var catalogs = map[string]map[string]string{Default: english}

// Message returns the sentence for a code, in English where the locale lacks it.
func Message(locale, code string) string {
	if m, ok := catalogs[locale][code]; ok {
		return m
	}
	if m, ok := english[code]; ok {
		return m
	}
	return "This value is not accepted."
}

var english = map[string]string{
	"required":                    "This field is required.",
	"invalid":                     "Enter a valid value.",
	"max_length":                  "This value is too long.",
	"min_length":                  "This value is too short.",
	"null_characters_not_allowed": "Null characters are not allowed.",
	"invalid_json":                "The request body is not a JSON object.",
	"too_large":                   "The request body is too large.",

	"invalid_login":              "Log in with exactly one of the accepted identifiers.",
	"email_password_mismatch":    "The email address or the password is not correct.",
	"username_password_mismatch": "The username or the password is not correct.",
	"phone_password_mismatch":    "The phone number or the password is not correct.",
	"too_many_login_attempts":    "Too many failed attempts. Try again later.",
	"email_taken":                "An account with this email address exists already.",
	"email_mismatch":             "The two email addresses are not the same.",
	"username_taken":             "An account with this username exists already.",
	"username_blacklisted":       "This username can't be used.",
	"invalid_phone":              "Enter a phone number with country code, such as +31612345678.",
	"phone_taken":                "An account with this phone number exists already.",
	"unknown_email":              "There is no account with this email address.",
	"invalid_or_expired_key":     "This key is not valid, or no longer.",
	"invalid_password_reset":     "This password reset key is not valid, or no longer.",
	"enter_current_password":     "Enter your current password.",
	"password_too_similar":       "The password is too similar to your other details.",
	"password_too_short":         "The password is too short.",
	"password_too_common":        "The password is too common.",
	"password_entirely_numeric":  "The password consists of digits only.",
	"csrf_failed":                "The CSRF token or the origin of the request is not accepted.",
	"signup_closed":              "Signing up is closed at the moment.",
	"client_ip_unknown":          "The client address can't be determined.",
	"wrong_credential":           "This route does not accept the kind of credential that was sent.",
}
