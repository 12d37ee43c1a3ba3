package account

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const codeInvalidLogin api.Code = "invalid_login"

// maxClaims bounds how many accounts that claim one unverified address are
// looked at.
const maxClaims = 10

func (a *Account) loginInput() []api.Field {
	var l []api.Field
	only := len(a.config.LoginMethods) == 1
	if a.loginBy("username") {
		l = append(l, api.Field{Name: "username", Required: only, Description: "Username"})
	}
	if a.loginBy("email") {
		l = append(l, a.emailField("email", only))
	}
	if a.loginBy("phone") {
		l = append(l, a.phoneField("phone", only))
	}
	return append(l, passwordField("password", true))
}

// login logs in by identifier and password. The credentials are judged before
// it is asked whether somebody is logged in already. spec: account.md §2.
func (a *Account) login(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	return a.passwordLogin(ctx, rq, nil)
}

// passwordLogin is login; prepare, if any, may keep something in the login that
// begins.
func (a *Account) passwordLogin(ctx context.Context, rq *api.Request, prepare func(l *Login) error) (*api.Reply, error) {
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
	users, err := a.candidates(ctx, rq, method, id)
	if err != nil {
		return nil, err
	}
	key := a.failedKey(id, users)
	taken, wait, err := rq.TakeEach(ctx, key, "login_failed", "password_failed")
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		in.FailForm(codeTooManyAttempts)
		return nil, in.Err()
	}
	u, upgraded, err := a.authenticate(ctx, users, in.Text("password"))
	if err != nil {
		return nil, err
	}
	if u == nil {
		failed := LoginFailed{Identifier: masked(rq, id)}
		if len(users) == 1 {
			failed.User = users[0]
		}
		rq.Emit(failed)
		in.Fail("password", api.Code(method+"_password_mismatch"))
		return nil, in.Err()
	}
	if err := rq.GiveBack(ctx, taken); err != nil {
		return nil, err
	}
	l := &Login{User: u, Verification: a.config.EmailVerification}
	proof := &store.Method{Method: "password"}
	switch method {
	case "email":
		l.Email, proof.Email = id, id
	case "phone":
		l.Phone, proof.Phone = id, id
	default:
		proof.Username = id
	}
	if blocked, err := a.verificationBlocked(ctx, rq, l); err != nil || blocked {
		in.FailForm(codeTooManyAttempts)
		return nil, orInput(err, in)
	}
	if rq.User != nil {
		return nil, api.Conflict()
	}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if err := rq.Clear(ctx, "password_failed", key); err != nil {
			return err
		}
		if upgraded != "" {
			if err := rq.Store().UpgradePassword(ctx, u.ID, u.Password, upgraded); err != nil {
				return err
			}
		}
		l := l.clone()
		if prepare != nil {
			if err := prepare(l); err != nil {
				return err
			}
		}
		return a.Pipeline.Start(ctx, rq, l, proof)
	})
	return api.Authentication(), err
}

// orInput returns the error if there is one, else what is wrong with the input.
func orInput(err error, in *api.Input) error {
	if err != nil {
		return err
	}
	return in.Err()
}

// verificationBlocked reports whether a login by email would have to wait for
// a code that can't be mailed for now. spec: account.md §2.2.
func (a *Account) verificationBlocked(ctx context.Context, rq *api.Request, l *Login) (bool, error) {
	if l.Email == "" || !a.config.EmailVerificationByCode || l.Verification != Mandatory {
		return false, nil
	}
	rows, err := rq.Store().EmailsOf(ctx, l.User.ID)
	if err != nil {
		return false, err
	}
	if e := find(rows, l.Email); e == nil || e.Verified {
		return false, nil
	}
	wait, err := rq.Peek(ctx, l.Email, "confirm_email", actionMail)
	return wait > 0, err
}

// failedKey is what failed logins are counted under: the account that they
// mean, by whatever name, else the identifier as it is looked up.
func (a *Account) failedKey(id string, users []*store.User) string {
	if len(users) == 1 {
		return failedUserKey(users[0])
	}
	return "id:" + strings.ToLower(id)
}

func failedUserKey(u *store.User) string { return "user:" + u.ID }

// suppliedMethod tells which identifier was sent. A key in the body counts,
// whatever its value.
func (a *Account) suppliedMethod(in *api.Input) (method string, ok bool) {
	n := 0
	for _, m := range loginMethods {
		if a.loginBy(m) && in.Has(m) {
			method, n = m, n+1
		}
	}
	return method, n == 1
}

// authenticate finds the user with this password, nil if there is none. It
// works as hard for nobody as for somebody.
func (a *Account) authenticate(ctx context.Context, users []*store.User, text string) (*store.User, store.PasswordHash, error) {
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

// candidates lists who may be meant by an identifier and a password.
func (a *Account) candidates(ctx context.Context, rq *api.Request, method, id string) ([]*store.User, error) {
	switch method {
	case "email":
		return a.usersByEmail(ctx, rq, id)
	case "phone":
		return a.usersByPhone(ctx, rq, id)
	}
	// Where people may use either, they type addresses into the name's field.
	if email, ok := CleanEmail(id); ok && a.loginBy("email") {
		l, err := a.usersByEmail(ctx, rq, email)
		if err != nil || len(l) > 0 {
			return l, err
		}
	}
	if utf8.RuneCountInString(id) > usernameMaxLength {
		return nil, nil
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

// usersByEmail lists who may be meant by an address and a password: the one who
// has it verified, else, of those who have a password, the first whose primary
// one it is, else the first who claims it. One alone, so that a login costs one
// hash however many claim an address, and takes as long as for one that nobody
// has: requirements DOS-1, ENU-2. Only where strictly nothing is told, so that
// one address may be several accounts', a few are tried. Others get in with what
// is mailed there.
func (a *Account) usersByEmail(ctx context.Context, rq *api.Request, email string) ([]*store.User, error) {
	if f, ok := rq.Store().(store.UserFinder); ok {
		return a.meant(f.UsersByEmail(ctx, email, maxClaims))
	}
	claims, err := rq.Store().EmailsByAddress(ctx, email)
	if err != nil {
		return nil, err
	}
	var ids, others []string
	for _, e := range claims {
		if e.Verified || e.Primary {
			ids = append(ids, e.UserID)
		} else {
			others = append(others, e.UserID)
		}
		if e.Verified {
			break
		}
	}
	return a.meant(usersByID(ctx, rq, append(ids, others...)))
}

// maxTried is how many accounts are tried with a password where one address may
// be several accounts'.
const maxTried = 3

// meant leaves those who are tried with a password: who has one comes first.
func (a *Account) meant(l []*store.User, err error) ([]*store.User, error) {
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(l, func(u, v *store.User) int {
		switch {
		case u.Password.Usable() == v.Password.Usable():
			return 0
		case u.Password.Usable():
			return -1
		}
		return 1
	})
	most := 1
	if a.config.PreventEnumeration == PreventStrict {
		most = maxTried
	}
	return l[:min(len(l), most)], nil
}

// maxLooks bounds how many claims to one address are looked at.
const maxLooks = 100

// claims lists the claims to an address that count: all, the oldest first, or
// the verified one alone, but not those of users who have shown another address
// to be theirs. Whoever reads the mail there is perhaps somebody else, who must
// neither be led into such an account nor be kept from having one of their own.
// Requirements RST-1, EML-4.
func (a *Account) claims(ctx context.Context, rq *api.Request, email string) (l []*store.EmailAddress, err error) {
	all, err := rq.Store().EmailsByAddress(ctx, email)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	if all[0].Verified {
		return all[:1], nil
	}
	for _, e := range all[:min(len(all), maxLooks)] {
		own, err := rq.Store().EmailsOf(ctx, e.UserID)
		if err != nil {
			return nil, err
		}
		if !hasVerified(own) {
			l = append(l, e)
		}
	}
	return l, nil
}

// readersOf lists who may be let in by what is mailed to an address.
func (a *Account) readersOf(ctx context.Context, rq *api.Request, email string) ([]*store.User, error) {
	claims, err := a.claims(ctx, rq, email)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range claims {
		ids = append(ids, e.UserID)
	}
	return usersByID(ctx, rq, ids)
}

// usersByPhone is usersByEmail for numbers.
func (a *Account) usersByPhone(ctx context.Context, rq *api.Request, number string) ([]*store.User, error) {
	claims, err := rq.Store().PhonesByNumber(ctx, number)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, p := range claims {
		ids = append(ids, p.UserID)
		if p.Verified {
			break
		}
	}
	return a.meant(usersByID(ctx, rq, ids))
}

// holdersOf is readersOf for numbers.
func (a *Account) holdersOf(ctx context.Context, rq *api.Request, number string) ([]*store.User, error) {
	claims, err := rq.Store().PhonesByNumber(ctx, number)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, p := range claims[:min(len(claims), maxLooks)] {
		if p.Verified {
			return usersByID(ctx, rq, []string{p.UserID})
		}
		emails, err := rq.Store().EmailsOf(ctx, p.UserID)
		if err != nil {
			return nil, err
		}
		if a.config.SkipPhoneVerification || !hasVerified(emails) {
			ids = append(ids, p.UserID)
		}
	}
	return usersByID(ctx, rq, ids)
}

func usersByID(ctx context.Context, rq *api.Request, ids []string) ([]*store.User, error) {
	var l []*store.User
	for _, id := range ids[:min(len(ids), maxClaims)] {
		u, err := rq.Store().User(ctx, id)
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
