package account

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/password"
	"github.com/headless-auth/headless/internal/pattern"
	"github.com/headless-auth/headless/store"
)

// Codes of wrong identifiers and passwords. spec: account.md §0, §3.2.
const (
	codeUsernameTaken       api.Code = "username_taken"
	codeUsernameBlacklisted api.Code = "username_blacklisted"
	codeEmailTaken          api.Code = "email_taken"
	codeEmailMismatch       api.Code = "email_mismatch"
	codeUnknownEmail        api.Code = "unknown_email"
	codeTooManyAttempts     api.Code = "too_many_login_attempts"
)

const usernameMaxLength = 150

// emailField declares an input with an email address.
func (a *Account) emailField(name string, required bool) api.Field {
	return api.Field{Name: name, Required: required, MaxLength: a.config.EmailMaxLength, Clean: cleanEmail, Description: "Email address"}
}

func cleanEmail(_ context.Context, s string) (string, []api.Item) {
	clean, ok := CleanEmail(s)
	if !ok {
		return "", []api.Item{{Code: api.CodeInvalid}}
	}
	return clean, nil
}

var (
	localAtom   = pattern.New(`^[-!#$%&'*+/=?^_{}|~0-9a-z` + "`" + `]+(\.[-!#$%&'*+/=?^_{}|~0-9a-z` + "`" + `]+)*$`)
	localQuoted = pattern.New(`^"([ !#-\[\]-~]|\\[ -~])*"$`)
	hostname    = pattern.New(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{1,62}[a-z0-9]$`)
)

// CleanEmail brings an email address into the form in which addresses are
// stored and compared: lower case, international domains in Unicode. It
// reports false for what is no address. spec: account.md §0.
func CleanEmail(s string) (string, bool) {
	s = strings.TrimSpace(s)
	at := strings.LastIndexByte(s, '@')
	// Looked at before it is lowered: the Kelvin sign would become a k, and the
	// address somebody else's.
	if at < 1 || len(s) > 4*320 || !ascii(s[:at]) {
		return "", false
	}
	s = strings.ToLower(s)
	at = strings.LastIndexByte(s, '@')
	local, domain := s[:at], s[at+1:]
	if !localAtom.MatchString(local) && !localQuoted.MatchString(local) {
		return "", false
	}
	if domain == "localhost" {
		return s, true
	}
	if ip, ok := strings.CutPrefix(domain, "["); ok {
		ip, ok = strings.CutSuffix(ip, "]")
		addr, err := netip.ParseAddr(strings.TrimPrefix(ip, "ipv6:"))
		return s, ok && err == nil && addr.Zone() == ""
	}
	if !ascii(domain) {
		a, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return "", false
		}
		if domain, err = idna.Lookup.ToUnicode(a); err != nil {
			return "", false
		}
		s, domain = local+"@"+domain, a
	} else if u, err := idna.Lookup.ToUnicode(domain); err == nil && u != domain {
		// The punycode spelling of a domain is no other domain.
		s = local + "@" + u
	}
	return s, len(domain) <= 253 && hostname.MatchString(domain)
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// cleanUsername judges a name for a new account.
func (a *Account) cleanUsername(ctx context.Context, rq *api.Request, name string) (string, error) {
	name = norm.NFKC.String(name)
	if a.config.LowercaseUsernames {
		name = strings.ToLower(name)
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("_@.+-", r) {
			return "", api.Invalid("username", api.CodeInvalid)
		}
	}
	if a.blacklisted(name) {
		return "", api.Invalid("username", codeUsernameBlacklisted)
	}
	if a.hooks.CleanUsername != nil {
		var err error
		if name, err = a.hooks.CleanUsername(ctx, name); err != nil {
			return "", err
		}
	}
	_, err := rq.Store().UserByUsername(ctx, name)
	switch {
	case err == nil:
		return "", api.Invalid("username", codeUsernameTaken)
	case errors.Is(err, store.ErrNotFound):
		return name, nil
	}
	return "", err
}

func (a *Account) blacklisted(name string) bool {
	return slices.ContainsFunc(a.config.UsernameBlacklist, func(b string) bool { return strings.EqualFold(b, name) })
}

// note adds to the input what a check found wrong, under the field's name
// unless the check says otherwise. Other errors come back.
func note(in *api.Input, field string, err error) error {
	var e *api.Error
	if !errors.As(err, &e) || len(e.Items) == 0 {
		return err
	}
	for _, i := range e.Items {
		if i.Param == "" {
			i.Param = field
		}
		in.Add(i)
	}
	return nil
}

// passwordField declares an input with a password. It counts as it was sent.
func passwordField(name string, required bool) api.Field {
	return api.Field{Name: name, Required: required, Verbatim: true, Description: "Password"}
}

// judgePassword notes what is wrong with a new password.
func (a *Account) judgePassword(ctx context.Context, in *api.Input, field string, u *store.User) error {
	text := in.Text(field)
	if text == "" || !in.OK(field) {
		return nil
	}
	if len(text) > password.MaxBytes {
		in.Fail(field, api.CodeMaxLength)
		return nil
	}
	subject := &password.Subject{Username: u.Username, FirstName: u.FirstName, LastName: u.LastName, Email: u.Email}
	for _, code := range a.rules.Check(text, subject) {
		in.Fail(field, api.Code(code))
	}
	if in.OK(field) && a.hooks.CheckPassword != nil {
		if err := a.hooks.CheckPassword(ctx, text, u); err != nil {
			return note(in, field, err)
		}
	}
	return nil
}

// hash encodes a new password.
func (a *Account) hash(ctx context.Context, text string) (store.PasswordHash, error) {
	h, err := a.hasher.Hash(ctx, text)
	return store.PasswordHash(h), busy(err)
}

// matches compares a password with a user's, or with nobody's at the same
// cost. upgraded is a better hash of the same password, or "".
func (a *Account) matches(ctx context.Context, text string, u *store.User) (ok bool, upgraded store.PasswordHash, err error) {
	if u == nil {
		return false, "", busy(a.hasher.Dummy(ctx))
	}
	ok, upgrade, err := a.hasher.Verify(ctx, text, string(u.Password))
	if err != nil || !upgrade {
		return ok, "", busy(err)
	}
	upgraded, err = a.hash(ctx, text)
	if errors.Is(err, password.ErrBusy) {
		return true, "", nil // the password is right; the next login will do
	}
	return true, upgraded, err
}

// busy gives the hasher's errors their place on the wire.
func busy(err error) error {
	if errors.Is(err, password.ErrBusy) {
		return errors.Join(store.ErrUnavailable, err)
	}
	return err
}
