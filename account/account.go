// Package account is what an account can do by itself: sign up, log in and
// out, verify addresses, change and reset passwords.
//
// A host never makes an [Account]: it describes one, in the root package's
// Config, which builds the rest. spec: account.md.
//
//	headless.Config{
//		Account: account.Config{LoginByCode: true},
//		Hooks:   account.Hooks{AllowSignup: …},
//		OnEvent: func(ctx context.Context, e account.Event) { … },
//		…
//	}
//
// # What hosts use
//
// [Config], [Field], [CodeConfig] and [PasswordConfig] say how accounts work, and
// [Hooks] what the host has its say in; [Reject] makes the errors that hooks
// refuse with. [Mailer] and [SMSSender] are what a host sends messages with;
// packages smtp and webhook have one each. [Event] is something that has
// happened, and the types that embed [Of] are the events of this package. A
// [Stage] asks one more thing of a [Login]. [Admin] is what operators do to
// users.
//
// # What the other packages of this module use
//
// [Account], [Pipeline], [Outbox], [Parts], [Newcomer] and whatever else takes
// types of internal packages: mfa and socialaccount log people in by it. Nobody
// else can call it.
package account

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/mail"
	"github.com/headless-auth/headless/internal/password"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store"
)

// Frontend are the pages that mails link to, as absolute URLs. {key} is where
// the key goes.
type Frontend struct {
	VerifyEmail, ResetPassword, RequestPasswordReset, Signup string
}

// Parts is what an [Account] is made of, handed in by the root package.
type Parts struct {
	Config   Config
	Hooks    Hooks
	Frontend Frontend
	Sessions *sessions.Manager
	Mail     *mail.Renderer
	Outbox   *Outbox
	Hasher   *password.Hasher
	// Domain of the site, for text messages.
	Domain string
	// Factors is package mfa's part, nil where it is off.
	Factors SecondFactors
	// ProvidersOnly: accounts are those of identity providers, and the routes
	// for signing up and logging in here are absent. spec: core.md §1.
	ProvidersOnly bool
}

// Account serves this package's routes.
type Account struct {
	config   Config
	hooks    Hooks
	frontend Frontend
	sessions *sessions.Manager
	mail     *mail.Renderer
	outbox   *Outbox
	hasher   *password.Hasher
	rules    password.Validators
	factors  SecondFactors
	domain   string
	signup   []signupField

	providersOnly bool

	emailCodes, loginCodes, resetCodes, phoneCodes *codes

	// Pipeline takes logins to their end.
	Pipeline *Pipeline
	// LogsInOtherwise reports whether a user can log in by other features alone,
	// with a passkey or through a provider.
	LogsInOtherwise func(ctx context.Context, rq *api.Request, u *store.User) (bool, error)
}

// signupField is an entry of Config.SignupFields.
type signupField struct {
	name     string
	required bool
}

func parseSignupFields(l []string) (fields []signupField) {
	for _, s := range l {
		name, required := strings.CutSuffix(s, "*")
		fields = append(fields, signupField{name, required})
	}
	return fields
}

// New returns an account part. The configuration has been judged.
func New(p Parts) *Account {
	a := &Account{
		config: p.Config, hooks: p.Hooks, frontend: p.Frontend, sessions: p.Sessions, mail: p.Mail,
		outbox: p.Outbox, hasher: p.Hasher, factors: p.Factors, domain: p.Domain, signup: parseSignupFields(p.Config.SignupFields), providersOnly: p.ProvidersOnly,
		emailCodes: newCodes("verify_email", p.Config.EmailVerificationCode, emailCodes),
		loginCodes: newCodes("login", p.Config.LoginCode, loginCodes).opening(),
		resetCodes: newCodes("reset_password", p.Config.PasswordResetCode, resetCodes).opening(),
		phoneCodes: newCodes("verify_phone", p.Config.PhoneCode, phoneCodes),
	}
	a.rules = password.Validators{
		MinLength: p.Config.Password.MinLength, AllowCommon: p.Config.Password.AllowCommon,
		AllowNumeric: p.Config.Password.AllowNumeric, AllowSimilar: p.Config.Password.AllowSimilar,
	}
	a.Pipeline = &Pipeline{sessions: p.Sessions, hooks: &a.hooks, pending: pendingLogin.For(p.Config.LoginTimeout), completed: a.noticeDevice}
	return a
}

// Routes is the table of this package's URLs.
func (a *Account) Routes() []api.Route {
	get, post, put, patch, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	l := []api.Route{
		{Path: "/auth/session", Access: api.Anyone, Methods: map[string]api.Endpoint{
			get: {Do: a.session},
			del: {Do: a.logout},
		}},
		{Path: "/auth/login", Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {Limit: "login", Input: a.loginInput(), Do: a.login},
		}},
		{Path: "/auth/signup", Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {Limit: "signup", Input: a.signupInput(), Do: a.signUp},
		}},
		{Path: "/auth/email/verify", Access: api.Anyone, Methods: map[string]api.Endpoint{
			get:  {Before: a.canVerifyEmail, Input: a.verifyEmailInput(), Do: a.verificationInfo},
			post: {Before: a.canVerifyEmail, Input: a.verifyEmailInput(), Do: a.verifyEmail},
		}},
		{Path: "/auth/email/verify/resend", Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {Before: a.canResendVerification, NoBody: true, Do: a.resendVerification},
		}},
		{Path: "/auth/password/request", Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {Input: a.requestResetInput(), Do: a.requestReset},
		}},
		{Path: "/auth/password/reset", Access: api.Anyone, Methods: map[string]api.Endpoint{
			get:  {Before: a.canResetPassword, Input: a.resetInput()[:1], Do: a.resetInfo},
			post: {Limit: "reset_password_from_key", Before: a.canResetPassword, Input: a.resetInput(), Do: a.resetPassword},
		}},
		{Path: "/auth/reauthenticate", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			post: {Limit: "reauthenticate", Input: reauthenticateInput, Do: a.reauthenticate},
		}},
		{Extension: true, Path: "/config", Access: api.Anyone, Methods: map[string]api.Endpoint{
			get: {Do: a.formsReply()},
		}},
		{Extension: true, Path: "/auth/codes", Access: api.Anyone, Methods: map[string]api.Endpoint{
			get: {Do: a.pendingCodes},
		}},
		{Extension: true, Path: "/auth/reauthenticate", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			get: {Do: a.reauthentication},
		}},
		{Path: "/auth/phone/verify", Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {Before: a.canVerifyPhone, Input: codeInput, Do: a.verifyPhone},
		}},
		{Path: "/auth/phone/verify/resend", Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {Before: a.atPhoneStage, NoBody: true, Do: a.resendPhoneCode},
		}},
		{Path: "/account/password/change", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			post: {Limit: "change_password", Input: changeInput, Do: a.changePassword},
		}},
		{Path: "/account/email", Access: emailAccess, Methods: map[string]api.Endpoint{
			get:   {Do: a.emails},
			post:  {Limit: "manage_email", Before: a.canPostEmail, Input: a.emailInput(), Do: a.postEmail},
			put:   {Limit: "manage_email", Input: knownEmailInput(), Do: a.putEmail},
			patch: {Limit: "manage_email", Input: primaryInput(), Do: a.patchEmail},
			del:   {Limit: "manage_email", Input: knownEmailInput(), Do: a.deleteEmail},
		}},
		{Path: "/account/phone", Access: phoneAccess, Methods: map[string]api.Endpoint{
			get:  {Do: a.phones},
			post: {Limit: "change_phone", Refund: true, Before: a.canChangePhone, Input: a.phoneInput(), Do: a.changePhone},
		}},
		{Extension: true, Path: "/account/phone", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			del: {Limit: "change_phone", Refund: true, Do: a.deletePhone},
		}},
		{Path: "/auth/code/confirm", Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {Before: a.atLoginCode, Input: codeInput, Do: a.confirmCode},
		}},
	}
	if a.providersOnly {
		l = slices.DeleteFunc(l, func(rt api.Route) bool { return slices.Contains(localRoutes, rt.Path) })
	}
	if a.config.LoginByCode {
		l = append(l,
			api.Route{Path: "/auth/code/request", Access: api.Anyone, Methods: map[string]api.Endpoint{
				post: {Input: a.requestCodeInput(), Do: a.requestCode},
			}},
			api.Route{Path: "/auth/code/resend", Access: api.Anyone, Methods: map[string]api.Endpoint{
				post: {Before: a.atLoginCode, NoBody: true, Do: a.resendCode},
			}})
	}
	if a.config.Closing {
		l = append(l,
			api.Route{Extension: true, Path: "/account/deactivate", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
				post: {Limit: "reauthenticate", Do: a.deactivate},
			}},
			api.Route{Extension: true, Path: "/auth/reactivate", Access: api.Anyone, Methods: map[string]api.Endpoint{
				post: {Limit: "login", Input: a.loginInput(), Do: a.reactivate},
			}},
			api.Route{Extension: true, Path: "/account", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
				del: {Limit: "reauthenticate", Do: a.deleteAccount},
			}})
	}
	return l
}

// localRoutes are absent where accounts are those of identity providers only.
var localRoutes = []string{
	"/auth/login", "/auth/signup", "/auth/password/request", "/auth/password/reset", "/auth/email/verify",
	"/auth/email/verify/resend", "/auth/phone/verify", "/auth/phone/verify/resend", "/account/password/change", "/account/email",
	"/account/phone", // and its extension
}

// Flows adds what the caller can do here. spec: core.md §8.
func (a *Account) Flows(ctx context.Context, rq *api.Request, l *api.Flows) error {
	if rq.User != nil {
		if rq.User.Password.Usable() {
			l.Put(api.Flow{ID: "reauthenticate"})
		}
		return nil
	}
	if a.providersOnly {
		return nil
	}
	l.Put(api.Flow{ID: "login"})
	if a.config.LoginByCode {
		l.Put(api.Flow{ID: stageLoginCode})
	}
	if a.Open(ctx, rq) {
		l.Put(api.Flow{ID: "signup"})
	}
	return nil
}

// ResetFlow adds whether a password reset waits for its code.
func (a *Account) ResetFlow(_ context.Context, rq *api.Request, l *api.Flows) error {
	if a.config.PasswordResetByCode && !a.providersOnly {
		_, pending := a.resetCodes.running(rq)
		l.Put(api.Flow{ID: "password_reset_by_code", Pending: &pending})
	}
	return nil
}

// ConfigData is this package's part of the config endpoint.
// spec: config-openapi.md §1.
func (a *Account) ConfigData(ctx context.Context, rq *api.Request) any {
	methods := []string{}
	for _, m := range []string{"email", "username", "phone"} {
		if a.loginBy(m) {
			methods = append(methods, m)
		}
	}
	data := struct {
		AuthenticationMethod           string   `json:"authentication_method,omitempty"`
		LoginMethods                   []string `json:"login_methods"`
		IsOpenForSignup                bool     `json:"is_open_for_signup"`
		EmailVerificationByCodeEnabled bool     `json:"email_verification_by_code_enabled"`
		LoginByCodeEnabled             bool     `json:"login_by_code_enabled"`
		PasswordResetByCodeEnabled     bool     `json:"password_reset_by_code_enabled"`
	}{
		LoginMethods: methods, IsOpenForSignup: a.Open(ctx, rq),
		EmailVerificationByCodeEnabled: a.config.EmailVerificationByCode, LoginByCodeEnabled: a.config.LoginByCode,
		PasswordResetByCodeEnabled: a.config.PasswordResetByCode,
	}
	switch email, username := a.loginBy("email"), a.loginBy("username"); {
	case email && username:
		data.AuthenticationMethod = "username_email"
	case email:
		data.AuthenticationMethod = "email"
	case username:
		data.AuthenticationMethod = "username"
	}
	return data
}

func (a *Account) loginBy(method string) bool { return slices.Contains(a.config.LoginMethods, method) }

func (a *Account) asks(field string) bool {
	return slices.ContainsFunc(a.signup, func(f signupField) bool { return f.name == field })
}

// Open reports whether this caller may make an account.
func (a *Account) Open(ctx context.Context, rq *api.Request) bool {
	if a.config.SignupClosed {
		return false
	}
	return a.hooks.AllowSignup == nil || a.hooks.AllowSignup(ctx, rq.HTTP)
}

// Display is how a user is named where the host does not say.
func Display(_ context.Context, u *store.User) string {
	for _, s := range []string{u.Username, u.Email, u.ID} {
		if s != "" {
			return s
		}
	}
	return "user" // not stored yet
}

// NewLogin begins a login of a user, who has proven who they are to another
// feature.
func (a *Account) NewLogin(u *store.User) *Login {
	return &Login{User: u, Verification: a.config.EmailVerification}
}

// Stages are the stages of this package in the contract's order.
func (a *Account) Stages() []Stage { return []Stage{codeStage{a}, phoneStage{a}, emailStage{a}} }
