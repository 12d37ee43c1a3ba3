package account

import (
	"context"
	"slices"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store"
)

const stageVerifyEmail = "verify_email"

// emailStage keeps out whose address is not verified.
type emailStage struct{ *Account }

// Key implements [Stage].
func (emailStage) Key() string { return stageVerifyEmail }

// Enter implements [Stage]. spec: core.md §6.4.
func (s emailStage) Enter(ctx context.Context, l *Login) (Verdict, error) {
	if l.Verification == None || l.Verification == Optional && !l.Signup {
		return Pass, nil
	}
	rq := api.FromContext(ctx)
	verdict := Wait
	if l.Verification == Optional {
		verdict = Pass
	}
	if l.User == nil {
		if s.config.EmailVerificationByCode {
			if _, err := s.emailCodes.begin(rq, process{Email: l.Email}); err != nil {
				return Refuse, err
			}
		}
		return verdict, s.sendAlreadyExists(ctx, rq, l)
	}
	emails, err := rq.Store().EmailsOf(ctx, l.User.ID)
	if err != nil {
		return Refuse, err
	}
	e, verified := emailToVerify(emails, l.Email)
	if verified {
		return Pass, nil
	}
	if e == nil {
		return verdict, nil
	}
	return verdict, s.sendVerification(ctx, rq, l.User, e, l.Signup)
}

// emailToVerify picks the address that a login needs verified. Having logged
// in by one, it is that one; otherwise any verified one will do, and the
// primary one is asked for.
func emailToVerify(emails []*store.EmailAddress, login string) (e *store.EmailAddress, verified bool) {
	for _, x := range emails {
		if login != "" && x.Email == login {
			return x, x.Verified
		}
		if login == "" && x.Verified {
			return x, true
		}
		if e == nil || x.Primary {
			e = x
		}
	}
	return e, false
}

// sendVerification mails what verifies e, a link or a code. When too many went
// there already, no link is sent, and nobody is told, as what was sent still
// works; but a login that waits for a code needs it, and gets a 429.
func (a *Account) sendVerification(ctx context.Context, rq *api.Request, u *store.User, e *store.EmailAddress, signup bool) error {
	wait, err := a.countVerification(ctx, rq, e.Email)
	if err != nil {
		return err
	}
	if a.config.EmailVerificationByCode {
		if wait > 0 {
			return api.TooMany(wait)
		}
		owned, err := a.hidden(ctx, rq, u, e, signup)
		if err != nil {
			return err
		}
		code, err := a.emailCodes.begin(rq, process{UserID: u.ID, Email: e.Email, Void: owned})
		switch {
		case err != nil:
			return err
		case owned:
			return a.mailAlreadyExists(ctx, rq, e.Email)
		}
		return a.sendEmailCode(ctx, rq, u, e.Email, code)
	}
	if wait > 0 {
		return nil
	}
	return a.sendLink(ctx, rq, u, e, signup)
}

// hidden reports whether e is verified as somebody else's. Its owner is told
// that it was tried, and gets nothing that would verify it; but an account that
// was just made must not be told apart. spec: account.md §7.1, §9.1.
func (a *Account) hidden(ctx context.Context, rq *api.Request, u *store.User, e *store.EmailAddress, signup bool) (bool, error) {
	if signup {
		return false, nil
	}
	return a.emailOwned(ctx, rq, e.Email, u.ID)
}

func (a *Account) sendLink(ctx context.Context, rq *api.Request, u *store.User, e *store.EmailAddress, signup bool) error {
	switch owned, err := a.hidden(ctx, rq, u, e, signup); {
	case err != nil:
		return err
	case owned:
		return a.mailAlreadyExists(ctx, rq, e.Email)
	}
	key, kind := a.verificationKey(rq, e), "email_confirmation"
	if signup {
		kind = "email_confirmation_signup"
	}
	rq.Emit(EmailConfirmationSent{Of{u}, e.Email, signup})
	return a.send(ctx, rq, e.Email, kind, map[string]string{"key": key, "activate_url": pageURL(a.frontend.VerifyEmail, key)})
}

// proven notes that a code has shown an address or number to be its user's.
// If it is the first proof of that kind, and the only proof there is, then
// whatever was put on the account before may be somebody else's: it goes.
// spec: account.md §5.4; requirement EML-4.
func (a *Account) proven(ctx context.Context, rq *api.Request, u *store.User, p *process) error {
	if p.Phone != "" {
		return a.provenPhone(ctx, rq, u, p)
	}
	emails, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	var e *store.EmailAddress
	first := true
	for _, x := range emails {
		first = first && !x.Verified
		if x.Email == p.Email {
			e = x
		}
	}
	switch {
	case e == nil:
		return api.Conflict() // it was removed since, and with it what was sent there is void
	case e.Verified:
		return nil
	}
	if owned, err := a.emailOwned(ctx, rq, e.Email, u.ID); err != nil || owned {
		return err
	}
	if first && p.Requested && !a.config.KeepUnprovenCredentials {
		if err := a.purge(ctx, rq, u, emails, e); err != nil {
			return err
		}
	}
	return a.markVerified(ctx, rq, u, e)
}

// provenPhone is proven for a number.
func (a *Account) provenPhone(ctx context.Context, rq *api.Request, u *store.User, p *process) error {
	phone, err := a.phoneOf(ctx, rq, u.ID)
	switch {
	case err != nil:
		return err
	case phone.Number != p.Phone:
		return api.Conflict() // as for an address
	case phone.Verified:
		return nil
	}
	phone.Verified = true
	if err := rq.Store().SetPhone(ctx, phone); err != nil {
		if isConflict(err) {
			return nil // somebody else has shown so before; this is only a side effect
		}
		return err
	}
	emails, err := rq.Store().EmailsOf(ctx, u.ID)
	if err != nil || hasVerified(emails) || !p.Requested || a.config.KeepUnprovenCredentials {
		return err
	}
	if a.config.EmailVerification == Mandatory {
		emails = nil // nobody could go on without one
	}
	return a.purge(ctx, rq, u, emails, nil)
}

// doubtedPhone is whose number was put in doubt by the proof that this very
// login began with. It may go on, so that they can change the number.
var doubtedPhone = sessions.NewSlot[string]("account.doubted_phone", 0)

// purgePhone removes the number that somebody has put on the account who did
// not own its address; that they own the number makes it no better. Where nobody
// logs in without a number it has to be proven again, from the next login on.
func (a *Account) purgePhone(ctx context.Context, rq *api.Request, u *store.User) error {
	phone, err := a.phoneOf(ctx, rq, u.ID)
	if err != nil || phone.Number == "" {
		return err
	}
	if slices.Contains(a.signup, signupField{"phone", true}) {
		phone.Verified = false
		if err := rq.Store().SetPhone(ctx, phone); err != nil {
			return err
		}
		return doubtedPhone.Put(rq, u.ID)
	}
	rq.Emit(PhoneRemoved{Of{u}, phone.Number})
	return rq.Store().DeletePhone(ctx, u.ID)
}

// purge removes from a never-proven account everything that lets somebody in,
// but what was just proven: an address, or, if that is nil, the phone number.
func (a *Account) purge(ctx context.Context, rq *api.Request, u *store.User, emails []*store.EmailAddress, proven *store.EmailAddress) error {
	tx := rq.Store()
	for _, e := range emails {
		if proven != nil && e.ID == proven.ID {
			continue
		}
		if err := tx.DeleteEmail(ctx, e.ID); err != nil {
			return err
		}
		rq.Emit(EmailRemoved{Of{u}, e.Email})
	}
	socials, err := tx.SocialAccountsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, s := range socials {
		if err := tx.DeleteSocialAccount(ctx, s.ID); err != nil {
			return err
		}
	}
	authenticators, err := tx.AuthenticatorsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	if a.factors != nil && a.factors.OutliveProof() {
		// Where factors may come before the proof, every account may be one
		// that was never proven: a mailed key must not get round them.
		authenticators = nil
	}
	for _, x := range authenticators {
		if err := tx.DeleteAuthenticator(ctx, x.ID); err != nil {
			return err
		}
	}
	if proven != nil {
		if err := a.purgePhone(ctx, rq, u); err != nil {
			return err
		}
	}
	if err := a.setPassword(ctx, rq, u, unusablePassword); err != nil {
		return err
	}
	switch {
	case proven == nil && len(emails) > 0:
		u.Email = ""
	case proven != nil && !proven.Primary:
		return a.makePrimary(ctx, rq, u, proven)
	}
	return nil
}
