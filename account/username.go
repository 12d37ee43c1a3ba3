package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/store"
)

// generateUsername makes a name out of what is known of a new user: the plain
// name if it is free, else with a random suffix that grows with every try.
// spec: account.md §3.3.
func (a *Account) generateUsername(ctx context.Context, rq *api.Request, try int, sources ...string) (string, error) {
	base := "user"
	for _, s := range sources {
		if b := usernameBase(s); b != "" {
			base = b
			break
		}
	}
	base = base[:min(len(base), usernameMaxLength-12)]
	for ; try < 12; try++ {
		name := base
		if try > 0 || len(base) < a.config.UsernameMinLength {
			suffix, err := randomSuffix(rq.Env.Rand, try)
			if err != nil {
				return "", err
			}
			name += suffix
		}
		if len(name) < a.config.UsernameMinLength || a.blacklisted(name) {
			continue
		}
		_, err := rq.Store().UserByUsername(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("account: no free username found for %q", base)
}

// usernameBase reduces a text to what may stand in a username.
func usernameBase(s string) string {
	s, _, _ = strings.Cut(s, "@")
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		switch {
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("+-._", r)):
			b.WriteRune(r)
		case unicode.IsSpace(r):
			b.WriteByte('_')
		}
	}
	return strings.Trim(b.String(), "_")
}

// randomSuffix is 1 to 4 digits, then letters and digits.
func randomSuffix(rand io.Reader, try int) (string, error) {
	set, n := "0123456789", min(max(try, 1), 4)
	if try > 4 {
		set, n = "abcdefghijkmnpqrstuvwxyz23456789", min(try, 10)
	}
	return secret.Text(rand, set, n)
}
