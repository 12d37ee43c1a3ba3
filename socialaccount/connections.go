package socialaccount

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const (
	codeAccountNotFound api.Code = "account_not_found"
	codeNoPassword      api.Code = "no_password"
	codeNoVerifiedEmail api.Code = "no_verified_email"
	codeDisconnectLast  api.Code = "disconnect_last"
)

var disconnectInput = []api.Field{
	{Name: "provider", Required: true, Description: "Provider ID"},
	{Name: "account", Required: true, Verbatim: true, Description: "Provider specific account ID"},
}

// connection is what front ends are told of an account of a provider.
// spec: socialaccount.md §2.4.
type connection struct {
	UID      string `json:"uid"`
	Provider object `json:"provider"`
	Display  string `json:"display"`
}

func (s *Social) connectionOf(a *store.SocialAccount) connection {
	return connection{a.UID, s.objectOf(a.Provider), s.display(a)}
}

// display names an account: as its provider has it, else by the common rule,
// else by the provider's name.
func (s *Social) display(a *store.SocialAccount) string {
	e := s.byID(a.Provider)
	if e != nil && len(a.Data) > 0 {
		if d, ok := e.provider.(Displayer); ok {
			if name := d.Display(a.Data); name != "" {
				return name
			}
		}
	}
	var profile any
	if json.Unmarshal(a.Data, &profile) == nil {
		if name := DisplayName(profile); name != "" {
			return name
		}
	}
	if e != nil {
		return e.Name
	}
	return a.Provider
}

// connections lists the caller's accounts.
func (s *Social) connections(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	rows, err := rq.Store().SocialAccountsOf(ctx, rq.User.ID)
	if err != nil {
		return nil, err
	}
	l := []connection{}
	for _, a := range rows {
		l = append(l, s.connectionOf(a))
	}
	return api.Data(l), nil
}

// disconnect unlinks one of the caller's accounts, unless they could not log in
// without. spec: socialaccount.md §7.3.
func (s *Social) disconnect(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in := rq.Input
	if err := in.Err(); err != nil {
		return nil, err
	}
	err := rq.InTx(ctx, func(ctx context.Context) error {
		u := rq.User
		rows, err := s.accountsInTurn(ctx, rq, u) // nobody can remove the last two at once
		if err != nil {
			return err
		}
		var a *store.SocialAccount
		for _, x := range rows {
			if x.Provider == in.Text("provider") && x.UID == in.Text("account") {
				a = x
			}
		}
		if a == nil {
			return api.Invalid("", codeAccountNotFound)
		}
		if err := s.canDisconnect(ctx, rq, u, a, len(rows) == 1); err != nil {
			return err
		}
		if err := rq.Store().DeleteSocialAccount(ctx, a.ID); err != nil {
			return err
		}
		rq.Emit(Removed{account.Of{User: u}, a.Provider, a.UID})
		return s.Account.Notify(ctx, rq, u, "account_disconnected", map[string]string{"provider": s.objectOf(a.Provider).Name})
	})
	if err != nil {
		return nil, err
	}
	return s.connections(ctx, rq)
}

// LogsIn reports whether a user can log in through a provider.
func (s *Social) LogsIn(ctx context.Context, rq *api.Request, userID string) (bool, error) {
	rows, err := rq.Store().SocialAccountsOf(ctx, userID)
	return slices.ContainsFunc(rows, func(a *store.SocialAccount) bool { return s.byID(a.Provider) != nil }), err
}

func (s *Social) canDisconnect(ctx context.Context, rq *api.Request, u *store.User, a *store.SocialAccount, last bool) error {
	if last {
		if err := s.canDisconnectLast(ctx, rq, u); err != nil {
			return err
		}
	}
	if s.Config.Hooks.AllowDisconnect != nil {
		if err := s.Config.Hooks.AllowDisconnect(ctx, u, a); err != nil {
			return err
		}
	}
	return s.Account.RequireRecentForChange(ctx, rq)
}

func (s *Social) canDisconnectLast(ctx context.Context, rq *api.Request, u *store.User) error {
	if s.Config.Only {
		return api.Invalid("", codeDisconnectLast)
	}
	byPassword, err := s.Account.LogsInByPassword(ctx, rq, u)
	if err != nil {
		return err
	}
	if !byPassword {
		otherwise, err := s.LogsInOtherwise(ctx, rq, u)
		if err != nil {
			return err
		}
		if !otherwise {
			return api.Invalid("", codeNoPassword)
		}
	}
	if s.Account.Conf().EmailVerification != account.Mandatory {
		return nil
	}
	emails, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, e := range emails {
		if e.Verified {
			return nil
		}
	}
	return api.Invalid("", codeNoVerifiedEmail)
}
