package account

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/headless-auth/headless/store"
)

// Stage is something that may stand between proof of identity and being
// logged in. Stages run in order; the first that waits stops the login until
// its endpoint reports it done. spec: core.md §6.
type Stage interface {
	// Key is the flow's id on the wire.
	Key() string
	// Enter decides what becomes of a login that has come this far.
	Enter(ctx context.Context, l *Login) (Verdict, error)
}

// Describer is an optional ability of a [Stage]: further fields of its flow
// while it is pending.
type Describer interface {
	Describe(ctx context.Context, l *Login) map[string]any
}

// Verdict is what a stage decides.
type Verdict int

// The verdicts.
const (
	// Pass: nothing to do here, go on.
	Pass Verdict = iota
	// Wait: the client has to do something first.
	Wait
	// Refuse: this login leads nowhere.
	Refuse
)

// Login is one attempt to log in, from the first proof to the end. While it
// waits it is kept in the session.
type Login struct {
	// User is nil while pretending: somebody asked for an account that must
	// not be known to exist, or not to exist.
	User *store.User
	// Email or Phone is the identifier that was used, if it was one of these.
	Email, Phone string
	// Signup: the account was made by this very login.
	Signup bool
	// Verification is how email verification applies to this login.
	Verification EmailVerification
	// StartedAt is when the login began.
	StartedAt time.Time
	// Request is the one of this step.
	Request *http.Request

	phoneTaken bool // what a pretended signup was pretended for
	done       []string
	kept       map[string]json.RawMessage
}

// clone returns a copy that shares nothing that changes.
func (l *Login) clone() *Login {
	c := *l
	c.done, c.kept = slices.Clone(l.done), maps.Clone(l.kept)
	if l.User != nil {
		u := *l.User
		c.User = &u
	}
	return &c
}

// Keep keeps a value for a stage until the login is over.
func (l *Login) Keep(key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if l.kept == nil {
		l.kept = map[string]json.RawMessage{}
	}
	l.kept[key] = b
	return nil
}

// Kept reads what [Login.Keep] has kept into v, and reports whether there was
// anything.
func (l *Login) Kept(key string, v any) bool {
	b, ok := l.kept[key]
	return ok && json.Unmarshal(b, v) == nil
}

// reservedFlows are the contract's own flow ids.
var reservedFlows = []string{
	"login", "login_by_code", "signup", "provider_redirect", "provider_token", "provider_signup", "mfa_login_webauthn",
	"verify_email", "verify_phone", "mfa_authenticate", "mfa_trust", "mfa_signup_webauthn", "reauthenticate",
	"mfa_reauthenticate", "password_reset_by_code", "mfa_enroll",
}

// StageProblems returns what is wrong with a host's stages, by index.
func StageProblems(stages []Stage) map[string]string {
	p := map[string]string{}
	seen := map[string]bool{}
	for i, s := range stages {
		field := fmt.Sprintf("[%d]", i)
		switch {
		case s == nil || s.Key() == "":
			p[field] = "has no key"
		case seen[s.Key()] || slices.Contains(reservedFlows, s.Key()):
			p[field] = fmt.Sprintf("the key %q is taken; choose another", s.Key())
		default:
			seen[s.Key()] = true
		}
	}
	return p
}
