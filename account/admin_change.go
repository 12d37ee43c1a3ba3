package account

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// NewUser is an account that an operator makes. Everything is optional, but
// there has to be something that tells whose it is: an address, a username or a
// number.
type NewUser struct {
	Email, Username, Phone string
	// EmailVerified, PhoneVerified: the operator knows that they are the
	// user's. Nothing is sent there either way; an address that is to be
	// verified is so at the first login.
	EmailVerified, PhoneVerified bool
	FirstName, LastName          string
	// Password may be empty: then there is none, until the user resets it.
	Password string
	// Fields are values of the host's own signup fields.
	Fields map[string]any
}

// Create makes an account, by the rules for usernames, addresses, numbers and
// passwords that go for everybody, also where signing up is closed.
// Hooks.BeforeSignup and Hooks.InSignup have their say.
func (a *Admin) Create(ctx context.Context, n NewUser) (*Person, error) {
	var c *Newcomer
	err := a.act(ctx, "", func(ctx context.Context, rq *api.Request, _ *store.User) (err error) {
		c, err = a.judge(ctx, rq, &n)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.User.Password = unusablePassword
	if c.Password != "" { // hashed while nobody waits for the transaction
		if c.User.Password, err = a.account.hash(ctx, c.Password); err != nil {
			return nil, err
		}
	}
	var p *Person
	err = a.act(ctx, "", func(ctx context.Context, rq *api.Request, _ *store.User) error {
		u := c.User
		u.CreatedAt = rq.Now
		if err := a.account.create(ctx, rq, &u, c); err != nil {
			return err
		}
		rq.Emit(SignedUp{Of{&u}})
		var err error
		if p, err = a.person(ctx, rq.Store(), &u); err != nil {
			return err
		}
		if c.Email != "" && !slices.ContainsFunc(p.Emails, func(e PersonsEmail) bool { return e.Email == c.Email }) {
			return api.Invalid("email", codeEmailTaken) // somebody was quicker
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// judge checks a new account as if it had been typed, but that nothing is
// required, and nothing hidden.
func (a *Admin) judge(ctx context.Context, rq *api.Request, n *NewUser) (*Newcomer, error) {
	acc := a.account
	fields := []api.Field{
		acc.emailField("email", false),
		{Name: "username", MinLength: acc.config.UsernameMinLength, MaxLength: usernameMaxLength},
		acc.phoneField("phone", false),
		{Name: "first_name", MaxLength: nameMaxLength}, {Name: "last_name", MaxLength: nameMaxLength},
		passwordField("password", false),
	}
	values := map[string]any{
		"email": n.Email, "username": n.Username, "phone": n.Phone, "first_name": n.FirstName, "last_name": n.LastName, "password": n.Password,
	}
	if acc.asks("email2") {
		fields, values["email2"] = append(fields, acc.emailField("email2", false)), n.Email
	}
	for i := range acc.config.Fields {
		f := acc.config.Fields[i].input()
		f.Required = false
		fields = append(fields, f)
	}
	unknown := ""
	for name, v := range n.Fields {
		if !acc.hasField(name) {
			unknown = name
			continue
		}
		values[name] = v
	}
	raw := make(map[string]json.RawMessage, len(values))
	for name, v := range values {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, api.Invalid(name, api.CodeInvalid)
		}
		raw[name] = b
	}
	in := api.ReadInput(ctx, fields, raw)
	rq.Input = in
	if unknown != "" {
		in.Fail(unknown, api.CodeInvalid)
	}
	if n.Username != "" && acc.config.NoUsernames {
		in.Fail("username", api.CodeInvalid)
	}
	if !utf8.ValidString(n.Password) {
		in.Fail("password", api.CodeInvalid)
	}
	if n.Email == "" && n.Username == "" && n.Phone == "" {
		in.Fail("email", api.CodeRequired)
	}
	c := &Newcomer{PhoneVerified: n.PhoneVerified}
	c.User.FirstName, c.User.LastName = in.Text("first_name"), in.Text("last_name")
	if !acc.mustReveal() {
		if taken, err := acc.emailTaken(ctx, rq, in.Text("email")); err != nil {
			return nil, err
		} else if taken {
			in.Fail("email", codeEmailTaken)
		}
	}
	if acc.config.PreventEnumeration != Reveal {
		if taken, err := acc.phoneTaken(ctx, rq, in.Text("phone"), ""); err != nil {
			return nil, err
		} else if taken {
			in.Fail("phone", codePhoneTaken)
		}
	}
	if err := acc.JudgeSignup(ctx, rq, c); err != nil {
		return nil, err
	}
	if n.EmailVerified && c.Email != "" {
		c.Vouched = []store.EmailAddress{{Email: c.Email, Verified: true}}
	}
	return c, nil
}

// nameMaxLength bounds first and last names, in characters.
const nameMaxLength = 150

func (a *Account) hasField(name string) bool {
	for _, f := range a.config.Fields {
		if f.Name == name {
			return true
		}
	}
	return false
}

// Disable keeps a user out, and ends everything: sessions, tokens, trusted
// browsers, half-done logins and resets. They can't come back by themselves, also
// where they have closed their account for now.
func (a *Admin) Disable(ctx context.Context, id string) error {
	return a.act(ctx, id, func(ctx context.Context, rq *api.Request, u *store.User) error {
		if u.Disabled && u.DeactivatedAt.IsZero() {
			return nil
		}
		closed := u.Disabled // by its user, who has been told
		u.Disabled, u.DeactivatedAt = true, time.Time{}
		if err := a.endEverything(ctx, rq, u); err != nil {
			return err
		}
		rq.Emit(AccountDisabled{Of{u}})
		if closed {
			return nil
		}
		return a.account.notice(ctx, rq, u.Email, "account_closed", nil)
	})
}

// endEverything saves a user with another epoch, and removes what lets them in
// without a proof.
func (a *Admin) endEverything(ctx context.Context, rq *api.Request, u *store.User) error {
	u.Epoch++
	if err := rq.Store().UpdateUser(ctx, u); err != nil {
		return err
	}
	if err := rq.Store().DeleteTrustedBrowsersOf(ctx, u.ID); err != nil {
		return err
	}
	return a.account.sessions.EndAll(ctx, rq, u)
}

// Enable lets a user in again who was disabled, or has closed their account.
func (a *Admin) Enable(ctx context.Context, id string) error {
	return a.act(ctx, id, func(ctx context.Context, rq *api.Request, u *store.User) error {
		if !u.Disabled {
			return nil
		}
		u.Disabled, u.DeactivatedAt = false, time.Time{}
		if err := rq.Store().UpdateUser(ctx, u); err != nil {
			return err
		}
		rq.Emit(AccountEnabled{Of{u}})
		return nil
	})
}

// VerifyEmail counts an address of a user as proven; an empty one means the
// primary address. Where users have one address, it takes the place of the
// former.
func (a *Admin) VerifyEmail(ctx context.Context, id, email string) error {
	return a.act(ctx, id, func(ctx context.Context, rq *api.Request, u *store.User) error {
		if email == "" {
			email = u.Email
		}
		clean, ok := CleanEmail(email)
		if !ok {
			return api.Invalid("email", api.CodeInvalid)
		}
		rows, err := rq.Store().EmailsOf(ctx, u.ID)
		if err != nil {
			return err
		}
		e := find(rows, clean)
		if e == nil {
			return api.Invalid("email", codeUnknownEmail)
		}
		if e.Verified {
			return nil
		}
		err = a.account.markVerified(ctx, rq, u, e)
		var refused *api.Error
		if !errors.As(err, &refused) {
			return err
		}
		if refused.Items[0].Code == codeEmailTaken {
			return api.Invalid("email", codeEmailTaken)
		}
		return store.ErrConflict // it was verified or removed meanwhile
	})
}

// SetPassword gives a user another password, by the rules that go for
// everybody. All their sessions end, and they trust no browser any more.
func (a *Admin) SetPassword(ctx context.Context, id, text string) error {
	err := a.act(ctx, id, func(ctx context.Context, _ *api.Request, u *store.User) error {
		in := api.ReadInput(ctx, []api.Field{passwordField("password", true)}, map[string]json.RawMessage{"password": quoted(text)})
		if !utf8.ValidString(text) {
			in.Fail("password", api.CodeInvalid)
		}
		if err := a.account.judgePassword(ctx, in, "password", u); err != nil {
			return err
		}
		return in.Err()
	})
	if err != nil {
		return err
	}
	hash, err := a.account.hash(ctx, text)
	if err != nil {
		return err
	}
	return a.act(ctx, id, func(ctx context.Context, rq *api.Request, u *store.User) error {
		var event Event = PasswordChanged{Of{u}}
		kind := "password_changed"
		if !u.Password.Usable() {
			event, kind = PasswordSet{Of{u}}, "password_set"
		}
		u.Password = hash
		if err := a.endEverything(ctx, rq, u); err != nil {
			return err
		}
		rq.Emit(event)
		// Nobody has guessed at the new one.
		key := failedUserKey(u)
		if err := errors.Join(rq.Clear(ctx, "login_failed", key), rq.Clear(ctx, "password_failed", key)); err != nil {
			return err
		}
		return a.account.notify(ctx, rq, u, kind, nil)
	})
}

func quoted(text string) json.RawMessage {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always marshals
	}
	return b
}

// ErrNoMFA reports that further factors are off: Config.MFA is not set.
var ErrNoMFA = errors.New("there are no further factors: Config.MFA is not set")

// ResetMFA removes all further factors and trusted browsers of a user, say
// because they have lost their phone and have shown who they are. Their
// sessions go on.
func (a *Admin) ResetMFA(ctx context.Context, id string) error {
	if a.parts.ResetMFA == nil {
		return ErrNoMFA
	}
	return a.act(ctx, id, func(ctx context.Context, rq *api.Request, u *store.User) error {
		return a.parts.ResetMFA(ctx, rq, u.ID)
	})
}

// EndSessions logs a user out everywhere. They trust no browser any more.
func (a *Admin) EndSessions(ctx context.Context, id string) error {
	return a.act(ctx, id, func(ctx context.Context, rq *api.Request, u *store.User) error {
		if err := a.endEverything(ctx, rq, u); err != nil {
			return err
		}
		rq.Emit(AllSessionsEnded{Of{u}})
		return nil
	})
}

// Delete removes a user with everything that belongs to them; Hooks.InDelete
// has its say. What the audit log has stays: see [store.AuditLog].
func (a *Admin) Delete(ctx context.Context, id string) error {
	return a.act(ctx, id, func(ctx context.Context, rq *api.Request, u *store.User) error {
		if hook := a.account.hooks.InDelete; hook != nil {
			if err := hook(ctx, rq.Store(), u); err != nil {
				return err
			}
		}
		if err := a.account.notice(ctx, rq, u.Email, "account_closed", nil); err != nil {
			return err
		}
		if err := a.account.sessions.EndAll(ctx, rq, u); err != nil {
			return err
		}
		rq.Emit(AccountDeleted{Of{u}})
		return rq.Store().DeleteUser(ctx, u.ID)
	})
}
