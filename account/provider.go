package account

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// What package socialaccount asks of this one.

// Conf is the configuration.
func (a *Account) Conf() Config { return a.config }

// Asks reports whether signing up asks for a field, and whether that is
// required.
func (a *Account) Asks(field string) (asks, required bool) {
	return a.asks(field), slices.Contains(a.signup, signupField{field, true})
}

// Lacks reports whether a new user has no value for one of the host's own fields
// that is required.
func (a *Account) Lacks(u *store.User) bool {
	var have map[string]any
	if len(u.Fields) > 0 && json.Unmarshal(u.Fields, &have) != nil {
		have = nil
	}
	return slices.ContainsFunc(a.config.Fields, func(f Field) bool {
		v := have[f.Name]
		return f.Required && (v == nil || v == "" || v == false)
	})
}

// EmailTaken reports whether any account claims an address, verified or not.
func (a *Account) EmailTaken(ctx context.Context, rq *api.Request, email string) (bool, error) {
	return a.emailTaken(ctx, rq, email)
}

// PhoneTaken reports whether any account claims a number, verified or not.
func (a *Account) PhoneTaken(ctx context.Context, rq *api.Request, number string) (bool, error) {
	return a.phoneTaken(ctx, rq, number, "")
}

// SuggestedUsername is a name that somebody else suggests in the form to store,
// or "" if it won't do.
func (a *Account) SuggestedUsername(ctx context.Context, rq *api.Request, name string) (string, error) {
	if name == "" || a.config.NoUsernames || len([]rune(name)) < a.config.UsernameMinLength || len([]rune(name)) > usernameMaxLength {
		return "", nil
	}
	clean, err := a.cleanUsername(ctx, rq, name)
	var refused *api.Error
	if errors.As(err, &refused) {
		return "", nil
	}
	return clean, err
}

// CleanPhone is a number in the form to store, or "" if it is none.
func (a *Account) CleanPhone(ctx context.Context, number string) string {
	clean, wrong := a.cleanPhone(ctx, number)
	if len(wrong) > 0 {
		return ""
	}
	return clean
}

// OwnerOfEmail finds the one user that somebody can only be who has proven an
// address elsewhere: who has it verified, or else the only one who claims it,
// if they never have had any proven. Nil: there is no such user, or no telling
// which. An address that is merely claimed, on an account that somebody else
// has proven to be theirs, leads nowhere. Requirement EML-4.
func (a *Account) OwnerOfEmail(ctx context.Context, rq *api.Request, email string) (*store.User, error) {
	claims, err := a.claims(ctx, rq, email)
	if err != nil || len(claims) != 1 || !claims[0].Verified && a.config.KeepUnprovenCredentials {
		return nil, err
	}
	u, err := rq.Store().User(ctx, claims[0].UserID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return u, err
}

// Proven notes that a user has proven an address elsewhere. If it is the first
// proof of any, whatever was put on the account before goes. It must run inside
// [api.Request.InTx].
func (a *Account) Proven(ctx context.Context, rq *api.Request, u *store.User, email string) error {
	return a.proven(ctx, rq, u, &process{Email: email, Requested: true})
}
