package mfa

import (
	"context"
	"errors"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// passkeyOptions begins a login by passkey alone. The browser asks which one;
// nobody has said who they are. spec: mfa.md §7.9.
func (m *MFA) passkeyOptions(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	return m.requestOptions(ctx, rq, ceremonyLogin, nil)
}

// passkeyLogin logs in by passkey alone: it must have been made for that, and
// must have verified its user. spec: mfa.md §7.9.
func (m *MFA) passkeyLogin(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	credential, err := credentialOf(rq.Input)
	if err != nil {
		return nil, err
	}
	if rq.User != nil {
		return nil, api.Conflict() // as for a password
	}
	answer, refused := parseAnswer(credential)
	end, err := m.passkeyAttempt(ctx, rq, answer)
	if err != nil {
		return nil, err
	}
	c, err := take(ctx, rq, "", ceremonyLogin)
	if err != nil {
		return nil, err
	}
	p := proof{passwordless: true}
	if refused != nil {
		return nil, m.wrongKey(ctx, rq, nil, nil, p, refused)
	}
	u, err := userOf(ctx, rq, answer.Response.UserHandle)
	if err != nil {
		return nil, err
	}
	if u == nil {
		return nil, m.wrongKey(ctx, rq, nil, nil, p, errWrong{"it names no user"})
	}
	l := m.account.NewLogin(u)
	if err := l.Keep(keptPasskey, true); err != nil {
		return nil, err
	}
	for range maxTries {
		used, which, err := m.judgeKey(ctx, rq, u, c, credential, p)
		if err != nil {
			return nil, m.wrongKey(ctx, rq, u, which, p, err)
		}
		method := m.method(rq, used, p)
		lost, err := m.use(ctx, rq, u, used, p, func(ctx context.Context) error {
			return m.account.Pipeline.Start(ctx, rq, l, &method)
		})
		if err != nil || !lost {
			return api.Authentication(), orEnd(ctx, rq, err, end)
		}
	}
	return nil, store.ErrUnavailable
}

// passkeyAttempt counts an attempt by address and key. Not by user: then
// whoever knows a user's handle could lock them out with junk.
func (m *MFA) passkeyAttempt(ctx context.Context, rq *api.Request, answer *protocol.ParsedCredentialAssertionData) (end func(ctx context.Context) error, err error) {
	key := ""
	if answer != nil {
		key = "mfa-key:" + answer.ID
	}
	taken, wait, err := rq.Take(ctx, "login_failed", key)
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		rq.Input.Fail("credential", codeTooManyAttempts)
		return nil, rq.Input.Err()
	}
	return func(ctx context.Context) error { return rq.GiveBack(ctx, taken) }, nil
}

// userOf returns whose handle it is, nil for nobody's.
func userOf(ctx context.Context, rq *api.Request, handle []byte) (*store.User, error) {
	id := userOfHandle(rq, handle)
	if id == "" {
		return nil, nil
	}
	u, err := rq.Store().User(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return u, err
}

// LogsInByPasskey reports whether a user can log in by passkey alone.
func (m *MFA) LogsInByPasskey(ctx context.Context, rq *api.Request, userID string) (bool, error) {
	if !m.config.PasskeyLogin {
		return false, nil
	}
	all, err := rq.Store().AuthenticatorsOf(ctx, userID)
	_, keys := readKeys(ctx, rq, all)
	for _, k := range keys {
		if k.standsAlone() {
			return true, err
		}
	}
	return false, err
}
