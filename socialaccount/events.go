package socialaccount

import "github.com/headless-auth/headless/account"

type (
	// Identified: a provider has told who somebody is. User is nil for a
	// stranger.
	Identified struct {
		account.Of
		Provider string `json:"provider"`
		UID      string `json:"uid"`
	}
	// Added: an account of a provider was linked to a user, other than by
	// signing up with it.
	Added struct {
		account.Of
		Provider string `json:"provider"`
		UID      string `json:"uid"`
	}
	// Updated: what is stored of such an account was brought up to date.
	Updated struct {
		account.Of
		Provider string `json:"provider"`
		UID      string `json:"uid"`
	}
	// Removed: such a link was removed.
	Removed struct {
		account.Of
		Provider string `json:"provider"`
		UID      string `json:"uid"`
	}
)

// Name implements [account.Event].
func (Identified) Name() string { return "pre_social_login" }

// Name implements [account.Event].
func (Added) Name() string { return "social_account_added" }

// Name implements [account.Event].
func (Updated) Name() string { return "social_account_updated" }

// Name implements [account.Event].
func (Removed) Name() string { return "social_account_removed" }

// EventNames are the names of this package's events.
func EventNames() (names []string) {
	for _, e := range []account.Event{
		Identified{}, Added{}, Updated{}, Removed{},
	} {
		names = append(names, e.Name())
	}
	return names
}
