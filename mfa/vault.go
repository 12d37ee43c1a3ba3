package mfa

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/store"
)

// Vault seals and opens what authenticators keep secret, outside of any
// request: for moving users from one system to another.
type Vault struct {
	factors *Factors
	rq      *api.Request
}

// NewVault returns a vault that seals as c says, with keys unless c has a
// cipher.
func NewVault(c Config, keys *secret.Keys) *Vault {
	c.totpProblems(Site{}, map[string]string{}) // for the defaults; New has judged them
	return &Vault{NewFactors(c), &api.Request{Env: &api.Env{Keys: keys}}}
}

// TOTP is what to store of a user's secret, base32 without padding, as
// [store.Authenticator].Data.
func (v *Vault) TOTP(ctx context.Context, userID, secret string) ([]byte, error) {
	sealed, err := v.factors.seal(ctx, v.rq, userID, store.TOTP, secret)
	if err != nil {
		return nil, err
	}
	return json.Marshal(totpData{Secret: sealed})
}

// OpenTOTP returns the secret of a user's authenticator.
func (v *Vault) OpenTOTP(ctx context.Context, userID string, data []byte) (string, error) {
	var d totpData
	if err := json.Unmarshal(data, &d); err != nil {
		return "", fmt.Errorf("read TOTP of user %s: %w", userID, err)
	}
	return v.factors.open(ctx, v.rq, userID, store.TOTP, d.Secret)
}

// RecoveryCodes is what to store of a user's unused codes, which they have seen
// before.
func (v *Vault) RecoveryCodes(ctx context.Context, userID string, codes []string, seenAt time.Time) ([]byte, error) {
	d := recoveryData{MigratedCodes: []string{}, ViewedAt: seconds(seenAt)}
	for _, code := range codes {
		sealed, err := v.factors.seal(ctx, v.rq, userID, store.RecoveryCodes, code)
		if err != nil {
			return nil, err
		}
		d.MigratedCodes = append(d.MigratedCodes, sealed)
	}
	return json.Marshal(d)
}

// OpenRecoveryCodes returns the unused codes of a user.
func (v *Vault) OpenRecoveryCodes(ctx context.Context, userID string, data []byte) ([]string, error) {
	c, err := v.factors.readCodes(ctx, v.rq, &store.Authenticator{UserID: userID, Data: data})
	if err != nil {
		return nil, err
	}
	return c.unused(), nil
}

// Check reads all that an authenticator keeps, and says what can't be read.
func (v *Vault) Check(ctx context.Context, a *store.Authenticator) (err error) {
	switch a.Type {
	case store.TOTP:
		_, err = v.OpenTOTP(ctx, a.UserID, a.Data)
	case store.RecoveryCodes:
		_, err = v.OpenRecoveryCodes(ctx, a.UserID, a.Data)
	case store.WebAuthn:
		_, err = readKey(a)
	default:
		err = fmt.Errorf("%q is no type of authenticator", a.Type)
	}
	return err
}
