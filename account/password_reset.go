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

var resetInput = []api.Field{
	{Name: "key", Required: true, Header: "X-Password-Reset-Key", Description: "Password reset key"},
	passwordField("password", true),
}

func (a *Account) requestResetInput() []api.Field { return []api.Field{a.emailField("email", true)} }

// requestReset mails a reset link to whoever may be meant by an address. The
// answer is the same for an address that nobody has. spec: account.md §6.1.
func (a *Account) requestReset(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in := rq.Input
	if err := in.Err(); err != nil {
		return nil, err
	}
	email := in.Text("email")
	users, err := a.usersByEmail(ctx, rq, email)
	if err != nil {
		return nil, err
	}
	users = slices.DeleteFunc(users, func(u *store.User) bool { return u.Disabled })
	if len(users) == 0 && a.config.PreventEnumeration == Reveal {
		in.Fail("email", codeUnknownEmail)
		return nil, in.Err()
	}
	if err := rq.Limit(ctx, "reset_password", email); err != nil {
		return nil, err
	}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if len(users) == 0 {
			if a.config.SilentForUnknownAccounts {
				return nil
			}
			return a.send(ctx, rq, email, "unknown_account", map[string]string{"signup_url": a.frontend.Signup})
		}
		for _, u := range users {
			if err := a.sendReset(ctx, rq, u, email); err != nil {
				return err
			}
		}
		return nil
	})
	return api.Empty(http.StatusOK), err
}

func (a *Account) sendReset(ctx context.Context, rq *api.Request, u *store.User, email string) error {
	emails, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	key := resetKey(rq, u, emails)
	data := map[string]string{"key": key, "password_reset_url": pageURL(a.frontend.ResetPassword, key)}
	if a.loginBy("username") {
		data["username"] = u.Username
	}
	return a.send(ctx, rq, email, "password_reset_key", data)
}

var resetUID = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// resetKey allows to set a new password, once. It is bound to everything that
// tells that the account is as it was: password, last login, addresses.
// spec: account.md §10.2.
func resetKey(rq *api.Request, u *store.User, emails []*store.EmailAddress) string {
	at := strconv.FormatInt(rq.Now.UnixMicro(), 36)
	mac := rq.Env.Keys.MAC(purposeReset, resetState(u, emails, at)...)
	return resetUID.EncodeToString([]byte(u.ID)) + "-" + at + "-" + base64.RawURLEncoding.EncodeToString(mac)
}

func resetState(u *store.User, emails []*store.EmailAddress, at string) []string {
	login := "never"
	if !u.LastLoginAt.IsZero() {
		login = strconv.FormatInt(u.LastLoginAt.UnixMicro(), 36)
	}
	s := []string{u.ID, string(u.Password), strconv.FormatInt(u.Epoch, 36), login, u.Email, at}
	var l []string
	for _, e := range emails {
		l = append(l, e.Email)
	}
	slices.Sort(l)
	return append(s, l...)
}

// userOfKey returns the user whose password a key may set. The error is for
// the client, and the same for every kind of bad key.
func (a *Account) userOfKey(ctx context.Context, rq *api.Request, key string) (*store.User, error) {
	bad := api.Invalid("key", codeInvalidReset)
	f := strings.SplitN(key, "-", 3)
	if len(f) != 3 {
		return nil, bad
	}
	uid, err1 := resetUID.DecodeString(f[0])
	at, err2 := strconv.ParseInt(f[1], 36, 64)
	mac, err3 := base64.RawURLEncoding.Strict().DecodeString(f[2])
	if errors.Join(err1, err2, err3) != nil || len(mac) != 32 || !rq.Now.Before(time.UnixMicro(at).Add(a.config.PasswordResetLifetime)) {
		return nil, bad
	}
	u, err := rq.Store().User(ctx, string(uid))
	if errors.Is(err, store.ErrNotFound) {
		return nil, bad
	}
	if err != nil {
		return nil, err
	}
	emails, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	if u.Disabled || !rq.Env.Keys.Verify(mac, purposeReset, resetState(u, emails, f[1])...) {
		return nil, bad
	}
	return u, nil
}

// resetInfo tells whose password a key would set, and changes nothing.
func (a *Account) resetInfo(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	if err := rq.Input.Err(); err != nil {
		return nil, err
	}
	u, err := a.userOfKey(ctx, rq, rq.Input.Text("key"))
	if err != nil {
		return nil, err
	}
	return api.Data(map[string]any{"user": rq.Env.UserData(ctx, u)}), nil
}

// resetPassword sets a new password by a mailed key. All sessions of the user
// end. spec: account.md §6.3.
func (a *Account) resetPassword(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in := rq.Input
	var u *store.User
	if in.OK("key") {
		var err error
		if u, err = a.userOfKey(ctx, rq, in.Text("key")); err != nil {
			if err = note(in, "key", err); err != nil {
				return nil, err
			}
		}
	}
	// Only the holder of a good key is told whether the password would do.
	if u != nil {
		if err := a.judgePassword(ctx, in, "password", u); err != nil {
			return nil, err
		}
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	hash, err := a.hash(ctx, in.Text("password"))
	if err != nil {
		return nil, err
	}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if rq.Session.UserID == u.ID {
			a.sessions.Logout(rq)
		}
		if err := a.setPassword(ctx, rq, u, hash); err != nil {
			return err
		}
		if err := a.forgetFailures(ctx, rq, u); err != nil {
			return err
		}
		if err := a.notify(ctx, rq, u, "password_reset", nil); err != nil {
			return err
		}
		rq.Emit(PasswordReset{User: u})
		if !a.config.LoginOnPasswordReset || rq.User != nil {
			return nil
		}
		l := &Login{User: u, Verification: a.config.EmailVerification}
		return a.Pipeline.Start(ctx, rq, l, &store.Method{Method: "password_reset"})
	})
	if isConflict(err) {
		// The key, or the account it stood for, was used up meanwhile.
		err = api.Invalid("key", codeInvalidReset)
	}
	return api.Authentication(), err
}

// forgetFailures lets a user who has just reset their password log in, however
// often somebody guessed before.
func (a *Account) forgetFailures(ctx context.Context, rq *api.Request, u *store.User) error {
	emails, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	ids := []string{u.Username}
	for _, e := range emails {
		ids = append(ids, e.Email)
	}
	for _, id := range ids {
		if id == "" {
			continue
		}
		if err := rq.Clear(ctx, "login_failed", a.failedKey(id)); err != nil {
			return err
		}
	}
	return nil
}
