package mfa

import (
	"time"

	"github.com/headless-auth/headless/account"
)

// Which tells the authenticator that an event is about.
type Which struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// The events of this package, all of them [account.Event]s. spec: mfa.md §12;
// those from SignCountRegressed on are ours.
type (
	// AuthenticatorAdded: a user has another authenticator.
	AuthenticatorAdded struct {
		account.Of
		Which
	}
	// AuthenticatorRemoved: a user has an authenticator less.
	AuthenticatorRemoved struct {
		account.Of
		Which
	}
	// AuthenticatorReset: a user has new recovery codes in place of the former.
	AuthenticatorReset struct {
		account.Of
		Which
	}
	// AuthenticatorUsed: a user has proven who they are by an authenticator.
	AuthenticatorUsed struct {
		account.Of
		Which
		Reauthenticated bool `json:"reauthenticated"`
		Passwordless    bool `json:"passwordless"`
	}
	// AuthenticationFailed: a code or key was wrong. Which is what it was most
	// likely meant for.
	AuthenticationFailed struct {
		account.Of
		Which
		Reauthentication bool `json:"reauthentication"`
	}
	// SignCountRegressed: the counter of a security key did not advance, so
	// there may be a copy of it. It was refused.
	SignCountRegressed struct {
		account.Of
		Which
		Stored   uint32 `json:"stored"`
		Received uint32 `json:"received"`
	}
	// BrowserTrusted: a user has declared a browser their own.
	BrowserTrusted struct {
		account.Of
		Browser string `json:"browser"` // its id
	}
	// BrowserDistrusted: a user does so no more.
	BrowserDistrusted struct {
		account.Of
		Browser string `json:"browser"`
	}
	// EnrollmentDue: a user has logged in who will have to set up a further
	// factor.
	EnrollmentDue struct {
		account.Of
		By time.Time `json:"by"`
	}
	// Reset: the host has removed all of a user's authenticators.
	Reset struct {
		account.Of
	}
)

// Name implements [account.Event].
func (AuthenticatorAdded) Name() string { return "authenticator_added" }

// Name implements [account.Event].
func (AuthenticatorRemoved) Name() string { return "authenticator_removed" }

// Name implements [account.Event].
func (AuthenticatorReset) Name() string { return "authenticator_reset" }

// Name implements [account.Event].
func (AuthenticatorUsed) Name() string { return "authenticator_used" }

// Name implements [account.Event].
func (AuthenticationFailed) Name() string { return "authentication_failed" }

// Name implements [account.Event].
func (SignCountRegressed) Name() string { return "sign_count_regressed" }

// Name implements [account.Event].
func (BrowserTrusted) Name() string { return "browser_trusted" }

// Name implements [account.Event].
func (BrowserDistrusted) Name() string { return "browser_distrusted" }

// Name implements [account.Event].
func (EnrollmentDue) Name() string { return "mfa_enrollment_due" }

// Name implements [account.Event].
func (Reset) Name() string { return "mfa_reset" }

// EventNames are the names of this package's events.
func EventNames() (names []string) {
	for _, e := range []account.Event{
		AuthenticatorAdded{}, AuthenticatorRemoved{}, AuthenticatorReset{}, AuthenticatorUsed{}, AuthenticationFailed{},
		SignCountRegressed{}, BrowserTrusted{}, BrowserDistrusted{}, EnrollmentDue{}, Reset{},
	} {
		names = append(names, e.Name())
	}
	return names
}
