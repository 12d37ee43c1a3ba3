package account

import (
	"context"
	"encoding/json"
	"errors"

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
	in := rq.Input
	u := &store.User{CreatedAt: rq.Now}
	fields, err := a.judgeSignup(ctx, rq, in, u)
	if err != nil {
		return nil, err
	}
	if rq.User != nil {
		return nil, api.Conflict()
	}
	if !a.open(ctx, rq) {
		return nil, api.Forbidden()
	}
	l := &Login{Signup: true, Email: in.Text("email"), Phone: in.Text("phone"), Verification: a.config.EmailVerification}
	pretend, err := a.mustPretend(ctx, rq, l)
	if err == nil && prepare != nil {
		err = prepare(l)
	}
	if err != nil {
		return nil, err
	}

	// Hashed for a pretended account too: both have to take the same time.
	if text := in.Text("password"); text != "" {
		if u.Password, err = a.hash(ctx, text); err != nil {
			return nil, err
		}
	}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		l := l.clone()
		if !pretend {
			created := *u
			if err := a.create(ctx, rq, &created, l.Email, l.Phone, fields); err != nil {
				return err
			}
			l.User = &created
			rq.Emit(SignedUp{Of{l.User}})
		}
		return a.Pipeline.Start(ctx, rq, l, nil)
	})
	return api.Authentication(), err
}

// judgeSignup checks everything that was typed and fills u with it.
func (a *Account) judgeSignup(ctx context.Context, rq *api.Request, in *api.Input, u *store.User) (map[string]any, error) {
	email := in.Text("email")
	if email != "" && a.hooks.CleanEmail != nil {
		clean, err := a.hooks.CleanEmail(ctx, email)
		if err = note(in, "email", err); err != nil {
			return nil, err
		}
		if clean != email && clean != "" {
			in.SetText("email", clean)
			email = clean
		}
	}
	if email != "" && in.OK("email") {
		taken, err := a.emailTaken(ctx, rq, email)
		if err != nil {
			return nil, err
		}
		if taken && a.mustReveal() {
			in.Fail("email", codeEmailTaken)
		}
	}
	if phone := in.Text("phone"); phone != "" && a.config.PreventEnumeration == Reveal {
		taken, err := a.phoneTaken(ctx, rq, phone, "")
		if err != nil {
			return nil, err
		}
		if taken {
			in.Fail("phone", codePhoneTaken)
		}
	}
	if a.asks("email2") && in.OK("email2") && in.OK("email") && in.Text("email2") != in.Text("email") {
		in.Fail("email2", codeEmailMismatch)
	}
	if name := in.Text("username"); name != "" {
		clean, err := a.cleanUsername(ctx, rq, name)
		if err = note(in, "username", err); err != nil {
			return nil, err
		}
		u.Username = clean
	}
	u.Email = email
	fields, err := a.readFields(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := a.judgePassword(ctx, in, "password", u); err != nil {
		return nil, err
	}
	if len(fields) > 0 {
		if u.Fields, err = json.Marshal(fields); err != nil {
			return nil, err
		}
	}
	return fields, in.Err()
}

// mustPretend reports whether a signup must look like any other but lead
// nowhere, because what was typed belongs to somebody. spec: account.md §9.1.
func (a *Account) mustPretend(ctx context.Context, rq *api.Request, l *Login) (bool, error) {
	if a.config.PreventEnumeration == Reveal {
		return false, nil
	}
	var err error
	if l.phoneTaken, err = a.phoneTaken(ctx, rq, l.Phone, ""); err != nil || l.phoneTaken {
		return l.phoneTaken, err
	}
	taken, err := a.emailTaken(ctx, rq, l.Email)
	return taken && a.config.EmailVerification == Mandatory, err
}

// mustReveal reports whether a taken address is said to be so: where it is not
// to be hidden, or can't be, because the account would work at once.
func (a *Account) mustReveal() bool {
	return a.config.PreventEnumeration == Reveal ||
		a.config.PreventEnumeration == Prevent && a.config.EmailVerification != Mandatory
}

// emailTaken reports whether any account claims an address, verified or not.
func (a *Account) emailTaken(ctx context.Context, rq *api.Request, email string) (bool, error) {
	if email == "" {
		return false, nil
	}
	l, err := rq.Store().EmailsByAddress(ctx, email)
	return len(l) > 0, err
}

// create stores a new user with their address.
func (a *Account) create(ctx context.Context, rq *api.Request, u *store.User, email, phone string, fields map[string]any) error {
	if a.hooks.BeforeSignup != nil {
		if err := a.hooks.BeforeSignup(ctx, u); err != nil {
			return err
		}
	}
	tx := rq.Store()
	typed := u.Username != ""
	for try := 0; ; try++ {
		if !typed && !a.config.NoUsernames {
			var err error
			if u.Username, err = a.generateUsername(ctx, rq, try, u.FirstName, u.LastName, email); err != nil {
				return err
			}
		}
		err := tx.CreateUser(ctx, u)
		if errors.Is(err, store.ErrConflict) && typed {
			// Somebody was quicker with the same name.
			return api.Invalid("username", codeUsernameTaken)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrConflict) || try > 10 {
			return err
		}
	}
	if email != "" {
		e := &store.EmailAddress{UserID: u.ID, Email: email, Primary: true, CreatedAt: rq.Now}
		if err := tx.CreateEmail(ctx, e); err != nil {
			return err
		}
		u.Email = email
	}
	if phone != "" {
		if err := tx.SetPhone(ctx, &store.Phone{UserID: u.ID, Number: phone}); err != nil {
			return err
		}
	}
	if a.hooks.InSignup != nil {
		return a.hooks.InSignup(ctx, tx, u, fields)
	}
	return nil
}
