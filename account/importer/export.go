package importer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/headless-auth/headless/store"
)

// ExportOptions say what is exported.
type ExportOptions struct {
	// Secrets exports password hashes, TOTP secrets and recovery codes, too.
	// Whoever has the file can log in as anybody with a second factor, and guess
	// passwords: keep it as you would a password.
	Secrets bool
	// OnProgress hears how many users were written.
	OnProgress func(users int)
}

// page is how many users are listed at once.
const page = 200

// Export writes all users as [JSONLines] reads them, in the order in which they
// were stored, and returns how many. Sessions, trusted browsers, tokens of
// identity providers and the audit log stay.
func (m *Importer) Export(ctx context.Context, w io.Writer, o ExportOptions) (n int, err error) {
	l, ok := m.store.(store.UserLister)
	if !ok {
		return 0, errNoLister
	}
	buffered := bufio.NewWriter(w)
	e := json.NewEncoder(buffered)
	e.SetEscapeHTML(false)
	for after := ""; ; {
		users, err := l.ListUsers(ctx, after, page)
		if err != nil || len(users) == 0 {
			return n, errors.Join(err, buffered.Flush())
		}
		for _, u := range users {
			r, err := m.record(ctx, u, o.Secrets)
			if errors.Is(err, store.ErrNotFound) {
				continue // deleted meanwhile
			}
			if err != nil {
				return n, err
			}
			if err := e.Encode(r); err != nil {
				return n, err
			}
			n++
		}
		after = users[len(users)-1].ID
		if o.OnProgress != nil {
			o.OnProgress(n)
		}
	}
}

// record collects what there is of a user.
func (m *Importer) record(ctx context.Context, u *store.User, secrets bool) (*Record, error) {
	r := &Record{
		ID: u.ID, Username: u.Username, FirstName: u.FirstName, LastName: u.LastName, Disabled: u.Disabled,
		DeactivatedAt: u.DeactivatedAt, CreatedAt: u.CreatedAt, LastLoginAt: u.LastLoginAt, Fields: u.Fields,
	}
	if secrets {
		r.PasswordHash = string(u.Password)
	}
	emails, err := m.store.EmailsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	for _, e := range emails {
		r.Emails = append(r.Emails, Email{Email: e.Email, Verified: e.Verified, Primary: e.Primary, CreatedAt: e.CreatedAt})
	}
	p, err := m.store.PhoneOf(ctx, u.ID)
	if err == nil {
		r.Phone, r.PhoneVerified = p.Number, p.Verified
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	social, err := m.store.SocialAccountsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	for _, s := range social {
		r.Social = append(r.Social, Social{Provider: s.Provider, UID: s.UID, Data: s.Data, CreatedAt: s.CreatedAt, LastLoginAt: s.LastLoginAt})
	}
	return r, m.recordFactors(ctx, r, secrets)
}

func (m *Importer) recordFactors(ctx context.Context, r *Record, secrets bool) error {
	all, err := m.store.AuthenticatorsOf(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, a := range all {
		switch {
		case a.Type == store.WebAuthn:
			r.SecurityKeys = append(r.SecurityKeys, SecurityKey{Key: a.Key, Data: a.Data, CreatedAt: a.CreatedAt, LastUsedAt: a.LastUsedAt})
		case !secrets:
		case m.vault == nil:
			return errors.New("importer: users have further factors, and the site has none: set MFA in its configuration")
		case a.Type == store.TOTP:
			secret, err := m.vault.OpenTOTP(ctx, r.ID, a.Data)
			if err != nil {
				return err
			}
			r.TOTP = &TOTP{Secret: secret, CreatedAt: a.CreatedAt, LastUsedAt: a.LastUsedAt}
		case a.Type == store.RecoveryCodes:
			codes, err := m.vault.OpenRecoveryCodes(ctx, r.ID, a.Data)
			if err != nil {
				return err
			}
			r.RecoveryCodes = &RecoveryCodes{Codes: codes, CreatedAt: a.CreatedAt, LastUsedAt: a.LastUsedAt}
		}
	}
	return nil
}
