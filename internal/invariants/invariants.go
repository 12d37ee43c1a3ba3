// Package invariants reads all that a store keeps and finds what must not be:
// rows that belong to nobody, two owners of one address, users whom no way
// leads in. It changes nothing.
//
// docs/schema.md lists the rules.
package invariants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headless-auth/headless/store"
)

// Violation is a rule that is broken, and where.
type Violation struct {
	// Rule is one of the rules of this package, such as "one-owner".
	Rule string `json:"rule"`
	// Table and ID name the row, as far as it is one row: "auth_emails", "17".
	// With a store that has no tables, the name is that of the kind of record
	// all the same.
	Table string `json:"table"`
	ID    string `json:"id,omitempty"`
	// UserID is whose row it is; empty, if it is nobody's.
	UserID string `json:"user_id,omitempty"`
	// Text says what is wrong, in a sentence without secrets.
	Text string `json:"text"`
}

// String is the violation as a line.
func (v Violation) String() string {
	where := v.Table
	if v.ID != "" {
		where += " " + v.ID
	}
	if v.UserID != "" && v.Table != users {
		where += " of user " + v.UserID
	}
	return where + ": " + v.Text + " (" + v.Rule + ")"
}

// The rules.
const (
	Orphan        = "orphan"        // a row belongs to a user, or link, who is not there
	OneOwner      = "one-owner"     // an address or number is verified for one user at most
	OnePrimary    = "one-primary"   // a user has one primary address at most, and it is the user's
	Unique        = "unique"        // names, links, keys and tokens lead to the one row that has them
	WayIn         = "way-in"        // a user who is let in has something to log in with
	LoneCodes     = "lone-codes"    // recovery codes come with another factor
	Readable      = "readable"      // what is encoded or encrypted can be read
	SessionOfUser = "session-epoch" // a session is no newer than its user's epoch
	Sane          = "sane"          // times and counters are possible
	Canonical     = "canonical"     // addresses are in the form in which they are looked up
)

const users = "auth_users"

// Check says what is to be checked.
type Check struct {
	Store store.Store
	// Sessions keeps the sessions. Default: Store.
	Sessions store.Sessions
	// ReadFactor reads what a further factor keeps, secrets included. Nil: it is
	// not read.
	ReadFactor func(ctx context.Context, a *store.Authenticator) error
}

// rows is an optional ability of a store that has tables: finding rows that
// references or uniqueness rules forbid. The database enforces both, unless
// it was written to with them switched off, or an index is damaged.
type rows interface {
	ForbiddenRows(ctx context.Context, found func(rule, table, id, text string)) error
}

// page is how many users are read at once.
const page = 500

// Run checks everything and reports what is wrong. The site may go on
// meanwhile: what looks wrong is looked at again, as it may have been seen
// amidst a change. It returns how many users there are.
func (c Check) Run(ctx context.Context, report func(Violation)) (n int, err error) {
	if c.Sessions == nil {
		c.Sessions = c.Store
	}
	lister, ok := c.Store.(store.UserLister)
	if !ok {
		return 0, errors.New("the store can't list its users")
	}
	if r, ok := c.Store.(rows); ok {
		err := r.ForbiddenRows(ctx, func(rule, table, id, text string) {
			report(Violation{Rule: rule, Table: table, ID: id, Text: text})
		})
		if err != nil {
			return 0, err
		}
	}
	for after := ""; ; {
		l, err := lister.ListUsers(ctx, after, page)
		if err != nil || len(l) == 0 {
			return n, err
		}
		for _, u := range l {
			if err := c.one(ctx, u, report); err != nil {
				return n, err
			}
			n++
			after = u.ID
		}
	}
}

// looks is how often something has to look wrong.
const looks = 3

// one reports what is wrong with a user.
func (c Check) one(ctx context.Context, u *store.User, report func(Violation)) error {
	var wrong []Violation
	for look := range looks {
		if look > 0 {
			var err error
			if u, err = c.Store.User(ctx, u.ID); errors.Is(err, store.ErrNotFound) {
				return nil
			} else if err != nil {
				return err
			}
		}
		e := &examination{Check: c, ctx: ctx, user: u}
		if err := e.all(); err != nil {
			return err
		}
		if wrong = e.found; len(wrong) == 0 {
			return nil
		}
	}
	for _, v := range wrong {
		report(v)
	}
	return nil
}

// examination is one look at a user.
type examination struct {
	Check
	ctx   context.Context
	user  *store.User
	found []Violation
}

func (e *examination) add(rule, table, id, format string, args ...any) {
	e.found = append(e.found, Violation{Rule: rule, Table: table, ID: id, UserID: e.user.ID, Text: fmt.Sprintf(format, args...)})
}

// leads checks that a record is found by what it is looked up with.
func leads[T any](e *examination, table, id, by string, find func() (T, error), idOf func(T) string) error {
	got, err := find()
	switch {
	case errors.Is(err, store.ErrNotFound):
		e.add(Unique, table, id, "is not found by its %s", by)
	case err != nil:
		return err
	case idOf(got) != id:
		e.add(Unique, table, id, "its %s leads to %s", by, idOf(got))
	}
	return nil
}

func (e *examination) all() error {
	u, id := e.user, e.user.ID
	if u.Version < 1 || u.Epoch < 0 {
		e.add(Sane, users, id, "version %d, epoch %d", u.Version, u.Epoch)
	}
	if len(u.Fields) > 0 && !json.Valid(u.Fields) {
		e.add(Readable, users, id, "its fields are no JSON")
	}
	if u.Username != "" {
		err := leads(e, users, id, "username", func() (*store.User, error) { return e.Store.UserByUsername(e.ctx, u.Username) },
			func(u *store.User) string { return u.ID })
		if err != nil {
			return err
		}
	}
	contacts, err := e.contacts()
	if err != nil {
		return err
	}
	passkeys, err := e.factors()
	if err != nil {
		return err
	}
	links, err := e.links()
	if err != nil {
		return err
	}
	if !u.Disabled && !u.Password.Usable() && contacts+passkeys+links == 0 {
		e.add(WayIn, users, id, "has no password, address, number, link or key to log in with")
	}
	if err := e.browsers(); err != nil {
		return err
	}
	return e.sessions()
}

// contacts counts addresses and numbers, which codes and links are sent to.
func (e *examination) contacts() (n int, err error) {
	const table = "auth_emails"
	l, err := e.Store.EmailsOf(e.ctx, e.user.ID)
	if err != nil {
		return 0, err
	}
	var primary []string
	for _, a := range l {
		if a.Primary {
			primary = append(primary, a.Email)
		}
		if a.Email != strings.ToLower(a.Email) || strings.TrimSpace(a.Email) != a.Email || !strings.Contains(a.Email, "@") {
			e.add(Canonical, table, a.ID, "%q is not in the form in which addresses are looked up", a.Email)
		}
		claims, err := e.Store.EmailsByAddress(e.ctx, a.Email)
		if err != nil {
			return 0, err
		}
		if !slices.ContainsFunc(claims, func(c *store.EmailAddress) bool { return c.ID == a.ID }) {
			e.add(Unique, table, a.ID, "is not found by its address")
		}
		for _, c := range claims {
			if a.Verified && c.Verified && c.ID != a.ID {
				e.add(OneOwner, table, a.ID, "is verified, and so is %s of user %s", c.ID, c.UserID)
			}
		}
	}
	switch {
	case len(primary) > 1:
		e.add(OnePrimary, users, e.user.ID, "has %d primary addresses", len(primary))
	case len(primary) == 1 && e.user.Email != primary[0], len(primary) == 0 && e.user.Email != "":
		e.add(OnePrimary, users, e.user.ID, "the user's address is not the primary one")
	}
	p, err := e.Store.PhoneOf(e.ctx, e.user.ID)
	if errors.Is(err, store.ErrNotFound) {
		return len(l), nil
	} else if err != nil {
		return 0, err
	}
	claims, err := e.Store.PhonesByNumber(e.ctx, p.Number)
	for _, c := range claims {
		if p.Verified && c.Verified && c.UserID != p.UserID {
			e.add(OneOwner, "auth_phones", p.UserID, "is verified, and so is that of user %s", c.UserID)
		}
	}
	return len(l) + 1, err
}

// factors counts keys, which may be all that somebody logs in with.
func (e *examination) factors() (keys int, err error) {
	const table = "auth_authenticators"
	l, err := e.Store.AuthenticatorsOf(e.ctx, e.user.ID)
	if err != nil {
		return 0, err
	}
	count := map[string]int{}
	for _, a := range l {
		if count[a.Type]++; a.Type != store.WebAuthn && count[a.Type] > 1 {
			e.add(Unique, table, a.ID, "is another one of type %s", a.Type)
		}
		if a.Key != nil {
			err := leads(e, table, a.ID, "key", func() (*store.Authenticator, error) { return e.Store.AuthenticatorByKey(e.ctx, a.Key) },
				func(a *store.Authenticator) string { return a.ID })
			if err != nil {
				return 0, err
			}
		}
		if e.ReadFactor != nil {
			if err := e.ReadFactor(e.ctx, a); err != nil {
				e.add(Readable, table, a.ID, "can't be read: %v", err)
			}
		}
	}
	if count[store.RecoveryCodes] > 0 && len(l) == count[store.RecoveryCodes] {
		e.add(LoneCodes, table, l[0].ID, "are recovery codes of a user without another factor")
	}
	return count[store.WebAuthn], nil
}

func (e *examination) links() (int, error) {
	const table = "auth_social_accounts"
	l, err := e.Store.SocialAccountsOf(e.ctx, e.user.ID)
	for _, a := range l {
		if len(a.Data) > 0 && !json.Valid(a.Data) {
			e.add(Readable, table, a.ID, "its profile is no JSON")
		}
		err := leads(e, table, a.ID, "provider and uid", func() (*store.SocialAccount, error) { return e.Store.SocialAccount(e.ctx, a.Provider, a.UID) },
			func(a *store.SocialAccount) string { return a.ID })
		if err != nil {
			return 0, err
		}
	}
	return len(l), err
}

func (e *examination) browsers() error {
	l, err := e.Store.TrustedBrowsersOf(e.ctx, e.user.ID)
	for _, b := range l {
		err := leads(e, "auth_trusted_browsers", b.ID, "token", func() (*store.TrustedBrowser, error) { return e.Store.TrustedBrowserByHash(e.ctx, b.TokenHash) },
			func(b *store.TrustedBrowser) string { return b.ID })
		if err != nil {
			return err
		}
	}
	return err
}

func (e *examination) sessions() error {
	const table = "auth_sessions"
	l, err := e.Sessions.SessionsOf(e.ctx, e.user.ID)
	for _, s := range l {
		if s.Epoch > e.user.Epoch {
			e.add(SessionOfUser, table, s.ID, "is of epoch %d, the user of %d", s.Epoch, e.user.Epoch)
		}
		if s.Version < 1 || s.Generation < 0 || !s.ExpiresAt.After(s.CreatedAt) {
			e.add(Sane, table, s.ID, "version %d, generation %d, made at %v, ends at %v", s.Version, s.Generation, s.CreatedAt, s.ExpiresAt)
		}
		if len(s.Methods) > 0 && !json.Valid(s.Methods) {
			e.add(Readable, table, s.ID, "its methods are no JSON")
		}
		err := leads(e, table, s.ID, "token", func() (*store.Session, error) { return e.Sessions.SessionByHash(e.ctx, s.TokenHash) },
			func(s *store.Session) string { return s.ID })
		if err != nil {
			return err
		}
	}
	return err
}
