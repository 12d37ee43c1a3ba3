package account

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/password"
)

// Config says how accounts work. The zero Config is a strict default: log in
// by email address and password, and nobody gets in before their address is
// verified by a link.
type Config struct {
	// LoginMethods are the identifiers that people log in with: any of
	// "email", "username", "phone". Default: email.
	LoginMethods []string
	// SignupFields are what signing up asks for, in order: "email", "email2",
	// "username", "phone", "password1", "password2", each with "*" if it is
	// required. Default: email*, password1*. Without password1, accounts have
	// no password.
	SignupFields []string
	// Fields are the host's own signup fields, stored with the user.
	Fields []Field
	// SignupClosed refuses to make accounts. [Hooks].AllowSignup decides case
	// by case.
	SignupClosed bool
	// NoUsernames: users have no username, not even a generated one.
	NoUsernames bool
	// UsernameMinLength in characters. Default 1.
	UsernameMinLength int
	// UsernameBlacklist are names that can't be taken, in any case.
	UsernameBlacklist []string
	// LowercaseUsernames stores usernames in lower case. They are compared
	// without regard to case either way.
	LowercaseUsernames bool
	// EmailVerification is [Mandatory] (default), [Optional] or [None].
	EmailVerification EmailVerification
	// EmailVerificationLifetime is how long a link verifies. Default 3 days.
	EmailVerificationLifetime time.Duration
	// EmailVerificationByCode verifies addresses by a code that the same
	// client repeats, in place of a link.
	EmailVerificationByCode bool
	// EmailVerificationCode says how these codes work. Default lifetime 15
	// minutes.
	EmailVerificationCode CodeConfig
	// ChangeEmail: users have one address, and a new one takes its place once
	// it is verified.
	ChangeEmail bool
	// MaxEmailAddresses of one user. Default 0: as many as they like.
	MaxEmailAddresses int
	// EmailMaxLength in characters. Default 254.
	EmailMaxLength int
	// LoginOnEmailVerification logs the waiting client in when it follows the
	// verification link itself.
	LoginOnEmailVerification bool
	// LoginByCode lets people log in by a code that is sent to them.
	LoginByCode bool
	// LoginCodeRequired are the methods ("password", "socialaccount", "mfa")
	// after which logging in takes such a code as well; "*" is every method,
	// signing up included.
	LoginCodeRequired []string
	// LoginCodeTrust offers to trust the browser after a required code. Needs
	// the MFA part.
	LoginCodeTrust bool
	// LoginCode says how these codes work. Default lifetime 3 minutes.
	LoginCode CodeConfig
	// LoginTimeout is how long a login may stay half done. Default 15 minutes.
	LoginTimeout time.Duration
	// LoginOnPasswordReset logs in whoever has just reset their password.
	LoginOnPasswordReset bool
	// LogoutOnPasswordChange ends also the session that changed the password.
	LogoutOnPasswordChange bool
	// PasswordResetLifetime is how long a reset link works. Default 3 days.
	PasswordResetLifetime time.Duration
	// PasswordResetByCode resets passwords by a code that the same client
	// repeats, in place of a link.
	PasswordResetByCode bool
	// PasswordResetCode says how these codes work. Default lifetime 3 minutes.
	PasswordResetCode CodeConfig
	// SkipPhoneVerification lets people log in with a phone number that they
	// have not shown to be theirs.
	SkipPhoneVerification bool
	// PhoneCode says how codes sent to phones work. Default lifetime 15
	// minutes.
	PhoneCode CodeConfig
	// CodeFormat is what codes look like where their own Format does not say.
	CodeFormat CodeFormat
	// KeepUnprovenCredentials keeps what an account was given before its owner
	// has shown, by a mailed code or reset key, that the address is theirs, or,
	// by a code, that the phone number is. By default password, sessions,
	// further addresses, phone number, linked accounts and authenticators of such
	// an account go: whoever put them there may not be the owner. Authenticators stay with
	// MFA.AllowUnverifiedEmail.
	KeepUnprovenCredentials bool
	// Closing lets users deactivate and delete their accounts.
	Closing bool
	// ReauthenticationRequired asks for a recent proof of identity before
	// email addresses, the phone number or linked accounts change.
	ReauthenticationRequired bool
	// ReauthenticationTimeout is how long a proof of identity counts as
	// recent. Default 5 minutes.
	ReauthenticationTimeout time.Duration
	// PreventEnumeration hides whether an account exists. Default [Prevent].
	PreventEnumeration Enumeration
	// SilentForUnknownAccounts sends no mail to addresses without an account.
	// By default they are told so.
	SilentForUnknownAccounts bool
	// EmailNotifications tells users by mail of changes to their account.
	EmailNotifications bool
	// NewDeviceNotification tells users by mail when somebody logs in to their
	// account with a browser or app that has not been used for it within a year.
	NewDeviceNotification bool
	// Password says how passwords are judged and stored.
	Password PasswordConfig
}

// PasswordConfig says how passwords are judged and stored.
type PasswordConfig struct {
	// MinLength in characters. Default 8.
	MinLength int
	// AllowCommon, AllowNumeric and AllowSimilar switch off the rules against
	// common passwords, digits only, and likeness to the user's other details.
	AllowCommon, AllowNumeric, AllowSimilar bool
	// FirstNeedsRecentLogin lets those who have no password set one only within
	// Config.ReauthenticationTimeout after a login, say through their provider,
	// or another proof. By default it is enough to be logged in.
	FirstNeedsRecentLogin bool
	// Argon2Memory in KiB (default 19456), Argon2Time in passes (default 2)
	// and Argon2Threads (default 1) are the cost of a hash. Stored hashes of
	// other costs are renewed at the next login.
	Argon2Memory, Argon2Time, Argon2Threads int
	// MaxConcurrent hashes at once; more wait. Default: one for each CPU.
	MaxConcurrent int
	// MaxWait is how long a request waits for its turn to hash before it is
	// answered 503. Default 4 s.
	MaxWait time.Duration
	// Hasher hashes passwords in place of our own code. Default nil: Argon2id, at
	// the cost above.
	Hasher PasswordHasher
	// BcryptPepper is what Devise has put behind each password before it was
	// hashed, for users who were imported from there.
	BcryptPepper []byte
}

// PasswordHasher makes and verifies the hashes of passwords, say in a hardware
// module, with a pepper, or by a function that an auditor wants. New tries it.
//
// It is called by several goroutines, no more at once than MaxConcurrent allows.
// Passwords are up to 4096 bytes long, and all of them counts, as it is: no
// trimming, no end at a NUL or at 72 bytes. An error that wraps
// [store.ErrUnavailable], or the end of ctx, is answered 503, any other 500; no
// error may hold the password.
type PasswordHasher interface {
	// Hash encodes a password for storage, each time with a salt of its own: in
	// UTF-8 without NUL, up to 4096 bytes, not beginning with "!".
	Hash(ctx context.Context, password string) (encoded string, err error)
	// Verify reports whether encoded is of this password, and if so whether Hash
	// would make a better one by now: it takes its place then. For what Hash has
	// not made, the error wraps [ErrUnknownHash]; our own code tries then, and
	// who logs in gets a hash of this hasher. It takes the same time for a right
	// and for a wrong password: it stands in for accounts that do not exist.
	Verify(ctx context.Context, password, encoded string) (ok, upgrade bool, err error)
}

// ErrUnknownHash is a [PasswordHasher]'s answer for a hash that it has not made.
var ErrUnknownHash = password.ErrUnknownHash

// Format shows nothing, whatever the verb: the pepper is a secret.
func (PasswordConfig) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("{[redacted]}")) }

// MarshalText is Format.
func (c PasswordConfig) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(c)), nil }

// EmailVerification says what an unverified address means for logging in.
type EmailVerification string

// The kinds of email verification.
const (
	// Mandatory: nobody logs in before their address is verified.
	Mandatory EmailVerification = "mandatory"
	// Optional: a mail is sent at signup, and nothing waits for it.
	Optional EmailVerification = "optional"
	// None: no mail is sent at signup.
	None EmailVerification = "none"
)

// Enumeration says whether strangers may learn that an account exists.
// spec: account.md §9.
type Enumeration string

// The kinds of enumeration prevention.
const (
	// Prevent hides it as far as unique addresses allow.
	Prevent Enumeration = "true"
	// PreventStrict hides it even where that lets two accounts claim one
	// unverified address.
	PreventStrict Enumeration = "strict"
	// Reveal says so plainly.
	Reveal Enumeration = "false"
)

// loginMethods are the identifiers that people may log in with, in the order
// in which they are judged and listed.
var loginMethods = []string{"username", "email", "phone"}

var knownSignupFields = []string{"email", "email2", "username", "phone", "password1", "password2"}

// Problems returns what is wrong with a configuration, by field, and fills in
// the defaults.
func (c *Config) Problems() map[string]string {
	p := map[string]string{}
	if len(c.LoginMethods) == 0 {
		c.LoginMethods = []string{"email"}
	}
	if len(c.SignupFields) == 0 {
		c.SignupFields = []string{"email*", "password1*"}
	}
	def(&c.EmailVerification, Mandatory)
	def(&c.PreventEnumeration, Prevent)
	def(&c.UsernameMinLength, 1)
	def(&c.EmailMaxLength, 254)
	def(&c.EmailVerificationLifetime, 3*24*time.Hour)
	def(&c.PasswordResetLifetime, 3*24*time.Hour)
	def(&c.LoginTimeout, 15*time.Minute)
	def(&c.ReauthenticationTimeout, 5*time.Minute)
	c.codeDefaults(p)
	def(&c.Password.MinLength, 8)
	def(&c.Password.MaxWait, 4*time.Second)

	for i, m := range c.LoginMethods {
		if !slices.Contains(loginMethods, m) {
			p[fmt.Sprintf("LoginMethods[%d]", i)] = fmt.Sprintf(`%q is no login method; write "email", "username" or "phone"`, m)
		}
		if slices.Contains(c.LoginMethods[:i], m) {
			p[fmt.Sprintf("LoginMethods[%d]", i)] = fmt.Sprintf("%q is listed twice", m)
		}
	}
	seen := map[string]bool{}
	fields := parseSignupFields(c.SignupFields)
	for i, f := range fields {
		name := fmt.Sprintf("SignupFields[%d]", i)
		switch {
		case f.name == "password":
			p[name] = `"password" is no field name; write "password1"`
		case !slices.Contains(knownSignupFields, f.name):
			p[name] = fmt.Sprintf("%q is no signup field; write one of %s, with * if it is required", f.name, strings.Join(knownSignupFields, ", "))
		case seen[f.name]:
			p[name] = fmt.Sprintf("%q is listed twice", f.name)
		}
		seen[f.name] = true
	}
	if c.EmailVerification == Mandatory && !slices.Contains(fields, signupField{"email", true}) {
		p["SignupFields"] = `mandatory email verification needs "email*"; add it, or set EmailVerification to "optional" or "none"`
	}
	if seen["email2"] && !seen["email"] {
		p["SignupFields"] = `"email2" repeats "email"; add "email"`
	}
	if c.EmailVerificationByCode && c.EmailVerification == None {
		p["EmailVerificationByCode"] = `needs EmailVerification "mandatory" or "optional"`
	}
	if c.MaxEmailAddresses < 0 {
		p["MaxEmailAddresses"] = "can't be negative; write 0 for no bound"
	}
	if c.ChangeEmail && c.MaxEmailAddresses != 0 && c.MaxEmailAddresses != 2 {
		p["MaxEmailAddresses"] = "must be 0 or 2 with ChangeEmail: the address and the one to replace it"
	}
	for i, m := range c.LoginCodeRequired {
		if m == "" || strings.ToLower(m) != m {
			p[fmt.Sprintf("LoginCodeRequired[%d]", i)] = fmt.Sprintf(`%q is no method; write "password", "socialaccount", "mfa" or "*"`, m)
		}
	}
	if c.NoUsernames && (seen["username"] || slices.Contains(c.LoginMethods, "username")) {
		p["NoUsernames"] = `contradicts "username" in LoginMethods or SignupFields`
	}
	switch c.EmailVerification {
	case Mandatory, Optional, None:
	default:
		p["EmailVerification"] = fmt.Sprintf(`%q is not known; write "mandatory", "optional" or "none"`, string(c.EmailVerification))
	}
	switch c.PreventEnumeration {
	case Prevent, PreventStrict, Reveal:
	default:
		p["PreventEnumeration"] = fmt.Sprintf(`%q is not known; write "true", "strict" or "false"`, string(c.PreventEnumeration))
	}
	for name, d := range map[string]time.Duration{
		"EmailVerificationLifetime": c.EmailVerificationLifetime, "PasswordResetLifetime": c.PasswordResetLifetime,
		"LoginTimeout": c.LoginTimeout, "ReauthenticationTimeout": c.ReauthenticationTimeout, "Password.MaxWait": c.Password.MaxWait,
	} {
		if d < 0 {
			p[name] = `can't be negative; write a duration such as "15m"`
		}
	}
	if c.UsernameMinLength < 1 || c.UsernameMinLength > usernameMaxLength {
		p["UsernameMinLength"] = "must be between 1 and 150"
	}
	if c.EmailMaxLength < 6 || c.EmailMaxLength > 320 {
		p["EmailMaxLength"] = "must be between 6 and 320"
	}
	if c.Password.MinLength < 1 || c.Password.MinLength > 128 {
		p["Password.MinLength"] = "must be between 1 and 128"
	}
	for i := range c.Fields {
		c.Fields[i].problems(fmt.Sprintf("Fields[%d]", i), seen, p)
	}
	return p
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// codeDefaults fills in how codes work where the host does not say.
func (c *Config) codeDefaults(p map[string]string) {
	c.CodeFormat.fill(CodeFormat{})
	for name, u := range map[string]struct {
		code     *CodeConfig
		lifetime time.Duration
	}{
		"EmailVerificationCode": {&c.EmailVerificationCode, 15 * time.Minute},
		"LoginCode":             {&c.LoginCode, 3 * time.Minute},
		"PasswordResetCode":     {&c.PasswordResetCode, 3 * time.Minute},
		"PhoneCode":             {&c.PhoneCode, 15 * time.Minute},
	} {
		u.code.problems(name, u.lifetime, c.CodeFormat, p)
	}
}

// NeedsSMS reports whether text messages may have to be sent.
func (c *Config) NeedsSMS() bool {
	return slices.Contains(c.LoginMethods, "phone") || slices.ContainsFunc(parseSignupFields(c.SignupFields), func(f signupField) bool { return f.name == "phone" })
}
