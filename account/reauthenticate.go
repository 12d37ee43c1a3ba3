package account

import (
	"context"
	"slices"
	"strings"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const codeIncorrectPassword api.Code = "incorrect_password"

var reauthenticateInput = []api.Field{passwordField("password", true)}

// reauthenticate takes the password again. spec: account.md §8.6.
func (a *Account) reauthenticate(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in := rq.Input
	if err := in.Err(); err != nil {
		return nil, err
	}
	key := failedUserKey(rq.User)
	taken, wait, err := rq.TakeEach(ctx, key, "login_failed", "password_failed")
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		in.Fail("password", codeTooManyAttempts)
		return nil, in.Err()
	}
	ok, upgraded, err := a.matches(ctx, in.Text("password"), rq.User)
	if err != nil {
		return nil, err
	}
	if !ok {
		rq.Emit(LoginFailed{Of{rq.User}, masked(rq, identifier(rq.User))})
		in.Fail("password", codeIncorrectPassword)
		return nil, in.Err()
	}
	if err := rq.GiveBack(ctx, taken); err != nil {
		return nil, err
	}
	yes := true
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if err := rq.Clear(ctx, "password_failed", key); err != nil {
			return err
		}
		if upgraded != "" {
			if err := rq.Store().UpgradePassword(ctx, rq.User.ID, rq.User.Password, upgraded); err != nil {
				return err
			}
		}
		a.sessions.Reauthenticated(rq)
		return Record(rq, rq.User, store.Method{Method: "password", Reauthenticated: &yes})
	})
	return api.Authentication(), err
}

// reauthentication tells whether the caller would have to prove once more who
// they are, were they to ask for something that needs it, and how they can. It is
// an extension of the contract.
func (a *Account) reauthentication(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	recent, err := a.Recent(ctx, rq)
	if err != nil {
		return nil, err
	}
	data := struct {
		Recent bool      `json:"recent"`
		Until  float64   `json:"recent_until,omitempty"`
		Flows  api.Flows `json:"flows"`
	}{Recent: recent, Flows: api.Flows{}}
	if l := rq.Session.Methods.List(); recent && len(l) > 0 && rq.AuthenticatedWithin(a.config.ReauthenticationTimeout) {
		data.Until = l[len(l)-1].At + a.config.ReauthenticationTimeout.Seconds()
	}
	for _, source := range rq.Env.Flows {
		if err := source(ctx, rq, &data.Flows); err != nil {
			return nil, err
		}
	}
	data.Flows = slices.DeleteFunc(data.Flows, func(f api.Flow) bool { return !strings.HasSuffix(f.ID, "reauthenticate") })
	return api.Data(data), nil
}

// identifier is what a user most likely logs in with.
func identifier(u *store.User) string {
	for _, s := range []string{u.Email, u.Username} {
		if s != "" {
			return s
		}
	}
	return u.ID
}

// Recent reports whether the caller has proven who they are lately enough for
// a sensitive change. Who has nothing to prove it with always has.
// spec: core.md §7.1.
func (a *Account) Recent(ctx context.Context, rq *api.Request) (bool, error) {
	if rq.AuthenticatedWithin(a.config.ReauthenticationTimeout) {
		return true, nil
	}
	if rq.User.Password.Usable() {
		return false, nil
	}
	if a.factors == nil {
		return true, nil
	}
	has, err := a.factors.HasAuthenticators(ctx, rq, rq.User.ID)
	return !has, err
}

// RequireRecent asks for another proof of identity unless there is a recent
// one.
func (a *Account) RequireRecent(ctx context.Context, rq *api.Request) error {
	recent, err := a.Recent(ctx, rq)
	if err == nil && !recent {
		err = api.Reauthenticate()
	}
	return err
}

// RequireRecentFactor is RequireRecent where the latest proof must be one of a
// second factor.
func (a *Account) RequireRecentFactor(rq *api.Request) error {
	l := rq.Session.Methods.List()
	if rq.AuthenticatedWithin(a.config.ReauthenticationTimeout) && l[len(l)-1].Method == "mfa" {
		return nil
	}
	return api.Reauthenticate()
}

// RequireRecentForChange is RequireRecent where the host has asked for it.
func (a *Account) RequireRecentForChange(ctx context.Context, rq *api.Request) error {
	if !a.config.ReauthenticationRequired {
		return nil
	}
	return a.RequireRecent(ctx, rq)
}

// SecondFactors is what this package asks of package mfa.
type SecondFactors interface {
	// HasAuthenticators reports whether a user has any authenticator.
	HasAuthenticators(ctx context.Context, rq *api.Request, userID string) (bool, error)
	// TrustsBrowser reports whether the request comes from a browser that u
	// has declared trusted for a stage.
	TrustsBrowser(ctx context.Context, rq *api.Request, u *store.User, stage string) (bool, error)
	// BlocksEmail reports whether a user may not add unverified addresses.
	BlocksEmail(ctx context.Context, rq *api.Request, userID string) (bool, error)
	// OutliveProof reports whether authenticators stay that were set up before
	// an address was proven to be their user's.
	OutliveProof() bool
}
