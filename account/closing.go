package account

import (
	"context"
	"time"

	"github.com/headless-auth/headless/internal/api"
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

// keptReopens is where a login keeps that it is to open the account again.
const keptReopens = "account.reopens"

// reactivate is login for an account that its owner has deactivated. It is open
// again when the login has come to its end, all stages passed: a password alone
// does not undo it, and whoever may not log in has nothing to open.
func (a *Account) reactivate(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	return a.passwordLogin(ctx, rq, func(l *Login) error { return l.Keep(keptReopens, true) })
}

// shut reports whether a login is of somebody who may not log in: they are
// disabled, and it is not their own account that they open again.
func (l *Login) shut() bool { return l.User != nil && l.User.Disabled && !l.reopens() }

func (l *Login) reopens() bool {
	var yes bool
	return l.User != nil && l.User.Disabled && !l.User.DeactivatedAt.IsZero() && l.Kept(keptReopens, &yes) && yes
}

// reopen opens the account of a login that does so.
func (l *Login) reopen(ctx context.Context, rq *api.Request) error {
	if !l.reopens() {
		return nil
	}
	changed := *l.User
	changed.Disabled, changed.DeactivatedAt = false, time.Time{}
	if err := rq.Store().UpdateUser(ctx, &changed); err != nil {
		return err
	}
	*l.User = changed
	rq.Emit(AccountReactivated{Of{l.User}})
	return nil
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
