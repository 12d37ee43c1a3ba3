package mfa

import (
	"context"
	"crypto/subtle"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store"
)

// totpData is what is stored of a TOTP authenticator. spec: mfa.md §10.
type totpData struct {
	// Secret is the sealed base32 text.
	Secret string `json:"secret"`
	// Step is when the last time step began of which a code was accepted, in
	// seconds since the epoch. A code of it, or of an earlier one, never is
	// again. A time, not a count, so that the period can change.
	Step int64 `json:"step,omitempty"`
}

// pendingTOTP is a secret that its user is about to set up. A safe method makes
// it: the contract has it so, and no more comes of it than a text to type.
type pendingTOTP struct {
	UserID string `json:"u"`
	Secret string `json:"s"` // sealed
}

var pendingSecret = sessions.NewSlot[pendingTOTP]("mfa.totp", time.Hour)

// kindPending seals a pending secret apart from one that is in use.
const kindPending = "totp-pending"

// totp shows the caller's TOTP authenticator, or a new secret to set one up
// with. spec: mfa.md §6.4.
func (m *MFA) totp(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	a, err := authenticator(ctx, rq, rq.User.ID, store.TOTP)
	if err != nil {
		return nil, err
	}
	if a != nil {
		e, err := m.entry(ctx, rq, a)
		return api.Data(e), err
	}
	if err := m.mayAdd(ctx, rq); err != nil {
		return nil, err
	}
	return m.offerTOTP(ctx, rq, rq.User)
}

// offerTOTP makes a new secret for a user and keeps it in the session.
func (m *MFA) offerTOTP(ctx context.Context, rq *api.Request, u *store.User) (*api.Reply, error) {
	secret, err := newTOTPSecret(rq.Env.Rand)
	if err != nil {
		return nil, err
	}
	sealed, err := m.seal(ctx, rq, u.ID, kindPending, secret)
	if err != nil {
		return nil, err
	}
	if err := pendingSecret.Put(rq, pendingTOTP{u.ID, sealed}); err != nil {
		return nil, err
	}
	return api.Empty(http.StatusNotFound).WithMeta("secret", secret).WithMeta("totp_url", m.config.totpURL(label(u), secret)), nil
}

// activateTOTP sets up a TOTP authenticator. spec: mfa.md §6.4.
func (m *MFA) activateTOTP(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in, u := rq.Input, rq.User
	if err := in.Err(); err != nil {
		return nil, err
	}
	if has, err := authenticator(ctx, rq, u.ID, store.TOTP); err != nil || has != nil {
		return nil, orConflict(err)
	}
	data, err := m.judgeActivation(ctx, rq, u)
	if err != nil {
		return nil, err
	}
	unverified, err := m.unverified(ctx, rq, u)
	if err != nil {
		return nil, err
	}
	if unverified {
		in.Fail("code", codeUnverifiedEmail)
		return nil, in.Err()
	}
	if err := m.requireRecent(ctx, rq); err != nil {
		return nil, err
	}
	spare, err := m.spareCodes(ctx, rq, u)
	if err != nil {
		return nil, err
	}
	var a *store.Authenticator
	err = rq.InTx(ctx, func(ctx context.Context) (err error) {
		a, err = m.storeTOTP(ctx, rq, u, data, spare)
		return err
	})
	if err != nil {
		return nil, err
	}
	e, err := m.entry(ctx, rq, a)
	return api.Data(e), err
}

func orConflict(err error) error {
	if err == nil {
		err = api.Conflict()
	}
	return err
}

// judgeActivation judges the code that is to show that the app has the secret,
// and returns what to store. The code counts as used.
func (m *MFA) judgeActivation(ctx context.Context, rq *api.Request, u *store.User) (*totpData, error) {
	taken, wait, err := rq.Take(ctx, "login_failed", "mfa-totp-activate:"+u.ID)
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		rq.Input.Fail("code", codeTooManyAttempts)
		return nil, rq.Input.Err()
	}
	p, ok := pendingSecret.Get(rq)
	if ok && p.UserID == u.ID {
		secret, err := m.open(ctx, rq, u.ID, kindPending, p.Secret)
		if err != nil {
			return nil, err
		}
		if step, ok := m.config.acceptTOTP(secret, rq.Input.Text("code"), rq.Now, 0); ok {
			sealed, err := m.seal(ctx, rq, u.ID, store.TOTP, secret)
			if err == nil {
				err = rq.GiveBack(ctx, taken)
			}
			return &totpData{sealed, step}, err
		}
	}
	rq.Input.Fail("code", codeIncorrect)
	return nil, rq.Input.Err()
}

// storeTOTP stores a new TOTP authenticator within a transaction, with all that
// comes of it.
func (m *MFA) storeTOTP(ctx context.Context, rq *api.Request, u *store.User, data *totpData, spare []byte) (*store.Authenticator, error) {
	// The last other factor may go at the same time, with the recovery codes.
	if err := rq.Hold(ctx, u.ID); err != nil {
		return nil, err
	}
	a := &store.Authenticator{Type: store.TOTP}
	if err := create(ctx, rq, u, a, data); err != nil {
		return nil, err // a conflict: there is one meanwhile
	}
	pendingSecret.Drop(rq)
	if err := m.account.Notify(ctx, rq, u, "totp_activated", nil); err != nil {
		return nil, err
	}
	_, err := m.keepSpare(ctx, rq, u, spare)
	return a, err
}

// deactivateTOTP removes the caller's TOTP authenticator, if there is one.
// spec: mfa.md §6.4.
func (m *MFA) deactivateTOTP(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	a, err := authenticator(ctx, rq, rq.User.ID, store.TOTP)
	if err != nil || a == nil {
		return api.Empty(http.StatusOK), err
	}
	l := []*store.Authenticator{a}
	if err := m.mayRemove(ctx, rq, l); err != nil {
		return nil, err
	}
	return api.Empty(http.StatusOK), rq.InTx(ctx, func(ctx context.Context) error {
		return m.remove(ctx, rq, rq.User, l)
	})
}

// useTOTP returns the authenticator as it is when the code is used, nil if the
// code is wrong.
func (m *MFA) useTOTP(ctx context.Context, rq *api.Request, a *store.Authenticator, code string) (*store.Authenticator, error) {
	var d totpData
	if err := json.Unmarshal(a.Data, &d); err != nil {
		return nil, fmt.Errorf("read authenticator %s: %w", a.ID, err)
	}
	secret, err := m.open(ctx, rq, a.UserID, store.TOTP, d.Secret)
	if err != nil {
		return nil, fmt.Errorf("open authenticator %s: %w", a.ID, err)
	}
	step, ok := m.config.acceptTOTP(secret, code, rq.Now, d.Step)
	if !ok {
		return nil, nil
	}
	d.Step = step
	if d.Secret, err = m.renew(ctx, rq, a.UserID, store.TOTP, d.Secret); err != nil {
		return nil, err
	}
	return withData(a, d)
}

// withData returns a copy of an authenticator with other data.
func withData(a *store.Authenticator, data any) (*store.Authenticator, error) {
	b, err := json.Marshal(data)
	used := *a
	used.Data = b
	return &used, err
}

// acceptTOTP judges a code by the time steps around now that come after the
// last one used, and returns when the code's step began. RFC 6238 §5.2.
func (c *Config) acceptTOTP(secret, code string, now time.Time, last int64) (step int64, ok bool) {
	if c.InsecureBypassCode != "" && code == c.InsecureBypassCode { // not secret: for development only
		return last, true
	}
	period := int64(c.TOTPPeriod / time.Second)
	at := now.Unix() / period
	for counter := at - int64(c.TOTPTolerance); counter <= at+int64(c.TOTPTolerance); counter++ {
		right, err := hotp.GenerateCodeCustom(secret, uint64(counter), hotp.ValidateOpts{Digits: otp.Digits(c.TOTPDigits), Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false
		}
		if subtle.ConstantTimeCompare([]byte(right), []byte(code)) == 1 && counter*period > last {
			step, ok = counter*period, true
		}
	}
	return step, ok
}

// newTOTPSecret is 160 random bits, as RFC 4226 §4 recommends.
func newTOTPSecret(rand io.Reader) (string, error) {
	b := make([]byte, 20)
	if _, err := io.ReadFull(rand, b); err != nil {
		return "", fmt.Errorf("random source: %w", err)
	}
	return base32.StdEncoding.EncodeToString(b), nil
}

// label names a user in authenticator apps and browsers' dialogs.
func label(u *store.User) string {
	for _, s := range []string{u.Email, u.Username} {
		if s != "" {
			return s
		}
	}
	return u.ID
}

// totpURL is what an authenticator app reads. spec: mfa.md §6.4.
func (c *Config) totpURL(label, secret string) string {
	s := "otpauth://totp/" + escape(label, "/") + "?secret=" + secret + "&issuer=" + escape(c.Issuer, "")
	if c.TOTPDigits != 6 {
		s += "&digits=" + strconv.Itoa(c.TOTPDigits)
	}
	if seconds := int(c.TOTPPeriod / time.Second); seconds != 30 {
		s += "&period=" + strconv.Itoa(seconds)
	}
	return s
}

// escape percent-encodes everything that is not unreserved (RFC 3986 §2.3) or
// in safe.
func escape(s, safe string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~"+safe, c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
