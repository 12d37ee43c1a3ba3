package mfa

import (
	"context"
	"net/http"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const stageEnroll = "mfa_enroll"

// enrollStage asks those for a further factor who must have one and have not.
// It is an addition of ours, and only there with Config.MustEnroll.
type enrollStage struct{ *MFA }

// Key implements [account.Stage].
func (enrollStage) Key() string { return stageEnroll }

// Enter implements [account.Stage].
func (s enrollStage) Enter(ctx context.Context, l *account.Login) (account.Verdict, error) {
	rq := api.FromContext(ctx)
	if l.User == nil {
		return account.Pass, nil
	}
	must, since, err := s.config.MustEnroll(ctx, l.User)
	if err != nil || !must {
		return account.Pass, err
	}
	all, err := rq.Store().AuthenticatorsOf(ctx, l.User.ID)
	if err != nil || protects(all) {
		return account.Pass, err
	}
	if by := since.Add(s.config.GracePeriod); rq.Now.Before(by) {
		rq.Emit(EnrollmentDue{account.Of{User: l.User}, by})
		return account.Pass, nil
	}
	return account.Wait, nil
}

// Describe implements [account.Describer].
func (s enrollStage) Describe(context.Context, *account.Login) map[string]any {
	t := []string{}
	for _, kind := range kinds {
		if kind != store.RecoveryCodes && s.config.supports(kind) {
			t = append(t, kind)
		}
	}
	return map[string]any{"types": t}
}

func (m *MFA) enrollRoutes() (l []api.Route) {
	get, post := http.MethodGet, http.MethodPost
	if m.config.supports(store.TOTP) {
		l = append(l, api.Route{Extension: true, Path: "/auth/2fa/enroll/totp", Access: m.at(stageEnroll), Methods: map[string]api.Endpoint{
			get:  {Do: m.enrollTOTPOffer},
			post: {Input: codeInput, Do: m.enrollTOTP},
		}})
	}
	if m.config.supports(store.WebAuthn) {
		l = append(l, api.Route{Extension: true, Path: "/auth/2fa/enroll/webauthn", Access: m.at(stageEnroll), Methods: map[string]api.Endpoint{
			get:  {Do: m.enrollKeyOptions},
			post: {Input: newKeyInput, Do: m.enrollKey},
		}})
	}
	return l
}

// The endpoints below are those of account/authenticators for somebody who is
// not logged in yet but has just proven who they are. That an address is
// unproven is no hindrance here, or nobody could go on: whoever proves later
// that it is theirs removes what was set up before.

// enrolling returns whose login waits for a first factor. Who has set one up
// meanwhile, elsewhere, has to begin anew and prove it.
func (m *MFA) enrolling(ctx context.Context, rq *api.Request) (*store.User, error) {
	u, err := m.waiting(ctx, rq)
	if err != nil {
		return nil, err
	}
	all, err := rq.Store().AuthenticatorsOf(ctx, u.ID)
	if err != nil || !protects(all) {
		return u, err
	}
	m.account.Pipeline.Abandon(rq)
	if err := rq.SaveNow(ctx); err != nil {
		return nil, err
	}
	return nil, api.NotPending()
}

// enrollTOTPOffer shows a secret to set up TOTP with.
func (m *MFA) enrollTOTPOffer(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	u, err := m.enrolling(ctx, rq)
	if err != nil {
		return nil, err
	}
	return m.offerTOTP(ctx, rq, u)
}

// enrollTOTP sets up TOTP and goes on logging in.
func (m *MFA) enrollTOTP(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	if err := rq.Input.Err(); err != nil {
		return nil, err
	}
	u, err := m.enrolling(ctx, rq)
	if err != nil {
		return nil, err
	}
	data, err := m.judgeActivation(ctx, rq, u)
	if err != nil {
		return nil, err
	}
	spare, err := m.spareCodes(ctx, rq, u)
	if err != nil {
		return nil, err
	}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if _, err := m.storeTOTP(ctx, rq, u, data, spare); err != nil {
			return err
		}
		return m.account.Pipeline.Done(ctx, rq, stageEnroll)
	})
	return api.Authentication(), err
}

// enrollKeyOptions begins to add a security key.
func (m *MFA) enrollKeyOptions(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	u, err := m.enrolling(ctx, rq)
	if err != nil {
		return nil, err
	}
	return m.creationOptions(ctx, rq, ceremonyEnroll, u)
}

// enrollKey adds a security key and goes on logging in.
func (m *MFA) enrollKey(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	credential, err := credentialOf(rq.Input)
	if err != nil {
		return nil, err
	}
	u, err := m.enrolling(ctx, rq)
	if err != nil {
		return nil, err
	}
	k, err := m.judgeNewKey(ctx, rq, u, credential, ceremonyEnroll)
	if err != nil {
		return nil, err
	}
	spare, err := m.spareCodes(ctx, rq, u)
	if err != nil {
		return nil, err
	}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if _, err := m.addKeyTo(ctx, rq, u, k, spare); err != nil {
			return err
		}
		return m.account.Pipeline.Done(ctx, rq, stageEnroll)
	})
	return api.Authentication(), err
}
