package mfa

import (
	"context"
	"errors"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const (
	stageAuthenticate = "mfa_authenticate"

	// keptRequired is where a login keeps that it had to prove a further
	// factor; keptPasskey, that it began with one that needs no other.
	keptRequired = "mfa.required"
	keptPasskey  = "mfa.passkey"

	codeIncorrect       api.Code = "incorrect_code"
	codeTooManyAttempts api.Code = "too_many_login_attempts"
)

var codeInput = []api.Field{{Name: "code", Required: true, Description: "A code of the authenticator app, or a recovery code"}}

// authenticateStage asks for a further factor of those who have one.
type authenticateStage struct{ *MFA }

// Key implements [account.Stage].
func (authenticateStage) Key() string { return stageAuthenticate }

// Enter implements [account.Stage]. spec: mfa.md §2.2.
func (s authenticateStage) Enter(ctx context.Context, l *account.Login) (account.Verdict, error) {
	rq := api.FromContext(ctx)
	if l.User == nil {
		return account.Pass, nil
	}
	var passkey bool
	if l.Kept(keptPasskey, &passkey) && passkey {
		return account.Pass, nil
	}
	all, err := rq.Store().AuthenticatorsOf(ctx, l.User.ID)
	if err != nil || !protects(all) {
		return account.Pass, err
	}
	if s.config.Trust {
		trusted, err := s.trusts(ctx, rq, l.User, stageAuthenticate)
		if err != nil || trusted {
			return account.Pass, err
		}
	}
	return account.Wait, l.Keep(keptRequired, true)
}

// Describe implements [account.Describer].
func (s authenticateStage) Describe(ctx context.Context, l *account.Login) map[string]any {
	rq := api.FromContext(ctx)
	if l.User == nil {
		return nil
	}
	all, err := rq.Store().AuthenticatorsOf(ctx, l.User.ID)
	if err != nil {
		rq.Env.Log.WarnContext(ctx, "a pending login does not tell its factors", "error", err)
		return nil
	}
	return map[string]any{"types": types(all)}
}

// authenticateByCode goes on logging in by a code. spec: mfa.md §6.1.
func (m *MFA) authenticateByCode(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	if err := rq.Input.Err(); err != nil {
		return nil, err
	}
	u, err := m.waiting(ctx, rq)
	if err != nil {
		return nil, err
	}
	err = m.useCode(ctx, rq, u, proof{}, func(ctx context.Context) error {
		return m.account.Pipeline.Done(ctx, rq, stageAuthenticate)
	})
	return api.Authentication(), err
}

// authenticationOptions begins to go on logging in by a security key.
// spec: mfa.md §7.7.
func (m *MFA) authenticationOptions(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	u, err := m.waiting(ctx, rq)
	if err != nil {
		return nil, err
	}
	return m.requestOptions(ctx, rq, ceremonyAuthenticate, u)
}

// authenticateByKey goes on logging in by a security key. spec: mfa.md §7.7.
func (m *MFA) authenticateByKey(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	credential, err := credentialOf(rq.Input)
	if err != nil {
		return nil, err
	}
	u, err := m.waiting(ctx, rq)
	if err != nil {
		return nil, err
	}
	err = m.useKey(ctx, rq, u, ceremonyAuthenticate, credential, proof{}, func(ctx context.Context) error {
		return m.account.Pipeline.Done(ctx, rq, stageAuthenticate)
	})
	return api.Authentication(), err
}

// proof says what a use of an authenticator is for.
type proof struct {
	// reauthentication: the user is logged in already.
	reauthentication bool
	// recorded: the session's record says so. The contract has it so for
	// security keys only. spec: mfa.md §6.2.
	recorded bool
	// passwordless: the authenticator stands alone.
	passwordless bool
}

// attempt counts a guess at a user's further factor before it is judged. The
// caller has to end it. spec: mfa.md §5.
func (m *MFA) attempt(ctx context.Context, rq *api.Request, u *store.User, field string) (end func(ctx context.Context) error, err error) {
	key := limitKey(u.ID)
	taken, wait, err := rq.Take(ctx, "login_failed", key)
	if err == nil && wait == 0 {
		_, wait, err = rq.Take(ctx, "mfa_failed", key)
	}
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		rq.Input.Fail(field, codeTooManyAttempts)
		return nil, rq.Input.Err()
	}
	return func(ctx context.Context) error {
		// What was right takes back its own consumption and nothing else: a
		// bucket that a success wiped would let in whoever can make one.
		return errors.Join(rq.GiveBack(ctx, taken), rq.Clear(ctx, "mfa_failed", key))
	}, nil
}

// limitKey is what guesses at a user's factors are counted under.
func limitKey(userID string) string { return "mfa:" + userID }

// maxTries bounds how often a code is judged anew because its authenticator
// was used at the same time. The second time it is refused, but for one that
// has many codes.
const maxTries = 20

// useCode judges a code of a user and, if it is right, uses it up and runs done
// in the same transaction. Of any number of submissions of one code, one
// succeeds.
func (m *MFA) useCode(ctx context.Context, rq *api.Request, u *store.User, p proof, done func(ctx context.Context) error) error {
	end, err := m.attempt(ctx, rq, u, "code")
	if err != nil {
		return err
	}
	for range maxTries {
		all, err := rq.Store().AuthenticatorsOf(ctx, u.ID)
		if err != nil {
			return err
		}
		used, err := m.judgeCode(ctx, rq, all, rq.Input.Text("code"))
		if err != nil {
			return err
		}
		if used == nil {
			return m.wrongCode(rq, u, all, p)
		}
		if lost, err := m.use(ctx, rq, u, used, p, done); err != nil || !lost {
			return orEnd(ctx, rq, err, end)
		}
	}
	return store.ErrUnavailable
}

// orEnd ends an attempt that was right. That has been saved: a limiter that
// fails now leaves a guess counted, which must not undo it.
func orEnd(ctx context.Context, rq *api.Request, err error, end func(ctx context.Context) error) error {
	if err != nil {
		return err
	}
	if err := end(ctx); err != nil {
		rq.Env.Log.WarnContext(ctx, "a guess that was right stays counted", "error", err)
	}
	return nil
}

// judgeCode finds the authenticator that a code is right for, and returns it
// as it is to be stored once the code is used. Nil: the code is wrong. One that
// can't be read must not shut out who has another.
func (m *MFA) judgeCode(ctx context.Context, rq *api.Request, all []*store.Authenticator, code string) (*store.Authenticator, error) {
	var unread error
	for _, a := range all {
		var used *store.Authenticator
		var err error
		switch a.Type {
		case store.TOTP:
			used, err = m.useTOTP(ctx, rq, a, code)
		case store.RecoveryCodes:
			used, err = m.useRecoveryCode(ctx, rq, a, code)
		}
		if err == nil && used != nil {
			return used, nil
		}
		unread = errors.Join(unread, err)
	}
	return nil, unread
}

func (m *MFA) wrongCode(rq *api.Request, u *store.User, all []*store.Authenticator, p proof) error {
	a := ofKind(all, store.TOTP)
	if a == nil {
		a = ofKind(all, store.RecoveryCodes)
	}
	if a != nil {
		rq.Emit(AuthenticationFailed{account.Of{User: u}, Which{a.ID, a.Type}, p.reauthentication})
	}
	rq.Input.Fail("code", codeIncorrect)
	return rq.Input.Err()
}

// use stores that an authenticator was used, records it as a proof, and runs
// done, all or nothing. lost: the authenticator was changed meanwhile, and has
// to be judged anew.
func (m *MFA) use(ctx context.Context, rq *api.Request, u *store.User, used *store.Authenticator, p proof, done func(ctx context.Context) error) (lost bool, err error) {
	err = rq.InTx(ctx, func(ctx context.Context) error {
		lost = false
		a := *used
		a.LastUsedAt = rq.Now
		if err := rq.Store().UpdateAuthenticator(ctx, &a); err != nil {
			lost = errors.Is(err, store.ErrConflict)
			return err
		}
		rq.Emit(AuthenticatorUsed{account.Of{User: u}, Which{a.ID, a.Type}, p.reauthentication, p.passwordless})
		if !p.passwordless { // else the login that begins records it
			if err := account.Record(rq, u, m.method(rq, &a, p)); err != nil {
				return err
			}
		}
		return done(ctx)
	})
	if lost {
		return true, nil
	}
	return false, err
}

// method is the session's record of a use. spec: mfa.md §5.
func (m *MFA) method(rq *api.Request, a *store.Authenticator, p proof) store.Method {
	r := store.Method{Method: "mfa", ID: rq.Env.IDValue(a.ID), Type: a.Type}
	yes := true
	if p.recorded {
		r.Reauthenticated = &yes
	}
	if p.passwordless {
		r.Passwordless = &yes
	}
	return r
}
