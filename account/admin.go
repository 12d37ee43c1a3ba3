package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/i18n"
	"github.com/headless-auth/headless/store"
)

// Admin is what operators do to users: the root package's Auth.Users returns
// it. Nobody's login stands behind it, so whoever can reach it must be trusted.
//
// What is written is written together or not at all. Events are told, and kept
// in the audit log, as when users act themselves; [WithActor] says who it was.
// Where users get a notice of something, they get it here as well, without the
// operator's address in it. An unknown id is [store.ErrNotFound]; input that is
// no good is an [InputError]; [store.ErrConflict] means that somebody else
// changed the user at the same moment, and may be tried again.
type Admin struct {
	account *Account
	env     *api.Env
	parts   AdminParts
}

// AdminParts is what an [Admin] needs of the other features, handed in by the
// root package. Each is nil where the feature is off.
type AdminParts struct {
	// ResetMFA removes a user's further factors.
	ResetMFA func(ctx context.Context, rq *api.Request, userID string) error
	// DescribeFactor tells the name that a user gave to an authenticator, and
	// its model.
	DescribeFactor func(ctx context.Context, rq *api.Request, a *store.Authenticator) (name, model string)
	// AuditLog is where events are kept.
	AuditLog store.AuditLog
}

// Admin returns what operators do.
func (a *Account) Admin(env *api.Env, p AdminParts) *Admin { return &Admin{a, env, p} }

type actorKey struct{}

// WithActor names who acts by an [Admin] with the returned context: a person, or
// a program. It is in the audit log, as "actor", and [Actor] returns it.
func WithActor(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

// Actor is who acts, as [WithActor] has named them; empty where users act
// themselves. It is for subscribers of events and for hooks.
func Actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

// Person is a user as operators see them. It holds no secrets.
type Person struct {
	ID       string `json:"id"`
	Username string `json:"username,omitempty"`
	// Email is the primary address.
	Email     string         `json:"email,omitempty"`
	Emails    []PersonsEmail `json:"emails"`
	Phone     *PersonsPhone  `json:"phone,omitempty"`
	FirstName string         `json:"first_name,omitempty"`
	LastName  string         `json:"last_name,omitempty"`
	// HasUsablePassword: they can log in with a password.
	HasUsablePassword bool `json:"has_usable_password"`
	Disabled          bool `json:"disabled"`
	// DeactivatedAt is set for those who have closed their account themselves.
	DeactivatedAt time.Time `json:"deactivated_at,omitzero"`
	// Fields are the values of the host's own signup fields.
	Fields      json.RawMessage `json:"fields,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	LastLoginAt time.Time       `json:"last_login_at,omitzero"`
}

// PersonsEmail is an address of a [Person].
type PersonsEmail struct {
	Email     string    `json:"email"`
	Verified  bool      `json:"verified"`
	Primary   bool      `json:"primary"`
	CreatedAt time.Time `json:"created_at"`
}

// PersonsPhone is the number of a [Person].
type PersonsPhone struct {
	Number   string `json:"number"`
	Verified bool   `json:"verified"`
}

// person reads what belongs to a user.
func (a *Admin) person(ctx context.Context, st store.Store, u *store.User) (*Person, error) {
	p := &Person{
		ID: u.ID, Username: u.Username, Email: u.Email, Emails: []PersonsEmail{}, FirstName: u.FirstName, LastName: u.LastName,
		HasUsablePassword: u.Password.Usable(), Disabled: u.Disabled, DeactivatedAt: u.DeactivatedAt, Fields: u.Fields,
		CreatedAt: u.CreatedAt, LastLoginAt: u.LastLoginAt,
	}
	emails, err := st.EmailsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	for _, e := range emails {
		p.Emails = append(p.Emails, PersonsEmail{e.Email, e.Verified, e.Primary, e.CreatedAt})
	}
	phone, err := st.PhoneOf(ctx, u.ID)
	switch {
	case err == nil:
		p.Phone = &PersonsPhone{phone.Number, phone.Verified}
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	return p, nil
}

// InputError tells what is wrong with what an [Admin] was given.
type InputError struct {
	Problems []InputProblem
	cause    *api.Error
}

// InputProblem is one thing that is wrong. Codes are those of the API.
type InputProblem struct {
	// Param is the input in question, or empty.
	Param, Code string
	// Message is for people.
	Message string
}

// Error names the first problem.
func (e *InputError) Error() string {
	p := e.Problems[0]
	if p.Param == "" {
		return fmt.Sprintf("%s (%s)", p.Message, p.Code)
	}
	return fmt.Sprintf("%s: %s (%s)", p.Param, p.Message, p.Code)
}

// Unwrap returns the API's answer.
func (e *InputError) Unwrap() error { return e.cause }

// inputError gives a refusal the form that hosts know.
func inputError(err error) error {
	var e *api.Error
	if !errors.As(err, &e) || len(e.Items) == 0 {
		return err
	}
	in := &InputError{cause: e}
	for _, i := range e.Items {
		p := InputProblem{Param: i.Param, Code: string(i.Code), Message: i.Message}
		if p.Message == "" {
			p.Message = i18n.Message("en", string(i.Code))
		}
		in.Problems = append(in.Problems, p)
	}
	return in
}

// maxTries is how often a deed is begun whose user somebody else changes.
const maxTries = 3

// act runs one of an operator's deeds, on a user if there is an id. What a
// conflict has stopped is begun anew, with the user as they are then.
func (a *Admin) act(ctx context.Context, id string, do func(ctx context.Context, rq *api.Request, u *store.User) error) error {
	for try := 1; ; try++ {
		err := a.env.Act(ctx, func(ctx context.Context, rq *api.Request) error {
			if id == "" {
				return do(ctx, rq, nil)
			}
			u, err := rq.Store().User(ctx, id)
			if err != nil {
				return err
			}
			a.account.sessions.Forget(rq, u.ID)
			return do(ctx, rq, u)
		})
		if id == "" || try == maxTries || !errors.Is(err, store.ErrConflict) {
			return inputError(err)
		}
	}
}
