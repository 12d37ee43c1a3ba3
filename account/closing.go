package account

import (
	"context"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// deactivate closes the caller's account until they log in again through
// reactivate. It is an extension of the contract.
func (a *Account) deactivate(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	u := rq.User
	if err := a.RequireRecent(ctx, rq); err != nil {
		return nil, err
	}
	err := rq.InTx(ctx, func(ctx context.Context) error {
		changed := *u
		changed.Disabled, changed.DeactivatedAt = true, rq.Now
		changed.Epoch++
		if err := rq.Store().UpdateUser(ctx, &changed); err != nil {
			return err
		}
		if err := a.notice(ctx, rq, u.Email, "account_closed", nil); err != nil {
			return err
		}
		a.sessions.Logout(rq)
		rq.Emit(AccountDeactivated{Of{&changed}})
		return rq.Sessions().DeleteSessionsOf(ctx, u.ID, "")
	})
	return api.Authentication(), err
}

// reactivate is login for an account that its owner has deactivated.
func (a *Account) reactivate(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	return a.passwordLogin(ctx, rq, func(ctx context.Context, u *store.User) error {
		if u.DeactivatedAt.IsZero() {
			return nil
		}
		changed := *u
		changed.Disabled, changed.DeactivatedAt = false, time.Time{}
		if err := rq.Store().UpdateUser(ctx, &changed); err != nil {
			return err
		}
		*u = changed
		rq.Emit(AccountReactivated{Of{u}})
		return nil
	})
}

// deleteAccount removes the caller's account with everything that belongs to
// it. It is an extension of the contract.
func (a *Account) deleteAccount(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	u := rq.User
	if err := a.RequireRecent(ctx, rq); err != nil {
		return nil, err
	}
	err := rq.InTx(ctx, func(ctx context.Context) error {
		if a.hooks.InDelete != nil {
			if err := a.hooks.InDelete(ctx, rq.Store(), u); err != nil {
				return err
			}
		}
		if err := a.notice(ctx, rq, u.Email, "account_closed", nil); err != nil {
			return err
		}
		a.sessions.Logout(rq)
		if err := rq.Sessions().DeleteSessionsOf(ctx, u.ID, ""); err != nil {
			return err
		}
		rq.Emit(AccountDeleted{Of{u}})
		return rq.Store().DeleteUser(ctx, u.ID)
	})
	return api.Authentication(), err
}
