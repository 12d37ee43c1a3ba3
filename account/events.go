package account

import "github.com/headless-auth/headless/store"

// Event is something that has happened and is saved. Subscribers can't change
// the outcome. Every event embeds [Of]; its JSON form is what is known besides
// the user, and holds no secrets. spec: account.md §14.
type Event interface {
	// Name is the event's name in the reference.
	Name() string
	// Subject is the user concerned, nil if there is none.
	Subject() *store.User
}

// Of tells which user an event is about.
type Of struct {
	User *store.User `json:"-"`
}

// Subject implements [Event].
func (o Of) Subject() *store.User { return o.User }

type (
	// SignedUp: an account was made.
	SignedUp struct {
		Of
	}
	// LoggedIn: a user is logged in, all stages passed.
	LoggedIn struct {
		Of
		Session string `json:"-"` // its public id
	}
	// LoggedOut: a user has logged out.
	LoggedOut struct {
		Of
	}
	// LoginFailed: a password was wrong, or there is no such account. User is nil
	// unless the identifier means one account.
	LoginFailed struct {
		Of
		// Identifier is what was typed, so that it can't be read: people type
		// passwords there. Addresses and numbers are masked; anything else is a
		// keyed hash, the same for the same text.
		Identifier string `json:"identifier"`
	}
	// AuthenticationStepCompleted: a user has proven once who they are.
	AuthenticationStepCompleted struct {
		Of
		Method store.Method `json:"method"`
	}
	// PasswordSet: a user without password has one now.
	PasswordSet struct {
		Of
	}
	// PasswordChanged: a user has changed their password.
	PasswordChanged struct {
		Of
	}
	// PasswordReset: a user has a new password by means of a mailed key or code.
	PasswordReset struct {
		Of
	}
	// EmailConfirmationSent: a key or code was mailed to an address that a real
	// user claims.
	EmailConfirmationSent struct {
		Of
		Email  string `json:"email"`
		Signup bool   `json:"signup"`
	}
	// EmailVerified: an address was proven to be its user's.
	EmailVerified struct {
		Of
		Email string `json:"email"`
	}
	// EmailAdded: a user has another address.
	EmailAdded struct {
		Of
		Email string `json:"email"`
	}
	// EmailRemoved: a user has an address less.
	EmailRemoved struct {
		Of
		Email string `json:"email"`
	}
	// EmailChanged: a user has another primary address. From is empty if there was
	// none.
	EmailChanged struct {
		Of
		From string `json:"from_email,omitempty"`
		To   string `json:"to_email"`
	}
	// LoginCodeRejected: a code to log in with was wrong. Last: no more are taken.
	LoginCodeRejected struct {
		Of
		Last bool `json:"last_attempt"`
	}
	// PasswordResetCodeRejected: a code to reset a password with was wrong.
	PasswordResetCodeRejected struct {
		Of
		Last bool `json:"last_attempt"`
	}
	// EmailVerificationCodeRejected: a code to verify an address with was
	// wrong.
	EmailVerificationCodeRejected struct {
		Of
		Last bool `json:"last_attempt"`
	}
	// PhoneVerified: a number was proven to be its user's.
	PhoneVerified struct {
		Of
		Phone string `json:"phone"`
	}
	// PhoneRemoved: a user has no number any more.
	PhoneRemoved struct {
		Of
		Phone string `json:"phone"`
	}
	// AccountDeactivated: a user has closed their account for now.
	AccountDeactivated struct {
		Of
	}
	// AccountReactivated: a user has opened their account again.
	AccountReactivated struct {
		Of
	}
	// AccountDeleted: a user has deleted their account. It exists no more.
	AccountDeleted struct {
		Of
	}
	// AccountDisabled: an operator keeps a user out.
	AccountDisabled struct {
		Of
	}
	// AccountEnabled: an operator lets a user in again.
	AccountEnabled struct {
		Of
	}
	// AllSessionsEnded: an operator has logged a user out everywhere.
	AllSessionsEnded struct {
		Of
	}
	// DataExported: an operator has got all that is kept of a user.
	DataExported struct {
		Of
	}
)

// Name implements [Event].
func (SignedUp) Name() string { return "user_signed_up" }

// Name implements [Event].
func (LoggedIn) Name() string { return "user_logged_in" }

// Name implements [Event].
func (LoggedOut) Name() string { return "user_logged_out" }

// Name implements [Event].
func (LoginFailed) Name() string { return "login_failed" }

// Name implements [Event].
func (AuthenticationStepCompleted) Name() string { return "authentication_step_completed" }

// Name implements [Event].
func (PasswordSet) Name() string { return "password_set" }

// Name implements [Event].
func (PasswordChanged) Name() string { return "password_changed" }

// Name implements [Event].
func (PasswordReset) Name() string { return "password_reset" }

// Name implements [Event].
func (EmailConfirmationSent) Name() string { return "email_confirmation_sent" }

// Name implements [Event].
func (EmailVerified) Name() string { return "email_confirmed" }

// Name implements [Event].
func (EmailAdded) Name() string { return "email_added" }

// Name implements [Event].
func (EmailRemoved) Name() string { return "email_removed" }

// Name implements [Event].
func (EmailChanged) Name() string { return "email_changed" }

// Name implements [Event].
func (LoginCodeRejected) Name() string { return "login_code_rejected" }

// Name implements [Event].
func (PasswordResetCodeRejected) Name() string { return "password_reset_code_rejected" }

// Name implements [Event].
func (EmailVerificationCodeRejected) Name() string { return "email_verification_code_rejected" }

// Name implements [Event].
func (PhoneVerified) Name() string { return "phone_verified" }

// Name implements [Event].
func (PhoneRemoved) Name() string { return "phone_removed" }

// Name implements [Event].
func (AccountDeactivated) Name() string { return "account_deactivated" }

// Name implements [Event].
func (AccountReactivated) Name() string { return "account_reactivated" }

// Name implements [Event].
func (AccountDeleted) Name() string { return "account_deleted" }

// Name implements [Event].
func (AccountDisabled) Name() string { return "account_disabled" }

// Name implements [Event].
func (AccountEnabled) Name() string { return "account_enabled" }

// Name implements [Event].
func (AllSessionsEnded) Name() string { return "all_sessions_ended" }

// Name implements [Event].
func (DataExported) Name() string { return "data_exported" }

// EventNames are the names of this package's events.
func EventNames() (names []string) {
	for _, e := range []Event{
		SignedUp{}, LoggedIn{}, LoggedOut{}, LoginFailed{}, AuthenticationStepCompleted{}, PasswordSet{}, PasswordChanged{},
		PasswordReset{}, EmailConfirmationSent{}, EmailVerified{}, EmailAdded{}, EmailRemoved{}, EmailChanged{},
		LoginCodeRejected{}, PasswordResetCodeRejected{}, EmailVerificationCodeRejected{}, PhoneVerified{}, PhoneRemoved{},
		AccountDeactivated{}, AccountReactivated{}, AccountDeleted{}, AccountDisabled{}, AccountEnabled{},
		AllSessionsEnded{}, DataExported{},
	} {
		names = append(names, e.Name())
	}
	return names
}
