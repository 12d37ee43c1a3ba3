package socialaccount

import (
	"context"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// unusable is the hash of no password.
const unusable store.PasswordHash = "!"

// welcome makes a stranger an account, or keeps them until they have said what
// is missing. spec: socialaccount.md §6.1.
func (s *Social) welcome(ctx context.Context, rq *api.Request, e *entry, id *Identity) error {
	if !s.Account.Open(ctx, rq) {
		return refuse(codeSignupClosed, api.Forbidden())
	}
	n, err := s.newcomer(ctx, rq, e, id)
	if err != nil {
		return err
	}
	auto, err := s.automatic(ctx, rq, e, id, n)
	if err != nil {
		return err
	}
	s.leave(rq)
	if err := keepSession(rq, e, id); err != nil {
		return err
	}
	if !auto {
		return pendingSignup.put(rq, &signup{Provider: e.ID, Identity: id})
	}
	if n.User.Username, err = s.Account.SuggestedUsername(ctx, rq, n.User.Username); err != nil {
		return err
	}
	return s.Account.Admit(ctx, rq, n)
}

// newcomer is what a provider tells of a stranger, as an account to be.
func (s *Social) newcomer(ctx context.Context, rq *api.Request, e *entry, id *Identity) (*account.Newcomer, error) {
	n := &account.Newcomer{
		User:      store.User{Username: id.Username, FirstName: id.FirstName, LastName: id.LastName, Email: id.Email, Password: unusable, CreatedAt: rq.Now},
		Suggested: true, Phone: id.Phone, PhoneVerified: id.PhoneVerified && id.Phone != "",
		Verification: s.Config.EmailVerification, Proof: proof(e, id),
		Created: func(ctx context.Context, u *store.User) error { return s.link(ctx, rq, e, u, id) },
	}
	if id.Email != "" {
		n.Vouched = append(n.Vouched, store.EmailAddress{Email: id.Email, Primary: true})
	}
	for _, x := range id.Emails {
		n.Vouched = append(n.Vouched, store.EmailAddress{Email: x.Address, Verified: x.Verified, Primary: x.Primary})
	}
	if s.Config.Hooks.Populate != nil {
		if err := s.Config.Hooks.Populate(ctx, &n.User, e.Info, id); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// automatic decides whether a stranger gets an account at once.
func (s *Social) automatic(ctx context.Context, rq *api.Request, e *entry, id *Identity, n *account.Newcomer) (bool, error) {
	if allow := s.Config.Hooks.AllowAutoSignup; s.Config.AskAtSignup || s.Account.Lacks(&n.User) || allow != nil && !allow(ctx, e.Info, id) {
		return false, nil
	}
	if len(id.Emails) == 0 {
		if *s.Config.EmailRequired {
			return false, nil
		}
	} else {
		n.Claims = id.Emails[0].Address
		taken, err := s.Account.EmailTaken(ctx, rq, n.Claims)
		if err != nil {
			return false, err
		}
		c := s.Account.Conf()
		hidden := c.PreventEnumeration == account.PreventStrict || c.PreventEnumeration == account.Prevent && c.EmailVerification == account.Mandatory
		if taken && !hidden {
			return false, nil
		}
	}
	taken, err := s.Account.PhoneTaken(ctx, rq, n.Phone)
	if err != nil {
		return false, err
	}
	_, required := s.Account.Asks("phone")
	switch {
	case required && (n.Phone == "" || taken):
		return false, nil
	case taken:
		n.Phone, n.PhoneVerified = "", false
	}
	return true, nil
}

// canSignUp lets pass whose signup waits, while signing up is open.
func (s *Social) canSignUp(ctx context.Context, rq *api.Request) error {
	if _, ok := pendingSignup.get(rq); !ok || rq.User != nil {
		return api.Conflict()
	}
	if !s.Account.Open(ctx, rq) {
		return api.Forbidden()
	}
	return nil
}

// waiting is the stranger whose signup waits.
func (s *Social) waiting(rq *api.Request) (*entry, *Identity, error) {
	p, ok := pendingSignup.get(rq)
	if !ok {
		return nil, nil, api.Conflict()
	}
	e := s.byID(p.Provider)
	if e == nil { // it is not configured any more
		return nil, nil, api.Conflict()
	}
	return e, p.Identity, nil
}

type emailItem struct {
	Email    string `json:"email"`
	Verified bool   `json:"verified"`
	Primary  bool   `json:"primary"`
}

// pending tells what is known of a stranger. spec: socialaccount.md §6.2.
func (s *Social) pending(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	e, id, err := s.waiting(rq)
	if err != nil {
		return nil, err
	}
	n, err := s.newcomer(ctx, rq, e, id)
	if err != nil {
		return nil, err
	}
	draft := n.User
	if draft.Username, err = s.Account.SuggestedUsername(ctx, rq, draft.Username); err != nil {
		return nil, err
	}
	draft.Email = ""
	emails := []emailItem{}
	for _, x := range id.Emails {
		emails = append(emails, emailItem{x.Address, x.Verified, x.Primary})
	}
	return api.Data(struct {
		User    any         `json:"user"`
		Account connection  `json:"account"`
		Email   []emailItem `json:"email"`
	}{rq.Env.UserData(ctx, &draft), s.connectionOf(&store.SocialAccount{Provider: e.ID, UID: id.UID, Data: id.Profile}), emails}), nil
}

// signUp makes a stranger an account with what they have typed.
func (s *Social) signUp(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	e, id, err := s.waiting(rq)
	if err != nil {
		return nil, err
	}
	n, err := s.newcomer(ctx, rq, e, id)
	if err != nil {
		return nil, err
	}
	vouched, verified := n.Phone, n.PhoneVerified
	n.User.Username, n.Suggested = "", false
	if err := s.Account.JudgeSignup(ctx, rq, n); err != nil {
		return nil, err
	}
	if err := s.choosePhone(ctx, rq, n, vouched, verified); err != nil {
		return nil, err
	}
	return api.Authentication(), rq.InTx(ctx, func(ctx context.Context) error {
		pendingSignup.drop(rq)
		return s.Account.Admit(ctx, rq, n)
	})
}

// choosePhone: a number that the provider has verified counts before a typed
// one, and that before one that it has not.
func (s *Social) choosePhone(ctx context.Context, rq *api.Request, n *account.Newcomer, vouched string, verified bool) error {
	n.PhoneVerified = false
	if vouched == "" || n.Phone != "" && !verified {
		return nil
	}
	taken, err := s.Account.PhoneTaken(ctx, rq, vouched)
	if err == nil && !taken {
		n.Phone, n.PhoneVerified = vouched, verified
	}
	return err
}
