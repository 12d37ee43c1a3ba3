// Package account is what an account can do by itself: sign up, log in and
// out, verify addresses, change and reset passwords.
//
// A host sets [Config] and [Hooks] through the root package, which builds the
// rest. spec: account.md.
package account

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/mail"
	"github.com/headless-auth/headless/internal/password"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store"
)

// Config says how accounts work. The zero Config is a strict default: log in
// by email address and password, and nobody gets in before their address is
// verified by a link.
type Config struct {
	// LoginMethods are the identifiers that people log in with: any of
	// "email", "username", "phone". Default: email.
	LoginMethods []string
	// SignupFields are what signing up asks for, in order: "email", "email2",
	// "username", "phone", "password1", "password2", each with "*" if it is
	// required. Default: email*, password1*. Without password1, accounts have
	// no password.
	SignupFields []string
	// Fields are the host's own signup fields, stored with the user.
	Fields []Field
	// SignupClosed refuses to make accounts. [Hooks].AllowSignup decides case
	// by case.
	SignupClosed bool
	// NoUsernames: users have no username, not even a generated one.
	NoUsernames bool
	// UsernameMinLength in characters. Default 1.
	UsernameMinLength int
	// UsernameBlacklist are names that can't be taken, in any case.
	UsernameBlacklist []string
	// LowercaseUsernames stores usernames in lower case. They are compared
	// without regard to case either way.
	LowercaseUsernames bool
	// EmailVerification is [Mandatory] (default), [Optional] or [None].
	EmailVerification EmailVerification
	// EmailVerificationLifetime is how long a link verifies. Default 3 days.
	EmailVerificationLifetime time.Duration
	// EmailMaxLength in characters. Default 254.
	EmailMaxLength int
	// LoginOnEmailVerification logs the waiting client in when it follows the
	// verification link itself.
	LoginOnEmailVerification bool
	// LoginTimeout is how long a login may stay half done. Default 15 minutes.
	LoginTimeout time.Duration
	// LoginOnPasswordReset logs in whoever has just reset their password.
	LoginOnPasswordReset bool
	// LogoutOnPasswordChange ends also the session that changed the password.
	LogoutOnPasswordChange bool
	// PasswordResetLifetime is how long a reset link works. Default 3 days.
	PasswordResetLifetime time.Duration
	// ReauthenticationTimeout is how long a proof of identity counts as
	// recent. Default 5 minutes.
	ReauthenticationTimeout time.Duration
	// PreventEnumeration hides whether an account exists. Default [Prevent].
	PreventEnumeration Enumeration
	// SilentForUnknownAccounts sends no mail to addresses without an account.
	// By default they are told so.
	SilentForUnknownAccounts bool
	// EmailNotifications tells users by mail of changes to their account.
	EmailNotifications bool
	// Password says how passwords are judged and stored.
	Password PasswordConfig
}

// PasswordConfig says how passwords are judged and stored.
type PasswordConfig struct {
	// MinLength in characters. Default 8.
	MinLength int
	// AllowCommon, AllowNumeric and AllowSimilar switch off the rules against
	// common passwords, digits only, and likeness to the user's other details.
	AllowCommon, AllowNumeric, AllowSimilar bool
	// Argon2Memory in KiB (default 19456), Argon2Time in passes (default 2)
	// and Argon2Threads (default 1) are the cost of a hash. Stored hashes of
	// other costs are renewed at the next login.
	Argon2Memory, Argon2Time, Argon2Threads int
	// MaxConcurrent hashes at once; more wait. Default: one for each CPU.
	MaxConcurrent int
	// MaxWait is how long a request waits for its turn to hash before it is
	// answered 503. Default 4 s.
	MaxWait time.Duration
}

// EmailVerification says what an unverified address means for logging in.
type EmailVerification string

// The kinds of email verification.
const (
	// Mandatory: nobody logs in before their address is verified.
	Mandatory EmailVerification = "mandatory"
	// Optional: a mail is sent at signup, and nothing waits for it.
	Optional EmailVerification = "optional"
	// None: no mail is sent at signup.
	None EmailVerification = "none"
)

// Enumeration says whether strangers may learn that an account exists.
// spec: account.md §9.
type Enumeration string

// The kinds of enumeration prevention.
const (
	// Prevent hides it as far as unique addresses allow.
	Prevent Enumeration = "true"
	// PreventStrict hides it even where that lets two accounts claim one
	// unverified address.
	PreventStrict Enumeration = "strict"
	// Reveal says so plainly.
	Reveal Enumeration = "false"
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
	Site     string
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
	site     string
	signup   []signupField
	Pipeline *Pipeline
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

var knownSignupFields = []string{"email", "email2", "username", "phone", "password1", "password2"}

// Problems returns what is wrong with a configuration, by field, and fills in
// the defaults.
func (c *Config) Problems() map[string]string {
	p := map[string]string{}
	if len(c.LoginMethods) == 0 {
		c.LoginMethods = []string{"email"}
	}
	if len(c.SignupFields) == 0 {
		c.SignupFields = []string{"email*", "password1*"}
	}
	def(&c.EmailVerification, Mandatory)
	def(&c.PreventEnumeration, Prevent)
	def(&c.UsernameMinLength, 1)
	def(&c.EmailMaxLength, 254)
	def(&c.EmailVerificationLifetime, 3*24*time.Hour)
	def(&c.PasswordResetLifetime, 3*24*time.Hour)
	def(&c.LoginTimeout, 15*time.Minute)
	def(&c.ReauthenticationTimeout, 5*time.Minute)
	def(&c.Password.MinLength, 8)
	def(&c.Password.MaxWait, 4*time.Second)

	for i, m := range c.LoginMethods {
		if !slices.Contains([]string{"email", "username"}, m) {
			p[fmt.Sprintf("LoginMethods[%d]", i)] = fmt.Sprintf(`%q is no login method; write "email" or "username"`, m)
		}
	}
	seen := map[string]bool{}
	fields := parseSignupFields(c.SignupFields)
	for i, f := range fields {
		name := fmt.Sprintf("SignupFields[%d]", i)
		switch {
		case f.name == "password":
			p[name] = `"password" is no field name; write "password1"`
		case f.name == "phone":
			p[name] = `"phone" is not supported yet`
		case !slices.Contains(knownSignupFields, f.name):
			p[name] = fmt.Sprintf("%q is no signup field; write one of %s, with * if it is required", f.name, strings.Join(knownSignupFields, ", "))
		case seen[f.name]:
			p[name] = fmt.Sprintf("%q is listed twice", f.name)
		}
		seen[f.name] = true
	}
	if c.EmailVerification == Mandatory && !slices.Contains(fields, signupField{"email", true}) {
		p["SignupFields"] = `mandatory email verification needs "email*"; add it, or set EmailVerification to "optional" or "none"`
	}
	if seen["email2"] && !seen["email"] {
		p["SignupFields"] = `"email2" repeats "email"; add "email"`
	}
	if c.NoUsernames && (seen["username"] || slices.Contains(c.LoginMethods, "username")) {
		p["NoUsernames"] = `contradicts "username" in LoginMethods or SignupFields`
	}
	switch c.EmailVerification {
	case Mandatory, Optional, None:
	default:
		p["EmailVerification"] = fmt.Sprintf(`%q is not known; write "mandatory", "optional" or "none"`, string(c.EmailVerification))
	}
	switch c.PreventEnumeration {
	case Prevent, PreventStrict, Reveal:
	default:
		p["PreventEnumeration"] = fmt.Sprintf(`%q is not known; write "true", "strict" or "false"`, string(c.PreventEnumeration))
	}
	for name, d := range map[string]time.Duration{
		"EmailVerificationLifetime": c.EmailVerificationLifetime, "PasswordResetLifetime": c.PasswordResetLifetime,
		"LoginTimeout": c.LoginTimeout, "ReauthenticationTimeout": c.ReauthenticationTimeout, "Password.MaxWait": c.Password.MaxWait,
	} {
		if d < 0 {
			p[name] = `can't be negative; write a duration such as "15m"`
		}
	}
	if c.UsernameMinLength < 1 || c.UsernameMinLength > usernameMaxLength {
		p["UsernameMinLength"] = "must be between 1 and 150"
	}
	if c.EmailMaxLength < 6 || c.EmailMaxLength > 320 {
		p["EmailMaxLength"] = "must be between 6 and 320"
	}
	if c.Password.MinLength < 1 || c.Password.MinLength > 128 {
		p["Password.MinLength"] = "must be between 1 and 128"
	}
	for i := range c.Fields {
		c.Fields[i].problems(fmt.Sprintf("Fields[%d]", i), seen, p)
	}
	return p
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// New returns an account part. The configuration has been judged.
func New(p Parts) *Account {
	a := &Account{
		config: p.Config, hooks: p.Hooks, frontend: p.Frontend, sessions: p.Sessions, mail: p.Mail,
		outbox: p.Outbox, hasher: p.Hasher, site: p.Site, signup: parseSignupFields(p.Config.SignupFields),
	}
	a.rules = password.Validators{
		MinLength: p.Config.Password.MinLength, AllowCommon: p.Config.Password.AllowCommon,
		AllowNumeric: p.Config.Password.AllowNumeric, AllowSimilar: p.Config.Password.AllowSimilar,
	}
	a.Pipeline = &Pipeline{sessions: p.Sessions, hooks: &a.hooks, pending: pendingLogin.For(p.Config.LoginTimeout)}
	return a
}

// Routes is the table of this package's URLs.
func (a *Account) Routes() []api.Route {
	get, post, del := http.MethodGet, http.MethodPost, http.MethodDelete
	return []api.Route{
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
			get:  {Input: verifyEmailInput, Do: a.verificationInfo},
			post: {Input: verifyEmailInput, Do: a.verifyEmail},
		}},
		{Path: "/auth/email/verify/resend", Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {Before: a.canResendVerification},
		}},
		{Path: "/auth/password/request", Access: api.Anyone, Methods: map[string]api.Endpoint{
			post: {Input: a.requestResetInput(), Do: a.requestReset},
		}},
		{Path: "/auth/password/reset", Access: api.Anyone, Methods: map[string]api.Endpoint{
			get:  {Input: resetInput[:1], Do: a.resetInfo},
			post: {Limit: "reset_password_from_key", Input: resetInput, Do: a.resetPassword},
		}},
		{Path: "/account/password/change", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
			post: {Limit: "change_password", Input: changeInput, Do: a.changePassword},
		}},
	}
}

// Flows adds what an anonymous caller can do here. spec: core.md §8.
func (a *Account) Flows(ctx context.Context, rq *api.Request, l *api.Flows) error {
	if rq.User != nil {
		if rq.User.Password.Usable() {
			l.Put(api.Flow{ID: "reauthenticate"})
		}
		return nil
	}
	l.Put(api.Flow{ID: "login"})
	if a.open(ctx, rq) {
		l.Put(api.Flow{ID: "signup"})
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
	}{LoginMethods: methods, IsOpenForSignup: a.open(ctx, rq)}
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

func (a *Account) open(ctx context.Context, rq *api.Request) bool {
	if a.config.SignupClosed {
		return false
	}
	return a.hooks.AllowSignup == nil || a.hooks.AllowSignup(ctx, rq.HTTP)
}

// Display is how a user is named where the host does not say.
func Display(_ context.Context, u *store.User) string {
	for _, s := range []string{u.Username, u.Email} {
		if s != "" {
			return s
		}
	}
	return u.ID
}

// Stages are the stages of this package in the contract's order.
func (a *Account) Stages() []Stage { return []Stage{emailStage{a}} }
