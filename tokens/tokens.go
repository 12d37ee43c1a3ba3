// Package tokens says what an app presents to be recognised, and what it is
// given. [Opaque], the default, knows session tokens only; [JWT] adds signed
// access tokens, which other services can check by themselves, and refresh
// tokens.
//
// A strategy makes and reads tokens and keeps nothing: package sessions asks
// the store, and decides.
//
// A host sets one in the root package's Config:
//
//	jwt, err := tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Private: key}}})
//	headless.Config{Tokens: jwt, …}
//
// Services elsewhere check access tokens with package verify. docs/tokens.md
// tells when they are of use, and what they cost.
package tokens

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/store"
)

// Strategy decides how apps carry their credentials. Implementations are safe
// for use by several goroutines at once.
type Strategy interface {
	// Locate reads a request's credential. The zero Ref means that none was
	// presented, or none that counts.
	Locate(r *http.Request, now time.Time) (Ref, error)
	// Grant makes what an app gets, beside its session token, for a session
	// whose user has become authenticated, or has traded in a refresh token.
	// The zero Grant adds nothing.
	Grant(ctx context.Context, s *store.Session, u *store.User, w When) (Grant, error)
	// Refresh reads a refresh token. ErrRefused: it is not good, or the strategy
	// has none.
	Refresh(refreshToken string, now time.Time) (Refresh, error)
}

// Bearer is an optional ability of a [Strategy]: it reads the Authorization
// header.
type Bearer interface {
	// Scheme is the first word of the header.
	Scheme() string
}

// Ref points to a session: by the hash of its token, or by its public id.
type Ref struct {
	TokenHash []byte
	// SessionID, with UserID, is what a signed token says. Both must be the
	// session's.
	SessionID, UserID string
	// Lenient: a session that is over makes the caller nobody; otherwise the
	// app is told that its credential is dead.
	Lenient bool
}

// When dates what is granted.
type When struct {
	Now time.Time
	// Refreshed is when the refresh token became due: the same token is made,
	// however often it is asked for. Zero: none is wanted.
	Refreshed time.Time
}

// Grant is what an app gets besides its session token. Extra is added to the
// reply as it is.
type Grant struct {
	AccessToken, RefreshToken string
	Extra                     map[string]any
}

// Refresh is what a refresh token says.
type Refresh struct {
	SessionID, UserID string
	Epoch, Generation int64
	// Keep: the token stays good as it is. Otherwise it is traded for another,
	// and within Grace of that still counts, for the same other one.
	Keep  bool
	Grace time.Duration
}

// ErrRefused reports that a token is not good.
var ErrRefused = errors.New("token refused")

// SessionHeader carries the session token of an app. spec: core.md §5.
const SessionHeader = "X-Session-Token"

// Opaque is the strategy of session tokens: random text in [SessionHeader]
// that means nothing to anybody but the server. It grants nothing else.
type Opaque struct{}

// Locate implements [Strategy].
func (Opaque) Locate(r *http.Request, _ time.Time) (Ref, error) {
	token := r.Header.Get(SessionHeader)
	if token == "" {
		return Ref{}, nil
	}
	return Ref{TokenHash: secret.HashToken(token)}, nil
}

// Grant implements [Strategy].
func (Opaque) Grant(context.Context, *store.Session, *store.User, When) (Grant, error) {
	return Grant{}, nil
}

// Refresh implements [Strategy].
func (Opaque) Refresh(string, time.Time) (Refresh, error) { return Refresh{}, ErrRefused }
