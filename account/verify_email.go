package account

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/csrf"
	"github.com/headless-auth/headless/store"
)

const (
	codeInvalidKey api.Code = "invalid_or_expired_key"

	purposeVerifyEmail = "verify-email"
)

func (a *Account) verifyEmailInput() []api.Field {
	return []api.Field{a.keyField("X-Email-Verification-Key", a.config.EmailVerificationByCode, codeInvalidKey)}
}

// keyField declares an input with what was mailed, a key or a code. What is no
// text is no key either.
func (a *Account) keyField(header string, code bool, invalid api.Code) api.Field {
	if code {
		invalid = codeIncorrect
	}
	return api.Field{Name: "key", Required: true, Header: header, Invalid: invalid, Description: "The key or code that was mailed"}
}

// verificationKey proves control of an address: it goes there, and nowhere
// else. It is bound to the row and to the text of the address, and dies with
// either, with time, and when it has verified. spec: account.md §10.1.
func (a *Account) verificationKey(rq *api.Request, e *store.EmailAddress) string {
	expires := strconv.FormatInt(rq.Now.Add(a.config.EmailVerificationLifetime).UnixMicro(), 36)
	mac := rq.Env.Keys.MAC(purposeVerifyEmail, e.ID, e.Email, expires)
	return strings.Join([]string{e.ID, expires, base64.RawURLEncoding.EncodeToString(mac)}, ".")
}

// emailOfKey returns the address that a key would verify, and its user. The
// error is for the client.
func (a *Account) emailOfKey(ctx context.Context, rq *api.Request, key string) (*store.EmailAddress, *store.User, error) {
	bad := api.Invalid("key", codeInvalidKey)
	f := strings.Split(key, ".")
	if len(f) != 3 || strings.ContainsAny(key, "\r\n") { // which decoders pass over
		return nil, nil, bad
	}
	expires, err := strconv.ParseInt(f[1], 36, 64)
	if err != nil || !rq.Now.Before(time.UnixMicro(expires)) {
		return nil, nil, bad
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(f[2])
	if err != nil {
		return nil, nil, bad
	}
	e, err := rq.Store().Email(ctx, f[0])
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, bad
	}
	if err != nil {
		return nil, nil, err
	}
	if len(mac) != 32 || e.Verified || !rq.Env.Keys.Verify(mac, purposeVerifyEmail, e.ID, e.Email, f[1]) {
		return nil, nil, bad
	}
	if owned, err := a.emailOwned(ctx, rq, e.Email, e.UserID); err != nil || owned {
		return nil, nil, orElse(err, api.Invalid("key", codeEmailTaken))
	}
	u, err := rq.Store().User(ctx, e.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, bad
	}
	return e, u, err
}

// orElse returns the error if there is one, else the other.
func orElse(err error, other *api.Error) error {
	if err != nil {
		return err
	}
	return other
}

// emailOwned reports whether another account has an address verified.
func (a *Account) emailOwned(ctx context.Context, rq *api.Request, email, userID string) (bool, error) {
	l, err := rq.Store().EmailsByAddress(ctx, email)
	return len(l) > 0 && l[0].Verified && l[0].UserID != userID, err
}

// canVerifyEmail: codes belong to the client that they were sent for; links
// can be followed by anybody. spec: account.md §4.1.
func (a *Account) canVerifyEmail(ctx context.Context, rq *api.Request) error {
	if !a.config.EmailVerificationByCode {
		return nil
	}
	if rq.User == nil {
		return a.atEmailStage(ctx, rq)
	}
	if p, ok := a.emailCodes.running(rq); !ok || p.UserID != rq.User.ID {
		return api.Conflict()
	}
	return nil
}

// atEmailStage lets pass whose login waits for a code that was mailed.
func (a *Account) atEmailStage(ctx context.Context, rq *api.Request) error {
	if w, ok := a.Pipeline.stageOf(rq); !a.config.EmailVerificationByCode || !ok || w.Stage != stageVerifyEmail {
		return api.Conflict()
	}
	return a.atRunning(ctx, rq, a.emailCodes)
}

// checkEmailKey judges a submitted key or code, and returns the address that
// it verifies, as a row that may be still to be stored.
func (a *Account) checkEmailKey(ctx context.Context, rq *api.Request) (*store.EmailAddress, *store.User, error) {
	in := rq.Input
	if !a.config.EmailVerificationByCode {
		if err := in.Err(); err != nil {
			return nil, nil, err
		}
		return a.emailOfKey(ctx, rq, in.Text("key"))
	}
	if noGuess(rq) {
		return nil, nil, in.Err()
	}
	p, _ := a.emailCodes.running(rq)
	right, err := a.emailCodes.try(ctx, rq, &p, "key")
	if err != nil {
		return nil, nil, err
	}
	if right {
		owned, err := a.emailOwned(ctx, rq, p.Email, p.UserID)
		if err != nil {
			return nil, nil, err
		}
		if owned {
			in.Fail("key", codeEmailTaken)
			right = false
		}
	}
	if !right {
		return nil, nil, a.wrongCode(ctx, rq, a.emailCodes, &p, "key", func(o Of, last bool) Event { return EmailVerificationCodeRejected{o, last} })
	}
	u, err := rq.Store().User(ctx, p.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, api.Conflict()
	}
	if err != nil {
		return nil, nil, err
	}
	emails, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range emails {
		if e.Email == p.Email {
			return e, u, nil
		}
	}
	return &store.EmailAddress{UserID: u.ID, Email: p.Email, CreatedAt: rq.Now}, u, nil
}

// noGuess: a GET without key is a link that somebody followed, perhaps from
// another site. It must not cost an attempt. One with a key is a guess, and the
// header that carries it can't be sent from elsewhere. Requirement REQ-2.
func noGuess(rq *api.Request) bool { return csrf.Safe(rq.HTTP.Method) && !rq.Input.Has("key") }

// verificationInfo tells what a key is for, and verifies nothing: mail
// scanners follow links. spec: account.md §4.2.
func (a *Account) verificationInfo(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	e, u, err := a.checkEmailKey(ctx, rq)
	if err != nil {
		return nil, err
	}
	if p, ok := a.emailCodes.slot.Get(rq); ok && a.config.EmailVerificationByCode {
		if err := a.emailCodes.forgive(ctx, rq, p); err != nil {
			return nil, err
		}
		rq.Credential.Touched = false // nothing has changed for the client
	}
	w, ok := a.Pipeline.stageOf(rq)
	return api.Data(struct {
		Email string `json:"email"`
		User  any    `json:"user"`
	}{e.Email, rq.Env.UserData(ctx, u)}).WithMeta("is_authenticating", ok && w.Stage == stageVerifyEmail), nil
}

// verifyEmail verifies an address by a mailed key or code.
// spec: account.md §4.3.
func (a *Account) verifyEmail(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	e, u, err := a.checkEmailKey(ctx, rq)
	if err != nil {
		return nil, err
	}
	owner, address := *u, *e
	p, _ := a.emailCodes.slot.Get(rq)
	err = a.emailCodes.complete(ctx, rq, &p, func(ctx context.Context) error {
		u, e := owner, address
		if err := a.markVerified(ctx, rq, &u, &e); err != nil {
			return err
		}
		a.emailCodes.drop(rq)
		w, ok := a.Pipeline.stageOf(rq)
		if !ok || w.Stage != stageVerifyEmail {
			return nil
		}
		if (a.config.EmailVerificationByCode || a.config.LoginOnEmailVerification) && w.UserID == u.ID {
			return a.Pipeline.Done(ctx, rq, stageVerifyEmail)
		}
		// A link may be followed by anybody who has it; it logs nobody in.
		a.Pipeline.Abandon(rq)
		return nil
	})
	return api.Authentication(), err
}

// markVerified verifies an address, once, stores it first if it is new, and
// makes it the primary one of a user who has none, or only the one.
func (a *Account) markVerified(ctx context.Context, rq *api.Request, u *store.User, e *store.EmailAddress) error {
	tx := rq.Store()
	if e.ID == "" {
		if full, err := a.fullOfEmails(ctx, rq, u.ID); err != nil || full {
			return orElse(err, api.Invalid("key", codeMaxEmails))
		}
		if err := tx.CreateEmail(ctx, e); err != nil {
			return err
		}
		rq.Emit(EmailAdded{Of{u}, e.Email})
	}
	switch err := tx.VerifyEmail(ctx, e.ID, e.Email); {
	case errors.Is(err, store.ErrConflict):
		return api.Invalid("key", codeEmailTaken)
	case errors.Is(err, store.ErrNotFound):
		return a.verifiedMeanwhile(ctx, rq, e)
	case err != nil:
		return err
	}
	e.Verified = true
	rq.Emit(EmailVerified{Of{u}, e.Email})
	if a.config.ChangeEmail {
		return a.replaceEmail(ctx, rq, u, e)
	}
	if u.Email != "" {
		return nil
	}
	return a.makePrimary(ctx, rq, u, e)
}

// verifiedMeanwhile: another request was quicker to verify the address, or to
// remove it.
func (a *Account) verifiedMeanwhile(ctx context.Context, rq *api.Request, e *store.EmailAddress) error {
	now, err := rq.Store().Email(ctx, e.ID)
	if err == nil && now.Verified && now.Email == e.Email && a.config.EmailVerificationByCode {
		return nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return api.Invalid("key", codeInvalidKey)
}

func (a *Account) makePrimary(ctx context.Context, rq *api.Request, u *store.User, e *store.EmailAddress) error {
	if err := rq.Store().MakePrimaryEmail(ctx, u.ID, e.ID); err != nil {
		return err
	}
	u.Email = e.Email
	if rq.User != nil && rq.User.ID == u.ID {
		rq.User.Email = e.Email // what the answer tells
	}
	return nil
}

// replaceEmail makes an address the only one of its user, who is told at the
// former one. spec: account.md §4.3.
func (a *Account) replaceEmail(ctx context.Context, rq *api.Request, u *store.User, e *store.EmailAddress) error {
	emails, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	from := u.Email
	if err := a.makePrimary(ctx, rq, u, e); err != nil {
		return err
	}
	for _, x := range emails {
		if x.ID == e.ID {
			continue
		}
		if err := rq.Store().DeleteEmail(ctx, x.ID); err != nil {
			return err
		}
	}
	if from == e.Email || from == "" {
		return nil
	}
	return a.emailChanged(ctx, rq, u, from, e.Email)
}

// resendVerification mails another code. Links are not sent again on demand;
// logging in sends another. spec: account.md §4.4.
func (a *Account) resendVerification(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	p, _ := a.emailCodes.running(rq)
	if p.Resent >= a.config.EmailVerificationCode.MaxResends {
		return nil, api.Conflict()
	}
	return api.Empty(http.StatusOK), a.resendEmailCode(ctx, rq, p)
}

// canResendVerification lets pass who waits for a code.
func (a *Account) canResendVerification(ctx context.Context, rq *api.Request) error {
	if !a.config.EmailVerificationByCode {
		return api.Conflict()
	}
	return a.canVerifyEmail(ctx, rq)
}

func (a *Account) resendEmailCode(ctx context.Context, rq *api.Request, p process) error {
	p.Resent++
	return rq.InTx(ctx, func(ctx context.Context) error {
		if wait, err := a.countVerification(ctx, rq, p.Email); err != nil || wait > 0 {
			return orElse(err, api.TooMany(wait))
		}
		return a.issueEmailCode(ctx, rq, p)
	})
}

// issueEmailCode mails a process's next code, if any code is right.
func (a *Account) issueEmailCode(ctx context.Context, rq *api.Request, p process) error {
	code, err := a.emailCodes.issue(rq, p)
	if err != nil || code == "" {
		return err
	}
	u, err := rq.Store().User(ctx, p.UserID)
	if err != nil {
		return err
	}
	return a.sendEmailCode(ctx, rq, u, p.Email, code)
}

func (a *Account) sendEmailCode(ctx context.Context, rq *api.Request, u *store.User, email, code string) error {
	kind := "email_confirmation"
	if u.LastLoginAt.IsZero() {
		kind = "email_confirmation_signup"
	}
	rq.Emit(EmailConfirmationSent{Of{u}, email, u.LastLoginAt.IsZero()})
	return a.send(ctx, rq, email, kind, map[string]string{"code": code})
}
