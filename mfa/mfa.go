// Package mfa adds further factors to accounts: TOTP, recovery codes, and
// WebAuthn as second factor or as passkey, and lets users trust browsers.
//
// A host sets [Config] through the root package, which builds the rest:
//
//	headless.Config{
//		MFA: &mfa.Config{SupportedTypes: []string{"totp", "recovery_codes", "webauthn"}, PasskeyLogin: true},
//		…
//	}
//
// Without it there are no further factors: no routes, no stages. Hosts also
// implement [Cipher], where secrets are encrypted by a key management service,
// call [QR], and hear the events of this package. [MFA], [Factors] and [Parts]
// are for the root package. docs/mfa.md tells how to begin. spec: mfa.md.
package mfa

import (
	"context"
	"net/http"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store"
)

// Parts is what an [MFA] is made of, handed in by the root package.
type Parts struct {
	Factors  *Factors
	Account  *account.Account
	Sessions *sessions.Manager
	// LoginCodeTrust: a browser can be trusted after a required login code.
	LoginCodeTrust bool
	// Secure: the site is served over https.
	Secure bool
}

// MFA serves this package's routes.
type MFA struct {
	*Factors
	account   *account.Account
	sessions  *sessions.Manager
	codeTrust bool
	secure    bool
}

// New returns the further factors of a site.
func New(p Parts) *MFA {
	return &MFA{Factors: p.Factors, account: p.Account, sessions: p.Sessions, codeTrust: p.LoginCodeTrust, secure: p.Secure}
}

// Stages are the stages of this package in the contract's order.
func (m *MFA) Stages() []account.Stage {
	l := []account.Stage{authenticateStage{m}}
	if m.trustOn() {
		l = append(l, trustStage{m})
	}
	if m.config.PasskeySignup {
		l = append(l, signupStage{m})
	}
	if m.config.MustEnroll != nil {
		l = append(l, enrollStage{m})
	}
	return l
}

// Routes is the table of this package's URLs. spec: mfa.md §1.1.
func (m *MFA) Routes() []api.Route {
	get, post, del := http.MethodGet, http.MethodPost, http.MethodDelete
	l := []api.Route{
		{Path: "/auth/2fa/authenticate", Access: m.at(stageAuthenticate), Methods: map[string]api.Endpoint{
			post: {Input: codeInput, Do: m.authenticateByCode},
		}},
		{Path: "/auth/2fa/reauthenticate", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			post: {Input: codeInput, Do: m.reauthenticateByCode},
		}},
		{Path: "/account/authenticators", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			get: {Do: m.list},
		}},
	}
	if m.trustOn() {
		l = append(l,
			api.Route{Path: "/auth/2fa/trust", Client: api.Browser, Access: m.at(stageTrust), Methods: map[string]api.Endpoint{
				post: {Input: trustInput, Do: m.trust},
			}},
			api.Route{Extension: true, Path: "/account/trusted-browsers", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
				get: {Do: m.trustedBrowsers},
				del: {Input: distrustInput, Do: m.distrust},
			}})
	}
	if m.config.supports(store.TOTP) {
		l = append(l, api.Route{Path: "/account/authenticators/totp", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			get:  {Do: m.totp},
			post: {Input: codeInput, Do: m.activateTOTP},
			del:  {NoBody: true, Do: m.deactivateTOTP},
		}})
	}
	if m.config.supports(store.RecoveryCodes) {
		l = append(l, api.Route{Path: "/account/authenticators/recovery-codes", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			get:  {Do: m.recoveryCodes},
			post: {Do: m.generateRecoveryCodes},
		}})
	}
	if m.config.supports(store.WebAuthn) {
		l = append(l, m.webauthnRoutes()...)
	}
	if m.config.MustEnroll != nil {
		l = append(l, m.enrollRoutes()...)
	}
	return l
}

func (m *MFA) webauthnRoutes() []api.Route {
	get, post, put, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	l := []api.Route{
		{Path: "/auth/webauthn/authenticate", Access: m.at(stageAuthenticate), Methods: map[string]api.Endpoint{
			get:  {Do: m.authenticationOptions},
			post: {Input: credentialInput, Do: m.authenticateByKey},
		}},
		{Path: "/auth/webauthn/reauthenticate", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			get:  {Do: m.reauthenticationOptions},
			post: {Input: credentialInput, Do: m.reauthenticateByKey},
		}},
		{Path: "/account/authenticators/webauthn", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			get:  {Before: m.mayAdd, Do: m.keyOptions},
			post: {Before: m.mayAdd, Input: newKeyInput, Do: m.addKey},
			put:  {Input: renameInput, Do: m.renameKey},
			del:  {Input: removeInput, Do: m.removeKeys},
		}},
		{Extension: true, Path: "/account/authenticators/webauthn/conditional", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			get:  {Before: m.mayAdd, Do: m.conditionalKeyOptions},
			post: {Before: m.mayAdd, Input: newKeyInput, Do: m.addConditionalKey},
		}},
		{Extension: true, Path: "/account/authenticators/webauthn/signals", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			get: {Do: m.signals},
		}},
	}
	if m.config.PasskeyLogin {
		l = append(l, api.Route{Path: "/auth/webauthn/login", Access: api.Anyone, Methods: map[string]api.Endpoint{
			get:  {Do: m.passkeyOptions},
			post: {Input: credentialInput, Do: m.passkeyLogin},
		}})
	}
	if m.config.PasskeySignup {
		l = append(l, api.Route{Path: "/auth/webauthn/signup", Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {Limit: "signup", Input: m.account.PasskeySignupInput(), Do: m.passkeySignup},
			get:  {Before: m.canAddPasskey, Do: m.signupOptions},
			put:  {Limit: "signup", Before: m.canAddPasskey, Input: newKeyInput, Do: m.addPasskey},
		}})
	}
	return l
}

// at lets pass whose login waits at a stage.
func (m *MFA) at(stage string) api.Access {
	return func(rq *api.Request) error {
		if m.account.Pipeline.At(rq, stage) {
			return nil
		}
		return api.NotPending()
	}
}

// waiting returns whose login it is that waits.
func (m *MFA) waiting(ctx context.Context, rq *api.Request) (*store.User, error) {
	l, _, err := m.account.Pipeline.Current(ctx, rq)
	if err != nil {
		return nil, err
	}
	if l == nil || l.User == nil {
		return nil, api.NotPending()
	}
	return l.User, nil
}

// Flows adds what the caller can do here. spec: core.md §8.
func (m *MFA) Flows(ctx context.Context, rq *api.Request, l *api.Flows) error {
	if rq.User == nil {
		if m.config.PasskeyLogin {
			l.Put(api.Flow{ID: "mfa_login_webauthn"})
		}
		return nil
	}
	all, err := rq.Store().AuthenticatorsOf(ctx, rq.User.ID)
	if err == nil && len(all) > 0 {
		l.Put(api.Flow{ID: "mfa_reauthenticate", Types: types(all)})
	}
	return err
}

// ConfigData is this package's part of the config endpoint.
// spec: config-openapi.md §1.
func (m *MFA) ConfigData() any {
	return struct {
		SupportedTypes      []string `json:"supported_types"`
		PasskeyLoginEnabled bool     `json:"passkey_login_enabled"`
	}{m.config.SupportedTypes, m.config.PasskeyLogin}
}

// WellKnown serves the origins on other domains that may use the site's
// passkeys: 404, if there are none. WebAuthn Level 3, §5.11.
func (f *Factors) WellKnown() http.Handler {
	related, err := f.config.relatedOrigins()
	if err != nil || related == nil {
		return http.NotFoundHandler()
	}
	return related
}
