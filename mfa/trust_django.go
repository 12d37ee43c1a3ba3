package mfa

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// trustsDjango reports whether a cookie of the Django site that moved in makes
// this a trusted browser of u. spec: mfa.md §8.2, §8.3.
//
// It can be so as long as user and authenticators are what they were there, and
// the user has not ended all sessions since. Such a cookie does not say what it
// was given for; it counts for the further factor only.
func (f *Factors) trustsDjango(ctx context.Context, rq *api.Request, u *store.User, cookie string) (bool, error) {
	trusts := readDjangoTrusts(f.config.DjangoSecretKey, cookie)
	if len(trusts) == 0 || u.Epoch != 0 {
		return false, nil
	}
	all, err := rq.Store().AuthenticatorsOf(ctx, u.ID)
	if err != nil {
		return false, err
	}
	parts := []string{u.ID, string(u.Password)}
	for _, a := range all {
		parts = append(parts, a.ID, a.Type)
		var d recoveryData
		if a.Type != store.RecoveryCodes || json.Unmarshal(a.Data, &d) != nil || d.Seed == "" {
			continue
		}
		seed := d.Seed // as it was stored there
		if sealed(seed) {
			if seed, err = f.open(ctx, rq, u.ID, store.RecoveryCodes, seed); err != nil {
				return false, err
			}
		}
		parts = append(parts, seed)
	}
	want, found := djangoFingerprint(f.config.DjangoSecretKey, parts), false
	for _, t := range trusts[:min(len(trusts), 4*maxTrusts)] {
		age := rq.Now.Sub(t.at)
		if hmac.Equal([]byte(t.fingerprint), []byte(want)) && age >= 0 && age < f.config.TrustLifetime {
			found = true
		}
	}
	return found, nil
}

// djangoTrust is an entry of the reference's cookie.
type djangoTrust struct {
	fingerprint string
	at          time.Time
}

// readDjangoTrusts reads the reference's cookie. Nothing comes of one that is
// not signed or not of that shape.
func readDjangoTrusts(secretKey, cookie string) (l []djangoTrust) {
	text, signature, ok := strings.Cut(cookie, ":")
	if !ok || !hmac.Equal([]byte(signature), []byte(signDjango(secretKey, text))) {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	var entries [][]any
	if err != nil || json.Unmarshal(b, &entries) != nil {
		return nil
	}
	for _, e := range entries {
		if len(e) != 2 {
			return nil
		}
		fingerprint, ok1 := e[0].(string)
		at, ok2 := e[1].(float64)
		if !ok1 || !ok2 || at < 0 || at > 1e12 {
			return nil
		}
		l = append(l, djangoTrust{fingerprint, time.Unix(int64(at), 0)})
	}
	return l
}

func signDjango(secretKey, text string) string {
	return base64.RawURLEncoding.EncodeToString(saltedMAC("django.core.signing.Signer"+"signer", secretKey, text))
}

// djangoFingerprint is what the reference writes into its cookie.
func djangoFingerprint(secretKey string, parts []string) string {
	return hex.EncodeToString(saltedMAC("allauth.mfa.trust", secretKey, strings.Join(parts, "|")))
}

func saltedMAC(salt, secretKey, text string) []byte {
	key := sha256.Sum256([]byte(salt + secretKey))
	h := hmac.New(sha256.New, key[:])
	h.Write([]byte(text))
	return h.Sum(nil)
}
