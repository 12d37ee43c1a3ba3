package mfa

import (
	"context"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
)

const (
	stageSignup = "mfa_signup_webauthn"

	// keptSignup is where a login keeps that its account is to get a passkey.
	keptSignup = "mfa.passkey_signup"
)

// signupStage asks for the passkey of whoever signs up with one.
type signupStage struct{ *MFA }

// Key implements [account.Stage].
func (signupStage) Key() string { return stageSignup }

// Enter implements [account.Stage].
func (signupStage) Enter(_ context.Context, l *account.Login) (account.Verdict, error) {
	var passkey bool
	if l.Kept(keptSignup, &passkey) && passkey {
		return account.Wait, nil
	}
	return account.Pass, nil
}

// passkeySignup makes an account without a password, which will get a passkey
// when its address is verified. spec: mfa.md §7.10.
func (m *MFA) passkeySignup(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	return m.account.SignUp(ctx, rq, func(l *account.Login) error { return l.Keep(keptSignup, true) })
}

// canAddPasskey lets pass who has come that far.
func (m *MFA) canAddPasskey(_ context.Context, rq *api.Request) error {
	if m.account.Pipeline.At(rq, stageSignup) {
		return nil
	}
	return api.Conflict()
}

// signupOptions begins to make the passkey. spec: mfa.md §7.10.
func (m *MFA) signupOptions(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	u, err := m.waiting(ctx, rq)
	if err != nil {
		return nil, err
	}
	return m.creationOptions(ctx, rq, ceremonySignup, u)
}

// addPasskey stores the passkey and ends the signup. spec: mfa.md §7.10.
func (m *MFA) addPasskey(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	credential, err := credentialOf(rq.Input)
	if err != nil {
		return nil, err
	}
	u, err := m.waiting(ctx, rq)
	if err != nil {
		return nil, err
	}
	k, err := m.judgeNewKey(ctx, rq, u, credential, ceremonySignup)
	if err != nil {
		return nil, err
	}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if _, err := m.storeKey(ctx, rq, u, k); err != nil {
			return err
		}
		return m.account.Pipeline.Done(ctx, rq, stageSignup)
	})
	return api.Authentication(), err
}
