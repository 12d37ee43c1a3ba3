package headless

import (
	"context"
	"net/http"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// Requirement is something that [Auth.Require] asks of a caller beyond being
// logged in.
type Requirement struct {
	credential api.CredentialKind // it must be this, or another that is listed
	proof      func(m store.Method) bool
	code       api.Code
	within     time.Duration
	email      bool
}

var (
	// MFA asks that the session has seen a second factor, or a passkey that
	// stands for both.
	MFA = Requirement{proof: func(m store.Method) bool { return m.Method == "mfa" }, code: "mfa_required"}
	// PhishingResistant asks that the session has seen a passkey or security
	// key, which can't be talked out of anybody.
	PhishingResistant = Requirement{
		proof: func(m store.Method) bool { return m.Method == "mfa" && m.Type == store.WebAuthn },
		code:  "phishing_resistant_required",
	}
	// VerifiedEmail asks that the user's primary address is proven to be theirs.
	VerifiedEmail = Requirement{email: true}

	// ByCookie, BySessionToken and ByAccessToken ask for a kind of credential.
	// Several of them are alternatives.
	ByCookie       = Requirement{credential: api.Cookie}
	BySessionToken = Requirement{credential: api.SessionToken}
	ByAccessToken  = Requirement{credential: api.AccessToken}
)

// Within asks that the user has proven who they are less than d ago. Together
// with [MFA] or [PhishingResistant], that proof is meant.
func Within(d time.Duration) Requirement {
	return Requirement{within: d, code: "reauthentication_required"}
}

// Require lets logged-in users pass who meet all requirements. Others are
// answered as by the API: 401 with the ways to log in or to prove more, 403
// where no proof helps, 410 for a dead session token. The code of the error
// names what is missing.
//
//	mux.Handle("/payout", auth.Require(headless.MFA, headless.Within(5*time.Minute))(payout))
func (a *Auth) Require(requirements ...Requirement) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return a.env.Guard(next, func(rq *api.Request) error { return meet(rq, requirements) })
	}
}

func meet(rq *api.Request, l []Requirement) error {
	if err := carried(rq, l); err != nil {
		return err
	}
	if rq.User == nil {
		return api.Unauthenticated()
	}
	return proven(rq, l)
}

// carried judges how the caller is recognised.
func carried(rq *api.Request, l []Requirement) error {
	wanted := api.CredentialKind("")
	for _, r := range l {
		if r.credential == "" {
			continue
		}
		if r.credential == rq.Credential.Kind {
			return nil
		}
		if wanted == "" {
			wanted = r.credential
		}
	}
	if wanted == "" || !rq.Credential.Present {
		return nil
	}
	return api.WrongCredential(wanted)
}

// proven judges what the session has seen of its user.
func proven(rq *api.Request, l []Requirement) error {
	var within time.Duration
	asksProof := false
	for _, r := range l {
		if r.within > 0 && (within == 0 || r.within < within) {
			within = r.within
		}
		asksProof = asksProof || r.proof != nil
	}
	recent := func(m store.Method) bool {
		return within == 0 || rq.Now.Sub(time.UnixMicro(int64(m.At*1e6))) < within
	}
	records := rq.Session.Methods.List()
	for _, r := range l {
		switch {
		case r.proof != nil:
			if !has(records, func(m store.Method) bool { return r.proof(m) && recent(m) }) {
				return api.Reauthenticate().Named(r.code)
			}
		case r.within > 0 && !asksProof:
			if !has(records, recent) {
				return api.Reauthenticate().Named(r.code)
			}
		case r.email:
			if err := verified(rq); err != nil {
				return err
			}
		}
	}
	return nil
}

func has(l []store.Method, good func(store.Method) bool) bool {
	for _, m := range l {
		if good(m) {
			return true
		}
	}
	return false
}

func verified(rq *api.Request) error {
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
	return api.Forbidden().Named("verified_email_required")
}
