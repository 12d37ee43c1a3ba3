package importer

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/headless-auth/headless/store"
)

// conflict turns what the store refuses as taken into a problem.
func conflict(p *prepared, field string, err error) error {
	if errors.Is(err, store.ErrConflict) {
		return &Problem{Line: p.Line, Field: field, Text: "is somebody else's"}
	}
	return err
}

// create stores a new user with all that belongs to them, and returns the id.
func (r *run) create(ctx context.Context, tx store.Store, p *prepared) (id string, err error) {
	u := p.user
	if err := tx.CreateUser(ctx, &u); err != nil {
		return "", conflict(p, "username", err)
	}
	if at := micro(p.LastLoginAt); !at.IsZero() {
		if err := tx.RecordLogin(ctx, u.ID, at); err != nil {
			return "", err
		}
	}
	for _, e := range p.emails {
		e.UserID = u.ID
		if err := tx.CreateEmail(ctx, &e); err != nil {
			return "", conflict(p, "email", err)
		}
	}
	return u.ID, r.belongings(ctx, tx, &u, p)
}

// update adds to a user what they lack.
func (r *run) update(ctx context.Context, tx store.Store, u *store.User, p *prepared) error {
	n := *u
	if n.Username == "" {
		n.Username = p.user.Username
	}
	if p.user.FirstName != "" || p.user.LastName != "" {
		n.FirstName, n.LastName = p.user.FirstName, p.user.LastName
	}
	// Whoever was kept out here since is not let in by what was true before.
	if p.user.Disabled && !n.Disabled {
		n.Disabled, n.DeactivatedAt = true, p.user.DeactivatedAt
		n.Epoch++ // ends everything
	}
	if len(p.user.Fields) > 0 {
		n.Fields = p.user.Fields
	}
	// A hash of ours was made when somebody set a password here, or logged in
	// with the one of before. That one is out of date since.
	if p.user.Password != "" && !r.hasher.Current(string(n.Password)) && !r.sameWrapping(n.Password, p) {
		n.Password = p.user.Password
	}
	if n.Username != u.Username || n.FirstName != u.FirstName || n.LastName != u.LastName || n.Disabled != u.Disabled ||
		n.Password != u.Password || !bytes.Equal(n.Fields, u.Fields) {
		if err := tx.UpdateUser(ctx, &n); err != nil {
			return conflict(p, "username", err)
		}
	}
	if err := r.addEmails(ctx, tx, u, p); err != nil {
		return err
	}
	return r.belongings(ctx, tx, &n, p)
}

// sameWrapping reports whether there is a wrapped hash already. Another salt
// would make it no better.
func (r *run) sameWrapping(stored store.PasswordHash, p *prepared) bool {
	return r.wraps(p) && len(stored) > 8 && stored[:8] == p.user.Password[:8]
}

func (r *run) addEmails(ctx context.Context, tx store.Store, u *store.User, p *prepared) error {
	has, err := tx.EmailsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	primary := slices.ContainsFunc(has, func(e *store.EmailAddress) bool { return e.Primary })
	for _, e := range p.emails {
		i := slices.IndexFunc(has, func(x *store.EmailAddress) bool { return x.Email == e.Email })
		if i >= 0 {
			if e.Verified && !has[i].Verified {
				if err := tx.VerifyEmail(ctx, has[i].ID, e.Email); err != nil {
					return conflict(p, "email", err)
				}
			}
			continue
		}
		e.UserID, e.Primary = u.ID, e.Primary && !primary
		if err := tx.CreateEmail(ctx, &e); err != nil {
			return conflict(p, "email", err)
		}
	}
	return nil
}

// belongings stores what a user does not have yet: number, further factors and
// linked accounts.
func (r *run) belongings(ctx context.Context, tx store.Store, u *store.User, p *prepared) error {
	if p.Phone != "" {
		if _, err := tx.PhoneOf(ctx, u.ID); errors.Is(err, store.ErrNotFound) {
			err = tx.SetPhone(ctx, &store.Phone{UserID: u.ID, Number: p.Phone, Verified: p.PhoneVerified})
			if err != nil {
				return conflict(p, "phone", err)
			}
		} else if err != nil {
			return err
		}
	}
	if err := r.factors(ctx, tx, u, p); err != nil {
		return err
	}
	for _, s := range p.Social {
		if a, err := tx.SocialAccount(ctx, s.Provider, s.UID); err == nil && a.UserID == u.ID {
			continue
		}
		a := &store.SocialAccount{
			UserID: u.ID, Provider: s.Provider, UID: s.UID, Data: s.Data,
			CreatedAt: or(s.CreatedAt, u.CreatedAt), LastLoginAt: micro(s.LastLoginAt),
		}
		if err := tx.CreateSocialAccount(ctx, a); err != nil {
			return conflict(p, "social", err)
		}
	}
	return nil
}

func or(t, other time.Time) time.Time {
	if t.IsZero() {
		t = other
	}
	return micro(t)
}

// factors stores the further factors, their secrets sealed as when they are set
// up here.
func (r *run) factors(ctx context.Context, tx store.Store, u *store.User, p *prepared) error {
	if p.TOTP == nil && p.RecoveryCodes == nil && len(p.SecurityKeys) == 0 {
		return nil
	}
	has, err := tx.AuthenticatorsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	lacks := func(kind string) bool {
		return !slices.ContainsFunc(has, func(a *store.Authenticator) bool { return a.Type == kind })
	}
	add := func(a store.Authenticator, createdAt, usedAt time.Time) error {
		a.UserID, a.CreatedAt, a.LastUsedAt = u.ID, or(createdAt, u.CreatedAt), micro(usedAt)
		return tx.CreateAuthenticator(ctx, &a)
	}
	if t := p.TOTP; t != nil && lacks(store.TOTP) {
		data, err := r.vault.TOTP(ctx, u.ID, t.Secret)
		if err == nil {
			err = add(store.Authenticator{Type: store.TOTP, Data: data}, t.CreatedAt, t.LastUsedAt)
		}
		if err != nil {
			return err
		}
	}
	if c := p.RecoveryCodes; c != nil && lacks(store.RecoveryCodes) {
		data, err := r.vault.RecoveryCodes(ctx, u.ID, c.Codes, micro(r.now()))
		if err == nil {
			err = add(store.Authenticator{Type: store.RecoveryCodes, Data: data}, c.CreatedAt, c.LastUsedAt)
		}
		if err != nil {
			return err
		}
	}
	for _, k := range p.SecurityKeys {
		if slices.ContainsFunc(has, func(a *store.Authenticator) bool { return bytes.Equal(a.Key, k.Key) }) {
			continue
		}
		if u.ID != p.ID && u.ID != "" { // none in a dry run
			p.drop("security_keys", "are bound to the id of before, and have to be set up anew")
			break
		}
		if err := add(store.Authenticator{Type: store.WebAuthn, Key: k.Key, Data: k.Data}, k.CreatedAt, k.LastUsedAt); err != nil {
			return conflict(p, "security_keys", err)
		}
	}
	return nil
}

// readOnly is a store for a dry run: what one would write is not, and what it
// would find is looked up.
type readOnly struct{ store.Store }

// UseOnce implements [store.Nonces]. It leaves no mark.
func (s readOnly) UseOnce(ctx context.Context, key string, now, until time.Time) error {
	err := s.InTx(ctx, func(tx store.Store) error {
		if err := tx.UseOnce(ctx, key, now, until); err != nil {
			return err
		}
		return errUnkept
	})
	if errors.Is(err, errUnkept) {
		return nil
	}
	return err
}

// errUnkept takes back what a transaction has written.
var errUnkept = errors.New("not kept")

// CreateUser implements [store.Users].
func (readOnly) CreateUser(context.Context, *store.User) error { return nil }

// UpdateUser implements [store.Users].
func (readOnly) UpdateUser(context.Context, *store.User) error { return nil }

// RecordLogin implements [store.Users].
func (readOnly) RecordLogin(context.Context, string, time.Time) error { return nil }

// CreateEmail implements [store.Emails].
func (readOnly) CreateEmail(context.Context, *store.EmailAddress) error { return nil }

// VerifyEmail implements [store.Emails].
func (readOnly) VerifyEmail(context.Context, string, string) error { return nil }

// SetPhone implements [store.Phones]. It refuses what the store would.
func (s readOnly) SetPhone(ctx context.Context, p *store.Phone) error {
	l, err := s.PhonesByNumber(ctx, p.Number)
	if err == nil && p.Verified && len(l) > 0 && l[0].Verified {
		err = store.ErrConflict
	}
	return err
}

// CreateAuthenticator implements [store.Authenticators].
func (readOnly) CreateAuthenticator(context.Context, *store.Authenticator) error { return nil }

// CreateSocialAccount implements [store.SocialAccounts].
func (readOnly) CreateSocialAccount(context.Context, *store.SocialAccount) error { return nil }
