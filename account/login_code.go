package account

import (
	"context"
	"net/http"
	"slices"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const (
	stageLoginCode = "login_by_code"

	codeSelectOnlyOne api.Code = "select_only_one"

	// keptCodeRequired is where a login keeps that its code was required of
	// it, rather than asked for.
	keptCodeRequired = "login_by_code.required"
)

var codeInput = []api.Field{{Name: "code", Required: true, Invalid: codeIncorrect, Description: "The code that was sent"}}

func (a *Account) requestCodeInput() []api.Field {
	var l []api.Field
	email, phone := a.loginBy("email"), a.loginBy("phone")
	if email || !phone {
		l = append(l, a.emailField("email", !phone))
	}
	if phone {
		l = append(l, a.phoneField("phone", !email))
	}
	return l
}

// requestCode sends a code to log in with to whoever may be meant by an
// address or a number. The answer is the same for one that nobody has.
// spec: account.md §5.1.
func (a *Account) requestCode(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in := rq.Input
	if err := in.Err(); err != nil {
		return nil, err
	}
	l := &Login{Email: in.Text("email"), Phone: in.Text("phone"), Verification: a.config.EmailVerification}
	field, id := "email", l.Email
	switch {
	case l.Email != "" && l.Phone != "":
		in.FailForm(codeSelectOnlyOne)
		return nil, in.Err()
	case l.Email == "" && l.Phone == "":
		in.FailForm(api.CodeRequired)
		return nil, in.Err()
	case l.Phone != "":
		field, id = "phone", l.Phone
	}
	meant := a.readersOf
	if field == "phone" {
		meant = a.holdersOf
	}
	users, err := meant(ctx, rq, id)
	if err != nil {
		return nil, err
	}
	if users = active(users); len(users) > 0 {
		l.User = users[0]
	} else if a.config.PreventEnumeration == Reveal {
		in.Fail(field, api.Code("unknown_"+field))
		return nil, in.Err()
	}
	_, wait, err := rq.TakeEach(ctx, id, "request_login_code", process{Phone: l.Phone}.sends())
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		in.Fail(field, codeTooManyAttempts)
		return nil, in.Err()
	}
	if rq.User != nil {
		return api.Authentication(), nil // nothing to log in to: no code is sent
	}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if err := a.beginLoginCode(ctx, rq, l, process{Email: l.Email, Phone: l.Phone, Requested: true}); err != nil {
			return err
		}
		return a.Pipeline.Wait(rq, l, stageLoginCode)
	})
	return api.Authentication(), err
}

// active leaves out who is disabled.
func active(l []*store.User) []*store.User {
	return slices.DeleteFunc(l, func(u *store.User) bool { return u.Disabled })
}

func (a *Account) beginLoginCode(ctx context.Context, rq *api.Request, l *Login, p process) error {
	if l.User != nil {
		p.UserID = l.User.ID
	}
	code, err := a.loginCodes.begin(rq, p)
	if err != nil {
		return err
	}
	if p.UserID != "" {
		return a.sendLoginCode(ctx, rq, p, code)
	}
	if l.Signup {
		return a.tellAlreadyExists(ctx, rq, l)
	}
	if p.Phone != "" {
		return a.sendSMS(ctx, rq, p.Phone, smsUnknownAccount, "")
	}
	return a.sendUnknownAccount(ctx, rq, p.Email)
}

func (a *Account) sendLoginCode(ctx context.Context, rq *api.Request, p process, code string) error {
	if p.Phone != "" {
		return a.sendSMS(ctx, rq, p.Phone, smsVerification, code)
	}
	return a.send(ctx, rq, p.Email, "login_code", map[string]string{"code": code})
}

// atLoginCode lets pass whose login waits for a code that can still come.
func (a *Account) atLoginCode(ctx context.Context, rq *api.Request) error {
	if w, ok := a.Pipeline.stageOf(rq); !ok || w.Stage != stageLoginCode {
		return api.Conflict()
	}
	return a.atRunning(ctx, rq, a.loginCodes)
}

// atRunning lets pass while the stage's code is good. A login whose code is
// not any more leads nowhere; but while the last attempt is being judged, that
// is still open.
func (a *Account) atRunning(ctx context.Context, rq *api.Request, c *codes) error {
	if _, ok := c.running(rq); ok {
		return nil
	}
	if _, judging := c.slot.Get(rq); judging {
		return api.Conflict()
	}
	c.drop(rq)
	a.Pipeline.Abandon(rq)
	if err := rq.SaveNow(ctx); err != nil {
		return err
	}
	return api.Conflict()
}

// resendCode sends another code. spec: account.md §5.2.
func (a *Account) resendCode(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	p, _ := a.loginCodes.running(rq)
	if p.Resent >= a.config.LoginCode.MaxResends {
		return nil, api.Conflict()
	}
	if err := rq.Limit(ctx, p.Email+p.Phone, "request_login_code", p.sends()); err != nil {
		return nil, err
	}
	p.Resent++
	return api.Empty(http.StatusOK), rq.InTx(ctx, func(ctx context.Context) error {
		code, err := a.loginCodes.issue(rq, p)
		if err != nil || p.UserID == "" {
			return err
		}
		return a.sendLoginCode(ctx, rq, p, code)
	})
}

// confirmCode logs in, or goes on logging in, by a code. spec: account.md §5.4.
func (a *Account) confirmCode(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	p, _ := a.loginCodes.running(rq)
	right, err := a.loginCodes.try(ctx, rq, &p, "code")
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, a.wrongCode(ctx, rq, a.loginCodes, &p, "code", func(o Of, last bool) Event { return LoginCodeRejected{o, last} })
	}
	l, _, err := a.Pipeline.Current(ctx, rq)
	if err != nil {
		return nil, err
	}
	if l == nil || l.User == nil || l.User.ID != p.UserID {
		return nil, api.Conflict()
	}
	proof := store.Method{Method: "code", Email: p.Email, Phone: p.Phone}
	err = a.loginCodes.complete(ctx, rq, &p, func(ctx context.Context) error {
		l := l.clone()
		a.loginCodes.drop(rq)
		if err := a.proven(ctx, rq, l.User, &p); err != nil {
			return err
		}
		if p.Requested {
			return a.Pipeline.Start(ctx, rq, &Login{
				User: l.User, Email: p.Email, Phone: p.Phone, Verification: l.Verification, done: []string{stageLoginCode},
			}, &proof)
		}
		if err := Record(rq, l.User, proof); err != nil {
			return err
		}
		return a.Pipeline.Done(ctx, rq, stageLoginCode)
	})
	return api.Authentication(), err
}

// wrongCode counts a submission that failed, and ends the login that waits for
// the code when it was the last.
func (a *Account) wrongCode(ctx context.Context, rq *api.Request, c *codes, p *process, field string, event func(o Of, last bool) Event) error {
	if rq.Input.OK(field) {
		rq.Input.Fail(field, codeIncorrect)
	}
	last, err := c.failed(ctx, rq, p, func() {
		if c != a.resetCodes {
			a.Pipeline.Abandon(rq)
		}
	})
	if err != nil {
		return err
	}
	if p.UserID != "" && event != nil {
		u, err := rq.Store().User(ctx, p.UserID)
		if err == nil {
			rq.Emit(event(Of{u}, last))
		}
	}
	return rq.Input.Err()
}

// codeStage asks for a code where one is required of a login.
type codeStage struct{ *Account }

// Key implements [Stage].
func (codeStage) Key() string { return stageLoginCode }

// Enter implements [Stage]. spec: core.md §6.3, account.md §5.3.
func (s codeStage) Enter(ctx context.Context, l *Login) (Verdict, error) {
	rq := api.FromContext(ctx)
	if !s.codeRequired(rq) {
		return Pass, nil
	}
	p := process{Email: l.Email}
	if l.User != nil {
		if s.factors != nil && s.config.LoginCodeTrust {
			trusted, err := s.factors.TrustsBrowser(ctx, rq, l.User, stageLoginCode)
			if err != nil || trusted {
				return Pass, err
			}
		}
		if p.Email == "" {
			p.Email = l.User.Email
		}
		if p.Email == "" && s.asks("phone") {
			phone, err := s.phoneOf(ctx, rq, l.User.ID)
			if err != nil {
				return Refuse, err
			}
			p.Phone = phone.Number
		}
	} else if p.Email == "" {
		p.Phone = l.Phone
	}
	if p.Email == "" && p.Phone == "" {
		return Refuse, nil
	}
	if err := l.Keep(keptCodeRequired, true); err != nil {
		return Refuse, err
	}
	key := p.Email + p.Phone
	if !l.Signup {
		key = shareLogin + key
	}
	if err := rq.Limit(ctx, key, p.sends()); err != nil {
		return Refuse, err
	}
	return Wait, s.beginLoginCode(ctx, rq, l, p)
}

// codeRequired reports whether the last proof of this login asks for a code.
func (a *Account) codeRequired(rq *api.Request) bool {
	if len(a.config.LoginCodeRequired) == 0 {
		return false
	}
	l := rq.Session.Methods.List()
	if len(l) == 0 {
		return true
	}
	last := l[len(l)-1].Method
	return last != "code" && (slices.Contains(a.config.LoginCodeRequired, "*") || slices.Contains(a.config.LoginCodeRequired, last))
}

// CodeRequired reports whether this login had to give a code besides its other
// proof.
func (l *Login) CodeRequired() bool {
	var required bool
	return l.Kept(keptCodeRequired, &required) && required
}
