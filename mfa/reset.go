package mfa

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// ResetUser removes all authenticators and trusted browsers of a user, and
// forgets failed guesses at them, within the transaction of the host's own
// request.
func (m *MFA) ResetUser(ctx context.Context, rq *api.Request, userID string) error {
	u, err := rq.Store().User(ctx, userID)
	if err != nil {
		return err
	}
	all, err := rq.Store().AuthenticatorsOf(ctx, userID)
	if err != nil {
		return err
	}
	if err := m.remove(ctx, rq, u, all); err != nil {
		return err
	}
	if err := rq.Store().DeleteTrustedBrowsersOf(ctx, userID); err != nil {
		return err
	}
	rq.Emit(Reset{account.Of{User: u}})
	return rq.Clear(ctx, "mfa_failed", limitKey(userID))
}

// Reencrypt seals the secrets of a user's authenticators anew, with today's
// key, within the transaction of the host's own request.
func (m *MFA) Reencrypt(ctx context.Context, rq *api.Request, userID string) error {
	all, err := rq.Store().AuthenticatorsOf(ctx, userID)
	if err != nil {
		return err
	}
	for _, a := range all {
		sealed, err := m.reencrypted(ctx, rq, a)
		if err == nil && sealed != nil {
			err = rq.Store().UpdateAuthenticator(ctx, sealed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reencrypted returns an authenticator with its secrets sealed anew, nil if it
// has none.
func (m *MFA) reencrypted(ctx context.Context, rq *api.Request, a *store.Authenticator) (*store.Authenticator, error) {
	switch a.Type {
	case store.TOTP:
		var d totpData
		err := json.Unmarshal(a.Data, &d)
		if err == nil {
			d.Secret, err = m.reseal(ctx, rq, a.UserID, store.TOTP, d.Secret)
		}
		return orNil(a, d, err)
	case store.RecoveryCodes:
		var d recoveryData
		err := json.Unmarshal(a.Data, &d)
		if err == nil {
			err = m.renewCodes(ctx, rq, a.UserID, &d, m.reseal)
		}
		return orNil(a, d, err)
	}
	return nil, nil
}

func orNil(a *store.Authenticator, data any, err error) (*store.Authenticator, error) {
	if err != nil {
		return nil, errors.Join(errors.New("reencrypt authenticator "+a.ID), err)
	}
	return withData(a, data)
}
