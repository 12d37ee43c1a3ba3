package mfa

import (
	"context"
	"slices"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// Factors is what other packages ask of this one. It stands on the store
// alone, so that it can be made before them. It implements
// [account.SecondFactors].
type Factors struct{ config Config }

// NewFactors returns the factors of a configuration, which has been judged.
func NewFactors(c Config) *Factors { return &Factors{config: c} }

// HasAuthenticators implements [account.SecondFactors].
func (f *Factors) HasAuthenticators(ctx context.Context, rq *api.Request, userID string) (bool, error) {
	l, err := rq.Store().AuthenticatorsOf(ctx, userID)
	return len(l) > 0, err
}

// BlocksEmail implements [account.SecondFactors]. spec: mfa.md §3.
func (f *Factors) BlocksEmail(ctx context.Context, rq *api.Request, userID string) (bool, error) {
	if f.config.AllowUnverifiedEmail {
		return false, nil
	}
	return f.HasAuthenticators(ctx, rq, userID)
}

// OutliveProof implements [account.SecondFactors].
func (f *Factors) OutliveProof() bool { return f.config.AllowUnverifiedEmail }

// TrustsBrowser implements [account.SecondFactors].
func (f *Factors) TrustsBrowser(ctx context.Context, rq *api.Request, u *store.User, stage string) (bool, error) {
	return f.trusts(ctx, rq, u, stage)
}

// authenticator returns a user's one authenticator of a kind, nil if there is
// none.
func authenticator(ctx context.Context, rq *api.Request, userID, kind string) (*store.Authenticator, error) {
	l, err := rq.Store().AuthenticatorsOf(ctx, userID)
	if err != nil {
		return nil, err
	}
	return ofKind(l, kind), nil
}

func ofKind(l []*store.Authenticator, kind string) *store.Authenticator {
	for _, a := range l {
		if a.Type == kind {
			return a
		}
	}
	return nil
}

// types lists which kinds of authenticators there are, in the API's order,
// without regard to what is supported now.
func types(l []*store.Authenticator) []string {
	t := []string{}
	for _, kind := range kinds {
		if ofKind(l, kind) != nil {
			t = append(t, kind)
		}
	}
	return t
}

// protects reports whether there is an authenticator that is asked for at
// login. Recovery codes alone are not.
func protects(l []*store.Authenticator) bool {
	return slices.ContainsFunc(l, func(a *store.Authenticator) bool { return a.Type != store.RecoveryCodes })
}
