package mfa

import (
	"context"
	"errors"
	"strings"

	"github.com/headless-auth/headless/internal/api"
)

// How a stored secret begins tells what it was sealed with, so that sites can
// move from one way to another. Whatever begins otherwise comes from elsewhere.
const (
	sealedByKeys   = "k1:"
	sealedByCipher = "c1:"

	purposeSecrets = "mfa-secrets"
)

// bound is what a user's secret belongs to. A user has one of each kind, so
// that this names the row, also before it is stored.
func bound(userID, kind string) string { return "mfa/" + kind + "/" + userID }

// seal encrypts a secret for storing.
func (f *Factors) seal(ctx context.Context, rq *api.Request, userID, kind, plain string) (string, error) {
	if f.config.Cipher != nil {
		s, err := f.config.Cipher.Seal(ctx, []byte(plain), bound(userID, kind))
		return sealedByCipher + s, err
	}
	return sealedByKeys + rq.Env.Keys.SealText([]byte(plain), purposeSecrets, bound(userID, kind)), nil
}

var errNoCipher = errors.New("mfa: a stored secret needs Config.Cipher, which is missing")

// open decrypts a stored secret.
func (f *Factors) open(ctx context.Context, rq *api.Request, userID, kind, stored string) (string, error) {
	if s, ok := strings.CutPrefix(stored, sealedByKeys); ok {
		b, err := rq.Env.Keys.OpenText(s, purposeSecrets, bound(userID, kind))
		return string(b), err
	}
	if s, ok := strings.CutPrefix(stored, sealedByCipher); ok {
		if f.config.Cipher == nil {
			return "", errNoCipher
		}
		b, err := f.config.Cipher.Open(ctx, s, bound(userID, kind))
		return string(b), err
	}
	if f.config.OpenLegacy != nil {
		return f.config.OpenLegacy(ctx, stored)
	}
	return stored, nil
}

// sealed reports whether a stored secret is of our making.
func sealed(stored string) bool {
	return strings.HasPrefix(stored, sealedByKeys) || strings.HasPrefix(stored, sealedByCipher)
}

// current reports whether a stored secret is sealed as it would be today.
func (f *Factors) current(rq *api.Request, stored string) bool {
	if f.config.Cipher != nil {
		return strings.HasPrefix(stored, sealedByCipher) // the key is the cipher's business
	}
	s, ok := strings.CutPrefix(stored, sealedByKeys)
	return ok && rq.Env.Keys.SealedNow(s, purposeSecrets)
}

// reseal seals a stored secret as it would be sealed today.
func (f *Factors) reseal(ctx context.Context, rq *api.Request, userID, kind, stored string) (string, error) {
	plain, err := f.open(ctx, rq, userID, kind, stored)
	if err != nil {
		return "", err
	}
	return f.seal(ctx, rq, userID, kind, plain)
}

// renew is reseal for what needs it, whenever a row is written anyway.
func (f *Factors) renew(ctx context.Context, rq *api.Request, userID, kind, stored string) (string, error) {
	if f.current(rq, stored) {
		return stored, nil
	}
	return f.reseal(ctx, rq, userID, kind, stored)
}
