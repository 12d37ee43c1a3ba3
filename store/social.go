package store

import (
	"context"
	"time"
)

// SocialAccount links a user to an account at an identity provider.
type SocialAccount struct {
	ID, UserID string
	// Provider and UID, the provider's immutable subject, are unique together
	// and compared exactly.
	Provider, UID string
	// Data is the provider's profile as JSON; nil means none.
	Data        []byte
	CreatedAt   time.Time
	LastLoginAt time.Time
}

// SocialToken is what a provider gave us to call it with. Token and Secret are
// encrypted by whoever stores them.
type SocialToken struct {
	AccountID string
	// App names the configured client it was issued to.
	App           string
	Token, Secret []byte
	// ExpiresAt is zero for a token that does not say.
	ExpiresAt time.Time
}

// SocialAccounts keeps links to identity providers, and their tokens.
type SocialAccounts interface {
	// CreateSocialAccount stores a and fills a.ID. ErrConflict: that identity
	// is linked already.
	CreateSocialAccount(ctx context.Context, a *SocialAccount) error
	// SocialAccount finds the link of an identity. ErrNotFound.
	SocialAccount(ctx context.Context, provider, uid string) (*SocialAccount, error)
	// SocialAccountsOf lists a user's links, oldest first.
	SocialAccountsOf(ctx context.Context, userID string) ([]*SocialAccount, error)
	// UpdateSocialAccount saves Data and LastLoginAt. ErrNotFound.
	UpdateSocialAccount(ctx context.Context, a *SocialAccount) error
	// DeleteSocialAccount removes a link and its tokens. An absent one is fine.
	DeleteSocialAccount(ctx context.Context, id string) error
	// SetSocialToken stores t in place of the account's token for that app.
	// ErrNotFound: no such account.
	SetSocialToken(ctx context.Context, t *SocialToken) error
	// SocialToken returns an account's token for an app. ErrNotFound.
	SocialToken(ctx context.Context, accountID, app string) (*SocialToken, error)
}
