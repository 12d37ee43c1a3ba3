package mfa

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const (
	codeUnverifiedEmail api.Code = "unverified_email"
	codeCannotDelete    api.Code = "cannot_delete_authenticator"
	codeInvalidList     api.Code = "invalid_list"
	codeInvalidChoice   api.Code = "invalid_choice"
	codeInvalidPK       api.Code = "invalid_pk_value"
	codeCannotGenerate  api.Code = "cannot_generate_recovery_codes"
	codeTooManyFactors  api.Code = "max_authenticators"
)

// entry is an authenticator as the API shows it. spec: mfa.md §6.3.
type entry struct {
	Type       string   `json:"type"`
	CreatedAt  float64  `json:"created_at"`
	LastUsedAt *float64 `json:"last_used_at"`

	TotalCodeCount  *int     `json:"total_code_count,omitempty"`
	UnusedCodeCount *int     `json:"unused_code_count,omitempty"`
	UnusedCodes     []string `json:"unused_codes,omitzero"`

	ID             any     `json:"id,omitempty"`
	Name           *string `json:"name,omitempty"`
	IsPasswordless *bool   `json:"is_passwordless,omitempty"`
	// Model is an addition of ours, where the authenticator's is known.
	Model string `json:"model,omitempty"`
}

func (m *MFA) entry(ctx context.Context, rq *api.Request, a *store.Authenticator) (*entry, error) {
	e := &entry{Type: a.Type, CreatedAt: seconds(a.CreatedAt)}
	if !a.LastUsedAt.IsZero() {
		at := seconds(a.LastUsedAt)
		e.LastUsedAt = &at
	}
	switch a.Type {
	case store.RecoveryCodes:
		// Codes that can't be read must not hide the other factors, nor that
		// there are none to count on: the operator is told.
		total, unused := 0, 0
		if codes, err := m.readCodes(ctx, rq, a); err != nil {
			rq.Env.Log.ErrorContext(ctx, "recovery codes can't be used", "error", err)
		} else {
			total, unused = codes.total(), len(codes.unused())
		}
		e.TotalCodeCount, e.UnusedCodeCount = &total, &unused
	case store.WebAuthn:
		var name string
		if _, keys := readKeys(ctx, rq, []*store.Authenticator{a}); len(keys) > 0 {
			name, e.IsPasswordless, e.Model = keys[0].Name, keys[0].Record.RK, modelOf(keys[0].Record.AAGUID)
		}
		e.ID, e.Name = rq.Env.IDValue(a.ID), &name
	}
	return e, nil
}

// list lists the caller's authenticators. spec: mfa.md §6.3.
func (m *MFA) list(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	all, err := rq.Store().AuthenticatorsOf(ctx, rq.User.ID)
	if err != nil {
		return nil, err
	}
	l := []*entry{}
	for _, a := range all {
		e, err := m.entry(ctx, rq, a)
		if err != nil {
			return nil, err
		}
		l = append(l, e)
	}
	return api.Data(l), nil
}

// unverified reports whether an address of a user is not proven to be theirs,
// so that they may not set up a factor: it might lock out the owner of the
// address. spec: mfa.md §3.
func (m *MFA) unverified(ctx context.Context, rq *api.Request, u *store.User) (bool, error) {
	if m.config.AllowUnverifiedEmail {
		return false, nil
	}
	l, err := rq.Store().EmailsOf(ctx, u.ID)
	return slices.ContainsFunc(l, func(e *store.EmailAddress) bool { return !e.Verified }), err
}

// mayAdd lets pass who may set up a factor.
func (m *MFA) mayAdd(ctx context.Context, rq *api.Request) error {
	unverified, err := m.unverified(ctx, rq, rq.User)
	if err == nil && unverified {
		err = &api.Error{Status: http.StatusConflict, Items: []api.Item{{Code: codeUnverifiedEmail}}}
	}
	return err
}

// create stores a new authenticator, within a transaction.
func create(ctx context.Context, rq *api.Request, u *store.User, a *store.Authenticator, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return err
	}
	a.UserID, a.Data, a.CreatedAt = u.ID, b, rq.Now
	if err := rq.Store().CreateAuthenticator(ctx, a); err != nil {
		return err
	}
	rq.Emit(AuthenticatorAdded{account.Of{User: u}, Which{a.ID, a.Type}})
	return nil
}

// removedKinds are the mails that tell of a removed authenticator.
var removedKinds = map[string]string{store.TOTP: "totp_deactivated", store.WebAuthn: "webauthn_removed"}

// mayRemove judges whether the caller may remove authenticators.
func (m *MFA) mayRemove(ctx context.Context, rq *api.Request, l []*store.Authenticator) error {
	for _, a := range l {
		if m.config.MayRemove == nil {
			break
		}
		may, err := m.config.MayRemove(ctx, rq.User, a)
		if err != nil {
			return err
		}
		if !may {
			return api.Invalid("", codeCannotDelete)
		}
	}
	return m.requireRecent(ctx, rq)
}

// requireRecent asks for a recent proof before factors change: also before one
// is added, or recovery codes are shown, that could then be the proof to remove
// another.
func (m *MFA) requireRecent(ctx context.Context, rq *api.Request) error {
	if !m.config.RemovalNeedsFactor {
		return m.account.RequireRecent(ctx, rq)
	}
	all, err := rq.Store().AuthenticatorsOf(ctx, rq.User.ID)
	switch {
	case err != nil:
		return err
	case protects(all):
		return m.account.RequireRecentFactor(rq)
	}
	return m.account.RequireRecent(ctx, rq)
}

// remove removes authenticators of a user within a transaction, and the
// recovery codes too if nothing else is left. spec: mfa.md §6.7.
func (m *MFA) remove(ctx context.Context, rq *api.Request, u *store.User, l []*store.Authenticator) error {
	if err := rq.Hold(ctx, u.ID); err != nil {
		return err
	}
	for _, a := range l {
		if err := deleteOne(ctx, rq, u, a); err != nil {
			return err
		}
		if kind := removedKinds[a.Type]; kind != "" {
			if err := m.account.Notify(ctx, rq, u, kind, nil); err != nil {
				return err
			}
		}
	}
	rest, err := rq.Store().AuthenticatorsOf(ctx, u.ID)
	if err != nil || protects(rest) {
		return err
	}
	for _, a := range rest {
		if err := deleteOne(ctx, rq, u, a); err != nil {
			return err
		}
	}
	return nil
}

func deleteOne(ctx context.Context, rq *api.Request, u *store.User, a *store.Authenticator) error {
	if err := rq.Store().DeleteAuthenticator(ctx, a.ID); err != nil {
		return err
	}
	rq.Emit(AuthenticatorRemoved{account.Of{User: u}, Which{a.ID, a.Type}})
	return nil
}

// choices reads a list of ids that must not be empty and must be among ids.
// spec: mfa.md §7.6.
func choices(rq *api.Request, field string, ids []string) ([]string, error) {
	raw := rq.Input.Raw(field)
	if absent(raw) {
		return nil, api.Invalid(field, api.CodeRequired)
	}
	items, ok := api.Elements(raw)
	if !ok {
		return nil, api.Invalid(field, codeInvalidList)
	}
	var chosen []string
	for item := range items {
		id, ok := idOf(item)
		if !ok || rq.Env.IntegerIDs && !integer(id) {
			return nil, api.Invalid(field, codeInvalidPK)
		}
		if !slices.Contains(ids, id) {
			return nil, api.Invalid(field, codeInvalidChoice)
		}
		if !slices.Contains(chosen, id) {
			chosen = append(chosen, id)
		}
	}
	return chosen, nil
}

// absent reports whether a value counts as none.
func absent(raw json.RawMessage) bool {
	switch raw = bytes.TrimSpace(raw); {
	case len(raw) == 0, string(raw) == "null", string(raw) == `""`:
		return true
	case raw[0] == '[' || raw[0] == '{':
		return len(bytes.TrimSpace(raw[1:len(raw)-1])) == 0
	}
	return false
}

// idOf reads an id, which may be a number or a text.
func idOf(raw json.RawMessage) (string, bool) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, s != ""
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String(), true
	}
	return "", false
}

func integer(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// isConflict reports that somebody else was quicker.
func isConflict(err error) bool { return errors.Is(err, store.ErrConflict) }
