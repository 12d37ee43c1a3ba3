package faults_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/account/authtest/softauthn"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/tokens"
)

// flow is something that people do. It may be cut short anywhere, and run again
// from its beginning, by the same person with a new client.
type flow struct {
	name   string
	change func(*headless.Config)
	// apart: its configuration, or what it does to the clock, is not for
	// everybody.
	apart   bool
	prepare func(*trip) // while nothing fails
	run     func(*trip)
}

type key = *softauthn.Authenticator

var flows = []flow{
	{name: "signup and link", run: signUpByLink},
	{name: "signup and code", change: codes, apart: true, run: signUpByCode},
	{name: "login", prepare: member, run: func(tr *trip) { tr.logIn() }},
	{name: "login by code", change: func(c *headless.Config) { c.Account.LoginByCode = true }, prepare: member, run: logInByCode},
	{name: "login with TOTP", prepare: withTOTP, run: func(tr *trip) { tr.logIn() }},
	{name: "reauthentication", prepare: loggedIn, run: reauthenticate},
	{name: "logout", prepare: loggedIn, run: logOut},
	{name: "sessions ended", change: func(c *headless.Config) { c.Session.List = true }, prepare: loggedInThrice, run: endSessions},
	{name: "refresh", change: withJWT, prepare: loggedIn, run: refresh},
	{name: "password change", prepare: loggedIn, run: changePassword},
	{name: "password reset", prepare: member, run: resetPassword},
	{name: "password reset by code", change: codes, apart: true, prepare: member, run: resetPassword},
	{name: "email change", prepare: loggedIn, run: changeEmail},
	{name: "email change by code", change: codes, apart: true, prepare: loggedIn, run: changeEmail},
	{name: "email removed", prepare: withAnotherEmail, run: removeEmail},
	{name: "phone", change: phones, apart: true, prepare: loggedIn, run: setPhone},
	{name: "phone removed", change: phones, apart: true, prepare: withPhone, run: removePhone},
	{name: "TOTP", apart: true, prepare: loggedIn, run: addTOTP},
	{name: "TOTP removed", apart: true, prepare: loggedInWithTOTP, run: removeTOTP},
	{name: "recovery codes", apart: true, prepare: loggedInWithTOTP, run: makeRecoveryCodes},
	{name: "passkey", prepare: loggedIn, run: addPasskey},
	{name: "passkey renamed and removed", prepare: withPasskey, run: removePasskey},
	{name: "passkey login", prepare: withPasskey, run: logInByPasskey},
	{name: "passkey signup", change: passkeySignup, apart: true, run: signUpByPasskey},
	{name: "trusted browser", change: func(c *headless.Config) { c.MFA.Trust = true }, apart: true, prepare: withTOTP, run: trustBrowser},
	{name: "social signup", change: social, run: signUpAtProvider},
	{name: "social login in a browser", change: social, prepare: signUpAtProvider, run: logInAtProvider},
	{name: "social account connected and disconnected", change: social, prepare: loggedIn, run: connect},
	{name: "account closed and reopened", change: closing, prepare: member, run: closeAccount},
	{name: "account deleted", change: closing, prepare: member, run: deleteAccount},
	{name: "operator", change: withOperator, run: operate},
}

func codes(c *headless.Config) {
	c.Account.EmailVerificationByCode, c.Account.PasswordResetByCode = true, true
}

func social(c *headless.Config) { c.Social = &socialaccount.Config{} }

func closing(c *headless.Config) { c.Account.Closing = true }

func withJWT(c *headless.Config) {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	if c.Tokens, err = tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Private: k}}}); err != nil {
		panic(err)
	}
}

func member(tr *trip) { authtest.Login(tr.t, tr.site, tr.login, authtest.AsApp()) }

func withTOTP(tr *trip) {
	tr.apps = []*authtest.TOTP{authtest.Login(tr.t, tr.site, tr.login, authtest.AsApp(), authtest.WithTOTP()).Person.TOTP}
}

// loggedIn has somebody's client logged in, by the way that others take.
func loggedIn(tr *trip) {
	member(tr)
	tr.logIn()
}

// logIn logs in by password, with whatever is asked for besides.
func (tr *trip) logIn() {
	for _, password := range tr.passwords {
		r := tr.post("/auth/login", m{"email": tr.email, "password": password}, 200, 401, 400)
		if r.Status == 400 {
			continue
		}
		tr.passwords = []string{password}
		if r.Status == 401 {
			tr.further(r)
		}
		return
	}
	tr.astray("no password of %v is right", tr.passwords)
}

// further proves a second factor.
func (tr *trip) further(r *authtest.Reply) {
	switch {
	case !strings.Contains(strings.Join(r.Flows(), " "), "mfa_authenticate*"):
		tr.astray("login: %s", r.Raw)
	case len(tr.apps) > 0:
		// Of the apps whose code was not answered, one was kept.
		for _, app := range tr.apps {
			if tr.post("/auth/2fa/authenticate", m{"code": app.Next()}, 200, 400).Status == 200 {
				tr.apps = []*authtest.TOTP{app}
				return
			}
		}
		tr.astray("no app of %d is known", len(tr.apps))
	default:
		// Of the keys whose making was not answered, one was kept.
		for _, k := range tr.keys {
			o := tr.options(http.MethodGet, "/auth/webauthn/authenticate", "request_options")
			if tr.post("/auth/webauthn/authenticate", m{"credential": k.Get(o)}, 200, 400).Status == 200 {
				tr.keys = []key{k}
				return
			}
		}
		tr.astray("no key of %d is known", len(tr.keys))
	}
}

func (tr *trip) options(method, path, name string) []byte {
	var d map[string]json.RawMessage
	tr.do(method, path, nil, 200).Into(&d)
	return d[name]
}

// needed tells whether somebody still has to sign up.
func (tr *trip) needed() (signup bool, pending *authtest.Reply) {
	if !tr.again {
		return true, nil
	}
	tr.forget(tr.email)
	r := tr.post("/auth/login", m{"email": tr.email, "password": authtest.Password}, 200, 400, 401)
	if r.Status == 400 && tr.told["signup"] {
		tr.astray("the account is lost: %s", r.Raw)
	}
	return r.Status == 400, r
}

// signUp ends with a login that waits for the address to be verified; true, if
// it does not wait, as that was done before.
func (tr *trip) signUp() (done bool) {
	signup, r := tr.needed()
	if signup {
		r = tr.post("/auth/signup", m{"email": tr.email, "password": authtest.Password}, 401)
	}
	tr.told["signup"] = true
	if r.Status == 401 {
		if tr.told["verified"] {
			tr.astray("the address is verified no more: %s", r.Raw)
		}
		if !strings.Contains(strings.Join(r.Flows(), " "), "verify_email*") {
			tr.astray("signup: %s", r.Raw)
		}
	}
	return r.Status == 200
}

// proof is the code in the next mail, or the key in its link.
func (tr *trip) proof(email string, byCode bool, link string) string {
	tr.t.Helper()
	if mail := tr.mail(email); byCode {
		return mail.Code()
	} else {
		return mail.Key(link)
	}
}

func signUpByLink(tr *trip) {
	if tr.signUp() {
		return
	}
	key := tr.mail(tr.email).Key("/verify-email/")
	tr.post("/auth/email/verify", m{"key": key}, 200, 401)
	tr.told["verified"] = true
	tr.logIn()
}

func signUpByCode(tr *trip) {
	if tr.signUp() {
		return
	}
	tr.post("/auth/email/verify", m{"key": tr.mail(tr.email).Code()}, 200)
	tr.told["verified"] = true
}

func logInByCode(tr *trip) {
	tr.forget(tr.email)
	tr.post("/auth/code/request", m{"email": tr.email}, 401)
	tr.post("/auth/code/confirm", m{"code": tr.mail(tr.email).Code()}, 200)
}

func changePassword(tr *trip) {
	if tr.again {
		tr.logIn()
		if tr.passwords[0] == tr.next {
			return
		}
	}
	if tr.told["changed"] {
		tr.astray("the new password is lost")
	}
	old := tr.passwords[0]
	tr.passwords = []string{tr.next, old}
	tr.post("/account/password/change", m{"current_password": old, "new_password": tr.next}, 200)
	tr.passwords, tr.told["changed"] = []string{tr.next}, true
	tr.do(http.MethodGet, "/auth/session", nil, 200)
}

func resetPassword(tr *trip) {
	if tr.again {
		tr.logIn()
		if tr.passwords[0] == tr.next {
			return
		}
		tr.anew()
	}
	tr.forget(tr.email)
	tr.post("/auth/password/request", m{"email": tr.email}, 200, 401)
	key := tr.proof(tr.email, tr.site.Config.Account.PasswordResetByCode, "/reset-password/")
	tr.passwords = append(tr.passwords, tr.next)
	tr.post("/auth/password/reset", m{"key": key, "password": tr.next}, 401)
	tr.passwords = []string{tr.next}
	tr.logIn()
}

func changeEmail(tr *trip) {
	next := "new-" + tr.email
	if tr.again {
		tr.forget(next)
		tr.logIn()
	}
	var l []struct {
		Email             string
		Verified, Primary bool
	}
	find := func() (known, verified, primary bool) {
		l = nil // what is missing in the answer is false
		tr.do(http.MethodGet, "/account/email", nil, 200).Into(&l)
		for _, e := range l {
			if e.Email == next {
				return true, e.Verified, e.Primary
			}
		}
		return false, false, false
	}
	known, verified, primary := find()
	if tr.told["known"] && !known || tr.told["verified"] && !verified || tr.told["primary"] && !primary {
		tr.astray("of %v there is %v", tr.told, l)
	}
	if !verified {
		byCode := tr.site.Config.Account.EmailVerificationByCode
		if !known {
			tr.post("/account/email", m{"email": next}, 200)
			tr.told["known"] = !byCode // it is kept once it is verified
		} else {
			tr.do(http.MethodPut, "/account/email", m{"email": next}, 200)
		}
		key := tr.proof(next, byCode, "/verify-email/")
		tr.post("/auth/email/verify", m{"key": key}, 200)
		tr.told["verified"] = true
	}
	if !primary {
		tr.do(http.MethodPatch, "/account/email", m{"email": next, "primary": true}, 200)
		tr.told["primary"] = true
	}
	if _, _, primary := find(); !primary {
		tr.astray("it is not the primary address: %v", l)
	}
}

func logOut(tr *trip) {
	if tr.session == "" {
		tr.session = tr.c.Token
	}
	tr.c.Token = tr.session
	if r := tr.do(http.MethodDelete, "/auth/session", nil, 401, 410); r.Status == 410 && !tr.again {
		tr.astray("the session was dead: %s", r.Raw)
	}
	tr.c.Token = tr.session
	tr.do(http.MethodGet, "/auth/session", nil, 410)
}

func refresh(tr *trip) {
	if tr.refreshToken == "" {
		tr.refreshToken = tr.c.RefreshToken
	}
	var d struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	r := tr.post("/tokens/refresh", m{"refresh_token": tr.refreshToken}, 200)
	r.Into(&d)
	if tr.refreshToken = d.Refresh; d.Access == "" || d.Refresh == "" {
		tr.astray("refreshed: %s", r.Raw)
	}
}
