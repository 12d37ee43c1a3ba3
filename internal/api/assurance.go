package api

import (
	"context"
	"time"

	"github.com/headless-auth/headless/store"
)

// Requirement is something that a route of the host's asks of a caller beyond
// being logged in. Each uses some of the fields.
type Requirement struct {
	// Credential must be this, or another that is listed.
	Credential CredentialKind
	// Proof is a record that the session must have; Code names its absence.
	Proof func(m store.Method) bool
	Code  Code
	// Within is how old a record may be.
	Within time.Duration
	// VerifiedEmail: the primary address must be.
	VerifiedEmail bool
}

// Meet judges whether a caller is logged in and meets all requirements.
func (rq *Request) Meet(l []Requirement) error {
	if err := rq.carries(l); err != nil {
		return err
	}
	if rq.User == nil {
		return Unauthenticated()
	}
	return rq.hasProven(l)
}

// carries judges how the caller is recognised.
func (rq *Request) carries(l []Requirement) error {
	wanted := CredentialKind("")
	for _, r := range l {
		if r.Credential == "" {
			continue
		}
		if r.Credential == rq.Credential.Kind {
			return nil
		}
		if wanted == "" {
			wanted = r.Credential
		}
	}
	if wanted == "" || !rq.Credential.Present {
		return nil
	}
	return WrongCredential(wanted)
}

// hasProven judges what the session has seen of its user.
func (rq *Request) hasProven(l []Requirement) error {
	var within time.Duration
	asksProof := false
	for _, r := range l {
		if r.Within > 0 && (within == 0 || r.Within < within) {
			within = r.Within
		}
		asksProof = asksProof || r.Proof != nil
	}
	recent := func(m store.Method) bool {
		return within == 0 || rq.Now.Sub(time.UnixMicro(int64(m.At*1e6))) < within
	}
	for _, r := range l {
		switch {
		case r.Proof != nil:
			if !rq.recorded(func(m store.Method) bool { return r.Proof(m) && recent(m) }) {
				return Reauthenticate().Named(r.Code)
			}
		case r.Within > 0 && !asksProof:
			if !rq.recorded(recent) {
				return Reauthenticate().Named(r.Code)
			}
		case r.VerifiedEmail:
			if err := rq.emailVerified(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (rq *Request) recorded(good func(store.Method) bool) bool {
	for _, m := range rq.Session.Methods.List() {
		if good(m) {
			return true
		}
	}
	return false
}

func (rq *Request) emailVerified() error {
	ctx, cancel := context.WithTimeout(rq.HTTP.Context(), rq.Env.Timeout)
	defer cancel()
	l, err := rq.Store().EmailsOf(ctx, rq.User.ID)
	if err != nil {
		return err
	}
	for _, e := range l {
		if e.Primary && e.Verified {
			return nil
		}
	}
	return Forbidden().Named("verified_email_required")
}
