package account

import (
	"context"
	"errors"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const codeEnterCurrentPassword api.Code = "enter_current_password"

var changeInput = []api.Field{
	passwordField("current_password", false),
	passwordField("new_password", true),
}

// changePassword changes a password, or sets a first one. All other sessions
// of the user end. spec: account.md §6.4.
func (a *Account) changePassword(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in, u := rq.Input, rq.User
	current := in.Text("current_password")
	switch {
	case u.Password.Usable() && current == "":
		if in.OK("current_password") {
			in.Fail("current_password", api.CodeRequired)
		}
	case current != "":
		if err := a.judgeCurrentPassword(ctx, rq, current); err != nil {
			return nil, err
		}
	}
	if err := a.judgePassword(ctx, in, "new_password", u); err != nil {
		return nil, err
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	if !u.Password.Usable() && a.config.Password.FirstNeedsRecentLogin && !rq.AuthenticatedWithin(a.config.ReauthenticationTimeout) {
		// Whoever has got hold of a session must not make themselves another way in.
		return nil, api.Reauthenticate()
	}
	var event Event = PasswordChanged{Of{u}}
	kind := "password_changed"
	if !u.Password.Usable() {
		event, kind = PasswordSet{Of{u}}, "password_set"
	}
	hash, err := a.hash(ctx, in.Text("new_password"))
	if err != nil {
		return nil, err
	}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if err := a.setPassword(ctx, rq, u, hash); err != nil {
			return err
		}
		if err := a.notify(ctx, rq, u, kind, nil); err != nil {
			return err
		}
		if a.config.LogoutOnPasswordChange {
			rq.Emit(LoggedOut{Of{u}})
			a.sessions.Logout(rq)
		} else {
			rq.Session.Epoch = u.Epoch
			rq.Rotate()
		}
		rq.Emit(event)
		return nil
	})
	return api.Authentication(), err
}

// judgeCurrentPassword notes whether a password is the caller's. Nobody guesses
// here what they may not guess when they log in.
func (a *Account) judgeCurrentPassword(ctx context.Context, rq *api.Request, current string) error {
	in, u := rq.Input, rq.User
	if !u.Password.Usable() {
		in.Fail("current_password", codeEnterCurrentPassword)
		return nil
	}
	_, wait, err := rq.Take(ctx, "password_failed", failedUserKey(u))
	if err != nil {
		return err
	}
	if wait > 0 {
		in.Fail("current_password", codeTooManyAttempts)
		return nil
	}
	ok, _, err := a.matches(ctx, current, u)
	switch {
	case err != nil:
		return err
	case !ok:
		in.Fail("current_password", codeEnterCurrentPassword)
		return nil
	}
	return rq.Clear(ctx, "password_failed", failedUserKey(u))
}

// setPassword stores a new password and ends all sessions of the user but the
// request's own, which the caller has to end or renew. ErrConflict: the user
// was changed meanwhile.
func (a *Account) setPassword(ctx context.Context, rq *api.Request, u *store.User, hash store.PasswordHash) error {
	changed := *u
	changed.Password = hash
	changed.Epoch++
	if err := rq.Store().UpdateUser(ctx, &changed); err != nil {
		return err
	}
	*u = changed
	return a.sessions.EndAll(ctx, rq, u)
}

// unusablePassword is the hash of no password. spec: config-openapi.md §5.
const unusablePassword store.PasswordHash = "!"

// isConflict reports that somebody else was quicker.
func isConflict(err error) bool { return errors.Is(err, store.ErrConflict) }
