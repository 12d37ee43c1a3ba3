package account

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const stageVerifyPhone = "verify_phone"

// atPhoneStage lets pass whose login waits for its number to be verified.
func (a *Account) atPhoneStage(ctx context.Context, rq *api.Request) error {
	if w, ok := a.Pipeline.stageOf(rq); !ok || w.Stage != stageVerifyPhone {
		return api.Conflict()
	}
	return a.atRunning(ctx, rq, a.phoneCodes)
}

// canVerifyPhone lets pass who waits for a number to be verified, logging in
// or logged in.
func (a *Account) canVerifyPhone(ctx context.Context, rq *api.Request) error {
	if rq.User == nil {
		return a.atPhoneStage(ctx, rq)
	}
	if p, ok := a.phoneCodes.running(rq); !ok || p.UserID != rq.User.ID {
		return api.Conflict()
	}
	return nil
}

// verifyPhone verifies a number by the code sent to it.
// spec: account.md §8.3, §8.4.
func (a *Account) verifyPhone(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	p, _ := a.phoneCodes.running(rq)
	right, err := a.phoneCodes.try(ctx, rq, &p, "code")
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, a.wrongCode(ctx, rq, a.phoneCodes, &p, "code", nil)
	}
	taken := false
	err = a.phoneCodes.complete(ctx, rq, &p, func(ctx context.Context) error {
		taken = false // it may be run again
		a.phoneCodes.drop(rq)
		if p.UserID == "" { // there is no account; the address is yet to come
			return a.Pipeline.Done(ctx, rq, stageVerifyPhone)
		}
		if err := rq.Store().SetPhone(ctx, &store.Phone{UserID: p.UserID, Number: p.Phone, Verified: true}); err != nil {
			if taken = isConflict(err); taken {
				return api.Conflict()
			}
			return err
		}
		u, err := rq.Store().User(ctx, p.UserID)
		if err != nil {
			return err
		}
		rq.Emit(PhoneVerified{Of{u}, p.Phone})
		if rq.User != nil {
			return nil
		}
		return a.Pipeline.Done(ctx, rq, stageVerifyPhone)
	})
	switch {
	case taken:
		rq.Input.Fail("code", codePhoneTaken)
		return nil, a.wrongCode(ctx, rq, a.phoneCodes, &p, "code", nil)
	case errors.Is(err, store.ErrNotFound):
		return nil, api.Conflict() // the account is gone
	}
	return api.Authentication(), err
}

// resendPhoneCode sends another code to the number that waits at the stage.
// spec: account.md §8.5.
func (a *Account) resendPhoneCode(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	p, _ := a.phoneCodes.running(rq)
	if p.Resent >= a.config.PhoneCode.MaxResends {
		return nil, api.Conflict()
	}
	p.Resent++
	return api.Empty(http.StatusOK), rq.InTx(ctx, func(ctx context.Context) error {
		if err := rq.Limit(ctx, p.Phone, "verify_phone", actionSMS); err != nil {
			return err
		}
		code, err := a.phoneCodes.issue(rq, p)
		if err != nil || code == "" {
			return err
		}
		return a.sendSMS(ctx, rq, p.Phone, smsVerification, code)
	})
}

// phoneStage keeps out whose number is not verified.
type phoneStage struct{ *Account }

// Key implements [Stage].
func (phoneStage) Key() string { return stageVerifyPhone }

// Enter implements [Stage]. spec: core.md §6.3.
func (s phoneStage) Enter(ctx context.Context, l *Login) (Verdict, error) {
	if !s.asks("phone") {
		return Pass, nil
	}
	rq := api.FromContext(ctx)
	if l.User == nil {
		if l.Phone == "" || s.config.SkipPhoneVerification {
			return Pass, nil
		}
		if err := rq.Limit(ctx, l.Phone, "verify_phone", actionSMS); err != nil {
			return Refuse, err
		}
		// If it is the address that is taken, whoever owns the number sees
		// a code come, as with any other signup.
		code, err := s.phoneCodes.begin(rq, process{Phone: l.Phone, Proves: !l.phoneTaken})
		switch {
		case err != nil:
			return Refuse, err
		case l.phoneTaken:
			return Wait, s.sendAlreadyExists(ctx, rq, l)
		}
		return Wait, s.sendSMS(ctx, rq, l.Phone, smsVerification, code)
	}
	phone, err := s.phoneOf(ctx, rq, l.User.ID)
	switch {
	case err != nil:
		return Refuse, err
	case phone.Number == "" && slices.Contains(s.signup, signupField{"phone", true}):
		return Refuse, nil
	case phone.Number == "" || phone.Verified || s.config.SkipPhoneVerification:
		return Pass, nil
	}
	if id, _ := doubtedPhone.Get(rq); id == l.User.ID {
		return Pass, nil
	}
	if err := rq.Limit(ctx, phone.Number, "verify_phone", actionSMS); err != nil {
		return Refuse, err
	}
	code, err := s.phoneCodes.begin(rq, process{UserID: l.User.ID, Phone: phone.Number})
	if err != nil {
		return Refuse, err
	}
	return Wait, s.sendSMS(ctx, rq, phone.Number, smsVerification, code)
}
