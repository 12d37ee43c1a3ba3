package account

import (
	"context"
	"errors"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const codeInvalidLogin api.Code = "invalid_login"

// maxClaims bounds how many accounts that claim one unverified address are
// tried with a password.
const maxClaims = 10

func (a *Account) loginInput() []api.Field {
	var l []api.Field
	only := len(a.config.LoginMethods) == 1
	if a.loginBy("username") {
		l = append(l, api.Field{Name: "username", Required: only, MaxLength: usernameMaxLength, Description: "Username"})
	}
	if a.loginBy("email") {
		l = append(l, a.emailField("email", only))
	}
	return append(l, passwordField("password", true))
}

// login logs in by identifier and password. The credentials are judged before
// it is asked whether somebody is logged in already. spec: account.md §2.
func (a *Account) login(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in := rq.Input
	if err := in.Err(); err != nil {
		return nil, err
	}
	method, ok := a.suppliedMethod(in)
	if !ok {
		in.FailForm(codeInvalidLogin)
		return nil, in.Err()
	}
	id := in.Text(method)
	taken, wait, err := rq.Take(ctx, "login_failed", a.failedKey(id))
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		in.FailForm(codeTooManyAttempts)
		return nil, in.Err()
	}
	u, upgraded, err := a.authenticate(ctx, rq, method, id, in.Text("password"))
	if err != nil {
		return nil, err
	}
	if u == nil {
		rq.Emit(LoginFailed{Identifier: id})
		in.Fail("password", api.Code(method+"_password_mismatch"))
		return nil, in.Err()
	}
	if err := rq.GiveBack(ctx, taken); err != nil {
		return nil, err
	}
	if rq.User != nil {
		return nil, api.Conflict()
	}
	l := &Login{User: u, Verification: a.config.EmailVerification}
	proof := &store.Method{Method: "password"}
	if method == "email" {
		l.Email, proof.Email = id, id
	} else {
		proof.Username = id
	}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if upgraded != "" {
			if err := rq.Store().UpgradePassword(ctx, u.ID, u.Password, upgraded); err != nil {
				return err
			}
		}
		return a.Pipeline.Start(ctx, rq, l, proof)
	})
	return api.Authentication(), err
}

// failedKey is what failed logins are counted under: the identifier as it is
// looked up.
func (a *Account) failedKey(id string) string { return a.site + ":" + strings.ToLower(id) }

// suppliedMethod tells which identifier was sent. A key in the body counts,
// whatever its value.
func (a *Account) suppliedMethod(in *api.Input) (method string, ok bool) {
	n := 0
	for _, m := range []string{"username", "email"} {
		if a.loginBy(m) && in.Has(m) {
			method, n = m, n+1
		}
	}
	return method, n == 1
}

// authenticate finds the user with this identifier and password, nil if there
// is none. Whether the account exists makes no difference to the work.
func (a *Account) authenticate(ctx context.Context, rq *api.Request, method, id, text string) (*store.User, store.PasswordHash, error) {
	users, err := a.candidates(ctx, rq, method, id)
	if err != nil {
		return nil, "", err
	}
	if len(users) == 0 {
		_, _, err := a.matches(ctx, text, nil)
		return nil, "", err
	}
	for _, u := range users {
		ok, upgraded, err := a.matches(ctx, text, u)
		if err != nil {
			return nil, "", err
		}
		if ok {
			return u, upgraded, nil
		}
	}
	return nil, "", nil
}

func (a *Account) candidates(ctx context.Context, rq *api.Request, method, id string) ([]*store.User, error) {
	if method == "email" {
		return a.usersByEmail(ctx, rq, id)
	}
	// Where people may use either, they type addresses into the name's field.
	if email, ok := CleanEmail(id); ok && a.loginBy("email") {
		l, err := a.usersByEmail(ctx, rq, email)
		if err != nil || len(l) > 0 {
			return l, err
		}
	}
	u, err := rq.Store().UserByUsername(ctx, norm.NFKC.String(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []*store.User{u}, nil
}

// usersByEmail lists who may be meant by an address: the one who has it
// verified, else everybody who claims it, the oldest claim first.
func (a *Account) usersByEmail(ctx context.Context, rq *api.Request, email string) ([]*store.User, error) {
	claims, err := rq.Store().EmailsByAddress(ctx, email)
	if err != nil {
		return nil, err
	}
	if len(claims) > 0 && claims[0].Verified {
		claims = claims[:1]
	}
	var l []*store.User
	for _, e := range claims[:min(len(claims), maxClaims)] {
		u, err := rq.Store().User(ctx, e.UserID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		l = append(l, u)
	}
	return l, nil
}
