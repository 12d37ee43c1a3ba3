package account

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"encoding/base64"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const (
	stageVerifyEmail = "verify_email"

	codeInvalidKey api.Code = "invalid_or_expired_key"

	purposeVerifyEmail = "verify-email"
)

var verifyEmailInput = []api.Field{
	{Name: "key", Required: true, Header: "X-Email-Verification-Key", Description: "Email verification key"},
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
	if len(f) != 3 {
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
	others, err := rq.Store().EmailsByAddress(ctx, e.Email)
	if err != nil {
		return nil, nil, err
	}
	if len(others) > 0 && others[0].Verified && others[0].UserID != e.UserID {
		return nil, nil, api.Invalid("key", codeEmailTaken)
	}
	u, err := rq.Store().User(ctx, e.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, bad
	}
	return e, u, err
}

// verificationInfo tells what a key is for, and changes nothing: mail scanners
// follow links.
func (a *Account) verificationInfo(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	if err := rq.Input.Err(); err != nil {
		return nil, err
	}
	e, u, err := a.emailOfKey(ctx, rq, rq.Input.Text("key"))
	if err != nil {
		return nil, err
	}
	w, ok := a.Pipeline.stageOf(rq)
	return api.Data(struct {
		Email string `json:"email"`
		User  any    `json:"user"`
	}{e.Email, rq.Env.UserData(ctx, u)}).WithMeta("is_authenticating", ok && w.Stage == stageVerifyEmail), nil
}

// verifyEmail verifies an address by a mailed key. spec: account.md §4.3.
func (a *Account) verifyEmail(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	if err := rq.Input.Err(); err != nil {
		return nil, err
	}
	e, u, err := a.emailOfKey(ctx, rq, rq.Input.Text("key"))
	if err != nil {
		return nil, err
	}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if err := a.markVerified(ctx, rq, u, e); err != nil {
			return err
		}
		w, ok := a.Pipeline.stageOf(rq)
		if !ok || w.Stage != stageVerifyEmail {
			return nil
		}
		if a.config.LoginOnEmailVerification && w.UserID == u.ID {
			return a.Pipeline.Done(ctx, rq, stageVerifyEmail)
		}
		// A link may be followed by anybody who has it; it logs nobody in.
		a.Pipeline.Abandon(rq)
		return nil
	})
	return api.Authentication(), err
}

// markVerified verifies an address, once, and makes it the primary one of a
// user who has none.
func (a *Account) markVerified(ctx context.Context, rq *api.Request, u *store.User, e *store.EmailAddress) error {
	tx := rq.Store()
	switch err := tx.VerifyEmail(ctx, e.ID, e.Email); {
	case errors.Is(err, store.ErrConflict):
		return api.Invalid("key", codeEmailTaken)
	case errors.Is(err, store.ErrNotFound):
		return api.Invalid("key", codeInvalidKey) // another request was quicker
	case err != nil:
		return err
	}
	if u.Email == "" {
		if err := tx.MakePrimaryEmail(ctx, u.ID, e.ID); err != nil {
			return err
		}
		u.Email = e.Email
	}
	rq.Emit(EmailVerified{User: u, Email: e.Email})
	return nil
}

// canResendVerification: links are not sent again on demand; logging in sends
// another. spec: account.md §4.4.
func (a *Account) canResendVerification(context.Context, *api.Request) error {
	return &api.Error{Status: http.StatusConflict}
}

// emailStage keeps out whose address is not verified.
type emailStage struct{ *Account }

// Key implements [Stage].
func (emailStage) Key() string { return stageVerifyEmail }

// Enter implements [Stage]. spec: core.md §6.4.
func (s emailStage) Enter(ctx context.Context, l *Login) (Verdict, error) {
	if l.Verification == None || l.Verification == Optional && !l.Signup {
		return Pass, nil
	}
	rq := api.FromContext(ctx)
	verdict := Wait
	if l.Verification == Optional {
		verdict = Pass
	}
	if l.User == nil {
		return verdict, s.sendAlreadyExists(ctx, rq, l.Email)
	}
	emails, err := rq.Store().EmailsOf(ctx, l.User.ID)
	if err != nil {
		return Refuse, err
	}
	e, verified := emailToVerify(emails, l.Email)
	if verified {
		return Pass, nil
	}
	if e == nil {
		return verdict, nil
	}
	return verdict, s.sendVerification(ctx, rq, l.User, e, l.Signup)
}

// emailToVerify picks the address that a login needs verified. Having logged
// in by one, it is that one; otherwise any verified one will do, and the
// primary one is asked for.
func emailToVerify(emails []*store.EmailAddress, login string) (e *store.EmailAddress, verified bool) {
	for _, x := range emails {
		if login != "" && x.Email == login {
			return x, x.Verified
		}
		if login == "" && x.Verified {
			return x, true
		}
		if e == nil || x.Primary {
			e = x
		}
	}
	return e, false
}
