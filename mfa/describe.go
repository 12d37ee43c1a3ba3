package mfa

import (
	"context"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// Describe tells the name that a user gave to an authenticator, and its model,
// as far as there are any.
func (m *MFA) Describe(ctx context.Context, rq *api.Request, a *store.Authenticator) (name, model string) {
	if a.Type != store.WebAuthn {
		return "", ""
	}
	_, keys := readKeys(ctx, rq, []*store.Authenticator{a})
	if len(keys) == 0 {
		return "", ""
	}
	return keys[0].Name, modelOf(keys[0].Record.AAGUID)
}
