package account

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const (
	codeDuplicateEmail      api.Code = "duplicate_email"
	codeMaxEmails           api.Code = "max_email_addresses"
	codeAddEmailBlocked     api.Code = "add_email_blocked"
	codeUnverifiedPrimary   api.Code = "unverified_primary_email"
	codeCannotRemovePrimary api.Code = "cannot_remove_primary_email"
)

type emailItem struct {
	Email    string `json:"email"`
	Primary  bool   `json:"primary"`
	Verified bool   `json:"verified"`
}

func (a *Account) emailInput() []api.Field { return []api.Field{a.emailField("email", true)} }

// knownEmailInput is an address that is only looked up.
func knownEmailInput() []api.Field {
	return []api.Field{{Name: "email", Required: true, Description: "One of the user's email addresses", Clean: func(ctx context.Context, s string) (string, []api.Item) {
		if strings.ContainsRune(s, 0) {
			return s, nil // which is wrong by itself
		}
		return cleanEmail(ctx, s)
	}}}
}

func primaryInput() []api.Field {
	return append(knownEmailInput(), api.Field{Name: "primary", Kind: api.Bool, Required: true, Description: "Always true: make the address the primary one"})
}

// emailAccess: only to change an address that is still to be verified one need
// not be logged in. spec: account.md §7.
func emailAccess(rq *api.Request) error {
	if rq.User != nil || rq.HTTP.Method == http.MethodPost {
		return nil
	}
	return api.Unauthenticated()
}

// canPostEmail judges, for who is not logged in, whether the address that
// waits to be verified can be another.
func (a *Account) canPostEmail(ctx context.Context, rq *api.Request) error {
	if rq.User != nil {
		return nil
	}
	if err := a.atEmailStage(ctx, rq); err != nil {
		return err
	}
	p, _ := a.emailCodes.running(rq)
	if err := a.canChangeAtStage(ctx, rq, p, a.config.EmailVerificationCode.MaxChanges); err != nil {
		return err
	}
	return rq.LimitUser(ctx, "manage_email", a.actor(rq, p))
}

// emails lists the caller's addresses.
func (a *Account) emails(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	rows, err := rq.Store().EmailsOf(ctx, rq.User.ID)
	if err != nil {
		return nil, err
	}
	l := []emailItem{}
	for _, e := range rows {
		l = append(l, emailItem{e.Email, e.Primary, e.Verified})
	}
	// An address that waits for its code is not stored yet.
	if p, ok := a.addedEmail(rq); ok && find(rows, p.Email) == nil {
		l = append(l, emailItem{Email: p.Email})
	}
	return api.Data(l), nil
}

// addedEmail is the address that the caller is about to verify by code.
func (a *Account) addedEmail(rq *api.Request) (process, bool) {
	if !a.config.EmailVerificationByCode {
		return process{}, false
	}
	p, ok := a.emailCodes.running(rq)
	return p, ok && p.UserID == rq.User.ID
}

func find(rows []*store.EmailAddress, email string) *store.EmailAddress {
	for _, e := range rows {
		if e.Email == email {
			return e
		}
	}
	return nil
}

// postEmail adds an address, or changes the one that a signup waits for.
func (a *Account) postEmail(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	if rq.User == nil {
		return a.changeEmailAtStage(ctx, rq)
	}
	in, u := rq.Input, rq.User
	if err := a.cleanTypedEmail(ctx, in); err != nil {
		return nil, err
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	email := in.Text("email")
	rows, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	code, err := a.refusesEmail(ctx, rq, rows, email)
	if err != nil {
		return nil, err
	}
	if code != "" {
		in.Fail("email", code)
		return nil, in.Err()
	}
	if err := a.RequireRecentForChange(ctx, rq); err != nil {
		return nil, err
	}
	add := func(ctx context.Context) error { return a.addEmail(ctx, rq, u, email) }
	if a.config.ChangeEmail { // of two at once one replaces the other's
		err = a.alone(ctx, rq, u.ID, add)
	} else {
		err = rq.InTx(ctx, add)
	}
	if err != nil {
		return nil, err
	}
	return a.emails(ctx, rq)
}

// refusesEmail tells why an address can't be added, "" if it can.
// spec: account.md §7.1.
func (a *Account) refusesEmail(ctx context.Context, rq *api.Request, rows []*store.EmailAddress, email string) (api.Code, error) {
	if find(rows, email) != nil {
		return codeDuplicateEmail, nil
	}
	if a.config.PreventEnumeration == Reveal {
		if taken, err := a.emailTaken(ctx, rq, email); err != nil || taken {
			return codeEmailTaken, err
		}
	}
	if most := a.config.MaxEmailAddresses; most > 0 && !a.config.ChangeEmail && len(rows) >= most {
		return codeMaxEmails, nil
	}
	if a.factors != nil && !a.config.EmailVerificationByCode {
		if blocks, err := a.factors.BlocksEmail(ctx, rq, rq.User.ID); err != nil || blocks {
			return codeAddEmailBlocked, err
		}
	}
	return "", nil
}

// fullOfEmails reports whether a user has as many addresses as they may. Until
// the transaction ends nobody else finds room for another: of two at once, one
// meets a conflict. Requirement ONE-4.
func (a *Account) fullOfEmails(ctx context.Context, rq *api.Request, userID string) (bool, error) {
	if a.config.MaxEmailAddresses == 0 || a.config.ChangeEmail {
		return false, nil
	}
	u, err := rq.Store().User(ctx, userID)
	if err != nil {
		return false, err
	}
	rows, err := rq.Store().EmailsOf(ctx, userID)
	if err != nil || len(rows) >= a.config.MaxEmailAddresses {
		return err == nil, err
	}
	return false, rq.Store().UpdateUser(ctx, u)
}

// cleanTypedEmail lets the host judge an address that is to be stored.
func (a *Account) cleanTypedEmail(ctx context.Context, in *api.Input) error {
	email := in.Text("email")
	if email == "" || a.hooks.CleanEmail == nil {
		return nil
	}
	clean, err := a.hooks.CleanEmail(ctx, email)
	if err = note(in, "email", err); err == nil && clean != "" && in.OK("email") {
		in.SetText("email", clean)
	}
	return err
}

func (a *Account) addEmail(ctx context.Context, rq *api.Request, u *store.User, email string) error {
	e := &store.EmailAddress{UserID: u.ID, Email: email, CreatedAt: rq.Now}
	if a.config.EmailVerificationByCode {
		return a.sendVerification(ctx, rq, u, e, false)
	}
	if full, err := a.fullOfEmails(ctx, rq, u.ID); err != nil || full {
		return orElse(err, api.Invalid("email", codeMaxEmails))
	}
	if a.config.ChangeEmail {
		rows, err := rq.Store().EmailsOf(ctx, u.ID)
		if err != nil {
			return err
		}
		for _, x := range rows {
			if x.Verified || x.Primary {
				continue
			}
			if err := rq.Store().DeleteEmail(ctx, x.ID); err != nil {
				return err
			}
		}
	}
	if err := rq.Store().CreateEmail(ctx, e); err != nil {
		if isConflict(err) { // another request was quicker
			return api.Invalid("email", codeDuplicateEmail)
		}
		return err
	}
	rq.Emit(EmailAdded{Of{u}, email})
	return a.sendVerification(ctx, rq, u, e, false)
}

// changeEmailAtStage replaces the address of an account that was never used,
// while its verification waits for a code. spec: account.md §7.2.
func (a *Account) changeEmailAtStage(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in := rq.Input
	if err := a.cleanTypedEmail(ctx, in); err != nil {
		return nil, err
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	p, _ := a.emailCodes.running(rq)
	email := in.Text("email")
	if email == p.Email {
		in.Fail("email", codeSameAsCurrent)
		return nil, in.Err()
	}
	taken, err := a.emailTaken(ctx, rq, email)
	if err != nil {
		return nil, err
	}
	var rows []*store.EmailAddress
	if p.UserID != "" {
		if rows, err = rq.Store().EmailsOf(ctx, p.UserID); err != nil {
			return nil, err
		}
	}
	taken = taken && find(rows, email) == nil // back to the first one is no conflict
	if taken && a.mustReveal() {
		in.Fail("email", codeEmailTaken)
		return nil, in.Err()
	}
	p.Email, p.Void = email, taken
	p.Changed++
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if wait, err := a.countVerification(ctx, rq, email); err != nil || wait > 0 {
			return orElse(err, api.TooMany(wait))
		}
		if p.Void {
			if _, err := a.emailCodes.issue(rq, p); err != nil {
				return err
			}
			return a.mailAlreadyExists(ctx, rq, email)
		}
		p := p
		if p.UserID == "" {
			w, _ := a.Pipeline.pending.Get(rq)
			if p.UserID, _, err = a.admitLate(ctx, rq, email, w.Phone); err != nil {
				return err
			}
		}
		for _, e := range rows {
			if e.Verified || e.Email == email {
				continue
			}
			if err := rq.Store().ChangeEmail(ctx, e.ID, email); err != nil {
				return err
			}
			break
		}
		if err := a.Pipeline.changeEmail(rq, email); err != nil {
			return err
		}
		return a.issueEmailCode(ctx, rq, p)
	})
	// What was typed is shown, taken or not.
	return api.Data([]emailItem{{Email: email}}), err
}

// putEmail mails once more what verifies an address. spec: account.md §7.3.
func (a *Account) putEmail(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in, u := rq.Input, rq.User
	if err := in.Err(); err != nil {
		return nil, err
	}
	rows, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	e := find(rows, in.Text("email"))
	if p, ok := a.addedEmail(rq); ok && p.Email == in.Text("email") {
		if p.Resent >= a.config.EmailVerificationCode.MaxResends {
			return nil, api.Forbidden()
		}
		return api.Empty(http.StatusOK), a.resendEmailCode(ctx, rq, p)
	}
	switch {
	case e == nil:
		in.Fail("email", codeUnknownEmail)
		return nil, in.Err()
	case e.Verified:
		return nil, api.Forbidden() // there is nothing to prove
	}
	return api.Empty(http.StatusOK), rq.InTx(ctx, func(ctx context.Context) error {
		if a.config.EmailVerificationByCode {
			return a.sendVerification(ctx, rq, u, e, false)
		}
		if wait, err := a.countVerification(ctx, rq, e.Email); err != nil || wait > 0 {
			return orElse(err, api.Forbidden())
		}
		return a.sendLink(ctx, rq, u, e, false)
	})
}

// errRefused undoes a transaction whose request was found wrong in it.
var errRefused = errors.New("refused")

// alone runs fn in a transaction in which nobody else changes the user's
// addresses: what fn finds of them is so until it is over. It may run again.
func (a *Account) alone(ctx context.Context, rq *api.Request, userID string, fn func(ctx context.Context) error) (err error) {
	for range tries {
		lost := false
		err = rq.InTx(ctx, func(ctx context.Context) error {
			err := rq.Hold(ctx, userID)
			if lost = isConflict(err); err != nil {
				return err
			}
			return fn(ctx)
		})
		if !lost {
			return err
		}
	}
	return err
}

// patchEmail makes an address the primary one. spec: account.md §7.4.
func (a *Account) patchEmail(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in, u := rq.Input, rq.User
	if !in.OK("email") {
		return nil, in.Err()
	}
	var wrong api.Code
	err := a.alone(ctx, rq, u.ID, func(ctx context.Context) error {
		rows, err := rq.Store().EmailsOf(ctx, u.ID)
		if err != nil {
			return err
		}
		e := find(rows, in.Text("email"))
		if wrong = a.refusesPrimary(rq, rows, e); wrong != "" || in.Err() != nil {
			return errRefused
		}
		if err := a.RequireRecentForChange(ctx, rq); err != nil {
			return err
		}
		from := u.Email
		if err := a.makePrimary(ctx, rq, u, e); err != nil {
			return err
		}
		return a.emailChanged(ctx, rq, u, from, e.Email)
	})
	if wrong != "" {
		in.Fail("email", wrong)
	}
	if errors.Is(err, errRefused) {
		return nil, in.Err()
	}
	if err != nil {
		return nil, err
	}
	return a.emails(ctx, rq)
}

// refusesPrimary tells why an address can't be the primary one, "" if it can.
func (a *Account) refusesPrimary(rq *api.Request, rows []*store.EmailAddress, e *store.EmailAddress) api.Code {
	p, waiting := a.addedEmail(rq)
	switch {
	case e == nil && waiting && p.Email == rq.Input.Text("email"):
		return codeUnverifiedPrimary
	case e == nil:
		return codeUnknownEmail
	case !e.Verified && hasVerified(rows):
		return codeUnverifiedPrimary
	}
	return ""
}

func hasVerified(rows []*store.EmailAddress) bool {
	for _, e := range rows {
		if e.Verified {
			return true
		}
	}
	return false
}

// emailChanged tells that a user has another primary address, at the former
// one: whoever changed it may not be its owner.
func (a *Account) emailChanged(ctx context.Context, rq *api.Request, u *store.User, from, to string) error {
	rq.Emit(EmailChanged{Of{u}, from, to})
	if from == "" {
		return nil
	}
	return a.notifyAt(ctx, rq, from, "email_changed", map[string]string{"from_email": from, "to_email": to})
}

// deleteEmail removes an address. spec: account.md §7.5.
func (a *Account) deleteEmail(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in, u := rq.Input, rq.User
	if err := in.Err(); err != nil {
		return nil, err
	}
	var wrong api.Code
	err := a.alone(ctx, rq, u.ID, func(ctx context.Context) error {
		wrong = ""
		rows, err := rq.Store().EmailsOf(ctx, u.ID)
		if err != nil {
			return err
		}
		e := find(rows, in.Text("email"))
		p, waiting := a.addedEmail(rq)
		waiting = waiting && p.Email == in.Text("email")
		switch {
		case e == nil && waiting:
			a.emailCodes.drop(rq)
			return nil
		case e == nil:
			wrong = codeUnknownEmail
			return errRefused
		}
		if ok, err := a.deletable(ctx, rq, u, rows, e); err != nil {
			return err
		} else if !ok {
			wrong = codeCannotRemovePrimary
			return errRefused
		}
		if err := a.RequireRecentForChange(ctx, rq); err != nil {
			return err
		}
		if waiting {
			a.emailCodes.drop(rq)
		}
		return a.removeEmail(ctx, rq, u, e)
	})
	switch {
	case errors.Is(err, errRefused):
		in.Fail("email", wrong)
		return nil, in.Err()
	case err != nil:
		return nil, err
	}
	return a.emails(ctx, rq)
}

func (a *Account) removeEmail(ctx context.Context, rq *api.Request, u *store.User, e *store.EmailAddress) error {
	if err := rq.Store().DeleteEmail(ctx, e.ID); err != nil {
		return err
	}
	if e.Primary {
		u.Email = ""
	}
	rq.Emit(EmailRemoved{Of{u}, e.Email})
	return a.notify(ctx, rq, u, "email_deleted", map[string]string{"deleted_email": e.Email})
}

// deletable: the primary address stays while there are others to take its
// place, and the last one where everybody logs in by theirs, or while it is all
// that this user logs in with. spec: account.md §7.5, which does not know the
// latter.
func (a *Account) deletable(ctx context.Context, rq *api.Request, u *store.User, rows []*store.EmailAddress, e *store.EmailAddress) (bool, error) {
	only := len(a.config.LoginMethods) == 1 && a.loginBy("email")
	if len(rows) > 1 || only {
		return len(rows) > 1 && !e.Primary, nil
	}
	phone, err := a.phoneOf(ctx, rq, u.ID)
	if err != nil {
		return false, err
	}
	return a.hasWayIn(ctx, rq, u, nil, phone)
}
