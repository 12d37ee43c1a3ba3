package mfa

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/sessions"
)

// ceremonyKind says what a WebAuthn challenge was handed out for.
type ceremonyKind string

const (
	ceremonyAuthenticate    ceremonyKind = "authenticate"
	ceremonyReauthenticate  ceremonyKind = "reauthenticate"
	ceremonyLogin           ceremonyKind = "login"
	ceremonyAdd             ceremonyKind = "add"
	ceremonyAddPasswordless ceremonyKind = "add_passwordless"
	ceremonyAddConditional  ceremonyKind = "add_conditional"
	ceremonySignup          ceremonyKind = "signup"
	ceremonyEnroll          ceremonyKind = "enroll"
)

// ceremony is a challenge that waits for its answer. It is good for one kind
// of ceremony, one user, a while, and one attempt, right or wrong.
// spec: mfa.md §7.1.
type ceremony struct {
	Kind      ceremonyKind `json:"k"`
	UserID    string       `json:"u,omitempty"`
	Challenge []byte       `json:"c"` // its SHA-256
}

const ceremonyLifetime = 10 * time.Minute

var pendingCeremony = sessions.NewSlot[ceremony]("mfa.webauthn", ceremonyLifetime)

// begin hands out a challenge. One that was handed out before is void.
func begin(rq *api.Request, kind ceremonyKind, userID string) (challenge string, err error) {
	b := make([]byte, 32)
	if _, err := io.ReadFull(rq.Env.Rand, b); err != nil {
		return "", fmt.Errorf("random source: %w", err)
	}
	challenge = base64.RawURLEncoding.EncodeToString(b)
	return challenge, pendingCeremony.Begin(rq, ceremony{kind, userID, hashChallenge(challenge)})
}

func hashChallenge(challenge string) []byte {
	h := sha256.Sum256([]byte(challenge))
	return h[:]
}

// take uses up the challenge that waits, before the answer is judged, so that
// there is one attempt whatever comes of it. It returns nil unless that was
// handed out for one of these kinds and this user.
func take(ctx context.Context, rq *api.Request, userID string, kinds ...ceremonyKind) (*ceremony, error) {
	c, ok := pendingCeremony.Get(rq)
	if !ok {
		return nil, nil
	}
	pendingCeremony.Drop(rq)
	if err := rq.SaveNow(ctx); err != nil {
		return nil, err
	}
	if !slices.Contains(kinds, c.Kind) || c.UserID != userID {
		return nil, nil
	}
	return &c, nil
}

// answers reports whether a challenge is the one that was handed out.
func (c *ceremony) answers(challenge string) bool {
	return subtle.ConstantTimeCompare(c.Challenge, hashChallenge(challenge)) == 1
}
