package account

import "github.com/headless-auth/headless/store"

// Event is something that has happened and is saved. Subscribers can't change
// the outcome. spec: account.md §14.
type Event interface {
	// Name is the event's name in the reference.
	Name() string
}

type (
	// SignedUp: an account was made.
	SignedUp struct{ User *store.User }
	// LoggedIn: a user is logged in, all stages passed.
	LoggedIn struct {
		User    *store.User
		Session string // its public id
	}
	// LoggedOut: a session was ended by its client. User is nil if nobody was
	// logged in.
	LoggedOut struct{ User *store.User }
	// LoginFailed: a password was wrong, or there is no such account.
	LoginFailed struct{ Identifier string }
	// AuthenticationStepCompleted: a user has proven once who they are.
	AuthenticationStepCompleted struct {
		User   *store.User
		Method store.Method
	}
	// PasswordSet: a user without password has one now.
	PasswordSet struct{ User *store.User }
	// PasswordChanged: a user has changed their password.
	PasswordChanged struct{ User *store.User }
	// PasswordReset: a user has a new password by means of a mailed key.
	PasswordReset struct{ User *store.User }
	// EmailConfirmationSent: a key was mailed to an address that a real user
	// claims.
	EmailConfirmationSent struct {
		User   *store.User
		Email  string
		Signup bool
	}
	// EmailVerified: an address was proven to be its user's.
	EmailVerified struct {
		User  *store.User
		Email string
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
