package account

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const (
	codeInvalidReset api.Code = "invalid_password_reset"

	purposeReset = "reset-password"
)

func (a *Account) resetInput() []api.Field {
	return []api.Field{
		a.keyField("X-Password-Reset-Key", a.config.PasswordResetByCode, codeInvalidReset),
		passwordField("password", true),
	}
}

func (a *Account) requestResetInput() []api.Field { return []api.Field{a.emailField("email", true)} }

// requestReset mails a reset link or code to whoever may be meant by an
// address. The answer is the same for an address that nobody has.
// spec: account.md §6.1.
func (a *Account) requestReset(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in := rq.Input
	if err := in.Err(); err != nil {
		return nil, err
	}
	email := in.Text("email")
	users, err := a.readersOf(ctx, rq, email)
	if err != nil {
		return nil, err
	}
	users = active(users)
	if len(users) == 0 && a.config.PreventEnumeration == Reveal {
		in.Fail("email", codeUnknownEmail)
		return nil, in.Err()
	}
	if err := rq.Limit(ctx, email, "reset_password", actionMail); err != nil {
		return nil, err
	}
	if a.config.PasswordResetByCode {
		return api.Authentication(), rq.InTx(ctx, func(ctx context.Context) error { return a.beginReset(ctx, rq, users, email) })
	}
	return api.Empty(http.StatusOK), rq.InTx(ctx, func(ctx context.Context) error {
		if len(users) == 0 {
			return a.sendUnknownAccount(ctx, rq, email)
		}
		for _, u := range users {
			if err := a.sendReset(ctx, rq, u, email); err != nil {
				return err
			}
		}
		return nil
	})
}

// beginReset starts a reset by code, for the first who may be meant.
func (a *Account) beginReset(ctx context.Context, rq *api.Request, users []*store.User, email string) error {
	p := process{Email: email, Requested: true}
	if len(users) > 0 {
		p.UserID, p.Epoch = users[0].ID, users[0].Epoch
	}
	code, err := a.resetCodes.begin(rq, p)
	if err != nil {
		return err
	}
	if p.UserID == "" {
		return a.sendUnknownAccount(ctx, rq, email)
	}
	return a.send(ctx, rq, email, "password_reset_code", map[string]string{"code": code})
}

// canResetPassword lets pass who waits for a code, or may have a key.
func (a *Account) canResetPassword(_ context.Context, rq *api.Request) error {
	if _, ok := a.resetCodes.running(rq); a.config.PasswordResetByCode && !ok {
		return api.Conflict()
	}
	return nil
}

func (a *Account) sendReset(ctx context.Context, rq *api.Request, u *store.User, email string) error {
	emails, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	e := find(emails, email)
	if e == nil {
		return nil // removed since
	}
	key := resetKey(rq, u, e, emails)
	data := map[string]string{"key": key, "password_reset_url": pageURL(a.frontend.ResetPassword, key)}
	if a.loginBy("username") {
		data["username"] = u.Username
	}
	return a.send(ctx, rq, email, "password_reset_key", data)
}

var resetID = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// resetKey allows to set a new password, once. It is bound to the address that
// it is mailed to and to everything that tells that the account is as it was:
// password, last login, addresses. spec: account.md §10.2.
func resetKey(rq *api.Request, u *store.User, e *store.EmailAddress, emails []*store.EmailAddress) string {
	at := strconv.FormatInt(rq.Now.UnixMicro(), 36)
	mac := rq.Env.Keys.MAC(purposeReset, resetState(u, emails, e.ID, at)...)
	// The user comes first and the rest after a dash, as front ends expect.
	return resetID.EncodeToString([]byte(u.ID)) + "-" + strings.Join([]string{resetID.EncodeToString([]byte(e.ID)), at, base64.RawURLEncoding.EncodeToString(mac)}, ".")
}

func resetState(u *store.User, emails []*store.EmailAddress, emailID, at string) []string {
	login := "never"
	if !u.LastLoginAt.IsZero() {
		login = strconv.FormatInt(u.LastLoginAt.UnixMicro(), 36)
	}
	s := []string{u.ID, string(u.Password), strconv.FormatInt(u.Epoch, 36), login, u.Email, emailID, at}
	var l []string
	for _, e := range emails {
		l = append(l, e.Email)
	}
	slices.Sort(l)
	return append(s, l...)
}

// ofResetKey returns the user whose password a key may set, and the address
// that it was mailed to. The error is for the client, and the same for every
// kind of bad key.
func (a *Account) ofResetKey(ctx context.Context, rq *api.Request, key string) (*store.User, *store.EmailAddress, error) {
	bad := api.Invalid("key", codeInvalidReset)
	first, rest, _ := strings.Cut(key, "-")
	f := strings.Split(rest, ".")
	if len(f) != 3 || strings.ContainsAny(key, "\r\n") { // which decoders pass over
		return nil, nil, bad
	}
	uid, err1 := resetID.DecodeString(first)
	emailID, err2 := resetID.DecodeString(f[0])
	at, err3 := strconv.ParseInt(f[1], 36, 64)
	mac, err4 := base64.RawURLEncoding.Strict().DecodeString(f[2])
	// Decoders pass over bits that are too many.
	exact := resetID.EncodeToString(uid) == first && resetID.EncodeToString(emailID) == f[0]
	if errors.Join(err1, err2, err3, err4) != nil || !exact || len(mac) != 32 || !rq.Now.Before(time.UnixMicro(at).Add(a.config.PasswordResetLifetime)) {
		return nil, nil, bad
	}
	u, err := rq.Store().User(ctx, string(uid))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, bad
	}
	if err != nil {
		return nil, nil, err
	}
	emails, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil {
		return nil, nil, err
	}
	if u.Disabled || !rq.Env.Keys.Verify(mac, purposeReset, resetState(u, emails, string(emailID), f[1])...) {
		return nil, nil, bad
	}
	for _, e := range emails {
		if e.ID == string(emailID) {
			return u, e, nil
		}
	}
	return nil, nil, bad
}

// checkReset judges a submitted key or code, and returns whose password it
// sets and the address that it was mailed to. What is wrong with it is noted.
func (a *Account) checkReset(ctx context.Context, rq *api.Request) (u *store.User, email string, err error) {
	in := rq.Input
	if !a.config.PasswordResetByCode {
		if !in.OK("key") {
			return nil, "", nil
		}
		u, e, err := a.ofResetKey(ctx, rq, in.Text("key"))
		if err != nil {
			return nil, "", note(in, "key", err)
		}
		return u, e.Email, nil
	}
	if noGuess(rq) {
		return nil, "", nil
	}
	p, _ := a.resetCodes.running(rq)
	right, err := a.resetCodes.try(ctx, rq, &p, "key")
	if err != nil {
		return nil, "", err
	}
	if right {
		u, err = rq.Store().User(ctx, p.UserID)
		if err == nil && !u.Disabled && u.Epoch == p.Epoch {
			return u, p.Email, nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, "", err
		}
	}
	err = a.wrongCode(ctx, rq, a.resetCodes, &p, "key", func(o Of, last bool) Event { return PasswordResetCodeRejected{o, last} })
	var refused *api.Error
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		err = nil // noted, with what else is wrong
	}
	return nil, "", err
}

// resetInfo tells whose password a key or code would set, and sets nothing.
// spec: account.md §6.2.
func (a *Account) resetInfo(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	u, _, err := a.checkReset(ctx, rq)
	if err == nil {
		err = rq.Input.Err()
	}
	if err == nil {
		err = a.forgiveReset(ctx, rq)
	}
	if err != nil {
		return nil, err
	}
	return api.Data(map[string]any{"user": rq.Env.UserData(ctx, u)}), nil
}

// forgiveReset: a right code is no failed attempt, even if nothing came of it.
func (a *Account) forgiveReset(ctx context.Context, rq *api.Request) error {
	if p, ok := a.resetCodes.slot.Get(rq); ok && a.config.PasswordResetByCode {
		return a.resetCodes.forgive(ctx, rq, p)
	}
	return nil
}

// forgetFailures: whoever reads the user's mail need not pay for the guesses of
// others. Those at further factors stay counted, as the mail is none.
func (a *Account) forgetFailures(ctx context.Context, rq *api.Request, u *store.User) error {
	p := &process{UserID: u.ID}
	return errors.Join(
		rq.Clear(ctx, "login_failed", failedUserKey(u)), rq.Clear(ctx, "password_failed", failedUserKey(u)),
		rq.Clear(ctx, "code_failed", a.loginCodes.failedKey(p)), rq.Clear(ctx, "code_failed", a.resetCodes.failedKey(p)),
	)
}

// resetPassword sets a new password by a mailed key or code. All sessions of
// the user end. spec: account.md §6.3.
func (a *Account) resetPassword(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in := rq.Input
	u, email, err := a.checkReset(ctx, rq)
	if err != nil {
		return nil, err
	}
	// Only the holder of a good key is told whether the password would do.
	if u != nil {
		if err := a.judgePassword(ctx, in, "password", u); err != nil {
			return nil, err
		}
	}
	if err := in.Err(); err != nil {
		if u != nil {
			// A good code stays as good as it was.
			if err := a.forgiveReset(ctx, rq); err != nil {
				return nil, err
			}
			rq.Credential.Touched = false
		}
		return nil, err
	}
	hash, err := a.hash(ctx, in.Text("password"))
	if err != nil {
		return nil, err
	}
	changed := false // the account was changed meanwhile
	found := *u
	p, _ := a.resetCodes.slot.Get(rq)
	err = a.resetCodes.complete(ctx, rq, &p, func(ctx context.Context) error {
		changed = false // it may be run again
		owner := found
		u := &owner
		a.resetCodes.drop(rq)
		if rq.Session.UserID == u.ID {
			a.sessions.Logout(rq)
		}
		// The key or code came by mail, so the address is the user's.
		if err := a.proven(ctx, rq, u, &process{Email: email, Requested: true}); err != nil {
			return err
		}
		if err := a.setPassword(ctx, rq, u, hash); err != nil {
			if changed = isConflict(err); changed {
				return api.Conflict()
			}
			return err
		}
		if err := a.forgetFailures(ctx, rq, u); err != nil {
			return err
		}
		if err := a.notify(ctx, rq, u, "password_reset", nil); err != nil {
			return err
		}
		rq.Emit(PasswordReset{Of{u}})
		if !a.config.LoginOnPasswordReset || rq.User != nil {
			doubtedPhone.Drop(rq)
			return nil
		}
		proof := &store.Method{Method: "password_reset"}
		if a.config.PasswordResetByCode {
			proof.Email = email
		}
		return a.Pipeline.Start(ctx, rq, &Login{User: u, Verification: a.config.EmailVerification}, proof)
	})
	if changed {
		// The key, or the account it stood for, was used up meanwhile.
		code := codeInvalidReset
		if a.config.PasswordResetByCode {
			code = codeIncorrect
		}
		err = api.Invalid("key", code)
	}
	return api.Authentication(), err
}
