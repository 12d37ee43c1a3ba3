// Package tokens says what an app presents to be recognised, and what it is
// given. [Opaque], the default, knows session tokens only.
package tokens

import (
	"context"
	"errors"
	"net/http"

	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/store"
)

// Strategy decides how apps carry their credentials. Implementations are safe
// for use by several goroutines at once.
type Strategy interface {
	// Locate reads a request's credential. The zero Ref means that none was
	// presented, or none that counts.
	Locate(r *http.Request) (Ref, error)
	// Grant is called when a user has just become authenticated; what it
	// returns is added to the reply's meta. The zero Grant adds nothing.
	Grant(ctx context.Context, s *store.Session, u *store.User) (Grant, error)
	// Refresh trades a refresh token for a new Grant. ErrRefused: the token is
	// not good, or the strategy has none.
	Refresh(ctx context.Context, refreshToken string) (Grant, error)
}

// Ref points to a session: by the hash of its token, or by its public id.
type Ref struct {
	TokenHash []byte
	SessionID string
}

// Grant is what an app gets besides its session token.
type Grant struct{ AccessToken, RefreshToken string }

// ErrRefused reports that a token is not good.
var ErrRefused = errors.New("token refused")

// SessionHeader carries the session token of an app. spec: core.md §5.
const SessionHeader = "X-Session-Token"

// Opaque is the strategy of session tokens: random text in [SessionHeader]
// that means nothing to anybody but the server. It grants nothing else.
type Opaque struct{}

// Locate implements [Strategy].
func (Opaque) Locate(r *http.Request) (Ref, error) {
	token := r.Header.Get(SessionHeader)
	if token == "" {
		return Ref{}, nil
	}
	return Ref{TokenHash: secret.HashToken(token)}, nil
}

// Grant implements [Strategy].
func (Opaque) Grant(context.Context, *store.Session, *store.User) (Grant, error) {
	return Grant{}, nil
}

// Refresh implements [Strategy].
func (Opaque) Refresh(context.Context, string) (Grant, error) { return Grant{}, ErrRefused }
