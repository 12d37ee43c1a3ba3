package mfa

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- RFC 4226's hash; the reference derives codes with it
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// recoveryData is what is stored of recovery codes: the seed that they are
// derived from and a bit for each that was used, or, of those that another
// system had made, what is left of them. spec: mfa.md §6.8, §10.
type recoveryData struct {
	Seed          string   `json:"seed,omitempty"`          // sealed
	MigratedCodes []string `json:"migrated_codes,omitzero"` // each sealed; not nil: counts, even if empty
	UsedMask      *big.Int `json:"used_mask,omitempty"`
	ViewedAt      float64  `json:"viewed_at,omitempty"`
}

// codes are recovery codes, opened.
type codes struct {
	data recoveryData
	all  []string
}

func (c *codes) migrated() bool { return c.data.MigratedCodes != nil }

func (c *codes) total() int { return len(c.all) }

func (c *codes) used(i int) bool { return c.data.UsedMask != nil && c.data.UsedMask.Bit(i) == 1 }

// unused lists the codes that are still good.
func (c *codes) unused() []string {
	l := []string{}
	for i, code := range c.all {
		if c.migrated() || !c.used(i) {
			l = append(l, code)
		}
	}
	return l
}

// find returns the index of a code that is still good, -1 if there is none. It
// compares with all of them whatever it finds.
func (c *codes) find(code string) int {
	found := -1
	for i, x := range c.all {
		if subtle.ConstantTimeCompare([]byte(x), []byte(code)) == 1 && (c.migrated() || !c.used(i)) {
			found = i
		}
	}
	return found
}

// spend marks a code as used, and with it all that happen to be equal: no text
// is right twice. Requirement ONE-1.
func (c *codes) spend(i int) {
	code, mask := c.all[i], new(big.Int)
	if c.data.UsedMask != nil {
		mask.Set(c.data.UsedMask)
	}
	var left []string
	for j, x := range c.all {
		if x == code { // not secret: both are ours, and one of them is right
			mask.SetBit(mask, j, 1)
		} else if c.migrated() {
			left = append(left, c.data.MigratedCodes[j])
		}
	}
	if c.migrated() {
		c.data.MigratedCodes = append([]string{}, left...)
		return
	}
	c.data.UsedMask = mask
}

// readCodes opens stored recovery codes.
func (f *Factors) readCodes(ctx context.Context, rq *api.Request, a *store.Authenticator) (*codes, error) {
	c := &codes{}
	if err := json.Unmarshal(a.Data, &c.data); err != nil {
		return nil, fmt.Errorf("read authenticator %s: %w", a.ID, err)
	}
	if c.migrated() {
		for _, stored := range c.data.MigratedCodes {
			code, err := f.open(ctx, rq, a.UserID, store.RecoveryCodes, stored)
			if err != nil {
				return nil, fmt.Errorf("open authenticator %s: %w", a.ID, err)
			}
			c.all = append(c.all, code)
		}
		return c, nil
	}
	if c.data.Seed == "" {
		return c, nil // nothing must ever be derived from nothing
	}
	seed, err := f.open(ctx, rq, a.UserID, store.RecoveryCodes, c.data.Seed)
	if err != nil {
		return nil, fmt.Errorf("open authenticator %s: %w", a.ID, err)
	}
	c.all = deriveCodes(seed, f.config.RecoveryCodeCount, f.config.RecoveryCodeDigits)
	return c, nil
}

// renewCodes seals what is sealed with an old key anew.
func (f *Factors) renewCodes(ctx context.Context, rq *api.Request, userID string, d *recoveryData, renew func(context.Context, *api.Request, string, string, string) (string, error)) (err error) {
	d.MigratedCodes = slices.Clone(d.MigratedCodes)
	for i, stored := range d.MigratedCodes {
		if d.MigratedCodes[i], err = renew(ctx, rq, userID, store.RecoveryCodes, stored); err != nil {
			return err
		}
	}
	if d.Seed != "" {
		d.Seed, err = renew(ctx, rq, userID, store.RecoveryCodes, d.Seed)
	}
	return err
}

// useRecoveryCode returns the authenticator as it is when the code is used, nil
// if the code is wrong.
func (f *Factors) useRecoveryCode(ctx context.Context, rq *api.Request, a *store.Authenticator, code string) (*store.Authenticator, error) {
	c, err := f.readCodes(ctx, rq, a)
	if err != nil {
		return nil, err
	}
	i := c.find(code)
	if i < 0 {
		return nil, nil
	}
	c.spend(i)
	if err := f.renewCodes(ctx, rq, a.UserID, &c.data, f.renew); err != nil {
		return nil, err
	}
	return withData(a, c.data)
}

// recoveryCodes shows the caller's recovery codes, or only how many are left,
// once they were seen and are to be shown once. spec: mfa.md §6.5.
func (m *MFA) recoveryCodes(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	a, err := authenticator(ctx, rq, rq.User.ID, store.RecoveryCodes)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return api.Empty(http.StatusNotFound), nil
	}
	if err := m.requireRecent(ctx, rq); err != nil {
		return nil, err
	}
	c, err := m.readCodes(ctx, rq, a)
	if err != nil {
		return nil, err
	}
	e, err := m.entry(ctx, rq, a)
	if err != nil {
		return nil, err
	}
	first := c.data.ViewedAt == 0
	if first {
		c.data.ViewedAt = seconds(rq.Now)
		viewed, err := withData(a, c.data)
		if err != nil {
			return nil, err
		}
		err = rq.Store().UpdateAuthenticator(ctx, viewed)
		if isConflict(err) && !m.config.RecoveryCodesShowOnce {
			err = nil // seen or used at the same time
		}
		if err != nil {
			return nil, err // else two at once would both see what is shown once
		}
	}
	if first || !m.config.RecoveryCodesShowOnce {
		e.UnusedCodes = c.unused()
	}
	return api.Data(e), nil
}

// generateRecoveryCodes makes new recovery codes in place of the caller's
// former ones. spec: mfa.md §6.5.
func (m *MFA) generateRecoveryCodes(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	u := rq.User
	all, err := rq.Store().AuthenticatorsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	if !protects(all) {
		return nil, api.Invalid("", codeCannotGenerate)
	}
	if err := m.requireRecent(ctx, rq); err != nil {
		return nil, err
	}
	seed, data, err := m.newCodes(ctx, rq, u, seconds(rq.Now))
	if err != nil {
		return nil, err
	}
	a := &store.Authenticator{}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		// The last other factor may go at the same time. Requirement MFA-3.
		if err := rq.Hold(ctx, u.ID); err != nil {
			return err
		}
		all, err := rq.Store().AuthenticatorsOf(ctx, u.ID)
		if err != nil {
			return err
		}
		if !protects(all) {
			return api.Invalid("", codeCannotGenerate)
		}
		if old := ofKind(all, store.RecoveryCodes); old != nil {
			if err := rq.Store().DeleteAuthenticator(ctx, old.ID); err != nil {
				return err
			}
		}
		*a = store.Authenticator{UserID: u.ID, Type: store.RecoveryCodes, Data: data, CreatedAt: rq.Now}
		if err := rq.Store().CreateAuthenticator(ctx, a); err != nil {
			return err
		}
		rq.Emit(AuthenticatorReset{account.Of{User: u}, Which{a.ID, a.Type}})
		return m.account.Notify(ctx, rq, u, "recovery_codes_generated", nil)
	})
	if err != nil {
		return nil, err
	}
	e, err := m.entry(ctx, rq, a)
	if err != nil {
		return nil, err
	}
	e.UnusedCodes = deriveCodes(seed, m.config.RecoveryCodeCount, m.config.RecoveryCodeDigits)
	return api.Data(e), nil
}

// newCodes makes a seed of recovery codes, and what is stored of it. Sealing may
// take a call to a key service: it is done before a transaction, not in one.
func (f *Factors) newCodes(ctx context.Context, rq *api.Request, u *store.User, viewedAt float64) (seed string, data []byte, err error) {
	if seed, err = newSeed(rq.Env.Rand); err != nil {
		return "", nil, err
	}
	sealed, err := f.seal(ctx, rq, u.ID, store.RecoveryCodes, seed)
	if err != nil {
		return "", nil, err
	}
	data, err = json.Marshal(recoveryData{Seed: sealed, UsedMask: new(big.Int), ViewedAt: viewedAt})
	return seed, data, err
}

// spareCodes makes the recovery codes that a user gets with another factor, nil
// if they have some. spec: mfa.md §6.6.
func (m *MFA) spareCodes(ctx context.Context, rq *api.Request, u *store.User) ([]byte, error) {
	if !m.config.supports(store.RecoveryCodes) {
		return nil, nil
	}
	if has, err := authenticator(ctx, rq, u.ID, store.RecoveryCodes); err != nil || has != nil {
		return nil, err
	}
	_, data, err := m.newCodes(ctx, rq, u, 0)
	return data, err
}

// keepSpare stores such codes, within a transaction that holds the user, and
// reports whether it did: the user may have got others meanwhile. A conflict:
// what they had has gone meanwhile, with the last other factor.
func (m *MFA) keepSpare(ctx context.Context, rq *api.Request, u *store.User, spare []byte) (bool, error) {
	if !m.config.supports(store.RecoveryCodes) {
		return false, nil
	}
	has, err := authenticator(ctx, rq, u.ID, store.RecoveryCodes)
	switch {
	case err != nil || has != nil:
		return false, err
	case spare == nil:
		return false, api.Conflict()
	}
	return true, create(ctx, rq, u, &store.Authenticator{Type: store.RecoveryCodes}, json.RawMessage(spare))
}

// newSeed is what recovery codes are derived from: 320 random bits, as text.
func newSeed(rand io.Reader) (string, error) {
	b := make([]byte, 40)
	if _, err := io.ReadFull(rand, b); err != nil {
		return "", fmt.Errorf("random source: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// deriveCodes derives recovery codes from a seed. The message grows from code
// to code. spec: mfa.md §6.8.
func deriveCodes(seed string, count, digits int) []string {
	size := min(digits/2, sha1.Size)
	modulus := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	var message []byte
	l := make([]string, count)
	for i := range l {
		message = fmt.Appendf(message, "%3d,", i)
		h := hmac.New(sha1.New, []byte(seed))
		h.Write(message)
		n := new(big.Int).SetBytes(h.Sum(nil)[:size])
		l[i] = fmt.Sprintf("%0*d", digits, n.Mod(n, modulus))
	}
	return l
}
