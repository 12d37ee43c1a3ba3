package account

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/pattern"
	"github.com/headless-auth/headless/store"
)

const (
	codeInvalidPhone  api.Code = "invalid_phone"
	codePhoneTaken    api.Code = "phone_taken"
	codeSameAsCurrent api.Code = "same_as_current"
)

// e164 is an international number as ITU-T E.164 has it, "+" and up to 15
// digits. spec: account.md §0.
var e164 = pattern.New(`^\+[1-9][0-9]{5,14}$`)

// phoneField declares an input with a phone number.
func (a *Account) phoneField(name string, required bool) api.Field {
	return api.Field{Name: name, Required: required, Invalid: codeInvalidPhone, Clean: a.cleanPhone, Description: "Phone number with country code, such as +31612345678"}
}

func (a *Account) cleanPhone(ctx context.Context, s string) (string, []api.Item) {
	if !e164.MatchString(s) {
		return "", []api.Item{{Code: codeInvalidPhone}}
	}
	if a.hooks.CleanPhone == nil {
		return s, nil
	}
	clean, err := a.hooks.CleanPhone(ctx, s)
	var e *api.Error
	switch {
	case errors.As(err, &e) && len(e.Items) > 0:
		return "", e.Items
	case err != nil || !e164.MatchString(clean):
		return "", []api.Item{{Code: codeInvalidPhone}}
	}
	return clean, nil
}

type phoneItem struct {
	Phone    string `json:"phone"`
	Verified bool   `json:"verified"`
}

// phoneOf returns a user's number, or one without digits if there is none.
func (a *Account) phoneOf(ctx context.Context, rq *api.Request, userID string) (*store.Phone, error) {
	p, err := rq.Store().PhoneOf(ctx, userID)
	if errors.Is(err, store.ErrNotFound) {
		return &store.Phone{UserID: userID}, nil
	}
	return p, err
}

// phones lists the caller's number. spec: account.md §8.1.
func (a *Account) phones(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	p, err := a.phoneOf(ctx, rq, rq.User.ID)
	if err != nil {
		return nil, err
	}
	l := []phoneItem{}
	if p.Number != "" {
		l = append(l, phoneItem{p.Number, p.Verified})
	}
	return api.Data(l), nil
}

// phoneAccess: only to change a number that is still to be verified one need
// not be logged in. Methods that nobody may use are judged later.
func phoneAccess(rq *api.Request) error {
	switch rq.HTTP.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return api.LoggedIn(rq)
	}
	return nil
}

// canChangePhone judges, for who is not logged in, whether the number that
// waits to be verified can be another.
func (a *Account) canChangePhone(ctx context.Context, rq *api.Request) error {
	if rq.User != nil {
		return nil
	}
	if err := a.atPhoneStage(ctx, rq); err != nil {
		return err
	}
	p, _ := a.phoneCodes.running(rq)
	if err := a.canChangeAtStage(ctx, rq, p, a.config.PhoneCode.MaxChanges); err != nil {
		return err
	}
	return rq.LimitUser(ctx, "change_phone", a.actor(rq, p))
}

// actor is whom the limits of a signup that waits are for: its user or, while
// pretending, the user that there would be.
func (a *Account) actor(rq *api.Request, p process) string {
	if p.UserID == "" {
		return "session:" + rq.Session.ID
	}
	return p.UserID
}

// canChangeAtStage refuses to change an address more often than configured, or
// one of an account that was ever in use.
func (a *Account) canChangeAtStage(ctx context.Context, rq *api.Request, p process, most int) error {
	if p.Changed >= most {
		return api.Conflict()
	}
	if p.UserID == "" {
		return nil // pretending; as for any other
	}
	u, err := rq.Store().User(ctx, p.UserID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !u.LastLoginAt.IsZero() {
		return api.Conflict()
	}
	return err
}

func (a *Account) phoneInput() []api.Field { return []api.Field{a.phoneField("phone", true)} }

// changePhone begins to change the number: it counts once it is verified.
// spec: account.md §8.2.
func (a *Account) changePhone(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in := rq.Input
	if err := in.Err(); err != nil {
		return nil, err
	}
	number := in.Text("phone")
	p, _ := a.phoneCodes.running(rq)
	current := p.Phone
	if rq.User != nil {
		phone, err := a.phoneOf(ctx, rq, rq.User.ID)
		if err != nil {
			return nil, err
		}
		p = process{UserID: rq.User.ID}
		current = phone.Number
	}
	if number == current {
		in.Fail("phone", codeSameAsCurrent)
		return nil, in.Err()
	}
	taken, err := a.phoneTaken(ctx, rq, number, p.UserID)
	if err != nil {
		return nil, err
	}
	if taken && a.config.PreventEnumeration == Reveal {
		in.Fail("phone", codePhoneTaken)
		return nil, in.Err()
	}
	if rq.User != nil {
		if err := a.RequireRecentForChange(ctx, rq); err != nil {
			return nil, err
		}
	}
	p.Phone = number
	if rq.User == nil {
		p.Changed++
		p.Void = taken
	}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if err := rq.Limit(ctx, number, "verify_phone", actionSMS); err != nil {
			return err
		}
		if rq.User != nil {
			code, err := a.phoneCodes.begin(rq, p)
			if err != nil {
				return err
			}
			return a.sendSMS(ctx, rq, number, smsVerification, code)
		}
		return a.changePhoneAtStage(ctx, rq, p, number)
	})
	return api.Data([]phoneItem{{Phone: number}}).WithStatus(http.StatusAccepted), err
}

// deletePhone removes the caller's number. It stays where everybody needs one,
// and while it is all that the caller logs in with. It is an extension of the
// contract.
func (a *Account) deletePhone(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	if err := a.RequireRecent(ctx, rq); err != nil {
		return nil, err
	}
	if slices.Contains(a.signup, signupField{"phone", true}) {
		return nil, api.Forbidden()
	}
	err := a.alone(ctx, rq, rq.User.ID, func(ctx context.Context) error {
		a.phoneCodes.drop(rq) // a change that waits, too
		phone, err := a.phoneOf(ctx, rq, rq.User.ID)
		if err != nil || phone.Number == "" {
			return err
		}
		emails, err := rq.Store().EmailsOf(ctx, rq.User.ID)
		if err != nil {
			return err
		}
		if ok, err := a.hasWayIn(ctx, rq, rq.User, emails, &store.Phone{}); err != nil || !ok {
			return orElse(err, api.Forbidden())
		}
		rq.Emit(PhoneRemoved{Of{rq.User}, phone.Number})
		return rq.Store().DeletePhone(ctx, rq.User.ID)
	})
	if err != nil {
		return nil, err
	}
	return a.phones(ctx, rq)
}

// changePhoneAtStage replaces the number of an account that was never used,
// or of one that is pretended.
func (a *Account) changePhoneAtStage(ctx context.Context, rq *api.Request, p process, number string) (err error) {
	if p.UserID == "" && !p.Void {
		w, _ := a.Pipeline.pending.Get(rq)
		if p.UserID, p.Proves, err = a.admitLate(ctx, rq, w.Email, number); err != nil {
			return err
		}
	}
	code, err := a.phoneCodes.issue(rq, p)
	switch {
	case err != nil:
		return err
	case p.Void:
		return a.sendSMS(ctx, rq, number, smsAlreadyExists, "")
	case code == "":
		return nil
	case p.UserID != "":
		if err := rq.Store().SetPhone(ctx, &store.Phone{UserID: p.UserID, Number: number}); err != nil {
			return err
		}
	default:
		if err := a.Pipeline.changePhone(rq, number); err != nil {
			return err
		}
	}
	return a.sendSMS(ctx, rq, number, smsVerification, code)
}

// phoneTaken reports whether another account claims a number.
func (a *Account) phoneTaken(ctx context.Context, rq *api.Request, number, userID string) (bool, error) {
	if number == "" {
		return false, nil
	}
	l, err := rq.Store().PhonesByNumber(ctx, number)
	for _, p := range l {
		if p.UserID != userID {
			return true, err
		}
	}
	return false, err
}
