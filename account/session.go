package account

import (
	"context"

	"github.com/headless-auth/headless/internal/api"
)

// session tells where the caller stands.
func (a *Account) session(context.Context, *api.Request) (*api.Reply, error) {
	return api.Authentication(), nil
}

// logout ends the caller's session, and with it whatever was half done. Its
// answer is a 401: nobody is logged in any more.
func (a *Account) logout(_ context.Context, rq *api.Request) (*api.Reply, error) {
	if rq.User != nil {
		rq.Emit(LoggedOut{Of{rq.User}})
	}
	a.sessions.Logout(rq)
	return api.Authentication(), nil
}
