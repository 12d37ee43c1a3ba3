package account

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

func (a *Account) signupInput() []api.Field {
	l := a.PasskeySignupInput()
	for _, f := range a.signup {
		if f.name == "password1" {
			l = append(l, passwordField("password", f.required))
		}
	}
	return l
}

// ProviderSignupInput is what signing up asks for of somebody who comes from
// an identity provider.
func (a *Account) ProviderSignupInput(emailRequired bool) []api.Field {
	l := a.PasskeySignupInput()
	for i := range l {
		if l[i].Name == "email" {
			l[i].Required = emailRequired
		}
	}
	return l
}

// PasskeySignupInput is what signing up asks for besides the password.
func (a *Account) PasskeySignupInput() []api.Field {
	var l []api.Field
	for _, f := range a.signup {
		switch f.name {
		case "email":
			l = append(l, a.emailField("email", f.required))
		case "email2":
			l = append(l, a.emailField("email2", f.required))
		case "username":
			l = append(l, api.Field{Name: "username", Required: f.required, MinLength: a.config.UsernameMinLength, MaxLength: usernameMaxLength, Description: "Username"})
		case "phone":
			l = append(l, a.phoneField("phone", f.required))
		}
	}
	for i := range a.config.Fields {
		l = append(l, a.config.Fields[i].input())
	}
	return l
}

// signUp makes an account and begins its first login. spec: account.md §3.
func (a *Account) signUp(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	return a.SignUp(ctx, rq, nil)
}

// SignUp is signing up for the other features. prepare, if any, may keep
// something in the login that begins.
func (a *Account) SignUp(ctx context.Context, rq *api.Request, prepare func(l *Login) error) (*api.Reply, error) {
	n := &Newcomer{Verification: a.config.EmailVerification, Prepare: prepare}
	if err := a.JudgeSignup(ctx, rq, n); err != nil {
		return nil, err
	}
	if rq.User != nil {
		return nil, api.Conflict()
	}
	if !a.Open(ctx, rq) {
		return nil, api.Forbidden()
	}
	return api.Authentication(), a.Admit(ctx, rq, n)
}

// Newcomer is somebody about to get an account: what they typed, and what
// somebody else vouches for.
type Newcomer struct {
	// User is the account to be, without id and addresses.
	User store.User
	// Suggested: the username is no wish of the user's own. Another will do.
	Suggested bool
	// Email and Phone were typed.
	Email, Phone string
	// Claims is the address that the signup stands for where none was typed.
	Claims string
	// PhoneVerified: somebody vouches for the number.
	PhoneVerified bool
	// Vouched are the addresses that somebody else names.
	Vouched []store.EmailAddress
	// Fields are the host's own.
	Fields   map[string]any
	Password string
	// Verification is how email verification applies to the login that begins.
	Verification EmailVerification
	// Proof of identity, if there is any.
	Proof *store.Method
	// Prepare may keep something in the login that begins.
	Prepare func(l *Login) error
	// Created runs in the transaction that makes the account.
	Created func(ctx context.Context, u *store.User) error
}

// proven reports whether somebody vouches for an address.
func (n *Newcomer) proven() bool {
	return slices.ContainsFunc(n.Vouched, func(e store.EmailAddress) bool { return e.Verified })
}

// Admit makes an account and begins its first login, or pretends to. Whether
// signing up is open, and what was typed is good, has been judged.
func (a *Account) Admit(ctx context.Context, rq *api.Request, n *Newcomer) error {
	l := &Login{Signup: true, Email: cmp.Or(n.Email, n.Claims), Phone: n.Phone, Verification: n.Verification}
	pretend, err := a.mustPretend(ctx, rq, l, n)
	if err == nil && n.Prepare != nil {
		err = n.Prepare(l)
	}
	if err != nil {
		return err
	}
	proof := n.Proof
	switch {
	case pretend:
		// The stage has to stop it, whatever goes for those who are real.
		l.Verification, proof = a.config.EmailVerification, nil
	case n.proven():
		l.Email = "" // any verified address will do
	default:
		l.Email = n.Email
	}

	// Hashed for a pretended account too: both have to take the same time.
	u := n.User
	u.CreatedAt = rq.Now
	if n.Password != "" {
		if u.Password, err = a.hash(ctx, n.Password); err != nil {
			return err
		}
	}
	if pretend {
		if err := a.keepNewcomer(l, &u, n); err != nil {
			return err
		}
	}
	return rq.InTx(ctx, func(ctx context.Context) error {
		l := l.clone()
		if !pretend {
			created := u
			if err := a.create(ctx, rq, &created, n); err != nil {
				return err
			}
			l.User = &created
			rq.Emit(SignedUp{Of{l.User}})
		}
		return a.Pipeline.Start(ctx, rq, l, proof)
	})
}

// JudgeSignup checks everything that was typed and fills n with it.
func (a *Account) JudgeSignup(ctx context.Context, rq *api.Request, n *Newcomer) error {
	in, u := rq.Input, &n.User
	if a.asks("email2") && in.OK("email2") && in.OK("email") && in.Text("email2") != in.Text("email") {
		in.Fail("email2", codeEmailMismatch)
	}
	if err := a.cleanTypedEmail(ctx, in); err != nil {
		return err
	}
	email := in.Text("email")
	if email != "" && in.OK("email") {
		taken, err := a.emailTaken(ctx, rq, email)
		if err != nil {
			return err
		}
		if taken && a.mustReveal() {
			in.Fail("email", codeEmailTaken)
		}
	}
	if phone := in.Text("phone"); phone != "" && a.mustRevealPhone() {
		taken, err := a.phoneTaken(ctx, rq, phone, "")
		if err != nil {
			return err
		}
		if taken {
			in.Fail("phone", codePhoneTaken)
		}
	}
	if name := in.Text("username"); name != "" {
		clean, err := a.cleanUsername(ctx, rq, name)
		if err = note(in, "username", err); err != nil {
			return err
		}
		u.Username = clean
	}
	u.Email = email
	var err error
	if n.Fields, err = a.readFields(ctx, in); err != nil {
		return err
	}
	if err := a.judgePassword(ctx, in, "password", u); err != nil {
		return err
	}
	if len(n.Fields) > 0 {
		if u.Fields, err = json.Marshal(n.Fields); err != nil {
			return err
		}
	}
	n.Email, n.Phone, n.Password = email, in.Text("phone"), in.Text("password")
	return in.Err()
}

// mustPretend reports whether a signup must look like any other but lead
// nowhere, because what was typed belongs to somebody. spec: account.md §9.1.
func (a *Account) mustPretend(ctx context.Context, rq *api.Request, l *Login, n *Newcomer) (bool, error) {
	if a.config.PreventEnumeration == Reveal {
		return false, nil
	}
	var err error
	if !a.config.SkipPhoneVerification { // else nothing stops it at its number
		if l.phoneTaken, err = a.phoneTaken(ctx, rq, l.Phone, ""); err != nil || l.phoneTaken {
			return l.phoneTaken, err
		}
	}
	if a.config.EmailVerification != Mandatory || n.proven() && !slices.ContainsFunc(n.Vouched, func(e store.EmailAddress) bool { return e.Email == l.Email }) {
		// Who needs no proof of what they typed is not told by it either
		// whether there is such an account.
		return false, nil
	}
	return a.emailTaken(ctx, rq, l.Email)
}

// mustReveal reports whether a taken address is said to be so: where it is not
// to be hidden, or can't be, because the account would work at once.
func (a *Account) mustReveal() bool {
	return a.config.PreventEnumeration == Reveal ||
		a.config.PreventEnumeration == Prevent && a.config.EmailVerification != Mandatory
}

// mustRevealPhone is mustReveal for numbers. Strictly, two accounts may claim
// one where nobody proves any.
func (a *Account) mustRevealPhone() bool {
	return a.config.PreventEnumeration == Reveal || a.config.PreventEnumeration == Prevent && a.config.SkipPhoneVerification
}

// emailTaken reports whether any account claims an address, verified or not, so
// that it counts.
func (a *Account) emailTaken(ctx context.Context, rq *api.Request, email string) (bool, error) {
	if email == "" {
		return false, nil
	}
	l, err := a.claims(ctx, rq, email)
	return len(l) > 0, err
}

// create stores a new user with their addresses.
func (a *Account) create(ctx context.Context, rq *api.Request, u *store.User, n *Newcomer) error {
	if a.hooks.BeforeSignup != nil {
		if err := a.hooks.BeforeSignup(ctx, u); err != nil {
			return err
		}
	}
	if err := a.createUser(ctx, rq, u, n); err != nil {
		return err
	}
	tx := rq.Store()
	emails, err := a.addresses(ctx, rq, n)
	if err != nil {
		return err
	}
	for _, e := range emails {
		e.UserID, e.CreatedAt = u.ID, rq.Now
		if err := tx.CreateEmail(ctx, &e); err != nil {
			return err
		}
		if e.Primary {
			u.Email = e.Email
		}
	}
	if n.Phone != "" {
		if err := tx.SetPhone(ctx, &store.Phone{UserID: u.ID, Number: n.Phone, Verified: n.PhoneVerified}); err != nil {
			return err
		}
	}
	if n.Created != nil {
		if err := n.Created(ctx, u); err != nil {
			return err
		}
	}
	if a.hooks.InSignup != nil {
		return a.hooks.InSignup(ctx, tx, u, n.Fields)
	}
	return nil
}

// createUser stores the user, with a username of our own if they have none.
func (a *Account) createUser(ctx context.Context, rq *api.Request, u *store.User, n *Newcomer) error {
	named := u.Username != ""
	for try := 0; ; try++ {
		if !named && !a.config.NoUsernames {
			var err error
			if u.Username, err = a.generateUsername(ctx, rq, try, u.FirstName, u.LastName, cmp.Or(n.Email, n.Claims)); err != nil {
				return err
			}
		}
		err := rq.Store().CreateUser(ctx, u)
		switch {
		case !errors.Is(err, store.ErrConflict) || try > 10:
			return err
		case named && !n.Suggested:
			// Somebody was quicker with the same name.
			return api.Invalid("username", codeUsernameTaken)
		}
		named = false
	}
}

// addresses are what a newcomer has, one of them the primary one.
// spec: socialaccount.md §6.3.
func (a *Account) addresses(ctx context.Context, rq *api.Request, n *Newcomer) (l []store.EmailAddress, err error) {
	all := n.Vouched
	if n.Email != "" {
		all = append([]store.EmailAddress{{Email: n.Email, Primary: true}}, all...)
	}
	for _, e := range all {
		i := slices.IndexFunc(l, func(x store.EmailAddress) bool { return x.Email == e.Email })
		if i < 0 {
			l = append(l, store.EmailAddress{Email: e.Email, Verified: e.Verified, Primary: e.Primary})
			continue
		}
		l[i].Verified, l[i].Primary = l[i].Verified || e.Verified, l[i].Primary || e.Primary
	}
	kept := l[:0]
	for _, e := range l {
		claims, err := a.claims(ctx, rq, e.Email)
		if err != nil {
			return nil, err
		}
		vouched := slices.ContainsFunc(n.Vouched, func(x store.EmailAddress) bool { return x.Email == e.Email })
		taken := vouched && len(claims) > 0
		if a.config.PreventEnumeration == PreventStrict {
			taken = taken && e.Verified && claims[0].Verified
		}
		if !taken {
			kept = append(kept, e)
		}
	}
	best := 0
	for i, e := range kept {
		if rank(e) > rank(kept[best]) {
			best = i
		}
	}
	for i := range kept {
		kept[i].Primary = i == best
	}
	return kept, nil
}

func rank(e store.EmailAddress) (r int) {
	if e.Verified {
		r += 2
	}
	if e.Primary {
		r++
	}
	return r
}
