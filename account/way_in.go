package account

import (
	"context"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// hasWayIn reports whether a user could log in with these addresses and this
// number, and what they have besides: nobody may shut themselves out by removing
// the last thing that they log in with.
func (a *Account) hasWayIn(ctx context.Context, rq *api.Request, u *store.User, emails []*store.EmailAddress, phone *store.Phone) (bool, error) {
	password := u.Password.Usable() || len(emails) > 0 // a reset makes one
	if password && a.named(u, emails, phone) || a.codeReaches(emails, phone) {
		return true, nil
	}
	return a.LogsInOtherwise(ctx, rq, u)
}

// named reports whether there is something to type beside a password.
func (a *Account) named(u *store.User, emails []*store.EmailAddress, phone *store.Phone) bool {
	return a.loginBy("username") && u.Username != "" ||
		a.loginBy("email") && len(emails) > 0 || a.loginBy("phone") && phone.Number != ""
}

// LogsInByPassword reports whether a user has a password, and a name, address or
// number to log in with it.
func (a *Account) LogsInByPassword(ctx context.Context, rq *api.Request, u *store.User) (bool, error) {
	if !u.Password.Usable() {
		return false, nil
	}
	emails, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil {
		return false, err
	}
	phone, err := a.phoneOf(ctx, rq, u.ID)
	return err == nil && a.named(u, emails, phone), err
}

// codeReaches reports whether a code to log in with can be sent to one of these.
func (a *Account) codeReaches(emails []*store.EmailAddress, phone *store.Phone) bool {
	switch {
	case !a.config.LoginByCode:
		return false
	case (a.loginBy("email") || !a.loginBy("phone")) && hasVerified(emails):
		return true
	}
	return a.loginBy("phone") && phone.Verified
}

// LogsInByCode reports whether a user can log in with a code that is sent to
// them.
func (a *Account) LogsInByCode(ctx context.Context, rq *api.Request, u *store.User) (bool, error) {
	if !a.config.LoginByCode {
		return false, nil
	}
	emails, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil {
		return false, err
	}
	phone, err := a.phoneOf(ctx, rq, u.ID)
	return err == nil && a.codeReaches(emails, phone), err
}
