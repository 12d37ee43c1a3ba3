package socialaccount

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// refusal is a login at a provider that was in order, but leads nowhere. answer
// is what an app is told; code is what a browser is.
type refusal struct {
	code   api.Code
	answer *api.Error
}

// Error implements error.
func (r *refusal) Error() string { return "refused: " + string(r.code) }

// Unwrap returns the answer.
func (r *refusal) Unwrap() error { return r.answer }

func refuse(code api.Code, answer *api.Error) *refusal { return &refusal{code, answer} }

// errNowhere is a login that ended with nothing.
func errNowhere() error { return refuse(codeUnknown, api.NotPending()) }

// complete does what an identity leads to: log in, sign up, connect, or
// refuse. userID is who began to connect. spec: socialaccount.md §5.
func (s *Social) complete(ctx context.Context, rq *api.Request, e *entry, process, userID string, id *Identity) error {
	s.clean(ctx, e, id)
	if process == processConnect {
		return s.connect(ctx, rq, e, userID, id)
	}
	return s.login(ctx, rq, e, id)
}

// login logs in who has an account, and signs up who has none.
func (s *Social) login(ctx context.Context, rq *api.Request, e *entry, id *Identity) error {
	return rq.InTx(ctx, func(ctx context.Context) error {
		pendingSignup.drop(rq)
		a, err := rq.Store().SocialAccount(ctx, e.ID, id.UID)
		if errors.Is(err, store.ErrNotFound) {
			a, err = nil, nil
		}
		if err != nil {
			return err
		}
		u, email, err := s.userOf(ctx, rq, e, a, id)
		if err != nil {
			return err
		}
		if err := s.identified(ctx, rq, e, u, id); err != nil {
			return err
		}
		switch {
		case u == nil:
			return s.welcome(ctx, rq, e, id)
		case u.Disabled:
			return errNowhere()
		case a != nil:
			err = s.update(ctx, rq, e, u, a, id)
		default:
			// By address. If it is the first proof of any, the account is
			// cleaned of what others may have put there.
			if err = s.Account.Proven(ctx, rq, u, email); err == nil && s.Config.AutoConnect {
				// There is a way in without: it is not shut because of too many.
				if err = s.add(ctx, rq, e, u, id); tooMany(err) {
					err = nil
				}
			}
		}
		if err != nil {
			return err
		}
		return s.logIn(ctx, rq, e, u, id)
	})
}

// userOf finds whose an identity is: by the link, else by a verified address.
// Nil: a stranger's.
func (s *Social) userOf(ctx context.Context, rq *api.Request, e *entry, a *store.SocialAccount, id *Identity) (u *store.User, email string, err error) {
	if a != nil {
		u, err = rq.Store().User(ctx, a.UserID)
		return u, "", err
	}
	for _, x := range id.Emails {
		if !x.Verified || !s.trustsEmails(e, x) {
			continue
		}
		if u, err = s.Account.OwnerOfEmail(ctx, rq, x.Address); err != nil {
			return nil, "", err
		}
		allow := s.Config.Hooks.AllowEmailAuthentication
		if u != nil && (allow == nil || allow(ctx, u, e.Info, x.Address)) {
			return u, x.Address, nil
		}
	}
	return nil, "", nil
}

// trustsEmails reports whether an address that the provider has verified may
// lead to an account here. Where the provider does not say so itself, the
// operator has to trust this very provider. spec: socialaccount.md §8.
func (s *Social) trustsEmails(e *entry, x Email) bool {
	if e.EmailAuthentication != nil {
		return *e.EmailAuthentication
	}
	return s.Config.EmailAuthentication && !x.Assumed
}

// identified lets the host have its say before anything happens.
func (s *Social) identified(ctx context.Context, rq *api.Request, e *entry, u *store.User, id *Identity) error {
	if s.Config.Hooks.BeforeLogin != nil {
		if err := s.Config.Hooks.BeforeLogin(ctx, u, e.Info, id); err != nil {
			return err
		}
	}
	rq.Emit(Identified{account.Of{User: u}, e.ID, id.UID})
	return nil
}

// proof is what the session notes.
func proof(e *entry, id *Identity) *store.Method {
	return &store.Method{Method: "socialaccount", Provider: e.ID, UID: id.UID}
}

// logIn begins a user's login. Whoever was logged in before is logged out, but
// for the same user, whose session just goes on, unless this login has ended it:
// it is worth no more than before.
func (s *Social) logIn(ctx context.Context, rq *api.Request, e *entry, u *store.User, id *Identity) error {
	if rq.User != nil && rq.User.ID == u.ID && rq.Session.Epoch == u.Epoch {
		return keepSession(rq, e, id)
	}
	s.leave(rq)
	if err := keepSession(rq, e, id); err != nil {
		return err
	}
	l := s.Account.NewLogin(u)
	l.Verification = s.Config.EmailVerification
	return s.Account.Pipeline.Start(ctx, rq, l, proof(e, id))
}

// leave logs out whoever is logged in.
func (s *Social) leave(rq *api.Request) {
	if rq.User != nil {
		rq.Emit(account.LoggedOut{Of: account.Of{User: rq.User}})
		s.Sessions.Logout(rq)
	}
}

// update brings what is stored of an account up to date.
func (s *Social) update(ctx context.Context, rq *api.Request, e *entry, u *store.User, a *store.SocialAccount, id *Identity) error {
	a.Data, a.LastLoginAt = jsonOrNil(id.Profile), rq.Now
	if err := rq.Store().UpdateSocialAccount(ctx, a); err != nil {
		return err
	}
	rq.Emit(Updated{account.Of{User: u}, a.Provider, a.UID})
	return s.keepToken(ctx, rq, e, a, id.Token)
}

// link stores an account of a provider as a user's.
func (s *Social) link(ctx context.Context, rq *api.Request, e *entry, u *store.User, id *Identity) error {
	a := &store.SocialAccount{
		UserID: u.ID, Provider: e.ID, UID: id.UID, Data: jsonOrNil(id.Profile), CreatedAt: rq.Now, LastLoginAt: rq.Now,
	}
	if err := rq.Store().CreateSocialAccount(ctx, a); err != nil {
		return err
	}
	return s.keepToken(ctx, rq, e, a, id.Token)
}

// maxAccounts is how many accounts a user can have linked. Requirement DOS-2.
const maxAccounts = 100

func tooMany(err error) bool {
	var own *refusal
	return errors.As(err, &own) && own.code == codeTooMany
}

// add links an account to a user who exists, and tells them.
func (s *Social) add(ctx context.Context, rq *api.Request, e *entry, u *store.User, id *Identity) error {
	rows, err := s.accountsInTurn(ctx, rq, u)
	if err != nil {
		return err
	}
	if len(rows) >= maxAccounts {
		return refuse(codeTooMany, api.Invalid("", codeTooMany))
	}
	if err := s.link(ctx, rq, e, u, id); err != nil {
		if errors.Is(err, store.ErrConflict) { // somebody else was quicker
			return errConnectedOther()
		}
		return err
	}
	rq.Emit(Added{account.Of{User: u}, e.ID, id.UID})
	return s.Account.Notify(ctx, rq, u, "account_connected", map[string]string{"provider": e.Name})
}

// accountsInTurn are a user's accounts, to be changed. Writing the user makes
// requests for the same one take turns, so that they can't both count what is
// there before either has changed it.
func (s *Social) accountsInTurn(ctx context.Context, rq *api.Request, u *store.User) ([]*store.SocialAccount, error) {
	now, err := rq.Store().User(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	if err := rq.Store().UpdateUser(ctx, now); err != nil {
		return nil, err
	}
	*u = *now
	return rq.Store().SocialAccountsOf(ctx, u.ID)
}

func errConnectedOther() error {
	return refuse(codeConnectedOther, api.Invalid("", codeConnectedOther))
}

// canConnect judges who wants to connect an account.
func (s *Social) canConnect(ctx context.Context, rq *api.Request) error {
	if rq.User == nil {
		return refuse(codePermissionDenied, api.Unauthenticated())
	}
	err := s.Account.RequireRecentForChange(ctx, rq)
	var again *api.Error
	if errors.As(err, &again) && again.Status < 500 {
		return refuse(codeReauthenticate, again)
	}
	return err
}

// connect links an account to who is logged in. Email addresses play no part
// in it. spec: socialaccount.md §7.1.
func (s *Social) connect(ctx context.Context, rq *api.Request, e *entry, userID string, id *Identity) error {
	if rq.User == nil || rq.User.ID != userID {
		return refuse(codePermissionDenied, api.Unauthenticated())
	}
	if err := s.canConnect(ctx, rq); err != nil {
		return err
	}
	return rq.InTx(ctx, func(ctx context.Context) error {
		pendingSignup.drop(rq)
		a, err := rq.Store().SocialAccount(ctx, e.ID, id.UID)
		switch {
		case err == nil && a.UserID != rq.User.ID:
			return errConnectedOther()
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		}
		if err := s.identified(ctx, rq, e, rq.User, id); err != nil {
			return err
		}
		if err == nil {
			return s.update(ctx, rq, e, rq.User, a, id)
		}
		return s.add(ctx, rq, e, rq.User, id)
	})
}

// clean brings what a provider tells into our forms, and decides which
// addresses count as verified. spec: socialaccount.md §8.1.
func (s *Social) clean(ctx context.Context, e *entry, id *Identity) {
	email, _ := account.CleanEmail(id.Email)
	var l []Email
	for _, x := range id.Emails {
		address, ok := account.CleanEmail(x.Address)
		if !ok || len(address) > s.Account.Conf().EmailMaxLength || len(l) >= maxEmails {
			continue
		}
		x.Address = address
		if i := slices.IndexFunc(l, func(y Email) bool { return y.Address == address }); i >= 0 {
			y := &l[i]
			stated := y.Verified && !y.Assumed || x.Verified && !x.Assumed
			y.Verified, y.Primary = y.Verified || x.Verified, y.Primary || x.Primary
			y.Assumed = y.Verified && !stated
			continue
		}
		l = append(l, x)
	}
	if email != "" && !slices.ContainsFunc(l, func(x Email) bool { return x.Address == email }) {
		l = append([]Email{{Address: email, Primary: true}}, l...)
	}
	for i := range l {
		if !l[i].Verified || l[i].Assumed {
			_, domain, _ := strings.Cut(l[i].Address, "@")
			trusted := slices.ContainsFunc(e.VerifiedDomains, func(d string) bool { return d == "*" || strings.EqualFold(d, domain) }) ||
				s.Config.Hooks.EmailVerified != nil && s.Config.Hooks.EmailVerified(ctx, e.Info, l[i].Address)
			if trusted {
				l[i].Verified, l[i].Assumed = true, false
			}
		}
	}
	slices.SortStableFunc(l, func(a, b Email) int {
		return cmp.Or(-compareBool(a.Primary, b.Primary), -compareBool(a.Verified, b.Verified), -cmp.Compare(a.Address, b.Address))
	})
	id.Emails = l
	if id.Email = email; email == "" && len(l) > 0 {
		id.Email = l[0].Address
	}
	if id.FirstName == "" && id.LastName == "" {
		id.FirstName, id.LastName, _ = strings.Cut(strings.TrimSpace(id.Name), " ")
	}
	id.FirstName, id.LastName = short(id.FirstName), short(id.LastName)
	id.Phone = s.Account.CleanPhone(ctx, id.Phone)
}

// maxEmails bounds how many addresses of one identity count.
const maxEmails = 20

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// short cuts a name to what is kept of one.
func short(s string) string {
	const most = 150
	r := []rune(strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")))
	return string(r[:min(len(r), most)])
}
