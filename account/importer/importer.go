// Package importer moves users in from other systems, and out again.
//
//	m, err := importer.New(config) // the configuration of your server
//	report, err := m.Import(ctx, importer.WordPress(file), importer.Options{Source: "wordpress"})
//
// A [Source] reads what another system has exported: [JSONLines] and [CSV] our
// own format, [Auth0], [Firebase], [WordPress], [ASPNET], [Devise] and [Django]
// theirs. People keep their passwords: hashes are stored as they are, and
// replaced when their owner logs in. Those that are too weak to lie anywhere
// are put into one of ours at once.
//
// An import can be tried without writing anything, and run again after it was
// interrupted: a user is stored together with a mark of where they came from,
// or not at all.
package importer

import (
	"cmp"
	"context"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/password"
	"github.com/headless-auth/headless/internal/pattern"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store"
)

// Importer moves users into a store, and out of it.
type Importer struct {
	config headless.Config
	store  store.Store
	hasher *password.Hasher
	vault  *mfa.Vault // nil: the site has no further factors
	now    func() time.Time
}

// New returns an importer for the site with that configuration. It refuses what
// [headless.New] refuses.
func New(c headless.Config) (*Importer, error) {
	if _, err := headless.New(c); err != nil {
		return nil, err
	}
	p := c.Account.Password
	hasher, err := password.New(password.Params{
		Memory: p.Argon2Memory, Time: p.Argon2Time, Threads: p.Argon2Threads, MaxConcurrent: p.MaxConcurrent,
		MaxWait: time.Hour, Rand: c.Rand, // nobody is waiting
	})
	if err != nil {
		return nil, err
	}
	m := &Importer{config: c, store: c.Store, hasher: hasher, now: time.Now}
	if c.Now != nil {
		m.now = c.Now
	}
	if c.MFA != nil {
		m.vault = mfa.NewVault(*c.MFA, secret.NewKeys(c.Secret, c.PreviousSecrets...))
	}
	return m, nil
}

// prepared is a record that was judged, as it is to be stored.
type prepared struct {
	*Record
	user     store.User
	emails   []store.EmailAddress
	hash     *password.Converted
	problems []*Problem // what is left out
}

var (
	e164     = pattern.New(`^\+[1-9][0-9]{5,14}$`)
	provider = pattern.New(`^[a-zA-Z0-9_.:-]{1,200}$`)
)

const usernameMaxLength = 150

// prepare judges a record by itself, as signing up would. The error is a
// [*Problem].
func (m *Importer) prepare(ctx context.Context, r *Record, o *Options) (*prepared, error) {
	p := &prepared{Record: r, user: store.User{
		FirstName: strings.TrimSpace(r.FirstName), LastName: strings.TrimSpace(r.LastName), Disabled: r.Disabled,
		DeactivatedAt: micro(r.DeactivatedAt), CreatedAt: micro(r.CreatedAt), Fields: r.Fields,
	}}
	if p.user.CreatedAt.IsZero() {
		p.user.CreatedAt = micro(m.now())
	}
	for _, judge := range []func(context.Context, *prepared, *Options) (field, text string){
		m.judgeName, m.judgeEmails, m.judgePhone, m.judgePassword, m.judgeFactors, m.judgeSocial,
	} {
		if field, text := judge(ctx, p, o); text != "" {
			return nil, &Problem{Line: r.Line, Field: field, Text: text}
		}
	}
	if r.key() == "" && len(r.Social) == 0 {
		return nil, &Problem{Line: r.Line, Text: "has no id, no address and no username: there is nobody to import"}
	}
	return p, nil
}

func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// drop leaves something out, and goes on. It may be said again, when a
// transaction is.
func (p *prepared) drop(field, text string) {
	for _, q := range p.problems {
		if q.Field == field {
			return
		}
	}
	p.problems = append(p.problems, &Problem{Line: p.Line, Field: field, Text: text, Imported: true})
}

func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func (m *Importer) judgeName(ctx context.Context, p *prepared, _ *Options) (field, text string) {
	for field, s := range map[string]string{"id": p.ID, "username": p.Username, "first_name": p.FirstName, "last_name": p.LastName} {
		if !plain(s) || len(s) > 4*usernameMaxLength {
			return field, "is too long, or holds what is no text"
		}
	}
	if len(p.Fields) > 0 {
		var fields map[string]json.RawMessage
		if json.Unmarshal(p.Fields, &fields) != nil || len(p.Fields) > 64<<10 || !utf8.Valid(p.Fields) {
			return "fields", "is no JSON object, or too large"
		}
	}
	// As account brings them into form at signup, and at login.
	name := norm.NFKC.String(p.Username)
	if m.config.Account.LowercaseUsernames {
		name = strings.ToLower(name)
	}
	if strings.TrimSpace(name) != name || utf8.RuneCountInString(name) > usernameMaxLength {
		return "username", "has blanks around it, or more than 150 characters"
	}
	if clean := m.config.Hooks.CleanUsername; clean != nil && name != "" {
		var err error
		if name, err = clean(ctx, name); err != nil {
			return "username", "is refused by the site's own rules"
		}
	}
	p.user.Username = name
	return "", ""
}

func (m *Importer) judgeEmails(ctx context.Context, p *prepared, o *Options) (field, text string) {
	primary := -1
	for i, e := range p.Emails {
		email, ok := account.CleanEmail(e.Email)
		if ok && m.config.Hooks.CleanEmail != nil {
			var err error
			if email, err = m.config.Hooks.CleanEmail(ctx, email); err != nil {
				return "email", "is refused by the site's own rules"
			}
		}
		if !ok || utf8.RuneCountInString(email) > cmp.Or(m.config.Account.EmailMaxLength, 254) {
			return "email", fmt.Sprintf("%.80q is no address", e.Email)
		}
		for _, x := range p.emails {
			if x.Email == email {
				return "email", fmt.Sprintf("%q is there twice", email)
			}
		}
		if e.Primary {
			if primary >= 0 {
				return "email", "is primary twice"
			}
			primary = i
		}
		at := micro(e.CreatedAt)
		if at.IsZero() {
			at = p.user.CreatedAt
		}
		p.emails = append(p.emails, store.EmailAddress{Email: email, Verified: e.Verified || o.EmailsVerified, CreatedAt: at})
	}
	if len(p.emails) > 0 {
		p.emails[max(primary, 0)].Primary = true
	}
	return "", ""
}

func (m *Importer) judgePhone(ctx context.Context, p *prepared, _ *Options) (field, text string) {
	if p.Phone == "" {
		return "", ""
	}
	if clean := m.config.Hooks.CleanPhone; clean != nil && e164.MatchString(p.Phone) {
		number, err := clean(ctx, p.Phone)
		if err != nil {
			return "phone", "is refused by the site's own rules"
		}
		p.Phone = number
	}
	if !e164.MatchString(p.Phone) {
		return "phone", fmt.Sprintf("%.30q is no number in international form, such as +31612345678", p.Phone)
	}
	return "", ""
}

func (m *Importer) judgePassword(_ context.Context, p *prepared, o *Options) (field, text string) {
	c, err := p.Record.hash()
	if err == nil && c != nil && !plain(c.Encoded()) {
		err = errors.New("holds what is no text")
	}
	if err == nil {
		p.hash = c
		return "", ""
	}
	if !o.ForgetPasswords {
		return "password_hash", err.Error()
	}
	p.drop("password_hash", err.Error())
	return "", ""
}

func (m *Importer) judgeFactors(ctx context.Context, p *prepared, _ *Options) (field, text string) {
	if m.vault == nil && (p.TOTP != nil || p.RecoveryCodes != nil || len(p.SecurityKeys) > 0) {
		return "totp", "is a further factor, and the site has none: set MFA in its configuration"
	}
	if p.TOTP != nil {
		secret, text := m.totpSecret(p.TOTP.Secret)
		if text != "" {
			return "totp", text
		}
		t := *p.TOTP
		t.Secret = secret
		p.Record.TOTP = &t
	}
	if p.recovery != nil {
		codes, err := m.vault.OpenRecoveryCodes(ctx, "", p.recovery)
		if err != nil {
			return "recovery_codes", "can't be read"
		}
		p.RecoveryCodes.Codes, p.recovery = codes, nil
	}
	if p.RecoveryCodes != nil {
		for _, code := range p.RecoveryCodes.Codes {
			if code == "" || len(code) > 100 || !plain(code) {
				return "recovery_codes", "have one that is empty, too long or no text"
			}
		}
		if len(p.RecoveryCodes.Codes) > 100 {
			return "recovery_codes", "are more than 100"
		}
	}
	for _, k := range p.SecurityKeys {
		if len(k.Key) == 0 || len(k.Key) > 1023 || !json.Valid(k.Data) {
			return "security_keys", "have one without credential id or data"
		}
	}
	return "", ""
}

// totpSecret brings a secret into the form in which it is stored.
func (m *Importer) totpSecret(s string) (secret, text string) {
	if strings.HasPrefix(s, "otpauth://totp/") {
		u, err := url.Parse(s)
		if err != nil {
			return "", "is no otpauth:// URL"
		}
		q := u.Query()
		digits, period := m.config.MFA.TOTPDigits, int(m.config.MFA.TOTPPeriod/time.Second)
		if digits == 0 {
			digits = 6
		}
		if period == 0 {
			period = 30
		}
		for name, want := range map[string]string{"algorithm": "SHA1", "digits": fmt.Sprint(digits), "period": fmt.Sprint(period)} {
			if v := q.Get(name); v != "" && !strings.EqualFold(v, want) {
				return "", fmt.Sprintf("has another %s than the site, which has %s", name, want)
			}
		}
		s = q.Get("secret")
	}
	s = strings.ToUpper(strings.TrimRight(strings.NewReplacer(" ", "", "-", "").Replace(s), "="))
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s)
	if err != nil || len(b) < 10 || len(b) > 128 {
		return "", "is no secret of at least 80 bits in base32"
	}
	return s, ""
}

func (m *Importer) judgeSocial(_ context.Context, p *prepared, o *Options) (field, text string) {
	seen := map[string]bool{}
	p.Social = append([]Social(nil), p.Social...)
	for i := range p.Social {
		s := &p.Social[i]
		if name, ok := o.Providers[s.Provider]; ok {
			s.Provider = name
		}
		if !provider.MatchString(s.Provider) || s.UID == "" || len(s.UID) > 1024 || !plain(s.UID) {
			return "social", fmt.Sprintf("has %.80q without a provider or a subject", s.Provider)
		}
		if len(s.Data) > 0 && !json.Valid(s.Data) {
			return "social", "has data that is no JSON"
		}
		if seen[s.Provider+":"+s.UID] {
			return "social", fmt.Sprintf("has an account at %s twice", s.Provider)
		}
		seen[s.Provider+":"+s.UID] = true
	}
	return "", ""
}

var errNoLister = errors.New("importer: the store can't list users: it has no store.UserLister")
