package mfa

import (
	"context"

	"github.com/headless-auth/headless/internal/api"
)

// reauthenticateByCode takes a code of somebody who is logged in.
// spec: mfa.md §6.2.
func (m *MFA) reauthenticateByCode(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	if err := rq.Input.Err(); err != nil {
		return nil, err
	}
	err := m.useCode(ctx, rq, rq.User, proof{reauthentication: true}, m.reauthenticated(rq))
	return api.Authentication(), err
}

// reauthenticationOptions begins to take a security key of somebody who is
// logged in. spec: mfa.md §7.8.
func (m *MFA) reauthenticationOptions(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	return m.requestOptions(ctx, rq, ceremonyReauthenticate, rq.User)
}

// reauthenticateByKey takes a security key of somebody who is logged in.
// spec: mfa.md §7.8.
func (m *MFA) reauthenticateByKey(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	credential, err := credentialOf(rq.Input)
	if err != nil {
		return nil, err
	}
	p := proof{reauthentication: true, recorded: true}
	err = m.useKey(ctx, rq, rq.User, ceremonyReauthenticate, credential, p, m.reauthenticated(rq))
	return api.Authentication(), err
}

func (m *MFA) reauthenticated(rq *api.Request) func(context.Context) error {
	return func(context.Context) error {
		m.sessions.Reauthenticated(rq)
		return nil
	}
}
